/*
 * Clerk itself: the Dashboard's export (CSV, with several addresses in a cell joined by |) and users as
 * the Backend API shows them (JSON). The API gives addresses as objects with their verification; a
 * primary address can only be a verified one unless the export lists it as unverified.
 */
#include "source/draft.h"

static const struct platform_row rows[] = {
    {"id", USER_FIELD_external_id, AS_TEXT},
    {"first_name", USER_FIELD_first_name, AS_TEXT},
    {"last_name", USER_FIELD_last_name, AS_TEXT},
    {"locale", USER_FIELD_locale, AS_TEXT},
    {"username", USER_FIELD_username, AS_TEXT},
    {"primary_email_address", USER_FIELD_email_address, AS_PRIMARY},
    {"verified_email_addresses", USER_FIELD_email_address, AS_VERIFIED_LIST},
    {"unverified_email_addresses", USER_FIELD_email_address, AS_RESERVED_LIST},
    {"email_addresses", USER_FIELD_email_address, AS_LIST},
    {"primary_email_address_id", USER_FIELD_email_address, AS_FINISH},
    {"primary_phone_number", USER_FIELD_phone_number, AS_PRIMARY},
    {"verified_phone_numbers", USER_FIELD_phone_number, AS_VERIFIED_LIST},
    {"unverified_phone_numbers", USER_FIELD_phone_number, AS_RESERVED_LIST},
    {"phone_numbers", USER_FIELD_phone_number, AS_LIST},
    {"primary_phone_number_id", USER_FIELD_phone_number, AS_FINISH},
    {"password_hasher", USER_FIELD_password_hasher, AS_TEXT},
    {"password_digest", USER_FIELD_password_digest, AS_TEXT},
    {"totp_secret", USER_FIELD_totp_secret, AS_TEXT},
    {"backup_codes", USER_FIELD_backup_codes, AS_TEXTS},
    {"public_metadata", USER_FIELD_public_metadata, AS_OBJECT},
    {"private_metadata", USER_FIELD_private_metadata, AS_OBJECT},
    {"unsafe_metadata", USER_FIELD_unsafe_metadata, AS_OBJECT},
    {"delete_self_enabled", USER_FIELD_delete_self_enabled, AS_FLAG},
    {"create_organization_enabled", USER_FIELD_create_organization_enabled, AS_FLAG},
    {"create_organizations_limit", USER_FIELD_create_organizations_limit, AS_NUMBER},
    {"legal_accepted_at", USER_FIELD_legal_accepted_at, AS_TIME},
    {"created_at", USER_FIELD_created_at, AS_TIME},
    {"bypass_client_trust", USER_FIELD_bypass_client_trust, AS_FLAG_IF_TRUE},
    {"banned", USER_FIELD_banned, AS_FLAG_IF_TRUE},
    {"locked", USER_FIELD_locked, AS_FLAG_IF_TRUE},
};

/* Brings the address whose id the API names as the primary one to the front. */
static void primary_first(struct draft *draft, enum user_field field, struct text list,
                          struct text primary_id)
{
    struct draft_identifiers *ids = draft_identifiers(draft, field);
    struct text id = json_text(json_get(draft->record, primary_id));
    struct json_walk walk = json_walk(json_get(draft->record, list));
    struct text value = {NULL, 0};
    while (id.len > 0 && json_next(&walk))
        if (text_same(json_text(json_get(walk.value, TEXT("id"))), id))
            value = json_text(json_get(walk.value, text_of(user_field_infos[field].name)));
    for (size_t i = 1; value.len > 0 && i < ids->count; i++) {
        if (!text_same_nocase(ids->value[i], value))
            continue;
        struct text found = ids->value[i];
        enum draft_status status = ids->status[i];
        for (; i > 0; i--) {
            ids->value[i] = ids->value[i - 1];
            ids->status[i] = ids->status[i - 1];
        }
        ids->value[0] = found;
        ids->status[0] = status;
        return;
    }
}

static int finish(struct draft *draft)
{
    primary_first(draft, USER_FIELD_email_address, TEXT("email_addresses"),
                  TEXT("primary_email_address_id"));
    primary_first(draft, USER_FIELD_phone_number, TEXT("phone_numbers"),
                  TEXT("primary_phone_number_id"));
    return 0;
}

static const char *const marks[] = {
    "id", "primary_email_address|primary_email_address_id|verified_email_addresses|password_digest",
    NULL};

const struct platform platform_clerk = {
    .name = "clerk",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .marks = marks,
    .finish = finish,
};
