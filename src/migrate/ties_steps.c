/* Requests and answers. A request may be repeated: see ties.h on why nothing is made twice. */
#include <stdio.h>

#include "clerk/clerk.h"
#include "migrate/advice.h"
#include "migrate/lookup.h"
#include "migrate/ties.h"

#define ATTEMPTS_MAX 10
#define PAUSE_US     INT64_C(500000)

static void on_answer(struct parcel *parcel, const struct target_answer *answer);

static void put_members_path(struct tie *tie)
{
    buf_printf(&tie->path, "/v1/organizations/%.*s/memberships", (int)tie->within.len,
               tie->within.at);
}

static void put_own_path(struct tie *tie)
{
    if (tie->kind == ROSTER_ORGANIZATION) {
        buf_printf(&tie->path, "/v1/organizations/%.*s", (int)tie->clerk_id.len, tie->clerk_id.at);
        return;
    }
    put_members_path(tie);
    buf_printf(&tie->path, "/%.*s", (int)tie->user.len, tie->user.at);
}

static const char *build_look(struct tie *tie)
{
    const struct buf *id = tie->clerk_id.len > 0 ? &tie->clerk_id : &tie->slug;
    if (tie->kind == ROSTER_MEMBERSHIP) {
        put_members_path(tie);
        buf_printf(&tie->path, "?limit=1&user_id=%.*s", (int)tie->user.len, tie->user.at);
    } else {
        buf_printf(&tie->path, "/v1/organizations/%.*s", (int)id->len, id->at);
    }
    return "GET";
}

static const char *build_create(struct tie *tie)
{
    if (tie->kind == ROSTER_MEMBERSHIP)
        put_members_path(tie);
    else
        buf_printf(&tie->path, "/v1/organizations");
    buf_add(&tie->request, buf_text(&tie->body));
    return "POST";
}

static const char *build_patch(struct tie *tie)
{
    bool metadata = tie->step == TIE_METADATA;
    put_own_path(tie);
    if (metadata)
        buf_printf(&tie->path, "/metadata");
    buf_add(&tie->request, buf_text(metadata ? &tie->metadata : &tie->changes));
    return "PATCH";
}

static const char *build(struct tie *tie)
{
    switch (tie->step) {
    case TIE_FREE:
    case TIE_LOOK:
    case TIE_INSPECT:
        return build_look(tie);
    case TIE_CREATE:
        return build_create(tie);
    case TIE_UPDATE:
    case TIE_METADATA:
        return build_patch(tie);
    case TIE_DELETE:
        put_own_path(tie);
        return "DELETE";
    }
    return NULL;
}

static void post(struct tie *tie, int64_t delay_us)
{
    buf_reset(&tie->path);
    buf_reset(&tie->request);
    tie->parcel.method = build(tie);
    tie->parcel.path = buf_text(&tie->path);
    tie->parcel.body = tie->request.len > 0 ? buf_text(&tie->request) : (struct text){NULL, 0};
    tie->parcel.done = on_answer;
    tie->parcel.arg = tie;
    courier_post(tie->ties->courier, &tie->parcel, delay_us);
}

void tie_send(struct tie *tie)
{
    tie->attempts = 0;
    post(tie, 0);
}

static void go_on(struct tie *tie, enum tie_step step)
{
    tie->step = step;
    tie_send(tie);
}

static void done(struct tie *tie, uint64_t *counter)
{
    ++*counter;
    tie_put(tie, LEDGER_DONE, NULL);
    tie_land(tie);
}

/* No answer, or a 5xx: what was to be made is looked at, anything else is simply sent again. */
static void again(struct tie *tie)
{
    struct ties *ties = tie->ties;
    ties->totals->retries++;
    if (++tie->attempts >= ATTEMPTS_MAX) {
        tie_refuse(tie, LEDGER_FAILED, "no_answer",
                   "the target did not answer; run the same command again");
        return;
    }
    if (tie->step == TIE_CREATE) {
        tie->sent_before = true;
        if (tie->kind == ROSTER_ORGANIZATION)
            tie->step = TIE_LOOK;
    }
    post(tie, PAUSE_US * tie->attempts);
}

/* Goes on with what there is to write: behind a look, or behind the first of two. */
static void write_next(struct tie *tie)
{
    if (tie->step == TIE_LOOK && tie->changes.len > 0)
        go_on(tie, TIE_UPDATE);
    else if (tie->step != TIE_METADATA && tie->metadata.len > 0)
        go_on(tie, TIE_METADATA);
    else
        done(tie, &tie->ties->totals->updated);
}

void tie_kept(struct tie *tie, const char *field)
{
    struct ties *ties = tie->ties;
    struct migrate_trouble trouble = {
        tie->row, buf_text(tie->member.len > 0 ? &tie->member : &tie->organization), "kept", field,
        tie->ours ? "changed in Clerk as well; Clerk's side stays"
                  : "the target has another value, which stays"};
    ties->totals->kept++;
    if (ties->events->differs)
        ties->events->differs(ties->events->arg, &trouble);
}

static void tell_kept(struct tie *tie, unsigned kept)
{
    for (int field = 0; field < TIE_FIELD_COUNT; field++)
        if (kept & (1u << field))
            tie_kept(tie, tie_field_name(field));
}

