/* Look-ups: who waits for which, and what is done with a user who is found, or is not. */
#include "migrate/import.h"

#include <stdio.h>
#include <string.h>

#define ECHO_MS 1000 /* how far the target's clock may be behind */

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

/* ---- merging ---- */

/* The marks of the secrets that the steps carry, on top of what was written: the intent. */
static void write_intent(struct flight *flight, const struct record *written, uint64_t secrets)
{
    struct buf marks, content;
    buf_init(&marks, 1 << 20);
    buf_init(&content, 1 << 24);
    record_carry(written, &marks);
    for (int field = 0; field < USER_FIELD_COUNT; field++) {
        uint64_t key = record_key(key_of(flight), RECORD_SENDING, field, TEXT(""));
        if (!(secrets & USER_FIELD_BIT(field)))
            continue;
        record_take_out(&marks, key);
        record_add(&marks, key, flight->hashes.at[field]);
    }
    record_encode(&written->fields, &marks, &content);
    buf_reset(&flight->written);
    buf_add(&flight->written, buf_text(&content));
    buf_release(&marks);
    buf_release(&content);
}

static unsigned refreshed_by(uint64_t secrets)
{
    unsigned set = 1u << RECORD_CHANGED;
    if (secrets & USER_FIELD_BIT(USER_FIELD_password_digest))
        set |= 1u << RECORD_PASSWORD;
    if (secrets &
        (USER_FIELD_BIT(USER_FIELD_totp_secret) | USER_FIELD_BIT(USER_FIELD_backup_codes)))
        set |= 1u << RECORD_FACTOR;
    return set;
}

/* Merges the flight's row into the user found; steps, marks and clerk_id are filled. */
static int merge_into(struct flight *flight, struct json_value there, bool take_over,
                      struct merge *merge, struct err *err)
{
    struct import *import = flight->import;
    *merge = (struct merge){
        .hasher = &import->hasher,
        .key = key_of(flight),
        .source = &flight->hashes,
        .target = there,
        .prefer = import->opts->prefer,
        .take_over = take_over,
        .told = import_merged,
        .arg = flight,
        .steps = &flight->steps,
        .marks = &flight->marks,
    };
    record_decode(&merge->written, buf_text(&flight->written));
    /* Written once: what the source says of it later does not count. */
    if (merge->written.mark_count > 0)
        flight->hashes.at[USER_FIELD_created_at] = merge->written.fields.at[USER_FIELD_created_at];
    steps_reset(&flight->steps);
    buf_reset(&flight->marks);
    buf_add(&flight->marks, buf_text(&flight->source_marks));
    if (json_parse(import->json, buf_text(&flight->user), &merge->row, err) ||
        merge_user(merge, err))
        return -1;
    record_carry_witnesses(&merge->written, &flight->marks);
    buf_reset(&flight->clerk_id);
    buf_add(&flight->clerk_id, merge->clerk_id);
    return 0;
}

static void merge_found(struct flight *flight, struct json_value there, bool take_over)
{
    struct merge merge;
    struct err err;
    if (merge_into(flight, there, take_over, &merge, &err)) {
        import_failed(flight, "unreadable_answer", "", err.message);
        return;
    }
    flight->refresh = refreshed_by(merge.secrets);
    if (flight->steps.count > 0) {
        write_intent(flight, &merge.written, merge.secrets);
        import_intend(flight, (struct text){NULL, 0});
        return;
    }
    record_add_witnesses(key_of(flight), there, flight->refresh, &flight->marks);
    import_done(flight);
}

/* ---- users who were there before ---- */

static void ours_found(struct flight *flight, struct json_value user)
{
    buf_reset(&flight->clerk_id);
    buf_add(&flight->clerk_id, json_text(json_get(user, TEXT("id"))));
    record_add_witnesses(key_of(flight), user, RECORD_WITNESSES, &flight->marks);
    flight->witnessed = true;
    flight_add_identifiers(flight, flight->import->json);
    import_go_on(flight);
}

