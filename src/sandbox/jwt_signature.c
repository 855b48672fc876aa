#include "sandbox/jwt_signature.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

/* RSA of 8192 bits, and more than any of the others. */
#define SIGNATURE_MAX 1024
#define RSA_BITS_MIN  2048
#define RSA_BITS_MAX  8192

static const struct algorithm {
    const char *name;
    const EVP_MD *(*digest)(void);
    int kind;    /* EVP_PKEY_HMAC, EVP_PKEY_RSA, EVP_PKEY_EC */
    int ec_bits; /* of the curve */
} algorithms[] = {
    {"HS256", EVP_sha256, EVP_PKEY_HMAC, 0}, {"HS384", EVP_sha384, EVP_PKEY_HMAC, 0},
    {"HS512", EVP_sha512, EVP_PKEY_HMAC, 0}, {"RS256", EVP_sha256, EVP_PKEY_RSA, 0},
    {"RS384", EVP_sha384, EVP_PKEY_RSA, 0},  {"RS512", EVP_sha512, EVP_PKEY_RSA, 0},
    {"ES256", EVP_sha256, EVP_PKEY_EC, 256}, {"ES384", EVP_sha384, EVP_PKEY_EC, 384},
    {"ES512", EVP_sha512, EVP_PKEY_EC, 521},
};

static const struct algorithm *find(struct text name)
{
    for (size_t i = 0; i < ARRAY_COUNT(algorithms); i++)
        if (text_same(name, text_of(algorithms[i].name)))
            return &algorithms[i];
    return NULL;
}

bool jwt_signature_known(struct text algorithm)
{
    return find(algorithm);
}

/* No passphrase: an encrypted key is one that cannot be used. */
static int no_passphrase(char *to, int size, int writes, void *data)
{
    (void)to, (void)size, (void)writes, (void)data;
    return -1;
}

static bool is_of(const struct algorithm *algorithm, const EVP_PKEY *key)
{
    int bits = EVP_PKEY_get_bits(key);
    if (EVP_PKEY_get_base_id(key) != algorithm->kind)
        return false;
    return algorithm->kind == EVP_PKEY_RSA ? bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX
                                           : bits == algorithm->ec_bits;
}

/* The private key, if the algorithm can use it; NULL if not. EVP_PKEY_free when done. */
static EVP_PKEY *read_key(const struct algorithm *algorithm, struct text pem)
{
    BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    if (key && is_of(algorithm, key))
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

bool jwt_signature_fits(struct text algorithm, struct text key)
{
    const struct algorithm *found = find(algorithm);
    if (!found || key.len == 0)
        return false;
    if (found->kind == EVP_PKEY_HMAC)
        return true;
    EVP_PKEY *read = read_key(found, key);
    EVP_PKEY_free(read);
    return read != NULL;
}

/* JWTs have r and s side by side where OpenSSL makes DER. Returns the length, 0 if that fails. */
static size_t unwrap(const struct algorithm *algorithm, uint8_t signature[SIGNATURE_MAX],
                     size_t len)
{
    const uint8_t *at = signature;
    int half = (algorithm->ec_bits + 7) / 8;
    uint8_t bare[SIGNATURE_MAX];
    ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &at, (long)len);
    bool ok = parts && BN_bn2binpad(ECDSA_SIG_get0_r(parts), bare, half) == half &&
              BN_bn2binpad(ECDSA_SIG_get0_s(parts), bare + half, half) == half;
    ECDSA_SIG_free(parts);
    if (ok)
        memcpy(signature, bare, (size_t)half * 2);
    return ok ? (size_t)half * 2 : 0;
}

static size_t sign_with_key(const struct algorithm *algorithm, struct text pem, struct text input,
                            uint8_t signature[SIGNATURE_MAX])
{
    EVP_PKEY *key = read_key(algorithm, pem);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = SIGNATURE_MAX;
    bool ok = key && context &&
              EVP_DigestSignInit(context, NULL, algorithm->digest(), NULL, key) == 1 &&
              EVP_DigestSign(context, signature, &len, (const uint8_t *)input.at, input.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    if (!ok)
        return 0;
    return algorithm->kind == EVP_PKEY_EC ? unwrap(algorithm, signature, len) : len;
}

static size_t sign(const struct algorithm *algorithm, struct text key, struct text input,
                   uint8_t signature[SIGNATURE_MAX])
{
    unsigned len = SIGNATURE_MAX;
    if (algorithm->kind != EVP_PKEY_HMAC)
        return sign_with_key(algorithm, key, input, signature);
    return HMAC(algorithm->digest(), key.at, (int)key.len, (const uint8_t *)input.at, input.len,
                signature, &len)
               ? len
               : 0;
}

bool jwt_signature_append(struct text algorithm, struct text key, size_t from, struct buf *to)
{
    const struct algorithm *found = find(algorithm);
    uint8_t signature[SIGNATURE_MAX];
    struct text input = text_part(buf_text(to), from, to->len);
    size_t len = found && buf_ok(to) ? sign(found, key, input, signature) : 0;
    if (len == 0)
        return false;
    buf_byte(to, '.');
    base64_encode(BASE64_URL_BARE, to, signature, len);
    return buf_ok(to);
}
