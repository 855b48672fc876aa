#include "sandbox/outbox.h"

#include <string.h>

#include "sandbox/call.h"
#include "sandbox/event.h"
#include "sandbox/resource.h"
#include "sandbox/routes.h"
#include "sandbox/wording.h"

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

static void put_email(struct call *call, const struct message *message,
                      const struct wording_texts *texts, struct json_out *out)
{
    json_field_text(out, "object", TEXT("email"));
    json_field_text(out, "from_email_name", texts->from_name);
    json_field_text(out, "reply_to_email_name",
                    texts->reply_name.len > 0 ? texts->reply_name : (struct text){NULL, 0});
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

static void put_values(const struct outbox_opts *opts, struct json_out *out)
{
    json_key(out, TEXT("data"));
    json_open(out, '{');
    for (size_t i = 0; i < opts->count; i++)
        json_field_text(out, opts->values[i].name, opts->values[i].value);
    json_close(out, '}');
}

/* Tells the webhooks, with the code or the link: an application may send it by itself. */
static bool tell(struct call *call, const struct outbox_opts *opts, const struct message *message,
                 const struct wording_texts *texts)
{
    enum event_kind kind = opts->sms ? EVENT_sms_created : EVENT_email_created;
    struct buf json;
    if (!event_wanted(call, kind))
        return true;
    buf_init(&json, 262144);
    struct json_out out = json_out(&json);
    json_open(&out, '{');
    json_field_text(&out, "id", message->id);
    if (opts->sms)
        put_sms(message, &out);
    else
        put_email(call, message, texts, &out);
    json_field_text(&out, "slug", message->slug);
    json_field_text(&out, "user_id", message->user_id);
    json_field_text(&out, "status", TEXT("queued"));
    put_values(opts, &out);
    json_field_bool(&out, "delivered_by_clerk", texts->delivered);
    json_close(&out, '}');
    bool ok = event_put(call, kind, buf_text(&json));
    buf_release(&json);
    return ok;
}

static struct text code_of(const struct outbox_opts *opts)
{
    for (size_t i = 0; i < opts->count; i++)
        if (strcmp(opts->values[i].name, "otp_code") == 0)
            return opts->values[i].value;
    return (struct text){NULL, 0};
}

static bool keep(struct call *call, const struct message *message)
{
    struct err err;
    return call_check(call, row_put(call->desk->store, &outbox_table, message, &err), &err) &&
           forget_old(call);
}

bool outbox_put(struct call *call, const struct outbox_opts *opts)
{
    struct message message = {.id = call_new_id(call, opts->sms ? "sms_" : "ema_"),
                              .kind = opts->sms ? TEXT("sms") : TEXT("email"),
                              .address = opts->address,
                              .slug = text_of(opts->slug),
                              .code = code_of(opts),
                              .user_id = opts->user_id,
                              .created_at = call->now_ms};
    struct wording_texts texts;
    return wording_get(call, wording_find(opts->sms, message.slug), &texts) &&
           wording_render(call, texts.subject, opts->values, opts->count, &message.subject) &&
           wording_render(call, texts.body, opts->values, opts->count, &message.body) &&
           (!texts.delivered || keep(call, &message)) && tell(call, opts, &message, &texts);
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

/* One page of what the filter leaves; the table may hold many thousands. */
static void list(struct call *call, const struct filter *filter, const char *tail, bool paginated)
{
    static const char head[] = ROW_SELECT("outbox", OUTBOX_COLUMNS);
    struct err err;
    void *rows = NULL;
    size_t count = 0;
    int64_t total = 0;
    struct sql_query *query = filter_query(filter, store_sql(call->desk->store), head, tail, &err);
    int status = query ? row_list(&outbox_table, query, call->arena, &rows, &count, &err) : -1;
    sql_finish(query);
    if (status != 0) {
        call_broken(call, &err);
        return;
    }
    if (paginated && !filter_count(call, filter, "SELECT count(*) FROM outbox", &total))
        return;
    struct json_out out = paginated ? resource_begin_list(call) : json_out(call_answer(call, 200));
    const struct message *messages = rows;
    if (!paginated)
        json_open(&out, '[');
    for (size_t i = 0; i < count; i++)
        put(&messages[i], &out);
    if (paginated)
        resource_end_list(call, &out, total);
    else
        json_close(&out, ']');
}

void outbox_list(struct call *call)
{
    static const struct paging_order orders[] = {{"created_at", "created_at"}};
    struct text to = call_param(call, TEXT("to"));
    struct paging page;
    struct filter filter;
    char tail[PAGING_TAIL_MAX];
    bool paginated;
    if (!paging_read(call, orders, ARRAY_COUNT(orders), &page) ||
        !paging_flag(call, "paginated", &paginated))
        return;
    paging_tail(&page, "id", tail);
    if (filter_begin(call, &filter) &&
        (!to.at || filter_add(call, &filter, "address = %s", (struct filter_bind){.t = to})))
        list(call, &filter, tail, paginated);
    filter_release(&filter);
}
