/*
 * Rows are read into batches of up to 100, each batch is one look-up by external id, and several look-ups
 * are under way at once. Of a user only the field hashes wait for the answer, under a key of this run.
 */
#include <stdlib.h>

#include "migrate/fields.h"
#include "migrate/lookup.h"
#include "migrate/progress.h"
#include "migrate/select.h"

#define BATCHES   8
#define ARENA_MAX ((size_t)64 << 20)

struct expected {
    struct buf id;
    uint64_t row;
    bool has_password;
    struct field_hashes hashes;
};

struct verify;

struct batch {
    struct verify *verify;
    struct lookup lookup;
    struct expected users[LOOKUP_MAX];
    bool sent;
};

struct verify {
    const struct migrate_opts *opts;
    const struct migrate_events *events;
    const struct migrate_stop *stop;
    struct migrate_totals *totals;
    struct source *source;
    struct courier *courier;
    struct field_hasher hasher;
    struct hash_key key;
    struct json *json;
    struct arena arena;
    struct batch batches[BATCHES];
    size_t under_way;
    bool at_end, failed;
    struct progress progress;
    struct err err;
};

static void differs(struct verify *verify, const struct expected *user, const char *code,
                    const char *field, const char *detail)
{
    if (verify->events->differs)
        verify->events->differs(
            verify->events->arg,
            &(struct migrate_trouble){user->row, buf_text(&user->id), code, field, detail});
}

static bool same_identifiers(enum user_field field)
{
    return user_field_infos[field].kind == USER_IDENTIFIERS;
}

/* Compares what the export says with what the target shows; says each field that differs. */
static bool compare(struct verify *verify, const struct expected *user, struct json_value there)
{
    struct user shown;
    struct text id;
    struct field_hashes hashes;
    bool same = true;
    arena_reset(&verify->arena);
    if (!clerk_decode_user(there, &verify->arena, &shown, &id) ||
        field_hashes_of(&verify->hasher, &verify->key, &shown, &hashes, &verify->err)) {
        differs(verify, user, "different", "", "the target's answer holds no User object");
        return false;
    }
    for (int field = 0; field < USER_FIELD_COUNT; field++) {
        if (!field_is_readable(field) || user->hashes.at[field] == 0 ||
            user->hashes.at[field] == hashes.at[field])
            continue;
        differs(verify, user, "different", user_field_infos[field].name,
                same_identifiers(field) ? "other values, order or status than in the export"
                                        : "another value than in the export");
        same = false;
    }
    if (user->has_password && !json_true(json_get(there, TEXT("password_enabled")))) {
        differs(verify, user, "different", "password_digest", "the user has no password in Clerk");
        same = false;
    }
    return same;
}

static void on_found(struct lookup *lookup, struct lookup_item *item, struct json_value user)
{
    struct batch *batch = lookup->arg;
    struct migrate_totals *totals = batch->verify->totals;
    if (compare(batch->verify, item->owner, user))
        totals->same++;
    else
        totals->different++;
}

static void on_ended(struct lookup *lookup, const struct err *err)
{
    struct batch *batch = lookup->arg;
    struct verify *verify = batch->verify;
    for (size_t i = 0; !err && i < lookup->count; i++) {
        if (lookup->items[i].found)
            continue;
        verify->totals->missing++;
        differs(verify, lookup->items[i].owner, "missing", "", "no such external_id at the target");
    }
    if (err && !verify->failed) {
        verify->failed = true;
        verify->err = *err;
    }
    lookup_reset(lookup);
    batch->sent = false;
    verify->under_way--;
}

static int take_row(struct verify *verify, struct batch *batch, const struct source_row *row,
                    struct err *err)
{
    struct expected *user = &batch->users[batch->lookup.count];
    buf_reset(&user->id);
    buf_add(&user->id, row->user.external_id);
    user->row = row->number;
    user->has_password = row->user.password_digest.len > 0;
    if (!buf_ok(&user->id))
        return err_memory(err);
    lookup_add(&batch->lookup, buf_text(&user->id), user);
    return field_hashes_of(&verify->hasher, &verify->key, &row->user, &user->hashes, err);
}

