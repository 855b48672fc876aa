/*
 * GET and PATCH /platform/applications/{app}/instances/{instance}/config: the Platform API's way to the claims of
 * session tokens, {"session":{"claims":{…}}}, the one key of the configuration that the sandbox has. The
 * secret key opens it, as the sandbox has no platform tokens.
 *
 * The version of the configuration is a hash of the claims: If-Match with another one is a conflict.
 */
#include "sandbox/call.h"
#include "sandbox/routes.h"

#define VERSION_LEN 16

/* "production", "development", or the instance's id. */
static bool check_instance(struct call *call)
{
    const struct instance *instance = call->desk->instance;
    bool production = instance->kind == CLERK_PRODUCTION;
    struct text name = call->ids[1];
    return text_same(name, text_of(instance->id)) ||
           text_same(name, production ? TEXT("production") : TEXT("development")) ||
           call_not_found(call, "instance", name);
}

/* FNV-1a, 64 bits: enough to see that something has changed. */
static struct text version_of(struct call *call, struct text claims)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < claims.len; i++)
        hash = (hash ^ (uint8_t)claims.at[i]) * UINT64_C(0x100000001b3);
    return arena_printf(call->arena, "%0*llx", VERSION_LEN, (unsigned long long)hash);
}

static struct text or_empty(struct text claims)
{
    return claims.len > 0 ? claims : TEXT("{}");
}

static void put_session(struct json_out *out, struct text claims)
{
    json_key(out, TEXT("session"));
    json_open(out, '{');
    json_field_raw(out, "claims", or_empty(claims));
    json_close(out, '}');
}

void platform_config_get(struct call *call)
{
    struct text claims = call->desk->instance->claims.source;
    if (!check_instance(call))
        return;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_text(&out, "config_version", version_of(call, claims));
    put_session(&out, claims);
    json_close(&out, '}');
}

/* The body's claims as compact JSON; an absent text for null. *given tells whether they are there. */
static bool read_claims(struct call *call, struct text *claims, bool *given)
{
    struct json_value session = json_get(call->body, TEXT("session"));
    struct json_value value = json_get(session, TEXT("claims"));
    struct buf *scratch = &call->desk->scratch;
    *given = json_type(value) != JSON_ABSENT;
    *claims = (struct text){NULL, 0};
    for (struct json_walk walk = json_walk(call->body); json_next(&walk);)
        if (!text_same(walk.key, TEXT("session")))
            return call_fail(call, CLERK_unknown_config_key, NULL,
                             "The sandbox's configuration has the key `session` only.");
    for (struct json_walk walk = json_walk(session); json_next(&walk);)
        if (!text_same(walk.key, TEXT("claims")))
            return call_fail(call, CLERK_unknown_config_key, NULL,
                             "The sandbox's `session` has the key `claims` only.");
    if (!*given || json_type(value) == JSON_NULL)
        return true;
    buf_reset(scratch);
    json_write(value, scratch);
    *claims = arena_copy(call->arena, buf_text(scratch));
    return claims->at || call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
}

static bool check_version(struct call *call)
{
    struct text wanted = server_header(call->request, "If-Match");
    return !wanted.at || text_same(wanted, version_of(call, call->desk->instance->claims.source)) ||
           call_fail(call, CLERK_config_version_conflict, NULL,
                     "The configuration has changed since.");
}

static bool apply(struct call *call, struct text claims)
{
    bool dry = text_same(call_param(call, TEXT("dry_run")), TEXT("true"));
    struct claims *stored = &call->desk->instance->claims;
    struct err err;
    if (!claims.at && !text_same(call_param(call, TEXT("destructive")), TEXT("true")))
        return call_fail(call, CLERK_destructive_operation_not_allowed, "session.claims",
                         "Clearing the claims takes ?destructive=true.");
    if (dry)
        return !claims.at || claims_check_session(claims, &err) == 0 ||
               call_fail(call, CLERK_config_validation_error, "session.claims", "%s.", err.message);
    if (claims_set(stored, call->desk->store, claims, &err) == 0)
        return true;
    if (err.code == ERR_USAGE)
        return call_fail(call, CLERK_config_validation_error, "session.claims", "%s.", err.message);
    return call_broken(call, &err);
}

void platform_config_patch(struct call *call)
{
    struct text before, claims;
    bool given;
    if (!check_instance(call) || !check_version(call) || !read_claims(call, &claims, &given))
        return;
    before = arena_copy(call->arena, or_empty(call->desk->instance->claims.source));
    if (given && !apply(call, claims))
        return;
    struct text after = given ? claims : before;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_text(&out, "config_version", version_of(call, call->desk->instance->claims.source));
    json_key(&out, TEXT("before"));
    json_open(&out, '{');
    if (given)
        put_session(&out, before);
    json_close(&out, '}');
    json_key(&out, TEXT("after"));
    json_open(&out, '{');
    if (given)
        put_session(&out, after);
    json_close(&out, '}');
    json_close(&out, '}');
}
