/* Who has the identifiers of a row that were refused, and what follows from that. */
#include "migrate/import.h"

#include <stdio.h>

static const struct {
    enum lookup_by by;
    enum user_field field;
} kinds[] = {
    {LOOKUP_EMAIL_ADDRESS, USER_FIELD_email_address},
    {LOOKUP_PHONE_NUMBER, USER_FIELD_phone_number},
    {LOOKUP_USERNAME, USER_FIELD_username},
};

static const struct hash_key *key_of(const struct flight *flight)
{
    return ledger_key(flight->import->ledger);
}

/* Gives an owner our external id; then the user is looked up by it. */
static void claim(struct flight *flight, const struct owner *owner)
{
    struct buf body;
    buf_init(&body, 1 << 16);
    struct json_out out = json_out(&body);
    json_open(&out, '{');
    json_key(&out, TEXT("external_id"));
    json_put_text(&out, buf_text(&flight->id));
    json_close(&out, '}');
    steps_reset(&flight->steps);
    steps_add_user(&flight->steps, STEP_WHOLE, "PATCH", text_of(owner->clerk_id), "",
                   buf_text(&body));
    buf_release(&body);
    flight->existing = flight->claiming = flight->claimed = true;
    flight->made = 0;
    import_intend(flight, IMPORT_CLAIMING);
}

static void tell_owners(struct flight *flight)
{
    char detail[512];
    for (size_t i = 0; i < flight->owners.count; i++) {
        const struct owner *owner = &flight->owners.at[i];
        import_split(flight, "form_identifier_exists", user_field_infos[owner->facts.field].name,
                     owner_describe(owner, detail, sizeof(detail)));
    }
}

static void conflict_of(struct flight *flight)
{
    char detail[512];
    const struct owner *owner = &flight->owners.at[0];
    import_conflict(flight, "form_identifier_exists", user_field_infos[owner->facts.field].name,
                    owner_describe(owner, detail, sizeof(detail)));
}

/* All who have an identifier of the row are known. */
static void owners_known(struct flight *flight)
{
    struct import *import = flight->import;
    const struct owner *same = owners_same_person(&flight->owners);
    if (import->failed || import->stopping) {
        import_put_back(flight);
    } else if (flight->owners.count == 0 && flight->attempts > 2) {
        import_failed(flight, "form_identifier_exists", "",
                      "an identifier is taken, but nobody is found who has it");
    } else if (same && import->opts->existing != MIGRATE_EXISTING_REPORT) {
        claim(flight, same);
    } else if (flight_do_without(flight, key_of(flight), import->json)) {
        tell_owners(flight);
        flight->owners.count = 0;
        import_create(flight);
    } else {
        conflict_of(flight);
    }
}

/* Writes the row's identifiers of a kind behind one another, each with a NUL behind it. */
static void list_values(struct flight *flight, enum user_field field, struct buf *to)
{
    struct json_value row;
    struct err err;
    buf_reset(to);
    if (json_parse(flight->import->json, buf_text(&flight->user), &row, &err))
        return;
    struct json_value value = json_get(row, text_of(user_field_infos[field].name));
    if (json_type(value) == JSON_STRING) {
        buf_add(to, json_text(value));
        buf_byte(to, 0);
    }
    for (struct json_walk walk = json_walk(value); json_next(&walk);) {
        buf_add(to, json_text(walk.value));
        buf_byte(to, 0);
    }
}

/* Queues the flight for the next kind of identifier that it has, from `from` on. */
void import_ask_owners(struct flight *flight, size_t from)
{
    for (size_t i = from; i < ARRAY_COUNT(kinds); i++) {
        list_values(flight, kinds[i].field, &flight->asked);
        if (flight->asked.len == 0)
            continue;
        flight->asking = i;
        import_queue(&flight->import->look[kinds[i].by], flight);
        flight->import->look_at = clock_now_us();
        return;
    }
    owners_known(flight);
}

void import_look_owners(struct flight *flight)
{
    flight->step = FLIGHT_OWNERS;
    flight->owners.count = 0;
    import_ask_owners(flight, 0);
}

void import_owner_found(struct flight *flight, struct text value, struct json_value user)
{
    struct json_value row;
    struct err err;
    if (json_parse(flight->import->json, buf_text(&flight->user), &row, &err) == 0)
        owners_add(&flight->owners, kinds[flight->asking].field, value, row, user);
}
