/*
 * Every digest of $USHER_SHARED/digests against the table of hashers: vectors.jsonl, malformed.jsonl,
 * parse_only.jsonl, and ambiguous.jsonl with the decisions that are stated here. Then the limits that the
 * vectors do not reach.
 */
#include "lines.h"

#include <pthread.h>
#include <time.h>

#include "digest/digest.h"

static struct err err;

static struct text field(struct json_value row, const char *key)
{
    struct text t = json_text(json_get(row, text_of(key)));
    assert_non_null(t.at);
    return t;
}

static const struct digest_ops *ops_of(struct json_value row)
{
    const struct digest_ops *ops = digest_ops_find(field(row, "hasher"));
    assert_non_null(ops);
    return ops;
}

/* ---- the files ---- */

#define HASHERS_MAX 32

struct seen {
    size_t matches[HASHERS_MAX], others[HASHERS_MAX];
};

static size_t index_of(const struct digest_ops *ops)
{
    size_t count, i = 0;
    const struct digest_ops *const *all = digest_ops_all(&count);
    assert_true(count <= HASHERS_MAX);
    while (i < count && all[i] != ops)
        i++;
    assert_true(i < count);
    return i;
}

static void verify_row(struct json_value row, void *with)
{
    struct seen *seen = with;
    struct digest digest;
    const struct digest_ops *ops = ops_of(row);
    struct text text = field(row, "digest");
    bool match = json_true(json_get(row, TEXT("match")));
    const char *wrong = digest_parse(&digest, ops, text);
    if (wrong)
        fail_msg("%s: %.*s: refused: %s", ops->hasher, TEXT_ARG(text), wrong);
    enum digest_answer answer = digest_verify(&digest, field(row, "password"), &err);
    if (answer != (match ? DIGEST_MATCH : DIGEST_NO_MATCH))
        fail_msg("%s: %.*s: answer %d, not %s", ops->hasher, TEXT_ARG(text), answer,
                 match ? "match" : "no match");
    if (match)
        seen->matches[index_of(ops)]++;
    else
        seen->others[index_of(ops)]++;
}

static void vectors_match_or_not(void **state)
{
    (void)state;
    struct seen seen = {{0}, {0}};
    size_t count;
    const struct digest_ops *const *all = digest_ops_all(&count);
    assert_int_equal(count, 22);
    each_line("vectors.jsonl", verify_row, &seen);
    for (size_t i = 0; i < count; i++) {
        if (all[i]->remote)
            continue;
        assert_true(seen.matches[i] > 0);
        assert_true(seen.others[i] > 0);
    }
}

static void refuse_row(struct json_value row, void *with)
{
    struct digest digest;
    (void)with;
    if (!digest_parse(&digest, ops_of(row), field(row, "digest")))
        fail_msg("%.*s parses, although: %.*s", TEXT_ARG(field(row, "digest")),
                 TEXT_ARG(field(row, "why")));
}

static void malformed_ones_are_refused(void **state)
{
    (void)state;
    assert_true(each_line("malformed.jsonl", refuse_row, NULL) > 200);
}

static void accept_row(struct json_value row, void *with)
{
    struct digest digest;
    (void)with;
    assert_null(digest_parse(&digest, ops_of(row), field(row, "digest")));
}

static void parse_only_ones_parse(void **state)
{
    (void)state;
    assert_true(each_line("parse_only.jsonl", accept_row, NULL) > 0);
}

/*
 * What Clerk leaves open, decided: the readings of vectors.jsonl, and where a form is not certain to be taken,
 * it is refused here, to be converted first. `start` is how the file's "reading" begins.
 */
