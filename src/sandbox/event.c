/* The payload of every event: {"data":…,"object":"event","type":…,"timestamp":…,"instance_id":…,"event_attributes":…}. */
#include "sandbox/event.h"

#include "sandbox/front.h"
#include "sandbox/hook.h"

/* A payload is an object of Clerk's and a frame of some hundred bytes. */
#define PAYLOAD_MAX    ((size_t)8 << 20)
#define USER_AGENT_MAX 512

_Static_assert(EVENT_KINDS <= 64, "an endpoint keeps the kinds it wants in 64 bits");

static const char *const names[EVENT_KINDS] = {
#define EVENT(kind, name) name,
    EVENTS(EVENT)
#undef EVENT
};

const char *event_name(enum event_kind kind)
{
    return names[kind];
}

enum event_kind event_of(struct text name)
{
    for (size_t i = 0; i < EVENT_KINDS; i++)
        if (text_same(name, text_of(names[i])))
            return (enum event_kind)i;
    return EVENT_KINDS;
}

bool event_wanted(const struct call *call, enum event_kind kind)
{
    return hooks_want(call->desk->hooks, kind);
}

static void put_attributes(struct json_out *out, const struct call *call)
{
    struct text agent = server_header(call->request, "User-Agent");
    char peer[SERVER_ADDRESS_MAX];
    server_peer(call->request, peer);
    struct text address = call->front ? call->front->address : text_of(peer);
    json_key(out, TEXT("event_attributes"));
    json_open(out, '{');
    json_key(out, TEXT("http_request"));
    json_open(out, '{');
    json_key(out, TEXT("client_ip"));
    json_put_text(out, address.len > 0 ? address : TEXT("0.0.0.0"));
    json_key(out, TEXT("user_agent"));
    json_put_text(out, text_part(agent, 0, USER_AGENT_MAX));
    json_close(out, '}');
    json_close(out, '}');
}

static void write_payload(const struct call *call, enum event_kind kind, struct text data,
                          struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    json_key(&out, TEXT("data"));
    json_put_raw(&out, data);
    json_key(&out, TEXT("object"));
    json_put_text(&out, TEXT("event"));
    json_key(&out, TEXT("type"));
    json_put_text(&out, text_of(names[kind]));
    json_key(&out, TEXT("timestamp"));
    json_put_int(&out, call->now_ms);
    json_key(&out, TEXT("instance_id"));
    json_put_text(&out, text_of(call->desk->instance->id));
    put_attributes(&out, call);
    json_close(&out, '}');
}

/* A change whose event is lost must not happen either: the whole transaction goes. */
static bool lose(struct call *call, const struct err *err)
{
    call->broken = true;
    return call_broken(call, err);
}

bool event_put(struct call *call, enum event_kind kind, struct text data)
{
    struct err err;
    struct buf body;
    if (!event_wanted(call, kind))
        return true;
    buf_init(&body, PAYLOAD_MAX);
    write_payload(call, kind, data, &body);
    struct hook_message message = {.id = call_new_id(call, "msg_"),
                                   .kind = kind,
                                   .event = text_of(names[kind]),
                                   .body = buf_text(&body),
                                   .now_ms = call->now_ms};
    int status = buf_ok(&body) && message.id.at ? hooks_put(call->desk->hooks, &message, &err)
                                                : err_memory(&err);
    buf_release(&body);
    return status == 0 || lose(call, &err);
}

bool event_put_answer(struct call *call, enum event_kind kind)
{
    return call->status >= 400 || event_put(call, kind, buf_text(&call->request->out));
}

/* Puts what `data` holds, and releases it. */
static bool put_and_release(struct call *call, enum event_kind kind, struct buf *data)
{
    struct err err;
    bool ok =
        buf_ok(data) ? event_put(call, kind, buf_text(data)) : (err_memory(&err), lose(call, &err));
    buf_release(data);
    return ok;
}

bool event_put_user(struct call *call, enum event_kind kind, const struct account *account)
{
    struct buf data;
    if (!event_wanted(call, kind))
        return true;
    buf_init(&data, PAYLOAD_MAX);
    clerk_write_user(&account->clerk, &data);
    return put_and_release(call, kind, &data);
}

bool event_put_user_of(struct call *call, enum event_kind kind, struct text user_id)
{
    struct account account;
    return !event_wanted(call, kind) ||
           (call_account(call, user_id, &account) && event_put_user(call, kind, &account));
}

bool event_put_session(struct call *call, enum event_kind kind, struct text session,
                       const struct account *account)
{
    struct buf data;
    if (!event_wanted(call, kind))
        return true;
    buf_init(&data, PAYLOAD_MAX);
    buf_add(&data, text_part(session, 0, session.len - 1));
    buf_add(&data, TEXT(",\"user\":"));
    clerk_write_user(&account->clerk, &data);
    buf_byte(&data, '}');
    return put_and_release(call, kind, &data);
}
