/*
 * Every line of the conversions handed to us: the hasher and digest that come out, and that they verify
 * the password that is known. Then what the file does not hold: detection, damage, ambiguity.
 */
#include "unit/test.h"

#include "digest/digest.h"
#include "json/json.h"

struct bench {
    struct json *json;
    struct arena arena;
};

static int setup(void **state)
{
    static struct bench bench;
    struct err err;
    arena_init(&bench.arena, 8 << 20);
    *state = &bench;
    return json_new(&bench.json, 1 << 20, &err);
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    json_free(bench->json);
    arena_release(&bench->arena);
    return 0;
}

static struct digest_conversion convert(struct bench *bench, const char *from, const char *native)
{
    struct digest_conversion done;
    struct err err = {0};
    if (digest_convert(text_of(from), text_of(native), &bench->arena, &done, &err))
        fail_msg("%s: %s", from, err.message);
    return done;
}

static enum err_code refusal(struct bench *bench, const char *from, const char *native)
{
    struct digest_conversion done;
    struct err err = {0};
    if (digest_convert(text_of(from), text_of(native), &bench->arena, &done, &err) == 0)
        fail_msg("%s: %s was taken", from, native);
    return err.code;
}

static bool verifies(const struct digest_conversion *done, struct text password)
{
    struct digest digest;
    struct err err = {0};
    const struct digest_ops *ops = digest_ops_find(text_of(done->hasher));
    assert_non_null(ops);
    assert_null(digest_parse(&digest, ops, done->digest));
    return digest_verify(&digest, password, &err) == DIGEST_MATCH;
}

/* Which platforms' users simply have no password where hasher is null. */
static void check_line(struct bench *bench, struct text line, int number)
{
    struct json_value root;
    struct digest_conversion done;
    struct err err = {0};
    assert_int_equal(json_parse(bench->json, line, &root, &err), 0);
    struct text hasher = json_text(json_get(root, TEXT("hasher")));
    struct text digest = json_text(json_get(root, TEXT("digest")));
    struct text password = json_text(json_get(root, TEXT("password")));
    if (digest_convert(json_text(json_get(root, TEXT("platform"))),
                       json_text(json_get(root, TEXT("native"))), &bench->arena, &done, &err))
        fail_msg("line %d: %s", number, err.message);
    if (!hasher.at) {
        if (done.hasher)
            fail_msg("line %d: made into %s", number, done.hasher);
        assert_non_null(done.note);
        return;
    }
    if (!done.hasher)
        fail_msg("line %d: not converted: %s", number, done.note);
    if (!text_same(text_of(done.hasher), hasher) || !text_same(done.digest, digest))
        fail_msg("line %d: %s %.*s instead of %.*s %.*s", number, done.hasher,
                 TEXT_ARG(done.digest), TEXT_ARG(hasher), TEXT_ARG(digest));
    if (!password.at)
        return;
    if (!verifies(&done, password))
        fail_msg("line %d: does not verify its password", number);
    assert_false(verifies(&done, TEXT("not the password")));
}

static void converts_every_line(void **state)
{
    char path[4096], line[65536];
    int number = 0;
    snprintf(path, sizeof(path), "%s/digests/conversions.jsonl", getenv("USHER_SHARED"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        check_line(*state, text_trim(text_of(line)), ++number);
        arena_reset(&((struct bench *)*state)->arena);
    }
    fclose(file);
    assert_int_equal(number, 122);
}

#define BCRYPT "$2b$04$76JIRYNcKPYenF5tZszdWuKii0HYQnWedyOClUMa8h5y7G/To6jim"

static void finds_platforms_by_any_spelling(void **state)
{
    const char *names[] = {"Ory Kratos",       "orykratos",           "KRATOS",           "Auth.js",
                           "asp.net identity", "ASP.NET-Identity v2", "PHP password_hash"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        assert_string_equal(convert(*state, names[i], BCRYPT).hasher, "bcrypt");
    assert_int_equal(refusal(*state, "phps", BCRYPT), ERR_USAGE);
    assert_int_equal(refusal(*state, "", BCRYPT), ERR_USAGE);
    assert_int_equal(refusal(*state, "...", BCRYPT), ERR_USAGE);
}

static void detects_what_has_one_meaning(void **state)
{
    assert_string_equal(convert(*state, "auto", BCRYPT).hasher, "bcrypt");
    assert_string_equal(convert(*state, "AUTO", "{SSHA}RU8i6Pe/sPnmuVq4+eEnaS43SdR4MVRr").hasher,
                        "ldap_ssha");
    assert_string_equal(convert(*state, "auto", "{\"encrypted_password\":\"" BCRYPT "\"}").hasher,
                        "bcrypt");
    assert_string_equal(
        convert(*state, "auto", "{\"encrypted_password\":\"" BCRYPT "\",\"pepper\":\"pp\"}").hasher,
        "bcrypt_peppered");
    assert_string_equal(convert(*state, "auto", "md5$$f93d72c5392195f494b03af01b2bea26").hasher,
                        "md5");
    assert_null(convert(*state, "auto", "$1$kXAmbU9k$BqjquWVq4czsVJXTMB0CR.").hasher);
    assert_true(convert(*state, "auto", "").no_password);
}

static void never_guesses_between_two(void **state)
{
    struct digest_conversion done;
    struct err err = {0};
    struct bench *bench = *state;
    assert_int_equal(digest_convert(TEXT("auto"),
                                    TEXT("md5$qrSbMyVKe8NU$7be0da1b6d925759a78e6328e7961c7d"),
                                    &bench->arena, &done, &err),
                     -1);
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.message, "django"));
    assert_non_null(strstr(err.message, "werkzeug"));
    assert_int_equal(refusal(*state, "auto",
                             "pbkdf2_sha256$27500$ZEG5kKULTlvBC3FpWBvfsA==$xlkWn3HRZciUpsBw/"
                             "E1wOiI40fZW1dGyr9Suq8RX97M="),
                     ERR_INPUT);
    assert_int_equal(refusal(*state, "auto", "hunter2"), ERR_INPUT);
    assert_int_equal(refusal(*state, "auto", "{\"password\":\"x\"}"), ERR_INPUT);
}

