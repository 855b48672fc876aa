/* Reading the target back: each of its users is found in the ledger and compared with what was written. */
#include "migrate/lookup.h"
#include "migrate/pages.h"
#include "migrate/verify.h"

static void fail(struct verify *verify, const struct err *err)
{
    if (!verify->failed)
        verify->err = *err;
    verify->failed = verify->over = true;
}

static void tell_different(struct verify *verify, struct text id,
                           const struct comparison *comparison)
{
    const char *code = comparison->touched ? "changed" : comparison->unknown ? "other" : "lost";
    const char *detail = comparison->touched ? "changed in Clerk since the last import"
                         : comparison->unknown
                             ? "another value than in the export"
                             : "not what was written, and nobody has changed the user since";
    for (int field = 0; field < USER_FIELD_COUNT; field++)
        if (comparison->different & USER_FIELD_BIT(field))
            verify_tell(verify, 0, id, code, user_field_infos[field].name, detail);
}

static int compare_known(struct verify *verify, const struct ledger_user *user,
                         struct json_value there, struct err *err)
{
    struct record record;
    struct comparison comparison;
    struct migrate_totals *totals = verify->totals;
    record_decode(&record, user->hashes);
    if (compare_user(&verify->compare, &record, there, user->made != 0, &comparison, err) ||
        numbers_add(&verify->at_target, user->number, err))
        return -1;
    for (uint64_t set = comparison.unseen; set; set &= set - 1)
        totals->unseen++;
    if (!comparison.different)
        totals->same++;
    else if (comparison.touched)
        totals->changed++;
    else
        totals->different++;
    tell_different(verify, user->external_id, &comparison);
    if (!verify_is_scratch(verify) && !numbers_has(&verify->in_file, user->number))
        totals->gone++;
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

static void on_user(void *arg, struct json_value there)
{
    struct verify *verify = arg;
    struct ledger_user user;
    struct err err;
    bool found = false;
    struct text id = json_text(json_get(there, TEXT("external_id")));
    arena_reset(&verify->arena);
    verify->totals->at_target++;
    if (id.len > 0 && ledger_find(verify->ledger, id, &verify->arena, &user, &found, &err))
        fail(verify, &err);
    else if (!found || !is_ours(verify, &user, there))
        verify->totals->others++;
    else if (compare_known(verify, &user, there, &err))
        fail(verify, &err);
}

static void on_ended(void *arg, const struct err *err)
{
    struct verify *verify = arg;
    verify->over = true;
    if (err)
        fail(verify, err);
}

static int wait_for_target(struct verify *verify, struct err *err)
{
    while (!verify->over && !verify_is_stopped(verify)) {
        if (courier_work(verify->courier, 10000, err))
            return -1;
        progress_show(&verify->progress, false);
    }
    verify->totals->requests = courier_requests(verify->courier);
    if (!verify->failed)
        return 0;
    *err = verify->err;
    return -1;
}

int verify_read_pages(struct verify *verify, struct err *err)
{
    struct pages pages;
    pages_init(&pages, verify->json, verify->courier);
    pages.user = on_user;
    pages.ended = on_ended;
    pages.arg = verify;
    pages_send(&pages);
    int status = wait_for_target(verify, err);
    pages_release(&pages);
    return status;
}

static void on_found(struct lookup *lookup, struct lookup_item *item, struct json_value user)
{
    (void)item;
    on_user(lookup->arg, user);
}

static void on_lookup_ended(struct lookup *lookup, const struct err *err)
{
    on_ended(lookup->arg, err);
}

int verify_read_chosen(struct verify *verify, struct err *err)
{
    struct lookup lookup;
    lookup_init(&lookup, LOOKUP_EXTERNAL_ID, verify->json, verify);
    lookup.found = on_found;
    lookup.ended = on_lookup_ended;
    for (size_t i = 0; i < verify->opts->only_count && i < LOOKUP_MAX; i++)
        lookup_add(&lookup, text_of(verify->opts->only[i]), verify);
    lookup_send(&lookup, verify->courier);
    int status = wait_for_target(verify, err);
    lookup_release(&lookup);
    return status;
}
