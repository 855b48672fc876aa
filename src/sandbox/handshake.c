/*
 * GET /client/handshake?redirect_url=…&format=nonce|token, answered by a redirect back.
 *
 * What is to be set is a list of *directives*, whole Set-Cookie values: `__session` with a fresh token and
 * `__client_uat`, each plain and with the key's suffix, or their deletion; for a development instance also
 * `__clerk_db_jwt`; with `__session` comes `__refresh`, suffixed alone; for a production instance the deletion of the handshake's own cookies, which SDKs forget.
 *
 *                 nonce                                    token
 *   development   ?__clerk_handshake_nonce=NONCE           ?__clerk_handshake=JWT
 *   production    the cookie __clerk_handshake_nonce       the cookie __clerk_handshake
 *
 * With a nonce the SDK asks GET /clients/handshake_payload?nonce= for the directives; they are made then. The
 * nonce holds for its whole minute: a browser may present it twice.
 */
#include "sandbox/handshake.h"

#include <stdio.h>

#include "sandbox/active.h"
#include "sandbox/call.h"
#include "sandbox/cookie.h"
#include "sandbox/front.h"
#include "sandbox/routes.h"
#include "sandbox/token.h"

#define NONCE_LEN       32
#define REFRESH_LEN     40
#define LIFE_MS         60000
#define YEAR_S          ((int64_t)31536000)
#define DIRECTIVE_BYTES ((size_t)64 * 1024)
#define LOCATION_MAX    ((size_t)256 * 1024)

#define COLUMN_TEXT(name)   {offsetof(struct handshake, name), false},
#define COLUMN_NUMBER(name) {offsetof(struct handshake, name), true},
ROW_TABLE(handshake_table, handshake, "handshakes", HANDSHAKE_COLUMNS, COLUMN_TEXT, COLUMN_NUMBER,
          "");

/* ---- directives ---- */

/* The same cookie twice: plain, and with the suffix of the publishable key. */
static void put_pair(struct call *call, struct cookie *cookie, struct json_out *out)
{
    struct buf value;
    for (int i = 0; i < 2; i++) {
        cookie->suffix = i ? text_of(call->desk->instance->suffix) : (struct text){NULL, 0};
        buf_init(&value, DIRECTIVE_BYTES);
        cookie_write(cookie, &value);
        json_put_text(out, buf_text(&value));
        buf_release(&value);
    }
}

/* `__session` has a token that is signed later: what is around it is JSON text without escapes. */
bool handshake_put_session(struct call *call, const struct session *session,
                           const struct account *account, struct json_out *out)
{
    struct token_opts opts = {.session = session, .account = account};
    for (int i = 0; i < 2; i++) {
        json_put_raw(out, i ? TEXT("\"__session_") : TEXT("\"__session"));
        buf_printf(out->to, "%s=", i ? call->desk->instance->suffix : "");
        if (!token_append(call, &opts))
            return false;
        buf_printf(out->to, "; Path=/; Max-Age=%lld; SameSite=Lax\"", (long long)YEAR_S);
    }
    return true;
}

/* The cookie that a server may get a token for, without sending the browser here: SDKs know the suffixed name alone. */
static bool put_refresh(struct call *call, struct session *session, struct json_out *out)
{
    char secret[REFRESH_LEN + 1];
    struct buf value;
    if (!session->refresh.at) {
        random_base62(secret, REFRESH_LEN);
        session->refresh = arena_copy(call->arena, text_of(secret));
        if (!session_put(call, session))
            return false;
    }
    buf_init(&value, DIRECTIVE_BYTES);
    cookie_write(&(struct cookie){.name = TEXT("__refresh"),
                                  .suffix = text_of(call->desk->instance->suffix),
                                  .value = session->refresh,
                                  .max_age_s = YEAR_S,
                                  .http_only = true,
                                  .secure = call->front->secure},
                 &value);
    json_put_text(out, buf_text(&value));
    buf_release(&value);
    return true;
}

/* The client's active session with its user; *live tells whether there is one. */
static bool find_live(struct call *call, struct session *session, struct account *account,
                      bool *live)
{
    const struct client *client = &call->front->client;
    struct session *sessions;
    struct err err;
    size_t count = 0;
    *live = false;
    if (client->id.at && !session_list_live(call, client->id, &sessions, &count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || text_same(sessions[i].id, client->session))
            *session = sessions[i];
    if (count == 0)
        return true;
    *live = true;
    return call_check(call,
                      account_get_seq(call->desk->store, session->account, call->now_ms,
                                      call->arena, account, &err),
                      &err);
}

static void put_uat(struct call *call, int64_t seconds, struct json_out *out)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%lld", (long long)seconds);
    struct cookie uat = {.name = TEXT("__client_uat"),
                         .value = text_of(digits),
                         .domain = cookie_domain(call->front->host),
                         .max_age_s = 10 * YEAR_S,
                         .secure = call->front->secure};
    put_pair(call, &uat, out);
}

