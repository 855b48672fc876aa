/* The hashes that digest_find tries, over OpenSSL. */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "digest/find_parts.h"

static const EVP_MD *md_of(enum find_md md)
{
    switch (md) {
    case FIND_MD5:
        return EVP_md5();
    case FIND_SHA1:
        return EVP_sha1();
    case FIND_SHA224:
        return EVP_sha224();
    case FIND_SHA256:
        return EVP_sha256();
    case FIND_SHA384:
        return EVP_sha384();
    case FIND_SHA512:
        return EVP_sha512();
    case FIND_SHA3_256:
        return EVP_sha3_256();
    case FIND_SHA3_512:
        return EVP_sha3_512();
    }
    return EVP_sha256();
}

size_t find_hash(enum find_md md, struct text t, uint8_t to[FIND_HASH_MAX])
{
    unsigned len = 0;
    return EVP_Digest(t.at ? t.at : "", t.len, to, &len, md_of(md), NULL) ? len : 0;
}

size_t find_hmac(enum find_md md, struct text key, struct text t, uint8_t to[FIND_HASH_MAX])
{
    unsigned len = 0;
    return HMAC(md_of(md), key.at ? key.at : "", (int)key.len,
                (const unsigned char *)(t.at ? t.at : ""), t.len, to, &len)
               ? len
               : 0;
}

struct text find_hash_text(struct find *f, const struct find_hashing *how, struct text t)
{
    uint8_t hash[FIND_HASH_MAX];
    struct text bytes = {(char *)hash, how->key.at ? find_hmac(how->md, how->key, t, hash)
                                                   : find_hash(how->md, t, hash)};
    struct text made = {0};
    if (bytes.len)
        made = how->base64 ? native_base64(&f->native, bytes) : native_hex(&f->native, bytes);
    secret_wipe(hash, sizeof(hash));
    return made;
}
