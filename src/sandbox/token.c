/*
 * A session token: header {"alg","cat","kid","oiat","typ"}, payload with the claims in alphabetical order.
 * The custom claims follow them; one with the name of a default claim is left out.
 */
#include "sandbox/token.h"

#include <stdio.h>

#include "sandbox/active.h"
#include "sandbox/call.h"
#include "sandbox/claims.h"
#include "sandbox/front.h"
#include "sandbox/jwt_template.h"

/* A token's payload; session cookies end at 4 KB anyway. */
#define CLAIMS_MAX ((size_t)256 * 1024)

void token_encode(const char *kid, int64_t now_ms, const char *class, struct text claims,
                  struct buf *to)
{
    char header[192];
    int len =
        snprintf(header, sizeof(header),
                 "{\"alg\":\"RS256\",\"cat\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\",\"oiat\":%lld}",
                 class, kid, (long long)(now_ms / 1000));
    base64_encode(BASE64_URL_BARE, to, (const uint8_t *)header, (size_t)len);
    buf_byte(to, '.');
    base64_encode(BASE64_URL_BARE, to, (const uint8_t *)claims.at, claims.len);
}

static void put_age(struct json_out *out, int64_t now_ms, int64_t then)
{
    json_put_int(out, then == ROW_NULL ? -1 : (now_ms - then) / 60000);
}

static void put_times(const struct call *call, int64_t life_s, int64_t skew_s, struct json_out *out)
{
    int64_t now = call->now_ms / 1000;
    char issuer[INSTANCE_HOST_MAX + 16], id[21];
    snprintf(issuer, sizeof(issuer), "https://%s", call->desk->instance->frontend_host);
    random_base62(id, sizeof(id) - 1);
    json_field_int(out, "exp", now + life_s);
    json_field_int(out, "iat", now);
    json_field_text(out, "iss", text_of(issuer));
    json_field_text(out, "jti", text_of(id));
    json_field_int(out, "nbf", now - skew_s);
}

static bool put_session_claims(struct call *call, const struct token_opts *opts,
                               const struct active *active, struct json_out *out)
{
    const struct session *session = opts->session;
    struct text origin = call->front ? call->front->origin : (struct text){NULL, 0};
    if (origin.at)
        json_field_text(out, "azp", origin);
    if (session->actor.at)
        json_field_raw(out, "act", session->actor);
    json_key(out, TEXT("fva"));
    json_open(out, '[');
    put_age(out, call->now_ms, session->first_factor_at);
    put_age(out, call->now_ms, session->second_factor_at);
    json_close(out, ']');
    put_times(call, opts->life_s ? opts->life_s : TOKEN_LIFE_S, TOKEN_SKEW_S, out);
    active_write_claims(active, out);
    json_field_text(out, "sid", session->id);
    json_field_text(out, "sts", session_status(call, session));
    json_field_text(out, "sub", session->user_id);
    json_field_int(out, "v", 2);
    return claims_put_custom(
        call, &(struct claims_of){.session = session, .account = opts->account, .active = active},
        out);
}

static bool put_template_claims(struct call *call, const struct token_opts *opts,
                                const struct active *active, struct json_out *out)
{
    const struct jwt_template *template = opts->template;
    struct text origin = call->front ? call->front->origin : (struct text){NULL, 0};
    if (origin.at)
        json_field_text(out, "azp", origin);
    put_times(call, opts->life_s ? opts->life_s : template->lifetime, template->allowed_clock_skew,
              out);
    json_field_text(out, "sub", opts->session->user_id);
    return claims_put(
        call, template->claims,
        &(struct claims_of){.session = opts->session, .account = opts->account, .active = active},
        out);
}

/* Returns false, with nothing appended, if the claims or the answer's tokens are too many. */
static bool append(struct call *call, const char *class, struct text claims)
{
    const struct key *key = keys_current(&call->desk->instance->keys);
    struct buf token;
    buf_init(&token, 2 * CLAIMS_MAX);
    if (key)
        token_encode(key->kid, call->now_ms, class, claims, &token);
    bool ok = key && buf_ok(&token) && call_sign(call, buf_text(&token));
    buf_release(&token);
    return ok;
}

/* The same for a template with a key of its own. */
static bool append_custom(struct call *call, const struct jwt_template *template,
                          struct text claims)
{
    struct buf token;
    buf_init(&token, 2 * CLAIMS_MAX);
    jwt_template_encode(call, template, claims, &token);
    bool ok = buf_ok(&token) && call_sign_with(call, buf_text(&token), template->signing_algorithm,
                                               template->signing_key);
    buf_release(&token);
    return ok;
}

static void put_signed_later(struct call *call, const struct jwt_template *template,
                             struct text claims, struct json_out *out)
{
    if (call->signature_count == CALL_SIGNATURES_MAX) {
        json_put_null(out);
        return;
    }
    json_put_raw(out, TEXT("\""));
    if (template && template->signing_key.at)
        append_custom(call, template, claims);
    else
        append(call, template ? TOKEN_CLASS_TEMPLATE : TOKEN_CLASS_SESSION, claims);
    buf_byte(out->to, '"');
}

static bool write_claims(struct call *call, const struct token_opts *opts, struct buf *claims)
{
    struct json_out to = json_out(claims);
    struct active active;
    if (!active_get(call, opts->session, &active))
        return false;
    json_open(&to, '{');
    bool fine = opts->template ? put_template_claims(call, opts, &active, &to)
                               : put_session_claims(call, opts, &active, &to);
    json_close(&to, '}');
    return fine;
}

bool token_put(struct call *call, const struct token_opts *opts, struct json_out *out)
{
    struct buf claims;
    buf_init(&claims, CLAIMS_MAX);
    bool fine = write_claims(call, opts, &claims);
    if (!fine)
        ; /* the refusal is the answer */
    else if (!buf_ok(&claims))
        json_put_null(out);
    else
        put_signed_later(call, opts->template, buf_text(&claims), out);
    buf_release(&claims);
    return fine;
}

bool token_append(struct call *call, const struct token_opts *opts)
{
    struct buf claims;
    buf_init(&claims, CLAIMS_MAX);
    bool fine = write_claims(call, opts, &claims);
    if (fine && buf_ok(&claims))
        append(call, TOKEN_CLASS_SESSION, buf_text(&claims));
    buf_release(&claims);
    return fine;
}

void token_answer(struct call *call, const struct token_opts *opts)
{
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_text(&out, "object", TEXT("token"));
    json_key(&out, TEXT("jwt"));
    if (token_put(call, opts, &out))
        json_close(&out, '}');
}
