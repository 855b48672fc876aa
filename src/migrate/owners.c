#include "migrate/owners.h"

#include <stdio.h>
#include <string.h>

static void keep(char *to, size_t room, struct text t)
{
    snprintf(to, room, "%.*s", TEXT_ARG(t));
}

/* Whether the row calls this identifier verified: no status list says that all are. */
static bool is_verified_in_row(struct json_value row, const char *name, struct text value)
{
    char path[96];
    size_t i = 0;
    for (struct json_walk walk = json_walk(json_get(row, text_of(name))); json_next(&walk); i++) {
        if (!text_same_nocase(json_text(walk.value), value))
            continue;
        snprintf(path, sizeof(path), "%s_identification_status.%zu", name, i);
        struct text status = json_text(json_path(row, text_of(path)));
        return !status.at || text_same(status, TEXT("verified"));
    }
    return false;
}

static bool is_verified_there(struct json_value there, const char *name, struct text value)
{
    char list[64];
    snprintf(list, sizeof(list), "%s%s", name, strcmp(name, "email_address") == 0 ? "es" : "s");
    for (struct json_walk walk = json_walk(json_get(there, text_of(list))); json_next(&walk);) {
        struct text status = json_text(json_path(walk.value, TEXT("verification.status")));
        if (text_same_nocase(json_text(json_get(walk.value, text_of(name))), value))
            return text_same(status, TEXT("verified")) &&
                   !json_true(json_get(walk.value, TEXT("reserved")));
    }
    return false;
}

static bool has_any(struct json_value user, struct text emails, struct text phones)
{
    return json_count(json_get(user, emails)) + json_count(json_get(user, phones)) > 0;
}

void owners_add(struct owners *owners, enum user_field field, struct text value,
                struct json_value row, struct json_value there)
{
    const char *name = user_field_infos[field].name;
    struct text external_id = json_text(json_get(there, TEXT("external_id")));
    if (owners->count == OWNERS_MAX)
        return;
    struct owner *owner = &owners->at[owners->count++];
    owner->facts = (struct decide_owner){
        .field = field,
        .verified_here = is_verified_in_row(row, name, value),
        .verified_there = is_verified_there(there, name, value),
        .has_external_id = external_id.len > 0,
        .contacts_here = has_any(row, TEXT("email_address"), TEXT("phone_number")),
        .contacts_there = has_any(there, TEXT("email_addresses"), TEXT("phone_numbers")),
    };
    keep(owner->value, sizeof(owner->value), value);
    keep(owner->clerk_id, sizeof(owner->clerk_id), json_text(json_get(there, TEXT("id"))));
    keep(owner->external_id, sizeof(owner->external_id), external_id);
}

const struct owner *owners_same_person(const struct owners *owners)
{
    const struct owner *same = NULL;
    for (size_t i = 0; i < owners->count; i++) {
        const struct owner *owner = &owners->at[i];
        if (!decide_is_same_person(&owner->facts))
            continue;
        if (same && strcmp(same->clerk_id, owner->clerk_id) != 0)
            return NULL;
        same = owner;
    }
    return same;
}

const struct owner *owners_find(const struct owners *owners, enum user_field field,
                                struct text value)
{
    for (size_t i = 0; i < owners->count; i++)
        if (owners->at[i].facts.field == field &&
            text_same_nocase(text_of(owners->at[i].value), value))
            return &owners->at[i];
    return NULL;
}

bool owners_have_sign_in(const struct owners *owners, struct json_value row)
{
    struct text email = json_text(json_path(row, TEXT("email_address.0")));
    struct text phone = json_text(json_path(row, TEXT("phone_number.0")));
    if (email.len > 0)
        return owners_find(owners, USER_FIELD_email_address, email) != NULL;
    if (phone.len > 0)
        return owners_find(owners, USER_FIELD_phone_number, phone) != NULL;
    return owners_find(owners, USER_FIELD_username, json_text(json_get(row, TEXT("username")))) !=
           NULL;
}

const char *owner_describe(const struct owner *owner, char *to, size_t room)
{
    const char *field = user_field_infos[owner->facts.field].name;
    if (owner->facts.has_external_id)
        snprintf(to, room, "%s %s belongs to %s (external id %s)", field, owner->value,
                 owner->clerk_id, owner->external_id);
    else
        snprintf(to, room, "%s %s belongs to %s (no external id)", field, owner->value,
                 owner->clerk_id);
    return to;
}
