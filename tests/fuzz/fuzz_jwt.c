/*
 * Tokens and key sets: the first line is a token, the rest a JWK set, without one a set of each kind. No token
 * passes that was not signed; whatever passes has claims, and an exp ahead.
 */
#include <stdlib.h>

#include "trickle/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

/* The public keys of RFC 7515 (A.3) and RFC 8037 (A.2), for which nobody here can sign. */
static const char set[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
    "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":"
    "\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},{\"kty\":\"OKP\",\"crv\":"
    "\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

static void check_token(struct text token, struct jwt_keys *keys, bool ours)
{
    struct jwt jwt;
    struct jwt_policy all = {.algs = UINT32_MAX};
    /* Long before the RFC's token expires, so that its signature decides. */
    enum jwt_result result = jwt_check(token, keys, &all, 0, &jwt);
    if (result == JWT_GOOD && (json_type(jwt.claims) != JSON_OBJECT || jwt.expires_ms <= 0))
        abort();
    if (result != JWT_GOOD && !jwt.why)
        abort();
    if (result == JWT_GOOD && ours && token.len != 0 &&
        !text_starts(token, TEXT("eyJhbGciOiJFUzI1NiJ9.")))
        abort();
    jwt_release(&jwt);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct text rest = {(const char *)at, len}, token = {NULL, 0};
    struct jwt_keys *keys;
    struct err err;
    text_field(&rest, '\n', &token);
    if (jwt_keys_read(&keys, rest.at ? rest : TEXT(set), &err) == 0) {
        check_token(token, keys, !rest.at);
        jwt_keys_free(keys);
    }
    if (jwt_keys_secret(&keys, TEXT("a secret that no corpus knows"), &err) == 0) {
        check_token(token, keys, true);
        jwt_keys_free(keys);
    }
    return 0;
}
