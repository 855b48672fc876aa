#include "test.h"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "user/seen.h"
#include "user/seen_spill.h"
#include "user/user.h"

struct check {
    const char *value;
    bool fine;
};

static void check_all(const struct check *checks, size_t count,
                      const char *(*problem)(struct text value))
{
    for (size_t i = 0; i < count; i++) {
        const char *found = problem(text_of(checks[i].value));
        if ((found == NULL) != checks[i].fine)
            fail_msg("%s: %s", checks[i].value, found ? found : "should be refused");
    }
}

static void email_addresses(void **state)
{
    (void)state;
    static const struct check checks[] = {
        {"a@example.com", true},
        {"Mixed.Case+tag44@CORP.EXAMPLE.COM", true},
        {"o'hara@x.co.uk", true},
        {"a@sub.clerk.test", true},
        {"a@b\xC3\xBC"
         "cher.de",
         true},
        {"\xC3\xBC@example.com", true},
        {"x@mail.example.COM", true},
        {"a@xn--bcher-kva.example.org", true},
        {"a@\xD0\xBF\xD1\x80.\xD1\x80\xD1\x84", true}, /* a Cyrillic TLD */
        {"a@x.xn--p1ai", true},                        /* the same one */
        {"!#$%&'*+-/=?^_`{|}~@x.com", true},
        {"a@CLERK.clerk.TEST", true},
        {"a b@x.com", false},
        {"a\tb@x.com", false},
        {"\"a\"@x.com", false},
        {"a,b@x.com", false},
        {"a@x_y.com", false},
        {"a@x-.com", false},
        {"a@.com", false},
        {"a@com", false},
        {"a@[192.0.2.1]", false},
        {"a@x.-com", false},
        {"a@x.LOCAL", false},
        {"a@xclerk.test", false},
        {"a.@x.com", false},
        {"", false},
        {"a@b", false},
        {"plainaddress", false},
        {"not an email", false},
        {"two@@x.com", false},
        {"broken@", false},
        {"@x.com", false},
        {".a@x.com", false},
        {"a..b@x.com", false},
        {"a@-x.com", false},
        {"a@x..com", false},
        {"a@x.com.", false},
        {"a@host.local", false},
        {"a@host.invalid", false},
        {"a@host.test", false},
        {"a@host.example", false},
        {"a@host.internal", false},
        {"a@host.lan", false},
        {"a@host.corp", false},
        {"a@1.168.192.in-addr.arpa", false},
        {"a@clerk.test", false},
        {"a@192.0.2.1", false},
        {"a@x.nosuchtld", false},
    };
    check_all(checks, ARRAY_COUNT(checks), user_email_problem);
    check_all(checks, ARRAY_COUNT(checks), user_email_problem); /* from the table this time */
    char local[80];
    memset(local, 'a', sizeof(local));
    memcpy(local + 64, "@x.com", 7);
    assert_null(user_email_problem(text_of(local)));
    memcpy(local + 65, "@x.com", 7);
    local[64] = 'a';
    assert_non_null(user_email_problem(text_of(local)));
}

/* Labels of up to 63 bytes and addresses of up to 254 are fine, one more is not. */
static void email_lengths(void **state)
{
    (void)state;
    char email[300] = "a@";
    for (size_t len = 62; len <= 65; len++) {
        memset(email + 2, 'b', len);
        memcpy(email + 2 + len, ".com", 5);
        assert_int_equal(user_email_problem(text_of(email)) == NULL, len <= 63);
    }
    for (size_t len = 253; len <= 256; len++) {
        for (size_t i = 2; i < len; i++)
            email[i] = i % 50 == 0 ? '.' : 'b';
        memcpy(email + len - 4, ".com", 5);
        assert_int_equal(user_email_problem(text_of(email)) == NULL, len <= 254);
    }
}

