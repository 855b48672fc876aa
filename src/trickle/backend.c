#include "trickle/backend.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/net.h"
#include "target/target.h"

#define TIMEOUT_MS   8000
#define ANSWER_MAX   ((size_t)1024 * 1024)
#define BUSY_TRIES   3
#define BUSY_WAIT_US INT64_C(2000000) /* a longer Retry-After is not waited for */
#define SEAT_FLIGHTS 2
#define ID_PATH_MAX  512

struct backend {
    char *api_url, *key;
    pthread_mutex_t lock;
    struct backend_seat *free;
};

struct backend_seat {
    struct target *target;
    struct json *json;
    struct backend_seat *next;
    struct backend_answer *answer; /* of the call that is waited for */
    int64_t retry_after_us;
    bool done;
};

static void seat_free(struct backend_seat *seat)
{
    if (!seat)
        return;
    target_close(seat->target);
    json_free(seat->json);
    free(seat);
}

static struct backend_seat *seat_new(const struct backend *backend, struct err *err)
{
    const struct target_opts opts = {.api_url = backend->api_url,
                                     .key = text_of(backend->key),
                                     .timeout_ms = TIMEOUT_MS,
                                     .in_flight_max = SEAT_FLIGHTS,
                                     .answer_max = ANSWER_MAX};
    struct backend_seat *seat = calloc(1, sizeof(*seat));
    if (!seat) {
        err_memory(err);
        return NULL;
    }
    if (target_open(&seat->target, &opts, err) != 0 ||
        json_new(&seat->json, ANSWER_MAX, err) != 0) {
        seat_free(seat);
        return NULL;
    }
    return seat;
}

struct backend_seat *backend_take(struct backend *backend, struct err *err)
{
    pthread_mutex_lock(&backend->lock);
    struct backend_seat *seat = backend->free;
    if (seat)
        backend->free = seat->next;
    pthread_mutex_unlock(&backend->lock);
    return seat ? seat : seat_new(backend, err);
}

void backend_give(struct backend *backend, struct backend_seat *seat)
{
    if (!seat)
        return;
    pthread_mutex_lock(&backend->lock);
    seat->next = backend->free;
    backend->free = seat;
    pthread_mutex_unlock(&backend->lock);
}

static void on_done(void *arg, const struct target_answer *from)
{
    struct backend_seat *seat = arg;
    struct backend_answer *to = seat->answer;
    struct err err;
    bool parsed =
        from->result == TARGET_ANSWERED && json_parse(seat->json, from->body, &to->root, &err) == 0;
    seat->done = true;
    seat->retry_after_us = from->retry_after_us;
    to->status = from->status;
    if (from->result == TARGET_UNSENT)
        to->result = BACKEND_UNSENT;
    else if (from->result == TARGET_ANSWERED && from->status == 429)
        to->result = BACKEND_BUSY;
    else if (!parsed || from->status >= 500)
        to->result = BACKEND_UNKNOWN;
    else if (from->status < 300)
        to->result = BACKEND_OK;
    else
        to->result =
            clerk_decode_problem(to->root, &to->problem) ? BACKEND_REFUSED : BACKEND_UNKNOWN;
}

static void call_once(struct backend_seat *seat, const struct target_request *request,
                      struct backend_answer *answer)
{
    struct err err;
    *answer = (struct backend_answer){.result = BACKEND_UNSENT};
    seat->answer = answer;
    seat->done = false;
    if (target_send(seat->target, request, &err) != 0)
        return;
    while (!seat->done)
        if (target_wait(seat->target, 1000000, &err) != 0) {
            answer->result = BACKEND_UNKNOWN;
            return;
        }
}

void backend_call(struct backend_seat *seat, const char *method, struct text path, struct text body,
                  struct backend_answer *answer)
{
    const struct target_request request = {
        .method = method, .path = path, .body = body, .done = on_done, .arg = seat};
    for (int i = 0; i < BUSY_TRIES; i++) {
        call_once(seat, &request, answer);
        int64_t wait_us = seat->retry_after_us < 0 ? 500000 : seat->retry_after_us;
        if (answer->result != BACKEND_BUSY || wait_us > BUSY_WAIT_US)
            return;
        usleep((useconds_t)wait_us);
    }
}

/* --- finding users --- */

