/*
 * What comes of some users of the target, worked out on the comparing thread: each is found in the ledger, a hundred
 * by one statement, and compared with what was written. Meanwhile ledger, hasher, comparison and the set of who is at
 * the target belong to that thread; what is to be told is put down, and told by the command's thread.
 */
#include "migrate/verify.h"

#define SHEET_MAX ((size_t)256 << 20)
#define TOLD_MAX  ((size_t)64 << 20)

void verify_sheet_init(struct verify_sheet *sheet, struct verify *verify)
{
    *sheet = (struct verify_sheet){.verify = verify};
    arena_init(&sheet->arena, SHEET_MAX);
    buf_init(&sheet->told, TOLD_MAX);
}

void verify_sheet_release(struct verify_sheet *sheet)
{
    arena_release(&sheet->arena);
    buf_release(&sheet->told);
}

static void put_down(struct verify_sheet *sheet, const struct migrate_trouble *trouble)
{
    buf_add(&sheet->told, (struct text){(const char *)trouble, sizeof(*trouble)});
}

static void tell_different(struct verify_sheet *sheet, struct text id,
                           const struct comparison *comparison)
{
    const char *code = comparison->touched ? "changed" : comparison->unknown ? "other" : "lost";
    const char *detail = comparison->touched ? "changed in Clerk since the last import"
                         : comparison->unknown
                             ? "another value than in the export"
                             : "not what was written, and nobody has changed the user since";
    for (int field = 0; field < USER_FIELD_COUNT; field++)
        if (comparison->different & USER_FIELD_BIT(field))
            put_down(sheet, &(struct migrate_trouble){.id = id,
                                                      .code = code,
                                                      .field = user_field_infos[field].name,
                                                      .detail = detail});
}

/* Notes that the ledger's user is at the target. */
static int note(struct verify *verify, const struct ledger_user *user, struct err *err)
{
    if (user->state == LEDGER_DONE && !numbers_has(&verify->at_target, user->number))
        verify->done_there++;
    return numbers_add(&verify->at_target, user->number, err);
}

static int compare_known(struct verify_sheet *sheet, const struct ledger_user *user,
                         struct json_value there, struct err *err)
{
    struct record record;
    struct comparison comparison;
    struct verify *verify = sheet->verify;
    record_decode(&record, user->hashes);
    if (compare_user(&verify->compare, &record, there, user->made != 0, &comparison, err) ||
        note(verify, user, err))
        return -1;
    for (uint64_t set = comparison.unseen; set; set &= set - 1)
        sheet->unseen++;
    if (!comparison.different)
        sheet->same++;
    else if (comparison.touched)
        sheet->changed++;
    else
        sheet->different++;
    tell_different(sheet, user->external_id, &comparison);
    if (!verify_is_scratch(verify) && !numbers_has(&verify->in_file, user->number))
        sheet->gone++;
    return 0;
}

/* Whether the ledger's user is this one of the target, and there by our doing. */
static bool is_ours(const struct verify *verify, const struct ledger_user *user,
                    struct json_value there)
{
    return verify_is_scratch(verify) ||
           ((user->state == LEDGER_DONE || user->state == LEDGER_SENDING) &&
            (user->clerk_id.len == 0 ||
             text_same(user->clerk_id, json_text(json_get(there, TEXT("id"))))));
}

int verify_sheet_add(struct verify_sheet *sheet, const struct json_value *there, size_t count,
                     struct err *err)
{
    struct ledger_user users[LEDGER_FIND_SOME];
    struct text ids[LEDGER_FIND_SOME];
    if (count == 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        ids[i] = json_text(json_get(there[i], TEXT("external_id")));
    sheet->at_target += count;
    if (ledger_find_some(sheet->verify->ledger, ids, count, &sheet->arena, users, err))
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (users[i].number == 0 || !is_ours(sheet->verify, &users[i], there[i]))
            sheet->others++;
        else if (compare_known(sheet, &users[i], there[i], err))
            return -1;
    }
    return buf_ok(&sheet->told) ? 0 : err_memory(err);
}

int verify_sheet_fill(struct verify_sheet *sheet, struct json_value users, struct err *err)
{
    struct json_value there[LEDGER_FIND_SOME];
    size_t count = 0;
    for (struct json_walk walk = json_walk(users); json_next(&walk);) {
        there[count++] = walk.value;
        if (count < LEDGER_FIND_SOME)
            continue;
        if (verify_sheet_add(sheet, there, count, err))
            return -1;
        count = 0;
    }
    return verify_sheet_add(sheet, there, count, err);
}

void verify_sheet_tell(struct verify_sheet *sheet)
{
    struct verify *verify = sheet->verify;
    struct migrate_totals *totals = verify->totals;
    const struct migrate_trouble *told = (const struct migrate_trouble *)sheet->told.at;
    for (size_t i = 0; i < sheet->told.len / sizeof(*told); i++)
        if (verify->events->differs)
            verify->events->differs(verify->events->arg, &told[i]);
    totals->at_target += sheet->at_target;
    totals->others += sheet->others;
    totals->same += sheet->same;
    totals->changed += sheet->changed;
    totals->different += sheet->different;
    totals->gone += sheet->gone;
    totals->unseen += sheet->unseen;
    sheet->at_target = sheet->others = sheet->same = sheet->changed = 0;
    sheet->different = sheet->gone = sheet->unseen = 0;
    arena_reset(&sheet->arena);
    buf_reset(&sheet->told);
}
