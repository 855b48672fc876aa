/*
 * /usher/v1/bridge, in two forms, for a session in the configured cookie or as a bearer token:
 *
 *     GET ?return_to=URL     signs the browser in at Clerk with its cookies, and sends it to URL (303)
 *     POST                   {"ticket":…} for a script of a known origin, which signs in with it
 *
 * session → user at Clerk, moved if need be → sign-in token → the session is used up → answer. A session is
 * used up last of all before the token leaves: what failed may be tried again, and of two that come at once
 * one gets a token. Without a session that holds, the browser is sent to URL all the same, with
 * usher_bridge=CODE in its query, and the application shows its sign-in.
 */
#include "trickle/own.h"
#include "trickle/side.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define JOB_MEMORY_MAX ((size_t)1024 * 1024)
#define TICKET_SECONDS 60
/* A session without an end is remembered as used for so long. */
#define USED_MS INT64_C(34560000000)
/* A user's password is as old as the user at Clerk, unless it was set so much later. */
#define SET_LATER_MS INT64_C(60000)

/* What came of a session; how it is told to a script, and in usher_bridge. */
enum crossing { CROSSED, NONE, REFUSED, USED, NOT_MOVED, LATER };

static const struct {
    const char *code;
    int status;
    const char *message;
} crossings[] = {
    [NONE] = {"none", 401, "There is no session to be taken over."},
    [REFUSED] = {"refused", 401, "The session does not hold any more."},
    [USED] = {"used", 409, "The session has been taken over already."},
    [NOT_MOVED] = {"not_moved", 409, "The session's user is not to be moved."},
    [LATER] = {"later", 503, "This cannot be told right now. Please try again."},
};

struct crossing_job {
    struct side_job job; /* first */
    struct text session;
    struct text return_to; /* the address, checked; absent: a script asks */
    struct text origin;    /* of the script */
    struct text address;   /* of the browser */
    enum crossing crossing;
    struct text ticket;
};

/* --- answers --- */

/* return_to with a parameter more, before a fragment. */
static struct text with_code(struct server_request *request, struct text url, const char *code)
{
    size_t fragment = text_find(url, '#', 0);
    bool has_query = text_find(url, '?', 0) < fragment;
    return arena_printf(&request->arena, "%.*s%cusher_bridge=%s%.*s",
                        TEXT_ARG(text_part(url, 0, fragment)), has_query ? '&' : '?', code,
                        TEXT_ARG(text_part(url, fragment, url.len)));
}

static void send_browser(struct crossing_job *crossing, const struct proxy_answer *signed_in)
{
    struct server_request *request = crossing->job.request;
    const char *code = crossings[crossing->crossing].code;
    struct text to = code ? with_code(request, crossing->return_to, code) : crossing->return_to;
    const struct proxy_reply reply = {
        .answer = signed_in,
        .status = 303,
        .body = TEXT(""),
        .more = {{"Location", to.at ? to.at : "/"}, {"Cache-Control", "no-store"}},
        .more_count = 2,
    };
    proxy_reply(request, &reply);
}

static void answer_script(struct crossing_job *crossing)
{
    struct server_request *request = crossing->job.request;
    struct json_out out = json_out(&request->out);
    bool good = crossing->crossing == CROSSED;
    json_open(&out, '{');
    json_key(&out, good ? TEXT("ticket") : TEXT("error"));
    json_put_text(&out, good ? crossing->ticket : text_of(crossings[crossing->crossing].code));
    if (!good) {
        json_key(&out, TEXT("message"));
        json_put_text(&out, text_of(crossings[crossing->crossing].message));
    }
    json_close(&out, '}');
    struct server_answer answer = {.status = good ? 200 : crossings[crossing->crossing].status,
                                   .content_type = "application/json",
                                   .body = buf_text(&request->out)};
    answer.headers[answer.header_count++] =
        (struct server_header){"Access-Control-Allow-Origin", crossing->origin.at};
    answer.headers[answer.header_count++] =
        (struct server_header){"Access-Control-Allow-Credentials", "true"};
    answer.headers[answer.header_count++] = (struct server_header){"Vary", "Origin"};
    answer.headers[answer.header_count++] = (struct server_header){"Cache-Control", "no-store"};
    server_answer(request, &answer);
}

