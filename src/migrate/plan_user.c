#include "migrate/plan.h"

#include <stdio.h>
#include <string.h>

#include "clerk/clerk.h"

#define BODY_MAX ((size_t)16 << 20)

void candidate_init(struct candidate *user)
{
    buf_init(&user->id, 4096);
    buf_init(&user->body, BODY_MAX);
    buf_init(&user->written, BODY_MAX);
    buf_init(&user->names, 1 << 20);
    buf_init(&user->changes, 4096);
}

void candidate_release(struct candidate *user)
{
    buf_release(&user->id);
    buf_release(&user->body);
    buf_release(&user->written);
    buf_release(&user->names);
    buf_release(&user->changes);
}

static void add_names(struct candidate *user, char kind, const struct user_identifiers *list)
{
    for (size_t i = 0; i < list->count; i++) {
        buf_byte(&user->names, kind);
        buf_add(&user->names, list->at[i].value);
        buf_byte(&user->names, 0);
    }
}

static void list_changes(struct candidate *user)
{
    struct record written;
    record_decode(&written, buf_text(&user->written));
    for (int field = 0; field < USER_FIELD_COUNT; field++)
        if (written.fields.at[field] != user->hashes.at[field] && field != USER_FIELD_created_at)
            buf_printf(&user->changes, "%s%s", user->changes.len ? ", " : "",
                       user_field_infos[field].name);
}

int candidate_take(struct plan *plan, struct candidate *user, const struct source_row *row,
                   const struct field_hashes *hashes, const struct text *written, struct err *err)
{
    struct user_identifier name = {row->user.username, true};
    struct user_identifiers username = {&name, row->user.username.len > 0};
    struct buf *const bufs[] = {&user->id, &user->body, &user->written, &user->names,
                                &user->changes};
    for (size_t i = 0; i < ARRAY_COUNT(bufs); i++)
        buf_reset(bufs[i]);
    buf_add(&user->id, row->user.external_id);
    clerk_create_body(&row->user, &user->body);
    user->row = row->number;
    user->hashes = *hashes;
    user->there = false;
    user->update = written != NULL;
    user->steps = 0;
    user->owner[0] = 0;
    user->owners.count = 0;
    plan->looks += user->update;
    if (written) {
        buf_add(&user->written, *written);
        list_changes(user);
    } else {
        add_names(user, 'e', &row->user.email_address);
        add_names(user, 'p', &row->user.phone_number);
        add_names(user, 'u', &username);
    }
    return buf_ok(&user->id) && buf_ok(&user->body) && buf_ok(&user->written) &&
                   buf_ok(&user->names)
               ? 0
               : err_memory(err);
}

struct teller {
    struct plan *plan;
    struct candidate *user;
};

static void on_merged(void *arg, enum user_field field, struct text path, enum merge_result result)
{
    struct teller *teller = arg;
    const struct migrate_events *events = teller->plan->events;
    struct migrate_totals *totals = teller->plan->totals;
    char name[192];
    bool kept = result == MERGE_KEPT;
    snprintf(name, sizeof(name), "%s%s%.*s", user_field_infos[field].name, path.len ? "." : "",
             TEXT_ARG(path));
    struct migrate_trouble trouble = {
        teller->user->row, buf_text(&teller->user->id), kept ? "clerk" : "source", name,
        kept ? "changed at the source and in Clerk; Clerk's would stay"
             : "changed at the source and in Clerk; the source's would "
               "be written"};
    *(kept ? &totals->kept : &totals->overruled) += 1;
    if (events->merged)
        events->merged(events->arg, &trouble);
}

int candidate_there(struct plan *plan, struct candidate *user, struct json_value there,
                    struct err *err)
{
    struct teller teller = {plan, user};
    struct merge merge = {.hasher = &plan->hasher,
                          .key = &plan->key,
                          .source = &user->hashes,
                          .target = there,
                          .prefer = plan->opts->prefer,
                          .take_over =
                              !user->update && plan->opts->existing != MIGRATE_EXISTING_UPDATE,
                          .told = on_merged,
                          .arg = &teller,
                          .steps = &plan->steps,
                          .marks = &plan->marks};
    user->there = true;
    if (!user->update)
        snprintf(user->owner, sizeof(user->owner), "%.*s",
                 TEXT_ARG(json_text(json_get(there, TEXT("id")))));
    steps_reset(&plan->steps);
    buf_reset(&plan->marks);
    record_decode(&merge.written, buf_text(&user->written));
    if (json_parse(plan->row_json, buf_text(&user->body), &merge.row, err) ||
        merge_user(&merge, err))
        return -1;
    user->steps = plan->steps.count;
    return 0;
}

void candidate_owner(struct plan *plan, struct candidate *user, enum user_field field,
                     struct text value, struct json_value owner)
{
    struct json_value row;
    struct err err;
    if (json_parse(plan->row_json, buf_text(&user->body), &row, &err) == 0)
        owners_add(&user->owners, field, value, row, owner);
}

/* ---- what would be done ---- */

static void report_update(struct plan *plan, struct candidate *user)
{
    if (!user->there) {
        plan_report(plan, user->row, buf_text(&user->id), MIGRATE_CONFLICT,
                    "was brought to the target, and is not there any more");
        return;
    }
    plan->requests += user->steps;
    plan_report(plan, user->row, buf_text(&user->id), MIGRATE_UPDATE, buf_z(&user->changes));
}

static void report_existing(struct plan *plan, const struct candidate *user, const char *detail,
                            size_t requests)
{
    bool adopt = plan->opts->existing != MIGRATE_EXISTING_REPORT;
    plan->requests += adopt ? requests : 1;
    plan->looks++;
    plan_report(plan, user->row, buf_text(&user->id), adopt ? MIGRATE_ADOPT : MIGRATE_CONFLICT,
                detail);
}

static bool lacks_sign_in(struct plan *plan, const struct candidate *user)
{
    struct json_value row;
    struct err err;
    return json_parse(plan->row_json, buf_text(&user->body), &row, &err) == 0 &&
           owners_have_sign_in(&user->owners, row);
}

static void report_new(struct plan *plan, const struct candidate *user)
{
    char detail[512] = "";
    const struct owner *same = owners_same_person(&user->owners);
    if (user->owners.count > 0)
        owner_describe(&user->owners.at[0], detail, sizeof(detail));
    if (same && plan->opts->existing != MIGRATE_EXISTING_REPORT) {
        report_existing(plan, user, detail, 2);
        return;
    }
    bool conflict = user->owners.count > 0 && lacks_sign_in(plan, user);
    /* A create that is refused is sent once more, without what others have. */
    plan->requests += user->owners.count > 0 && !conflict ? 2 : 1;
    plan_report(plan, user->row, buf_text(&user->id), conflict ? MIGRATE_CONFLICT : MIGRATE_CREATE,
                detail);
}

void candidate_report(struct plan *plan, struct candidate *user)
{
    char detail[128];
    if (user->update) {
        report_update(plan, user);
    } else if (user->there) {
        snprintf(detail, sizeof(detail), "%s has this external id already", user->owner);
        report_existing(plan, user, detail, 1 + user->steps);
    } else {
        report_new(plan, user);
    }
}
