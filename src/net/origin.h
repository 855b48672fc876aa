/*
 * origin: a server by its URL, and the addresses that its name has. Names are looked up on a thread of their own, and
 * again when what is known has become old; meanwhile that is used.
 *
 *     origin_init(&origin, "https://api.example.com", &err);
 *     origin_join(&origin, loop, found, arg);      // the rest runs on the loop's thread
 *     if (!origin_ready(&origin)) …                // found(arg, err) comes
 *     … origin.addresses …
 *     origin_release(&origin);
 */
#ifndef USHER_NET_ORIGIN_H
#define USHER_NET_ORIGIN_H

#include <sys/socket.h>

#include "base/base.h"
#include "net/loop.h"

#define ORIGIN_ADDRESSES_MAX 8
#define ORIGIN_HOST_MAX      254

struct lookup;

struct origin {
    bool is_tls;
    char host[ORIGIN_HOST_MAX];           /* without brackets */
    char authority[ORIGIN_HOST_MAX + 10]; /* "api.example.com", "[::1]:8080": of the Host header */
    uint16_t port;
    struct sockaddr_storage addresses[ORIGIN_ADDRESSES_MAX];
    size_t address_count;
    /* private */
    bool is_fixed; /* the host is an address, or this machine */
    int64_t found_us;
    struct lookup *lookup; /* on its way */
    struct loop *loop;
    void (*found)(void *arg, const struct err *err);
    void *arg;
};

/*
 * Takes "http://host[:port]" or "https://…" apart. 0 or -1: ERR_USAGE for what is none of them, or has a path, a user or
 * anything else.
 */
int origin_init(struct origin *origin, const char *url, struct err *err);

/* Where it lives; found is called, with err NULL or ERR_NETWORK, behind an origin_ready that was false. */
void origin_join(struct origin *origin, struct loop *loop,
                 void (*found)(void *arg, const struct err *err), void *arg);

/* Whether there are addresses; else they are being looked up. */
bool origin_ready(struct origin *origin);

/* Forgets a lookup that is on its way: found is not called any more. */
void origin_release(struct origin *origin);

#endif
