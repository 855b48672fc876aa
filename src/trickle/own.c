#include "trickle/own.h"

#include <string.h>

static const struct {
    const char *method, *path;
    void (*handle)(struct core *core, struct server_request *request);
} rows[] = {
#define OWN(method, path, handler) {#method, path, handler},
    OWNS(OWN)
#undef OWN
};

bool own_handle(struct core *core, struct server_request *request)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (strcmp(rows[i].method, request->method) != 0 ||
            !text_same(request->path, text_of(rows[i].path)))
            continue;
        rows[i].handle(core, request);
        return true;
    }
    return false;
}

void own_answer(struct server_request *request, int status)
{
    server_answer(request, &(struct server_answer){.status = status,
                                                   .content_type = "application/json",
                                                   .body = buf_text(&request->out),
                                                   .headers = {{"Cache-Control", "no-store"}},
                                                   .header_count = 1});
}

bool own_has_key(const struct server_request *request, const char *key)
{
    struct text given = server_header(request, "Authorization"), wanted = text_of(key);
    struct text scheme = text_part(given, 0, 7);
    given = text_part(given, 7, given.len);
    return text_same_nocase(scheme, TEXT("Bearer ")) && given.len == wanted.len &&
           secret_same(given.at, wanted.at, wanted.len);
}

void own_health(struct core *core, struct server_request *request)
{
    (void)core;
    buf_add(&request->out, TEXT("{\"status\":\"healthy\"}"));
    own_answer(request, 200);
}