enum expect { REFUSED, MATCH, NO_MATCH };
static const struct decision {
    const char *hasher, *start;
    enum expect expect;
} decisions[] = {
    {"argon2i", "salt of 3 bytes", REFUSED},
    {"argon2i", "Argon2 v=16", REFUSED},
    {"argon2id", "salt of 3 bytes", REFUSED},
    {"argon2id", "Argon2 v=16", REFUSED},
    {"pbkdf2_sha1", "4 fields with a 20-byte hash", REFUSED}, /* the default length is binding */
    {"pbkdf2_sha1", "an odd number of hex digits", MATCH},
    {"md5_phpass", "other reading", NO_MATCH},
    {"phpass", "phpBB prefix", REFUSED},     /* conversion writes $P$ */
    {"md5_phpass", "phpBB prefix", REFUSED}, /* the same */
    {"scrypt_firebase", "hash in URL-safe base64", REFUSED},
    {"scrypt_werkzeug", "with the leading $", REFUSED},
    {"scrypt_werkzeug", "hash in base64", REFUSED},
    {"md5", "upper-case hex", MATCH},
    {"sha256", "upper-case hex", MATCH},
    {"md5_salted", "other order", NO_MATCH},
    {"md5_salted", "fields the other way round", REFUSED},
    {"md5_salted", "HMAC keyed", NO_MATCH},
    {"sha256_salted", "other order", NO_MATCH},
    {"sha256_salted", "fields the other way round", REFUSED},
    {"sha256_salted", "HMAC keyed", NO_MATCH},
    {"ldap_ssha", "scheme name in lower case", MATCH}, /* RFC 2307: schemes ignore case */
    {"ldap_ssha", "zero-length salt", MATCH},
    {"hmac_sha256_utf16_b64", "other reading", NO_MATCH},
    {"hmac_sha256_utf16_b64", "the form a .NET", MATCH},
    {"sha512_symfony", "empty salt", MATCH},
};

static const struct decision *decision_for(struct json_value row)
{
    for (size_t i = 0; i < ARRAY_COUNT(decisions); i++)
        if (text_same(field(row, "hasher"), text_of(decisions[i].hasher)) &&
            text_starts(field(row, "reading"), text_of(decisions[i].start)))
            return &decisions[i];
    fail_msg("no decision on %.*s", TEXT_ARG(field(row, "reading")));
    return NULL;
}

static void decide_row(struct json_value row, void *with)
{
    struct digest digest;
    const struct decision *decision = decision_for(row);
    (void)with;
    enum expect got = REFUSED;
    if (!digest_parse(&digest, ops_of(row), field(row, "digest"))) {
        enum digest_answer answer = digest_verify(&digest, field(row, "password"), &err);
        assert_int_not_equal(answer, DIGEST_CANNOT_TELL);
        got = answer == DIGEST_MATCH ? MATCH : NO_MATCH;
    }
    if (got != decision->expect)
        fail_msg("%s, %s: got %d, not %d", decision->hasher, decision->start, got,
                 decision->expect);
}

static void ambiguous_ones_follow_the_decisions(void **state)
{
    (void)state;
    assert_true(each_line("ambiguous.jsonl", decide_row, NULL) > 0);
}

/* ---- hostile digests ---- */

static bool parses(const char *hasher, const char *text, struct digest *digest)
{
    const struct digest_ops *ops = digest_ops_find(text_of(hasher));
    assert_non_null(ops);
    return !digest_parse(digest, ops, text_of(text));
}

#define SALT16  "AAAAAAAAAAAAAAAAAAAAAA"
#define HASH32  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define HEX64   "00000000000000000000000000000000000000000000000000000000000000ff"
#define HEX128  HEX64 HEX64
#define HEX1280 HEX128 HEX128 HEX128 HEX128 HEX128 HEX128 HEX128 HEX128 HEX128 HEX128

