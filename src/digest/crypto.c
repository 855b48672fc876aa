/*
 * OpenSSL finds an algorithm by name at every call unless it is given a fetched one, and that
 * look-up costs more than a whole MD5. So each algorithm is fetched once for the process, and each
 * thread keeps one hash context per algorithm; they go with the thread.
 */
#include "digest/crypto.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

static const char *const hash_names[CRYPTO_HASHES] = {"MD5", "SHA1", "SHA256", "SHA512"};
static const size_t hash_sizes[CRYPTO_HASHES] = {16, 20, 32, 64};

/* Fetched once and never changed afterwards; lives as long as the process. */
static struct {
    pthread_once_t once;
    pthread_key_t thread_key;
    bool has_key;
    EVP_MD *hashes[CRYPTO_HASHES];
    EVP_MAC *hmac;
    EVP_KDF *pbkdf2, *scrypt;
    EVP_CIPHER *aes256_ctr;
} fetched = {.once = PTHREAD_ONCE_INIT};

struct thread_contexts {
    EVP_MD_CTX *hashes[CRYPTO_HASHES];
    EVP_MAC_CTX *hmac;
};

static void free_contexts(void *at)
{
    struct thread_contexts *contexts = at;
    for (size_t i = 0; i < CRYPTO_HASHES; i++)
        EVP_MD_CTX_free(contexts->hashes[i]);
    EVP_MAC_CTX_free(contexts->hmac);
    free(contexts);
}

static void fetch_all(void)
{
    for (size_t i = 0; i < CRYPTO_HASHES; i++)
        fetched.hashes[i] = EVP_MD_fetch(NULL, hash_names[i], NULL);
    fetched.hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    fetched.pbkdf2 = EVP_KDF_fetch(NULL, "PBKDF2", NULL);
    fetched.scrypt = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
    fetched.aes256_ctr = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
    fetched.has_key = pthread_key_create(&fetched.thread_key, free_contexts) == 0;
}

/* Makes this thread's contexts; NULL when memory is out. */
static struct thread_contexts *new_contexts(void)
{
    pthread_once(&fetched.once, fetch_all);
    struct thread_contexts *contexts = fetched.has_key ? calloc(1, sizeof(*contexts)) : NULL;
    /* The key frees them when the thread ends. */
    if (contexts && pthread_setspecific(fetched.thread_key, contexts) != 0) {
        free(contexts);
        return NULL;
    }
    return contexts;
}

/* This thread's contexts, or NULL when memory is out. */
static struct thread_contexts *contexts_of_thread(void)
{
    static _Thread_local struct thread_contexts *mine;
    if (!mine)
        mine = new_contexts();
    return mine;
}

/* Starts this thread's context of a hash; NULL when memory is out. */
static EVP_MD_CTX *hash_start(enum crypto_hash hash)
{
    struct thread_contexts *contexts = contexts_of_thread();
    if (!contexts || !fetched.hashes[hash])
        return NULL;
    EVP_MD_CTX **context = &contexts->hashes[hash];
    if (!*context)
        *context = EVP_MD_CTX_new();
    if (!*context || EVP_DigestInit_ex(*context, fetched.hashes[hash], NULL) != 1)
        return NULL;
    return *context;
}

bool crypto_hash(enum crypto_hash hash, struct text a, struct text b, uint8_t *to)
{
    EVP_MD_CTX *context = hash_start(hash);
    return context && EVP_DigestUpdate(context, a.at, a.len) == 1 &&
           (b.len == 0 || EVP_DigestUpdate(context, b.at, b.len) == 1) &&
           EVP_DigestFinal_ex(context, to, NULL) == 1;
}

size_t crypto_hash_size(enum crypto_hash hash)
{
    return hash_sizes[hash];
}

static EVP_MAC_CTX *hmac_new(void)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)hash_names[CRYPTO_SHA256],
                                         0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(fetched.hmac);
    if (context && EVP_MAC_CTX_set_params(context, params) != 1) {
        EVP_MAC_CTX_free(context);
        return NULL;
    }
    return context;
}

bool crypto_hmac_sha256(struct text key, struct text t, uint8_t to[32])
{
    struct thread_contexts *contexts = contexts_of_thread();
    size_t len;
    if (!contexts || !fetched.hmac)
        return false;
    if (!contexts->hmac)
        contexts->hmac = hmac_new();
    return contexts->hmac &&
           EVP_MAC_init(contexts->hmac, (const uint8_t *)key.at, key.len, NULL) == 1 &&
           EVP_MAC_update(contexts->hmac, (const uint8_t *)t.at, t.len) == 1 &&
           EVP_MAC_final(contexts->hmac, to, &len, 32) == 1;
}

/* OpenSSL refuses a NULL octet string, so an empty one still needs an address. */
static OSSL_PARAM octets(const char *name, struct text t)
{
    return OSSL_PARAM_construct_octet_string(name, t.len ? (char *)t.at : (char *)"", t.len);
}

static bool derive(EVP_KDF *kdf, const OSSL_PARAM *params, uint8_t *to, size_t len)
{
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    bool done = context && EVP_KDF_derive(context, to, len, params) == 1;
    EVP_KDF_CTX_free(context);
    return done;
}

bool crypto_pbkdf2(const struct crypto_pbkdf2 *in, uint8_t *to, size_t len)
{
    pthread_once(&fetched.once, fetch_all);
    uint64_t iterations = in->iterations;
    int no_lower_limits = 1;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)hash_names[in->hash], 0),
        octets(OSSL_KDF_PARAM_PASSWORD, in->password),
        octets(OSSL_KDF_PARAM_SALT, in->salt),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &iterations),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &no_lower_limits),
        OSSL_PARAM_construct_end(),
    };
    return derive(fetched.pbkdf2, params, to, len);
}

bool crypto_scrypt(const struct crypto_scrypt *in, uint8_t *to, size_t len)
{
    pthread_once(&fetched.once, fetch_all);
    uint64_t n = in->n, r = in->r, p = in->p;
    /* The bounds are checked when a digest is parsed; the library's own would be 32 MiB. */
    uint64_t memory = UINT64_C(1) << 40;
    const OSSL_PARAM params[] = {
        octets(OSSL_KDF_PARAM_PASSWORD, in->password),
        octets(OSSL_KDF_PARAM_SALT, in->salt),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
        OSSL_PARAM_construct_end(),
    };
    return derive(fetched.scrypt, params, to, len);
}

bool crypto_aes256_ctr(const uint8_t key[32], struct text plain, uint8_t *to)
{
    static const uint8_t counter[16];
    pthread_once(&fetched.once, fetch_all);
    EVP_CIPHER_CTX *context = fetched.aes256_ctr ? EVP_CIPHER_CTX_new() : NULL;
    int len = 0;
    bool done =
        context && EVP_EncryptInit_ex2(context, fetched.aes256_ctr, key, counter, NULL) == 1 &&
        EVP_EncryptUpdate(context, to, &len, (const uint8_t *)plain.at, (int)plain.len) == 1;
    EVP_CIPHER_CTX_free(context);
    return done;
}

void crypto_hex(const uint8_t *at, size_t len, char *to)
{
    for (size_t i = 0; i < len; i++) {
        to[2 * i] = "0123456789abcdef"[at[i] >> 4];
        to[2 * i + 1] = "0123456789abcdef"[at[i] & 15];
    }
}
