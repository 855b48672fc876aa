/*
 * Makes exports of any size: made-up users, the same ones for the same seed, as fast as a disk takes them.
 *
 *     generate --platform auth0|usher --users N [--seed S] [--real] > FILE
 *
 * auth0  JSON Lines as Auth0 exports them, about 670 bytes a user, bcrypt digests
 * usher  JSON Lines in Usher's own form, digests of seven hashers in turn
 *
 * Without --real a digest has the right shape and no known password, which costs nothing to make. With it
 * every digest is one of PASSWORD at the lowest cost that its hasher allows. usher always is real.
 */
#include <argon2.h>
#include <crypt.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"

#define PASSWORD     "Correct-Horse-9"
#define DIGEST_MAX   256
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct generator {
    uint64_t state; /* of the numbers that follow from the seed */
    bool real;
};

static uint64_t draw(struct generator *g)
{
    g->state ^= g->state << 13;
    g->state ^= g->state >> 7;
    g->state ^= g->state << 17;
    return g->state;
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

/* --- digests of PASSWORD, one function a hasher --- */

static void make_bcrypt(struct generator *g, char *to)
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

static const struct hasher {
    const char *name;
    void (*make)(struct generator *g, char *to);
} hashers[] = {
    {"bcrypt", make_bcrypt},
    {"argon2id", make_argon2id},
    {"pbkdf2_sha256_django", make_pbkdf2_django},
    {"scrypt_werkzeug", make_scrypt_werkzeug},
    {"ldap_ssha", make_ldap_ssha},
    {"sha256", make_sha256},
    {"md5", make_md5},
};

/* --- people --- */

static const char *const given[] = {"Ada",   "Bao",  "Chiara", "Dmitri", "Eun-ji", "Fatima",
                                    "Goran", "Hana", "Ines",   "Jörg",   "Kofi",   "Leïla"};
static const char *const family[] = {"Adeyemi", "Bianchi", "Castillo", "Dvořák",   "Eriksen",
                                     "Fischer", "García",  "Haddad",   "Ibrahimi", "Jansen"};

struct person {
    uint64_t id; /* also what makes the addresses differ */
    const char *given, *family;
    char created[DATE_TEXT_MAX], updated[DATE_TEXT_MAX];
    bool verified;
    unsigned logins;
};

static void draw_person(struct generator *g, uint64_t number, struct person *p)
{
    int64_t created = INT64_C(1420070400000) + (int64_t)(draw(g) % UINT64_C(300000000000));
    p->id = number;
    p->given = given[draw(g) % COUNT(given)];
    p->family = family[draw(g) % COUNT(family)];
    p->verified = draw(g) % 10 != 0;
    p->logins = (unsigned)(draw(g) % 500);
    date_format(created, p->created);
    date_format(created + (int64_t)(draw(g) % 9000000), p->updated);
}

static void print_auth0(struct generator *g, const struct person *p)
{
    char digest[DIGEST_MAX];
    uint64_t id = draw(g);
    make_bcrypt(g, digest);
    printf(
        "{\"user_id\":\"auth0|%016llx%08llx\",\"email\":\"user%llu@mail%llu.example.org\","
        "\"email_verified\":%s,\"name\":\"%s %s\",\"given_name\":\"%s\",\"family_name\":\"%s\","
        "\"nickname\":\"user%llu\",\"picture\":\"https://images.example.net/%016llx.png\","
        "\"identities\":[{\"connection\":\"Username-Password-Authentication\",\"provider\":"
        "\"auth0\",\"user_id\":\"%016llx%08llx\",\"isSocial\":false}],\"app_metadata\":{\"plan\":"
        "\"%s\",\"seats\":%u},\"user_metadata\":{\"theme\":\"dark\",\"langs\":[\"en\"]},"
        "\"created_at\":\"%s\",\"updated_at\":\"%s\",\"last_login\":\"%s\",\"last_ip\":"
        "\"192.0.2.%u\",\"logins_count\":%u,\"blocked\":false,\"passwordHash\":\"%s\"}\n",
        (unsigned long long)id, (unsigned long long)p->id, (unsigned long long)p->id,
        (unsigned long long)(p->id % 100), p->verified ? "true" : "false", p->given, p->family,
        p->given, p->family, (unsigned long long)p->id, (unsigned long long)id,
        (unsigned long long)id, (unsigned long long)p->id, p->logins % 5 ? "free" : "pro",
        p->logins, p->created, p->updated, p->updated, p->logins % 256, p->logins, digest);
}

static void print_usher(struct generator *g, const struct person *p)
{
    const struct hasher *hasher = &hashers[p->id % COUNT(hashers)];
    char digest[DIGEST_MAX];
    hasher->make(g, digest);
    printf(
        "{\"external_id\":\"%llu\",\"first_name\":\"%s\",\"last_name\":\"%s\",\"username\":"
        "\"user_%llu\",\"email_address\":[\"user%llu@mail%llu.example.org\"],"
        "\"email_address_identification_status\":[\"%s\"],\"password_hasher\":\"%s\","
        "\"password_digest\":\"%s\",\"public_metadata\":{\"plan\":\"%s\"},\"created_at\":\"%s\"}\n",
        (unsigned long long)p->id, p->given, p->family, (unsigned long long)p->id,
        (unsigned long long)p->id, (unsigned long long)(p->id % 100),
        p->verified ? "verified" : "reserved", hasher->name, digest, p->logins % 5 ? "free" : "pro",
        p->created);
}

static int usage(void)
{
    fputs("usage: generate --platform auth0|usher --users N [--seed S] [--real]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct generator g = {.state = 1};
    uint64_t users = 0;
    const char *platform = "";
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--real") == 0)
            g.real = true;
        else if (more && strcmp(argv[i], "--platform") == 0)
            platform = argv[++i];
        else if (more && strcmp(argv[i], "--users") == 0)
            users = strtoull(argv[++i], NULL, 10);
        else if (more && strcmp(argv[i], "--seed") == 0)
            g.state = strtoull(argv[++i], NULL, 10) * 2 + 1;
        else
            return usage();
    }
    bool usher = strcmp(platform, "usher") == 0;
    if (users == 0 || (!usher && strcmp(platform, "auth0") != 0))
        return usage();
    g.real = g.real || usher;
    for (int i = 0; i < 16; i++)
        draw(&g);
    for (uint64_t number = 1; number <= users; number++) {
        struct person person;
        draw_person(&g, number, &person);
        (usher ? print_usher : print_auth0)(&g, &person);
    }
    return fflush(stdout) ? 1 : 0;
}
