/* What a decision wants to know: the legacy system's answer, Clerk's word, and whether the user has been moved. */
#include "trickle/mover_inside.h"

#include <pthread.h>

struct asked {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    struct legacy_answer answer;
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

static bool has_verified(const struct user_identifiers *list, struct text identifier)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].verified && text_same(list->at[i].value, identifier))
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

/* --- what has been moved --- */

static enum decide_moved moved_of(const struct backend_user *found, struct text external_id)
{
    if (!text_same(found->external_id, external_id))
        return DECIDE_MOVED_other;
    return found->password_enabled ? DECIDE_MOVED_yes : DECIDE_MOVED_bare;
}

/* After a yes: from who has the identifier at Clerk if that is known, else from the ledger. */
static enum decide_moved find_moved(struct mover_work *work)
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
static enum decide_clerk verify(struct mover_work *work)
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
        return DECIDE_CLERK_hidden;
    if (answer.result != BACKEND_OK)
        return DECIDE_CLERK_cannot_tell;
    work->knew = true;
    job->clerk_id = arena_copy(&job->arena, text_of(work->holder.id));
    job->external_id = work->holder.external_id;
    return DECIDE_CLERK_other;
}

void mover_look_up(struct mover_work *work)
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
    else if (facts->kind == DECIDE_KIND_hidden_code)
        facts->clerk = DECIDE_CLERK_hidden;
    else if (!work->holder.password_enabled)
        facts->clerk = DECIDE_CLERK_no_password;
    else if (facts->kind != DECIDE_KIND_backend)
        facts->clerk = DECIDE_CLERK_hidden;
    else if (mover_may_guess(work))
        facts->clerk = verify(work);
}

void mover_ask_legacy(struct mover_work *work)
{
    static const enum decide_legacy of[LEGACY_SAYS_COUNT] = {
        [LEGACY_CANNOT_TELL] = DECIDE_LEGACY_cannot_tell,
        [LEGACY_YES] = DECIDE_LEGACY_yes,
        [LEGACY_NO] = DECIDE_LEGACY_no,
        [LEGACY_UNKNOWN] = DECIDE_LEGACY_unknown,
    };
    struct mover_job *job = work->job;
    bool hidden = job->facts.clerk == DECIDE_CLERK_hidden;
    if (!mover_may_guess(work))
        return;
    enum legacy_says says = ask(job, &work->user, &work->call);
    if (says == LEGACY_YES && (!work->user || !is_who_was_asked(work->user, job->identifier)))
        says = LEGACY_CANNOT_TELL;
    job->facts.legacy = of[says];
    if ((says == LEGACY_NO || hidden) && job->password.at)
        events_count(job->mover->opts.events, EVENTS_wrong_password);
    /* What the old system thinks of Clerk's user is of no account. */
    if (says != LEGACY_YES || hidden)
        return;
    work->knew =
        job->facts.kind != DECIDE_KIND_hidden_code; /* each of these counts, whoever it is */
    if (job->facts.clerk == DECIDE_CLERK_no_password && !work->looked_up)
        mover_look_up(work);
    job->external_id = arena_copy(&job->arena, work->user->external_id);
    job->by_phone = has_verified(&work->user->phone_number, job->identifier);
    job->facts.moved = find_moved(work);
}
