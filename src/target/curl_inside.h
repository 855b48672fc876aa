/* The inside of the carrier over libcurl: what its files share. Nobody else includes this. */
#ifndef USHER_TARGET_CURL_INSIDE_H
#define USHER_TARGET_CURL_INSIDE_H

#include <curl/curl.h>

#include "target/call.h"

/* A request in flight, or at rest in the free list: an easy handle with its buffers, used again. */
struct call {
    struct target *target;
    struct target_request request;
    CURL *easy;
    CURLU *parsed;     /* the URL */
    struct call *next; /* in the free list */
    struct buf url, body, answer;
    bool has_body;
    bool too_long; /* the answer passed its maximum */
    char method[8];
    char error[CURL_ERROR_SIZE];
};

struct curl {
    struct loop_source source; /* due when curl wants to be called */
    struct target *target;
    CURLM *multi;
    struct curl_slist *headers, *headers_body;
    struct call **calls; /* all of them */
    size_t call_count;
    struct call *free;
    struct curl_socket **sockets; /* by descriptor; NULL: not seen yet */
    size_t socket_count;
};

/* Closes a socket of curl's, which is then watched no more. */
int curl_on_close(void *curl, curl_socket_t fd);

/* One from the free list, or a new one; NULL when memory is out. */
struct call *curl_call_take(struct target *target);
void curl_call_give_back(struct curl *curl, struct call *call);
void curl_call_free(struct call *call);

/* Prepares a call for a request. False when memory is out. */
bool curl_call_fill(struct call *call, const struct target_request *request);

/* What became of it. */
struct target_answer curl_call_judge(struct call *call, CURLcode code);

#endif