static void on_signed_in(void *arg, const struct proxy_answer *answer)
{
    struct crossing_job *crossing = arg;
    /* Refused, most likely as this browser is signed in already: it is sent on as it is. */
    send_browser(crossing, answer->status == 200 ? answer : NULL);
}

/* Signs the browser in with the ticket, in its name. */
static void sign_in(struct crossing_job *crossing)
{
    struct server_request *request = crossing->job.request;
    struct proxy_ask ask = {.method = "POST",
                            .target = TEXT("/v1/client/sign_ins"),
                            .content_type = "application/x-www-form-urlencoded",
                            .done = on_signed_in,
                            .arg = crossing};
    ask.body =
        arena_printf(&request->arena, "strategy=ticket&ticket=%.*s", TEXT_ARG(crossing->ticket));
    proxy_ask(crossing->job.side->core->proxy, request, &ask);
}

static void give_answer(struct side_job *job)
{
    struct crossing_job *crossing = (struct crossing_job *)job;
    if (!crossing->return_to.at)
        answer_script(crossing);
    else if (crossing->crossing == CROSSED)
        sign_in(crossing);
    else
        send_browser(crossing, NULL);
}

/* --- the user --- */

/* Everything of one crossing that its worker holds. */
struct crossing_work {
    struct crossing_job *crossing;
    struct core *core;
    struct backend_seat *seat;
    struct arena arena;
    struct bridge_session session;
    struct text clerk_id;
};

