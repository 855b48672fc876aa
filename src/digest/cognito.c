/*
 * awscognito#USER POOL ID#CLIENT ID#IDENTIFIER: Amazon Cognito gives no hashes away, so the digest
 * only says whom to ask. A password is verified by signing in: InitiateAuth with
 * USER_PASSWORD_AUTH, a POST of
 *
 *     {"AuthFlow":"USER_PASSWORD_AUTH","ClientId":…,"AuthParameters":{"USERNAME":…,"PASSWORD":…}}
 *
 * to https://cognito-idp.REGION.amazonaws.com/, where the region is the pool id up to its
 * underscore. The app client must have no secret and must allow that flow. What the answers mean:
 *
 *     200, AuthenticationResult                                            match
 *     200, a challenge that comes after the password (MFA, new password …)  match
 *     NotAuthorizedException, "Incorrect username or password."            no match
 *     UserNotFoundException                                                no match
 *     anything else: disabled user, too many attempts, unconfirmed, throttling, 5xx, no answer:
 * cannot tell
 *
 * USHER_COGNITO_URL in the environment replaces the address, for tests.
 */
#include "digest/answer.h"
#include "digest/shape.h"

#include <stdlib.h>

#include "json/json.h"
#include "net/net.h"

#define POOL_MAX   55
#define CLIENT_MAX 128
#define BODY_MAX   (64 * 1024)
#define TIMEOUT_MS 10000

static const char *const challenges_after_password[] = {
    "SMS_MFA",   "EMAIL_OTP",       "SOFTWARE_TOKEN_MFA",    "SELECT_MFA_TYPE",
    "MFA_SETUP", "DEVICE_SRP_AUTH", "NEW_PASSWORD_REQUIRED",
};

static bool is_lower_digit_dash(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return t.len > 0;
}

static bool is_alphanumeric(struct text t)
{
    return t.len > 0 && shape_crypt64(t) && text_find(t, '.', 0) == t.len &&
           text_find(t, '/', 0) == t.len;
}

/* The region becomes part of a host name, so nothing but its letters may pass. */
static bool is_pool_id(struct text t, struct text *region)
{
    size_t underscore = text_find(t, '_', 0);
    *region = text_part(t, 0, underscore);
    return t.len <= POOL_MAX && is_lower_digit_dash(*region) &&
           is_alphanumeric(text_part(t, underscore + 1, t.len));
}

static const char *parse(struct digest *digest)
{
    struct text rest = digest->text, field = {NULL, 0}, pool, client;
    if (!text_field(&rest, '#', &field) || !text_same(field, TEXT("awscognito")))
        return "does not start with awscognito#";
    if (!text_field(&rest, '#', &pool) || !text_field(&rest, '#', &client) || !rest.at)
        return "not awscognito#user pool id#client id#identifier";
    if (!is_pool_id(pool, &digest->prefix))
        return "the user pool id is not region_letters";
    if (client.len > CLIENT_MAX || !is_alphanumeric(client))
        return "the client id is empty, over 128 letters or holds other characters";
    if (!shape_literal(rest))
        return "the identifier is empty, over 1023 bytes or not UTF-8";
    digest->extra[0] = pool;
    digest->extra[1] = client;
    digest->extra[2] = rest;
    return NULL;
}

static void write_request(const struct digest *digest, struct text password, struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    json_key(&out, TEXT("AuthFlow"));
    json_put_text(&out, TEXT("USER_PASSWORD_AUTH"));
    json_key(&out, TEXT("ClientId"));
    json_put_text(&out, digest->extra[1]);
    json_key(&out, TEXT("AuthParameters"));
    json_open(&out, '{');
    json_key(&out, TEXT("USERNAME"));
    json_put_text(&out, digest->extra[2]);
    json_key(&out, TEXT("PASSWORD"));
    json_put_text(&out, password);
    json_close(&out, '}');
    json_close(&out, '}');
}

void digest_cognito_url(const struct digest *digest, struct buf *to)
{
    const char *elsewhere = getenv("USHER_COGNITO_URL");
    bool in_china = text_starts(digest->prefix, TEXT("cn-"));
    if (elsewhere)
        buf_printf(to, "%s", elsewhere);
    else
        buf_printf(to, "https://cognito-idp.%.*s.amazonaws.com%s/", TEXT_ARG(digest->prefix),
                   in_china ? ".cn" : "");
}

