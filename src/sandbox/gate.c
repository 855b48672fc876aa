#include "sandbox/gate.h"

#include <stdlib.h>
#include <string.h>

#include "sandbox/console.h"
#include "sandbox/front.h"
#include "sandbox/image.h"

#define BODY_MAX ((size_t)1 << 20)
#define HOUR_US  INT64_C(3600000000)

/* How often an hour endpoints may be called, from ROUTE_INVITE on. */
static const uint32_t hourly[GATE_HOURLY] = {100, 25, 250, 50};

/* The sandbox's own endpoints take the page's token as well. */
static bool is_page(const struct call *call)
{
    return text_starts(call->request->path, TEXT("/v1/sandbox/")) &&
           console_admits(call->desk->console, call->request);
}

static bool check_key(struct call *call)
{
    struct text header = server_header(call->request, "Authorization");
    struct text bearer = TEXT("Bearer "), key = text_part(header, bearer.len, header.len);
    struct text ours = text_of(call->desk->instance->secret_key);
    if (!text_same_nocase(text_part(header, 0, bearer.len), bearer) || key.len == 0)
        return call_fail(call, CLERK_authorization_header_format_invalid, NULL,
                         "Send the header 'Authorization: Bearer <the instance's secret key>'.");
    if (key.len != ours.len || !secret_same(key.at, ours.at, ours.len))
        return call_fail(call, CLERK_clerk_key_invalid, NULL,
                         "The secret key in the Authorization header is not this instance's.");
    return true;
}

/* What has a limit of its own: a user, an organization, or a membership. */
static struct text limited_thing(struct call *call)
{
    if (call->route->limit != ROUTE_MEMBER)
        return call->ids[0];
    return arena_printf(call->arena, "%.*s/%.*s", TEXT_ARG(call->ids[0]), TEXT_ARG(call->ids[1]));
}

/* The limits that not every endpoint has. */
static int64_t ask_further(struct gate *gate, struct call *call, int64_t now)
{
    enum route_limit limit = call->route->limit;
    if (limit >= ROUTE_INVITE)
        return limit_ask(&gate->hourly[limit - ROUTE_INVITE], now);
    if (limit == ROUTE_INSTANCE || !gate->user_limits)
        return 0;
    return user_limits_ask(gate->user_limits, limited_thing(call), now);
}

/*
 * The moment of admission is what counts, and what the latency counts from: HTTP threads hand requests over
 * in another order than they came, and a log of times that goes back and forth refuses too many.
 */
static bool check_limits(struct gate *gate, struct call *call)
{
    int64_t now = clock_now_us(), wait = 0;
    call->request->arrived_us = now;
    if (call->route->limit == ROUTE_FREE || call->route->limit == ROUTE_BROWSER)
        return true;
    wait = limit_ask(&gate->limit, now);
    if (wait == 0)
        wait = ask_further(gate, call, now);
    return wait == 0 || call_limited(call, wait);
}

static bool check_faults(struct call *call)
{
    struct faults *faults = &call->desk->faults;
    bool writes = !text_same(call->route->method, TEXT("GET"));
    if (call->route->limit == ROUTE_FREE)
        return true;
    if (faults_ask(faults, FAULT_DROP_BEFORE)) {
        call->drop = true;
        return call_fail(call, CLERK_internal_clerk_error, NULL, "Dropped.");
    }
    if (faults_ask(faults, FAULT_500))
        return call_fail(call, CLERK_internal_clerk_error, NULL, "A fault that was asked for.");
    if (faults_ask(faults, FAULT_429))
        return call_limited(call, 1);
    call->drop = writes && faults_ask(faults, FAULT_DROP_AFTER);
    call->slow = faults_ask(faults, FAULT_SLOW_BODY);
    return true;
}

/* Endpoints that make several things at once take an array of them. */
static enum json_type body_type(const struct call *call)
{
    return text_ends(call->route->path, TEXT("/bulk")) ? JSON_ARRAY : JSON_OBJECT;
}

static bool read_json(struct gate *gate, struct call *call)
{
    enum json_type wanted = body_type(call);
    struct err err;
    if (!form_is_type(server_header(call->request, "Content-Type"), TEXT("application/json")))
        return call_fail(call, CLERK_unsupported_content_type, NULL,
                         "Send the body as application/json.");
    if (json_parse_padded(gate->json, call->request->body, &call->body, &err) != 0)
        return call_fail(call, CLERK_request_body_invalid, NULL, "The body is %s.", err.message);
    if (json_type(call->body) != wanted)
        return call_fail(call, CLERK_request_body_invalid, NULL, "The body must be %s, not %s.",
                         json_type_name(wanted), json_type_name(json_type(call->body)));
    return true;
}

/* Files are left to the handler that wants one. */
static bool read_form(struct call *call)
{
    struct text type = server_header(call->request, "Content-Type");
    if (form_is_type(type, TEXT("multipart/form-data")) ||
        form_is_type(type, TEXT("application/octet-stream")))
        return true;
    if (!form_is_type(type, TEXT("application/x-www-form-urlencoded")))
        return call_fail(call, CLERK_unsupported_content_type, NULL,
                         "Send the body as application/x-www-form-urlencoded.");
    return call->form.at || call_read_form(call);
}

