/*
 * POST and DELETE /v1/webhooks/svix, POST /v1/webhooks/svix_url. Clerk keeps its webhooks at Svix, and these tie the
 * instance to an app there and give a link to its dashboard. The sandbox delivers webhooks itself: the link is its own
 * page, with the token that opens it.
 */
#include "sandbox/call.h"
#include "sandbox/console.h"
#include "sandbox/routes.h"

static const char name[] = "svix_app";

static bool has_app(struct call *call, bool *has)
{
    struct text value;
    struct err err;
    if (store_value_get(call->desk->store, name, call->arena, &value, &err) != 0)
        return call_broken(call, &err);
    *has = value.len > 0;
    return true;
}

static bool set_app(struct call *call, struct text value)
{
    struct err err;
    return store_value_put(call->desk->store, name, value, &err) == 0 || call_broken(call, &err);
}

static void answer(struct call *call)
{
    struct text host = server_header(call->request, "Host");
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_text(&out, "svix_url",
                    arena_printf(call->arena, "http%s://%.*s/usher/#token=%s",
                                 call->desk->console->tls ? "s" : "", TEXT_ARG(host),
                                 call->desk->console->token));
    json_close(&out, '}');
}

void svix_create(struct call *call)
{
    bool has;
    if (!has_app(call, &has))
        return;
    if (has)
        call_fail(call, CLERK_svix_app_exists, NULL, "The instance has a Svix app already.");
    else if (set_app(call, TEXT("1")))
        answer(call);
}

/* The app; refuses without one. */
static bool need_app(struct call *call)
{
    bool has;
    return has_app(call, &has) &&
           (has || call_fail(call, CLERK_svix_app_missing, NULL, "The instance has no Svix app."));
}

void svix_delete(struct call *call)
{
    if (need_app(call) && set_app(call, TEXT("")))
        call_answer(call, 204);
}

void svix_url(struct call *call)
{
    if (need_app(call))
        answer(call);
}