/* Something is there: ours as we would have it, ours of an earlier export, or changed by others since. */
static void merge(struct tie *tie, struct json_value object)
{
    struct ties *ties = tie->ties;
    struct migrate_totals *totals = ties->totals;
    struct tie_hashes there;
    struct err err;
    unsigned kept;
    tie_hash(ties, tie->kind, object, &there);
    unsigned fields = tie_merge(tie, &there, &kept);
    if (kept && !tie->ours && !tie->sent_before &&
        ties->opts->existing == MIGRATE_EXISTING_REPORT) {
        tie_refuse(tie, LEDGER_FAILED, "already_exists",
                   "the target has one already; take it over with --existing adopt or update");
        return;
    }
    tell_kept(tie, kept);
    if (fields && tie_write_patches(tie, fields, object, &err) != 0) {
        ties_fail(ties, &err);
        tie_land(tie);
    } else if (tie->changes.len + tie->metadata.len > 0) {
        write_next(tie);
    } else {
        done(tie, tie->ours ? &totals->unchanged : &totals->adopted);
    }
}

static bool is_ours(const struct tie *tie, struct json_value organization)
{
    struct text id = json_text(json_path(organization, TEXT("private_metadata.external_id")));
    return text_same(id, buf_text(&tie->organization));
}

static void found_organization(struct tie *tie, struct json_value organization)
{
    struct ties *ties = tie->ties;
    bool ours = tie->clerk_id.len > 0 || is_ours(tie, organization);
    if (!ours && ties->opts->existing == MIGRATE_EXISTING_REPORT) {
        tie_refuse(
            tie, LEDGER_FAILED, "already_exists",
            "another organization has this slug; take it over with --existing adopt or update");
        return;
    }
    buf_reset(&tie->clerk_id);
    buf_add(&tie->clerk_id, json_text(json_get(organization, TEXT("id"))));
    if (ours && tie->made == 0 && tie->sent_before)
        tie->made = ties->run.id;
    merge(tie, organization);
}

static void looked(struct tie *tie, struct json_value object)
{
    if (json_type(object) == JSON_OBJECT && tie->kind == ROSTER_ORGANIZATION)
        found_organization(tie, object);
    else if (json_type(object) == JSON_OBJECT)
        merge(tie, object);
    else if (tie->ours)
        tie_refuse(tie, LEDGER_FAILED, "gone",
                   "it has been deleted at the target since; undo its run to have it made again");
    else
        go_on(tie, TIE_CREATE);
}

static void created(struct tie *tie, struct json_value root)
{
    if (tie->kind == ROSTER_ORGANIZATION)
        buf_add(&tie->clerk_id, json_text(json_get(root, TEXT("id"))));
    tie->made = tie->ties->run.id;
    done(tie, &tie->ties->totals->created);
}

static bool is_taken(const struct clerk_problem *problem)
{
    struct text code = text_of(problem->code);
    return text_same(code, TEXT("already_a_member_in_organization")) ||
           (text_same(code, TEXT("form_identifier_exists")) &&
            text_same(text_of(problem->param), TEXT("slug")));
}

/* A 4xx. What is refused because it is there already is looked at, once. */
static void refused(struct tie *tie, int status, struct json_value root)
{
    struct ties *ties = tie->ties;
    struct clerk_problem problem = {"", "", ""};
    char said[ADVICE_MAX];
    struct err err;
    clerk_decode_problem(root, &problem);
    if (status == 401 || status == 402) {
        lookup_refusal(status, root, &err);
        ties_fail(ties, &err);
        tie_land(tie);
    } else if (tie->step == TIE_CREATE && !tie->looked && is_taken(&problem)) {
        tie->looked = true;
        if (tie->kind == ROSTER_MEMBERSHIP && tie->sent_before)
            tie->made = ties->run.id;
        go_on(tie, TIE_LOOK);
    } else {
        tie_refuse(tie, LEDGER_FAILED, problem.code[0] ? problem.code : "refused",
                   advice_say(&problem, said));
    }
}

/* What a GET of the organization, or of its one member with this id, shows; absent if nothing. */
static struct json_value shown(const struct tie *tie, int status, struct json_value root)
{
    if (status != 200)
        return (struct json_value){NULL, 0};
    return tie->kind == ROSTER_ORGANIZATION ? root : json_path(root, TEXT("data.0"));
}

static void answered(struct tie *tie, int status, struct json_value root)
{
    bool found_or_not = status == 200 || status == 404;
    if (tie->step == TIE_LOOK && found_or_not)
        looked(tie, shown(tie, status, root));
    else if (tie->step == TIE_INSPECT && found_or_not)
        tie_inspected(tie, shown(tie, status, root));
    else if (tie->step == TIE_DELETE && found_or_not)
        tie_deleted(tie);
    else if (status >= 400)
        refused(tie, status, root);
    else if (tie->step == TIE_CREATE)
        created(tie, root);
    else
        write_next(tie);
}

static void on_answer(struct parcel *parcel, const struct target_answer *answer)
{
    struct tie *tie = parcel->arg;
    struct json_value root = {NULL, 0};
    struct err err;
    arena_reset(&tie->ties->arena);
    if (answer->result != TARGET_ANSWERED || answer->status >= 500 ||
        json_parse(tie->ties->json, answer->body, &root, &err) != 0)
        again(tie);
    else
        answered(tie, answer->status, root);
}