/* A picture is left to its handler. */
static bool brings_image(const struct call *call)
{
    return image_is_path(call->request->path) &&
           form_is_type(server_header(call->request, "Content-Type"), TEXT("multipart/form-data"));
}

bool gate_body(struct gate *gate, struct call *call)
{
    if (call->request->body_too_large && brings_image(call))
        return call_fail(call, CLERK_image_too_large, NULL, "A picture may have %zu bytes at most.",
                         IMAGE_MAX);
    if (call->request->body_too_large)
        return call_fail(call, CLERK_request_body_too_large, NULL,
                         "A request body may have %zu bytes at most.", BODY_MAX);
    if (strcmp(call->request->method, "GET") == 0 || !call->request->body.at)
        return true;
    if (call->front)
        return read_form(call);
    return brings_image(call) || read_json(gate, call);
}

/* Browsers send PATCH, PUT and DELETE as POST with ?_method=. */
static struct text method_wanted(const struct call *call)
{
    struct text rest = call->request->query, pair, name = TEXT("_method=");
    if (strcmp(call->request->method, "POST") == 0)
        while (text_field(&rest, '&', &pair))
            if (text_starts(pair, name))
                return text_part(pair, name.len, pair.len);
    return (struct text){NULL, 0};
}

void gate_find(struct call *call)
{
    struct route_query query = {.method = method_wanted(call),
                                .path = call->request->path,
                                .keyed = server_header(call->request, "Authorization").at};
    if (query.method.at) {
        call->route = route_find(&query, call->ids);
        if (call->route && route_is_front(call->route))
            return;
    }
    memset(call->ids, 0, sizeof(call->ids));
    query.method = text_of(call->request->method);
    call->route = route_find(&query, call->ids);
}

static bool check_route(struct call *call)
{
    if (!call->route)
        return call_fail(call, CLERK_resource_not_found, NULL, "%s",
                         route_has_path(call->request->path)
                             ? "This path has no such method."
                             : "There is no such path in this API.");
    for (size_t i = 0; i < ROUTE_IDS_MAX && call->ids[i].at; i++) {
        call->ids[i] = form_decode(call->arena, call->ids[i], false);
        if (!call->ids[i].at)
            return call_fail(call, CLERK_resource_not_found, NULL, "The path is malformed.");
    }
    if (call->route->handle)
        call->desk->stats.calls[call->route - routes]++;
    return true;
}

static bool check_caller(struct call *call)
{
    if (route_is_front(call->route))
        return front_admit(call);
    return call->route->auth == ROUTE_PUBLIC || is_page(call) || check_key(call);
}

/* What Clerk has and the sandbox has not says so, instead of looking like a wrong path. */
static bool check_served(struct call *call)
{
    const struct route *route = call->route;
    return route->handle ||
           call_fail(call, CLERK_feature_not_implemented, NULL,
                     "The sandbox does not serve %s (%s %s); docs/unserved.md lists what it lacks.",
                     route->operation, route->method.at, route->path.at);
}

bool gate_admit(struct gate *gate, struct call *call)
{
    call->desk->stats.requests++;
    return check_route(call) && call_read_query(call) && check_caller(call) &&
           check_limits(gate, call) && check_faults(call) && check_served(call);
}

static int make_hourly_limits(struct gate *gate, enum limit_shape shape, struct err *err)
{
    size_t all = 0;
    for (size_t i = 0; i < GATE_HOURLY; i++)
        all += hourly[i];
    int64_t *log = gate->hourly_log = calloc(all, sizeof(*log));
    if (!log)
        return err_memory(err);
    for (size_t i = 0; i < GATE_HOURLY; log += hourly[i++])
        limit_init(&gate->hourly[i], shape, hourly[i], HOUR_US, log);
    return 0;
}

static int make_limits(struct gate *gate, const struct sandbox_opts *want,
                       const struct instance *instance, struct err *err)
{
    uint32_t requests = instance->limits.requests;
    int64_t window_us = (int64_t)instance->limits.window_ms * 1000;
    if (want->limits == SANDBOX_LIMITS_OFF)
        return 0;
    if (want->limits == SANDBOX_LIMITS_OWN) {
        requests = want->limit_requests;
        window_us = (int64_t)want->limit_seconds * 1000000;
    }
    gate->limit_log = calloc(requests ? requests : 1, sizeof(*gate->limit_log));
    if (!gate->limit_log)
        return err_memory(err);
    limit_init(&gate->limit, want->limit_shape, requests, window_us, gate->limit_log);
    if (want->limits == SANDBOX_LIMITS_OWN)
        return 0;
    return make_hourly_limits(gate, want->limit_shape, err) != 0
               ? -1
               : user_limits_new(&gate->user_limits, want->limit_shape, 10, 10000000, err);
}

int gate_init(struct gate *gate, const struct sandbox_opts *opts, const struct instance *instance,
              struct err *err)
{
    memset(gate, 0, sizeof(*gate));
    if (json_new(&gate->json, BODY_MAX, err) != 0)
        return -1;
    return make_limits(gate, opts, instance, err);
}

void gate_release(struct gate *gate)
{
    json_free(gate->json);
    user_limits_free(gate->user_limits);
    free(gate->limit_log);
    free(gate->hourly_log);
}
