#include "sandbox/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "sandbox/call.h"
#include "sandbox/routes.h"

#define RSA_BITS        2048
#define SECRET_KEY_LEN  42
#define JWKS_MAX        4096
#define INSTANCE_MEMORY ((size_t)64 * 1024)

/* The private key as PEM, in malloced memory that the caller wipes. Absent when OpenSSL fails. */
static struct text make_signing_key(void)
{
    EVP_PKEY *key = EVP_RSA_gen(RSA_BITS);
    BIO *bio = BIO_new(BIO_s_secmem());
    struct text pem = {NULL, 0};
    if (key && bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
        char *at;
        long len = BIO_get_mem_data(bio, &at);
        char *copy = len > 0 ? malloc((size_t)len) : NULL;
        if (copy)
            pem = (struct text){memcpy(copy, at, (size_t)len), (size_t)len};
    }
    BIO_free(bio);
    EVP_PKEY_free(key);
    return pem;
}

static void put_number(struct json_out *out, const char *name, const EVP_PKEY *key,
                       const char *param)
{
    uint8_t bytes[RSA_BITS / 8 * 2];
    BIGNUM *number = NULL;
    struct buf encoded;
    buf_init(&encoded, sizeof(bytes) * 2);
    if (EVP_PKEY_get_bn_param(key, param, &number) == 1 &&
        (size_t)BN_num_bytes(number) <= sizeof(bytes))
        base64_encode(BASE64_URL_BARE, &encoded, bytes, (size_t)BN_bn2bin(number, bytes));
    json_key(out, text_of(name));
    json_put_text(out, buf_text(&encoded));
    buf_release(&encoded);
    BN_free(number);
}

/* The key set with the public half of the PEM. */
static int make_jwks(struct instance *instance, struct text pem, struct err *err)
{
    BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    struct buf jwks;
    BIO_free(bio);
    if (!key)
        return err_set(err, ERR_UNUSABLE, "the stored signing key cannot be read");
    buf_init(&jwks, JWKS_MAX);
    struct json_out out = json_out(&jwks);
    buf_add(&jwks, TEXT("{\"keys\":[{\"use\":\"sig\",\"kty\":\"RSA\",\"kid\":"));
    json_put_text(&out, text_of(instance->id));
    json_key(&out, TEXT("alg"));
    json_put_text(&out, TEXT("RS256"));
    put_number(&out, "n", key, OSSL_PKEY_PARAM_RSA_N);
    put_number(&out, "e", key, OSSL_PKEY_PARAM_RSA_E);
    buf_add(&jwks, TEXT("}]}"));
    EVP_PKEY_free(key);
    char *copy = buf_ok(&jwks) ? malloc(jwks.len) : NULL;
    if (copy)
        instance->jwks = (struct text){memcpy(copy, jwks.at, jwks.len), jwks.len};
    buf_release(&jwks);
    return copy ? 0 : err_memory(err);
}

/* The stored key, if there is one already. */
static int open_signing_key(struct instance *instance, struct store *store, struct arena *arena,
                            struct err *err)
{
    struct text pem;
    if (store_value_get(store, "signing_key", arena, &pem, err) != 0)
        return -1;
    return pem.at ? make_jwks(instance, pem, err) : 0;
}

static int open_id(struct instance *instance, struct store *store, struct arena *arena,
                   struct err *err)
{
    struct clerk_ids ids = {0};
    struct text id;
    if (store_value_get(store, "id", arena, &id, err) != 0)
        return -1;
    if (id.at && id.len < sizeof(instance->id)) {
        memcpy(instance->id, id.at, id.len);
        return 0;
    }
    clerk_id_new(&ids, "ins_", clock_wall_ms(), instance->id);
    return store_value_put(store, "id", text_of(instance->id), err);
}

