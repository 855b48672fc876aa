/* A user of the target is merged with its row, or taken for what a create of ours has made. */
#include "migrate/import.h"

#include <stdio.h>
#include <string.h>

#define ECHO_MS 1000 /* how far the target's clock may be behind */

static const struct hash_key *key_of(const struct flight *flight)
{
    return ledger_key(flight->import->ledger);
}

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

void import_witness_create(struct flight *flight, struct json_value there)
{
    struct record written;
    struct buf marks, content;
    buf_init(&marks, 1 << 20);
    buf_init(&content, 1 << 24);
    record_decode(&written, buf_text(&flight->written));
    record_carry(&written, &marks);
    record_add_witnesses(key_of(flight), there, record_fresh_witnesses(there), &marks);
    record_encode(&written.fields, &marks, &content);
    buf_reset(&flight->written);
    buf_add(&flight->written, buf_text(&content));
    buf_release(&marks);
    buf_release(&content);
}

/* Whether somebody has changed the user in Clerk, as far as anybody can tell; our own unanswered steps aside. */
static bool was_changed(const struct flight *flight, const struct merge *merge)
{
    enum record_touch touch =
        record_touched(&merge->written, merge->key, RECORD_CHANGED, merge->target);
    return flight->attempts == 0 && (touch == RECORD_TOUCHED ||
                                     (touch == RECORD_UNKNOWN && record_is_there(&merge->written)));
}

void import_merge_found(struct flight *flight, struct json_value there, bool take_over)
{
    struct merge merge;
    struct err err;
    if (flight->maybe_sent && flight->action == MIGRATE_CREATE && !flight->existing)
        import_witness_create(flight, there);
    if (merge_into(flight, there, take_over, &merge, &err)) {
        import_failed(flight, "unreadable_answer", "", err.message);
        return;
    }
    flight->refresh = refreshed_by(merge.secrets);
    if (was_changed(flight, &merge))
        flight->refresh &= ~(1u << RECORD_CHANGED); /* undo spares the user */
    if (flight->steps.count > 0) {
        write_intent(flight, &merge.written, merge.secrets);
        import_intend(flight, (struct text){NULL, 0});
        return;
    }
    record_add_witnesses(key_of(flight), there, flight->refresh, &flight->marks);
    import_done(flight);
}

/* ---- users who were there before ---- */

void import_ours_found(struct flight *flight, struct json_value user)
{
    buf_reset(&flight->clerk_id);
    buf_add(&flight->clerk_id, json_text(json_get(user, TEXT("id"))));
    record_add_witnesses(key_of(flight), user, record_fresh_witnesses(user), &flight->marks);
    flight->refresh = record_fresh_witnesses(user) & 1u << RECORD_CHANGED;
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

void import_existing_found(struct flight *flight, struct json_value user)
{
    char detail[256];
    struct text id = json_text(json_get(user, TEXT("id")));
    enum migrate_existing existing = flight->import->opts->existing;
    if (flight->attempts > 0 && !flight->claimed && is_own_echo(flight, user)) {
        flight->existing = false;
        import_ours_found(flight, user);
        return;
    }
    if (existing != MIGRATE_EXISTING_REPORT) {
        flight->made = 0;
        import_merge_found(flight, user, existing == MIGRATE_EXISTING_ADOPT);
        return;
    }
    snprintf(
        detail, sizeof(detail),
        "%.*s has this external id already, and this ledger did not bring it; --existing adopt "
        "takes it over",
        TEXT_ARG(id));
    import_conflict(flight, "exists_at_target", "external_id", detail);
}
