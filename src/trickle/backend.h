/*
 * backend: Clerk's Backend API for the workers: one request after another, waited for. Each worker takes a
 * seat for as long as it has to do with one user.
 *
 *     struct backend_seat *seat = backend_take(backend, &err);
 *     backend_call(seat, &(struct backend_request){"GET", path, body}, &answer, &err);
 *     backend_give(backend, seat);
 */
#ifndef USHER_TRICKLE_BACKEND_H
#define USHER_TRICKLE_BACKEND_H

#include "clerk/clerk.h"
#include "json/json.h"

struct backend;
struct backend_seat;

/* Connects nowhere yet. Returns 0 or -1 as target_open. */
int backend_open(struct backend **backend, const char *api_url, const char *secret_key,
                 struct err *err);
void backend_close(struct backend *backend);

/* A seat with a kept connection, or a new one. NULL with err. From any thread. */
struct backend_seat *backend_take(struct backend *backend, struct err *err);
void backend_give(struct backend *backend, struct backend_seat *seat);

enum backend_result {
    BACKEND_OK,      /* 2xx: root is its body */
    BACKEND_REFUSED, /* 4xx: problem says why */
    BACKEND_BUSY,    /* 429, also after having waited for a while: not heard */
    BACKEND_UNSENT,  /* surely not heard */
    BACKEND_UNKNOWN  /* it may or may not have happened */
};

struct backend_answer {
    enum backend_result result;
    int status;
    struct json_value root; /* until the seat's next call */
    struct clerk_problem problem;
};

/* Sends and waits. A 429 is sent again after its Retry-After, as long as that is a matter of seconds. */
void backend_call(struct backend_seat *seat, const char *method, struct text path, struct text body,
                  struct backend_answer *answer);

/*
 * Asks who the instance is (GET /v1/instance), which also proves URL and key. Returns 0, or -1: ERR_REFUSED
 * (wrong key, no Backend API there), ERR_NETWORK.
 */
int backend_instance(struct backend *backend, char id[CLERK_ID_MAX], struct err *err);

/* Who has an identifier at Clerk, or an external id. */
struct backend_user {
    bool found;
    char id[CLERK_ID_MAX];
    struct text external_id; /* absent: none; in the arena */
    bool password_enabled;
};

/* Each returns 0, or -1 when it cannot be told. */
int backend_find_identifier(struct backend_seat *seat, struct text identifier, struct arena *arena,
                            struct backend_user *user);
int backend_find_external_id(struct backend_seat *seat, struct text external_id,
                             struct arena *arena, struct backend_user *user);
int backend_find_id(struct backend_seat *seat, struct text id, struct arena *arena,
                    struct backend_user *user);

#endif
