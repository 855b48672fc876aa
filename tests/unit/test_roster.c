#include "test.h"

#include <stdlib.h>
#include <unistd.h>

#include "source/roster.h"
#include "user/user.h"

/* Writes the text into a file and opens it. */
static int open_text(struct roster **roster, const char *text, struct err *err)
{
    char path[] = "/tmp/usher-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    int status = roster_open(roster, path, err);
    unlink(path);
    return status;
}

static struct roster *open_fine(const char *text)
{
    struct roster *roster;
    struct err err;
    assert_int_equal(open_text(&roster, text, &err), 0);
    return roster;
}

static struct roster_entry next(struct roster *roster)
{
    struct roster_entry entry;
    struct err err;
    assert_int_equal(roster_next(roster, &entry, &err), 1);
    return entry;
}

static void assert_end(struct roster *roster)
{
    struct roster_entry entry;
    struct err err;
    assert_int_equal(roster_next(roster, &entry, &err), 0);
    roster_close(roster);
}

static void an_organization_is_followed_by_its_members(void **state)
{
    (void)state;
    struct roster *roster = open_fine(
        "[{\"id\":\"o\",\"name\":\"acme\",\"display_name\":\"Acme\",\"metadata\":{\"a\":1},"
        "\"members\":["
        "{\"user_id\":\"a\",\"roles\":[{\"name\":\"admin\"}]},{\"user_id\":7},5]},"
        "{\"id\":\"p\",\"name\":\"P\",\"slug\":\"pp\",\"created_at\":\"2020-01-01\","
        "\"private_metadata\":{\"b\":2}}]");
    struct roster_entry entry = next(roster);
    assert_int_equal(entry.kind, ROSTER_ORGANIZATION);
    assert_text(entry.name, "Acme");
    assert_text(entry.slug, "acme");
    assert_text(entry.private_metadata, "{\"a\":1}");
    assert_true(entry.members_max == USER_UNSET && entry.created_ms == USER_UNSET);
    entry = next(roster);
    assert_int_equal(entry.kind, ROSTER_MEMBERSHIP);
    assert_text(entry.organization, "o");
    assert_text(entry.user, "a");
    assert_text(entry.role, "admin");
    entry = next(roster);
    assert_text(entry.user, "7");
    assert_null(entry.role.at);
    entry = next(roster);
    assert_string_equal(entry.reason, "not_an_object");
    entry = next(roster);
    assert_text(entry.slug, "pp");
    assert_text(entry.private_metadata, "{\"b\":2}");
    assert_true(entry.created_ms == INT64_C(1577836800000));
    assert_end(roster);
}

static void a_csv_has_both_kinds(void **state)
{
    (void)state;
    struct roster *roster =
        open_fine("organization_id,name,user_id,role,private_metadata,max_allowed_memberships\n"
                  "o,Acme,,,\"{\"\"a\"\":1}\",9\n"
                  "o,,u,owner,not json,\n");
    struct roster_entry entry = next(roster);
    assert_null(entry.reason);
    assert_text(entry.private_metadata, "{\"a\":1}");
    assert_true(entry.members_max == 9);
    assert_null(entry.slug.at);
    entry = next(roster);
    assert_int_equal(entry.kind, ROSTER_MEMBERSHIP);
    assert_string_equal(entry.reason, "invalid_metadata");
    assert_end(roster);
}

static void what_lacks_something_is_refused_and_the_rest_goes_on(void **state)
{
    (void)state;
    static const char *const reasons[] = {
        "missing_id",         "missing_field", "missing_id",    "invalid_type",
        "invalid_created_at", "not_an_object", "malformed_row", NULL};
    struct roster *roster = open_fine("{\"name\":\"no id\"}\n"
                                      "{\"id\":\"o\"}\n"
                                      "{\"user_id\":\"u\",\"id\":\"orgmem_1\"}\n"
                                      "{\"id\":\"o\",\"name\":\"O\",\"slug\":{}}\n"
                                      "{\"id\":\"o\",\"name\":\"O\",\"created_at\":\"soon\"}\n"
                                      "17\n"
                                      "{\"id\":\n"
                                      "{\"id\":\"o\",\"name\":\"O\"}\n");
    for (size_t i = 0; i < ARRAY_COUNT(reasons); i++) {
        struct roster_entry entry = next(roster);
        if (reasons[i])
            assert_string_equal(entry.reason, reasons[i]);
        else
            assert_null(entry.reason);
        assert_true(entry.row == i + 1);
    }
    assert_end(roster);
}

static void what_is_no_file_of_records_is_refused_at_once(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "<html></html>", "\x7f\x45\x4c\x46\x02\x01"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct roster *roster;
        struct err err;
        assert_int_equal(open_text(&roster, texts[i], &err), -1);
        assert_int_equal(err.code, ERR_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_organization_is_followed_by_its_members),
        cmocka_unit_test(a_csv_has_both_kinds),
        cmocka_unit_test(what_lacks_something_is_refused_and_the_rest_goes_on),
        cmocka_unit_test(what_is_no_file_of_records_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