static void costs_have_bounds(void **state)
{
    (void)state;
    static const char *const refused[][2] = {
        {"argon2id", "$argon2id$v=19$m=2097153,t=1,p=1$" SALT16 "$" HASH32},
        {"argon2id", "$argon2id$v=19$m=2097152,t=9,p=1$" SALT16 "$" HASH32},
        {"argon2id", "$argon2id$v=19$m=8,t=4294967295,p=1$" SALT16 "$" HASH32},
        {"argon2id", "$argon2id$v=19$m=2048,t=1,p=256$" SALT16 "$" HASH32},
        {"argon2id", "$argon2id$v=19$m=064,t=1,p=1$" SALT16 "$" HASH32},
        {"argon2id", "$argon2id$v=19$m=18446744073709551680,t=1,p=1$" SALT16 "$" HASH32},
        {"argon2id", "$argon2id$v=19$t=1,m=64,p=1$" SALT16 "$" HASH32},
        {"argon2id", "$argon2id$v=19$m=64,t=1,p=1,keyid=AA$" SALT16 "$" HASH32},
        {"argon2id", "$argon2id$m=64,t=1,p=1$" SALT16 "$" HASH32},
        {"scrypt_werkzeug", "scrypt:2097152:8:1$salt$" HEX128},
        {"scrypt_werkzeug", "scrypt:1048576:9:1$salt$" HEX128},
        {"scrypt_werkzeug", "scrypt:1048576:8:3$salt$" HEX128},
        {"scrypt_werkzeug", "scrypt:2:1025:1$salt$" HEX128},
        {"scrypt_werkzeug", "scrypt:2:1:1025$salt$" HEX128},
        {"scrypt_werkzeug", "scrypt:65536:1:1$salt$" HEX128}, /* RFC 7914: N < 2^(16 r) */
        {"scrypt_werkzeug", "scrypt:0x400:8:1$salt$" HEX128},
        {"pbkdf2_sha1", "pbkdf2_sha1$10000001$aa$" HEX64},
        {"pbkdf2_sha1", "pbkdf2_sha1$10000000$aa$" HEX64}, /* two blocks */
        {"pbkdf2_sha512_hex", "pbkdf2_sha512_hex$1000001$aa$" HEX1280},
        {"pbkdf2_sha512", "pbkdf2_sha512$1000$aa$00ff"}, /* would match by chance */
        {"pbkdf2_sha256", "pbkdf2_sha256$+1$AAAA$" HASH32 "="},
        {"pbkdf2_sha256", "pbkdf2_sha256$01$AAAA$" HASH32 "="},
        {"sha512_symfony",
         "sha512_symfony$10000001$s$" HASH32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="},
    };
    struct digest digest;
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
        if (parses(refused[i][0], refused[i][1], &digest))
            fail_msg("%s parses", refused[i][1]);
}

static void realistic_costs_are_inside(void **state)
{
    (void)state;
    static const char *const accepted[][3] = {
        {"argon2id", "$argon2id$v=19$m=2097152,t=1,p=4$" SALT16 "$" HASH32,
         "argon2id m=2097152 t=1 p=4"},
        {"scrypt_werkzeug", "scrypt:1048576:8:1$salt$" HEX128, "scrypt_werkzeug N=1048576 r=8 p=1"},
        {"pbkdf2_sha256", "pbkdf2_sha256$2000000$AAAA$" HASH32 "=",
         "pbkdf2_sha256 iterations=2000000"},
        {"pbkdf2_sha256_django", "pbkdf2_sha256$1$AAAA$" HASH32 "=",
         "pbkdf2_sha256_django iterations=1"},
        {"pbkdf2_sha512", "pbkdf2_sha512$419999$salt$" HEX128,
         "pbkdf2_sha512 iterations=419999 length=64"},
        {"pbkdf2_sha1", "pbkdf2_sha1$1300000$aa$" HEX64,
         "pbkdf2_sha1 iterations=1300000 length=32"},
        {"phpass", "$P$BAE0LWbMfeDMscxp2fGnWWISdFVqix.", "phpass rounds=8192"},
        {"md5", "00000000000000000000000000000000", "md5"},
    };
    char class[DIGEST_CLASS_MAX];
    struct digest digest;
    for (size_t i = 0; i < ARRAY_COUNT(accepted); i++) {
        assert_true(parses(accepted[i][0], accepted[i][1], &digest));
        digest_class(&digest, class);
        assert_string_equal(class, accepted[i][2]);
        assert_null(digest_clerk_problem(&digest));
    }
}

static void base64_has_one_spelling(void **state)
{
    (void)state;
    static const char *const refused[][2] = {
        {"pbkdf2_sha256", "pbkdf2_sha256$1$AB==$" HASH32 "="}, /* stray bits */
        {"pbkdf2_sha256", "pbkdf2_sha256$1$AAB=$" HASH32 "="},
        {"pbkdf2_sha256", "pbkdf2_sha256$1$AA$" HASH32 "="}, /* no padding */
        {"pbkdf2_sha256", "pbkdf2_sha256$1$A===$" HASH32 "="},
        {"pbkdf2_sha256", "pbkdf2_sha256$1$AAAA====$" HASH32 "="},
        {"pbkdf2_sha256", "pbkdf2_sha256$1$AA==AA==$" HASH32 "="},
        {"pbkdf2_sha256", "pbkdf2_sha256$1$AAAA$" HASH32},
        {"argon2i", "$argon2i$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAB$" HASH32},
        {"argon2i", "$argon2i$v=19$m=8,t=1,p=1$" SALT16 "==$" HASH32},
        {"bcrypt", "$2b$04$AAAAAAAAAAAAAAAAAAAAA/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA."},
        {"bcrypt", "$2b$04$AAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/"},
        {"phpass", "$P$BAE0LWbMfeDMscxp2fGnWWISdFVqix2"},
    };
    struct digest digest;
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
        if (parses(refused[i][0], refused[i][1], &digest))
            fail_msg("%s parses", refused[i][1]);
}

/* Cut short, lengthened and with a NUL in every place, a digest is read within its bounds or refused. */
static void damage_row(struct json_value row, void *with)
{
    const struct digest_ops *ops = ops_of(row);
    struct text text = field(row, "digest");
    struct digest digest;
    (void)with;
    for (size_t len = 0; len < text.len; len++) {
        /* Memory of its exact length, so that the sanitizer sees any step beyond. */
        char *copy = malloc(len + 1);
        memcpy(copy, text.at, len);
        digest_parse(&digest, ops, (struct text){copy, len});
        copy[len] = 0;
        assert_non_null(digest_parse(&digest, ops, (struct text){copy, len + 1}));
        free(copy);
    }
}

static void damaged_ones_stay_within_bounds(void **state)
{
    (void)state;
    assert_true(each_line("vectors.jsonl", damage_row, NULL) > 0);
}

static void overlong_ones_are_refused(void **state)
{
    (void)state;
    size_t count;
    const struct digest_ops *const *all = digest_ops_all(&count);
    static char text[DIGEST_MAX + 1];
    struct digest digest;
    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < count; i++) {
        assert_non_null(digest_parse(&digest, all[i], (struct text){text, sizeof(text)}));
        assert_non_null(digest_parse(&digest, all[i], (struct text){NULL, 0}));
    }
}

