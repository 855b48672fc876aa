/*
 * What is the same for every request: the texts, a client on each loop; and answers that are the gateway's own.
 * proxy_pass.c has a request's way to the upstream and back, proxy_headers.c what of its headers goes with it.
 */
#include "trickle/proxy_inside.h"

#include <stdlib.h>

struct text proxy_path(const struct proxy *proxy, const struct server_request *request)
{
    struct text path = text_part(request->path, proxy->prefix.len, request->path.len);
    if (!text_starts(request->path, proxy->prefix) || (path.len > 0 && path.at[0] != '/'))
        return (struct text){NULL, 0};
    return path.len > 0 ? path : TEXT("/");
}

bool proxy_streams(const struct server_request *request)
{
    uint64_t length;
    struct text told = server_header(request, "Content-Length");
    if (server_header(request, "Transfer-Encoding").at)
        return true;
    return told.at && (!text_u64(told, INT64_MAX, &length) || length > PROXY_WHOLE_MAX);
}

void proxy_refuse_at(struct server_request *request, enum clerk_code code, const char *long_message,
                     int64_t not_before_us)
{
    char trace[CLERK_TRACE_ID_LEN + 1];
    clerk_trace_id(trace);
    buf_reset(&request->out);
    clerk_error_write(&(struct clerk_error){.code = code, .long_message = text_of(long_message)},
                      text_of(trace), &request->out);
    server_answer(request, &(struct server_answer){.status = clerk_error_status(code),
                                                   .content_type = "application/json",
                                                   .body = buf_text(&request->out),
                                                   .headers = {{"Cache-Control", "no-store"}},
                                                   .header_count = 1,
                                                   .not_before_us = not_before_us});
}

void proxy_refuse(struct server_request *request, enum clerk_code code, const char *long_message)
{
    proxy_refuse_at(request, code, long_message, 0);
}

void proxy_refuse_failed(struct server_request *request)
{
    proxy_refuse(request, CLERK_proxy_request_failed,
                 "The authentication service could not be reached. Please try again.");
}

/* Our own body is JSON, whatever the upstream's was. */
static bool is_about_body(const char *name)
{
    return text_same_nocase(text_of(name), TEXT("Content-Type")) ||
           text_same_nocase(text_of(name), TEXT("ETag"));
}

void proxy_reply(struct server_request *request, const struct proxy_reply *reply)
{
    const struct proxy_answer *answer = reply->answer;
    bool own = reply->body.at != NULL;
    size_t count = answer ? answer->header_count : 0, used = 0;
    struct server_header *headers =
        arena_alloc(&request->arena, (count + PROXY_MORE_MAX) * sizeof(*headers));
    for (size_t i = 0; headers && i < count; i++)
        if (!own || !is_about_body(answer->headers[i].name))
            headers[used++] = answer->headers[i];
    for (size_t i = 0; headers && i < reply->more_count; i++)
        headers[used++] = reply->more[i];
    server_answer(request,
                  &(struct server_answer){.status = reply->status ? reply->status : answer->status,
                                          .content_type = own ? "application/json" : NULL,
                                          .body = own ? reply->body : answer->body,
                                          .more = headers,
                                          .more_count = used,
                                          .not_before_us = reply->not_before_us});
}

/* --- opening and closing --- */

/* Cuts "https://app.example.com/__clerk" into its parts, all in the arena. */
static bool keep_texts(struct proxy *proxy, const struct proxy_opts *opts)
{
    struct arena *arena = &proxy->arena;
    proxy->url = arena_copy(arena, text_of(opts->url));
    proxy->upstream = arena_copy(arena, text_of(opts->upstream)).at;
    proxy->secret_key = arena_copy(arena, text_of(opts->secret_key)).at;
    if (opts->ca_file)
        proxy->ca_file = arena_copy(arena, text_of(opts->ca_file)).at;
    if (opts->client_address)
        proxy->client_address = arena_copy(arena, text_of(opts->client_address)).at;
    if (!proxy->url.at || !proxy->upstream || !proxy->secret_key ||
        (opts->ca_file && !proxy->ca_file) || (opts->client_address && !proxy->client_address))
        return false;
    proxy->scheme = text_part(proxy->url, 0, text_find(proxy->url, ':', 0));
    struct text rest = text_part(proxy->url, proxy->scheme.len + 3, proxy->url.len);
    size_t slash = text_find(rest, '/', 0);
    proxy->host = text_part(rest, 0, slash);
    proxy->prefix = text_part(rest, slash, rest.len);
    struct text upstream = text_of(proxy->upstream);
    proxy->upstream_host = text_part(upstream, text_find(upstream, ':', 0) + 3, upstream.len);
    return true;
}

static int open_clients(struct proxy *proxy, const struct proxy_opts *opts, struct err *err)
{
    proxy->clients = calloc(opts->loop_count, sizeof(struct client *));
    if (!proxy->clients)
        return err_memory(err);
    for (size_t i = 0; i < opts->loop_count; i++) {
        const struct client_opts client = {.loop = opts->loops[i],
                                           .server = proxy->upstream,
                                           .in_flight_max =
                                               opts->in_flight_max / (uint32_t)opts->loop_count + 1,
                                           .ca_file = proxy->ca_file};
        if (client_open(&proxy->clients[i], &client, err) != 0)
            return -1;
    }
    return 0;
}

int proxy_open(struct proxy **out, const struct proxy_opts *opts, struct err *err)
{
    struct proxy *proxy = calloc(1, sizeof(*proxy));
    if (!proxy)
        return err_memory(err);
    arena_init(&proxy->arena, 64 * 1024);
    proxy->loops = opts->loops;
    proxy->loop_count = opts->loop_count;
    proxy->events = opts->events;
    int result = keep_texts(proxy, opts) ? open_clients(proxy, opts, err) : err_memory(err);
    if (result != 0) {
        proxy_close(proxy);
        return -1;
    }
    *out = proxy;
    return 0;
}

void proxy_give_up(struct proxy *proxy)
{
    for (size_t i = 0; i < proxy->loop_count; i++)
        client_give_up(proxy->clients[i]);
}

void proxy_close(struct proxy *proxy)
{
    if (!proxy)
        return;
    for (size_t i = 0; proxy->clients && i < proxy->loop_count; i++)
        client_close(proxy->clients[i]);
    free(proxy->clients);
    arena_release(&proxy->arena);
    free(proxy);
}
