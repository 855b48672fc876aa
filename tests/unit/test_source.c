/* Readers: inputs, cutting, CSV, bad input. Platforms are held to the samples in tests/vectors. */
#include "test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "json/json.h"
#include "source/reader.h"
#include "source/scan.h"
#include "source/shape.h"

/* An input that gives its bytes in pieces of a fixed size, so that every boundary is met. */
struct pieces {
    struct input input;
    struct text bytes;
    size_t from, size;
};

static ssize_t pieces_read(struct input *input, void *to, size_t room, struct err *err)
{
    struct pieces *pieces = (struct pieces *)input;
    struct text t =
        text_part(pieces->bytes, pieces->from, room < pieces->size ? room : pieces->size);
    (void)err;
    if (t.len > 0)
        memcpy(to, t.at, t.len);
    pieces->from += t.len;
    return (ssize_t)t.len;
}

static const struct input_ops pieces_ops = {"", pieces_read, NULL, NULL, NULL};

/* What a reader makes of a text, as lines: "number offset reason object". */
struct trial {
    struct pieces pieces;
    struct window window;
    struct json *json;
    struct reader *reader;
    struct buf seen;
    const char *const *columns;
    size_t columns_least;
    size_t max;
};

static void try_records(struct trial *trial)
{
    struct record record;
    struct err err = {0};
    int got;
    while ((got = trial->reader->ops->next(trial->reader, &record, &err)) > 0) {
        buf_printf(&trial->seen, "%d @%d %s ", (int)record.number, (int)record.offset,
                   record.reason ? user_reason_name(record.reason) : "ok");
        if (record.value.document)
            json_write(record.value, &trial->seen);
        buf_byte(&trial->seen, '\n');
    }
    if (got < 0)
        buf_printf(&trial->seen, "error: %s\n", err.message);
}

static void try_text(struct trial *trial, struct text t, size_t size)
{
    struct err err = {0};
    trial->pieces = (struct pieces){.input.ops = &pieces_ops, .bytes = t, .size = size};
    if (trial->max == 0)
        trial->max = 1 << 20;
    assert_int_equal(window_init(&trial->window, &trial->pieces.input, trial->max, &err), 0);
    assert_int_equal(json_new(&trial->json, 1 << 20, &err), 0);
    buf_init(&trial->seen, 1 << 20);
    struct reader_opts opts = {.window = &trial->window,
                               .json = trial->json,
                               .columns = trial->columns,
                               .columns_least = trial->columns_least};
    trial->reader = NULL;
    if (reader_open(&trial->reader, &opts, &err) != 0)
        buf_printf(&trial->seen, "refused: %s\n", err.message);
    else
        try_records(trial);
}

static void try_release(struct trial *trial)
{
    if (trial->reader)
        trial->reader->ops->close(trial->reader);
    json_free(trial->json);
    window_release(&trial->window);
    buf_release(&trial->seen);
}

/* Reads t whole and in pieces of every size up to 70 bytes; each way must give `wanted`. */
static void expect_with(const struct trial *how, struct text t, const char *wanted)
{
    for (size_t size = 70; size > 0; size--) {
        struct trial trial = *how;
        try_text(&trial, t, size == 70 ? t.len + 1 : size);
        assert_string_equal(buf_z(&trial.seen), wanted);
        try_release(&trial);
    }
}

static void expect(const char *t, const char *wanted)
{
    expect_with(&(struct trial){0}, text_of(t), wanted);
}

static void test_array(void **state)
{
    (void)state;
    expect("[{\"a\":1},{\"a\":\"}\\\"]\"} , {\"a\":[{},[]]}]",
           "1 @1 ok {\"a\":1}\n2 @9 ok {\"a\":\"}\\\"]\"}\n3 @24 ok {\"a\":[{},[]]}\n");
    expect(" [ ] ", "");
    expect("\xEF\xBB\xBF[{\"a\":1}]", "1 @4 ok {\"a\":1}\n");
    expect("[null,{\"a\":1},7,\"x,]\"]", "1 @1 not_an_object null\n2 @6 ok {\"a\":1}\n"
                                         "3 @14 not_an_object 7\n4 @16 not_an_object \"x,]\"\n");
}

