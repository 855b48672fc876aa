#include "generate_digest.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t draw(struct generator *g)
{
    g->state ^= g->state << 13;
    g->state ^= g->state >> 7;
    g->state ^= g->state << 17;
    return g->state;
}

void draw_hex(struct generator *g, char *to, size_t digits)
{
    for (size_t i = 0; i < digits; i++)
        to[i] = "0123456789abcdef"[draw(g) >> 20 & 15];
    to[digits] = 0;
}

static void draw_bytes(struct generator *g, uint8_t *to, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)(draw(g) >> 24);
}

/* len characters of bcrypt's alphabet, of which the last is one that a decoder takes as canonical. */
static void draw_radix64(struct generator *g, char *to, size_t len, const char *last)
{
    static const char digits[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i + 1 < len; i++)
        to[i] = digits[draw(g) >> 20 & 63];
    to[len - 1] = last[(draw(g) >> 20) % strlen(last)];
    to[len] = 0;
}

static void put_hex(const uint8_t *at, size_t len, char *to)
{
    for (size_t i = 0; i < len; i++)
        sprintf(to + 2 * i, "%02x", at[i]);
}

static void put_base64(const uint8_t *at, size_t len, char *to)
{
    EVP_EncodeBlock((unsigned char *)to, at, (int)len);
}

static void make_bcrypt(struct generator *g, char to[DIGEST_MAX])
{
    char salt[23], hash[32];
    draw_radix64(g, salt, 22, ".Oeu");
    if (g->real) {
        struct crypt_data data = {0};
        char setting[32];
        snprintf(setting, sizeof(setting), "$2b$04$%s", salt);
        const char *made = crypt_rn(PASSWORD, setting, &data, sizeof(data));
        snprintf(to, DIGEST_MAX, "%s", made ? made : "");
        return;
    }
    draw_radix64(g, hash, 31, ".CGKOSWaeimquy26");
    snprintf(to, DIGEST_MAX, "$2b$10$%s%s", salt, hash);
}

static void make_argon2id(struct generator *g, char *to)
{
    uint8_t salt[16];
    draw_bytes(g, salt, sizeof(salt));
    if (argon2id_hash_encoded(1, 256, 1, PASSWORD, strlen(PASSWORD), salt, sizeof(salt), 32, to,
                              DIGEST_MAX) != ARGON2_OK)
        abort();
}

static void make_pbkdf2_django(struct generator *g, char *to)
{
    uint8_t hash[32];
    char salt[13], hash64[48];
    draw_radix64(g, salt, 12, "abcdefgh");
    for (char *c = salt; *c; c++)
        if (*c == '.' || *c == '/')
            *c = 'z';
    PKCS5_PBKDF2_HMAC(PASSWORD, -1, (const uint8_t *)salt, 12, 1000, EVP_sha256(), 32, hash);
    put_base64(hash, sizeof(hash), hash64);
    snprintf(to, DIGEST_MAX, "pbkdf2_sha256$1000$%s$%s", salt, hash64);
}

static void make_scrypt_werkzeug(struct generator *g, char *to)
{
    uint8_t salt[8], hash[64];
    char salt_hex[17], hash_hex[129];
    draw_bytes(g, salt, sizeof(salt));
    put_hex(salt, sizeof(salt), salt_hex);
    if (EVP_PBE_scrypt(PASSWORD, strlen(PASSWORD), (uint8_t *)salt_hex, 16, 1024, 8, 1, 0, hash,
                       sizeof(hash)) != 1)
        abort();
    put_hex(hash, sizeof(hash), hash_hex);
    snprintf(to, DIGEST_MAX, "scrypt:1024:8:1$%s$%s", salt_hex, hash_hex);
}

static void make_ldap_ssha(struct generator *g, char *to)
{
    uint8_t salted[sizeof(PASSWORD) - 1 + 8], both[20 + 8];
    char both64[48];
    memcpy(salted, PASSWORD, sizeof(PASSWORD) - 1);
    draw_bytes(g, salted + sizeof(PASSWORD) - 1, 8);
    EVP_Digest(salted, sizeof(salted), both, NULL, EVP_sha1(), NULL);
    memcpy(both + 20, salted + sizeof(PASSWORD) - 1, 8);
    put_base64(both, sizeof(both), both64);
    snprintf(to, DIGEST_MAX, "{SSHA}%s", both64);
}

static void make_sha256(struct generator *g, char *to)
{
    uint8_t hash[32];
    (void)g;
    EVP_Digest(PASSWORD, strlen(PASSWORD), hash, NULL, EVP_sha256(), NULL);
    put_hex(hash, sizeof(hash), to);
}

static void make_md5(struct generator *g, char *to)
{
    uint8_t hash[16];
    (void)g;
    EVP_Digest(PASSWORD, strlen(PASSWORD), hash, NULL, EVP_md5(), NULL);
    put_hex(hash, sizeof(hash), to);
}

/* scrypt's key encrypts the signer key, see src/digest/scrypt.c. */
static void firebase_hash(const uint8_t *salt, size_t salt_len, const uint8_t *signer,
                          int signer_len, uint8_t *hash)
{
    uint8_t key[32], zero[16] = {0};
    int len = 0;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (!cipher ||
        EVP_PBE_scrypt(PASSWORD, strlen(PASSWORD), salt, salt_len, 1 << FIREBASE_MEM_COST,
                       FIREBASE_ROUNDS, 1, 0, key, sizeof(key)) != 1 ||
        EVP_EncryptInit_ex(cipher, EVP_aes_256_ctr(), NULL, key, zero) != 1 ||
        EVP_EncryptUpdate(cipher, hash, &len, signer, signer_len) != 1)
        abort();
    EVP_CIPHER_CTX_free(cipher);
}

void make_firebase(struct generator *g, char hash[DIGEST_MAX], char salt[32])
{
    uint8_t signer[96], made[64], salted[12 + 1];
    /* decodes whole groups: two bytes too many, for which there is room, since 64 is no multiple of 3 */
    EVP_DecodeBlock(signer, (const unsigned char *)FIREBASE_SIGNER_KEY,
                    (int)strlen(FIREBASE_SIGNER_KEY));
    draw_bytes(g, salted, 12);
    salted[12] = 7; /* FIREBASE_SEPARATOR */
    draw_bytes(g, made, sizeof(made));
    if (g->real)
        firebase_hash(salted, sizeof(salted), signer, sizeof(made), made);
    put_base64(made, sizeof(made), hash);
    put_base64(salted, 12, salt);
}

const struct hasher hashers[HASHER_COUNT] = {
    {"bcrypt", make_bcrypt},
    {"argon2id", make_argon2id},
    {"pbkdf2_sha256_django", make_pbkdf2_django},
    {"scrypt_werkzeug", make_scrypt_werkzeug},
    {"ldap_ssha", make_ldap_ssha},
    {"sha256", make_sha256},
    {"md5", make_md5},
};

void make_digest(struct generator *g, const struct hasher *hasher, char to[DIGEST_MAX])
{
    char *kept = g->kept[hasher - hashers][draw(g) >> 20 & (KEPT_COUNT - 1)];
    if (!g->real) {
        hasher->make(g, to);
        return;
    }
    if (!*kept)
        hasher->make(g, kept);
    memcpy(to, kept, DIGEST_MAX);
}
