#include "test.h"

#include "clerk/clerk.h"
#include "migrate/advice.h"
#include "migrate/decide.h"
#include "record/record.h"
#include "migrate/flight.h"
#include "migrate/numbers.h"

static struct field_hasher hasher;
static struct json *json;
static struct hash_key key;
static struct err err;

static int setup(void **state)
{
    (void)state;
    key = hash_key_random();
    return field_hasher_init(&hasher, &err) || json_new(&json, 1 << 20, &err);
}

static int teardown(void **state)
{
    (void)state;
    field_hasher_release(&hasher);
    json_free(json);
    return 0;
}

static struct field_hashes hashes_of(const struct user *user)
{
    struct field_hashes hashes;
    assert_int_equal(field_hashes_of(&hasher, &key, user, &hashes, &err), 0);
    return hashes;
}

static void the_ledger_decides(void **state)
{
    (void)state;
    struct user user;
    user_init(&user);
    user.external_id = TEXT("1");
    struct field_hashes before = hashes_of(&user);
    user.first_name = TEXT("Ada");
    struct field_hashes now = hashes_of(&user), older = now;
    older.at[USER_FIELD_created_at] = 7; /* written once, never again */
    const struct {
        enum ledger_state state;
        const char *clerk_id;
        struct field_hashes *written;
        enum migrate_action action;
        bool look_first;
    } cases[] = {
        {LEDGER_PLANNED, NULL, &now, MIGRATE_CREATE, false},
        {LEDGER_SENDING, NULL, &now, MIGRATE_CREATE, true},
        {LEDGER_SENDING, "user_1", &now, MIGRATE_UPDATE, false},
        {LEDGER_FAILED, NULL, &now, MIGRATE_CREATE, false},
        {LEDGER_REJECTED, NULL, &now, MIGRATE_CREATE, false},
        {LEDGER_DONE, "user_1", &now, MIGRATE_UNCHANGED, false},
        {LEDGER_DONE, "user_1", &before, MIGRATE_UPDATE, false},
        {LEDGER_DONE, "user_1", &older, MIGRATE_UNCHANGED, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct ledger_user known = {.state = cases[i].state,
                                    .clerk_id = text_of(cases[i].clerk_id)};
        struct record written = {.fields = *cases[i].written};
        struct decision decision = decide(&known, &written, &now);
        assert_int_equal(decision.action, cases[i].action);
        assert_int_equal(decision.look_first, cases[i].look_first);
    }
    assert_int_equal(decide(NULL, &(struct record){.fields = now}, &now).action, MIGRATE_CREATE);
}

static void what_an_answer_means(void **state)
{
    (void)state;
    const struct {
        int status;
        bool has_user;
        const char *code, *param; /* code NULL: no error envelope */
        enum verdict verdict;
    } cases[] = {
        {200, true, NULL, "", VERDICT_CREATED},
        {200, false, NULL, "", VERDICT_UNKNOWN},
        {500, false, "internal_clerk_error", "", VERDICT_UNKNOWN},
        {502, false, NULL, "", VERDICT_UNKNOWN},
        {404, false, NULL, "", VERDICT_UNKNOWN},
        {401, false, "clerk_key_invalid", "", VERDICT_STOP},
        {403, false, "user_quota_exceeded", "", VERDICT_STOP},
        {422, false, "form_identifier_exists", "external_id", VERDICT_EXISTS},
        {422, false, "form_identifier_exists", "email_address", VERDICT_TAKEN},
        {422, false, "form_param_format_invalid", "phone_number", VERDICT_SPLIT},
        {403, false, "unsupported_country_code", "phone_number", VERDICT_SPLIT},
        {422, false, "form_password_digest_invalid_code", "password_digest", VERDICT_REFUSED},
        {402, false, "unsupported_subscription_plan_features", "", VERDICT_REFUSED},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct clerk_problem problem = {"", "", ""};
        if (cases[i].code)
            snprintf(problem.code, sizeof(problem.code), "%s", cases[i].code);
        snprintf(problem.param, sizeof(problem.param), "%s", cases[i].param);
        assert_int_equal(
            decide_answer(cases[i].status, cases[i].has_user, cases[i].code ? &problem : NULL),
            cases[i].verdict);
    }
}

static void every_error_has_a_next_step(void **state)
{
    static const char *const codes[] = {"user_quota_exceeded",
                                        "organization_quota_exceeded",
                                        "org_creation_limit_exceeded",
                                        "unsupported_subscription_plan_features",
                                        "organization_not_enabled_in_instance",
                                        "organization_slugs_disabled",
                                        "organization_membership_quota_exceeded",
                                        "exclusive_organization_membership",
                                        "insufficient_seats",
                                        "not_allowed_access",
                                        "unsupported_country_code",
                                        "form_identifier_exists",
                                        "form_param_unknown",
                                        "form_data_missing",
                                        "form_param_format_invalid",
                                        "form_username_invalid_length",
                                        "form_password_digest_invalid_code",
                                        "form_password_pwned",
                                        "totp_disabled",
                                        "user_managed_by_scim",
                                        "attribute_managed_by_scim",
                                        "user_banned",
                                        "resource_locked",
                                        "identification_claimed",
                                        "last_required_identification_deletion_failed",
                                        "request_body_too_large",
                                        "clerk_key_invalid",
                                        "authorization_invalid",
                                        "action_blocked",
                                        "duplicate_record",
                                        "resource_not_found",
                                        "feature_not_enabled",
                                        "api_version_invalid"};
    struct clerk_problem problem = {"user_quota_exceeded", "", "It holds 100 users at most."};
    char said[ADVICE_MAX];
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(codes); i++)
        if (advice_for(codes[i]) == advice_for("never heard of"))
            fail_msg("%s has no next step of its own", codes[i]);
    assert_non_null(
        strstr(advice_say(&problem, said), "It holds 100 users at most; delete users there"));
    problem.message[0] = 0;
    assert_non_null(
        strstr(advice_say(&problem, said), "the target refused it; delete users there"));
    memset(problem.message, 'x', sizeof(problem.message) - 1);
    assert_true(strlen(advice_say(&problem, said)) < ADVICE_MAX);
}