static void put_deletion(struct call *call, struct text name, struct json_out *out)
{
    struct cookie gone = {.name = name, .value = TEXT(""), .max_age_s = 0};
    put_pair(call, &gone, out);
}

/* Appends the array of directives for the call's front. Returns false after refusing. */
static bool put_directives(struct call *call, struct json_out *out)
{
    const struct instance *instance = call->desk->instance;
    struct session session;
    struct account account;
    bool live;
    if (!find_live(call, &session, &account, &live))
        return false;
    json_open(out, '[');
    if (!live)
        put_deletion(call, TEXT("__session"), out);
    else if (!handshake_put_session(call, &session, &account, out) ||
             !put_refresh(call, &session, out))
        return false;
    put_uat(call, live ? call->front->client.updated_at / 1000 : 0, out);
    if (call->front->dev_browser.at)
        put_pair(call,
                 &(struct cookie){.name = TEXT("__clerk_db_jwt"),
                                  .value = call->front->dev_browser,
                                  .max_age_s = YEAR_S},
                 out);
    if (instance->kind == CLERK_PRODUCTION) {
        put_deletion(call, TEXT("__clerk_handshake_nonce"), out);
        put_deletion(call, TEXT("__clerk_handshake"), out);
    }
    json_close(out, ']');
    return true;
}

/* ---- the way back ---- */

static void redirect(struct call *call, struct text url, const char *param, struct text value)
{
    const struct instance *instance = call->desk->instance;
    struct buf location, cookie;
    buf_init(&location, LOCATION_MAX);
    buf_init(&cookie, LOCATION_MAX);
    struct text base = text_part(url, 0, text_find(url, '#', 0));
    buf_add(&location, base);
    if (instance->kind == CLERK_DEVELOPMENT)
        buf_printf(&location, "%c%s=%.*s", text_find(base, '?', 0) < base.len ? '&' : '?', param,
                   TEXT_ARG(value));
    cookie_write(&(struct cookie){.name = text_of(param),
                                  .value = value,
                                  .domain = cookie_domain(call->front->host),
                                  .max_age_s = LIFE_MS / 1000,
                                  .secure = call->front->secure},
                 &cookie);
    if (!buf_ok(&location) || !buf_ok(&cookie)) {
        call_fail(call, CLERK_internal_clerk_error, NULL, "The redirect is too long.");
    } else {
        call_answer(call, 307);
        call->content_type = NULL;
        call_header(call, "Location", buf_text(&location));
        if (instance->kind == CLERK_PRODUCTION)
            call_header(call, "Set-Cookie", buf_text(&cookie));
    }
    buf_release(&cookie);
    buf_release(&location);
}

static void redirect_with_nonce(struct call *call, struct text url)
{
    const struct front *front = call->front;
    char nonce[NONCE_LEN + 1];
    struct err err;
    random_base62(nonce, NONCE_LEN);
    struct handshake handshake = {.id = text_of(nonce),
                                  .client = front->client.id,
                                  .dev_browser = front->dev_browser,
                                  .origin = front_origin_of(url),
                                  .host = front->host,
                                  .secure = front->secure,
                                  .expire_at = call->now_ms + LIFE_MS};
    if (call_check(call, row_put(call->desk->store, &handshake_table, &handshake, &err), &err))
        redirect(call, url, "__clerk_handshake_nonce", text_of(nonce));
}

/* The token form: the directives' own tokens are signed first, then the token around them. */
struct nested {
    struct text url;
    struct buf body; /* {"handshake":[…]} */
    struct call_signature signatures[CALL_SIGNATURES_MAX];
    size_t count;
    struct key_signer *signer;
    char kid[CLERK_ID_MAX];
    int64_t now_ms;
    struct buf outer; /* the signed JWT */
    bool ok;
};

static void sign_nested(struct call *call)
{
    struct nested *nested = call->state;
    char signature[KEYS_SIGNATURE_LEN];
    nested->ok = buf_ok(&nested->body);
    for (size_t i = 0; nested->ok && i < nested->count; i++) {
        char *at = nested->body.at + nested->signatures[i].at;
        size_t len = nested->signatures[i].len;
        nested->ok = keys_sign(nested->signer, (struct text){at, len}, at + len + 1);
    }
    token_encode(nested->kid, nested->now_ms, TOKEN_CLASS_SESSION, buf_text(&nested->body),
                 &nested->outer);
    nested->ok = nested->ok && keys_sign(nested->signer, buf_text(&nested->outer), signature);
    buf_byte(&nested->outer, '.');
    buf_add(&nested->outer, (struct text){signature, sizeof(signature)});
    nested->ok = nested->ok && buf_ok(&nested->outer);
    key_drop(nested->signer);
}

