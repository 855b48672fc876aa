/*
 * PATCH and PUT of metadata. A merge is deep: objects merge key by key, null removes a key at
 * any depth, anything else replaces (as RFC 7396). PUT replaces each object that is given whole.
 */
#include "sandbox/metadata.h"

#include <string.h>

#include "sandbox/body.h"
#include "sandbox/routes.h"

/*
 * A merge looks every key of one object up among the keys of the other. With more pairs to compare than
 * this (24 KiB of the shortest members over as much) it is refused.
 */
#define MERGE_PAIRS_MAX  ((size_t)16 << 20)
#define MEMBER_BYTES_MIN 6 /* "a":1, */

struct metadata {
    struct text public_metadata, private_metadata, unsafe_metadata;
};

static const struct body_field fields[] = {
    {"public_metadata", BODY_OBJECT, .offset = offsetof(struct metadata, public_metadata)},
    {"private_metadata", BODY_OBJECT, .offset = offsetof(struct metadata, private_metadata)},
    {"unsafe_metadata", BODY_OBJECT, .offset = offsetof(struct metadata, unsafe_metadata)},
};

static void write_merged(struct json_value base, struct json_value patch, struct json_out *out);

/* One member of the result: patch over base, either of which may be absent. */
static void write_member(struct json_value base, struct json_value patch, struct json_out *out)
{
    if (json_type(patch) == JSON_OBJECT) {
        write_merged(base, patch, out);
        return;
    }
    if (json_type(patch) == JSON_ABSENT)
        patch = base;
    json_write(patch, out->to);
    out->comma = true;
}

static void write_merged(struct json_value base, struct json_value patch, struct json_out *out)
{
    json_open(out, '{');
    if (json_type(base) != JSON_OBJECT)
        base = (struct json_value){0};
    for (struct json_walk walk = json_walk(base); json_next(&walk);) {
        struct json_value over = json_get(patch, walk.key);
        if (json_type(over) == JSON_NULL)
            continue;
        json_key(out, walk.key);
        write_member(walk.value, over, out);
    }
    for (struct json_walk walk = json_walk(patch); json_next(&walk);) {
        if (json_type(walk.value) == JSON_NULL ||
            json_type(json_get(base, walk.key)) != JSON_ABSENT)
            continue;
        json_key(out, walk.key);
        write_member((struct json_value){0}, walk.value, out);
    }
    json_close(out, '}');
}

/* Merges the body's object `name` over the stored one; *to gets the result. */
static bool merge(struct call *call, struct text name, struct text stored, struct text *to)
{
    struct json_value base, patch = json_get(call->body, name);
    struct buf *scratch = &call->desk->scratch;
    struct err err;
    if (json_parse(call->desk->json, stored.at ? stored : TEXT("{}"), &base, &err) != 0)
        return call_broken(call, &err);
    buf_reset(scratch);
    struct json_out out = json_out(scratch);
    if (stored.len / MEMBER_BYTES_MIN * (call->request->body.len / MEMBER_BYTES_MIN) <=
        MERGE_PAIRS_MAX)
        write_merged(base, patch, &out);
    else
        scratch->failed = true;
    *to = buf_ok(scratch) ? arena_copy(call->arena, buf_text(scratch)) : (struct text){NULL, 0};
    return to->at || call_fail(call, CLERK_form_param_exceeds_allowed_size, name.at,
                               "The metadata are too large.");
}

/* Both in one document, as there is one parser for what is not the body. */
static bool parse_both(struct call *call, struct text stored, struct text patch,
                       struct json_value *base, struct json_value *over)
{
    struct json_value root;
    struct buf both;
    struct err err;
    buf_init(&both, call->desk->scratch.max);
    buf_printf(&both, "{\"base\":%.*s,\"patch\":", TEXT_ARG(stored.at ? stored : TEXT("{}")));
    buf_add(&both, patch);
    buf_byte(&both, '}');
    bool ok = buf_ok(&both) && json_parse(call->desk->json, buf_text(&both), &root, &err) == 0 &&
              json_count(root) == 2;
    buf_release(&both);
    *base = ok ? json_get(root, TEXT("base")) : (struct json_value){0};
    *over = ok ? json_get(root, TEXT("patch")) : (struct json_value){0};
    return ok && json_type(*over) == JSON_OBJECT;
}

bool metadata_merge(struct call *call, const char *name, struct text stored, struct text patch,
                    struct text *to)
{
    struct json_value base, over;
    struct buf *scratch = &call->desk->scratch;
    if (!parse_both(call, stored, patch, &base, &over))
        return call_fail(call, CLERK_form_param_format_invalid, name, "`%s` must be a JSON object.",
                         name);
    buf_reset(scratch);
    struct json_out out = json_out(scratch);
    if (stored.len / MEMBER_BYTES_MIN * (patch.len / MEMBER_BYTES_MIN) <= MERGE_PAIRS_MAX)
        write_merged(base, over, &out);
    else
        scratch->failed = true;
    *to = buf_ok(scratch) ? arena_copy(call->arena, buf_text(scratch)) : (struct text){NULL, 0};
    return to->at || call_fail(call, CLERK_form_param_exceeds_allowed_size, name,
                               "The metadata are too large.");
}

bool metadata_read(struct call *call, struct text *const *stored, size_t count, bool merges)
{
    struct metadata objects = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    const struct text *const given_objects[] = {&objects.public_metadata, &objects.private_metadata,
                                                &objects.unsafe_metadata};
    uint64_t given;
    if (!body_read(call, fields, count, &objects, &given))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!given_objects[i]->at)
            continue;
        if (!merges)
            *stored[i] = *given_objects[i];
        else if (!merge(call, text_of(fields[i].name), *stored[i], stored[i]))
            return false;
    }
    return true;
}

static void change(struct call *call, bool merges)
{
    struct account account;
    struct user *user = &account.clerk.user;
    struct text *const stored[] = {&user->public_metadata, &user->private_metadata,
                                   &user->unsafe_metadata};
    if (call_account(call, call->ids[0], &account) &&
        metadata_read(call, stored, ARRAY_COUNT(stored), merges))
        call_put_account(call, &account);
}

void users_metadata_merge(struct call *call)
{
    change(call, true);
}

void users_metadata_replace(struct call *call)
{
    change(call, false);
}