static void phones_usernames_names(void **state)
{
    (void)state;
    static const struct check phones[] = {
        {"+14155551082", true},
        {"+493055500135", true},
        {"12345", false},
        {"+0123", false},
        {"+555", false},
        {"+1415555108212345", false},
        {"", false},
        {"+1415555a082", false},
        {"0049 30 123", false},
        {"555", false},
        {"+", false},
        {"+1415+555108", false},
        {"+1234567", true},
        {"+123456", false},
        {"+123456789012345", true},
        {"+1234567890123456", false},
    };
    static const struct check usernames[] = {
        {"login_37_1", true},  {"both-39", true},       {"abc", false},         {"1234567", false},
        {"with space", false}, {"+14155551082", false}, {"\xC3\xBCser", false},
    };
    static const struct check names[] = {
        {"Ana \"La Jefa\"", true},
        {"de la\tCruz\\Ruiz", true},
        {"O'Rourke", true},
        {"#hash", true},
        {"Line one\nline two", true},
        {"Louis 14", true},
        {"a < b", true},
        {"+1 415 555 1082", false},
        {"https://x.com", false},
        {"(415) 555.1082", false},
        {"1 2 3 4 5 6", true},
        {"Room 4155551082", true},
        {"a<b and c>d", false},
        {"Kim <3", true},
        {"</p>", false},
        {"J. R. R. Tolkien", true},
        {"see http://x", false},
        {"WWW.X.COM", false},
        {"www.x.com", false},
        {"<b>Kim</b>", false},
    };
    check_all(phones, ARRAY_COUNT(phones), user_phone_problem);
    check_all(usernames, ARRAY_COUNT(usernames), user_username_problem);
    check_all(names, ARRAY_COUNT(names), user_name_problem);
}

static void rules_normalise(void **state)
{
    (void)state;
    struct arena arena;
    struct user user;
    struct user_reject reject;
    struct user_identifier emails[] = {{TEXT("  a@x.com "), true}, {TEXT("A@X.COM"), false}};
    struct user_identifier phones[] = {{TEXT("+1 (415) 555-9001"), true}};
    arena_init(&arena, 1 << 16);
    user_init(&user);
    user.external_id = TEXT("1");
    user.first_name = TEXT("   ");
    user.public_metadata = TEXT("{}");
    user.email_address = (struct user_identifiers){emails, 2};
    user.phone_number = (struct user_identifiers){phones, 1};
    assert_int_equal(user_apply_rules(&user, &arena, &reject), 0);
    assert_int_equal(user.email_address.count, 1);
    assert_text(user.email_address.at[0].value, "a@x.com");
    assert_true(user.email_address.at[0].verified);
    assert_text(user.phone_number.at[0].value, "+14155559001");
    assert_null(user.first_name.at);
    assert_null(user.public_metadata.at);
    user.email_address.count = user.phone_number.count = 0;
    assert_int_equal(user_apply_rules(&user, &arena, &reject), -1);
    assert_int_equal(reject.reason, USER_REASON_no_identifier);
    user.external_id = TEXT(" ");
    assert_int_equal(user_apply_rules(&user, &arena, &reject), -1);
    assert_int_equal(reject.reason, USER_REASON_missing_id);
    arena_release(&arena);
}

struct person {
    char id[32], email[48], phone[32], name[32];
    struct user_identifier emails[1], phones[1];
    struct user user;
};

static void rules_bound_and_merge(void **state)
{
    (void)state;
    struct arena arena;
    struct user user;
    struct user_reject reject;
    struct user_identifier many[USER_IDENTIFIERS_MAX + 1];
    struct user_identifier phones[] = {{TEXT("+1 415 555 9001"), false},
                                       {TEXT("+1 (415) 555-9001"), true}};
    char long_id[1026];
    arena_init(&arena, 1 << 16);
    user_init(&user);
    user.external_id = TEXT("1");
    user.phone_number = (struct user_identifiers){phones, 2};
    assert_int_equal(user_apply_rules(&user, &arena, &reject), 0);
    assert_int_equal(user.phone_number.count, 1);
    assert_true(user.phone_number.at[0].verified);
    user.created_at = INT64_C(253402300800000); /* the year 10000 */
    assert_int_equal(user_apply_rules(&user, &arena, &reject), -1);
    assert_int_equal(reject.reason, USER_REASON_invalid_created_at);
    user.created_at = 0;
    user.legal_accepted_at = INT64_MIN + 1;
    assert_int_equal(user_apply_rules(&user, &arena, &reject), -1);
    assert_int_equal(reject.reason, USER_REASON_invalid_legal_accepted_at);
    user.legal_accepted_at = -1;
    assert_int_equal(user_apply_rules(&user, &arena, &reject), 0);
    for (size_t i = 0; i < ARRAY_COUNT(many); i++)
        many[i] = (struct user_identifier){arena_printf(&arena, "a%zu@x.com", i), true};
    user.email_address = (struct user_identifiers){many, USER_IDENTIFIERS_MAX};
    assert_int_equal(user_apply_rules(&user, &arena, &reject), 0);
    user.email_address.count++;
    assert_int_equal(user_apply_rules(&user, &arena, &reject), -1);
    assert_int_equal(reject.reason, USER_REASON_invalid_type);
    user.email_address.count = 0;
    memset(long_id, 'x', sizeof(long_id));
    user.external_id = (struct text){long_id, 1024};
    assert_int_equal(user_apply_rules(&user, &arena, &reject), 0);
    user.external_id.len++;
    assert_int_equal(user_apply_rules(&user, &arena, &reject), -1);
    arena_release(&arena);
}

