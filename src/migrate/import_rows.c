/* The rows of an export: each is decided against the ledger and, if it is to move, takes a flight. */
#include "migrate/import.h"

#include "migrate/rejects.h"
#include "migrate/select.h"

/* Remembers a rejected row, unless an earlier row of the same id has been moved. */
static int put_rejected(struct import *import, const struct source_row *row, struct err *err)
{
    struct ledger_user known;
    bool found;
    if (row->id.len == 0 || row->reject.reason == USER_REASON_duplicate_id)
        return 0;
    arena_reset(&import->arena);
    if (ledger_find(import->ledger, row->id, &import->arena, &known, &found, err))
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

static int take_off(struct import *import, const struct source_row *row, struct decision decision,
                    const struct field_hashes *hashes, const struct ledger_user *known,
                    struct err *err)
{
    struct flight *flight = import_pop(&import->free);
    import->flying++;
    flight->row = row->number;
    flight->action = decision.action;
    flight->hashes = *hashes;
    buf_add(&flight->id, row->user.external_id);
    clerk_create_body(&row->user, &flight->user);
    if (!buf_ok(&flight->id) || !buf_ok(&flight->user))
        return err_set(err, ERR_MEMORY, "row %llu is too large", (unsigned long long)row->number);
    if (decision.action != MIGRATE_UPDATE)
        return import_claim(flight, err);
    field_hashes_read(&flight->written, known->hashes);
    flight->step = FLIGHT_LOOK;
    import_queue(&import->ready, flight);
    return 0;
}

static int take_row(struct import *import, const struct source_row *row, struct err *err)
{
    struct field_hashes hashes;
    struct ledger_user known;
    bool found;
    arena_reset(&import->arena);
    if (field_hashes_of(&import->hasher, ledger_key(import->ledger), &row->user, &hashes, err) ||
        ledger_find(import->ledger, row->user.external_id, &import->arena, &known, &found, err))
        return -1;
    struct decision decision = decide(found ? &known : NULL, &hashes);
    if (decision.action == MIGRATE_UNCHANGED) {
        import->totals->unchanged++;
        return 0;
    }
    import->taken++;
    return take_off(import, row, decision, &hashes, &known, err);
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
