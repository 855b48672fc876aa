/* The inside of proxy: what its files share. Nobody else includes this. */
#ifndef USHER_TRICKLE_PROXY_INSIDE_H
#define USHER_TRICKLE_PROXY_INSIDE_H

#include "trickle/proxy.h"

struct proxy {
    struct arena arena; /* of the texts */
    struct text url, prefix, host, scheme;
    const char *upstream, *secret_key, *ca_file, *client_address;
    struct text upstream_host; /* behind "://" */
    struct loop *const *loops;
    struct client **clients; /* one a loop */
    size_t loop_count;
    struct events *events;
};

/* Headers of an answer that grow in an arena. */
struct proxy_headers {
    struct server_header *at;
    size_t count, room;
    struct text connection; /* what the answer's Connection header names */
    uint64_t length;        /* Content-Length, or SERVER_LENGTH_UNKNOWN */
};

/* Puts the lines of headers that go to the upstream. Of the ask, cookie and content_type count. */
void proxy_put_headers(const struct proxy *proxy, const struct server_request *request,
                       const struct proxy_ask *ask, struct buf *to);

/* Takes a header of the upstream's answer, or leaves it out. False when the arena is full. */
bool proxy_take_down(const struct proxy *proxy, struct text name, struct text value,
                     struct arena *arena, struct proxy_headers *headers);

/* Leaves out what the answer's Connection header names. */
void proxy_drop_named(struct proxy_headers *headers);

/* Whether a comma-separated list names it, in any case of letters. */
bool proxy_list_names(struct text list, struct text name);

#endif
