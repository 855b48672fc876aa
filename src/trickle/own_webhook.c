/*
 * POST /usher/v1/webhook, from Clerk by Svix. A user who came by themselves (social sign-in, a code) and has no
 * external id gets that of the legacy user with the same address, verified on both sides, and what metadata
 * Clerk has none of; a change is sent back to the hook. All of it may be done twice without harm, so a
 * message counts as seen once it was dealt with, and an answer that is no 2xx makes Svix bring it again.
 */
#include "trickle/own.h"
#include "trickle/side.h"

#include <pthread.h>
#include <stdio.h>

#define JOB_MEMORY_MAX ((size_t)8 * 1024 * 1024)
/* Longer than Svix goes on trying, and than a message's time may be off. */
#define SEEN_MS INT64_C(604800000)

struct webhook_work {
    struct side *side;
    struct core *core;
    struct webhook_message message;
    struct webhook_event event;
    struct arena arena;
    struct backend_seat *seat;
    struct user user; /* the legacy system's */
};

/* What became of a part of the work: done, or to be brought again. */
enum part { DONE, AGAIN };

static void tell(struct webhook_work *work, const char *what, const char *why)
{
    const struct events_value values[] = {
        {"clerk_id", work->event.clerk_id, 0},
        {"external_id", work->user.external_id.at ? work->user.external_id : TEXT(""), 0},
        {"why", text_of(why), 0}};
    events_tell(work->core->events, what, values, ARRAY_COUNT(values));
}

/* --- whom the address belongs to at the legacy system --- */

struct found {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    enum legacy_says says;
    struct webhook_work *work;
};

static void on_answer(void *arg, const struct legacy_answer *answer)
{
    struct found *found = arg;
    struct err err;
    pthread_mutex_lock(&found->lock);
    found->says = answer->says;
    if (answer->user && user_copy(answer->user, &found->work->arena, &found->work->user, &err) != 0)
        found->says = LEGACY_CANNOT_TELL;
    found->done = true;
    pthread_cond_signal(&found->changed);
    pthread_mutex_unlock(&found->lock);
}

static enum legacy_says find(struct webhook_work *work)
{
    struct found found = {.says = LEGACY_CANNOT_TELL, .work = work};
    struct legacy_call *call;
    struct err err;
    const struct legacy_question question = {
        .identifier = work->event.email, .done = on_answer, .arg = &found};
    pthread_mutex_init(&found.lock, NULL);
    pthread_cond_init(&found.changed, NULL);
    if (legacy_ask(work->core->legacy, &question, &call, &err) == 0) {
        pthread_mutex_lock(&found.lock);
        while (!found.done)
            pthread_cond_wait(&found.changed, &found.lock);
        pthread_mutex_unlock(&found.lock);
        legacy_drop(call);
    }
    pthread_cond_destroy(&found.changed);
    pthread_mutex_destroy(&found.lock);
    return found.says;
}

/* Whoever once gave somebody else's address there must not become that somebody here. */
static bool is_verified_there(const struct user *user, struct text email)
{
    for (size_t i = 0; i < user->email_address.count; i++)
        if (text_same_nocase(user->email_address.at[i].value, email))
            return user->email_address.at[i].verified;
    return false;
}

/* --- giving --- */

static struct text path_of(struct webhook_work *work, const char *behind)
{
    return arena_printf(&work->arena, "/v1/users/%.*s%s", TEXT_ARG(work->event.clerk_id), behind);
}

/* The state at Clerk now, not at the time of the message: 1 without an external id, 0 with one or gone. */
static int is_without_id(struct webhook_work *work)
{
    struct backend_user now;
    if (backend_find_id(work->seat, work->event.clerk_id, &work->arena, &now) != 0)
        return -1;
    if (now.found && now.external_id.len > 0 && !text_same(now.external_id, work->user.external_id))
        tell(work, "webhook_conflict", "the user has another external id");
    return now.found && now.external_id.len == 0;
}

static void write_id(struct webhook_work *work, struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    json_key(&out, TEXT("external_id"));
    json_put_text(&out, work->user.external_id);
    json_close(&out, '}');
}

/* What the legacy system has and Clerk has nothing of; false if that is nothing. */
static bool write_metadata(struct webhook_work *work, struct buf *to)
{
    const struct {
        const char *name;
        struct text value;
        bool there;
    } objects[] = {
        {"public_metadata", work->user.public_metadata, work->event.has_public},
        {"private_metadata", work->user.private_metadata, work->event.has_private},
        {"unsafe_metadata", work->user.unsafe_metadata, work->event.has_unsafe},
    };
    struct json_out out = json_out(to);
    bool any = false;
    json_open(&out, '{');
    for (size_t i = 0; i < ARRAY_COUNT(objects); i++) {
        if (!objects[i].value.at || objects[i].there)
            continue;
        json_key(&out, text_of(objects[i].name));
        json_put_raw(&out, objects[i].value);
        any = true;
    }
    json_close(&out, '}');
    return any;
}

static enum backend_result patch(struct webhook_work *work, const char *behind,
                                 const struct buf *body)
{
    struct backend_answer answer;
    backend_call(work->seat, "PATCH", path_of(work, behind), buf_text(body), &answer);
    return answer.result;
}

static enum backend_result give(struct webhook_work *work)
{
    struct buf body;
    buf_init(&body, WEBHOOK_BODY_MAX);
    write_id(work, &body);
    enum backend_result result = patch(work, "", &body);
    buf_reset(&body);
    if (result == BACKEND_OK && write_metadata(work, &body))
        result = patch(work, "/metadata", &body);
    buf_release(&body);
    return result;
}

