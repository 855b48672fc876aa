/*
 * Three passes, each in bounded memory. The export: each row is found in the ledger, compared with what was
 * written, and its place noted in a set of numbers. The target, page by page: each user is found in the
 * ledger, compared, and noted. The ledger: who is in it and was not found at the target is missing.
 *
 * Without a ledger the first pass makes one, of what the export says, in a temporary file.
 */
#include "migrate/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "migrate/select.h"

#define COMMIT_ROWS 10000 /* of the ledger that is made */
#define RUNS        64    /* among which the last import is looked for */

bool verify_is_scratch(const struct verify *verify)
{
    return verify->folder[0] != 0;
}

bool verify_is_stopped(const struct verify *verify)
{
    return verify->failed || (verify->stop && verify->stop->requests > 0);
}

void verify_tell(struct verify *verify, uint64_t row, struct text id, const char *code,
                 const char *field, const char *detail)
{
    struct migrate_trouble trouble = {row, id, code, field, detail};
    if (verify->events->differs)
        verify->events->differs(verify->events->arg, &trouble);
}

/* ---- the export ---- */

static int remember(struct verify *verify, const struct source_row *row,
                    const struct field_hashes *hashes, struct err *err)
{
    buf_reset(&verify->content);
    buf_reset(&verify->marks);
    if (record_add_user(&verify->hasher, ledger_key(verify->ledger), &row->user, &verify->marks,
                        err))
        return -1;
    record_encode(hashes, &verify->marks, &verify->content);
    struct ledger_user user = {.external_id = row->id,
                               .hashes = buf_text(&verify->content),
                               .state = LEDGER_DONE,
                               .made = 1};
    if (ledger_put(verify->ledger, &user, err))
        return -1;
    return verify->totals->accepted % COMMIT_ROWS ? 0 : ledger_commit(verify->ledger, err);
}

/* Tells which fields the source has changed since they were written. */
static void tell_stale(struct verify *verify, const struct source_row *row,
                       const struct record *written, const struct field_hashes *now)
{
    verify->totals->stale++;
    for (int field = 0; field < USER_FIELD_COUNT; field++)
        if (written->fields.at[field] != now->at[field] && field != USER_FIELD_created_at)
            verify_tell(verify, row->number, row->id, "stale", user_field_infos[field].name,
                        "changed at the source since the last import");
}

static uint64_t *counter_of(struct verify *verify, const struct ledger_user *user)
{
    struct migrate_totals *totals = verify->totals;
    if (user->state == LEDGER_FAILED)
        return text_same(user->error_code, TEXT("form_identifier_exists")) ||
                       text_same(user->error_code, TEXT("exists_at_target"))
                   ? &totals->conflicts
                   : &totals->failed;
    if (user->state != LEDGER_DONE)
        return &totals->pending;
    if (user->made == 0)
        return &totals->adopted;
    if (user->made == verify->last_import)
        return &totals->created;
    return user->run == verify->last_import ? &totals->updated : &totals->unchanged;
}

static int take_accepted(struct verify *verify, const struct source_row *row, struct err *err)
{
    struct field_hashes hashes;
    struct ledger_user user;
    struct record written;
    bool found;
    verify->totals->accepted++;
    if (field_hashes_of(&verify->hasher, ledger_key(verify->ledger), &row->user, &hashes, err))
        return -1;
    if (verify_is_scratch(verify))
        return remember(verify, row, &hashes, err);
    arena_reset(&verify->arena);
    if (ledger_find(verify->ledger, row->id, &verify->arena, &user, &found, err))
        return -1;
    if (!found) {
        verify->totals->pending++;
        return 0;
    }
    ++*counter_of(verify, &user);
    record_decode(&written, user.hashes);
    if (user.state == LEDGER_DONE && !field_hashes_same(&written.fields, &hashes))
        tell_stale(verify, row, &written, &hashes);
    return numbers_add(&verify->in_file, user.number, err);
}

static int take_rejected(struct verify *verify, const struct source_row *row, struct err *err)
{
    struct ledger_user user;
    bool found = false;
    verify->totals->rejected++;
    verify->totals->reasons[row->reject.reason]++;
    arena_reset(&verify->arena);
    if (row->id.len == 0 || verify_is_scratch(verify))
        return 0;
    if (ledger_find(verify->ledger, row->id, &verify->arena, &user, &found, err))
        return -1;
    return found ? numbers_add(&verify->in_file, user.number, err) : 0;
}

static int read_export(struct verify *verify, struct err *err)
{
    struct source_row row;
    int got = 0;
    while (!verify_is_stopped(verify) && (got = source_next(verify->source, &row, err)) > 0) {
        if (!select_is_wanted(verify->opts, row.id))
            continue;
        verify->totals->rows++;
        if (row.reject.reason == USER_ACCEPTED ? take_accepted(verify, &row, err)
                                               : take_rejected(verify, &row, err))
            return -1;
        progress_show(&verify->progress, false);
    }
    if (got < 0)
        return -1;
    return verify_is_scratch(verify) ? ledger_commit(verify->ledger, err) : 0;
}

/* ---- the ledger ---- */