static void read_user(struct json_value value, struct arena *arena, struct backend_user *user)
{
    struct text external_id = json_text(json_get(value, TEXT("external_id")));
    user->found = true;
    snprintf(user->id, sizeof(user->id), "%.*s", TEXT_ARG(json_text(json_get(value, TEXT("id")))));
    user->password_enabled = json_true(json_get(value, TEXT("password_enabled")));
    if (external_id.at)
        user->external_id = arena_copy(arena, external_id);
}

/* GET /v1/users?parameter=+value: none or one. */
static int find_by(struct backend_seat *seat, const char *parameter, struct text value,
                   struct arena *arena, struct backend_user *user)
{
    struct backend_answer answer;
    struct buf path;
    *user = (struct backend_user){.found = false};
    buf_init(&path, 8192);
    /* A leading plus is stripped, and lets a value begin with a minus. */
    buf_printf(&path, "/v1/users?limit=2&%s=%%2B", parameter);
    form_encode(value, &path);
    if (!buf_ok(&path)) {
        buf_release(&path);
        return -1;
    }
    backend_call(seat, "GET", buf_text(&path), (struct text){NULL, 0}, &answer);
    buf_release(&path);
    if (answer.result != BACKEND_OK || json_type(answer.root) != JSON_ARRAY)
        return -1;
    struct json_walk walk = json_walk(answer.root);
    if (json_next(&walk))
        read_user(walk.value, arena, user);
    return json_next(&walk) ? -1 : 0;
}

int backend_find_identifier(struct backend_seat *seat, struct text identifier, struct arena *arena,
                            struct backend_user *user)
{
    const char *parameter = text_find(identifier, '@', 0) < identifier.len ? "email_address"
                            : text_starts(identifier, TEXT("+"))           ? "phone_number"
                                                                           : "username";
    return find_by(seat, parameter, identifier, arena, user);
}

int backend_find_external_id(struct backend_seat *seat, struct text external_id,
                             struct arena *arena, struct backend_user *user)
{
    return find_by(seat, "external_id", external_id, arena, user);
}

int backend_find_id(struct backend_seat *seat, struct text id, struct arena *arena,
                    struct backend_user *user)
{
    struct backend_answer answer;
    char path[ID_PATH_MAX];
    *user = (struct backend_user){.found = false};
    snprintf(path, sizeof(path), "/v1/users/%.*s", TEXT_ARG(id));
    backend_call(seat, "GET", text_of(path), (struct text){NULL, 0}, &answer);
    if (answer.result == BACKEND_REFUSED && answer.status == 404)
        return 0;
    if (answer.result != BACKEND_OK)
        return -1;
    read_user(answer.root, arena, user);
    return 0;
}

int backend_instance(struct backend *backend, char id[CLERK_ID_MAX], struct err *err)
{
    struct backend_answer answer;
    struct backend_seat *seat = backend_take(backend, err);
    if (!seat)
        return -1;
    backend_call(seat, "GET", TEXT("/v1/instance"), (struct text){NULL, 0}, &answer);
    struct text found = json_text(json_get(answer.root, TEXT("id")));
    int result = 0;
    if (answer.result == BACKEND_REFUSED)
        result = err_set(err, ERR_REFUSED, "%s answers GET /v1/instance with %d %s",
                         backend->api_url, answer.status, answer.problem.code);
    else if (answer.result != BACKEND_OK || found.len == 0 || found.len >= CLERK_ID_MAX)
        result = err_set(err, ERR_NETWORK, "Clerk's Backend API at %s gives no clear answer",
                         backend->api_url);
    else
        snprintf(id, CLERK_ID_MAX, "%.*s", TEXT_ARG(found));
    backend_give(backend, seat);
    return result;
}

/* --- opening and closing --- */

int backend_open(struct backend **out, const char *api_url, const char *secret_key, struct err *err)
{
    struct backend *backend = calloc(1, sizeof(*backend));
    if (!backend)
        return err_memory(err);
    pthread_mutex_init(&backend->lock, NULL);
    backend->api_url = strdup(api_url);
    backend->key = strdup(secret_key);
    if (backend->api_url && backend->key)
        backend->free = seat_new(backend, err);
    else
        err_memory(err);
    if (!backend->free) {
        backend_close(backend);
        return -1;
    }
    *out = backend;
    return 0;
}

void backend_close(struct backend *backend)
{
    if (!backend)
        return;
    while (backend->free) {
        struct backend_seat *seat = backend->free;
        backend->free = seat->next;
        seat_free(seat);
    }
    if (backend->key)
        secret_wipe(backend->key, strlen(backend->key));
    free(backend->key);
    free(backend->api_url);
    pthread_mutex_destroy(&backend->lock);
    free(backend);
}