static int fill(struct verify *verify, struct batch *batch, struct err *err)
{
    struct source_row row;
    while (batch->lookup.count < LOOKUP_MAX && !verify->at_end) {
        int got = source_next(verify->source, &row, err);
        if (got < 0)
            return -1;
        verify->at_end =
            got == 0 || (verify->opts->limit && verify->totals->accepted >= verify->opts->limit);
        if (verify->at_end)
            break;
        if (!select_is_wanted(verify->opts, row.id))
            continue;
        verify->totals->rows++;
        if (row.reject.reason != USER_ACCEPTED) {
            verify->totals->rejected++;
            verify->totals->reasons[row.reject.reason]++;
            continue;
        }
        verify->totals->accepted++;
        if (take_row(verify, batch, &row, err))
            return -1;
    }
    return 0;
}

static int start_batches(struct verify *verify, struct err *err)
{
    for (size_t i = 0; i < BATCHES && !verify->failed; i++) {
        struct batch *batch = &verify->batches[i];
        if (batch->sent || verify->at_end)
            continue;
        if (fill(verify, batch, err))
            return -1;
        if (batch->lookup.count == 0)
            continue;
        batch->sent = true;
        verify->under_way++;
        lookup_send(&batch->lookup, verify->courier);
    }
    return 0;
}

static int run(struct verify *verify, struct err *err)
{
    while (!verify->failed && (!verify->stop || verify->stop->requests == 0)) {
        if (start_batches(verify, err))
            return -1;
        if (verify->under_way == 0)
            break;
        if (courier_work(verify->courier, 10000, err))
            return -1;
        progress_show(&verify->progress, false);
    }
    verify->totals->pending = verify->totals->accepted - verify->totals->same -
                              verify->totals->different - verify->totals->missing;
    verify->totals->requests = courier_requests(verify->courier);
    progress_show(&verify->progress, true);
    if (!verify->failed)
        return 0;
    *err = verify->err;
    return -1;
}

static int verify_open(struct verify *verify, struct err *err)
{
    for (size_t i = 0; i < BATCHES; i++) {
        struct batch *batch = &verify->batches[i];
        batch->verify = verify;
        lookup_init(&batch->lookup, LOOKUP_EXTERNAL_ID, NULL, batch);
        batch->lookup.found = on_found;
        batch->lookup.ended = on_ended;
        for (size_t k = 0; k < LOOKUP_MAX; k++)
            buf_init(&batch->users[k].id, 4096);
    }
    if (source_open(&verify->source, &verify->opts->source, err) ||
        field_hasher_init(&verify->hasher, err) || json_new(&verify->json, 64 << 20, err) ||
        courier_open(&verify->courier, &verify->opts->target, err))
        return -1;
    for (size_t i = 0; i < BATCHES; i++)
        verify->batches[i].lookup.json = verify->json;
    verify->progress.source = verify->source;
    verify->progress.courier = verify->courier;
    if (verify->events->opened)
        verify->events->opened(verify->events->arg, verify->source);
    return 0;
}

static void verify_close(struct verify *verify)
{
    courier_close(verify->courier);
    for (size_t i = 0; i < BATCHES; i++) {
        lookup_release(&verify->batches[i].lookup);
        for (size_t k = 0; k < LOOKUP_MAX; k++)
            buf_release(&verify->batches[i].users[k].id);
    }
    field_hasher_release(&verify->hasher);
    json_free(verify->json);
    arena_release(&verify->arena);
    source_close(verify->source);
    free(verify);
}

int migrate_verify(const struct migrate_opts *opts, const struct migrate_events *events,
                   const struct migrate_stop *stop, struct migrate_totals *totals, struct err *err)
{
    struct verify *verify = calloc(1, sizeof(*verify));
    if (!verify)
        return err_memory(err);
    verify->opts = opts;
    verify->events = events;
    verify->stop = stop;
    verify->totals = totals;
    verify->key = hash_key_random();
    verify->progress = (struct progress){.events = events, .totals = totals};
    verify->progress.started = clock_now_us();
    arena_init(&verify->arena, ARENA_MAX);
    int status = verify_open(verify, err);
    if (status == 0)
        status = run(verify, err);
    verify_close(verify);
    return status;
}
