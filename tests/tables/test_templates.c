/* Runs the cases of templates.txt, and what no line can say. */
#include "unit/test.h"

#include "json/json.h"

#define ROOM ((size_t)1 << 20)

struct bench {
    struct json *json;
    struct arena arena;
    struct buf out;
};

static int setup(void **state)
{
    static struct bench bench;
    struct err err;
    *state = &bench;
    arena_init(&bench.arena, ROOM);
    buf_init(&bench.out, ROOM);
    return json_new(&bench.json, ROOM, &err);
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    json_free(bench->json);
    arena_release(&bench->arena);
    buf_release(&bench->out);
    return 0;
}

static void run_case(struct bench *bench, struct text source, struct text data, struct text wanted)
{
    struct template *template;
    struct json_value root;
    struct err err;
    struct text error = TEXT("error: ");
    buf_reset(&bench->out);
    arena_reset(&bench->arena);
    assert_int_equal(json_parse(bench->json, data, &root, &err), 0);
    if (template_new(&template, source, &bench->arena, &err) != 0) {
        wanted = text_part(wanted, error.len, wanted.len);
        if (err.code != ERR_USAGE ||
            !memmem(err.message, strlen(err.message), wanted.at, wanted.len))
            fail_msg("%.*s: %s", TEXT_ARG(source), err.message);
        return;
    }
    template_write(template, root, &bench->out);
    if (!text_same(buf_text(&bench->out), wanted))
        fail_msg("%.*s with %.*s: %s", TEXT_ARG(source), TEXT_ARG(data), buf_z(&bench->out));
}

static bool next_line(FILE *file, char *line, size_t room)
{
    if (!fgets(line, (int)room, file))
        return false;
    line[strcspn(line, "\n")] = 0;
    return true;
}

static void table(void **state)
{
    char path[512], lines[3][512];
    size_t at = 0, cases = 0;
    snprintf(path, sizeof(path), "%s/tests/tables/templates.txt", getenv("USHER_ROOT"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (next_line(file, lines[at], sizeof(lines[at]))) {
        if (at == 0 && (lines[0][0] == '#' || lines[0][0] == 0))
            continue;
        if (++at < 3)
            continue;
        run_case(*state, text_of(lines[0]), text_of(lines[1]), text_of(lines[2]));
        at = 0;
        cases++;
    }
    fclose(file);
    assert_int_equal(at, 0);
    assert_true(cases > 30);
}

static void names_paths_and_filter(void **state)
{
    struct bench *bench = *state;
    struct template *template;
    struct err err;
    assert_int_equal(
        template_new(&template, TEXT("{{a.b || 'x' || c | django }}"), &bench->arena, &err), 0);
    assert_text(template_filter(template), "django");
    assert_text(template_path(template, 0), "a.b");
    assert_text(template_path(template, 1), "c");
    assert_null(template_path(template, 2).at);
}

static void expands_whole_values(void **state)
{
    struct bench *bench = *state;
    struct json *data_json;
    struct json_value tree, root;
    struct err err;
    const struct text claims =
        TEXT("{\"a\":\"{{u.id}}\",\"b\":[\"{{u.n}}\",1,null],\"{{k}}\":{\"c\":\"x{{u.n}}\"}}");
    buf_reset(&bench->out);
    assert_int_equal(json_new(&data_json, ROOM, &err), 0);
    assert_int_equal(json_parse(bench->json, claims, &tree, &err), 0);
    assert_int_equal(json_parse(data_json, TEXT("{\"u\":{\"id\":\"i\",\"n\":5}}"), &root, &err), 0);
    assert_int_equal(template_expand(tree, root, &bench->arena, &bench->out, &err), 0);
    assert_string_equal(buf_z(&bench->out),
                        "{\"a\":\"i\",\"b\":[5,1,null],\"{{k}}\":{\"c\":\"x5\"}}");
    assert_int_equal(json_parse(bench->json, TEXT("[\"{{a | b}}\"]"), &tree, &err), 0);
    assert_int_equal(template_expand(tree, root, &bench->arena, &bench->out, &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
    json_free(data_json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(table, setup, teardown),
        cmocka_unit_test_setup_teardown(names_paths_and_filter, setup, teardown),
        cmocka_unit_test_setup_teardown(expands_whole_values, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
