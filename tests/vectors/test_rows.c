/*
 * Every row of every sample export must come out as its expected.json says: the id, the reason of a
 * rejection, or the CreateUser body, compared as JSON values. Each file is read as it is, and with the
 * platform left to be detected.
 */
#include "unit/test.h"

#include "clerk/clerk.h"
#include "json/json.h"
#include "source/source.h"

#define SAMPLE_MAX ((size_t)4 << 20)

static const char *const samples[] = {"auth0.json",    "auth0.ndjson", "authjs.json",
                                      "clerk.csv",     "clerk.json",   "firebase.csv",
                                      "firebase.json", "supabase.csv", "supabase.json"};

static struct text read_whole(const char *path, struct arena *arena)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *at = arena_alloc(arena, SAMPLE_MAX);
    size_t len = fread(at, 1, SAMPLE_MAX, file);
    fclose(file);
    return (struct text){at, len};
}

static const char *sample_path(struct arena *arena, const char *name, const char *end)
{
    const char *shared = getenv("USHER_SHARED");
    assert_non_null(shared);
    return arena_printf(arena, "%s/samples/%s%s", shared, name, end).at;
}

/* Whether two values are the same JSON; the order of members does not matter. */
static bool same_value(struct json_value a, struct json_value b)
{
    struct json_walk walk = json_walk(a), other = json_walk(b);
    if (json_type(a) != json_type(b) || json_count(a) != json_count(b))
        return false;
    while (json_type(a) == JSON_OBJECT && json_next(&walk))
        if (!same_value(walk.value, json_get(b, walk.key)))
            return false;
    while (json_type(a) == JSON_ARRAY && json_next(&walk) && json_next(&other))
        if (!same_value(walk.value, other.value))
            return false;
    return text_same(json_text(a), json_text(b)) && json_true(a) == json_true(b) &&
           json_double(a) == json_double(b);
}

static void check_row(const char *name, const struct source_row *row, struct json_value wanted,
                      struct json *json)
{
    const char *reason = row->reject.reason ? user_reason_name(row->reject.reason) : "";
    struct json_value made;
    struct buf body;
    struct err err;
    struct text reason_wanted = json_text(json_get(wanted, TEXT("reason")));
    struct text id_wanted = json_text(json_get(wanted, TEXT("id")));
    if (!text_same(text_of(reason), reason_wanted) || !text_same(row->id, id_wanted) ||
        (row->id.at != NULL) != (id_wanted.at != NULL))
        fail_msg("%s row %d: id %.*s, reason \"%s\" (%s); wanted id %.*s, reason \"%.*s\"", name,
                 (int)row->number, TEXT_ARG(row->id), reason, row->reject.detail,
                 TEXT_ARG(id_wanted), TEXT_ARG(reason_wanted));
    if (row->reject.reason)
        return;
    buf_init(&body, SAMPLE_MAX);
    clerk_create_body(&row->user, &body);
    assert_int_equal(json_parse(json, buf_text(&body), &made, &err), 0);
    if (!same_value(made, json_get(wanted, TEXT("body"))))
        fail_msg("%s row %d: body %s", name, (int)row->number, buf_z(&body));
    buf_release(&body);
}

static struct source_opts opts_of(const char *path, struct json_value expected, struct text from)
{
    struct json_value given = json_get(expected, TEXT("options"));
    return (struct source_opts){
        .path = path,
        .from = from,
        .firebase = {json_text(json_get(given, TEXT("firebase_signer_key"))),
                     json_text(json_get(given, TEXT("firebase_salt_separator"))),
                     (uint32_t)json_int(json_get(given, TEXT("firebase_rounds"))),
                     (uint32_t)json_int(json_get(given, TEXT("firebase_mem_cost")))}};
}

static void check_rows(const char *name, struct source *source, struct json_value expected,
                       struct json *json)
{
    struct json_walk wanted = json_walk(json_get(expected, TEXT("rows")));
    struct source_row row;
    struct err err;
    int got;
    uint64_t number = 0;
    while ((got = source_next(source, &row, &err)) > 0) {
        assert_true(json_next(&wanted));
        assert_int_equal(row.number, ++number);
        check_row(name, &row, wanted.value, json);
    }
    if (got < 0)
        fail_msg("%s: %s", name, err.message);
    assert_false(json_next(&wanted));
    assert_int_equal(number, json_int(json_get(expected, TEXT("rows_total"))));
}

static void check_sample(const char *name, bool automatic)
{
    struct arena arena;
    struct json *expected_json, *body_json;
    struct json_value expected;
    struct source *source;
    struct err err;
    arena_init(&arena, 2 * SAMPLE_MAX);
    assert_int_equal(json_new(&expected_json, SAMPLE_MAX, &err), 0);
    assert_int_equal(json_new(&body_json, SAMPLE_MAX, &err), 0);
    struct text text = read_whole(sample_path(&arena, name, ".expected.json"), &arena);
    assert_int_equal(json_parse(expected_json, text, &expected, &err), 0);
    struct text platform = json_text(json_get(expected, TEXT("format")));
    struct source_opts opts =
        opts_of(sample_path(&arena, name, ""), expected, automatic ? TEXT("auto") : platform);
    if (source_open(&source, &opts, &err) != 0)
        fail_msg("%s: %s", name, err.message);
    assert_true(text_same(source_platform(source), platform));
    check_rows(name, source, expected, body_json);
    source_close(source);
    json_free(expected_json);
    json_free(body_json);
    arena_release(&arena);
}

static void every_sample_comes_out_as_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(samples); i++)
        check_sample(samples[i], false);
}

static void every_platform_is_detected(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(samples); i++)
        check_sample(samples[i], true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_comes_out_as_expected),
        cmocka_unit_test(every_platform_is_detected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
