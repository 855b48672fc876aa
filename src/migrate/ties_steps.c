/* Requests and answers. A request may be repeated: see ties.h on why nothing is made twice. */
#include <stdio.h>

#include "clerk/clerk.h"
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

/* Members of the body, if it has them, as a body of their own. */
static void put_members_of_body(struct tie *tie, const char *const *names)
{
    struct json_value body;
    struct err err;
    struct json_out out = json_out(&tie->request);
    if (json_parse(tie->ties->json, buf_text(&tie->body), &body, &err) != 0) {
        ties_fail(tie->ties, &err);
        return;
    }
    json_open(&out, '{');
    for (; *names; names++) {
        json_key(&out, text_of(*names));
        json_put_value(&out, json_get(body, text_of(*names)));
    }
    json_close(&out, '}');
}

static const char *build_patch(struct tie *tie)
{
    static const char *const organization[] = {"name", "slug", NULL}, *const member[] = {"role",
                                                                                         NULL};
    static const char *const metadata[] = {"public_metadata", "private_metadata", NULL};
    bool membership = tie->kind == ROSTER_MEMBERSHIP;
    put_own_path(tie);
    if (tie->step == TIE_METADATA)
        buf_printf(&tie->path, "/metadata");
    if (tie->step == TIE_METADATA && tie->removed.len > 0)
        buf_add(&tie->request, buf_text(&tie->removed));
    else
        put_members_of_body(tie, tie->step == TIE_METADATA ? metadata
                                 : membership              ? member
                                                           : organization);
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

static void kept(struct tie *tie, const char *detail)
{
    struct ties *ties = tie->ties;
    struct text id = buf_text(tie->member.len > 0 ? &tie->member : &tie->organization);
    if (ties->events->differs)
        ties->events->differs(ties->events->arg,
                              &(struct migrate_trouble){tie->row, id, "kept", "", detail});
    done(tie, &ties->totals->unchanged);
}

static bool is_object(struct json_value value)
{
    return json_type(value) == JSON_OBJECT;
}

/* The members of the source's object, and null for those that only the target's has. */
static void put_replacing(struct json_out *out, struct json_value source, struct json_value there)
{
    json_open(out, '{');
    for (struct json_walk walk = json_walk(source); json_next(&walk);) {
        struct json_value old = json_get(there, walk.key);
        json_key(out, walk.key);
        if (is_object(walk.value) && is_object(old))
            put_replacing(out, walk.value, old);
        else
            json_put_value(out, walk.value);
    }
    for (struct json_walk walk = json_walk(there); json_next(&walk);)
        if (json_type(json_get(source, walk.key)) == JSON_ABSENT) {
            json_key(out, walk.key);
            json_put_null(out);
        }
    json_close(out, '}');
}

/*
 * Clerk merges metadata deeply, so what the source has no more is set to null. Only where all of it is as we wrote
 * it last: then nothing of it is anybody else's.
 */
static void note_removed(struct tie *tie, struct json_value there)
{
    static const char *const names[] = {"public_metadata", "private_metadata"};
    struct json_value body;
    struct json_out out = json_out(&tie->removed);
    struct err err;
    if (json_parse(tie->ties->row_json, buf_text(&tie->body), &body, &err) != 0) {
        ties_fail(tie->ties, &err);
        return;
    }
    json_open(&out, '{');
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        json_key(&out, text_of(names[i]));
        put_replacing(&out, json_get(body, text_of(names[i])), json_get(there, text_of(names[i])));
    }
    json_close(&out, '}');
}

/* Something is there: ours as we would have it, ours of an earlier export, or changed by others since. */
static void merge(struct tie *tie, struct json_value object)
{
    struct ties *ties = tie->ties;
    uint64_t there;
    struct err err;
    if (!tie_hash_of(ties, tie->kind, object, &there)) {
        err_memory(&err);
        ties_fail(ties, &err);
        tie_land(tie);
    } else if (there == tie->hash) {
        done(tie, tie->written == 0 ? &ties->totals->adopted : &ties->totals->unchanged);
    } else if (there == tie->written || ties->opts->existing == MIGRATE_EXISTING_UPDATE) {
        if (there == tie->written)
            note_removed(tie, object);
        go_on(tie, TIE_UPDATE);
    } else if (tie->sent_before || tie->written != 0 ||
               ties->opts->existing == MIGRATE_EXISTING_ADOPT) {
        kept(tie, "it was changed in Clerk as well; Clerk's side stays");
    } else {
        tie_refuse(tie, LEDGER_FAILED, "already_exists",
                   "the target has one already; take it over with --existing adopt or update");
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
    else if (tie->written != 0)
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
                   problem.message[0] ? problem.message : "the target refused it");
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
    else if (tie->step == TIE_UPDATE)
        go_on(tie, TIE_METADATA);
    else
        done(tie, &tie->ties->totals->updated);
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