static void test_wrappers(void **state)
{
    (void)state;
    expect("{\"users\":[{\"a\":1}]}", "1 @10 ok {\"a\":1}\n");
    expect("{\"start\":0,\"limit\":2,\"x\":{\"users\":[{\"a\":1}],\"n\":1},\"m\":[1]}",
           "1 @35 ok {\"a\":1}\n");
    expect("{\"kinds\":[\"a\"],\"errors\":[],\"data\":[{\"a\":1},{\"a\":2}]}",
           "1 @35 ok {\"a\":1}\n2 @43 ok {\"a\":2}\n");
    expect("{\"users\":[{\"a\":1}]}\n{\"users\":[{\"a\":2}]}\n",
           "1 @10 ok {\"a\":1}\n2 @30 ok {\"a\":2}\n");
    expect("{\"users\":[]}", "");
    expect("{\"id\":1,\"identities\":[{\"a\":1}]}",
           "1 @0 ok {\"id\":1,\"identities\":[{\"a\":1}]}\n");
}

static void test_lines(void **state)
{
    (void)state;
    expect("{\"a\":1}\n\n{\"a\":2}\r\n{\"a\":3}",
           "1 @0 ok {\"a\":1}\n2 @9 ok {\"a\":2}\n3 @18 ok {\"a\":3}\n");
    expect("{\"a\":1}\n{\"a\":\n42\n{\"a\":4}\n", "1 @0 ok {\"a\":1}\n2 @8 malformed_row \n"
                                                  "3 @14 not_an_object 42\n4 @17 ok {\"a\":4}\n");
    expect("{\"a\":1}{\"a\":2} {\"a\":3}\n", "1 @0 ok {\"a\":1}\n2 @7 ok {\"a\":2}\n"
                                             "3 @15 ok {\"a\":3}\n");
    expect("42\n{\"a\":1}\n", "1 @0 not_an_object 42\n2 @3 ok {\"a\":1}\n");
    expect("{\"a\":\"\xFF\"}\n{\"a\":1}\n", "1 @0 invalid_utf8 \n2 @10 ok {\"a\":1}\n");
    expect_with(&(struct trial){0}, TEXT("{\"a\":\"\0\"}\n{\"a\":1}\n"),
                "1 @0 malformed_row \n2 @10 ok {\"a\":1}\n");
}

static void test_values(void **state)
{
    (void)state;
    expect("{\n \"a\": 1\n}\n{\n \"a\": 2\n}", "1 @0 ok {\"a\":1}\n2 @12 ok {\"a\":2}\n");
}

static void test_bad_records_in_array(void **state)
{
    (void)state;
    expect("[{\"a\":1,\"b\":1},{\"a\":2,\"b\":2 x},{\"a\":3,\"b\":3}]",
           "1 @1 ok {\"a\":1,\"b\":1}\n2 @15 malformed_row \n3 @31 ok {\"a\":3,\"b\":3}\n");
    /* a missing bracket, and a missing quote: the next record is found by its first keys */
    expect("[{\"a\":1,\"b\":1},{\"a\":2,\"b\":2,{\"a\":3,\"b\":3},{\"a\":4,\"b\":4}]",
           "1 @1 ok {\"a\":1,\"b\":1}\n2 @15 malformed_row \n3 @28 ok {\"a\":3,\"b\":3}\n"
           "4 @42 ok {\"a\":4,\"b\":4}\n");
    expect("[{\"a\":1,\"b\":1},{\"a\":\"2,\"b\":2},{\"a\":3,\"b\":3},{\"a\":4,\"b\":4}]",
           "1 @1 ok {\"a\":1,\"b\":1}\n2 @15 malformed_row \n3 @30 ok {\"a\":3,\"b\":3}\n"
           "4 @44 ok {\"a\":4,\"b\":4}\n");
}

static void test_cut_short(void **state)
{
    (void)state;
    expect("[{\"a\":1},{\"a\":2",
           "1 @1 ok {\"a\":1}\n2 @9 malformed_row \n"
           "error: the file ends inside its array of users, at byte 15; it is "
           "cut short\n");
    expect("[{\"a\":1}] x", "1 @1 ok {\"a\":1}\nerror: something else than users stands behind the "
                            "end of the array, at byte 10\n");
    expect("{\"users\":[{\"a\":1}],\"b\":",
           "1 @10 ok {\"a\":1}\nerror: the file ends inside the object "
           "around the users; it is cut short\n");
}

static void test_refused(void **state)
{
    static const char *const texts[] = {"",      " \n ", "<!doctype html><html>", "\x01\x02\x03",
                                        "hello", "42\n"};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct trial trial = {0};
        try_text(&trial, text_of(texts[i]), 7);
        assert_memory_equal(buf_z(&trial.seen), "refused: ", 9);
        try_release(&trial);
    }
}

