/*
 * find: stored forms made here with OpenSSL and crypt(3), which must be named for what they are; then
 * every conversion with a known password, to be found without saying which platform it comes from.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "test.h"

#include <crypt.h>

#include "digest/digest.h"
#include "json/json.h"

#define PASSWORD                                                                                   \
    "Gr\xC3\xBC\xC3\x9F"                                                                           \
    "e-7"

struct bench {
    struct arena arena;
    struct digest_finding found;
    struct text salts[2], peppers[2];
    size_t salt_count, pepper_count;
};

static int setup(void **state)
{
    static struct bench bench;
    memset(&bench, 0, sizeof(bench));
    arena_init(&bench.arena, 32 << 20);
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    arena_release(&((struct bench *)*state)->arena);
    return 0;
}

static const struct digest_finding *find_with(struct bench *b, struct text digest,
                                              struct text password)
{
    struct err err = {0};
    const struct digest_find_opts opts = {digest,     password,      b->salts,
                                          b->peppers, b->salt_count, b->pepper_count};
    if (digest_find(&opts, &b->arena, &b->found, &err))
        fail_msg("%s", err.message);
    return &b->found;
}

static const struct digest_finding *find(struct bench *b, const char *digest)
{
    return find_with(b, text_of(digest), TEXT(PASSWORD));
}

/* Hex or base64 of a hash of text. */
static const char *hashed(const EVP_MD *md, const char *text, bool base64)
{
    static char encoded[4][200];
    static int turn;
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len;
    char *to = encoded[turn++ % 4];
    EVP_Digest(text, strlen(text), hash, &len, md, NULL);
    if (base64) {
        EVP_EncodeBlock((unsigned char *)to, hash, (int)len);
        return to;
    }
    for (unsigned i = 0; i < len; i++)
        snprintf(to + 2 * i, 3, "%02x", hash[i]);
    return to;
}

static const char *hmac(const char *key, const void *text, size_t text_len, bool base64)
{
    static char encoded[200];
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len;
    HMAC(EVP_sha256(), key, (int)strlen(key), text, text_len, hash, &len);
    if (base64)
        EVP_EncodeBlock((unsigned char *)encoded, hash, (int)len);
    for (unsigned i = 0; i < len && !base64; i++)
        snprintf(encoded + 2 * i, 3, "%02x", hash[i]);
    return encoded;
}

static const char *crypted(const char *text, const char *setting)
{
    static struct crypt_data data;
    const char *made = crypt_r(text, setting, &data);
    assert_non_null(made);
    assert_int_not_equal(made[0], '*');
    return made;
}

static void salt(struct bench *b, const char *text)
{
    b->salts[b->salt_count++] = text_of(text);
}

static void pepper(struct bench *b, const char *text)
{
    b->peppers[b->pepper_count++] = text_of(text);
}

static void assert_held(const struct digest_finding *found, const char *hasher, const char *digest)
{
    struct digest parsed;
    struct err err;
    assert_true(found->verified);
    assert_non_null(found->how.at);
    if (!found->hasher)
        fail_msg("not held: %.*s", TEXT_ARG(found->how));
    assert_string_equal(found->hasher, hasher);
    if (digest)
        assert_true(text_same(found->digest, text_of(digest)));
    assert_null(digest_parse(&parsed, digest_ops_find(text_of(hasher)), found->digest));
    assert_int_equal(digest_verify(&parsed, TEXT(PASSWORD), &err), DIGEST_MATCH);
}

static void assert_not_held(const struct digest_finding *found, const char *how)
{
    assert_true(found->verified);
    assert_null(found->hasher);
    assert_non_null(found->note);
    assert_non_null(strstr(found->note, "the way out"));
    if (!text_starts(found->how, text_of(how)))
        fail_msg("%.*s instead of %s", TEXT_ARG(found->how), how);
}