/* Whether Clerk has something of its own where the row says something else. */
static bool differs(const struct flight *flight)
{
    for (size_t at = 0; at < flight->marks.len; at += sizeof(struct record_mark)) {
        struct record_mark mark;
        memcpy(&mark, flight->marks.at + at, sizeof(mark));
        if (record_kind_of(mark.key) == RECORD_KEPT)
            return true;
    }
    return false;
}

/*
 * A create may go out twice without our knowing: libcurl repeats a request when a connection that was kept
 * alive dies before one byte of the answer (target.h). Then the second one says that the external id is taken,
 * and it is by ourselves: the user was written just now, and is what the row says.
 */
static bool is_own_echo(struct flight *flight, struct json_value user)
{
    struct merge merge;
    struct err err;
    if (json_int(json_get(user, TEXT("updated_at"))) < flight->sent_ms - ECHO_MS ||
        merge_into(flight, user, true, &merge, &err) || differs(flight))
        return false;
    buf_reset(&flight->marks);
    buf_add(&flight->marks, buf_text(&flight->source_marks));
    return true;
}

static void existing_found(struct flight *flight, struct json_value user)
{
    char detail[256];
    struct text id = json_text(json_get(user, TEXT("id")));
    enum migrate_existing existing = flight->import->opts->existing;
    if (flight->attempts > 0 && !flight->claimed && is_own_echo(flight, user)) {
        flight->existing = false;
        ours_found(flight, user);
        return;
    }
    if (existing != MIGRATE_EXISTING_REPORT) {
        flight->made = 0;
        merge_found(flight, user, existing == MIGRATE_EXISTING_ADOPT);
        return;
    }
    snprintf(
        detail, sizeof(detail),
        "%.*s has this external id already, and this ledger did not bring it; --existing adopt "
        "takes it over",
        TEXT_ARG(id));
    import_conflict(flight, "exists_at_target", "external_id", detail);
}

/* Gives an owner our external id; then the user is looked up by it. */
static void claim(struct flight *flight, const struct owner *owner)
{
    struct buf path, body;
    buf_init(&path, 4096);
    buf_init(&body, 1 << 16);
    struct json_out out = json_out(&body);
    json_open(&out, '{');
    json_key(&out, TEXT("external_id"));
    json_put_text(&out, buf_text(&flight->id));
    json_close(&out, '}');
    buf_printf(&path, "/v1/users/%s", owner->clerk_id);
    steps_reset(&flight->steps);
    steps_add(&flight->steps, &(struct step){.kind = STEP_WHOLE,
                                             .method = "PATCH",
                                             .path = buf_text(&path),
                                             .body = buf_text(&body),
                                             .field = USER_FIELD_COUNT});
    buf_release(&path);
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
static void ask_owners(struct flight *flight, size_t from)
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
    ask_owners(flight, 0);
}

static void owner_found(struct flight *flight, struct text value, struct json_value user)
{
    struct json_value row;
    struct err err;
    if (json_parse(flight->import->json, buf_text(&flight->user), &row, &err) == 0)
        owners_add(&flight->owners, kinds[flight->asking].field, value, row, user);
}

/* ---- found, or not ---- */

/* A user of an earlier run who is not in this export: as it was, or sent back to be planned. */
static void stranded_found(struct flight *flight, struct json_value user)
{
    buf_reset(&flight->clerk_id);
    buf_add(&flight->clerk_id, json_text(json_get(user, TEXT("id"))));
    import_put_written(flight, LEDGER_DONE, (struct text){NULL, 0});
    import_land(flight);
}

static void by_external_id(struct flight *flight, struct json_value user)
{
    if (flight->step == FLIGHT_SETTLE) {
        record_add_witnesses(key_of(flight), user, flight->refresh, &flight->marks);
        import_done(flight);
    } else if (flight->stranded) {
        stranded_found(flight, user);
    } else if (flight->action == MIGRATE_DELETE) {
        import_undo_found(flight, user);
    } else if (flight->action == MIGRATE_UPDATE || flight->written.len > 0) {
        merge_found(flight, user, false);
    } else if (flight->existing) {
        existing_found(flight, user);
    } else {
        ours_found(flight, user);
    }
}

