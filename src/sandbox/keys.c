#include "sandbox/keys.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "sandbox/call.h"
#include "sandbox/row.h"
#include "sandbox/routes.h"

#define RSA_BITS       2048
#define SIGNATURE_SIZE (RSA_BITS / 8)
#define TOKEN_MAX      ((size_t)64 * 1024)

#define KEY_COLUMNS(TEXT_, NUMBER_) TEXT_(pem) NUMBER_(created_at)
struct key_row {
    struct text id; /* the kid */
    KEY_COLUMNS(ROW_TEXT, ROW_NUMBER)
};
#define COLUMN_TEXT(name)   {offsetof(struct key_row, name), false},
#define COLUMN_NUMBER(name) {offsetof(struct key_row, name), true},
ROW_TABLE(key_table, key_row, "signing_keys", KEY_COLUMNS, COLUMN_TEXT, COLUMN_NUMBER, "");

/* The private key as PEM, in malloced memory that the caller wipes. Absent when OpenSSL fails. */
static struct text make_pem(void)
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

/*
 * What signs with a key: a context that is ready to, which is copied for each signature, as making one ready takes a
 * twentieth of the time of signing.
 */
struct key_signer {
    atomic_size_t holds;
    EVP_MD_CTX *ready;
};

void key_drop(struct key_signer *signer)
{
    if (!signer || atomic_fetch_sub(&signer->holds, 1) > 1)
        return;
    EVP_MD_CTX_free(signer->ready);
    free(signer);
}

/* With one hold; NULL if OpenSSL fails or memory is out. */
static struct key_signer *signer_new(EVP_PKEY *pkey)
{
    struct key_signer *signer = calloc(1, sizeof(*signer));
    if (!signer)
        return NULL;
    signer->holds = 1;
    signer->ready = EVP_MD_CTX_new();
    if (signer->ready && EVP_DigestSignInit(signer->ready, NULL, EVP_sha256(), NULL, pkey) == 1)
        return signer;
    key_drop(signer);
    return NULL;
}

static void key_release(struct key *key)
{
    key_drop(key->signer);
    EVP_PKEY_free(key->pkey);
}

/* Appends a key; the oldest makes room. */
static int add(struct keys *keys, struct text kid, struct text pem, struct err *err)
{
    BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    struct key key = {.pkey = pkey, .signer = pkey ? signer_new(pkey) : NULL};
    BIO_free(bio);
    if (!key.signer || kid.len >= CLERK_ID_MAX) {
        key_release(&key);
        return err_set(err, ERR_UNUSABLE, "a stored signing key cannot be read");
    }
    if (keys->count == KEYS_MAX) {
        key_release(&keys->at[0]);
        memmove(keys->at, keys->at + 1, --keys->count * sizeof(keys->at[0]));
    }
    memcpy(key.kid, kid.at, kid.len);
    keys->at[keys->count++] = key;
    return 0;
}

static int load(struct keys *keys, struct store *store, struct err *err)
{
    static const char statement[] =
        ROW_SELECT("signing_keys", KEY_COLUMNS) " ORDER BY created_at, id";
    struct arena arena;
    void *rows;
    size_t count = 0;
    struct sql_query *query = sql_query(store_sql(store), statement, err);
    arena_init(&arena, TOKEN_MAX);
    int status = query ? row_list(&key_table, query, &arena, &rows, &count, err) : -1;
    for (size_t i = 0; status == 0 && i < count; i++) {
        const struct key_row *row = (const struct key_row *)rows + i;
        status = add(keys, row->id, row->pem, err);
    }
    arena_release(&arena);
    return status;
}

int keys_open(struct keys *keys, struct store *store, struct err *err)
{
    keys->count = 0;
    return row_create(store, &key_table, err) == 0 ? load(keys, store, err) : -1;
}

void keys_close(struct keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        key_release(&keys->at[i]);
    keys->count = 0;
}

void keys_reload(struct keys *keys, struct store *store)
{
    struct keys fresh = {.count = 0};
    struct err err;
    if (load(&fresh, store, &err) != 0) {
        log_line(LOG_ERROR, "sandbox: %s", err.message);
        keys_close(&fresh);
        return;
    }
    keys_close(keys);
    *keys = fresh;
}

const struct key *keys_current(const struct keys *keys)
{
    return keys->count > 0 ? &keys->at[keys->count - 1] : NULL;
}

struct work {
    struct text pem; /* malloced */
    void *before;    /* call->state as it was */
    void (*then)(struct call *call);
    bool rotates;
};

/* Off the store's thread: a key takes a good part of a second. */
static void make_key(struct call *call)
{
    struct work *work = call->state;
    work->pem = make_pem();
}

static bool keep(struct call *call, struct text pem)
{
    struct keys *keys = &call->desk->instance->keys;
    struct err err;
    struct key_row row = {.id = keys->count > 0 ? call_new_id(call, "ins_")
                                                : text_of(call->desk->instance->id),
                          .pem = pem,
                          .created_at = call->now_ms};
    if (!row.id.at)
        return call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
    if (row_put(call->desk->store, &key_table, &row, &err) != STORE_OK ||
        store_touch(call->desk->store, &err) != 0)
        return call_broken(call, &err);
    return add(keys, row.id, pem, &err) == 0 || call_broken(call, &err);
}

