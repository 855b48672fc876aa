/*
 * A job goes round: decide → find out what is missing → decide again, until an action answers the request.
 * Moving a user is: claim in the ledger → create at Clerk → settle. Each step that cannot tell how it went
 * looks at Clerk by external id, which is unique there; so two tabs, two gateways and an import that move
 * the same user at the same moment make one.
 */
#include "trickle/mover.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trickle/written.h"

#define JOB_MEMORY_MAX   ((size_t)4 * 1024 * 1024)
#define QUEUE_PER_WORKER 8
/* Somebody else is moving the same user: how long to wait for that, and how often to look. */
#define TAKEN_TRIES    60
#define TAKEN_WAIT_US  50000
#define CREATE_TRIES   2
#define TICKET_SECONDS 60

struct mover {
    struct mover_opts opts;
    struct backend *backend;
    struct book *book;
    struct pool *pool;
    atomic_bool finished;
};

struct backend *mover_backend(struct mover *mover)
{
    return mover->backend;
}

struct book *mover_book(struct mover *mover)
{
    return mover->book;
}

/* --- guesses --- */

static struct text lower(struct arena *arena, struct text t)
{
    struct text copy = arena_copy(arena, t);
    char *at = (char *)(uintptr_t)copy.at;
    for (size_t i = 0; at && i < copy.len; i++)
        if (at[i] >= 'A' && at[i] <= 'Z')
            at[i] |= 0x20;
    return copy;
}

/* Counts a guess (add 1) or takes it back (-1). False: that is one too many, or nobody can count. */
static bool count_guess(struct mover_job *job, const char *kind, struct text key, uint32_t max,
                        int64_t add)
{
    const struct settings_throttle *throttle = &job->mover->opts.settings->throttle;
    int64_t sum, until_ms;
    struct err err;
    if (key.len == 0)
        return true;
    if (book_tally(job->mover->book, kind, key, add, throttle->seconds, &sum, &until_ms, &err) != 0)
        return false;
    if (sum <= max)
        return true;
    int64_t left_ms = until_ms - clock_wall_ms();
    job->retry_after_s = left_ms > 1000 ? (left_ms + 999) / 1000 : 1;
    return false;
}

/* --- asking the legacy system, and waiting --- */

struct asked {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    struct legacy_answer answer;
    struct arena *arena;
    struct user user;
    bool has_user;
};

static void on_answer(void *arg, const struct legacy_answer *answer)
{
    struct asked *asked = arg;
    pthread_mutex_lock(&asked->lock);
    asked->answer = *answer;
    asked->done = true;
    pthread_cond_signal(&asked->changed);
    pthread_mutex_unlock(&asked->lock);
}

/* The user is the answer's until the call is dropped: *call is the caller's to drop. */
static enum legacy_says ask(struct mover_job *job, const struct user **user,
                            struct legacy_call **call)
{
    struct asked asked = {.done = false};
    struct err err;
    const struct legacy_question question = {.identifier = job->identifier,
                                             .password = job->password,
                                             .address = job->address,
                                             .done = on_answer,
                                             .arg = &asked};
    pthread_mutex_init(&asked.lock, NULL);
    pthread_cond_init(&asked.changed, NULL);
    *call = NULL;
    *user = NULL;
    enum legacy_says says = LEGACY_CANNOT_TELL;
    if (legacy_ask(job->mover->opts.legacy, &question, call, &err) != 0) {
        says = err.code == ERR_INPUT ? LEGACY_NO : LEGACY_CANNOT_TELL;
    } else {
        pthread_mutex_lock(&asked.lock);
        while (!asked.done)
            pthread_cond_wait(&asked.changed, &asked.lock);
        pthread_mutex_unlock(&asked.lock);
        says = asked.answer.says;
        *user = asked.answer.user;
    }
    pthread_cond_destroy(&asked.changed);
    pthread_mutex_destroy(&asked.lock);
    return says;
}

static bool has_identifier(const struct user_identifiers *list, struct text identifier)
{
    for (size_t i = 0; i < list->count; i++)
        if (text_same_nocase(list->at[i].value, identifier))
            return true;
    return false;
}

/*
 * Whether the user that the system gave is the one asked for. Another one, from a system that lies or a
 * query that is wrong, would get this password.
 */