static void tells_plain_hashes(void **state)
{
    struct bench *b = *state;
    const char *md5 = hashed(EVP_md5(), PASSWORD, false);
    assert_held(find(b, md5), "md5", md5);
    assert_held(find(b, hashed(EVP_md5(), PASSWORD, true)), "md5", md5);
    assert_held(find(b, hashed(EVP_sha256(), PASSWORD, true)), "sha256", NULL);
    assert_not_held(find(b, hashed(EVP_sha1(), PASSWORD, false)), "SHA-1 of password;");
    assert_not_held(find(b, hashed(EVP_sha512(), PASSWORD, false)), "SHA-512 of password;");
    assert_not_held(find(b, hashed(EVP_sha3_256(), PASSWORD, false)), "SHA3-256 of password;");
    assert_not_held(find(b, hashed(EVP_md5(), hashed(EVP_md5(), PASSWORD, false), false)),
                    "MD5 of hex MD5 of password");
}

static void tells_the_order_of_a_salt_column(void **state)
{
    struct bench *b = *state;
    char want[100];
    const char *md5 = hashed(EVP_md5(), "s41t" PASSWORD, false);
    salt(b, "s41t");
    snprintf(want, sizeof(want), "s41t$%s", md5);
    assert_held(find(b, md5), "md5_salted", want);
    assert_held(find(b, hashed(EVP_sha256(), "s41t:" PASSWORD, false)), "sha256_salted", NULL);
    assert_text(text_part(b->found.digest, 0, 6), "s41t:$");
    assert_not_held(find(b, hashed(EVP_md5(), PASSWORD "s41t", false)),
                    "MD5 of password + salt (text)");
    assert_not_held(find(b, hashed(EVP_sha1(), "s41t" PASSWORD, false)),
                    "SHA-1 of salt (text) + password");
    assert_held(find(b, hashed(EVP_sha1(), PASSWORD "s41t", false)), "ldap_ssha", NULL);
    assert_held(find(b, hashed(EVP_sha512(), PASSWORD "{s41t}", true)), "sha512_symfony", NULL);
}

/* MessageDigestPasswordHasher: hash of the hash before and of password{salt}, again and again. */
static const char *chained(const EVP_MD *md, const char *merged, int iterations)
{
    static char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned char joined[EVP_MAX_MD_SIZE + 100];
    size_t size = (size_t)EVP_MD_get_size(md), len = strlen(merged);
    EVP_Digest(merged, len, joined, NULL, md, NULL);
    for (memcpy(joined + size, merged, len); iterations > 1; iterations--)
        EVP_Digest(joined, size + len, joined, NULL, md, NULL);
    for (size_t i = 0; i < size; i++)
        snprintf(hex + 2 * i, 3, "%02x", joined[i]);
    return hex;
}

static void counts_the_iterations_of_symfony(void **state)
{
    struct bench *b = *state;
    salt(b, "s41t");
    assert_held(find(b, chained(EVP_sha512(), PASSWORD "{s41t}", 137)), "sha512_symfony", NULL);
    assert_text(text_part(b->found.digest, 0, 19), "sha512_symfony$137$");
    assert_not_held(find(b, chained(EVP_sha256(), PASSWORD "{s41t}", 5000)),
                    "SHA-256 of password + '{' + salt (text) + '}'; hash in hex; 5000 iterations");
    assert_false(find(b, chained(EVP_sha512(), PASSWORD "{s41t}", 10001))->verified);
}

static void reads_salts_in_hex_and_base64(void **state)
{
    struct bench *b = *state;
    salt(b, "\x37\x33");
    assert_held(find(b, hashed(EVP_sha256(), "s" PASSWORD, false)), "sha256_salted", NULL);
    b->salt_count = 0;
    salt(b, "ff01");
    assert_not_held(find(b, hashed(EVP_sha256(), "\xff\x01" PASSWORD, false)),
                    "SHA-256 of salt (hex) + password");
    b->salt_count = 0;
    salt(b, "/wE=");
    assert_not_held(find(b, hashed(EVP_sha256(), "\xff\x01" PASSWORD, false)),
                    "SHA-256 of salt (base64) + password");
}