static void nested_signed(struct call *call)
{
    struct nested *nested = call->state;
    if (nested->ok)
        redirect(call, nested->url, "__clerk_handshake", buf_text(&nested->outer));
    else
        call_fail(call, CLERK_internal_clerk_error, NULL, "The handshake could not be signed.");
    buf_release(&nested->outer);
    buf_release(&nested->body);
}

/* Takes the body that was written as if it were the answer, and its signatures. */
static void redirect_with_token(struct call *call, struct text url)
{
    struct nested *nested = call_alloc(call, sizeof(*nested));
    if (!nested)
        return;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_key(&out, TEXT("handshake"));
    if (!put_directives(call, &out))
        return;
    json_close(&out, '}');
    *nested = (struct nested){.url = url, .count = call->signature_count, .now_ms = call->now_ms};
    buf_init(&nested->body, LOCATION_MAX);
    buf_init(&nested->outer, LOCATION_MAX);
    buf_add(&nested->body, buf_text(out.to));
    memcpy(nested->signatures, call->signatures, sizeof(nested->signatures));
    const struct key *key = keys_current(&call->desk->instance->keys);
    memcpy(nested->kid, key->kid, sizeof(nested->kid));
    nested->signer = key_hold(key);
    call->signature_count = 0;
    call->status = 0;
    call->state = nested;
    call_later(call, sign_nested, nested_signed);
}

/* In a development instance the browser gets a dev browser here if it has none. */
static bool need_dev_browser(struct call *call)
{
    struct front *front = call->front;
    struct dev_browser browser = {.id = call_new_id(call, "dvb_"), .created_at = call->now_ms};
    struct err err;
    if (!call->desk->instance->dev_browsers || front->dev_browser.at)
        return true;
    front->dev_browser = browser.id;
    return call_check(call, row_put(call->desk->store, &dev_browser_table, &browser, &err), &err);
}

/*
 * Applications that have the organization in their URLs ask for it by organization_id (empty: none). One that the
 * user does not belong to changes nothing: the page then says so itself.
 */
static bool sync_organization(struct call *call)
{
    struct text wanted = form_get(&call->query, TEXT("organization_id"));
    struct session session;
    struct account account;
    bool live, may;
    if (!wanted.at)
        return true;
    return find_live(call, &session, &account, &live) &&
           (!live ||
            (active_try(call, &session, wanted, &may) && (!may || session_put(call, &session))));
}

void handshakes_start(struct call *call)
{
    struct text url = call_param(call, TEXT("redirect_url"));
    struct text format = call_param(call, TEXT("format"));
    if (!front_origin_of(url).at) {
        call_fail(call, CLERK_form_param_missing, "redirect_url",
                  "`redirect_url` must be the URL to come back to.");
        return;
    }
    if (!front_may_redirect(call, url)) {
        call_fail(call, CLERK_invalid_redirect_url, "redirect_url",
                  "`redirect_url` is none of this instance's own pages.");
        return;
    }
    call->front->origin = front_origin_of(url);
    if (!need_dev_browser(call) || !sync_organization(call))
        return;
    if (text_same(format, TEXT("nonce")))
        redirect_with_nonce(call, url);
    else
        redirect_with_token(call, url);
}

/* Makes the front as it was when the browser came. */
static bool recall(struct call *call, const struct handshake *handshake)
{
    struct front *front = arena_zalloc(call->arena, 1, sizeof(*front));
    struct err err;
    if (!front)
        return call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
    front->dev_browser = handshake->dev_browser;
    front->origin = handshake->origin;
    front->host = handshake->host;
    front->secure = handshake->secure == 1;
    call->front = front;
    if (!handshake->client.at)
        return true;
    enum store_answer got = row_get(call->desk->store, &client_table, handshake->client,
                                    call->arena, &front->client, &err);
    return got == STORE_NONE || call_check(call, got, &err);
}

void handshakes_payload(struct call *call)
{
    struct text nonce = call_param(call, TEXT("nonce"));
    struct handshake handshake;
    struct err err;
    if (!keys_ready(call, handshakes_payload))
        return;
    enum store_answer got =
        row_get(call->desk->store, &handshake_table, nonce, call->arena, &handshake, &err);
    if (got == STORE_NONE || (got == STORE_OK && handshake.expire_at <= call->now_ms)) {
        call_not_found(call, "handshake", nonce);
        return;
    }
    if (!call_check(call, got, &err) || !recall(call, &handshake))
        return;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_text(&out, "nonce", nonce);
    json_key(&out, TEXT("directives"));
    if (put_directives(call, &out))
        json_close(&out, '}');
    call->front = NULL;
}
