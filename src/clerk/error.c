#include "clerk/error.h"

#include <string.h>

#include "json/json.h"

static const struct {
    const char *name;
    int status;
    const char *message;
} infos[] = {
#define ERROR(code, status, message) {#code, status, message},
    CLERK_ERRORS(ERROR)
#undef ERROR
};

int clerk_error_status(enum clerk_code code)
{
    return infos[code].status;
}

const char *clerk_error_name(enum clerk_code code)
{
    return infos[code].name;
}

static void write_meta(const struct clerk_error *error, struct json_out *out)
{
    json_key(out, TEXT("meta"));
    json_open(out, '{');
    if (error->param.at) {
        json_key(out, TEXT("param_name"));
        json_put_text(out, error->param);
    }
    if (error->params.at) {
        json_key(out, TEXT("param_names"));
        json_put_raw(out, error->params);
    }
    if (error->session.at)
        json_field_text(out, "session_id", error->session);
    if (error->permissions.at)
        json_field_raw(out, "permissions", error->permissions);
    json_close(out, '}');
}

void clerk_error_write(const struct clerk_error *error, struct text trace_id, struct buf *to)
{
    struct json_out out = json_out(to);
    struct text message = text_of(infos[error->code].message);
    json_open(&out, '{');
    json_key(&out, TEXT("errors"));
    json_open(&out, '[');
    json_open(&out, '{');
    json_key(&out, TEXT("message"));
    json_put_text(&out, message);
    json_key(&out, TEXT("long_message"));
    json_put_text(&out, error->long_message.at ? error->long_message : message);
    json_key(&out, TEXT("code"));
    json_put_text(&out, text_of(infos[error->code].name));
    if (error->param.at || error->params.at || error->session.at || error->permissions.at)
        write_meta(error, &out);
    json_close(&out, '}');
    json_close(&out, ']');
    json_key(&out, TEXT("clerk_trace_id"));
    json_put_text(&out, trace_id);
    json_close(&out, '}');
}

void clerk_trace_id(char to[CLERK_TRACE_ID_LEN + 1])
{
    unsigned char bytes[CLERK_TRACE_ID_LEN / 2];
    random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        to[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        to[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    to[CLERK_TRACE_ID_LEN] = 0;
}
