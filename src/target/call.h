/* The inside of target: what its files share. Nobody else includes this. */
#ifndef USHER_TARGET_CALL_H
#define USHER_TARGET_CALL_H

#include <curl/curl.h>

#include "target/target.h"

/* A request in flight, or at rest in the free list: an easy handle with its buffers, used again. */
struct target_call {
    struct target *target;
    CURL *easy;
    CURLU *parsed;            /* the URL */
    struct target_call *next; /* in the free list */
    struct buf url, body, answer;
    bool has_body;
    bool too_long; /* the answer passed its maximum */
    char method[8];
    void (*done)(void *arg, const struct target_answer *answer);
    void *arg;
    char error[CURL_ERROR_SIZE];
};

/* Judges how a transfer ended. host is for messages. The body stays the call's. */
void target_judge(struct target_call *call, CURLcode code, const char *host,
                  struct target_answer *answer);

/* Microseconds of a Retry-After value (seconds or an HTTP date) seen at now_ms, or -1. At most a day. */
int64_t target_retry_after_us(const char *value, int64_t now_ms);

/*
 * Checks the API's address and cuts it to what paths from "/v1/…" are put behind: no trailing slash or
 * "/v1". Plain http is for loopback hosts only. *base and *host are the caller's to free. 0 or -1.
 */
int target_check_url(const char *api_url, char **base, char **host, struct err *err);

#endif
