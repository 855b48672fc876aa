#include "sandbox/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/event.h"

/* A query string holds at most so many parameters. */
#define QUERY_MAX 4096

struct buf *call_answer(struct call *call, int status)
{
    call->status = status;
    buf_reset(&call->request->out);
    return &call->request->out;
}

static void refuse(struct call *call, const struct clerk_error *error)
{
    char trace_id[CLERK_TRACE_ID_LEN + 1];
    clerk_trace_id(trace_id);
    clerk_error_write(error, text_of(trace_id), call_answer(call, clerk_error_status(error->code)));
}

bool call_fail(struct call *call, enum clerk_code code, const char *param, const char *format, ...)
{
    char sentence[320];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    refuse(call, &(struct clerk_error){
                     .code = code, .long_message = text_of(sentence), .param = text_of(param)});
    return false;
}

bool call_fail_missing(struct call *call, const char *params)
{
    char sentence[200];
    snprintf(sentence, sizeof(sentence),
             "The data do not meet this instance's requirements; look at %s.", params);
    refuse(call, &(struct clerk_error){.code = CLERK_form_data_missing,
                                       .long_message = text_of(sentence),
                                       .params = text_of(params)});
    return false;
}

bool call_not_found(struct call *call, const char *what, struct text id)
{
    return call_fail(call, CLERK_resource_not_found, NULL, "There is no %s with the id %.*s.", what,
                     TEXT_ARG(text_part(id, 0, 64)));
}

bool call_broken(struct call *call, const struct err *err)
{
    log_line(LOG_ERROR, "sandbox: %s", err->message);
    return call_fail(call, CLERK_internal_clerk_error, NULL,
                     "The sandbox failed; its log says why.");
}

bool call_mark(struct call *call)
{
    struct err err;
    if (store_save(call->desk->store, &err) != 0)
        return call_broken(call, &err);
    call->marked = true;
    return true;
}

void *call_alloc(struct call *call, size_t size)
{
    void *at = arena_alloc(call->arena, size);
    if (!at)
        call_fail(call, CLERK_internal_clerk_error, NULL, "The request needs too much memory.");
    return at;
}

void call_later(struct call *call, void (*work)(struct call *call), void (*then)(struct call *call))
{
    call->work = work;
    call->then = then;
}

struct text call_new_id(struct call *call, const char *prefix)
{
    char id[CLERK_ID_MAX];
    size_t len = clerk_id_new(&call->desk->ids, prefix, call->now_ms, id);
    return arena_copy(call->arena, (struct text){id, len});
}

struct text call_param(const struct call *call, struct text name)
{
    for (size_t i = 0; i < call->query_count; i++)
        if (text_same(call->query[i].name, name))
            return call->query[i].value;
    return (struct text){NULL, 0};
}

bool call_check(struct call *call, enum store_answer answer, const struct err *err)
{
    switch (answer) {
    case STORE_OK:
        return true;
    case STORE_TAKEN:
        call->desk->stats.duplicates++;
        return call_fail(call, CLERK_form_identifier_exists, store_taken(call->desk->store),
                         "Another user of this instance has this %s. Take another one.",
                         store_taken(call->desk->store));
    case STORE_NONE:
        return call_fail(call, CLERK_resource_not_found, NULL, "There is no such thing.");
    case STORE_FAILED:
        break;
    }
    return call_broken(call, err);
}

bool call_account(struct call *call, struct text id, struct account *account)
{
    struct err err;
    enum store_answer answer =
        account_get(call->desk->store, id, call->now_ms, call->arena, account, &err);
    if (answer == STORE_NONE)
        return call_not_found(call, "user", id);
    return call_check(call, answer, &err);
}

bool call_put_account(struct call *call, struct account *account)
{
    struct err err;
    account->clerk.updated_at = call->now_ms;
    if (!call_check(call, account_put(call->desk->store, account, call->arena, &err), &err) ||
        !call_account(call, account->clerk.id, account))
        return false;
    call_answer_account(call, account);
    return event_put_answer(call, EVENT_user_updated);
}

void call_answer_account(struct call *call, const struct account *account)
{
    clerk_write_user(&account->clerk, call_answer(call, 200));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct text call_decode(struct arena *arena, struct text t, bool form)
{
    struct text out = arena_copy(arena, t);
    char *to = (char *)(uintptr_t)out.at;
    size_t len = 0;
    for (size_t i = 0; to && i < t.len; i++) {
        char c = t.at[i];
        if (c == '%') {
            int high = i + 2 < t.len ? hex_digit(t.at[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(t.at[i + 2]) : -1;
            if (low < 0)
                return (struct text){NULL, 0};
            c = (char)(high << 4 | low);
            i += 2;
        } else if (form && c == '+') {
            c = ' ';
        }
        to[len++] = c;
    }
    out.len = len;
    if (!text_is_utf8(out) || text_has_nul(out))
        return (struct text){NULL, 0};
    return out;
}

static bool add_param(struct call *call, struct text pair)
{
    size_t equals = text_find(pair, '=', 0);
    struct text name = call_decode(call->arena, text_part(pair, 0, equals), true);
    struct text value = call_decode(call->arena, text_part(pair, equals + 1, pair.len), true);
    if (!name.at || !value.at)
        return false;
    if (text_ends(name, TEXT("[]")))
        name.len -= 2;
    call->query[call->query_count++] = (struct call_param){name, value};
    return true;
}

bool call_read_query(struct call *call)
{
    struct text rest = call->request->query, pair;
    size_t count = 1;
    if (!rest.at || rest.len == 0)
        return true;
    for (size_t i = 0; i < rest.len; i++)
        count += rest.at[i] == '&';
    if (count > QUERY_MAX)
        return call_fail(call, CLERK_malformed_request_parameters, NULL,
                         "The query has more than %d parameters.", QUERY_MAX);
    call->query = call_alloc(call, count * sizeof(*call->query));
    while (call->query && text_field(&rest, '&', &pair))
        if (pair.len > 0 && !add_param(call, pair))
            return call_fail(call, CLERK_malformed_request_parameters, NULL,
                             "The query is not percent-encoded UTF-8.");
    return call->query != NULL;
}