static void reads_salts_beside_the_hash(void **state)
{
    struct bench *b = *state;
    char joined[300];
    snprintf(joined, sizeof(joined), "%s:abcXYZ", hashed(EVP_md5(), "abcXYZ" PASSWORD, false));
    assert_held(find(b, joined), "md5_salted", NULL);
    snprintf(joined, sizeof(joined), "{\"pw\":{\"h\":\"%s\",\"s\":\"abcXYZ\"}}",
             hashed(EVP_sha1(), PASSWORD "abcXYZ", false));
    assert_held(find(b, joined), "ldap_ssha", NULL);
}

static void tries_peppers(void **state)
{
    struct bench *b = *state;
    salt(b, "s41t");
    pepper(b, "wrong");
    pepper(b, "p3pper");
    assert_held(find(b, hashed(EVP_sha256(), "p3ppers41t" PASSWORD, false)), "sha256_salted", NULL);
    assert_not_held(find(b, hashed(EVP_sha256(), "s41t" PASSWORD "p3pper", false)),
                    "SHA-256 of salt (text) + password + pepper (text)");
    assert_held(find(b, hashed(EVP_sha1(), PASSWORD "s41tp3pper", false)), "ldap_ssha", NULL);
    assert_held(find(b, crypted(PASSWORD "p3pper", "$2b$04$abcdefghijklmnopqrstuu")),
                "bcrypt_peppered", NULL);
    assert_not_held(find(b, crypted("p3pper" PASSWORD, "$2b$04$abcdefghijklmnopqrstuu")),
                    "bcrypt over pepper + password");
}

static void tells_hmacs(void **state)
{
    struct bench *b = *state;
    static const char wide[] = "G\0r\0\xFC\0\xDF\0e\0-\0007\0";
    pepper(b, "the key");
    assert_held(find(b, hmac("the key", wide, sizeof(wide) - 1, true)), "hmac_sha256_utf16_b64",
                NULL);
    assert_not_held(find(b, hmac("the key", PASSWORD, strlen(PASSWORD), false)),
                    "HMAC-SHA-256 of password keyed with pepper (text)");
}

static void unmasks_bcrypt(void **state)
{
    struct bench *b = *state;
    const char *setting = "$2b$04$abcdefghijklmnopqrstuu";
    assert_held(find(b, crypted(hashed(EVP_sha256(), PASSWORD, false), setting)),
                "bcrypt_sha256_django", NULL);
    assert_not_held(find(b, crypted(hashed(EVP_sha256(), PASSWORD, true), setting)),
                    "bcrypt over base64 SHA-256");
    assert_not_held(find(b, crypted(hashed(EVP_md5(), PASSWORD, false), setting)),
                    "bcrypt over hex MD5");
}

static void proves_what_clerk_cannot_hold(void **state)
{
    struct bench *b = *state;
    char passlib[200];
    assert_not_held(find(b, crypted(PASSWORD, "$6$rounds=1000$saltsalt")), "crypt(3), $6$");
    assert_not_held(find(b, crypted(PASSWORD, "$5$rounds=1000$saltsalt")), "crypt(3), $5$");
    assert_not_held(find(b, crypted(PASSWORD, "$1$saltsalt")), "crypt(3), $1$");
    assert_not_held(find(b, crypted(PASSWORD, "ab")), "crypt(3), DES");
    const char *salt = "abcdefghijklmnopqrstuu";
    const char *made =
        crypted(hmac(salt, PASSWORD, strlen(PASSWORD), true), "$2b$04$abcdefghijklmnopqrstuu");
    snprintf(passlib, sizeof(passlib), "$bcrypt-sha256$v=2,t=2b,r=4$%s$%s", salt, made + 29);
    assert_not_held(find(b, passlib), "bcrypt over HMAC-SHA256");
}

/* The published example of hashcat's mode 7900. */
static void proves_drupal(void **state)
{
    const struct digest_finding *found = find_with(
        *state, TEXT("$S$C33783772bRXEx1aCsvY.dqgaaSu76XmVlKrW9Qu8IQlvxHlmzLf"), TEXT("hashcat"));
    assert_not_held(found, "phpass with SHA-512");
    found = find_with(*state, TEXT("$S$C33783772bRXEx1aCsvY.dqgaaSu76XmVlKrW9Qu8IQlvxHlmzLf"),
                      TEXT("hashdog"));
    assert_false(found->verified);
}

