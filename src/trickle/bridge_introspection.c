/*
 * Sessions that only the old server can read, asked by token introspection (RFC 7662): a POST of token=…, the
 * client proven by HTTP Basic; the answer is 200 with {"active":true,"sub":…,"exp":…} or {"active":false}.
 */
#include <stdlib.h>

#include "trickle/bridge_inside.h"
#include "trickle/remote.h"

#define FORM_MAX (3 * BRIDGE_TOKEN_MAX + 256)

struct opaque_sessions {
    const struct bridge_opts *opts;
    struct remote remote;
};

static bool names(struct json_value value, struct text who)
{
    struct json_walk walk = json_walk(value);
    bool found = text_same(json_text(value), who);
    while (json_type(value) == JSON_ARRAY && json_next(&walk))
        found |= text_same(json_text(walk.value), who);
    return found;
}

static enum bridge_says judge(const struct opaque_sessions *sessions, struct bridge_look *look,
                              const struct remote_answer *answer)
{
    const struct bridge_opts *opts = sessions->opts;
    struct json_value active = json_get(answer->root, TEXT("active"));
    if (answer->status != 200 || json_type(active) != JSON_BOOL)
        return bridge_unclear(look, "introspection answered %ld%s", answer->status,
                              answer->root.document ? "" : " without JSON");
    if (!json_true(active))
        return bridge_refuse(look, "the session is not active");
    if (opts->issuer && !names(json_get(answer->root, TEXT("iss")), text_of(opts->issuer)))
        return bridge_refuse(look, "the session is of another issuer");
    if (opts->audience && !names(json_get(answer->root, TEXT("aud")), text_of(opts->audience)))
        return bridge_refuse(look, "the session is for another audience");
    json_write(answer->root, &look->record);
    return BRIDGE_GOOD;
}

static enum bridge_says look(void *state, struct bridge_look *look)
{
    struct opaque_sessions *sessions = state;
    struct remote_answer answer;
    struct buf form;
    enum bridge_says says = BRIDGE_CANNOT_TELL;
    remote_init(&answer);
    buf_init(&form, FORM_MAX);
    buf_add(&form, TEXT("token="));
    percent_encode(&form, look->token);
    struct remote_request request = {.url = sessions->opts->url,
                                     .content_type = "application/x-www-form-urlencoded",
                                     .body = buf_text(&form),
                                     .timeout_ms = BRIDGE_WAIT_MS};
    if (!buf_ok(&form))
        err_memory(look->err);
    else if (remote_ask(&sessions->remote, &request, &answer, look->err) == 0)
        says = judge(sessions, look, &answer);
    buf_release(&form);
    remote_release(&answer);
    return says;
}

static void close_sessions(void *state)
{
    struct opaque_sessions *sessions = state;
    remote_close(&sessions->remote);
    free(sessions);
}

static int open_sessions(void **state, const struct bridge_opts *opts, struct err *err)
{
    const struct remote_auth client = {"basic", opts->client_id, opts->client_secret};
    if (remote_check_url("url", opts->url, err) != 0)
        return -1;
    struct opaque_sessions *sessions = calloc(1, sizeof(*sessions));
    if (!sessions)
        return err_memory(err);
    sessions->opts = opts;
    if (remote_open(&sessions->remote, &client, opts->ca_file, err) != 0) {
        close_sessions(sessions);
        return -1;
    }
    *state = sessions;
    return 0;
}

const struct bridge_kind bridge_kind_introspection = {
    .name = "introspection",
    .needs = BRIDGE_BIT(url) | BRIDGE_BIT(client_id) | BRIDGE_BIT(client_secret),
    .takes = BRIDGE_BIT(issuer) | BRIDGE_BIT(audience) | BRIDGE_BIT(ca_file),
    .id = "sub",
    .identifier = "username",
    .issued = "iat",
    .expires = "exp",
    .open = open_sessions,
    .close = close_sessions,
    .look = look,
};
