/*
 * getaddrinfo waits, for seconds if name servers do not answer, and cannot be told to stop. So each lookup has a thread
 * that nobody waits for: whoever comes last, the thread or the origin that has lost interest, frees the lookup.
 */
#include "net/origin.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/server.h"

/* getaddrinfo does not tell how long its answer holds. */
#define FRESH_US ((int64_t)60 * 1000000)

struct lookup {
    struct loop_task task;
    struct loop *loop;
    pthread_mutex_t lock;
    struct origin *origin; /* NULL: nobody wants it any more; under lock */
    char host[ORIGIN_HOST_MAX];
    uint16_t port;
    int problem; /* of getaddrinfo, 0: none */
    struct sockaddr_storage addresses[ORIGIN_ADDRESSES_MAX];
    size_t address_count;
};

/* --- addresses --- */

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
    if (address->ss_family == AF_INET)
        ((struct sockaddr_in *)address)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
}

static int ask(const char *host, uint16_t port, int flags, struct sockaddr_storage *addresses,
               size_t *count)
{
    const struct addrinfo wanted = {.ai_flags = flags, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int problem = getaddrinfo(host, NULL, &wanted, &list);
    *count = 0;
    for (struct addrinfo *at = list; at && *count < ORIGIN_ADDRESSES_MAX; at = at->ai_next) {
        if (at->ai_family != AF_INET && at->ai_family != AF_INET6)
            continue;
        memcpy(&addresses[*count], at->ai_addr, at->ai_addrlen);
        set_port(&addresses[(*count)++], port);
    }
    if (list)
        freeaddrinfo(list);
    return problem == 0 && *count == 0 ? EAI_NODATA : problem;
}

/* An address, or "localhost", which is this machine whatever a name server says (RFC 6761). */
static bool is_known(struct origin *origin)
{
    size_t count;
    if (!text_same_nocase(text_of(origin->host), TEXT("localhost")))
        return ask(origin->host, origin->port, AI_NUMERICHOST, origin->addresses,
                   &origin->address_count) == 0;
    ask("127.0.0.1", origin->port, AI_NUMERICHOST, origin->addresses, &origin->address_count);
    ask("::1", origin->port, AI_NUMERICHOST, origin->addresses + origin->address_count, &count);
    origin->address_count += count;
    return true;
}

static bool is_authority(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (t.at[i] <= ' ' || t.at[i] >= 0x7f || strchr("/?#@\\", t.at[i]))
            return false;
    return t.len > 0 && t.len < ORIGIN_HOST_MAX;
}

int origin_init(struct origin *origin, const char *url, struct err *err)
{
    struct text whole = text_of(url), host;
    size_t mark = text_find(whole, ':', 0);
    struct text authority = text_part(whole, mark + 3, whole.len);
    *origin = (struct origin){.is_tls = text_starts(whole, TEXT("https://"))};
    host = authority;
    origin->port = origin->is_tls ? 443 : 80;
    bool ok = (origin->is_tls || text_starts(whole, TEXT("http://"))) && is_authority(authority);
    bool bracketed = ok && authority.at[authority.len - 1] == ']';
    if (ok && (bracketed || text_find(authority, ':', 0) < authority.len)) {
        char with_port[ORIGIN_HOST_MAX + 10];
        snprintf(with_port, sizeof(with_port), "%.*s%s", TEXT_ARG(authority),
                 bracketed ? origin->is_tls ? ":443" : ":80" : "");
        ok = server_split_address(text_of(with_port), &host, &origin->port) && origin->port > 0;
        host = text_part(authority, authority.at[0] == '[', host.len);
    }
    if (!ok || host.len == 0)
        return err_set(err, ERR_USAGE, "%s is not http:// or https:// and a host", url);
    snprintf(origin->host, sizeof(origin->host), "%.*s", TEXT_ARG(host));
    snprintf(origin->authority, sizeof(origin->authority), "%.*s", TEXT_ARG(authority));
    origin->is_fixed = is_known(origin);
    return 0;
}

void origin_join(struct origin *origin, struct loop *loop,
                 void (*found)(void *arg, const struct err *err), void *arg)
{
    origin->loop = loop;
    origin->found = found;
    origin->arg = arg;
}

/* --- looking up --- */

static void lookup_free(struct lookup *lookup)
{
    pthread_mutex_destroy(&lookup->lock);
    free(lookup);
}

static void take(struct origin *origin, const struct lookup *lookup)
{
    struct err err;
    origin->lookup = NULL;
    if (lookup->problem == 0) {
        memcpy(origin->addresses, lookup->addresses, sizeof(origin->addresses));
        origin->address_count = lookup->address_count;
    } else {
        err_set(&err, ERR_NETWORK, "%s: %s", lookup->host, gai_strerror(lookup->problem));
    }
    origin->found_us = clock_now_us(); /* what was known before still serves when nobody answers */
    origin->found(origin->arg, lookup->problem == 0 ? NULL : &err);
}

/* On the loop. */
static void deliver(struct loop_task *task)
{
    struct lookup *lookup = (struct lookup *)task;
    pthread_mutex_lock(&lookup->lock); /* behind the thread's last touch */
    struct origin *origin = lookup->origin;
    pthread_mutex_unlock(&lookup->lock);
    if (origin)
        take(origin, lookup);
    lookup_free(lookup);
}

static void *look_up(void *arg)
{
    struct lookup *lookup = arg;
    lookup->problem =
        ask(lookup->host, lookup->port, AI_ADDRCONFIG, lookup->addresses, &lookup->address_count);
    pthread_mutex_lock(&lookup->lock);
    bool wanted = lookup->origin != NULL;
    if (wanted) /* the loop is still there: origin_release would have told */
        loop_post(lookup->loop, &lookup->task);
    pthread_mutex_unlock(&lookup->lock);
    if (!wanted)
        lookup_free(lookup);
    return NULL;
}

static void begin(struct origin *origin)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    pthread_t thread;
    if (!lookup)
        return; /* the next request asks again */
    lookup->task.run = deliver;
    lookup->loop = origin->loop;
    lookup->origin = origin;
    lookup->port = origin->port;
    memcpy(lookup->host, origin->host, sizeof(lookup->host));
    pthread_mutex_init(&lookup->lock, NULL);
    if (pthread_create(&thread, NULL, look_up, lookup) != 0) {
        lookup_free(lookup);
        return;
    }
    pthread_detach(thread);
    origin->lookup = lookup;
}

bool origin_ready(struct origin *origin)
{
    if (origin->is_fixed)
        return true;
    if (!origin->lookup &&
        (origin->address_count == 0 || clock_now_us() - origin->found_us > FRESH_US))
        begin(origin);
    return origin->address_count > 0;
}

void origin_release(struct origin *origin)
{
    struct lookup *lookup = origin->lookup;
    if (!lookup)
        return;
    pthread_mutex_lock(&lookup->lock);
    lookup->origin = NULL;
    pthread_mutex_unlock(&lookup->lock);
    origin->lookup = NULL;
}