static enum part settle(struct webhook_work *work, struct book_claim *claim,
                        enum backend_result result)
{
    struct book *book = mover_book(work->core->mover);
    struct err err;
    struct ledger_user row = {.state = LEDGER_PLANNED};
    switch (result) {
    case BACKEND_OK:
        tell(work, "webhook_adopted", "");
        row.state = LEDGER_DONE;
        row.clerk_id = work->event.clerk_id;
        return book_settle(book, claim, &row, &err) == 0 ? DONE : AGAIN;
    case BACKEND_REFUSED: /* most likely the external id is somebody else's by now */
        tell(work, "webhook_conflict", "Clerk refuses the external id");
        book_settle(book, claim, &row, &err);
        return DONE;
    default:
        book_settle(book, claim, &row, &err);
        return AGAIN;
    }
}

/* The ledger says who has this external id; nobody moves the user meanwhile. */
static enum part claim_and_give(struct webhook_work *work)
{
    struct book_claim claim = {.external_id = work->user.external_id};
    struct err err;
    if (book_claim(mover_book(work->core->mover), &claim, &work->arena, NULL, 0, &err) != 0 ||
        claim.found.result == LEDGER_TAKEN)
        return AGAIN;
    if (claim.found.result == LEDGER_CLAIMED)
        return settle(work, &claim, give(work));
    if (!text_same(claim.found.clerk_id, work->event.clerk_id))
        tell(work, "webhook_conflict", "the legacy user has been moved to another user");
    return DONE;
}

static enum part adopt(struct webhook_work *work)
{
    if (work->event.external_id.at || !work->event.email.at)
        return DONE;
    enum legacy_says says = find(work);
    if (says != LEGACY_YES)
        return says == LEGACY_CANNOT_TELL ? AGAIN : DONE;
    if (!is_verified_there(&work->user, work->event.email)) {
        tell(work, "webhook_conflict", "the legacy system has the address unverified");
        return DONE;
    }
    int without = is_without_id(work);
    if (without <= 0)
        return without < 0 ? AGAIN : DONE;
    return claim_and_give(work);
}

/* --- messages --- */

static enum part deal_with(struct webhook_work *work)
{
    struct err err;
    enum part part = DONE;
    if (work->event.kind == WEBHOOK_CREATED) {
        work->seat = backend_take(mover_backend(work->core->mover), &err);
        part = work->seat ? adopt(work) : AGAIN;
        if (work->seat)
            backend_give(mover_backend(work->core->mover), work->seat);
    }
    if (part == DONE && work->event.kind != WEBHOOK_OTHER &&
        webhook_sends_back(work->side->webhook) &&
        webhook_send_back(work->side->webhook, work->message.id, &work->event, &err) != 0) {
        tell(work, "webhook_back_failed", err.message);
        part = AGAIN;
    }
    return part;
}

/* How a message is answered. */
struct webhook_job {
    struct side_job job; /* first */
    int status;
    const char *code;
    char message[ERR_MESSAGE_MAX];
};

static void end(struct webhook_job *job, int status, const char *code, const char *message)
{
    job->status = status;
    job->code = code;
    snprintf(job->message, sizeof(job->message), "%s", message);
}

static void receive(struct webhook_work *work, struct webhook_job *job)
{
    struct book *book = mover_book(work->core->mover);
    bool seen = false;
    struct err err;
    if (webhook_verify(work->side->webhook, &work->message, clock_wall_ms(), &err) != 0)
        end(job, 401, "signature", err.message);
    else if (book_seen(book, "webhook", work->message.id, &seen, &err) != 0)
        end(job, 503, "later", "The ledger cannot be used right now.");
    else if (!seen && webhook_read(work->message.body, &work->arena, &work->event, &err) != 0)
        end(job, 400, "body", err.message);
    else if (!seen && (deal_with(work) != DONE || book_note(book, "webhook", work->message.id,
                                                            clock_wall_ms() + SEEN_MS, &err) != 0))
        end(job, 503, "later", "This cannot be dealt with right now.");
    else
        end(job, 200, NULL, "");
}

static void work_on(struct side_job *job)
{
    struct server_request *request = job->request;
    struct webhook_work work = {.side = job->side, .core = job->side->core};
    user_init(&work.user);
    arena_init(&work.arena, JOB_MEMORY_MAX);
    work.message = (struct webhook_message){
        .id = server_header(request, "svix-id"),
        .timestamp = server_header(request, "svix-timestamp"),
        .signature = server_header(request, "svix-signature"),
        .body = request->body,
    };
    receive(&work, (struct webhook_job *)job);
    arena_release(&work.arena);
}

static void give_answer(struct side_job *job)
{
    struct webhook_job *webhook = (struct webhook_job *)job;
    if (webhook->code)
        side_refuse(job->request, webhook->status, webhook->code, webhook->message);
    else
        server_answer(job->request, &(struct server_answer){.status = webhook->status});
}

void own_webhook(struct core *core, struct server_request *request)
{
    struct webhook_job *job = arena_zalloc(&request->arena, 1, sizeof(*job));
    struct side *side = core->side;
    if (!side || !side->webhook) {
        proxy_refuse(request, CLERK_resource_not_found, "There is no webhook in usher.yaml.");
        return;
    }
    if (job) {
        job->job.work = work_on;
        job->job.answer = give_answer;
    }
    side_queue(side, request, job ? &job->job : NULL);
}