/* Keeps the new key, unless another call was faster to make the first. */
static void key_made(struct call *call)
{
    struct work *work = call->state;
    struct err err;
    bool ok = true;
    call->state = work->before;
    if (!work->pem.at) {
        err_set(&err, ERR_UNUSABLE, "no RS256 key could be made");
        call_broken(call, &err);
        return;
    }
    if (work->rotates || call->desk->instance->keys.count == 0)
        ok = keep(call, work->pem);
    secret_wipe((void *)(uintptr_t)work->pem.at, work->pem.len);
    free((void *)(uintptr_t)work->pem.at);
    if (ok)
        work->then(call);
}

static void make_later(struct call *call, void (*then)(struct call *call), bool rotates)
{
    struct work *work = call_alloc(call, sizeof(*work));
    if (!work)
        return;
    *work = (struct work){.before = call->state, .then = then, .rotates = rotates};
    call->state = work;
    call_later(call, make_key, key_made);
    call->urgent = true;
}

bool keys_ready(struct call *call, void (*then)(struct call *call))
{
    if (call->desk->instance->keys.count > 0)
        return true;
    make_later(call, then, false);
    return false;
}

struct key_signer *key_hold(const struct key *key)
{
    atomic_fetch_add(&key->signer->holds, 1);
    return key->signer;
}

bool keys_sign(const struct key_signer *signer, struct text input, char *to)
{
    uint8_t signature[SIGNATURE_SIZE];
    size_t len = sizeof(signature);
    struct buf encoded;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && EVP_MD_CTX_copy_ex(context, signer->ready) == 1 &&
              EVP_DigestSign(context, signature, &len, (const uint8_t *)input.at, input.len) == 1;
    EVP_MD_CTX_free(context);
    if (!ok || len != sizeof(signature))
        return false;
    buf_init(&encoded, KEYS_SIGNATURE_LEN + 1);
    base64_encode(BASE64_URL_BARE, &encoded, signature, len);
    ok = buf_ok(&encoded) && encoded.len == KEYS_SIGNATURE_LEN;
    if (ok)
        memcpy(to, encoded.at, encoded.len);
    buf_release(&encoded);
    return ok;
}

static bool fits(void *pkey, struct text input, struct text signature)
{
    uint8_t bytes[SIGNATURE_SIZE + 8];
    size_t len;
    if (!base64_decode(BASE64_URL_BARE, signature, bytes, sizeof(bytes), &len) ||
        len != SIGNATURE_SIZE)
        return false;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pkey) == 1 &&
              EVP_DigestVerify(context, bytes, len, (const uint8_t *)input.at, input.len) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

static struct text decode(struct text encoded, struct arena *arena)
{
    size_t room = BASE64_ROOM(encoded.len), len;
    uint8_t *to = arena_alloc(arena, room);
    if (!to || !base64_decode(BASE64_URL_BARE, encoded, to, room, &len))
        return (struct text){NULL, 0};
    return (struct text){(const char *)to, len};
}

/* The header is one that token.c wrote, so its bytes can be looked for; a forged one fails the signature. */
static bool has_class(struct text header, struct text class)
{
    return !class.at || memmem(header.at, header.len, class.at, class.len);
}

struct text keys_verify(const struct keys *keys, struct text token, struct arena *arena,
                        struct text class)
{
    size_t first = text_find(token, '.', 0), second = text_find(token, '.', first + 1);
    struct text input = text_part(token, 0, second);
    struct text signature = text_part(token, second + 1, token.len);
    if (token.len > TOKEN_MAX || second >= token.len)
        return (struct text){NULL, 0};
    struct text header = decode(text_part(token, 0, first), arena);
    for (size_t i = keys->count; header.at && i-- > 0;)
        if (fits(keys->at[i].pkey, input, signature))
            return has_class(header, class)
                       ? decode(text_part(token, first + 1, second - first - 1), arena)
                       : (struct text){NULL, 0};
    return (struct text){NULL, 0};
}

static void put_number(struct json_out *out, const char *name, const EVP_PKEY *key,
                       const char *param)
{
    uint8_t bytes[SIGNATURE_SIZE * 2];
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

void keys_write(const struct keys *keys, struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    json_key(&out, TEXT("keys"));
    json_open(&out, '[');
    for (size_t i = keys->count; i-- > 0;) {
        json_open(&out, '{');
        json_key(&out, TEXT("use"));
        json_put_text(&out, TEXT("sig"));
        json_key(&out, TEXT("kty"));
        json_put_text(&out, TEXT("RSA"));
        json_key(&out, TEXT("kid"));
        json_put_text(&out, text_of(keys->at[i].kid));
        json_key(&out, TEXT("alg"));
        json_put_text(&out, TEXT("RS256"));
        put_number(&out, "n", keys->at[i].pkey, OSSL_PKEY_PARAM_RSA_N);
        put_number(&out, "e", keys->at[i].pkey, OSSL_PKEY_PARAM_RSA_E);
        json_close(&out, '}');
    }
    json_close(&out, ']');
    json_close(&out, '}');
}

void instance_jwks(struct call *call)
{
    if (keys_ready(call, instance_jwks))
        keys_write(&call->desk->instance->keys, call_answer(call, 200));
}

static void rotated(struct call *call)
{
    keys_write(&call->desk->instance->keys, call_answer(call, 200));
}

void inspect_rotate_key(struct call *call)
{
    make_later(call, rotated, true);
}
