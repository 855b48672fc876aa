/*
 * remote: requests of connectors and bridge to HTTP systems, with a proof of who asks, answers as JSON.
 *
 *     remote_open(&remote, &opts, &err);
 *     remote_init(&answer);
 *     if (remote_ask(&remote, &request, &answer, &err) == 0)      // answer.status, answer.root
 *         …
 *     remote_release(&answer);
 *     remote_close(&remote);
 */
#ifndef USHER_TRICKLE_REMOTE_H
#define USHER_TRICKLE_REMOTE_H

#include "json/json.h"
#include "trickle/connector.h"

/* How requests are proven. */
struct remote_auth {
    const char *kind; /* NULL: none; "bearer", "hmac", "basic", or a header's name */
    const char *username, *secret;
};

struct remote {
    struct http *http;
    struct remote_auth auth;
    const char *ca_file;
};

/* The largest answer that is read. */
#define REMOTE_ANSWER_MAX ((size_t)256 * 1024)

struct remote_request {
    const char *method; /* NULL: POST */
    const char *url;
    const char *content_type; /* of the body; NULL: JSON */
    const char *header;       /* one more, or NULL */
    struct text body;         /* absent: none */
    long timeout_ms;
    const atomic_bool *stop; /* or NULL */
};

struct remote_answer {
    long status;
    struct json_value root; /* absent if the body is no JSON */
    struct buf body;
    struct json *json;
};

/*
 * Checks how requests are proven: a secret for bearer, hmac and a header, a user name besides for basic;
 * none without `auth`. Texts are borrowed. Returns 0 or -1 (ERR_USAGE, ERR_MEMORY).
 */
int remote_open(struct remote *remote, const struct remote_auth *auth, const char *ca_file,
                struct err *err);
void remote_close(struct remote *remote);

/* Refuses an address that secrets must not go to (http_url_problem). Returns 0 or -1 (ERR_USAGE). */
int remote_check_url(const char *setting, const char *url, struct err *err);

/* Whether a header may be called so: letters, digits, - and _. */
bool remote_is_header_name(const char *z);

/* Makes an answer ready for any number of asks; release it in the end. */
void remote_init(struct remote_answer *answer);
void remote_release(struct remote_answer *answer);

/*
 * Asks and waits. Returns 0 when there was an answer, of whatever status, or -1: ERR_NETWORK (none in
 * time, too large), ERR_MEMORY. With `auth` hmac the request is signed:
 *     Usher-Timestamp: SECONDS
 *     Usher-Signature: v1=HEX, the HMAC-SHA-256 of "SECONDS.BODY" under the secret
 */
int remote_ask(struct remote *remote, const struct remote_request *request,
               struct remote_answer *answer, struct err *err);

/* The same for a job: within its time, until it is stopped. */
int remote_ask_for(struct remote *remote, struct legacy_job *job, struct remote_request *request,
                   struct remote_answer *answer);

/* CANNOT_TELL, for an answer that means nothing: the job's err names its status. */
enum legacy_says remote_unclear(struct legacy_job *job, const struct remote_answer *answer);

#endif
