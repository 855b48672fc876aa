/*
 * Reads organizations and memberships back, up to a hundred in a request: entries that follow one another are put into
 * one batch, as long as they are of one kind and, for memberships, of one organization, which is how sources list
 * them. Each entry of the file is accounted for: same, different, missing or rejected. What the ledger has and the
file has no more is told at the end, and is no entry.
 */
#include <stdlib.h>

#include "clerk/clerk.h"
#include "migrate/lookup.h"
#include "migrate/ties.h"

#define BATCHES     8
#define BATCH_ARENA ((size_t)16 << 20)
#define BATCH_PATH  ((size_t)64 << 10)
#define TRIES_MAX   10
#define PAUSE_US    INT64_C(500000)

struct expected {
    struct text id, clerk_id; /* at the source; what the target's object is known by */
    uint64_t row;
    struct tie_hashes hashes;
    struct text marks;
    bool seen;
};

struct verify_batch {
    struct ties *ties;
    struct arena arena;
    enum roster_kind kind;
    struct text within; /* of memberships: their organization's Clerk id */
    struct expected at[LOOKUP_MAX];
    size_t count;
    uint32_t tries;
    bool sent;
    struct buf path;
    struct parcel parcel;
};

struct ties_verify {
    struct verify_batch batches[BATCHES], *open; /* open: being filled, or NULL */
};

static void tell(struct ties *ties, uint64_t row, struct text id, const char *code,
                 const char *field, const char *detail)
{
    if (ties->events->differs)
        ties->events->differs(ties->events->arg,
                              &(struct migrate_trouble){row, id, code, field, detail});
}

static void compare(struct verify_batch *batch, struct expected *expected, struct json_value object)
{
    struct ties *ties = batch->ties;
    expected->seen = true;
    unsigned differing = tie_lacking(ties, batch->kind, &expected->hashes, expected->marks, object);
    if (differing == 0) {
        ties->totals->same++;
        return;
    }
    ties->totals->different++;
    for (int field = 0; field < TIE_FIELD_COUNT; field++)
        if (differing & (1u << field))
            tell(ties, expected->row, expected->id, "different", tie_field_name(field),
                 "not the source's");
}

static void compare_all(struct verify_batch *batch, struct json_value data)
{
    struct json_walk walk = json_walk(data);
    struct text key =
        batch->kind == ROSTER_ORGANIZATION ? TEXT("id") : TEXT("public_user_data.user_id");
    while (json_next(&walk)) {
        struct text clerk_id = json_text(json_path(walk.value, key));
        for (size_t i = 0; i < batch->count; i++)
            if (!batch->at[i].seen && text_same(batch->at[i].clerk_id, clerk_id)) {
                compare(batch, &batch->at[i], walk.value);
                break;
            }
    }
}

static void finish(struct verify_batch *batch)
{
    struct ties *ties = batch->ties;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->at[i].seen)
            continue;
        ties->totals->missing++;
        tell(ties, batch->at[i].row, batch->at[i].id, "missing", "", "is not at the target");
    }
    batch->count = 0;
    batch->sent = false;
    ties->flying--;
    arena_reset(&batch->arena);
}

static void on_answer(struct parcel *parcel, const struct target_answer *answer)
{
    struct verify_batch *batch = parcel->arg;
    struct ties *ties = batch->ties;
    struct json_value root = {NULL, 0};
    struct err err;
    bool whole = answer->result == TARGET_ANSWERED && answer->status < 500 &&
                 json_parse(ties->json, answer->body, &root, &err) == 0;
    if (!whole && ++batch->tries < TRIES_MAX) {
        ties->totals->retries++;
        courier_post(ties->courier, parcel, PAUSE_US * batch->tries);
        return;
    }
    if (whole && answer->status == 200)
        compare_all(batch, json_get(root, TEXT("data")));
    if (!whole || (answer->status != 200 && answer->status != 404)) {
        if (!whole || lookup_refusal(answer->status, root, &err) == 0)
            err_set(&err, ERR_NETWORK, "the target does not answer a list of organizations");
        ties_fail(ties, &err);
    }
    finish(batch);
}

static void send_open(struct ties_verify *verify)
{
    struct verify_batch *batch = verify->open;
    if (!batch)
        return;
    verify->open = NULL;
    buf_reset(&batch->path);
    if (batch->kind == ROSTER_ORGANIZATION)
        buf_printf(&batch->path, "/v1/organizations?limit=%d", LOOKUP_MAX);
    else
        buf_printf(&batch->path, "/v1/organizations/%.*s/memberships?limit=%d",
                   TEXT_ARG(batch->within), LOOKUP_MAX);
    for (size_t i = 0; i < batch->count; i++)
        buf_printf(&batch->path, "&%s=%%2B%.*s",
                   batch->kind == ROSTER_ORGANIZATION ? "organization_id" : "user_id",
                   TEXT_ARG(batch->at[i].clerk_id));
    batch->sent = true;
    batch->tries = 0;
    batch->parcel = (struct parcel){
        .method = "GET", .path = buf_text(&batch->path), .done = on_answer, .arg = batch};
    batch->ties->flying++;
    courier_post(batch->ties->courier, &batch->parcel, 0);
}

