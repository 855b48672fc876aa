#include "test.h"

#include "json/json.h"

static struct json *json;
static struct err err;

static int setup(void **state)
{
    (void)state;
    return json_new(&json, 1 << 20, &err);
}

static int teardown(void **state)
{
    (void)state;
    json_free(json);
    return 0;
}

static void reads_and_writes_the_same(void **state)
{
    (void)state;
    static const char doc[] = "{\"a\":[1,2,{\"b\":null}],\"c\":1.5,\"d\":18446744073709551615,"
                              "\"e\":-9007199254740993,\"s\":\"x\\n\xC3\xA9\\u0000\",\"z\":{}}";
    struct json_value root;
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_int_equal(json_parse(json, text_of(doc), &root, &err), 0);
    json_write(root, &out);
    assert_string_equal(buf_z(&out), doc);
    assert_int_equal(json_type(json_path(root, TEXT("a.2.b"))), JSON_NULL);
    assert_int_equal(json_type(json_path(root, TEXT("a.3.b"))), JSON_ABSENT);
    assert_int_equal(json_count(root), 6);
    buf_release(&out);
}

static void refuses_what_is_not_json(void **state)
{
    (void)state;
    struct json_value root;
    const char *bad[] = {"", "{", "{\"a\":}", "[1,]", "nul", "{} {}", "\"\xE9\"", "01", "'a'"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        assert_int_equal(json_parse(json, text_of(bad[i]), &root, &err), -1);
        assert_int_equal(err.code, ERR_INPUT);
    }
}

static void refuses_a_nesting_bomb(void **state)
{
    (void)state;
    static char deep[20000];
    struct json_value root;
    memset(deep, '[', sizeof(deep));
    assert_int_equal(json_parse(json, (struct text){deep, sizeof(deep)}, &root, &err), -1);
}

static void writes_piece_by_piece(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1024);
    struct json_out out = json_out(&buf);
    json_open(&out, '{');
    json_key(&out, TEXT("a"));
    json_open(&out, '[');
    json_put_int(&out, 1);
    json_put_text(&out, TEXT("q\"\\\x01\xE9"));
    json_close(&out, ']');
    json_key(&out, TEXT("b"));
    json_put_null(&out);
    json_close(&out, '}');
    assert_string_equal(buf_z(&buf), "{\"a\":[1,\"q\\\"\\\\\\u0001\xEF\xBF\xBD\"],\"b\":null}");
    buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_and_writes_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_not_json, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_nesting_bomb, setup, teardown),
        cmocka_unit_test(writes_piece_by_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