static bool is_who_was_asked(const struct user *user, struct text identifier)
{
    return user->external_id.len > 0 && (has_identifier(&user->email_address, identifier) ||
                                         has_identifier(&user->phone_number, identifier) ||
                                         text_same_nocase(user->username, identifier));
}

/* --- a job's work --- */

struct work {
    struct mover_job *job;
    struct backend_seat *seat;
    const struct user *user; /* of the legacy system, once it said yes */
    struct legacy_call *call;
    struct backend_user holder; /* who has the identifier at Clerk, once looked up */
    bool looked_up;
    bool counted;           /* as a guess */
    struct written written; /* the record of what a create brings … */
    bool wrote;             /* … and whether one has, or may have, come through */
};

/* Once a job. False, and job->end says it: that is one guess too many, or nobody can count. */
static bool may_guess(struct work *work)
{
    struct mover_job *job = work->job;
    const struct settings_throttle *throttle = &job->mover->opts.settings->throttle;
    struct text identifier = lower(&job->arena, job->identifier);
    if (work->counted)
        return true;
    bool by_address = count_guess(job, "guess-address", job->address, throttle->address, 1);
    bool by_identifier = !job->password.at ||
                         count_guess(job, "guess-identifier", identifier, throttle->identifier, 1);
    work->counted = by_address && by_identifier;
    if (!work->counted)
        job->end = job->retry_after_s > 0 ? MOVER_THROTTLED : MOVER_LATER;
    return work->counted;
}

/* Who knew the password has not been guessing. */
static void forgive(struct work *work)
{
    struct mover_job *job = work->job;
    count_guess(job, "guess-address", job->address, UINT32_MAX, -1);
    if (job->password.at)
        count_guess(job, "guess-identifier", lower(&job->arena, job->identifier), UINT32_MAX, -1);
}

/* --- what has been moved --- */

static enum decide_moved moved_of(const struct backend_user *found, struct text external_id)
{
    if (!text_same(found->external_id, external_id))
        return DECIDE_MOVED_other;
    return found->password_enabled ? DECIDE_MOVED_yes : DECIDE_MOVED_bare;
}

/* After a yes: from who has the identifier at Clerk if that is known, else from the ledger. */
static enum decide_moved find_moved(struct work *work)
{
    struct mover_job *job = work->job;
    struct backend_user found;
    struct text clerk_id;
    struct err err;
    if (work->looked_up && work->holder.found) {
        job->clerk_id = arena_copy(&job->arena, text_of(work->holder.id));
        return moved_of(&work->holder, work->user->external_id);
    }
    if (book_find(job->mover->book, work->user->external_id, &job->arena, &clerk_id, &err) != 0)
        return DECIDE_MOVED_cannot_tell;
    if (!clerk_id.at)
        return DECIDE_MOVED_no;
    job->clerk_id = clerk_id;
    if (backend_find_id(work->seat, clerk_id, &job->arena, &found) != 0)
        return DECIDE_MOVED_cannot_tell;
    if (!found.found)
        return DECIDE_MOVED_yes; /* deleted at Clerk since: not to be brought back */
    return moved_of(&found, work->user->external_id);
}

/* Clerk's own word on a password, for those who ask without a browser. */
static enum decide_clerk verify(struct work *work)
{
    struct mover_job *job = work->job;
    struct backend_answer answer;
    struct buf path, body;
    buf_init(&path, 512);
    buf_init(&body, 64 * 1024);
    buf_printf(&path, "/v1/users/%s/verify_password", work->holder.id);
    struct json_out out = json_out(&body);
    json_open(&out, '{');
    json_key(&out, TEXT("password"));
    json_put_text(&out, job->password);
    json_close(&out, '}');
    backend_call(work->seat, "POST", buf_text(&path), buf_text(&body), &answer);
    buf_release(&path);
    buf_release(&body);
    if (answer.result == BACKEND_REFUSED && answer.status == 422)
        return DECIDE_CLERK_wrong_hidden;
    if (answer.result != BACKEND_OK)
        return DECIDE_CLERK_cannot_tell;
    forgive(work);
    job->clerk_id = arena_copy(&job->arena, text_of(work->holder.id));
    job->external_id = work->holder.external_id;
    return DECIDE_CLERK_other;
}