/* ---- costs that parse but are not computed ---- */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void absurd_costs_cannot_be_told(void **state)
{
    (void)state;
    static const char *const absurd[][2] = {
        {"bcrypt", "$2b$31$AAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA."},
        {"bcrypt_peppered", "$2b$19$AAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.$pepper"},
        {"bcrypt_sha256_django",
         "bcrypt_sha256$$2b$19$AAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA."},
        {"phpass", "$P$SUU1rYF1Cc4mNWLWiL6VwjiCFOeKM8/"},
        {"md5_phpass", "$P$SUU1rYF1Cc4mNWLWiL6VwjiCFOeKM8/"},
    };
    double start = seconds();
    for (size_t i = 0; i < ARRAY_COUNT(absurd); i++) {
        struct digest digest;
        assert_true(parses(absurd[i][0], absurd[i][1], &digest));
        err.code = ERR_NONE;
        assert_int_equal(digest_verify(&digest, TEXT("secret"), &err), DIGEST_CANNOT_TELL);
        assert_int_equal(err.code, ERR_INPUT);
        assert_null(strstr(err.message, "secret"));
    }
    assert_true(seconds() - start < 1);
}

static void clerk_takes_bcrypt_up_to_15(void **state)
{
    (void)state;
    struct digest digest;
    assert_true(
        parses("bcrypt", "$2b$15$AAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.", &digest));
    assert_null(digest_clerk_problem(&digest));
    assert_true(
        parses("bcrypt", "$2b$16$AAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.", &digest));
    assert_non_null(digest_clerk_problem(&digest));
}

