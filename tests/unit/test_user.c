#include "test.h"

#include "user/seen.h"
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
    };
    static const struct check usernames[] = {
        {"login_37_1", true},  {"both-39", true},       {"abc", false},         {"1234567", false},
        {"with space", false}, {"+14155551082", false}, {"\xC3\xBCser", false},
    };
    static const struct check names[] = {
        {"Ana \"La Jefa\"", true}, {"de la\tCruz\\Ruiz", true},  {"O'Rourke", true},
        {"#hash", true},           {"Line one\nline two", true}, {"Louis 14", true},
        {"a < b", true},           {"+1 415 555 1082", false},   {"https://x.com", false},
        {"www.x.com", false},      {"<b>Kim</b>", false},
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

static int claim(struct user_seen *seen, unsigned id, unsigned email)
{
    char ids[32], emails[48];
    struct err err;
    struct user user;
    struct user_reject reject;
    user_init(&user);
    snprintf(ids, sizeof(ids), "id%u", id);
    snprintf(emails, sizeof(emails), "%c%u@x.com", email % 2 ? 'a' : 'A', email);
    struct user_identifier item = {text_of(emails), true};
    user.external_id = text_of(ids);
    user.email_address = (struct user_identifiers){&item, 1};
    int status = user_seen_claim(seen, &user, &reject, &err);
    assert_true(status >= 0);
    return status;
}

/* A table of 1024 slots spills every 768 keys: 40,000 users are a hundred spills and many merges. */
static void seen_finds_duplicates_across_spills(void **state)
{
    (void)state;
    enum { USERS = 40000 };
    struct user_seen *seen;
    struct err err;
    const struct user_seen_sizes sizes = {1024, 1 << 16};
    assert_int_equal(user_seen_new_sized(&seen, &sizes, &err), 0);
    for (unsigned i = 0; i < USERS; i++)
        assert_int_equal(claim(seen, i, i), USER_ACCEPTED);
    for (unsigned i = 0; i < USERS; i += 7) {
        assert_int_equal(claim(seen, i, USERS + i), USER_REASON_duplicate_id);
        assert_int_equal(claim(seen, USERS + i, i), USER_REASON_duplicate_email);
    }
    /* what was refused has claimed nothing */
    for (unsigned i = 0; i < USERS; i += 7)
        assert_int_equal(claim(seen, USERS + i, USERS + i), USER_ACCEPTED);
    user_seen_free(seen);
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
        cmocka_unit_test(phones_usernames_names),
        cmocka_unit_test(rules_normalise),
        cmocka_unit_test(seen_finds_duplicates_across_spills),
        cmocka_unit_test(fields_know_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
