#include "sandbox/claims.h"

#include <stdio.h>
#include <stdlib.h>

#include "sandbox/active.h"
#include "sandbox/call.h"
#include "sandbox/orgs_front.h"
#include "sandbox/token.h"

/* What shortcodes may name of one user. */
#define DATA_MAX ((size_t)1 << 20)

/* What a token has anyway: those of every token first. */
static const char *const defaults[] = {"azp", "exp", "iat", "iss", "jti", "nbf", "sub", "sid",
                                       "sts", "fva", "v",   "o",   "act", "pla", "fea"};
#define DEFAULTS_OF_TEMPLATES 7

static bool is_default(struct text name, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_same(name, text_of(defaults[i])))
            return true;
    return false;
}

/* Compiles every string of the tree by expanding it over nothing. */
static int check_tree(struct json_value tree, struct err *err)
{
    struct arena arena;
    struct buf out;
    arena_init(&arena, DATA_MAX);
    buf_init(&out, DATA_MAX);
    int status = template_expand(tree, (struct json_value){0}, &arena, &out, err);
    buf_release(&out);
    arena_release(&arena);
    return status;
}

static int check(struct json *json, struct text source, size_t default_count,
                 struct json_value *tree, struct err *err)
{
    if (source.len > CLAIMS_SOURCE_MAX)
        return err_set(err, ERR_USAGE, "claims may have %zu bytes at most", CLAIMS_SOURCE_MAX);
    if (json_parse(json, source, tree, err) != 0) {
        err->code = ERR_USAGE;
        return err_wrap(err, "the claims are");
    }
    if (json_type(*tree) != JSON_OBJECT)
        return err_set(err, ERR_USAGE, "the claims must be a JSON object, not %s",
                       json_type_name(json_type(*tree)));
    for (struct json_walk walk = json_walk(*tree); json_next(&walk);)
        if (is_default(walk.key, default_count))
            return err_set(err, ERR_USAGE, "the claim '%.*s' is a default one and cannot be set",
                           TEXT_ARG(walk.key));
    return check_tree(*tree, err);
}

static int set(struct claims *claims, struct text source, struct err *err)
{
    struct json_value tree = {0};
    char *copy = NULL;
    if (source.at) {
        if (check(claims->json, source, ARRAY_COUNT(defaults), &tree, err) != 0)
            return -1;
        copy = malloc(source.len + 1);
        if (!copy)
            return err_memory(err);
        memcpy(copy, source.at, source.len);
    }
    free((void *)(uintptr_t)claims->source.at);
    claims->source = (struct text){copy, copy ? source.len : 0};
    claims->tree = tree;
    return 0;
}

int claims_open(struct claims *claims, struct store *store, struct err *err)
{
    struct arena arena;
    struct text stored;
    if (json_new(&claims->json, CLAIMS_SOURCE_MAX, err) != 0 ||
        json_new(&claims->other, CLAIMS_SOURCE_MAX, err) != 0)
        return -1;
    arena_init(&arena, 2 * CLAIMS_SOURCE_MAX);
    int status = store_value_get(store, "session_claims", &arena, &stored, err);
    if (status == 0 && stored.len > 0)
        status = set(claims, stored, err);
    arena_release(&arena);
    return status;
}

void claims_close(struct claims *claims)
{
    json_free(claims->json);
    json_free(claims->other);
    free((void *)(uintptr_t)claims->source.at);
    *claims = (struct claims){.json = NULL};
}

int claims_set(struct claims *claims, struct store *store, struct text source, struct err *err)
{
    struct err ignored;
    struct text before = claims->source;
    if (set(claims, source, err) == 0)
        return store_value_put(store, "session_claims", source.at ? source : TEXT(""), err);
    if (before.at) /* the parser held the claims that stay */
        json_parse(claims->json, before, &claims->tree, &ignored);
    return -1;
}

static int check_alone(struct text source, size_t default_count, struct err *err)
{
    struct json_value tree;
    struct json *json;
    if (json_new(&json, CLAIMS_SOURCE_MAX, err) != 0)
        return -1;
    int status = check(json, source, default_count, &tree, err);
    json_free(json);
    return status;
}

int claims_check_session(struct text source, struct err *err)
{
    return check_alone(source, ARRAY_COUNT(defaults), err);
}

int claims_check(struct text source, struct err *err)
{
    return check_alone(source, DEFAULTS_OF_TEMPLATES, err);
}

static const struct clerk_identifier *primary(const struct clerk_identifier *at, size_t count,
                                              struct text id)
{
    for (size_t i = 0; i < count; i++)
        if (text_same(at[i].id, id))
            return &at[i];
    return NULL;
}

static void put_identifier(struct json_out *out, const char *name, const char *verified,
                           const struct clerk_identifier *identifier)
{
    json_field_text(out, name, identifier ? identifier->value : (struct text){NULL, 0});
    json_field_bool(out, verified, identifier && identifier->status == CLERK_VERIFIED);
}