static int take_secret_key(struct instance *instance, struct text key, struct err *err)
{
    if (key.len >= sizeof(instance->secret_key) ||
        (instance->kind = clerk_key_instance(key)) == CLERK_UNKNOWN)
        return err_set(err, ERR_USAGE, "a secret key starts with sk_test_ or sk_live_");
    memcpy(instance->secret_key, key.at, key.len);
    instance->secret_key[key.len] = 0;
    return 0;
}

static int open_secret_key(struct instance *instance, struct store *store, struct arena *arena,
                           struct text given, bool production, struct err *err)
{
    char fresh[16 + SECRET_KEY_LEN + 1];
    struct text stored;
    if (store_value_get(store, "secret_key", arena, &stored, err) != 0)
        return -1;
    if (!given.at && stored.at)
        return take_secret_key(instance, stored, err);
    if (!given.at) {
        memcpy(fresh, production ? "sk_live_" : "sk_test_", 8);
        random_base62(fresh + 8, SECRET_KEY_LEN);
        given = text_of(fresh);
    }
    if (take_secret_key(instance, given, err) != 0)
        return -1;
    return store_value_put(store, "secret_key", given, err);
}

int instance_open(struct instance *instance, struct store *store, struct text secret_key,
                  bool production, struct err *err)
{
    struct arena arena;
    memset(instance, 0, sizeof(*instance));
    arena_init(&arena, INSTANCE_MEMORY);
    int status = open_id(instance, store, &arena, err);
    if (status == 0)
        status = open_secret_key(instance, store, &arena, secret_key, production, err);
    if (status == 0)
        status = open_signing_key(instance, store, &arena, err);
    if (status == 0)
        status = settings_open(&instance->settings, store, err);
    if (status == 0)
        status = store_commit(store, err);
    instance->limits = clerk_limits_of(instance->kind);
    arena_release(&arena);
    return status;
}

void instance_close(struct instance *instance)
{
    free((void *)(uintptr_t)instance->jwks.at);
    settings_close(&instance->settings);
    secret_wipe(instance, sizeof(*instance));
}

void instance_listen(struct instance *instance, const char *address)
{
    char host[SERVER_ADDRESS_MAX + 2];
    struct buf key;
    int len = snprintf(host, sizeof(host), "%s$", address);
    buf_init(&key, INSTANCE_KEY_MAX - 1);
    buf_printf(&key, "pk_%s_", instance->kind == CLERK_PRODUCTION ? "live" : "test");
    base64_encode(BASE64, &key, (const uint8_t *)host, (size_t)len);
    snprintf(instance->publishable_key, sizeof(instance->publishable_key), "%s", buf_z(&key));
    buf_release(&key);
}

static void answer_jwks(struct call *call)
{
    buf_add(call_answer(call, 200), call->desk->instance->jwks);
}

/* In the pool: a key takes a good part of a second. */
static void make_key(struct call *call)
{
    *(struct text *)call->state = make_signing_key();
}

/* Keeps the new key, unless another call was faster. */
static void key_made(struct call *call)
{
    struct instance *instance = call->desk->instance;
    struct text *pem = call->state;
    struct err err;
    int status = 0;
    if (!pem->at)
        status = err_set(&err, ERR_UNUSABLE, "no RS256 key could be made");
    else if (!instance->jwks.at)
        status = store_value_put(call->desk->store, "signing_key", *pem, &err);
    if (status == 0 && !instance->jwks.at)
        status = make_jwks(instance, *pem, &err);
    if (pem->at)
        secret_wipe((void *)(uintptr_t)pem->at, pem->len);
    free((void *)(uintptr_t)pem->at);
    if (status == 0)
        answer_jwks(call);
    else
        call_broken(call, &err);
}

void instance_jwks(struct call *call)
{
    if (call->desk->instance->jwks.at) {
        answer_jwks(call);
        return;
    }
    call->state = call_alloc(call, sizeof(struct text));
    if (call->state)
        call_later(call, make_key, key_made);
}