/* ---- passwords ---- */

/* The digests of one known password, "Passw0rd", in families that treat its bytes differently. */
static const char *const known[][2] = {
    {"bcrypt", "$2a$06$cB23L6hhiAE/T7Uam5lGve5kVE5HPUJ1Vnt5HTj4umBj6dGKrxClS"},
    {"bcrypt_sha256_django",
     "bcrypt_sha256$$2b$06$Tqh0b0u2UUCWqQF5DVClxug/VoI5beV2FlT4sije/dZDZM8MW122S"},
    {"phpass", "$P$7UU1rYF1Cc4mNWLWiL6VwjiCFOeKM8/"},
    {"md5", "d41e98d1eafa6d6011d3a70f1a5b92f0"},
    {"ldap_ssha", "{SSHA}bFwqKXanE6rK3WB3xXEhIMzALHKKME/R"},
    {"hmac_sha256_utf16_b64", "hmac_sha256_utf16_b64$S3o38def9pLGNmCfr4FYPq8CY/"
                              "trbmUyK49F0owzXRA=$r1YwuZOXTaTGs2axiseNtbE7UTUt7pGrcnPNq20gmBU="},
};

static void a_nul_does_not_end_a_password(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        struct digest digest;
        assert_true(parses(known[i][0], known[i][1], &digest));
        assert_int_equal(digest_verify(&digest, TEXT("Passw0rd"), &err), DIGEST_MATCH);
        assert_int_equal(digest_verify(&digest, TEXT("Passw0rd\0"), &err), DIGEST_NO_MATCH);
        assert_int_equal(digest_verify(&digest, TEXT("Passw0rd\0more"), &err), DIGEST_NO_MATCH);
        assert_int_equal(digest_verify(&digest, TEXT("\0Passw0rd"), &err), DIGEST_NO_MATCH);
    }
}

/* The empty password has digests that match it; with a NUL it is another one. */
static void a_nul_is_not_the_empty_password(void **state)
{
    (void)state;
    struct digest digest;
    assert_true(
        parses("bcrypt", "$2b$04$o9D7f.ydxIsQUi6HuIElb.ytxa2sGInXi8YGufXnsLNNH4MRLvn5e", &digest));
    assert_int_equal(digest_verify(&digest, (struct text){NULL, 0}, &err), DIGEST_MATCH);
    assert_int_equal(digest_verify(&digest, TEXT("\0"), &err), DIGEST_NO_MATCH);
}

/* Behind the 72 bytes that bcrypt reads, a NUL counts as little as anything else. */
static void bcrypt_reads_72_bytes(void **state)
{
    (void)state;
    struct digest digest;
    char password[90];
    memset(password, 0, sizeof(password));
    memcpy(password, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567",
           72);
    assert_true(
        parses("bcrypt", "$2a$06$hlIIGTi/cvgMFr4gYgrJ6eedYW366IHaDkZ6NE4amidhEXZO9t6Be", &digest));
    assert_int_equal(digest_verify(&digest, (struct text){password, 90}, &err), DIGEST_MATCH);
    assert_int_equal(digest_verify(&digest, (struct text){password, 72}, &err), DIGEST_MATCH);
    assert_int_equal(digest_verify(&digest, (struct text){password, 71}, &err), DIGEST_NO_MATCH);
}

