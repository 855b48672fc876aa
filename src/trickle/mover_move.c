/*
 * What is done at Clerk. Moving a user is: claim in the ledger → create at Clerk → settle. Each step that cannot
 * tell how it went looks at Clerk by external id, which is unique there; so two tabs, two gateways and an
 * import that move the same user at the same moment make one.
 */
#include "trickle/mover_inside.h"

#include <unistd.h>

/* Somebody else is moving the same user: how long to wait for that, and how often to look. */
#define TAKEN_TRIES    60
#define TAKEN_WAIT_US  50000
#define CREATE_TRIES   2
#define TICKET_SECONDS 60

/* A user as it is created: with its digest if that is known, else the password that was just proven. */
static void write_body(const struct mover_work *work, struct buf *to)
{
    struct user user = *work->user;
    user.bypass_client_trust = USER_FLAG_TRUE;
    clerk_create_body_with(&user, work->job->password, to);
}

static int settle(struct mover_work *work, enum ledger_state state, struct text code)
{
    struct err err;
    struct mover_job *job = work->job;
    struct ledger_user outcome = {.error_code = code, .state = state};
    if (state == LEDGER_DONE)
        outcome.clerk_id = job->clerk_id;
    if (work->wrote)
        outcome.hashes = written_content(&work->written);
    if (state == LEDGER_DONE && job->moved)
        return book_settle_moved(job->mover->book, &work->claim, &outcome, &err);
    return book_settle(job->mover->book, &work->claim, &outcome, &err);
}

/* Whether Clerk has the user by now; then it is adopted. -1: cannot tell. */
static int adopt(struct mover_work *work)
{
    struct mover_job *job = work->job;
    struct backend_user found;
    if (backend_find_external_id(work->seat, work->user->external_id, &job->arena, &found) != 0)
        return -1;
    if (found.found)
        job->clerk_id = arena_copy(&job->arena, text_of(found.id));
    return found.found;
}

static void note_created(struct mover_work *work, struct json_value root)
{
    struct mover_job *job = work->job;
    job->clerk_id = arena_copy(&job->arena, json_text(json_get(root, TEXT("id"))));
    job->moved = true;
}

/*
 * Creates the claimed user. 1: it is there; 0: Clerk refuses, *code says why; -1: not now. What is unclear
 * is looked up, and sent once more if it is not there.
 */
static int create(struct mover_work *work, bool look_first, struct text *code)
{
    struct backend_answer answer;
    struct buf body;
    int result = look_first ? adopt(work) : 0;
    buf_init(&body, 1 << 20);
    write_body(work, &body);
    for (int i = 0; result == 0 && i < CREATE_TRIES; i++) {
        backend_call(work->seat, "POST", TEXT("/v1/users"), buf_text(&body), &answer);
        if (answer.result == BACKEND_OK) {
            note_created(work, answer.root);
            written_see(&work->written, answer.root);
            work->wrote = true;
            result = 1;
        } else if (answer.result == BACKEND_REFUSED) {
            *code = arena_copy(&work->job->arena, text_of(answer.problem.code));
            result = adopt(work);
            break;
        } else if (answer.result == BACKEND_UNKNOWN) {
            work->wrote = true;
            result = adopt(work);
        } else {
            result = -1;
        }
    }
    buf_release(&body);
    return result == 0 && !code->at ? -1 : result;
}

static void tell_moved(struct mover_work *work)
{
    struct mover_job *job = work->job;
    struct err err;
    const struct events_value values[] = {{"external_id", job->external_id, 0},
                                          {"clerk_id", job->clerk_id, 0},
                                          {"kind", text_of(decide_kind_name(job->facts.kind)), 0}};
    const struct legacy_moved moved = {job->identifier, job->external_id, job->clerk_id};
    events_count(job->mover->opts.events, EVENTS_moved);
    events_tell(job->mover->opts.events, "moved", values, ARRAY_COUNT(values));
    if (legacy_takes_moved(job->mover->opts.legacy))
        legacy_tell_moved(job->mover->opts.legacy, &moved, &err);
}