static void test_csv(void **state)
{
    (void)state;
    expect("id,name\n1,a\n2,\"b \"\"x\"\", c\"\n\n3,\"two\nlines\"\r\n4,",
           "1 @8 ok {\"id\":\"1\",\"name\":\"a\"}\n2 @12 ok {\"id\":\"2\",\"name\":\"b \\\"x\\\", "
           "c\"}\n"
           "3 @28 ok {\"id\":\"3\",\"name\":\"two\\nlines\"}\n4 @43 ok "
           "{\"id\":\"4\",\"name\":\"\"}\n");
    expect("\xEF\xBB\xBF# made by hand\n\nid;na\\me\r\n1;\"a;b\"\r\n",
           "1 @29 ok {\"id\":\"1\",\"na\\\\me\":\"a;b\"}\n");
    expect("id\tname\n1\ta\n", "1 @8 ok {\"id\":\"1\",\"name\":\"a\"}\n");
    expect("id,name\n1\n2,b,c\n3,c\n",
           "1 @8 malformed_row {\"id\":\"1\"}\n2 @10 malformed_row {\"id\":\"2\",\"name\":\"b\"}\n"
           "3 @16 ok {\"id\":\"3\",\"name\":\"c\"}\n");
    expect("id,name\n1,\xE9\n2,b\n",
           "1 @8 invalid_utf8 \n2 @12 ok {\"id\":\"2\",\"name\":\"b\"}\n");
    expect("id,name\n1,\"a\" x\n2,b\n", "1 @8 malformed_row {\"id\":\"1\",\"name\":\"a\"}\n"
                                        "2 @16 ok {\"id\":\"2\",\"name\":\"b\"}\n");
    expect("id,name\n1,\"a\n2,b\n3,c\n",
           "1 @8 malformed_row \n2 @13 ok {\"id\":\"2\",\"name\":\"b\"}\n"
           "3 @17 ok {\"id\":\"3\",\"name\":\"c\"}\n");
    expect_with(&(struct trial){0}, TEXT("id,name\n1,a\0b\n"),
                "1 @8 malformed_row {\"id\":\"1\",\"name\":\"a\\u0000b\"}\n");
    expect("id,id\n1,2\n", "refused: the header names \"id\" twice; rename one of the columns\n");
}

static void test_csv_without_header(void **state)
{
    static const char *const columns[] = {"id", "mail", "note", NULL};
    const struct trial how = {.columns = columns, .columns_least = 2};
    (void)state;
    expect_with(&how, TEXT("1,a@b.c,\n2,,x,\n3,y\n"),
                "1 @0 ok {\"id\":\"1\",\"mail\":\"a@b.c\",\"note\":\"\"}\n"
                "2 @9 ok {\"id\":\"2\",\"mail\":\"\",\"note\":\"x\"}\n3 @15 ok "
                "{\"id\":\"3\",\"mail\":\"y\"}\n");
    expect_with(&how, TEXT("mail,id\na,1\n"), "1 @8 ok {\"mail\":\"a\",\"id\":\"1\"}\n");
}

/* A record larger than the window is reported and the ones behind it are read. */
static void test_too_large(void **state)
{
    static const char *const forms[] = {"{\"a\":1}\n{\"a\":\"%s\"}\n{\"a\":3}\n",
                                        "[{\"a\":1},{\"a\":\"%s\"},{\"a\":3}]",
                                        "a,b\n1,1\n%s,2\n3,3\n"};
    static char large[5000], t[6000];
    (void)state;
    memset(large, 'x', sizeof(large) - 1);
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(t, sizeof(t), forms[i], large);
#pragma GCC diagnostic pop
        struct trial trial = {.max = 1024};
        try_text(&trial, text_of(t), 100);
        assert_non_null(strstr(buf_z(&trial.seen), "\n2 @"));
        assert_non_null(strstr(buf_z(&trial.seen), " too_large \n3 @"));
        assert_null(strstr(buf_z(&trial.seen), "error"));
        try_release(&trial);
    }
}

static void test_nesting_bomb(void **state)
{
    static char t[100002];
    struct trial trial = {0};
    (void)state;
    memset(t, '[', 50000);
    memset(t + 50000, ']', 50000);
    try_text(&trial, text_of(t), 4096);
    assert_string_equal(buf_z(&trial.seen), "1 @1 malformed_row \n");
    try_release(&trial);
}