/* One identifier of each kind, in letters that are small or capital as the id has it. */
static void make_person(struct person *p, unsigned id, unsigned email, unsigned phone,
                        unsigned name)
{
    user_init(&p->user);
    snprintf(p->id, sizeof(p->id), "id%u", id);
    snprintf(p->email, sizeof(p->email), "%c%u@X.com", id % 2 ? 'a' : 'A', email);
    snprintf(p->phone, sizeof(p->phone), "+1415%07u", phone);
    snprintf(p->name, sizeof(p->name), "%cd%u", id % 3 ? 'i' : 'I', name);
    p->emails[0] = (struct user_identifier){text_of(p->email), true};
    p->phones[0] = (struct user_identifier){text_of(p->phone), true};
    p->user.external_id = text_of(p->id);
    p->user.email_address = (struct user_identifiers){p->emails, 1};
    p->user.phone_number = (struct user_identifiers){p->phones, 1};
    p->user.username = text_of(p->name);
}

static int claim(struct user_seen *seen, unsigned id, unsigned email, unsigned phone, unsigned name)
{
    struct err err = {0};
    struct user_reject reject = {0};
    struct person person;
    make_person(&person, id, email, phone, name);
    int status = user_seen_claim(seen, &person.user, &reject, &err);
    assert_true(status >= 0);
    if (status > 0)
        assert_int_equal(reject.reason, status);
    return status;
}

/* The same question asked of four plain arrays. */
struct plain {
    bool id[8192], email[8192], phone[8192], name[8192];
};

static int plain_claim(struct plain *plain, unsigned id, unsigned email, unsigned phone,
                       unsigned name)
{
    int status = plain->id[id]         ? USER_REASON_duplicate_id
                 : plain->email[email] ? USER_REASON_duplicate_email
                 : plain->phone[phone] ? USER_REASON_duplicate_phone
                 : plain->name[name]   ? USER_REASON_duplicate_username
                                       : USER_ACCEPTED;
    if (status == USER_ACCEPTED)
        plain->id[id] = plain->email[email] = plain->phone[phone] = plain->name[name] = true;
    return status;
}

static unsigned draw(uint64_t *random)
{
    *random = *random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(*random >> 51); /* 13 bits */
}

/*
 * Tables that spill every 384 and every 3072 keys, filters that are mostly full and mostly empty: the
 * answers are those of the plain arrays, refused users claim nothing, kinds and cases are kept apart.
 */
static void seen_answers_as_a_plain_set(void **state)
{
    (void)state;
    static const struct user_seen_sizes sizes[] = {{512, 512}, {4096, 1 << 18}, {1 << 16, 512}};
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct plain *plain = calloc(1, sizeof(*plain));
        struct user_seen *seen;
        struct err err;
        uint64_t random = 7;
        unsigned counts[USER_REASON_COUNT] = {0};
        assert_non_null(plain);
        assert_int_equal(user_seen_new_sized(&seen, &sizes[i], &err), 0);
        for (unsigned n = 0; n < 30000; n++) {
            unsigned id = draw(&random), email = draw(&random), phone = draw(&random),
                     name = draw(&random);
            int status = claim(seen, id, email, phone, name);
            assert_int_equal(status, plain_claim(plain, id, email, phone, name));
            counts[status]++;
        }
        assert_true(counts[USER_ACCEPTED] > 3000);
        assert_true(counts[USER_REASON_duplicate_username] > 100);
        user_seen_free(seen);
        free(plain);
    }
}