static void tells_no_password_from_a_loss(void **state)
{
    assert_true(convert(*state, "django", "!abc").no_password);
    assert_true(convert(*state, "authjs", "").no_password);
    assert_true(convert(*state, "firebase", "{\"localId\":\"a\"}").no_password);
    assert_true(convert(*state, "keycloak", "{\"credentials\":[{\"type\":\"otp\"}]}").no_password);
    assert_true(convert(*state, "supabase", "{\"encrypted_password\":null}").no_password);
    assert_false(convert(*state, "okta", "").no_password);
    assert_false(convert(*state, "php", "$1$kXAmbU9k$BqjquWVq4czsVJXTMB0CR.").no_password);
}

static void refuses_damage(void **state)
{
    static const char *const damaged[][2] = {
        {"php", "$2b$04$short"},
        {"php", "$2b$99$76JIRYNcKPYenF5tZszdWuKii0HYQnWedyOClUMa8h5y7G/To6jim"},
        {"django", "pbkdf2_sha256$1000000000000$abcdefgh$n5UwgtlZA6uR/"
                   "zqItqdJ/DXgfm/YLUojaxc2HNk/gx8="},
        {"django", "pbkdf2_sha1$x$salt$ilRGArFqTku01/phuevxuys+hbs="},
        {"django", "md5$salt$zz"},
        {"django", "scrypt$3$salt$8$x$AAAA"},
        {"werkzeug", "pbkdf2:sha256$salt$00"},
        {"werkzeug", "pbkdf2:sha256:10$$00"},
        {"keycloak", "{\"type\":\"password\",\"secretData\":\"{\",\"credentialData\":\"{}\"}"},
        {"keycloak", "{}"},
        {"keycloak", "{"},
        {"fusionauth", "{\"encryptionScheme\":\"bcrypt\",\"password\":\"x\"}"},
        {"aspnet-identity", "AQAAAAEAACcQAAAA/w=="},
        {"aspnet-membership", "{\"Password\":\"x\"}"},
        {"kratos", "$pbkdf2-sha256$i=1500,l=31$d26prY9bfG/ukZzlWd5duw$MLbuNpz3Ft7aj2C5I3w9CfGkPYZd"
                   "beGvLLtryOQ9f7E"},
        {"ldap", "{SSHA}###"},
        {"ldap", "userPassword:: ###"},
        {"better-auth", "abc:def"},
        {"cognito", "{\"UserPoolId\":\"a\"}"},
        {"supabase", "$fbscrypt$v=1,n=14,r=8,p=2,ss=Bw==,sk=AAAA$AAAA$AAAA"},
        {"firebase", "{\"user\":{\"passwordHash\":\"AAAA\",\"salt\":\"AAAA\"}}"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(damaged); i++)
        assert_int_equal(refusal(*state, damaged[i][0], damaged[i][1]), ERR_INPUT);
}

static void never_repeats_clear_text(void **state)
{
    static const char *const clear[][2] = {
        {"werkzeug", "plain$$hunter2"},
        {"ldap", "hunter2"},
        {"ldap", "{CLEARTEXT}hunter2"},
        {"aspnet-membership", "{\"Password\":\"hunter2\",\"PasswordFormat\":0}"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(clear); i++) {
        struct digest_conversion done = convert(*state, clear[i][0], clear[i][1]);
        assert_null(done.hasher);
        assert_null(strstr(done.note, "hunter2"));
        assert_non_null(strstr(done.note, "`password`"));
    }
}

static void refuses_what_create_user_refuses(void **state)
{
    struct digest_conversion done =
        convert(*state, "php", "$2b$16$76JIRYNcKPYenF5tZszdWuKii0HYQnWedyOClUMa8h5y7G/To6jim");
    assert_null(done.hasher);
    assert_non_null(done.note);
}

/* Clerk's pbkdf2_sha512 ends below 420000 iterations, its hex sister does not. */
static void keeps_many_iterations(void **state)
{
    char native[256];
    memset(native, 0, sizeof(native));
    strcpy(native, "pbkdf2:sha512:600000$abcdefgh$");
    memset(native + strlen(native), 'a', 128);
    assert_string_equal(convert(*state, "werkzeug", native).hasher, "pbkdf2_sha512_hex");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(converts_every_line),
        cmocka_unit_test(finds_platforms_by_any_spelling),
        cmocka_unit_test(detects_what_has_one_meaning),
        cmocka_unit_test(never_guesses_between_two),
        cmocka_unit_test(tells_no_password_from_a_loss),
        cmocka_unit_test(refuses_damage),
        cmocka_unit_test(never_repeats_clear_text),
        cmocka_unit_test(refuses_what_create_user_refuses),
        cmocka_unit_test(keeps_many_iterations),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