static void put_full_name(struct json_out *out, const struct user *user)
{
    char name[1024];
    int len =
        snprintf(name, sizeof(name), "%.*s%s%.*s", TEXT_ARG(user->first_name),
                 user->first_name.at && user->last_name.at ? " " : "", TEXT_ARG(user->last_name));
    bool fits = len > 0 && (size_t)len < sizeof(name);
    json_field_text(out, "full_name", fits ? text_of(name) : (struct text){NULL, 0});
}

static void put_object(struct json_out *out, const char *name, struct text json)
{
    json_field_raw(out, name, json.at ? json : TEXT("{}"));
}

/* "organizations": {"org_…": "org:admin"} */
static bool put_organizations(struct call *call, const struct account *account,
                              struct json_out *out)
{
    struct orgs_of_user of;
    if (!orgs_of_user(call, account->seq, ORGS_OF_USER_MAX, 0, &of))
        return false;
    json_key(out, TEXT("organizations"));
    json_open(out, '{');
    for (size_t i = 0; i < of.count; i++) {
        json_key(out, of.orgs[i].clerk.id);
        json_put_text(out, of.memberships[i].clerk.role);
    }
    json_close(out, '}');
    return true;
}

static void put_user(struct json_out *out, const struct clerk_user *clerk)
{
    const struct user *user = &clerk->user;
    json_key(out, TEXT("user"));
    json_open(out, '{');
    json_field_text(out, "id", clerk->id);
    json_field_text(out, "external_id", user->external_id);
    json_field_text(out, "first_name", user->first_name);
    json_field_text(out, "last_name", user->last_name);
    put_full_name(out, user);
    json_field_text(out, "username", user->username);
    json_field_text(out, "locale", user->locale);
    json_field_text(out, "image_url", clerk->image_url.at ? clerk->image_url : TEXT(""));
    json_field_bool(out, "has_image", clerk->image_url.len > 0);
    put_identifier(out, "primary_email_address", "email_verified",
                   primary(clerk->emails, clerk->email_count, clerk->primary_email_id));
    put_identifier(out, "primary_phone_number", "phone_number_verified",
                   primary(clerk->phones, clerk->phone_count, clerk->primary_phone_id));
    json_field_int(out, "created_at", user->created_at);
    json_field_int(out, "updated_at", clerk->updated_at);
    json_field_int(out, "last_sign_in_at", clerk->last_sign_in_at);
    put_object(out, "public_metadata", user->public_metadata);
    put_object(out, "unsafe_metadata", user->unsafe_metadata);
    json_field_bool(out, "two_factor_enabled", clerk_has_second_factor(clerk));
}

static void put_session(struct json_out *out, const struct session *session)
{
    json_key(out, TEXT("session"));
    json_open(out, '{');
    json_field_text(out, "id", session->id);
    json_field_raw(out, "actor", session->actor);
    json_close(out, '}');
}

/* What shortcodes of the source may name, parsed; absent if it is too much. Returns false after refusing. */
static bool read_data(struct call *call, struct text source, const struct claims_of *of,
                      struct json_value *data)
{
    static const char rare[] = "user.organizations";
    struct buf *scratch = &call->desk->scratch;
    const struct account *account = of->account;
    struct account read;
    struct err err;
    *data = (struct json_value){0};
    if (!account && !call_account(call, of->session->user_id, &read))
        return false;
    account = account ? account : &read;
    buf_reset(scratch);
    struct json_out out = json_out(scratch);
    json_open(&out, '{');
    put_user(&out, &account->clerk);
    if (memmem(source.at, source.len, rare, sizeof(rare) - 1) &&
        !put_organizations(call, account, &out))
        return false;
    json_close(&out, '}');
    active_write_data(of->active, &out);
    put_session(&out, of->session);
    json_close(&out, '}');
    if (buf_ok(scratch) && json_parse(call->desk->json, buf_text(scratch), data, &err) != 0)
        *data = (struct json_value){0};
    return true;
}

static void put_members(struct call *call, struct json_value tree, struct json_value data,
                        size_t default_count, struct json_out *out)
{
    struct err err;
    if (json_type(data) != JSON_OBJECT)
        return;
    for (struct json_walk walk = json_walk(tree); json_next(&walk);) {
        if (is_default(walk.key, default_count))
            continue;
        json_key(out, walk.key);
        if (template_expand(walk.value, data, call->arena, out->to, &err) != 0)
            buf_add(out->to, TEXT("null"));
        out->comma = true;
    }
}

bool claims_put_custom(struct call *call, const struct claims_of *of, struct json_out *out)
{
    const struct claims *claims = &call->desk->instance->claims;
    struct json_value data;
    if (!claims->source.at)
        return true;
    if (!read_data(call, claims->source, of, &data))
        return false;
    put_members(call, claims->tree, data, ARRAY_COUNT(defaults), out);
    return true;
}

bool claims_put(struct call *call, struct text source, const struct claims_of *of,
                struct json_out *out)
{
    struct json_value data, tree;
    struct err err;
    if (json_parse(call->desk->instance->claims.other, source, &tree, &err) != 0)
        return true;
    if (!read_data(call, source, of, &data))
        return false;
    put_members(call, tree, data, DEFAULTS_OF_TEMPLATES, out);
    return true;
}