/* Keys added in ascending batches are found, others are not; there never are more than four runs. */
static void spill_keeps_few_runs(void **state)
{
    (void)state;
    enum { BATCHES = 23, KEYS = 1000 };
    struct seen_spill spill;
    struct err err;
    static uint64_t keys[KEYS];
    seen_spill_init(&spill, 1 << 15);
    assert_int_equal(seen_spill_has(&spill, 5, &err), 0);
    for (uint64_t batch = 0; batch < BATCHES; batch++) {
        for (uint64_t i = 0; i < KEYS; i++)
            keys[i] = (i * BATCHES + batch + 1) << 44 | 7;
        assert_int_equal(seen_spill_add(&spill, keys, KEYS - batch, &err), 0);
        assert_in_range(spill.run_count, 1, SEEN_RUNS_MAX);
    }
    for (uint64_t batch = 0; batch < BATCHES; batch++)
        for (uint64_t i = 0; i < KEYS; i++) {
            uint64_t key = (i * BATCHES + batch + 1) << 44 | 7;
            assert_int_equal(seen_spill_has(&spill, key, &err), i < KEYS - batch);
            assert_int_equal(seen_spill_has(&spill, key + 1, &err), 0);
        }
    assert_int_equal(seen_spill_has(&spill, 0, &err), 0);
    assert_int_equal(seen_spill_has(&spill, UINT64_MAX, &err), 0);
    seen_spill_release(&spill);
}

/* Claims until it fails; returns how many users were accepted. */
static unsigned fill(struct user_seen *seen, unsigned most, struct err *err)
{
    struct user_reject reject;
    struct person person;
    for (unsigned i = 0; i < most; i++) {
        make_person(&person, i, i, i, i);
        if (user_seen_claim(seen, &person.user, &reject, err) != USER_ACCEPTED)
            return i;
    }
    return most;
}

static void expect_failure(const char *folder, unsigned at_least)
{
    struct user_seen *seen;
    struct err err = {0};
    const struct user_seen_sizes sizes = {512, 512};
    assert_int_equal(user_seen_new_sized(&seen, &sizes, &err), 0);
    assert_int_equal(setenv("TMPDIR", folder, 1), 0);
    unsigned filled = fill(seen, 100000, &err);
    assert_in_range(filled, at_least, 99999);
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.message, "TMPDIR"));
    err = (struct err){0};
    assert_int_equal(fill(seen, 1, &err), 0); /* it stays failed */
    assert_int_equal(err.code, ERR_IO);
    unsetenv("TMPDIR");
    user_seen_free(seen);
}

static void seen_without_a_folder_for_temporary_files(void **state)
{
    (void)state;
    expect_failure("/nonexistent", 96);
}

/* A real file system of 64 KiB, which holds some runs but not all. */
static void seen_on_a_full_disk(void **state)
{
    (void)state;
    char folder[] = "/tmp/usher-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    bool own = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
               mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
               mount("tmpfs", folder, "tmpfs", 0, "size=64k") == 0;
    if (own) {
        expect_failure(folder, 1000);
        umount(folder);
    }
    rmdir(folder);
    if (!own)
        skip();
}

static void fields_know_their_place(void **state)
{
    (void)state;
    assert_int_equal(user_field_find(TEXT("email_address")), USER_FIELD_email_address);
    assert_int_equal(user_field_find(TEXT("no_such")), USER_FIELD_COUNT);
    assert_string_equal(user_reason_name(USER_REASON_invalid_email), "invalid_email");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(email_addresses),
        cmocka_unit_test(email_lengths),
        cmocka_unit_test(phones_usernames_names),
        cmocka_unit_test(rules_normalise),
        cmocka_unit_test(rules_bound_and_merge),
        cmocka_unit_test(seen_answers_as_a_plain_set),
        cmocka_unit_test(spill_keeps_few_runs),
        cmocka_unit_test(seen_without_a_folder_for_temporary_files),
        cmocka_unit_test(seen_on_a_full_disk),
        cmocka_unit_test(fields_know_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