static int work(struct ties *ties, struct err *err)
{
    if (courier_work(ties->courier, 20000, err) != 0)
        return -1;
    ties->totals->requests = courier_requests(ties->courier);
    progress_show(&ties->progress, false);
    if (ties->failed)
        *err = ties->err;
    return ties->failed ? -1 : 0;
}

/* The batch that an entry goes into; NULL with err. */
static struct verify_batch *batch_for(struct ties *ties, const struct tie *tie, struct err *err)
{
    struct ties_verify *verify = ties->arg;
    struct verify_batch *open = verify->open;
    if (open && (open->count == LOOKUP_MAX || open->kind != tie->kind ||
                 !text_same(open->within, buf_text(&tie->within))))
        send_open(verify);
    while (!verify->open) {
        for (size_t i = 0; i < BATCHES && !verify->open; i++)
            if (!verify->batches[i].sent)
                verify->open = &verify->batches[i];
        if (!verify->open && work(ties, err) != 0)
            return NULL;
        if (verify->open) {
            verify->open->kind = tie->kind;
            verify->open->within = arena_copy(&verify->open->arena, buf_text(&tie->within));
        }
    }
    return verify->open;
}

static int expect(struct ties *ties, const struct tie *tie, struct err *err)
{
    struct verify_batch *batch = batch_for(ties, tie, err);
    if (!batch)
        return -1;
    bool membership = tie->kind == ROSTER_MEMBERSHIP;
    struct expected *expected = &batch->at[batch->count];
    *expected = (struct expected){
        .id = arena_copy(&batch->arena, buf_text(membership ? &tie->member : &tie->organization)),
        .clerk_id = arena_copy(&batch->arena, buf_text(membership ? &tie->user : &tie->clerk_id)),
        .row = tie->row,
        .hashes = tie->now,
        .marks = arena_copy(&batch->arena, buf_text(&tie->marks))};
    if (!expected->id.at || !expected->clerk_id.at || !expected->marks.at)
        return err_memory(err);
    batch->count++;
    return 0;
}

static int verify_entry(struct ties *ties, const struct roster_entry *entry, struct err *err)
{
    struct ledger_tie known;
    bool found;
    struct tie *tie = ties_take(ties);
    int refused = tie_prepare(tie, entry, err);
    if (refused != 0)
        return refused < 0 ? -1 : 0;
    ties->totals->accepted++;
    int status = ledger_tie_find(ties->ledger, entry->organization, entry->user, &ties->arena,
                                 &known, &found, err);
    if (status == 0 && found && known.clerk_id.len > 0) {
        if (tie->kind == ROSTER_ORGANIZATION)
            buf_add(&tie->clerk_id, known.clerk_id);
        status = expect(ties, tie, err);
    } else if (status == 0) {
        ties->totals->missing++;
        tell(ties, tie->row, entry->user.at ? entry->user : entry->organization, "missing", "",
             "has not been moved");
    }
    tie_land(tie);
    return status;
}

static int verify_pass(struct ties *ties, enum roster_kind kind, struct err *err)
{
    struct roster_entry entry;
    int got = 1;
    if (roster_open(&ties->roster, ties->opts->source.path, err) != 0)
        return -1;
    while (got > 0 && ties->stop->requests == 0) {
        arena_reset(&ties->arena);
        got = roster_next(ties->roster, &entry, err);
        if (got > 0 && entry.kind == kind &&
            (ties_see(ties, &entry, err) != 0 || verify_entry(ties, &entry, err) != 0))
            got = -1;
    }
    roster_close(ties->roster);
    ties->roster = NULL;
    send_open(ties->arg);
    while (got >= 0 && ties->flying > 0)
        if (work(ties, err) != 0)
            return -1;
    return got < 0 ? -1 : 0;
}

static int verify(struct ties *ties, struct err *err)
{
    struct ties_verify *verify = ties->arg;
    for (size_t i = 0; i < BATCHES; i++) {
        verify->batches[i].ties = ties;
        buf_init(&verify->batches[i].path, BATCH_PATH);
        arena_init(&verify->batches[i].arena, BATCH_ARENA);
    }
    if (user_seen_new(&ties->seen, err) != 0 || verify_pass(ties, ROSTER_ORGANIZATION, err) != 0 ||
        verify_pass(ties, ROSTER_MEMBERSHIP, err) != 0)
        return -1;
    return ties->stop->requests == 0 ? ties_gone(ties, err) : 0;
}

int migrate_verify_organizations(const struct migrate_opts *opts,
                                 const struct migrate_instance *instance,
                                 const struct migrate_events *events,
                                 const struct migrate_stop *stop, struct migrate_totals *totals,
                                 struct err *err)
{
    struct ties_verify *state = calloc(1, sizeof(*state));
    if (!state)
        return err_memory(err);
    struct ties_opts ties = {opts,   instance,       events,       stop,
                             totals, .work = verify, .arg = state, .read_only = true};
    int status = ties_do(&ties, err);
    for (size_t i = 0; i < BATCHES; i++) {
        buf_release(&state->batches[i].path);
        arena_release(&state->batches[i].arena);
    }
    free(state);
    return status;
}