static void judge_missing(struct verify *verify, const struct ledger_user *user)
{
    if (user->state != LEDGER_DONE || numbers_has(&verify->at_target, user->number) ||
        !select_is_wanted(verify->opts, user->external_id))
        return;
    if (!verify_is_scratch(verify) && !numbers_has(&verify->in_file, user->number)) {
        verify->totals->departed++;
        return;
    }
    verify->totals->missing++;
    verify_tell(verify, 0, user->external_id, "missing", "",
                verify_is_scratch(verify) ? "no user of the target has this external id"
                                          : "was brought to the target, and is not there any more");
}

/* When all that are done have been seen at the target there is nobody to look for. */
static int walk_ledger(struct verify *verify, struct err *err)
{
    uint64_t counts[LEDGER_STATE_COUNT];
    const struct ledger_user *user;
    struct ledger_walk walk;
    int got = 0;
    if (ledger_count(verify->ledger, counts, err))
        return -1;
    if (counts[LEDGER_DONE] == verify->done_there)
        return 0;
    ledger_walk_begin(&walk, verify->ledger);
    while (!verify_is_stopped(verify) && (got = ledger_walk_next(&walk, &user, err)) > 0)
        judge_missing(verify, user);
    ledger_walk_end(&walk);
    return got < 0 ? -1 : 0;
}

/* ---- all of it ---- */

static int run(struct verify *verify, struct err *err)
{
    if (read_export(verify, err))
        return -1;
    if (verify_is_stopped(verify))
        return 0;
    if (verify->opts->only_count > 0 ? verify_read_chosen(verify, err)
                                     : verify_read_pages(verify, err))
        return -1;
    return verify_is_stopped(verify) ? 0 : walk_ledger(verify, err);
}

static int find_last_import(struct verify *verify, struct err *err)
{
    struct ledger_run runs[RUNS];
    size_t count;
    if (ledger_runs(verify->ledger, &verify->arena, runs, RUNS, &count, err))
        return -1;
    for (size_t i = 0; i < count && !verify->last_import; i++)
        if (text_same(runs[i].command, TEXT("import")))
            verify->last_import = runs[i].id;
    return 0;
}

static int open_ledger(struct verify *verify, struct err *err)
{
    char path[sizeof(verify->folder) + 16];
    struct ledger_opts opts = {.path = verify->opts->ledger, .read_only = true};
    if (opts.path)
        return ledger_open(&verify->ledger, &opts, err) || find_last_import(verify, err);
    int len = snprintf(verify->folder, sizeof(verify->folder), "%s/usher-verify-XXXXXX",
                       scratch_folder());
    if (len >= (int)sizeof(verify->folder) || !mkdtemp(verify->folder)) {
        verify->folder[0] = 0;
        return err_set(err, ERR_IO, "no temporary folder can be made in %s; set TMPDIR to another",
                       scratch_folder());
    }
    snprintf(path, sizeof(path), "%s/ledger", verify->folder);
    opts = (struct ledger_opts){.path = path, .identity.instance = TEXT("verify")};
    return ledger_open(&verify->ledger, &opts, err);
}

static void drop_scratch(const struct verify *verify)
{
    static const char *const files[] = {"ledger", "ledger-wal", "ledger-shm", "ledger-lock"};
    char path[sizeof(verify->folder) + 16];
    if (!verify_is_scratch(verify))
        return;
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", verify->folder, files[i]);
        unlink(path);
    }
    rmdir(verify->folder);
}

static int verify_open(struct verify *verify, struct err *err)
{
    arena_init(&verify->arena, (size_t)256 << 20);
    buf_init(&verify->content, 16 << 20);
    buf_init(&verify->marks, 16 << 20);
    if (source_open(&verify->source, &verify->opts->source, err) || open_ledger(verify, err) ||
        field_hasher_init(&verify->hasher, err) || json_new(&verify->json, 64 << 20, err) ||
        courier_open(&verify->courier, &verify->opts->target, err))
        return -1;
    compare_init(&verify->compare, &verify->hasher, ledger_key(verify->ledger));
    verify->progress.source = verify->source;
    verify->progress.courier = verify->courier;
    if (verify->events->opened)
        verify->events->opened(verify->events->arg, verify->source);
    return 0;
}

static void verify_close(struct verify *verify)
{
    courier_close(verify->courier);
    compare_release(&verify->compare);
    field_hasher_release(&verify->hasher);
    json_free(verify->json);
    arena_release(&verify->arena);
    buf_release(&verify->content);
    buf_release(&verify->marks);
    numbers_release(&verify->in_file);
    numbers_release(&verify->at_target);
    ledger_close(verify->ledger);
    drop_scratch(verify);
    source_close(verify->source);
}

int migrate_verify(const struct migrate_opts *opts, const struct migrate_events *events,
                   const struct migrate_stop *stop, struct migrate_totals *totals, struct err *err)
{
    struct verify verify = {.opts = opts, .events = events, .stop = stop, .totals = totals};
    verify.progress =
        (struct progress){.events = events, .totals = totals, .started = clock_now_us()};
    int status = verify_open(&verify, err);
    if (status == 0)
        status = run(&verify, err);
    if (status == 0)
        progress_show(&verify.progress, true);
    verify_close(&verify);
    return status;
}
