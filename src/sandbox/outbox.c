#include "sandbox/outbox.h"

#include <string.h>

#include "sandbox/call.h"
#include "sandbox/event.h"
#include "sandbox/page.h"
#include "sandbox/routes.h"

/* Messages older than a week go. */
#define KEEP_MS (INT64_C(7) * 86400000)

#define COLUMN_TEXT(name)   {offsetof(struct message, name), false},
#define COLUMN_NUMBER(name) {offsetof(struct message, name), true},
ROW_TABLE(outbox_table, message, "outbox", OUTBOX_COLUMNS, COLUMN_TEXT, COLUMN_NUMBER,
          "CREATE INDEX IF NOT EXISTS outbox_address ON outbox (address);"
          "CREATE INDEX IF NOT EXISTS outbox_created_at ON outbox (created_at);");

static bool forget_old(struct call *call)
{
    static const char statement[] = "DELETE FROM outbox WHERE created_at < ?1";
    struct err err;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (query)
        sql_bind_int(query, 1, call->now_ms - KEEP_MS);
    return (query && sql_run(query, &err) == 0) || call_broken(call, &err);
}

/* The body as a mail program takes it. */
static struct text as_html(struct call *call, struct text t)
{
    struct buf html;
    buf_init(&html, 65536);
    buf_add(&html, TEXT("<p>"));
    for (size_t i = 0; i < t.len; i++) {
        if (memchr("&<>\"", t.at[i], 4))
            buf_printf(&html, "&#%d;", t.at[i]);
        else
            buf_byte(&html, t.at[i]);
    }
    buf_add(&html, TEXT("</p>"));
    struct text copy =
        buf_ok(&html) ? arena_copy(call->arena, buf_text(&html)) : (struct text){NULL, 0};
    buf_release(&html);
    return copy;
}

static void put_email(struct call *call, const struct message *message, struct json_out *out)
{
    json_field_text(out, "object", TEXT("email"));
    json_field_text(out, "from_email_name", TEXT("notifications"));
    json_field_text(out, "reply_to_email_name", (struct text){NULL, 0});
    json_field_text(out, "to_email_address", message->address);
    json_field_text(out, "email_address_id", (struct text){NULL, 0});
    json_field_text(out, "subject", message->subject);
    json_field_text(out, "body", as_html(call, message->body));
    json_field_text(out, "body_plain", message->body);
}

static void put_sms(const struct message *message, struct json_out *out)
{
    json_field_text(out, "object", TEXT("sms_message"));
    json_field_text(out, "from_phone_number", TEXT("+15555550100"));
    json_field_text(out, "to_phone_number", message->address);
    json_field_text(out, "phone_number_id", (struct text){NULL, 0});
    json_field_text(out, "message", message->body);
    json_field_int(out, "created_at_ms", message->created_at);
}

/* Tells the webhooks, with the code or the link: an application may send it by itself. */
static bool tell(struct call *call, const struct message *message, const char *name,
                 struct text value)
{
    bool sms = text_same(message->kind, TEXT("sms"));
    enum event_kind kind = sms ? EVENT_sms_created : EVENT_email_created;
    struct buf json;
    if (!event_wanted(call, kind))
        return true;
    buf_init(&json, 65536);
    struct json_out out = json_out(&json);
    json_open(&out, '{');
    json_field_text(&out, "id", message->id);
    if (sms)
        put_sms(message, &out);
    else
        put_email(call, message, &out);
    json_field_text(&out, "slug", message->slug);
    json_field_text(&out, "user_id", message->user_id);
    json_field_text(&out, "status", TEXT("queued"));
    json_key(&out, TEXT("data"));
    json_open(&out, '{');
    json_field_text(&out, name, value);
    json_close(&out, '}');
    json_field_bool(&out, "delivered_by_clerk", true);
    json_close(&out, '}');
    bool ok = event_put(call, kind, buf_text(&json));
    buf_release(&json);
    return ok;
}

/* Keeps the message and tells of it; name and value are what the event's data hold. */
static bool send(struct call *call, const struct message *message, const char *name,
                 struct text value)
{
    struct err err;
    return call_check(call, row_put(call->desk->store, &outbox_table, message, &err), &err) &&
           tell(call, message, name, value) && forget_old(call);
}

bool outbox_put_code(struct call *call, const struct outbox_code *what)
{
    struct text application = call->desk->instance->settings.application_name;
    struct message message = {
        .id = call_new_id(call, what->sms ? "sms_" : "ema_"),
        .kind = what->sms ? TEXT("sms") : TEXT("email"),
        .address = what->address,
        .slug = text_of(what->slug),
        .code = what->code,
        .user_id = what->user_id,
        .created_at = call->now_ms,
        .subject = what->sms ? (struct text){NULL, 0}
                             : arena_printf(call->arena, "%.*s is your verification code",
                                            TEXT_ARG(what->code)),
        .body = arena_printf(call->arena, "%.*s is your verification code for %.*s.",
                             TEXT_ARG(what->code), TEXT_ARG(application))};
    return send(call, &message, "otp_code", what->code);
}

bool outbox_put_link(struct call *call, const struct outbox_link *what)
{
    struct message message = {.id = call_new_id(call, "ema_"),
                              .kind = TEXT("email"),
                              .address = what->address,
                              .slug = text_of(what->slug),
                              .created_at = call->now_ms,
                              .subject = what->subject,
                              .body = arena_printf(call->arena, "%.*s %.*s",
                                                   TEXT_ARG(what->sentence), TEXT_ARG(what->url))};
    return send(call, &message, "action_url", what->url);
}

static void put(const struct message *message, struct json_out *out)
{
    json_open(out, '{');
    json_field_text(out, "object", TEXT("sandbox_message"));
    json_field_text(out, "id", message->id);
    json_field_text(out, "kind", message->kind);
    json_field_text(out, "to", message->address);
    json_field_text(out, "slug", message->slug);
    json_field_text(out, "code", message->code);
    json_field_text(out, "subject", message->subject);
    json_field_text(out, "body", message->body);
    json_field_text(out, "user_id", message->user_id);
    json_field_int(out, "created_at", message->created_at);
    json_close(out, '}');
}

void outbox_list(struct call *call)
{
    static const char all[] =
        ROW_SELECT("outbox", OUTBOX_COLUMNS) " ORDER BY created_at DESC, id DESC";
    static const char some[] = ROW_SELECT(
        "outbox", OUTBOX_COLUMNS) " WHERE address = ?1 ORDER BY created_at DESC, id DESC";
    struct text to = call_param(call, TEXT("to"));
    struct page page;
    struct err err;
    void *rows;
    size_t count;
    struct sql_query *query = sql_query(store_sql(call->desk->store), to.at ? some : all, &err);
    if (query && to.at)
        sql_bind_text(query, 1, to);
    if (!query || row_list(&outbox_table, query, call->arena, &rows, &count, &err) != 0) {
        call_broken(call, &err);
        return;
    }
    const struct message *messages = rows;
    if (!page_open(call, count, &page))
        return;
    for (size_t i = page.from; i < page.to; i++)
        put(&messages[i], &page.out);
    page_close(&page);
}
