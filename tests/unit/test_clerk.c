#include "test.h"

#include "clerk/clerk.h"

/* Asserts that the body of a user is exactly that JSON. */
static void expect_body(const struct user *user, const char *json)
{
    struct buf body;
    buf_init(&body, 1 << 16);
    clerk_create_body(user, &body);
    assert_true(buf_ok(&body));
    buf_byte(&body, 0);
    assert_string_equal(buf_text(&body).at, json);
    buf_release(&body);
}

static struct user bare(void)
{
    struct user user;
    user_init(&user);
    user.external_id = TEXT("auth0|1");
    return user;
}

static void absent_fields_are_left_out(void **state)
{
    (void)state;
    struct user user = bare();
    expect_body(&user, "{\"external_id\":\"auth0|1\",\"skip_password_requirement\":true}");
}

static void digest_needs_no_skip(void **state)
{
    (void)state;
    struct user user = bare();
    user.password_hasher = TEXT("md5");
    user.password_digest = TEXT("5f4dcc3b5aa765d61d8327deb882cf99");
    expect_body(&user, "{\"external_id\":\"auth0|1\",\"password_hasher\":\"md5\","
                       "\"password_digest\":\"5f4dcc3b5aa765d61d8327deb882cf99\"}");
}

static void statuses_only_when_one_is_reserved(void **state)
{
    (void)state;
    struct user user = bare();
    struct user_identifier emails[] = {{TEXT("a@x.com"), true}, {TEXT("b@x.com"), true}};
    struct user_identifier phones[] = {{TEXT("+14155559001"), false}};
    user.email_address = (struct user_identifiers){emails, 2};
    expect_body(&user, "{\"external_id\":\"auth0|1\",\"email_address\":[\"a@x.com\",\"b@x.com\"],"
                       "\"skip_password_requirement\":true}");
    emails[1].verified = false;
    user.phone_number = (struct user_identifiers){phones, 1};
    expect_body(&user, "{\"external_id\":\"auth0|1\",\"email_address\":[\"a@x.com\",\"b@x.com\"],"
                       "\"email_address_identification_status\":[\"verified\",\"reserved\"],"
                       "\"phone_number\":[\"+14155559001\"],"
                       "\"phone_number_identification_status\":[\"reserved\"],"
                       "\"skip_password_requirement\":true}");
}

static void every_kind_of_field(void **state)
{
    (void)state;
    struct user user = bare();
    struct text codes[] = {TEXT("aaaa"), TEXT("b\"b")};
    user.first_name = TEXT("Ana \"La Jefa\"\n\tcon \\ y \x01 \xC3\xB8");
    user.username = TEXT("ana_1");
    user.totp_secret = TEXT("JBSWY3DPEHPK3PXP");
    user.backup_codes = (struct user_texts){codes, 2};
    user.public_metadata = TEXT("{\"n\":9007199254740993}");
    user.create_organization_enabled = USER_FLAG_FALSE;
    user.create_organizations_limit = 0;
    user.created_at = INT64_C(1604443757442);
    user.legal_accepted_at = -1;
    user.banned = USER_FLAG_TRUE;
    expect_body(&user, "{\"external_id\":\"auth0|1\","
                       "\"first_name\":\"Ana \\\"La Jefa\\\"\\n\\tcon \\\\ y \\u0001 \xC3\xB8\","
                       "\"username\":\"ana_1\",\"totp_secret\":\"JBSWY3DPEHPK3PXP\","
                       "\"backup_codes\":[\"aaaa\",\"b\\\"b\"],"
                       "\"public_metadata\":{\"n\":9007199254740993},"
                       "\"create_organization_enabled\":false,\"create_organizations_limit\":0,"
                       "\"legal_accepted_at\":\"1969-12-31T23:59:59.999Z\","
                       "\"created_at\":\"2020-11-03T22:49:17.442Z\",\"banned\":true,"
                       "\"skip_password_requirement\":true}");
}

/* A body that does not fit is seen by who gave the buffer, never cut in silence. */
static void too_small_a_buffer(void **state)
{
    (void)state;
    struct user user = bare();
    struct buf body;
    buf_init(&body, 8);
    clerk_create_body(&user, &body);
    assert_false(buf_ok(&body));
    buf_release(&body);
}

static void keys_and_limits(void **state)
{
    (void)state;
    assert_int_equal(clerk_key_instance(TEXT("sk_live_abc")), CLERK_PRODUCTION);
    assert_int_equal(clerk_key_instance(TEXT("sk_test_abc")), CLERK_DEVELOPMENT);
    assert_int_equal(clerk_key_instance(TEXT("pk_live_abc")), CLERK_UNKNOWN);
    assert_int_equal(clerk_key_instance(TEXT("sk_live")), CLERK_UNKNOWN);
    assert_int_equal(clerk_key_instance(TEXT("")), CLERK_UNKNOWN);
    struct clerk_limits production = clerk_limits_of(CLERK_PRODUCTION);
    struct clerk_limits development = clerk_limits_of(CLERK_DEVELOPMENT);
    struct clerk_limits unknown = clerk_limits_of(CLERK_UNKNOWN);
    assert_int_equal(production.requests, 1000);
    assert_int_equal(production.window_ms, 10000);
    assert_int_equal(production.users_max, 0);
    assert_int_equal(development.requests, 100);
    assert_int_equal(development.window_ms, 10000);
    assert_int_equal(development.users_max, 100);
    assert_memory_equal(&unknown, &development, sizeof(unknown)); /* the more careful of the two */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_fields_are_left_out),
        cmocka_unit_test(digest_needs_no_skip),
        cmocka_unit_test(statuses_only_when_one_is_reserved),
        cmocka_unit_test(every_kind_of_field),
        cmocka_unit_test(too_small_a_buffer),
        cmocka_unit_test(keys_and_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
