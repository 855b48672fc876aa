#include "test.h"

#include "clerk/clerk.h"
#include "migrate/decide.h"
#include "migrate/fields.h"
#include "migrate/flight.h"

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
    struct field_hashes now = hashes_of(&user);
    const struct {
        enum ledger_state state;
        struct field_hashes *written;
        enum migrate_action action;
        bool look_first;
    } cases[] = {
        {LEDGER_PLANNED, &now, MIGRATE_CREATE, false},
        {LEDGER_SENDING, &now, MIGRATE_CREATE, true},
        {LEDGER_FAILED, &now, MIGRATE_CREATE, false},
        {LEDGER_REJECTED, &now, MIGRATE_CREATE, false},
        {LEDGER_DONE, &now, MIGRATE_UNCHANGED, false},
        {LEDGER_DONE, &before, MIGRATE_UPDATE, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct ledger_user known = {.state = cases[i].state,
                                    .hashes = field_hashes_blob(cases[i].written)};
        struct decision decision = decide(&known, &now);
        assert_int_equal(decision.action, cases[i].action);
        assert_int_equal(decision.look_first, cases[i].look_first);
    }
    assert_int_equal(decide(NULL, &now).action, MIGRATE_CREATE);
}

static void three_way_merge(void **state)
{
    (void)state;
    const struct {
        uint64_t written, source, target;
        enum merge merge;
    } cases[] = {
        {1, 1, 1, MERGE_NOTHING}, {1, 1, 2, MERGE_NOTHING}, {1, 2, 1, MERGE_WRITE},
        {1, 2, 2, MERGE_NOTHING}, {1, 2, 3, MERGE_KEPT},    {0, 2, 0, MERGE_WRITE},
        {1, 0, 1, MERGE_WRITE},   {0, 2, 3, MERGE_KEPT},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(
            decide_field(USER_FIELD_first_name, cases[i].written, cases[i].source, cases[i].target),
            cases[i].merge);
    assert_int_equal(decide_field(USER_FIELD_password_digest, 1, 2, 1), MERGE_KEPT);
    assert_int_equal(decide_field(USER_FIELD_password_digest, 1, 1, 0), MERGE_NOTHING);
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
        {422, false, "form_identifier_exists", "email_address", VERDICT_SPLIT},
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
    const char *kind;
    bool username;
    flight_init(&flight, NULL);
    buf_add(&flight.body, text_of(three_emails));
    assert_true(flight_split(&flight, json, "email_address", &username));
    assert_false(username);
    assert_text(buf_text(&flight.body),
                "{\"external_id\":\"1\",\"email_address\":[\"a@x.com\"],"
                "\"email_address_identification_status\":[\"verified\"],\"username\":\"kim\"}");
    assert_true(flight_split(&flight, json, "username", &username));
    assert_true(username);
    /* the only one left to sign in with */
    assert_false(flight_split(&flight, json, "email_address", &username));

    buf_add(&flight.clerk_id, TEXT("user_1"));
    assert_true(flight_next(&flight, json));
    assert_text(buf_text(&flight.path), "/v1/email_addresses");
    assert_text(buf_text(&flight.body),
                "{\"user_id\":\"user_1\",\"email_address\":\"b@x.com\",\"verified\":false}");
    assert_text(flight_added(&flight, &kind), "b@x.com");
    assert_string_equal(kind, "email_address");
    assert_true(flight_next(&flight, json));
    assert_text(flight_added(&flight, &kind), "c@x.com");
    assert_false(flight_next(&flight, json));
    flight_release(&flight);
}

static int kept_count;

static void count_kept(struct flight *flight, enum user_field field)
{
    (void)flight;
    assert_int_equal(field, USER_FIELD_last_name);
    kept_count++;
}

static void an_update_writes_what_only_the_source_changed(void **state)
{
    (void)state;
    static const char there[] =
        "{\"object\":\"user\",\"id\":\"user_9\",\"external_id\":\"1\",\"first_name\":\"Old\","
        "\"last_name\":\"InClerk\",\"public_metadata\":{\"plan\":\"free\"},\"email_addresses\":[]}";
    struct json *other;
    struct json_value target;
    struct flight flight;
    struct user user;
    user_init(&user);
    user.external_id = TEXT("1");
    user.first_name = TEXT("Old");
    user.last_name = TEXT("Old");
    user.public_metadata = TEXT("{\"plan\":\"free\"}");
    flight_init(&flight, NULL);
    flight.written = hashes_of(&user);
    user.first_name = TEXT("New");
    user.last_name = TEXT("New");
    user.public_metadata = (struct text){NULL, 0};
    flight.hashes = hashes_of(&user);
    buf_add(&flight.user,
            TEXT("{\"external_id\":\"1\",\"first_name\":\"New\",\"last_name\":\"New\"}"));
    assert_int_equal(json_new(&other, 1 << 20, &err), 0);
    assert_int_equal(json_parse(other, text_of(there), &target, &err), 0);
    assert_int_equal(flight_merge(&flight, &hasher, &key, json, target, count_kept, &err), 0);
    assert_int_equal(kept_count, 1);
    assert_true(flight_next(&flight, json));
    assert_string_equal(flight.parcel.method, "PATCH");
    assert_text(buf_text(&flight.path), "/v1/users/user_9");
    assert_text(buf_text(&flight.body), "{\"first_name\":\"New\"}");
    assert_true(flight_next(&flight, json));
    assert_string_equal(flight.parcel.method, "PUT");
    assert_text(buf_text(&flight.body), "{\"public_metadata\":{}}");
    assert_false(flight_next(&flight, json));
    flight_release(&flight);
    json_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ledger_decides),
        cmocka_unit_test(three_way_merge),
        cmocka_unit_test(what_an_answer_means),
        cmocka_unit_test(hashes_see_values_not_spelling),
        cmocka_unit_test(splits_off_what_was_refused),
        cmocka_unit_test(an_update_writes_what_only_the_source_changed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