static void look_up(struct work *work)
{
    struct decide_facts *facts = &work->job->facts;
    if (backend_find_identifier(work->seat, work->job->identifier, &work->job->arena,
                                &work->holder) != 0) {
        facts->clerk = DECIDE_CLERK_cannot_tell;
        return;
    }
    work->looked_up = true;
    if (!work->holder.found)
        facts->clerk = DECIDE_CLERK_unknown_user;
    else if (!work->holder.password_enabled)
        facts->clerk = DECIDE_CLERK_no_password;
    else if (facts->kind != DECIDE_KIND_backend)
        facts->clerk = DECIDE_CLERK_wrong_hidden;
    else if (may_guess(work))
        facts->clerk = verify(work);
}

static void ask_legacy(struct work *work)
{
    static const enum decide_legacy of[LEGACY_SAYS_COUNT] = {
        [LEGACY_CANNOT_TELL] = DECIDE_LEGACY_cannot_tell,
        [LEGACY_YES] = DECIDE_LEGACY_yes,
        [LEGACY_NO] = DECIDE_LEGACY_no,
        [LEGACY_UNKNOWN] = DECIDE_LEGACY_unknown,
    };
    struct mover_job *job = work->job;
    bool hidden = job->facts.clerk == DECIDE_CLERK_wrong_hidden;
    if (!may_guess(work))
        return;
    enum legacy_says says = ask(job, &work->user, &work->call);
    if (says == LEGACY_YES && (!work->user || !is_who_was_asked(work->user, job->identifier)))
        says = LEGACY_CANNOT_TELL;
    job->facts.legacy = of[says];
    if ((says == LEGACY_NO || hidden) && job->password.at)
        events_count(job->mover->opts.events, EVENTS_wrong_password);
    if (says != LEGACY_YES ||
        hidden) /* what the old system thinks of Clerk's user is of no account */
        return;
    forgive(work);
    if (job->facts.clerk == DECIDE_CLERK_no_password && !work->looked_up)
        look_up(work);
    job->external_id = arena_copy(&job->arena, work->user->external_id);
    job->facts.moved = find_moved(work);
}

/* --- moving --- */

/* A user as it is created: with its digest if that is known, else the password that was just proven. */
static void write_body(const struct work *work, struct buf *to)
{
    struct user user = *work->user;
    user.bypass_client_trust = USER_FLAG_TRUE;
    clerk_create_body_with(&user, work->job->password, to);
}

static int settle(struct work *work, enum ledger_state state, struct text code)
{
    struct err err;
    struct mover_job *job = work->job;
    struct ledger_user row = {
        .external_id = work->user->external_id, .error_code = code, .state = state};
    if (state == LEDGER_DONE)
        row.clerk_id = job->clerk_id;
    if (work->wrote)
        row.hashes = written_content(&work->written);
    if (state == LEDGER_DONE && job->moved)
        return book_settle_moved(job->mover->book, &row, &err);
    return book_settle(job->mover->book, &row, &err);
}

/* Whether Clerk has the user by now; then it is adopted. -1: cannot tell. */
static int adopt(struct work *work)
{
    struct mover_job *job = work->job;
    struct backend_user found;
    if (backend_find_external_id(work->seat, work->user->external_id, &job->arena, &found) != 0)
        return -1;
    if (found.found)
        job->clerk_id = arena_copy(&job->arena, text_of(found.id));
    return found.found;
}

static void note_created(struct work *work, struct json_value root)
{
    struct mover_job *job = work->job;
    job->clerk_id = arena_copy(&job->arena, json_text(json_get(root, TEXT("id"))));
    job->moved = true;
}

/*
 * Creates the claimed user. 1: it is there; 0: Clerk refuses, *code says why; -1: not now. What is unclear
 * is looked up, and sent once more if it is not there.
 */
static int create(struct work *work, bool look_first, struct text *code)
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

static void tell_moved(struct work *work)
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
static bool claim(struct work *work, struct ledger_claim *claim)
{
    struct mover_job *job = work->job;
    struct err err;
    for (int i = 0; i < TAKEN_TRIES; i++) {
        if (book_claim(job->mover->book, work->user->external_id, written_content(&work->written),
                       &job->arena, claim, &err) != 0)
            return false;
        if (claim->result != LEDGER_TAKEN)
            return true;
        usleep(TAKEN_WAIT_US);
    }
    return false;
}

static void tell_refused(struct work *work, struct text code)
{
    struct mover_job *job = work->job;
    const struct events_value values[] = {{"external_id", job->external_id, 0}, {"code", code, 0}};
    events_count(job->mover->opts.events, EVENTS_create_failed);
    events_tell(job->mover->opts.events, "create_failed", values, ARRAY_COUNT(values));
}