static void hashes_see_values_not_spelling(void **state)
{
    (void)state;
    struct user a, b;
    user_init(&a);
    user_init(&b);
    a.public_metadata = TEXT("{\"x\":1,\"y\":[1.0,{\"b\":2,\"a\":1}]}");
    b.public_metadata = TEXT("{\"y\":[1,{\"a\":1,\"b\":2}],\"x\":1}");
    struct field_hashes first = hashes_of(&a), second = hashes_of(&b);
    assert_memory_equal(&first, &second, sizeof(first));
    b.public_metadata = TEXT("{\"y\":[1,{\"a\":1,\"b\":3}],\"x\":1}");
    second = hashes_of(&b);
    assert_memory_not_equal(&first, &second, sizeof(first));
    assert_true(first.at[USER_FIELD_email_address] == 0);
    /* the same text in two fields hashes differently */
    a.first_name = a.last_name = TEXT("Kim");
    first = hashes_of(&a);
    assert_true(first.at[USER_FIELD_first_name] != first.at[USER_FIELD_last_name]);
}

static const char three_emails[] =
    "{\"external_id\":\"1\",\"email_address\":[\"a@x.com\",\"b@x.com\",\"c@x.com\"],"
    "\"email_address_identification_status\":[\"verified\",\"reserved\",\"verified\"],"
    "\"username\":\"kim\"}";

static void splits_off_what_was_refused(void **state)
{
    (void)state;
    struct flight flight;
    bool username;
    flight_init(&flight, NULL);
    buf_add(&flight.body, text_of(three_emails));
    assert_true(flight_split(&flight, &key, json, "email_address", &username));
    assert_false(username);
    assert_text(buf_text(&flight.body),
                "{\"external_id\":\"1\",\"email_address\":[\"a@x.com\"],"
                "\"email_address_identification_status\":[\"verified\"],\"username\":\"kim\"}");
    assert_true(flight_split(&flight, &key, json, "username", &username));
    assert_true(username);
    /* the only one left to sign in with */
    assert_false(flight_split(&flight, &key, json, "email_address", &username));

    buf_add(&flight.clerk_id, TEXT("user_1"));
    flight_add_identifiers(&flight, json);
    assert_true(flight_next(&flight));
    assert_text(flight.parcel.path, "/v1/email_addresses");
    assert_text(flight.parcel.body,
                "{\"user_id\":\"user_1\",\"email_address\":\"b@x.com\",\"verified\":false}");
    assert_true(flight_next(&flight));
    assert_text(flight.parcel.body,
                "{\"user_id\":\"user_1\",\"email_address\":\"c@x.com\",\"verified\":true}");
    assert_false(flight_next(&flight));
    flight_release(&flight);
}