void import_found(struct lookup *lookup, struct lookup_item *item, struct json_value user)
{
    if (lookup->by == LOOKUP_EXTERNAL_ID)
        by_external_id(item->owner, user);
    else
        owner_found(item->owner, item->value, user);
}

static void lookup_missing(struct import *import, struct flight *flight)
{
    if (flight->step == FLIGHT_SETTLE) {
        import_done(flight);
    } else if (import->undo_preview) {
        import->totals->removed++;
        import_land(flight);
    } else if (flight->action == MIGRATE_DELETE || (flight->stranded && flight->clerk_id.len > 0)) {
        import_removed(flight);
    } else if (flight->action == MIGRATE_UPDATE && !flight->deleting) {
        /* Somebody has deleted the user at the target since: that is no reason to make it again. */
        import_failed(flight, "deleted_at_target", "", "the user is no longer at the target");
    } else if (import->failed || import->stopping) {
        import_put_back(flight);
    } else {
        flight->action = MIGRATE_CREATE;
        buf_reset(&flight->written);
        buf_reset(&flight->clerk_id);
        import_create(flight);
    }
}

static void ended_by_identifier(struct lookup *lookup)
{
    struct flight *last = NULL;
    for (size_t i = 0; i < lookup->count; i++) {
        struct flight *flight = lookup->items[i].owner;
        if (flight != last)
            ask_owners(flight, flight->asking + 1);
        last = flight;
    }
}

static void land_all(struct lookup *lookup)
{
    struct flight *last = NULL;
    for (size_t i = 0; i < lookup->count; i++) {
        struct flight *flight = lookup->items[i].owner;
        if (flight != last)
            import_land(flight); /* stays SENDING: the next run looks again */
        last = flight;
    }
}

void import_ended(struct lookup *lookup, const struct err *err)
{
    struct import *import = lookup->arg;
    if (err) {
        import_fail(import, err);
        land_all(lookup);
    } else if (lookup->by != LOOKUP_EXTERNAL_ID) {
        ended_by_identifier(lookup);
    } else {
        for (size_t i = 0; i < lookup->count; i++)
            if (!lookup->items[i].found)
                lookup_missing(import, lookup->items[i].owner);
    }
    lookup_reset(lookup);
}

/* ---- sending them ---- */

/* Adds a flight with what it is looked up by; false if the batch has no room for all of that. */
static bool add_to(struct lookup *lookup, struct flight *flight)
{
    size_t count = 0;
    if (lookup->by == LOOKUP_EXTERNAL_ID) {
        lookup_add(lookup, buf_text(&flight->id), flight);
        return true;
    }
    for (size_t at = 0; at < flight->asked.len; at++)
        count += flight->asked.at[at] == 0;
    if (lookup->count + count > LOOKUP_MAX)
        return false;
    for (size_t at = 0; at < flight->asked.len;) {
        struct text value = text_of(flight->asked.at + at);
        lookup_add(lookup, value, flight);
        at += value.len + 1;
    }
    return true;
}

static void fill(struct lookup *lookup, struct flight_queue *queue)
{
    while (lookup->count < LOOKUP_MAX && queue->count > 0 && add_to(lookup, queue->first))
        import_dequeue(queue);
}

static bool is_due(const struct import *import, const struct flight_queue *queue)
{
    return queue->count >= LOOKUP_MAX || (queue->count > 0 && clock_now_us() >= import->look_at);
}

void import_send_lookups(struct import *import)
{
    size_t i = 0;
    for (int by = 0; by < LOOKUP_KINDS; by++)
        while (is_due(import, &import->look[by])) {
            while (i < IMPORT_LOOKUPS && import->lookups[i].count > 0)
                i++;
            if (i == IMPORT_LOOKUPS)
                return;
            import->lookups[i].by = (enum lookup_by)by;
            fill(&import->lookups[i], &import->look[by]);
            lookup_send(&import->lookups[i], import->courier);
        }
}
