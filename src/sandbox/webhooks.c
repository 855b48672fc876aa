/*
 * The sandbox's own endpoints for its webhooks: who is told, and how telling them went. The secret of an
 * endpoint is told once, by the request that makes it.
 */
#include "sandbox/body.h"
#include "sandbox/event.h"
#include "sandbox/hook.h"
#include "sandbox/routes.h"

#define DELIVERIES_SHOWN 100

static void put(struct json_out *out, struct text key, struct text value)
{
    json_key(out, key);
    json_put_text_or_null(out, value);
}

static void put_number(struct json_out *out, struct text key, int64_t value)
{
    json_key(out, key);
    json_put_int(out, value);
}

static void put_events(struct json_out *out, uint64_t kinds)
{
    json_key(out, TEXT("events"));
    if (kinds == UINT64_MAX) {
        json_put_null(out);
        return;
    }
    json_open(out, '[');
    for (int kind = 0; kind < EVENT_KINDS; kind++)
        if (kinds >> kind & 1)
            json_put_text(out, text_of(event_name((enum event_kind)kind)));
    json_close(out, ']');
}

static void put_hook(struct json_out *out, const struct hook *hook, bool with_secret)
{
    json_open(out, '{');
    put(out, TEXT("object"), TEXT("sandbox_webhook"));
    put(out, TEXT("id"), text_of(hook->id));
    put(out, TEXT("url"), hook->url);
    put_events(out, hook->kinds);
    if (with_secret)
        put(out, TEXT("secret"), text_of(hook->secret));
    put_number(out, TEXT("created_at"), hook->created_at);
    json_close(out, '}');
}

/* {"data":[ */
static struct json_out open_list(struct call *call)
{
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_key(&out, TEXT("data"));
    json_open(&out, '[');
    return out;
}

static void close_list(struct json_out *out)
{
    json_close(out, ']');
    json_close(out, '}');
}

void webhooks_list(struct call *call)
{
    size_t count;
    const struct hook *hooks = hooks_all(call->desk->hooks, &count);
    struct json_out out = open_list(call);
    for (size_t i = 0; i < count; i++)
        put_hook(&out, &hooks[i], false);
    close_list(&out);
}

struct form {
    struct text url, secret;
    struct user_texts events;
};

static bool read_kinds(struct call *call, const struct user_texts *names, uint64_t *kinds)
{
    *kinds = names->count > 0 ? 0 : UINT64_MAX;
    for (size_t i = 0; i < names->count; i++) {
        enum event_kind kind = event_of(names->at[i]);
        if (kind == EVENT_KINDS)
            return call_fail(call, CLERK_form_param_value_invalid, "events",
                             "There is no event '%.*s'.", TEXT_ARG(text_part(names->at[i], 0, 64)));
        *kinds |= UINT64_C(1) << kind;
    }
    return true;
}

void webhooks_create(struct call *call)
{
    static const struct body_field fields[] = {
        {"url", BODY_TEXT, offsetof(struct form, url), .needed = true},
        {"secret", BODY_SECRET, offsetof(struct form, secret), .needed = false},
        {"events", BODY_TEXTS, offsetof(struct form, events), .needed = false},
    };
    struct form form = {0};
    struct hook_opts opts;
    const struct hook *hook;
    struct err err;
    uint64_t given;
    bool made;
    if (!body_read(call, fields, ARRAY_COUNT(fields), &form, &given) ||
        !read_kinds(call, &form.events, &opts.kinds))
        return;
    opts.url = form.url;
    opts.secret = form.secret;
    if (hooks_add(call->desk->hooks, &opts, call->now_ms, &hook, &made, &err) == 0) {
        struct json_out out = json_out(call_answer(call, 200));
        put_hook(&out, hook, made);
    } else if (err.code == ERR_USAGE) {
        call_fail(call, CLERK_form_param_value_invalid, "url", "%s.", err.message);
    } else {
        call_broken(call, &err);
    }
}