static void passwords_have_a_maximum(void **state)
{
    (void)state;
    static char password[DIGEST_PASSWORD_MAX + 1];
    memset(password, 'x', sizeof(password));
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        struct digest digest;
        assert_true(parses(known[i][0], known[i][1], &digest));
        assert_int_equal(
            digest_verify(&digest, (struct text){password, sizeof(password) - 1}, &err),
            DIGEST_NO_MATCH);
        assert_int_equal(digest_verify(&digest, (struct text){password, sizeof(password)}, &err),
                         DIGEST_CANNOT_TELL);
    }
}

static void bytes_that_are_no_text_match_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        struct digest digest;
        assert_true(parses(known[i][0], known[i][1], &digest));
        assert_int_equal(digest_verify(&digest, TEXT("\xFF\xFEPassw0rd\xC0"), &err),
                         DIGEST_NO_MATCH);
    }
}

/* ---- threads ---- */

static void *verify_often(void *failures)
{
    for (int round = 0; round < 20; round++) {
        for (size_t i = 1; i < ARRAY_COUNT(known); i++) {
            struct digest digest;
            struct err mine;
            if (!parses(known[i][0], known[i][1], &digest) ||
                digest_verify(&digest, TEXT("Passw0rd"), &mine) != DIGEST_MATCH ||
                digest_verify(&digest, TEXT("passw0rd"), &mine) != DIGEST_NO_MATCH)
                ++*(int *)failures;
        }
    }
    return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    pthread_t threads[4];
    int failures[4] = {0};
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, verify_often, &failures[i]), 0);
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failures[i], 0);
    }
}

/* ---- the table ---- */

static void the_table_says_what_is_insecure(void **state)
{
    (void)state;
    static const char *const insecure[] = {"md5", "md5_salted", "sha256", "sha256_salted",
                                           "sha512_symfony"};
    size_t count, found = 0;
    const struct digest_ops *const *all = digest_ops_all(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(digest_ops_find(text_of(all[i]->hasher)), all[i]);
        assert_int_equal(all[i]->remote, strcmp(all[i]->hasher, "awscognito") == 0);
        found += all[i]->insecure;
    }
    assert_int_equal(found, ARRAY_COUNT(insecure));
    for (size_t i = 0; i < ARRAY_COUNT(insecure); i++)
        assert_true(digest_ops_find(text_of(insecure[i]))->insecure);
    assert_null(digest_ops_find(TEXT("bcrypt ")));
    assert_null(digest_ops_find(TEXT("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_match_or_not),
        cmocka_unit_test(malformed_ones_are_refused),
        cmocka_unit_test(parse_only_ones_parse),
        cmocka_unit_test(ambiguous_ones_follow_the_decisions),
        cmocka_unit_test(costs_have_bounds),
        cmocka_unit_test(realistic_costs_are_inside),
        cmocka_unit_test(base64_has_one_spelling),
        cmocka_unit_test(damaged_ones_stay_within_bounds),
        cmocka_unit_test(overlong_ones_are_refused),
        cmocka_unit_test(absurd_costs_cannot_be_told),
        cmocka_unit_test(clerk_takes_bcrypt_up_to_15),
        cmocka_unit_test(a_nul_does_not_end_a_password),
        cmocka_unit_test(a_nul_is_not_the_empty_password),
        cmocka_unit_test(bcrypt_reads_72_bytes),
        cmocka_unit_test(passwords_have_a_maximum),
        cmocka_unit_test(bytes_that_are_no_text_match_nothing),
        cmocka_unit_test(threads_do_not_disturb_each_other),
        cmocka_unit_test(the_table_says_what_is_insecure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