/* Waits for the mover's answer. */
struct wait {
    struct mover_job job; /* first */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

static void on_moved(struct mover_job *job)
{
    struct wait *wait = (struct wait *)job;
    pthread_mutex_lock(&wait->lock);
    wait->done = true;
    pthread_cond_signal(&wait->changed);
    pthread_mutex_unlock(&wait->lock);
}

/* Has the mover look for the session's user in the legacy system and move it; whose id must be the session's. */
static enum crossing move(struct crossing_work *work)
{
    struct wait wait = {
        .job = {.done = on_moved,
                .facts = {.kind = DECIDE_KIND_session, .clerk = DECIDE_CLERK_unknown_user},
                .identifier = work->session.identifier,
                .address = work->crossing->address}};
    enum crossing result = LATER;
    pthread_mutex_init(&wait.lock, NULL);
    pthread_cond_init(&wait.changed, NULL);
    bool put = mover_put(work->core->mover, &wait.job);
    pthread_mutex_lock(&wait.lock);
    while (put && !wait.done)
        pthread_cond_wait(&wait.changed, &wait.lock);
    pthread_mutex_unlock(&wait.lock);
    if (put && wait.job.end == MOVER_DECIDED) {
        bool same = text_same(wait.job.external_id, work->session.id);
        bool moved = wait.job.action == DECIDE_ACTION_move && wait.job.clerk_id.len > 0;
        result = same && moved ? CROSSED : NOT_MOVED;
        if (wait.job.action == DECIDE_ACTION_refuse_later)
            result = LATER;
        work->clerk_id = arena_copy(&work->arena, wait.job.clerk_id);
    }
    arena_release(&wait.job.arena);
    pthread_cond_destroy(&wait.changed);
    pthread_mutex_destroy(&wait.lock);
    return result;
}

static enum crossing find_user(struct crossing_work *work)
{
    struct backend_user found;
    if (backend_find_external_id(work->seat, work->session.id, &work->arena, &found) != 0)
        return LATER;
    if (found.found) {
        work->clerk_id = arena_copy(&work->arena, text_of(found.id));
        return work->clerk_id.at ? CROSSED : LATER;
    }
    return work->session.identifier.at ? move(work) : NOT_MOVED;
}

/* When the earliest address of a user came to Clerk: about when the user did. BRIDGE_UNKNOWN: nobody knows. */
static int64_t came_ms(struct json_value user)
{
    static const char *const lists[] = {"email_addresses", "phone_numbers"};
    int64_t least = BRIDGE_UNKNOWN;
    for (size_t i = 0; i < ARRAY_COUNT(lists); i++) {
        struct json_walk walk = json_walk(json_get(user, text_of(lists[i])));
        while (json_next(&walk)) {
            int64_t at = json_int(json_get(walk.value, TEXT("created_at")));
            if (at > 0 && (least == BRIDGE_UNKNOWN || at < least))
                least = at;
        }
    }
    return least;
}

/* Whether the user may sign in, and has not set another password at Clerk since the session began. */
static enum crossing check_user(struct crossing_work *work)
{
    struct backend_answer answer;
    struct text path = arena_printf(&work->arena, "/v1/users/%.*s", TEXT_ARG(work->clerk_id));
    backend_call(work->seat, "GET", path, (struct text){NULL, 0}, &answer);
    if (answer.result == BACKEND_REFUSED && answer.status == 404)
        return REFUSED;
    if (answer.result != BACKEND_OK)
        return LATER;
    if (json_true(json_get(answer.root, TEXT("banned"))) ||
        json_true(json_get(answer.root, TEXT("locked"))))
        return REFUSED;
    int64_t changed = json_int(json_get(answer.root, TEXT("password_last_updated_at")));
    int64_t came = came_ms(answer.root);
    if (changed <= 0 || came == BRIDGE_UNKNOWN || changed < came + SET_LATER_MS)
        return CROSSED;
    return bridge_is_stale(&work->session, changed) ? REFUSED : CROSSED;
}

static enum crossing mint(struct crossing_work *work)
{
    struct backend_answer answer;
    struct text body =
        arena_printf(&work->arena, "{\"user_id\":\"%.*s\",\"expires_in_seconds\":%d}",
                     TEXT_ARG(work->clerk_id), TICKET_SECONDS);
    backend_call(work->seat, "POST", TEXT("/v1/sign_in_tokens"), body, &answer);
    struct text token = json_text(json_get(answer.root, TEXT("token")));
    if (answer.result == BACKEND_REFUSED)
        return REFUSED;
    if (answer.result != BACKEND_OK || token.len == 0)
        return LATER;
    struct server_request *request = work->crossing->job.request;
    work->crossing->ticket = arena_copy(&request->arena, token);
    return work->crossing->ticket.at ? CROSSED : LATER;
}

static enum crossing use_up(struct crossing_work *work)
{
    int64_t until = work->session.expires_ms;
    bool first = false;
    struct err err;
    if (until == BRIDGE_UNKNOWN || until > clock_wall_ms() + USED_MS)
        until = clock_wall_ms() + USED_MS;
    /* The clocks of two gateways, and the leeway of the session's own end. */
    until += 120000;
    if (book_once(mover_book(work->core->mover), "bridge", work->session.once, until, &first,
                  &err) != 0)
        return LATER;
    return first ? CROSSED : USED;
}

static enum crossing cross(struct crossing_work *work)
{
    static enum crossing (*const steps[])(struct crossing_work *) = {find_user, check_user, mint,
                                                                     use_up};
    static const enum crossing of[] = {
        [BRIDGE_CANNOT_TELL] = LATER, [BRIDGE_GOOD] = CROSSED, [BRIDGE_REFUSED] = REFUSED};
    struct err err;
    enum crossing result = of[bridge_read(work->crossing->job.side->bridge, work->crossing->session,
                                          &work->arena, &work->session, &err)];
    work->seat = result == CROSSED ? backend_take(mover_backend(work->core->mover), &err) : NULL;
    if (result == CROSSED && !work->seat)
        result = LATER;
    for (size_t i = 0; result == CROSSED && i < ARRAY_COUNT(steps); i++)
        result = steps[i](work);
    if (work->seat)
        backend_give(mover_backend(work->core->mover), work->seat);
    return result;
}

static void tell(const struct crossing_work *work, enum crossing result)
{
    const char *code = crossings[result].code;
    const struct events_value values[] = {
        {"result", text_of(code ? code : "crossed"), 0},
        {"external_id", work->session.id.at ? work->session.id : TEXT(""), 0},
        {"clerk_id", work->clerk_id.at ? work->clerk_id : TEXT(""), 0}};
    events_tell(work->core->events, "bridge", values, ARRAY_COUNT(values));
}

static void work_on(struct side_job *job)
{
    struct crossing_job *crossing = (struct crossing_job *)job;
    struct crossing_work work = {.crossing = crossing, .core = job->side->core};
    arena_init(&work.arena, JOB_MEMORY_MAX);
    crossing->crossing = cross(&work);
    tell(&work, crossing->crossing);
    arena_release(&work.arena);
}

/* --- requests --- */

static struct text session_of(const struct side *side, struct server_request *request)
{
    struct text cookie = bridge_cookie(side->bridge),
                bearer = server_header(request, "Authorization");
    if (text_starts(bearer, TEXT("Bearer ")))
        return text_trim(text_part(bearer, 7, bearer.len));
    return cookie.at ? cookie_get(server_header(request, "Cookie"), cookie)
                     : (struct text){NULL, 0};
}

/* Checks where the browser wants to go; answers 400 if it must not. */
static bool take_return(struct side *side, struct server_request *request, struct text *to)
{
    struct form_fields form;
    struct buf location;
    buf_init(&location, 8192);
    bool good = form_parse(request->query, &request->arena, &form) == FORM_OK &&
                bridge_return_to(side->bridge, form_get(&form, TEXT("return_to")), &location);
    if (good)
        *to = arena_copy(&request->arena, buf_text(&location));
    buf_release(&location);
    if (!good || !to->at)
        side_refuse(request, 400, "return_to",
                    "return_to is not an address of one of the origins that are configured.");
    return good && to->at;
}

static bool take_origin(struct side *side, struct server_request *request, struct text *origin)
{
    *origin = arena_copy(&request->arena, server_header(request, "Origin"));
    if (origin->len > 0 && bridge_allows(side->bridge, *origin))
        return true;
    side_refuse(request, 403, "origin", "Scripts of this origin may not ask here.");
    return false;
}

static void answer_preflight(struct server_request *request, struct text origin)
{
    struct server_answer answer = {.status = 204};
    const struct server_header headers[] = {{"Access-Control-Allow-Origin", origin.at},
                                            {"Access-Control-Allow-Credentials", "true"},
                                            {"Access-Control-Allow-Methods", "POST"},
                                            {"Access-Control-Allow-Headers", "Authorization"},
                                            {"Vary", "Origin"}};
    for (size_t i = 0; i < ARRAY_COUNT(headers); i++)
        answer.headers[answer.header_count++] = headers[i];
    server_answer(request, &answer);
}

void own_bridge(struct core *core, struct server_request *request)
{
    struct side *side = core->side;
    if (!side || !side->bridge) {
        proxy_refuse(request, CLERK_resource_not_found, "There is no bridge in usher.yaml.");
        return;
    }
    struct crossing_job *crossing = arena_zalloc(&request->arena, 1, sizeof(*crossing));
    char address[SERVER_ADDRESS_MAX];
    bool browser = strcmp(request->method, "GET") == 0;
    bool preflight = strcmp(request->method, "OPTIONS") == 0;
    if (!crossing) {
        side_queue(side, request, NULL);
        return;
    }
    crossing->job =
        (struct side_job){.side = side, .request = request, .work = work_on, .answer = give_answer};
    if (!(browser ? take_return(side, request, &crossing->return_to)
                  : take_origin(side, request, &crossing->origin)))
        return;
    if (preflight) {
        answer_preflight(request, crossing->origin);
        return;
    }
    proxy_client_address(side->core->proxy, request, address);
    crossing->address = arena_copy(&request->arena, text_of(address));
    crossing->session = session_of(side, request);
    crossing->crossing = NONE;
    if (crossing->session.len > 0)
        side_queue(side, request, &crossing->job);
    else
        give_answer(&crossing->job);
}
