#include "clerk/clerk.h"

#include <stdio.h>

static void keep(char *to, size_t room, struct json_value value)
{
    struct text t = json_text(value);
    snprintf(to, room, "%.*s", TEXT_ARG(t));
}

bool clerk_decode_problem(struct json_value root, struct clerk_problem *problem)
{
    struct json_value first = json_path(root, TEXT("errors.0"));
    if (json_type(json_get(first, TEXT("code"))) != JSON_STRING)
        return false;
    keep(problem->code, sizeof(problem->code), json_get(first, TEXT("code")));
    keep(problem->param, sizeof(problem->param), json_path(first, TEXT("meta.param_name")));
    keep(problem->message, sizeof(problem->message), json_get(first, TEXT("long_message")));
    if (!problem->message[0])
        keep(problem->message, sizeof(problem->message), json_get(first, TEXT("message")));
    return true;
}

static struct text present_text(struct json_value value)
{
    struct text t = json_text(value);
    return t.len > 0 ? t : (struct text){NULL, 0};
}

/* One object of email_addresses or phone_numbers. */
static struct user_identifier identifier(struct json_value item, struct text key)
{
    struct text status = json_text(json_path(item, TEXT("verification.status")));
    bool reserved = json_true(json_get(item, TEXT("reserved")));
    return (struct user_identifier){json_text(json_get(item, key)),
                                    text_same(status, TEXT("verified")) && !reserved};
}

/* The identifiers of a list, the one with the primary's id first, the others in their order. */
static bool identifiers(struct json_value list, struct text key, struct text primary,
                        struct arena *arena, struct user_identifiers *to)
{
    size_t count = json_count(list);
    struct user_identifier *at = arena_zalloc(arena, count ? count : 1, sizeof(*at));
    if (!at)
        return false;
    struct json_walk walk = json_walk(list);
    while (json_next(&walk)) {
        struct text id = json_text(json_get(walk.value, TEXT("id")));
        size_t where = to->count;
        if (primary.len > 0 && text_same(id, primary))
            for (; where > 0; where--)
                at[where] = at[where - 1];
        at[where] = identifier(walk.value, key);
        to->count++;
    }
    to->at = at;
    return true;
}

/* An object that is not empty, as compact JSON; absent otherwise. */
static bool object(struct json_value value, struct arena *arena, struct text *to)
{
    if (json_type(value) != JSON_OBJECT || json_count(value) == 0)
        return true;
    struct buf buf;
    buf_init(&buf, 1 << 20);
    json_write(value, &buf);
    *to = arena_copy(arena, buf_text(&buf));
    bool ok = buf_ok(&buf) && to->at;
    buf_release(&buf);
    return ok;
}

static int64_t number(struct json_value value)
{
    return json_type(value) == JSON_INT ? json_int(value) : USER_UNSET;
}

static enum user_flag flag(struct json_value value)
{
    if (json_type(value) != JSON_BOOL)
        return USER_FLAG_UNSET;
    return json_true(value) ? USER_FLAG_TRUE : USER_FLAG_FALSE;
}

bool clerk_decode_user_values(struct json_value value, struct arena *arena, struct user *user,
                              struct text *id)
{
    *id = json_text(json_get(value, TEXT("id")));
    if (!id->at || !text_same(json_text(json_get(value, TEXT("object"))), TEXT("user")))
        return false;
    user_init(user);
    user->external_id = present_text(json_get(value, TEXT("external_id")));
    user->first_name = present_text(json_get(value, TEXT("first_name")));
    user->last_name = present_text(json_get(value, TEXT("last_name")));
    user->locale = present_text(json_get(value, TEXT("locale")));
    user->username = present_text(json_get(value, TEXT("username")));
    user->create_organizations_limit = number(json_get(value, TEXT("create_organizations_limit")));
    user->legal_accepted_at = number(json_get(value, TEXT("legal_accepted_at")));
    user->created_at = number(json_get(value, TEXT("created_at")));
    user->delete_self_enabled = flag(json_get(value, TEXT("delete_self_enabled")));
    user->create_organization_enabled = flag(json_get(value, TEXT("create_organization_enabled")));
    user->bypass_client_trust = flag(json_get(value, TEXT("bypass_client_trust")));
    user->banned = flag(json_get(value, TEXT("banned")));
    user->locked = flag(json_get(value, TEXT("locked")));
    return identifiers(json_get(value, TEXT("email_addresses")), TEXT("email_address"),
                       json_text(json_get(value, TEXT("primary_email_address_id"))), arena,
                       &user->email_address) &&
           identifiers(json_get(value, TEXT("phone_numbers")), TEXT("phone_number"),
                       json_text(json_get(value, TEXT("primary_phone_number_id"))), arena,
                       &user->phone_number);
}

bool clerk_decode_user(struct json_value value, struct arena *arena, struct user *user,
                       struct text *id)
{
    return clerk_decode_user_values(value, arena, user, id) &&
           object(json_get(value, TEXT("public_metadata")), arena, &user->public_metadata) &&
           object(json_get(value, TEXT("private_metadata")), arena, &user->private_metadata) &&
           object(json_get(value, TEXT("unsafe_metadata")), arena, &user->unsafe_metadata);
}
