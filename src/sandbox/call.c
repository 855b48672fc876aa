#include "sandbox/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/event.h"

struct buf *call_answer(struct call *call, int status)
{
    call->status = status;
    call->content_type = "application/json";
    call->header_count = call->signature_count = 0;
    buf_reset(&call->request->out);
    return &call->request->out;
}

void call_header(struct call *call, const char *name, struct text value)
{
    struct text copy = arena_copy(call->arena, value);
    if (call->header_count < CALL_HEADERS_MAX && copy.at)
        call->headers[call->header_count++] = (struct server_header){name, copy.at};
}

bool call_sign_with(struct call *call, struct text input, struct text algorithm, struct text key)
{
    struct buf *out = &call->request->out;
    if (call->signature_count == CALL_SIGNATURES_MAX)
        return false;
    call->signatures[call->signature_count++] =
        (struct call_signature){out->len, input.len, algorithm, key};
    buf_add(out, input);
    return true;
}

bool call_sign(struct call *call, struct text input)
{
    struct buf *out = &call->request->out;
    struct text none = {NULL, 0};
    if (!call_sign_with(call, input, none, none))
        return false;
    buf_byte(out, '.');
    char *room = buf_room(out, KEYS_SIGNATURE_LEN);
    if (room)
        memset(room, '?', KEYS_SIGNATURE_LEN);
    buf_grow(out, room ? KEYS_SIGNATURE_LEN : 0);
    return true;
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

bool call_fail_session(struct call *call, enum clerk_code code, struct text session,
                       const char *sentence)
{
    refuse(call, &(struct clerk_error){
                     .code = code, .long_message = text_of(sentence), .session = session});
    return false;
}

bool call_fail_permission(struct call *call, const char *permission)
{
    char list[128];
    snprintf(list, sizeof(list), "[\"%s\"]", permission);
    refuse(call, &(struct clerk_error){.code = CLERK_missing_organization_permission,
                                       .long_message = TEXT("The role lacks a permission."),
                                       .permissions = text_of(list)});
    return false;
}

bool call_not_found(struct call *call, const char *what, struct text id)
{
    return call_fail(call, CLERK_resource_not_found, NULL, "There is no %s with the id %.*s.", what,
                     TEXT_ARG(text_part(id, 0, 64)));
}

bool call_limited(struct call *call, int64_t retry_after_s)
{
    call->desk->stats.limited++;
    call->retry_after_s = retry_after_s;
    return call_fail(call, CLERK_too_many_requests, NULL,
                     "Too many requests in a short time. Try again in %lld s.",
                     (long long)retry_after_s);
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
    return form_get(&call->query, name);
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

static bool read_form(struct call *call, struct text t, struct form_fields *form, const char *what)
{
    switch (form_parse(t, call->arena, form)) {
    case FORM_OK:
        return true;
    case FORM_TOO_MANY:
        return call_fail(call, CLERK_malformed_request_parameters, NULL,
                         "The %s has more than %d parameters.", what, FORM_MAX);
    case FORM_MALFORMED:
        return call_fail(call, CLERK_malformed_request_parameters, NULL,
                         "The %s is not percent-encoded UTF-8.", what);
    case FORM_MEMORY:
        break;
    }
    return call_fail(call, CLERK_internal_clerk_error, NULL, "The request needs too much memory.");
}

bool call_read_query(struct call *call)
{
    return read_form(call, call->request->query, &call->query, "query");
}

bool call_read_form(struct call *call)
{
    return read_form(call, call->request->body, &call->form, "body");
}
