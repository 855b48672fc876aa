/*
 * target: Clerk's Backend API as a client: many requests in flight on one thread. Over TLS they travel by
 * libcurl (HTTP/2, or HTTP/1.1 keep-alive); plain http, which is for a server on this machine only, by
 * net/client.c, at a third of the CPU (docs/decisions/0005-plain-http-by-hand.md).
 *
 *     target_open(&target, &opts, &err);
 *     target_send(target, &request, &err);       // copies path and body
 *     target_wait(target, 10000, &err);          // runs I/O for at most 10 ms; calls request.done
 *     target_close(target);
 *
 * It neither retries nor paces: what became of a request is the caller's to judge. One exception lies in
 * HTTP/1.1 keep-alive: when the server closes an idle connection just as a request goes out on it, and not
 * one byte of an answer came, that request is sent once more on a fresh connection; over libcurl whatever it
 * is, else only a GET or what surely had not left. Creating a user twice in that way is harmless: external ids are unique at the target,
 * so the second one is refused.
 */
#ifndef USHER_TARGET_H
#define USHER_TARGET_H

#include "base/base.h"
#include "target/pace.h"

enum target_result {
    TARGET_ANSWERED, /* status and body are the server's */
    TARGET_UNSENT,   /* surely not one byte of it left (resolve, connect, TLS) */
    TARGET_UNKNOWN   /* sent, but no whole answer: it may or may not have happened */
};

struct target_answer {
    enum target_result result;
    int status;             /* HTTP status when answered */
    struct text body;       /* valid during the call of done */
    int64_t retry_after_us; /* of a Retry-After header, else -1 */
    struct err err;         /* when not answered */
};

struct target_request {
    const char *method; /* "GET", "POST", … */
    struct text path;   /* with query, from "/v1/…" */
    struct text body;   /* JSON; absent for none; at most 16 MiB */
    void (*done)(void *arg, const struct target_answer *answer);
    void *arg;
};

struct target_opts {
    const char *api_url;    /* "https://api.clerk.com" */
    struct text key;        /* the secret key; copied, wiped at close */
    int64_t timeout_ms;     /* of a whole request; 0: 30 seconds */
    uint32_t in_flight_max; /* 0: 1024; as many connections may be open */
    size_t answer_max; /* of an answer's body in bytes; 0: 1 MiB; a longer one is TARGET_UNKNOWN */
    bool through_curl; /* also what is plain http; for tests of that way */
};

struct target;

/*
 * Returns 0, or -1 (ERR_USAGE: no URL, https needed unless loopback, a key that no header can hold;
 * ERR_MEMORY). Connects nowhere yet. Raises the process's soft limit of open files as far as in_flight_max
 * needs and the hard limit allows; if that is less, fewer requests may be in flight.
 */
int target_open(struct target **target, const struct target_opts *opts, struct err *err);
/* Drops what is in flight, without calling done. */
void target_close(struct target *target);

/* How many requests are in flight, and how many may be. */
uint32_t target_in_flight(const struct target *target);
uint32_t target_in_flight_max(const struct target *target);

/*
 * Puts a request in flight; it leaves with the next target_wait. done may send further ones, but neither
 * wait nor close. Returns 0 or -1 (ERR_MEMORY, or the maximum is reached).
 */
int target_send(struct target *target, const struct target_request *request, struct err *err);

/*
 * Does I/O for at most wait_us microseconds (also with nothing in flight), returning as soon as answers
 * were delivered, target_wake was called or a signal came. Returns 0 or -1 (ERR_IO, ERR_MEMORY).
 */
int target_wait(struct target *target, int64_t wait_us, struct err *err);

/* Wakes a target_wait from a signal handler or another thread. */
void target_wake(struct target *target);

/*
 * The settings of the target from the environment, else from ./.env: CLERK_SECRET_KEY, CLERK_API_URL
 * (default https://api.clerk.com). *key_from says where the key was found. Returns 0, or -1 (ERR_USAGE)
 * with what to set. Texts live in arena.
 */
int target_settings(struct arena *arena, struct text *api_url, struct text *key,
                    const char **key_from, struct err *err);

#endif