static void a_refused_field_is_left_out(void **state)
{
    (void)state;
    struct flight flight;
    flight_init(&flight, NULL);
    steps_add(&flight.steps,
              &(struct step){.kind = STEP_FIELDS,
                             .method = "PATCH",
                             .path = TEXT("/v1/users/user_1"),
                             .body = TEXT("{\"first_name\":\"A\",\"username\":\"taken\"}")});
    assert_true(flight_next(&flight));
    assert_false(flight_retry_without(&flight, json, "last_name"));
    assert_true(flight_retry_without(&flight, json, "username"));
    assert_text(flight.parcel.body, "{\"first_name\":\"A\"}");
    assert_false(flight_retry_without(&flight, json, "first_name"));
    flight_release(&flight);
}

static void a_record_keeps_what_it_is_told(void **state)
{
    (void)state;
    struct field_hashes fields = {{0}};
    struct buf marks, blob;
    struct record record;
    uint64_t value;
    buf_init(&marks, 1 << 16);
    buf_init(&blob, 1 << 16);
    fields.at[USER_FIELD_first_name] = 11;
    fields.at[USER_FIELD_locked] = 22;
    for (uint64_t i = 0; i < 50; i++)
        record_add(&marks, i * UINT64_C(0x9E3779B97F4A7C15), i);
    record_take_out(&marks, 0);
    record_encode(&fields, &marks, &blob);
    assert_int_equal(blob.len, 8 + 2 * 8 + 49 * 16);
    record_decode(&record, buf_text(&blob));
    assert_memory_equal(&record.fields, &fields, sizeof(fields));
    for (uint64_t i = 1; i < 50; i++) {
        assert_true(record_get(&record, i * UINT64_C(0x9E3779B97F4A7C15), &value));
        assert_int_equal(value, i);
    }
    assert_false(record_get(&record, 0, &value));
    /* damage reads as nothing, and never beyond the end */
    for (size_t len = 0; len < blob.len; len++)
        record_decode(&record, text_part(buf_text(&blob), 0, len));
    record_decode(&record, TEXT("\377\377\377\377\377\377\377\377and more"));
    assert_int_equal(record.fields.at[USER_FIELD_first_name], 0);
    assert_int_equal(record.mark_count, 0);
    uint64_t leaf = record_key(&key, RECORD_LEAF, USER_FIELD_public_metadata, TEXT("a"));
    assert_int_equal(record_kind_of(leaf), RECORD_LEAF);
    assert_int_equal(record_field_of(leaf), USER_FIELD_public_metadata);
    assert_int_equal(record_kind_of(record_kept_key(leaf)), RECORD_KEPT);
    assert_true(record_member_key(&key, USER_FIELD_email_address, TEXT("A@x.com")) ==
                record_member_key(&key, USER_FIELD_email_address, TEXT("a@X.COM")));
    buf_release(&marks);
    buf_release(&blob);
}

static void same_person_or_not(void **state)
{
    (void)state;
    for (int bits = 0; bits < 64; bits++) {
        struct decide_owner owner = {
            .field = bits & 1 ? USER_FIELD_username : USER_FIELD_email_address,
            .verified_here = bits & 2,
            .verified_there = bits & 4,
            .has_external_id = bits & 8,
            .contacts_here = bits & 16,
            .contacts_there = bits & 32,
        };
        bool proven = bits & 1 ? !(bits & 48) : (bits & 6) == 6;
        assert_int_equal(decide_is_same_person(&owner), proven && !(bits & 8));
    }
}

static void numbers_are_a_set(void **state)
{
    (void)state;
    struct numbers numbers = {NULL, 0};
    assert_false(numbers_has(&numbers, 5));
    for (int64_t i = 1; i < 100000; i += 7)
        assert_int_equal(numbers_add(&numbers, i, &err), 0);
    for (int64_t i = 0; i < 100010; i++)
        assert_int_equal(numbers_has(&numbers, i), i < 100000 && i % 7 == 1);
    numbers_release(&numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ledger_decides),
        cmocka_unit_test(a_record_keeps_what_it_is_told),
        cmocka_unit_test(same_person_or_not),
        cmocka_unit_test(numbers_are_a_set),
        cmocka_unit_test(what_an_answer_means),
        cmocka_unit_test(every_error_has_a_next_step),
        cmocka_unit_test(hashes_see_values_not_spelling),
        cmocka_unit_test(splits_off_what_was_refused),
        cmocka_unit_test(a_refused_field_is_left_out),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
