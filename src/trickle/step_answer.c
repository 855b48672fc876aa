/*
 * How a step ends.
 *
 * A refusal that a worker had to do with leaves at the next tick of a clock that began with the request, so
 * that its time does not tell an unknown user from a wrong password; connectors take care of the rest. The answer to
 * a code that is sent under enumeration protection leaves at a tick of a slower clock, which has room for a move: a code
 * takes its time to arrive anyhow.
 *
 * After a move the browser's own words go to Clerk once more, once, with the cookies as they are by now; its
 * answer is the browser's, whatever it says: a second factor, a leaked password, a limit.
 */
#include "trickle/step_inside.h"

#include <stdio.h>
#include <string.h>

#define TICK_US      INT64_C(250000)
#define CODE_TICK_US INT64_C(2000000)

static int64_t tick(const struct server_request *request, int64_t width_us)
{
    int64_t began = request->arrived_us;
    return began + ((clock_now_us() - began) / width_us + 1) * width_us;
}

int64_t step_tick(const struct server_request *request)
{
    return tick(request, TICK_US);
}

static int64_t next_tick(const struct step *step)
{
    return step->job_began ? step_tick(step->request) : 0;
}

static bool is_cookie(const struct server_header *header)
{
    return text_same_nocase(text_of(header->name), TEXT("Set-Cookie"));
}

/* Whether one of these headers sets the same cookie. */
static bool sets_same(const struct server_header *headers, size_t count, const char *line)
{
    size_t len = strcspn(line, "=") + 1;
    for (size_t i = 0; i < count; i++)
        if (is_cookie(&headers[i]) && strncmp(headers[i].value, line, len) == 0)
            return true;
    return false;
}

/* Puts the first answer's cookies in front of another's, but those that it sets again. */
static struct proxy_answer with_first_cookies(struct step *step, const struct proxy_answer *answer)
{
    struct proxy_answer both = *answer;
    size_t count = step->first.header_count + answer->header_count, used = 0;
    struct server_header *headers =
        arena_alloc(&step->request->arena, (count + 1) * sizeof(*headers));
    if (!headers)
        return both;
    for (size_t i = 0; i < step->first.header_count; i++)
        if (is_cookie(&step->first.headers[i]) &&
            !sets_same(answer->headers, answer->header_count, step->first.headers[i].value))
            headers[used++] = step->first.headers[i];
    if (answer->header_count > 0)
        memcpy(headers + used, answer->headers, answer->header_count * sizeof(*headers));
    both.headers = headers;
    both.header_count = used + answer->header_count;
    return both;
}

void step_give(struct step *step, const struct proxy_answer *answer)
{
    if (answer->status == 0) {
        proxy_refuse_failed(step->request);
        return;
    }
    bool first = answer == &step->first, hidden = step->is.kind == DECIDE_KIND_hidden_code;
    struct proxy_answer both = first ? *answer : with_first_cookies(step, answer);
    int64_t leaves_us = hidden ? tick(step->request, CODE_TICK_US) : first ? next_tick(step) : 0;
    proxy_reply(step->request, &(struct proxy_reply){.answer = &both, .not_before_us = leaves_us});
}

/* --- a sign-in of our own --- */

/* A new browser gets a mark to be known by. */
static struct text mark_browser(struct step *step, struct proxy_reply *reply)
{
    char mark[SYNTHETIC_COOKIE_LEN + 1];
    bool secure = text_starts(text_of(step->core->settings->proxy.url), TEXT("https:"));
    random_base62(mark, SYNTHETIC_COOKIE_LEN);
    struct text line = arena_printf(
        &step->request->arena, SYNTHETIC_COOKIE "=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%d%s",
        mark, (int)(SYNTHETIC_LIFE_MS / 1000), secure ? "; Secure" : "");
    if (line.at)
        reply->more[reply->more_count++] = (struct server_header){"Set-Cookie", line.at};
    return arena_copy(&step->request->arena, text_of(mark));
}

void step_give_synthetic(struct step *step)
{
    struct server_request *request = step->request;
    struct proxy_reply reply = {.answer = step->first.status ? &step->first : NULL, .status = 200};
    bool codes = step->core->settings->policy.codes == DECIDE_CODES_MOVE;
    struct synthetic whom = {step->is.identifier, step->is.by_phone || step->job.by_phone};
    struct text browser = step_browser(request);
    struct buf id;
    if (!browser.at)
        browser = mark_browser(step, &reply);
    buf_init(&id, 4096);
    if (step->is.sign_in.at)
        buf_add(&id, step->is.sign_in);
    else
        synthetic_id(&step->core->seal, &whom, browser, clock_wall_ms(), &id);
    buf_reset(&request->out);
    synthetic_write(buf_text(&id), &whom, codes, &request->out);
    buf_release(&id);
    events_count(step->core->events, EVENTS_synthetic);
    reply.body = buf_text(&request->out);
    reply.more[reply.more_count++] = (struct server_header){"Cache-Control", "no-store"};
    proxy_reply(request, &reply);
}

/* --- refusals --- */

static void refuse(struct step *step, const struct clerk_error *error, int64_t retry_after_s)
{
    struct server_request *request = step->request;
    char trace[CLERK_TRACE_ID_LEN + 1], seconds[24];
    struct proxy_reply reply = {.answer = step->first.status ? &step->first : NULL,
                                .status = clerk_error_status(error->code),
                                .not_before_us = next_tick(step)};
    clerk_trace_id(trace);
    buf_reset(&request->out);
    clerk_error_write(error, text_of(trace), &request->out);
    reply.body = buf_text(&request->out);
    reply.more[reply.more_count++] = (struct server_header){"Cache-Control", "no-store"};
    if (retry_after_s > 0) {
        snprintf(seconds, sizeof(seconds), "%lld", (long long)retry_after_s);
        reply.more[reply.more_count++] = (struct server_header){"Retry-After", seconds};
    }
    proxy_reply(request, &reply);
}

void step_refuse(struct step *step, enum clerk_code code, const char *long_message,
                 const char *param)
{
    refuse(step,
           &(struct clerk_error){
               .code = code, .long_message = text_of(long_message), .param = text_of(param)},
           0);
}

void step_refuse_later(struct step *step)
{
    events_count(step->core->events, EVENTS_later);
    refuse(step,
           &(struct clerk_error){
               .code = CLERK_service_unavailable,
               .long_message =
                   TEXT("Your account cannot be checked right now. Please try again in a moment.")},
           5);
}

void step_refuse_throttled(struct step *step)
{
    events_count(step->core->events, EVENTS_throttled);
    refuse(
        step,
        &(struct clerk_error){.code = CLERK_too_many_requests,
                              .long_message = TEXT("Too many attempts. Please try again later.")},
        step->job.retry_after_s > 0 ? step->job.retry_after_s : 1);
}

void step_refuse_busy(struct step *step)
{
    refuse(
        step,
        &(struct clerk_error){
            .code = CLERK_too_many_requests,
            .long_message = TEXT("Too many people are signing in. Please try again in a moment.")},
        step->job.retry_after_s);
}
