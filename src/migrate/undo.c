/*
 * The users that a run created are looked up, a hundred at a time. Who has signed in, or has been changed
 * since the last write, is spared; the others are deleted and go from the ledger, so that an import
 * afterwards finds them new. What was under way when undo was killed is found by the next one: the ledger
 * says `deleting`.
 */
#include "migrate/import.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_of_run(const struct import *import, const struct ledger_user *user)
{
    return user->made == import->undo &&
           (user->state == LEDGER_DONE || user->state == LEDGER_SENDING);
}

int import_feed_undo(struct import *import, struct err *err)
{
    const struct ledger_user *user;
    if (import_next_known(import, &user, err))
        return -1;
    import->at_end = !user;
    if (!user || !is_of_run(import, user))
        return 0;
    struct flight *flight = import_take(import, 0, user->external_id, MIGRATE_DELETE);
    flight->made = user->made;
    flight->deleting = text_same(user->error_code, IMPORT_DELETING);
    buf_add(&flight->clerk_id, user->clerk_id);
    buf_add(&flight->written, user->hashes);
    import->totals->rows++;
    import_look(flight, 0);
    return 0;
}

static void spare(struct flight *flight, const char *code, const char *detail)
{
    struct import *import = flight->import;
    struct migrate_trouble trouble = {0, buf_text(&flight->id), code, "", detail};
    import->totals->spared++;
    if (import->events->differs && import->undo_preview)
        import->events->differs(import->events->arg, &trouble);
    import_land(flight);
}

void import_undo_found(struct flight *flight, struct json_value user)
{
    struct import *import = flight->import;
    struct record record;
    struct buf path;
    record_decode(&record, buf_text(&flight->written));
    bool signed_in = json_type(json_get(user, TEXT("last_sign_in_at"))) == JSON_INT;
    enum record_touch touch =
        record_touched(&record, ledger_key(import->ledger), RECORD_CHANGED, user);
    if (!import->opts->force && !flight->deleting && signed_in) {
        spare(flight, "signed_in", "has signed in since; stays (--force deletes it, too)");
        return;
    }
    if (!import->opts->force && !flight->deleting && touch == RECORD_TOUCHED) {
        spare(flight, "changed", "was changed in Clerk since; stays (--force deletes it, too)");
        return;
    }
    if (!import->opts->force && !flight->deleting && touch == RECORD_UNKNOWN &&
        record_is_there(&record)) {
        spare(flight, "unknown",
              "nobody can tell whether it was changed in Clerk since, as the answer to its create "
              "was lost; stays (--force deletes it, too)");
        return;
    }
    if (import->undo_preview) {
        import->totals->removed++;
        import_land(flight);
        return;
    }
    buf_init(&path, 4096);
    buf_reset(&flight->clerk_id);
    buf_add(&flight->clerk_id, json_text(json_get(user, TEXT("id"))));
    buf_printf(&path, "/v1/users/%.*s", TEXT_ARG(buf_text(&flight->clerk_id)));
    steps_add(&flight->steps, &(struct step){.kind = STEP_REMOVAL,
                                             .method = "DELETE",
                                             .path = buf_text(&path),
                                             .field = USER_FIELD_COUNT});
    buf_release(&path);
    import_intend(flight, IMPORT_DELETING);
}

/* Once through all of them: counting only, or deleting. */
static int walk(struct import *import, bool preview, struct err *err)
{
    import->undo_preview = preview;
    import->feed = import_feed_undo;
    import_walk(import);
    import->at_end = false;
    return import_run(import, err);
}

static int undo(struct import *import, struct text command, struct err *err)
{
    struct migrate_totals *totals = import->totals;
    if (walk(import, true, err))
        return -1;
    if (import_is_over(import) || totals->removed == 0 || !import->events->consent ||
        !import->events->consent(import->events->arg, totals)) {
        totals->pending = totals->removed;
        totals->removed = 0;
        return 0;
    }
    *totals = (struct migrate_totals){.requests = totals->requests, .retries = totals->retries};
    return import_begin(import, command, err) ? -1 : walk(import, false, err);
}

int migrate_undo(const struct migrate_opts *opts, const struct migrate_instance *instance,
                 int64_t run, const struct migrate_events *events, const struct migrate_stop *stop,
                 struct migrate_totals *totals, struct err *err)
{
    char command[48];
    struct err ignored;
    struct ledger_opts ledger = {.path = opts->ledger, .identity.instance = text_of(instance->id)};
    struct import *import = calloc(1, sizeof(*import));
    if (!import)
        return err_memory(err);
    import->opts = opts;
    import->events = events;
    import->stop = stop;
    import->totals = totals;
    import->undo = run;
    snprintf(command, sizeof(command), "undo %lld", (long long)run);
    int status = import_open(import, &ledger, err);
    if (status == 0)
        status = undo(import, text_of(command), err);
    if (status == 0 && import->failed) {
        *err = import->err;
        status = -1;
    }
    if (import_end(import, status != 0, status ? &ignored : err) && status == 0)
        status = -1;
    import_close(import);
    free(import);
    return status;
}