/* The block scanner against a plain one, over random bytes of the kind that matters. */
static size_t plain_scan(const char *at, size_t len)
{
    size_t depth = 0;
    bool string = false, escaped = false;
    for (size_t i = 0; i < len; i++) {
        bool was = escaped;
        escaped = at[i] == '\\' && !was;
        if (at[i] == '"' && !was)
            string = !string;
        else if (!string && (at[i] == '{' || at[i] == '['))
            depth++;
        else if (!string && (at[i] == '}' || at[i] == ']') && depth-- <= 1)
            return i + 1;
    }
    return SCAN_OPEN;
}

static void test_scan_agrees(void **state)
{
    static const char letters[] = "\\\\\\\"\"{}[]ab";
    char t[400] = "{";
    unsigned seed = 1;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t len = 1 + (size_t)round % 399, cut = len * ((size_t)round % 7) / 7;
        for (size_t i = 1; i < len; i++) {
            seed = seed * 1103515245 + 12345;
            t[i] = letters[(seed >> 16) % (sizeof(letters) - 1)];
        }
        struct scan scan = {0};
        size_t end = scan_value(&scan, t, cut);
        if (end == SCAN_OPEN) {
            end = scan_value(&scan, t + cut, len - cut);
            end = end == SCAN_OPEN ? end : end + cut;
        }
        assert_int_equal(end, plain_scan(t, len));
    }
}

static void write_file(const char *path, const void *at, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(at, 1, len, file), len);
    fclose(file);
}

/* Reads a whole input; returns its length, or -1 with err. */
static int read_all(const char *path, char *to, size_t room, struct err *err)
{
    struct input *input;
    size_t len = 0;
    ssize_t got;
    if (input_open(&input, path, err) != 0)
        return -1;
    while ((got = input_read(input, to + len, room - len < 10 ? room - len : 10, err)) > 0)
        len += (size_t)got;
    input_close(input);
    return got < 0 ? -1 : (int)len;
}

static size_t gzip_member(char *to, size_t room, const char *text)
{
    z_stream zip = {0};
    assert_int_equal(deflateInit2(&zip, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    zip.next_in = (unsigned char *)(uintptr_t)text;
    zip.avail_in = (unsigned)strlen(text);
    zip.next_out = (unsigned char *)to;
    zip.avail_out = (unsigned)room;
    assert_int_equal(deflate(&zip, Z_FINISH), Z_STREAM_END);
    deflateEnd(&zip);
    return room - zip.avail_out;
}

static void test_compressed(void **state)
{
    char name[] = "/tmp/usher-test-XXXXXX", packed[500], back[100];
    struct err err = {0};
    int file = mkstemp(name);
    (void)state;
    close(file);
    size_t first = gzip_member(packed, sizeof(packed), "hello, ");
    size_t both = first + gzip_member(packed + first, sizeof(packed) - first, "world");
    write_file(name, packed, both);
    assert_int_equal(read_all(name, back, sizeof(back), &err), 12);
    assert_memory_equal(back, "hello, world", 12);
    for (size_t cut = 2; cut < both; cut++) {
        write_file(name, packed, cut);
        assert_int_equal(read_all(name, back, sizeof(back), &err), cut == first ? 7 : -1);
    }
    assert_int_equal(err.code, ERR_INPUT);
    memcpy(packed + both, "junk", 4);
    write_file(name, packed, both + 4);
    assert_int_equal(read_all(name, back, sizeof(back), &err), -1);

    first = ZSTD_compress(packed, sizeof(packed), "hello, ", 7, 1);
    both = first + ZSTD_compress(packed + first, sizeof(packed) - first, "world", 5, 1);
    write_file(name, packed, both);
    assert_int_equal(read_all(name, back, sizeof(back), &err), 12);
    assert_memory_equal(back, "hello, world", 12);
    for (size_t cut = 4; cut < both; cut++) {
        write_file(name, packed, cut);
        assert_int_equal(read_all(name, back, sizeof(back), &err), cut == first ? 7 : -1);
    }
    memcpy(packed + both, "junk", 4);
    write_file(name, packed, both + 4);
    assert_int_equal(read_all(name, back, sizeof(back), &err), -1);
    unlink(name);
}

static void test_no_file(void **state)
{
    char back[10];
    struct err err = {0};
    (void)state;
    assert_int_equal(read_all("/nonexistent/export.json", back, sizeof(back), &err), -1);
    assert_int_equal(err.code, ERR_IO);
    assert_int_equal(read_all("/tmp", back, sizeof(back), &err), -1);
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.message, "directory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_array),
        cmocka_unit_test(test_wrappers),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_bad_records_in_array),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_csv_without_header),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_nesting_bomb),
        cmocka_unit_test(test_scan_agrees),
        cmocka_unit_test(test_compressed),
        cmocka_unit_test(test_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
