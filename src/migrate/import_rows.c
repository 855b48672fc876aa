/* The rows of an export: each is decided against the ledger and, if it is to move, takes a flight. */
#include "migrate/import.h"

#include "migrate/rejects.h"
#include "migrate/select.h"

/* What the ledger knows of a row's user, noting that the export has it; *found tells. */
static int find(struct import *import, struct text id, struct ledger_user *known, bool *found,
                struct err *err)
{
    arena_reset(&import->arena);
    if (ledger_find(import->ledger, id, &import->arena, known, found, err))
        return -1;
    return *found ? numbers_add(&import->seen, known->number, err) : 0;
}

/* Remembers a rejected row, unless an earlier row of the same id has been moved. */
static int put_rejected(struct import *import, const struct source_row *row, struct err *err)
{
    struct ledger_user known;
    bool found;
    if (row->id.len == 0 || row->reject.reason == USER_REASON_duplicate_id)
        return 0;
    if (find(import, row->id, &known, &found, err))
        return -1;
    if (found && (known.state == LEDGER_DONE || known.state == LEDGER_SENDING))
        return 0;
    import_put(import, &(struct ledger_user){
                           .external_id = row->id,
                           .error_code = text_of(user_reason_name(row->reject.reason)),
                           .state = LEDGER_REJECTED,
                           .run = import->run.id,
                       });
    return 0;
}

/* What an earlier run has left: who made the user, and how far it came. */
static void take_known(struct flight *flight, const struct ledger_user *known, bool look_first)
{
    flight->made = known->made;
    flight->maybe_sent = look_first || known->state == LEDGER_SENDING;
    flight->existing = text_same(known->error_code, IMPORT_CLAIMING);
    flight->deleting = text_same(known->error_code, IMPORT_DELETING);
    bool create = flight->action != MIGRATE_UPDATE;
    /* Of a create under way the ledger has what it brought, if it came through; and it was that run's. */
    if (!create || (flight->maybe_sent && !flight->existing))
        buf_add(&flight->written, known->hashes);
    if (create && flight->maybe_sent && !flight->existing)
        flight->made = known->run;
}

static int take_off(struct import *import, const struct source_row *row, struct decision decision,
                    const struct field_hashes *hashes, const struct ledger_user *known,
                    struct err *err)
{
    struct flight *flight =
        import_take(import, row->number, row->user.external_id, decision.action);
    flight->hashes = *hashes;
    clerk_create_body(&row->user, &flight->user);
    if (record_add_user(&import->hasher, ledger_key(import->ledger), &row->user,
                        &flight->source_marks, err))
        return -1;
    buf_add(&flight->marks, buf_text(&flight->source_marks));
    if (known)
        take_known(flight, known, decision.look_first);
    if (!buf_ok(&flight->id) || !buf_ok(&flight->user) || !buf_ok(&flight->written))
        return err_set(err, ERR_MEMORY, "row %llu is too large", (unsigned long long)row->number);
    if (decision.action != MIGRATE_UPDATE)
        return import_claim(flight, err);
    flight->step = FLIGHT_LOOK;
    import_queue(&import->ready, flight);
    return 0;
}

static int take_row(struct import *import, const struct source_row *row, struct err *err)
{
    struct field_hashes hashes;
    struct ledger_user known;
    struct record written;
    bool found, unchanged;
    int64_t number;
    if (field_hashes_of(&import->hasher, ledger_key(import->ledger), &row->user, &hashes, err) ||
        ledger_is_unchanged(import->ledger, row->user.external_id, field_hashes_sum(&hashes),
                            &number, &unchanged, err))
        return -1;
    if (unchanged) {
        import->totals->unchanged++;
        return numbers_add(&import->seen, number, err);
    }
    if (find(import, row->user.external_id, &known, &found, err))
        return -1;
    record_decode(&written, found ? known.hashes : (struct text){NULL, 0});
    struct decision decision = decide(found ? &known : NULL, &written, &hashes);
    if (decision.action == MIGRATE_UNCHANGED) {
        import->totals->unchanged++;
        return 0;
    }
    import->taken++;
    return take_off(import, row, decision, &hashes, found ? &known : NULL, err);
}

int import_read_row(struct import *import, struct err *err)
{
    struct source_row row;
    int got = source_next(import->source, &row, err);
    if (got <= 0) {
        import->at_end = true;
        return got;
    }
    if (!select_is_wanted(import->opts, row.id))
        return 0;
    if (import->events->row)
        import->events->row(import->events->arg, &row);
    import->totals->rows++;
    if (row.reject.reason == USER_ACCEPTED) {
        import->totals->accepted++;
        return take_row(import, &row, err);
    }
    import->totals->rejected++;
    import->totals->reasons[row.reject.reason]++;
    rejects_add_row(import->rejects, &row);
    return put_rejected(import, &row, err);
}