/* The record of what is about to be written. */
static bool take_down(struct work *work)
{
    struct hash_key key;
    struct err err;
    return book_key(work->job->mover->book, &key, &err) == 0 &&
           written_take(&work->written, &key, work->user, &err) == 0;
}

/* Makes the user at Clerk, or finds that it has been made meanwhile. False: not now. */
static bool move(struct work *work)
{
    struct ledger_claim claimed = {.result = LEDGER_TAKEN};
    struct text code = {NULL, 0};
    if (!take_down(work) || !claim(work, &claimed))
        return false;
    if (claimed.result == LEDGER_MOVED) {
        work->job->clerk_id = claimed.clerk_id;
        return true;
    }
    int made = create(work, claimed.look_first, &code);
    if (made < 0) {
        settle(work, LEDGER_PLANNED,
               work->wrote || claimed.look_first ? LEDGER_UNANSWERED : (struct text){NULL, 0});
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

/* Gives a user without a password the one that was proven. False: not now. */
static bool fill(struct work *work)
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

/* --- a job --- */

/* One step towards an action that answers. Returns false when it is reached. */
static bool step(struct work *work)
{
    struct mover_job *job = work->job;
    job->action = decide_next(&job->facts, &job->mover->opts.settings->policy);
    switch (job->action) {
    case DECIDE_ACTION_look_up:
        look_up(work);
        return job->end == MOVER_DECIDED;
    case DECIDE_ACTION_ask_legacy:
        ask_legacy(work);
        return job->end == MOVER_DECIDED;
    case DECIDE_ACTION_move:
        job->end = move(work) ? MOVER_DECIDED : MOVER_LATER;
        return false;
    case DECIDE_ACTION_fill:
        job->end = fill(work) ? MOVER_DECIDED : MOVER_LATER;
        return false;
    default:
        return false;
    }
}

/* A sign-in token for who has proven the password; none shows in job->ticket. */
static void mint(struct work *work)
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

static void deliver(struct loop_task *task)
{
    struct mover_job *job = (struct mover_job *)task;
    job->done(job);
}

static void run(void *arg)
{
    struct mover_job *job = arg;
    struct work work = {.job = job};
    struct err err;
    work.seat = backend_take(job->mover->backend, &err);
    job->end = work.seat ? MOVER_DECIDED : MOVER_LATER;
    while (work.seat && step(&work))
        continue;
    if (work.seat)
        mint(&work);
    written_release(&work.written);
    legacy_drop(work.call);
    backend_give(job->mover->backend, work.seat);
    job->task.run = deliver;
    if (job->loop)
        loop_post(job->loop, &job->task);
    else
        job->done(job);
}

bool mover_put(struct mover *mover, struct mover_job *job)
{
    job->mover = mover;
    arena_init(&job->arena, JOB_MEMORY_MAX);
    return !atomic_load(&mover->finished) && pool_put(mover->pool, run, job);
}

static int open_parts(struct mover *mover, struct err *err)
{
    const struct settings *settings = mover->opts.settings;
    char instance[CLERK_ID_MAX];
    if (backend_open(&mover->backend, settings->clerk.api_url, settings->clerk.secret_key, err) !=
            0 ||
        backend_instance(mover->backend, instance, err) != 0 ||
        book_open(&mover->book, settings->ledger, text_of(instance), err) != 0)
        return -1;
    return pool_new(&mover->pool, settings->workers, (size_t)settings->workers * QUEUE_PER_WORKER,
                    err);
}

int mover_open(struct mover **out, const struct mover_opts *opts, struct err *err)
{
    struct mover *mover = calloc(1, sizeof(*mover));
    if (!mover)
        return err_memory(err);
    mover->opts = *opts;
    if (open_parts(mover, err) != 0) {
        mover_close(mover);
        return -1;
    }
    *out = mover;
    return 0;
}

void mover_finish(struct mover *mover)
{
    if (!mover)
        return;
    atomic_store(&mover->finished, true);
    pool_free(mover->pool);
    mover->pool = NULL;
}

void mover_close(struct mover *mover)
{
    if (!mover)
        return;
    mover_finish(mover);
    book_close(mover->book);
    backend_close(mover->backend);
    free(mover);
}