static enum digest_answer unclear(struct err *err, const char *what, struct text detail)
{
    err_set(err, ERR_NETWORK, "Cognito: %s%.*s", what, TEXT_ARG(text_part(detail, 0, 200)));
    return DIGEST_CANNOT_TELL;
}

static enum digest_answer read_success(struct json_value root, struct buf *token, struct err *err)
{
    struct text challenge = json_text(json_get(root, TEXT("ChallengeName")));
    struct json_value result = json_get(root, TEXT("AuthenticationResult"));
    if (json_type(result) == JSON_OBJECT) {
        if (token)
            buf_add(token, json_text(json_get(result, TEXT("AccessToken"))));
        return DIGEST_MATCH;
    }
    for (size_t i = 0; i < ARRAY_COUNT(challenges_after_password); i++)
        if (text_same(challenge, text_of(challenges_after_password[i])))
            return DIGEST_MATCH;
    return unclear(err, "neither a result nor a challenge that proves the password: ", challenge);
}

/* "com.amazonaws.cognito#NotAuthorizedException" and "NotAuthorizedException" are the same. */
static bool is_error(struct text type, const char *name)
{
    size_t hash = text_find(type, '#', 0);
    return text_same(hash < type.len ? text_part(type, hash + 1, type.len) : type, text_of(name));
}

static enum digest_answer read_failure(struct json_value root, long status, struct err *err)
{
    struct text type = json_text(json_get(root, TEXT("__type")));
    struct text message = json_text(json_get(root, TEXT("message")));
    if (!message.at)
        message = json_text(json_get(root, TEXT("Message")));
    if (status < 400 || status > 499)
        return unclear(err, "it failed: ", type);
    if (is_error(type, "UserNotFoundException"))
        return DIGEST_NO_MATCH;
    if (is_error(type, "NotAuthorizedException") &&
        text_same(message, TEXT("Incorrect username or password.")))
        return DIGEST_NO_MATCH;
    return unclear(err, "", message.len > 0 ? message : type);
}

static enum digest_answer read_answer(struct text body, long status, struct buf *token,
                                      struct err *err)
{
    struct json *json;
    struct json_value root;
    enum digest_answer answer;
    if (json_new(&json, BODY_MAX, err) != 0)
        return DIGEST_CANNOT_TELL;
    if (json_parse(json, body, &root, err) != 0)
        answer = unclear(err, "the answer is not JSON", TEXT(""));
    else
        answer = status == 200 ? read_success(root, token, err) : read_failure(root, status, err);
    json_free(json);
    return answer;
}

static enum digest_answer ask(const char *url, struct text request, struct buf *token,
                              struct err *err)
{
    static const char *const headers[] = {
        "Content-Type: application/x-amz-json-1.1",
        "X-Amz-Target: AWSCognitoIdentityProviderService.InitiateAuth",
        NULL,
    };
    struct http_request post = {
        .url = url, .headers = headers, .body = request, .timeout_ms = TIMEOUT_MS};
    struct buf body;
    long status = 0;
    buf_init(&body, BODY_MAX);
    enum digest_answer answer = DIGEST_CANNOT_TELL;
    if (http_exchange(NULL, &post, &body, &status, err) == 0)
        answer = read_answer(buf_text(&body), status, token, err);
    else
        err_wrap(err, "Cognito");
    buf_release(&body);
    return answer;
}

enum digest_answer digest_cognito_sign_in(const struct digest *digest, struct text password,
                                          struct buf *token, struct err *err)
{
    struct buf url, request;
    /* JSON cannot carry it, so Cognito cannot have it. */
    if (!text_is_utf8(password))
        return DIGEST_NO_MATCH;
    buf_init(&url, 1024);
    buf_init(&request, BODY_MAX);
    digest_cognito_url(digest, &url);
    write_request(digest, password, &request);
    const char *address = buf_z(&url);
    enum digest_answer answer = buf_ok(&url) && buf_ok(&request)
                                    ? ask(address, buf_text(&request), token, err)
                                    : answer_no_memory(err);
    buf_release(&url);
    buf_release(&request);
    return answer;
}

static enum digest_answer verify(const struct digest *digest, struct text password, struct err *err)
{
    return digest_cognito_sign_in(digest, password, NULL, err);
}

const struct digest_ops digest_ops_awscognito = {
    .hasher = "awscognito",
    .remote = true,
    .parse = parse,
    .verify = verify,
};