static void says_what_it_looks_like(void **state)
{
    struct bench *b = *state;
    const struct digest_finding *found =
        find(b, "$2b$04$76JIRYNcKPYenF5tZszdWuKii0HYQnWedyOClUMa8h5y7G/To6jim");
    assert_false(found->verified);
    assert_null(found->hasher);
    assert_text(found->how, "has the form of bcrypt");
    assert_non_null(found->note);
    found = find(b, "$6$rounds=1000$Ql6mHL3i$HTTyYZkbXh2sQL4hHIRdUU9sm49SYJo9ZYFPl3yyG784gAouUpzC");
    assert_false(found->verified);
    assert_non_null(strstr(found->note, "SHA-512 crypt"));
    found = find(b, "certainly nothing");
    assert_false(found->verified);
    assert_null(found->how.at);
    found = find(b, "");
    assert_false(found->verified);
    found = find(b, "awscognito#us-east-1_EECBAPfUo#5k4m3rpziv3kd5ezjhokegbxzp#jane");
    assert_non_null(strstr(found->note, "Cognito"));
}

static void refuses_too_much(void **state)
{
    struct bench *b = *state;
    struct err err;
    static char password[DIGEST_PASSWORD_MAX + 1];
    const struct text salts[DIGEST_FIND_EXTRAS_MAX + 1] = {{0}};
    struct digest_find_opts opts = {.digest = TEXT("x"), .password = TEXT("x"), .salts = salts};
    opts.salt_count = ARRAY_COUNT(salts);
    assert_int_equal(digest_find(&opts, &b->arena, &b->found, &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
    opts.salt_count = 0;
    opts.password = (struct text){password, sizeof(password)};
    assert_int_equal(digest_find(&opts, &b->arena, &b->found, &err), -1);
    opts.password = TEXT("x");
    opts.digest = (struct text){"a\0b", 3};
    assert_int_equal(digest_find(&opts, &b->arena, &b->found, &err), -1);
}

/* What Clerk holds must be found as it is; of the rest all is proven but what no hash stands for. */
static bool check_conversion(struct bench *b, struct json_value line)
{
    struct text hasher = json_text(json_get(line, TEXT("hasher")));
    struct text digest = json_text(json_get(line, TEXT("digest")));
    const struct digest_finding *found = find_with(b, json_text(json_get(line, TEXT("native"))),
                                                   json_text(json_get(line, TEXT("password"))));
    if (!hasher.at)
        return found->verified;
    if (!text_same(text_of(found->hasher), hasher) || !text_same(found->digest, digest))
        fail_msg("%.*s found as %s", TEXT_ARG(hasher), found->hasher ? found->hasher : "none");
    return true;
}

static void finds_every_conversion(void **state)
{
    char path[4096], line[65536];
    struct json *json;
    struct json_value root;
    struct err err;
    int unproven = 0, all = 0;
    snprintf(path, sizeof(path), "%s/digests/conversions.jsonl", getenv("USHER_SHARED"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(json_new(&json, sizeof(line), &err), 0);
    while (fgets(line, sizeof(line), file)) {
        assert_int_equal(json_parse(json, text_of(line), &root, &err), 0);
        if (json_type(json_get(root, TEXT("password"))) != JSON_STRING)
            continue;
        all++;
        unproven += !check_conversion(*state, root);
        arena_reset(&((struct bench *)*state)->arena);
    }
    json_free(json);
    fclose(file);
    assert_true(all > 100);
    /* A password in clear text, and argon2d. */
    assert_int_equal(unproven, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tells_plain_hashes),
        TEST(tells_the_order_of_a_salt_column),
        TEST(counts_the_iterations_of_symfony),
        TEST(reads_salts_in_hex_and_base64),
        TEST(reads_salts_beside_the_hash),
        TEST(tries_peppers),
        TEST(tells_hmacs),
        TEST(unmasks_bcrypt),
        TEST(proves_what_clerk_cannot_hold),
        TEST(proves_drupal),
        TEST(says_what_it_looks_like),
        TEST(refuses_too_much),
        TEST(finds_every_conversion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
