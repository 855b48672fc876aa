#include "sandbox/outbox.h"

#include "sandbox/call.h"
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
    struct err err;
    return call_check(call, row_put(call->desk->store, &outbox_table, &message, &err), &err) &&
           forget_old(call);
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