/* Claims the user, waiting for whoever has it. False: it cannot be had now. */
static bool claim(struct mover_work *work)
{
    struct mover_job *job = work->job;
    struct err err;
    work->claim.external_id = work->user->external_id;
    work->claim.record = written_content(&work->written);
    for (int i = 0; i < TAKEN_TRIES; i++) {
        struct book_tally forgiven[MOVER_TALLIES];
        size_t count = mover_forgive(work, forgiven);
        if (book_claim(job->mover->book, &work->claim, &job->arena, forgiven, count, &err) != 0)
            return false;
        if (work->claim.found.result != LEDGER_TAKEN)
            return true;
        usleep(TAKEN_WAIT_US);
    }
    return false;
}

static void tell_refused(struct mover_work *work, struct text code)
{
    struct mover_job *job = work->job;
    const struct events_value values[] = {{"external_id", job->external_id, 0}, {"code", code, 0}};
    events_count(job->mover->opts.events, EVENTS_create_failed);
    events_tell(job->mover->opts.events, "create_failed", values, ARRAY_COUNT(values));
}

/* The record of what is about to be written. */
static bool take_down(struct mover_work *work)
{
    struct hash_key key;
    struct err err;
    return book_key(work->job->mover->book, &key, &err) == 0 &&
           written_take(&work->written, &key, work->user, &err) == 0;
}

bool mover_move(struct mover_work *work)
{
    const struct ledger_claim *found = &work->claim.found;
    struct text code = {NULL, 0};
    if (!take_down(work) || !claim(work))
        return false;
    if (found->result == LEDGER_MOVED) {
        work->job->clerk_id = found->clerk_id;
        return true;
    }
    int made = create(work, found->look_first, &code);
    if (made < 0) {
        settle(work, LEDGER_PLANNED,
               work->wrote || found->look_first ? LEDGER_UNANSWERED : (struct text){NULL, 0});
        return false;
    }
    settle(work, made ? LEDGER_DONE : LEDGER_FAILED, made ? (struct text){NULL, 0} : code);
    if (made && work->job->moved)
        tell_moved(work);
    else if (!made)
        tell_refused(work, code);
    /* Refused as somebody else has the identifier: the password that Clerk knows decides. */
    return true;
}

bool mover_fill(struct mover_work *work)
{
    struct mover_job *job = work->job;
    struct backend_answer answer;
    struct buf path, body;
    buf_init(&path, 512);
    buf_init(&body, 64 * 1024);
    buf_printf(&path, "/v1/users/%.*s", TEXT_ARG(job->clerk_id));
    clerk_password_body(work->user, job->password, &body);
    backend_call(work->seat, "PATCH", buf_text(&path), buf_text(&body), &answer);
    buf_release(&path);
    buf_release(&body);
    if (answer.result != BACKEND_OK)
        return false;
    events_count(job->mover->opts.events, EVENTS_filled);
    return true;
}

void mover_mint(struct mover_work *work)
{
    struct mover_job *job = work->job;
    struct backend_answer answer;
    struct buf body;
    bool proven = job->action == DECIDE_ACTION_move || job->action == DECIDE_ACTION_fill ||
                  job->action == DECIDE_ACTION_pass;
    if (!job->wants_ticket || job->end != MOVER_DECIDED || !proven || job->clerk_id.len == 0)
        return;
    buf_init(&body, 1024);
    struct json_out out = json_out(&body);
    json_open(&out, '{');
    json_key(&out, TEXT("user_id"));
    json_put_text(&out, job->clerk_id);
    json_key(&out, TEXT("expires_in_seconds"));
    json_put_int(&out, TICKET_SECONDS);
    json_close(&out, '}');
    backend_call(work->seat, "POST", TEXT("/v1/sign_in_tokens"), buf_text(&body), &answer);
    buf_release(&body);
    if (answer.result == BACKEND_OK)
        job->ticket = arena_copy(&job->arena, json_text(json_get(answer.root, TEXT("token"))));
}
