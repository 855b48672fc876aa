/*
 * A call is held by three: the caller, until legacy_drop; the thread that asks; the timer, until the
 * call's time is over. Whoever settles it first, thread or timer, calls done; a drop settles it without.
 * What the call holds (arena, record) goes with the first two, the struct with the last of all.
 */
#include "trickle/asking.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_MEMORY ((size_t)4 * 1024 * 1024)

enum { WAITING, SETTLED };

struct legacy_call {
    struct legacy *legacy;
    atomic_uint holders; /* of the content: caller and thread */
    atomic_uint refs;    /* of the struct: content and timer */
    atomic_uint settled;
    atomic_bool stop, told;
    int64_t asked_us;
    struct arena arena;
    struct legacy_job job;
    void (*done)(void *arg, const struct legacy_answer *answer);
    void *arg;
};

struct telling {
    struct legacy *legacy;
    struct legacy_moved moved;
    struct arena arena;
};

enum legacy_says legacy_unclear(struct legacy_job *job, const char *format, ...)
{
    char why[ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    err_set(&job->err, ERR_NETWORK, "%s", why);
    return LEGACY_CANNOT_TELL;
}

long legacy_time_left(const struct legacy_job *job)
{
    int64_t left = (job->deadline_us - clock_now_us()) / 1000;
    return left > 0 ? (long)left : 1;
}

int legacy_map(struct legacy_job *job)
{
    struct legacy *legacy = job->legacy;
    struct user_reject reject;
    if (!buf_ok(&job->record))
        return err_set(&job->err, ERR_INPUT, "the user's record is too large");
    pthread_mutex_lock(&legacy->single_lock);
    int result = source_single_map(legacy->single, buf_text(&job->record), job->arena, &job->user,
                                   &reject, &job->err);
    pthread_mutex_unlock(&legacy->single_lock);
    if (result > 0)
        err_set(&job->err, ERR_INPUT, "the user's record: %s",
                user_reason_name(reject.reason)); /* the detail may show an address */
    job->has_user = result == 0;
    return result == 0 ? 0 : -1;
}

/* --- calls --- */

static void unref(struct legacy_call *call)
{
    if (atomic_fetch_sub(&call->refs, 1) == 1)
        free(call);
}

static void let_go(struct legacy_call *call)
{
    if (atomic_fetch_sub(&call->holders, 1) != 1)
        return;
    buf_release(&call->job.record);
    arena_release(&call->arena);
    unref(call);
}

static bool settle(struct legacy_call *call)
{
    unsigned expected = WAITING;
    return atomic_compare_exchange_strong(&call->settled, &expected, SETTLED);
}

/*
 * An odd record is a matter of one user, and no sign that the system fails: else whoever knows of such
 * a user could switch the connector off.
 */
static enum breaker_outcome outcome_of(enum legacy_says says, const struct err *err)
{
    return says == LEGACY_CANNOT_TELL && err->code != ERR_INPUT ? BREAKER_FAILED : BREAKER_WELL;
}

static void tell_breaker(struct legacy_call *call, enum breaker_outcome outcome)
{
    struct legacy *legacy = call->legacy;
    if (atomic_exchange(&call->told, true))
        return;
    pthread_mutex_lock(&legacy->lock);
    breaker_tell(&legacy->breaker, outcome, clock_now_us());
    legacy->state.waiting--;
    pthread_mutex_unlock(&legacy->lock);
}

static void count(struct legacy *legacy, const struct legacy_answer *answer)
{
    struct legacy_state *state = &legacy->state;
    pthread_mutex_lock(&legacy->lock);
    state->said[answer->says]++;
    legacy->last_clear = answer->says != LEGACY_CANNOT_TELL;
    if (legacy->last_clear) {
        int64_t by = answer->took_us - state->answer_us;
        state->answer_us += state->answer_us == 0 ? by : by / 8;
    } else {
        state->last_cannot_tell_ms = clock_wall_ms();
        snprintf(state->last_why, sizeof(state->last_why), "%s", answer->why);
    }
    pthread_mutex_unlock(&legacy->lock);
}

static void answer_call(struct legacy_call *call, enum legacy_says says, const struct user *user,
                        const char *why)
{
    struct legacy_answer answer = {says, user, why, clock_now_us() - call->asked_us};
    count(call->legacy, &answer);
    call->done(call->arg, &answer);
}

/* What a connector said, held against what follows from it. */
static enum legacy_says judge(struct legacy_job *job, enum legacy_says says)
{
    if (says != LEGACY_YES)
        return says;
    if (!job->has_user && legacy_map(job) != 0)
        return LEGACY_CANNOT_TELL;
    if (job->password.at && job->user.banned == USER_FLAG_TRUE) {
        err_set(&job->err, ERR_REFUSED, "the account is disabled");
        return LEGACY_NO;
    }
    return LEGACY_YES;
}

static void run_call(void *arg)
{
    struct legacy_call *call = arg;
    struct legacy_job *job = &call->job;
    if (atomic_load(&call->stop)) {
        tell_breaker(call, BREAKER_NOTHING);
        let_go(call);
        return;
    }
    enum legacy_says says = judge(job, call->legacy->ops->ask(call->legacy->system, job));
    bool given_up = atomic_load(&call->stop) && says == LEGACY_CANNOT_TELL;
    tell_breaker(call, given_up ? BREAKER_NOTHING : outcome_of(says, &job->err));
    if (settle(call))
        answer_call(call, says, says == LEGACY_YES ? &job->user : NULL, job->err.message);
    let_go(call);
}

static void run_out(void *arg)
{
    struct legacy_call *call = arg;
    char why[64];
    if (settle(call)) {
        atomic_store(&call->stop, true);
        tell_breaker(call, BREAKER_FAILED);
        snprintf(why, sizeof(why), "no answer within %lld ms",
                 (long long)(call->legacy->budget_us / 1000));
        answer_call(call, LEGACY_CANNOT_TELL, NULL, why);
    }
    unref(call);
}

static int check(const struct legacy_question *question, struct err *err)
{
    if (question->identifier.len == 0 || question->identifier.len > LEGACY_IDENTIFIER_MAX ||
        !text_is_utf8(question->identifier) || text_has_nul(question->identifier))
        return err_set(err, ERR_INPUT, "an identifier that is empty, too long or no text");
    if (question->password.at &&
        (question->password.len == 0 || question->password.len > LEGACY_PASSWORD_MAX))
        return err_set(err, ERR_INPUT, "a password that is empty or too long");
    return 0;
}

/* Of a call that nobody else knows of. */
static void discard(struct legacy_call *call)
{
    arena_release(&call->arena);
    free(call);
}

static struct legacy_call *new_call(struct legacy *legacy, const struct legacy_question *question)
{
    struct legacy_call *call = calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    struct legacy_job *job = &call->job;
    arena_init(&call->arena, CALL_MEMORY);
    buf_init(&job->record, SOURCE_SINGLE_MAX);
    call->legacy = legacy;
    call->done = question->done;
    call->arg = question->arg;
    atomic_init(&call->holders, 2);
    atomic_init(&call->refs, 2);
    call->asked_us = clock_now_us();
    job->legacy = legacy;
    job->arena = &call->arena;
    job->deadline_us = call->asked_us + legacy->budget_us;
    job->stop = &call->stop;
    job->identifier = arena_copy(&call->arena, question->identifier);
    if (question->password.at)
        job->password = arena_copy(&call->arena, question->password);
    job->address = arena_copy(&call->arena, question->address);
    if (job->identifier.at && (job->password.at || !question->password.at))
        return call;
    discard(call);
    return NULL;
}

static int refuse(struct legacy *legacy, struct err *err, const char *why)
{
    pthread_mutex_lock(&legacy->lock);
    legacy->state.refused++;
    pthread_mutex_unlock(&legacy->lock);
    return err_set(err, ERR_NETWORK, "legacy %s: %s", legacy->ops->name, why);
}

static bool may_ask(struct legacy *legacy)
{
    pthread_mutex_lock(&legacy->lock);
    bool may = breaker_ask(&legacy->breaker, clock_now_us());
    if (may)
        legacy->state.waiting++;
    pthread_mutex_unlock(&legacy->lock);
    return may;
}

/* Hands the call to timer and pool. On false nobody but the caller holds its content any more. */
static bool send(struct legacy *legacy, struct legacy_call *call)
{
    if (!timer_put(legacy->timer, call->job.deadline_us, run_out, call)) {
        unref(call);
    } else if (pool_put(legacy->pool, run_call, call)) {
        return true;
    }
    settle(call);
    tell_breaker(call, BREAKER_NOTHING);
    let_go(call);
    return false;
}

int legacy_ask(struct legacy *legacy, const struct legacy_question *question,
               struct legacy_call **out, struct err *err)
{
    if (check(question, err) != 0)
        return -1;
    struct legacy_call *call = *out = new_call(legacy, question);
    if (!call)
        return err_memory(err);
    if (!may_ask(legacy)) {
        discard(call);
        return refuse(legacy, err, "it has failed again and again; it rests for a moment");
    }
    if (send(legacy, call))
        return 0;
    let_go(call);
    return refuse(legacy, err, "too many questions wait for it");
}

bool legacy_drop(struct legacy_call *call)
{
    if (!call)
        return false;
    bool first = settle(call);
    if (first)
        atomic_store(&call->stop, true);
    let_go(call);
    return first;
}

/* --- telling --- */

bool legacy_takes_moved(const struct legacy *legacy)
{
    const struct legacy_ops *ops = legacy->ops;
    return ops->moved && legacy_has(&legacy->opts, ops->moved_by);
}

static void run_telling(void *arg)
{
    struct telling *telling = arg;
    struct legacy *legacy = telling->legacy;
    struct err err;
    int result = legacy->ops->moved(legacy->system, &telling->moved, &err);
    pthread_mutex_lock(&legacy->lock);
    legacy->state.moved_told += result == 0;
    legacy->state.moved_failed += result != 0;
    if (result != 0)
        snprintf(legacy->state.last_why, sizeof(legacy->state.last_why), "moved: %.140s",
                 err.message);
    pthread_mutex_unlock(&legacy->lock);
    arena_release(&telling->arena);
    free(telling);
}

int legacy_tell_moved(struct legacy *legacy, const struct legacy_moved *moved, struct err *err)
{
    if (!legacy_takes_moved(legacy))
        return err_set(err, ERR_USAGE, "legacy %s: is not told of moved users", legacy->ops->name);
    struct telling *telling = calloc(1, sizeof(*telling));
    if (!telling)
        return err_memory(err);
    arena_init(&telling->arena, CALL_MEMORY);
    telling->legacy = legacy;
    telling->moved = (struct legacy_moved){arena_copy(&telling->arena, moved->identifier),
                                           arena_copy(&telling->arena, moved->external_id),
                                           arena_copy(&telling->arena, moved->clerk_id)};
    if (pool_put(legacy->pool, run_telling, telling))
        return 0;
    arena_release(&telling->arena);
    free(telling);
    return refuse(legacy, err, "too many questions wait for it");
}