void webhooks_delete(struct call *call)
{
    struct err err;
    enum store_answer answer = hooks_delete(call->desk->hooks, call->ids[0], &err);
    if (answer == STORE_NONE)
        call_not_found(call, "webhook endpoint", call->ids[0]);
    else if (call_check(call, answer, &err))
        clerk_write_deleted("sandbox_webhook", call->ids[0], (struct text){NULL, 0},
                            call_answer(call, 200));
}

/* --- deliveries --- */

#define DELIVERY_COLUMNS                                                                           \
    "message, endpoint, event, created_at, attempts, due_at, status, failure, settled_at"

static struct text state_of(struct sql_query *query)
{
    int64_t status = sql_int(query, 6);
    if (!sql_is_null(query, 5))
        return TEXT("waiting");
    return status >= 200 && status < 300 ? TEXT("delivered") : TEXT("failed");
}

static void put_number_or_null(struct json_out *out, struct text key, struct sql_query *query,
                               int at)
{
    json_key(out, key);
    if (sql_is_null(query, at))
        json_put_null(out);
    else
        json_put_int(out, sql_int(query, at));
}

/* The members of one row of DELIVERY_COLUMNS. */
static void put_delivery(struct json_out *out, struct sql_query *query)
{
    put(out, TEXT("object"), TEXT("sandbox_delivery"));
    put(out, TEXT("message"), sql_text(query, 0));
    put(out, TEXT("endpoint"), sql_text(query, 1));
    put(out, TEXT("event"), sql_text(query, 2));
    put(out, TEXT("state"), state_of(query));
    put_number(out, TEXT("created_at"), sql_int(query, 3));
    put_number(out, TEXT("attempts"), sql_int(query, 4));
    put_number_or_null(out, TEXT("due_at"), query, 5);
    put_number(out, TEXT("status"), sql_int(query, 6));
    put(out, TEXT("failure"), sql_text(query, 7));
    put_number_or_null(out, TEXT("settled_at"), query, 8);
}

/* The newest first: ids of messages sort by age. */
void deliveries_list(struct call *call)
{
    static const char statement[] =
        "SELECT " DELIVERY_COLUMNS " FROM webhook_deliveries ORDER BY message DESC, endpoint"
        " LIMIT ?1";
    struct err err;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    int got = -1;
    if (query) {
        struct json_out out = open_list(call);
        sql_bind_int(query, 1, DELIVERIES_SHOWN);
        while ((got = sql_step(query, &err)) > 0) {
            json_open(&out, '{');
            put_delivery(&out, query);
            json_close(&out, '}');
        }
        close_list(&out);
    }
    if (got < 0)
        call_broken(call, &err);
}

void deliveries_get(struct call *call)
{
    static const char statement[] =
        "SELECT " DELIVERY_COLUMNS
        ", body FROM webhook_deliveries WHERE message = ?1 AND endpoint = ?2";
    struct err err;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    int got = -1;
    if (query) {
        sql_bind_text(query, 1, call->ids[0]);
        sql_bind_text(query, 2, call->ids[1]);
        got = sql_step(query, &err);
    }
    if (got < 0) {
        call_broken(call, &err);
    } else if (got == 0) {
        call_not_found(call, "message", call->ids[0]);
    } else {
        struct json_out out = json_out(call_answer(call, 200));
        json_open(&out, '{');
        put_delivery(&out, query);
        json_key(&out, TEXT("payload"));
        json_put_raw(&out, sql_text(query, 9));
        json_close(&out, '}');
        sql_reset(query);
    }
}

void deliveries_resend(struct call *call)
{
    struct err err;
    enum store_answer answer =
        hooks_resend(call->desk->hooks, call->ids[0], call->ids[1], call->now_ms, &err);
    if (answer == STORE_NONE)
        call_not_found(call, "message", call->ids[0]);
    else if (call_check(call, answer, &err))
        buf_add(call_answer(call, 200), TEXT("{\"object\":\"sandbox_resend\",\"due\":true}"));
}
