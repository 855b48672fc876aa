/* Mappings of one's own, --through, and what source_open refuses; each on real files. */
#include "test.h"

#include <stdlib.h>
#include <unistd.h>

#include "clerk/clerk.h"
#include "source/source.h"
#include "source/table.h"

#define ROOM ((size_t)1 << 20)

struct files {
    char folder[64];
    char export[96], mapping[96];
    struct buf out;
};

static int setup(void **state)
{
    static struct files files;
    strcpy(files.folder, "/tmp/usher-test-XXXXXX");
    *state = &files;
    if (!mkdtemp(files.folder))
        return -1;
    snprintf(files.export, sizeof(files.export), "%s/export", files.folder);
    snprintf(files.mapping, sizeof(files.mapping), "%s/own.json", files.folder);
    buf_init(&files.out, ROOM);
    return 0;
}

static int teardown(void **state)
{
    struct files *files = *state;
    unlink(files->export);
    unlink(files->mapping);
    rmdir(files->folder);
    buf_release(&files->out);
    return 0;
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void write_row(const struct source_row *row, struct buf *to)
{
    buf_printf(to, "%d ", (int)row->number);
    if (row->reject.reason)
        buf_printf(to, "%.*s %s: %s", TEXT_ARG(row->id), user_reason_name(row->reject.reason),
                   row->reject.detail);
    else
        clerk_create_body(&row->user, to);
    buf_byte(to, '\n');
}

/* Reads the export; files->out gets its rows, losses behind them, or the error. */
static void run(struct files *files, const struct source_opts *opts)
{
    struct source *source;
    struct source_row row;
    struct err err = {0};
    size_t count;
    int got;
    buf_reset(&files->out);
    if (source_open(&source, opts, &err) != 0) {
        buf_printf(&files->out, "refused %d: %s", err.code, err.message);
        return;
    }
    while ((got = source_next(source, &row, &err)) > 0)
        write_row(&row, &files->out);
    if (got < 0)
        buf_printf(&files->out, "error %d: %s", err.code, err.message);
    const struct source_loss *losses = source_losses(source, &count);
    for (size_t i = 0; i < count; i++)
        buf_printf(&files->out, "lost %.*s %d\n", TEXT_ARG(losses[i].path), (int)losses[i].count);
    source_close(source);
}

static void expect_mapped(void **state, const char *mapping, const char *export, const char *wanted)
{
    struct files *files = *state;
    put(files->mapping, mapping);
    put(files->export, export);
    run(files, &(struct source_opts){.path = files->export, .from = text_of(files->mapping)});
    assert_string_equal(buf_z(&files->out), wanted);
}

static void extends_a_platform(void **state)
{
    expect_mapped(
        state,
        "{\"extends\":\"auth0\",\"fields\":{\"email_address\":[\"{{email}}\"],"
        "\"public_metadata.plan\":\"{{app_metadata.plan || 'free'}}\","
        "\"username\":\"{{nickname}}\"}}",
        "[{\"user_id\":\"a|1\",\"email\":\"a@b.com\",\"email_verified\":true,"
        "\"nickname\":\"nick\",\"logins_count\":3,\"app_metadata\":{\"plan\":\"pro\"}},"
        "{\"user_id\":\"a|2\",\"email\":\"b@b.com\",\"email_verified\":false}]",
        "1 {\"external_id\":\"a|1\",\"username\":\"nick\",\"email_address\":[\"a@b.com\"],"
        "\"public_metadata\":{\"plan\":\"pro\"},\"private_metadata\":{\"plan\":\"pro\"},"
        "\"skip_password_requirement\":true}\n"
        "2 {\"external_id\":\"a|2\",\"email_address\":[\"b@b.com\"],"
        "\"email_address_identification_status\":[\"reserved\"],"
        "\"public_metadata\":{\"plan\":\"free\"},\"skip_password_requirement\":true}\n"
        "lost logins_count 1\n");
}

static void maps_without_a_platform(void **state)
{
    expect_mapped(state,
                  "{\"fields\":{\"external_id\":\"{{ID}}\","
                  "\"email_address\":[{\"value\":\"{{Mail}}\",\"verified\":\"{{Ok}}\"},"
                  "\"{{Other | verified}}\"],\"phone_number\":\"{{Phone}}\","
                  "\"first_name\":\"{{First Name}}\",\"unsafe_metadata\":{\"a\":\"{{x}}\","
                  "\"b\":[1,\"{{y}}\"]},\"unsafe_metadata.c\":\"{{y}}\",\"created_at\":\"{{At}}\","
                  "\"banned\":\"{{Off}}\"}}",
                  "{\"ID\":7,\"Mail\":\"a@b.com\",\"Ok\":\"2020-01-01\",\"Other\":\"c@b.com\","
                  "\"Phone\":\"+14155550100\",\"First Name\":\"Ada\",\"y\":{\"z\":1},"
                  "\"At\":1600000000,\"Off\":\"true\",\"spare\":1}\n"
                  "{\"ID\":\"8\",\"Mail\":\"d@b.com\",\"Ok\":null}\n"
                  "{\"ID\":\"9\",\"Mail\":\"e@b.com\",\"Ok\":\"perhaps\"}\n",
                  "1 {\"external_id\":\"7\",\"first_name\":\"Ada\",\"email_address\":[\"a@b.com\","
                  "\"c@b.com\"],\"phone_number\":[\"+14155550100\"],"
                  "\"phone_number_identification_status\":[\"reserved\"],"
                  "\"unsafe_metadata\":{\"b\":[1,{\"z\":1}],\"c\":{\"z\":1}},"
                  "\"created_at\":\"2020-09-13T12:26:40.000Z\",\"banned\":true,"
                  "\"skip_password_requirement\":true}\n"
                  "2 {\"external_id\":\"8\",\"email_address\":[\"d@b.com\"],"
                  "\"email_address_identification_status\":[\"reserved\"],"
                  "\"unsafe_metadata\":{\"b\":[1,null]},\"skip_password_requirement\":true}\n"
                  "3 9 invalid_type: email_address is a string, not true, false or the date of "
                  "verification\nlost spare 1\n");
}

static void converts_passwords(void **state)
{
    expect_mapped(state,
                  "{\"fields\":{\"external_id\":\"{{id}}\",\"email_address\":\"{{m | verified}}\","
                  "\"password\":\"{{p | django}}\"}}",
                  "{\"id\":\"1\",\"m\":\"a@b.com\",\"p\":\"pbkdf2_sha256$1000$c2FsdHNhbHQ$"
                  "CL9SsWjF3L4ggRv7GCdOrJkGafxdu/G2tMwePhrYrBk=\"}\n"
                  "{\"id\":\"2\",\"m\":\"b@b.com\",\"p\":null}\n",
                  "1 {\"external_id\":\"1\",\"email_address\":[\"a@b.com\"],\"password_hasher\":"
                  "\"pbkdf2_sha256_django\",\"password_digest\":\"pbkdf2_sha256$1000$c2FsdHNhbHQ$"
                  "CL9SsWjF3L4ggRv7GCdOrJkGafxdu/G2tMwePhrYrBk=\"}\n"
                  "2 {\"external_id\":\"2\",\"email_address\":[\"b@b.com\"],"
                  "\"skip_password_requirement\":true}\n");
}

static void holds_users_against_rules(void **state)
{
    expect_mapped(
        state,
        "{\"extends\":\"usher\",\"rules\":{\"email_address\":{\"required\":true,"
        "\"pattern\":\"@b[.]com$\"},\"username\":{\"pattern\":\"^[a-z]+$\"}}}",
        "{\"external_id\":\"1\",\"username\":\"good\",\"email_address\":[\"a@b.com\"]}\n"
        "{\"external_id\":\"2\",\"username\":\"good\"}\n"
        "{\"external_id\":\"3\",\"username\":\"bad7\",\"email_address\":[\"c@b.com\"]}\n"
        "{\"external_id\":\"4\",\"email_address\":[\"d@b.com\",\"d@c.com\"]}\n",
        "1 {\"external_id\":\"1\",\"username\":\"good\",\"email_address\":[\"a@b.com\"],"
        "\"skip_password_requirement\":true}\n"
        "2 2 missing_field: the mapping requires email_address\n"
        "3 3 invalid_username: username does not match the mapping's pattern ^[a-z]+$\n"
        "4 4 invalid_email: email_address does not match the mapping's pattern @b[.]com$\n");
}

static void names_every_mistake(void **state)
{
    static const char *const cases[][2] = {
        {"[]", "an object with extends, fields and rules"},
        {"{", "not JSON"},
        {"{}", "neither extends nor fields"},
        {"{\"extend\":\"auth0\"}", "there are extends, fields and rules"},
        {"{\"extends\":\"auth1\"}", "extends: there is no such platform; there are auth0"},
        {"{\"fields\":[]}", "fields: an object goes here"},
        {"{\"fields\":{\"email\":\"{{e}}\"}}",
         "fields.email: there is no such field; there are ext"},
        {"{\"fields\":{\"username\":\"{{e\"}}", "fields.username: in \"{{e\": "},
        {"{\"fields\":{\"username\":{\"a\":1}}}", "fields.username: a string goes here"},
        {"{\"fields\":{\"username.a\":\"x\"}}", "fields.username.a: only public_metadata"},
        {"{\"fields\":{\"public_metadata.a.b\":\"x\"}}", "one key goes behind the dot"},
        {"{\"fields\":{\"public_metadata\":7}}", "an object, or a \"{{path}}\" to one"},
        {"{\"fields\":{\"email_address\":{\"v\":1}}}", "fields.email_address: an address is"},
        {"{\"fields\":{\"email_address\":\"{{e | sure}}\"}}", "an address takes \"verified\""},
        {"{\"fields\":{\"password\":\"{{e | rot13}}\"}}", "there is no filter \"rot13\""},
        {"{\"fields\":{\"locale\":\"{{e | x}}\"}}", "only addresses and passwords take one"},
        {"{\"extends\":\"auth0\",\"rules\":{\"mail\":{}}}", "rules.mail: there is no such field"},
        {"{\"extends\":\"auth0\",\"rules\":{\"username\":1}}", "rules.username: an object"},
        {"{\"extends\":\"auth0\",\"rules\":{\"username\":{\"min\":1}}}", "there are required"},
        {"{\"extends\":\"auth0\",\"rules\":{\"username\":{\"pattern\":\"(\"}}}",
         "rules.username.pat"},
        {"{\"extends\":\"auth0\",\"rules\":{\"banned\":{\"pattern\":\"x\"}}}", "is no text"},
    };
    struct files *files = *state;
    put(files->export, "{\"user_id\":\"1\"}\n");
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        put(files->mapping, cases[i][0]);
        run(files, &(struct source_opts){.path = files->export, .from = text_of(files->mapping)});
        const char *said = buf_z(&files->out);
        char start[128];
        snprintf(start, sizeof(start), "refused %d: mapping %s: ", ERR_USAGE, files->mapping);
        if (strncmp(said, start, strlen(start)) != 0 || !strstr(said, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], said);
    }
}

static const char users[] = "[{\"external_id\":\"1\",\"username\":\"user1\"},\n"
                            "{\"external_id\":\"2\",\"username\":\"user2\"}, 7,\n"
                            "{\"external_id\":\"3\",\n\"username\":\"user3\"}]";

static void expect_through(void **state, const char *command, const char *wanted)
{
    struct files *files = *state;
    run(files,
        &(struct source_opts){.path = files->export, .from = TEXT("usher"), .through = command});
    assert_string_equal(buf_z(&files->out), wanted);
}

static void pipes_through_a_program(void **state)
{
    struct files *files = *state;
    put(files->export, users);
    expect_through(
        state, "sed 's/user\\([0-9]\\)/name\\1/' | grep -v '\"2\"'",
        "3  not_an_object: a number where an object should be\n"
        "1 {\"external_id\":\"1\",\"username\":\"name1\",\"skip_password_requirement\":true}\n"
        "2 {\"external_id\":\"3\",\"username\":\"name3\",\"skip_password_requirement\":true}\n");
    expect_through(state, "cat; exit 3", "refused 4: the program of --through ended with status 3");
    expect_through(state, "kill -9 $$",
                   "refused 4: the program of --through was ended by signal 9 (Killed)");
    expect_through(state, "no-such-program-here 2>/dev/null",
                   "refused 4: the program of --through ended with status 127");
}

/* Much more than a pipe holds, in both directions at once. */
static void does_not_block(void **state)
{
    struct files *files = *state;
    FILE *file = fopen(files->export, "w");
    char tail[64];
    assert_non_null(file);
    for (int i = 0; i < 20000; i++)
        fprintf(file,
                "{\"external_id\":\"%d\",\"username\":\"user%d\",\"unsafe_metadata\":{\"a\":"
                "\"%060d\"}}\n",
                i, i, i);
    fclose(file);
    struct source_opts opts = {.path = files->export, .from = TEXT("auto"), .through = "cat"};
    struct source *source;
    struct source_row row;
    struct err err;
    int got, rows = 0;
    assert_int_equal(source_open(&source, &opts, &err), 0);
    while ((got = source_next(source, &row, &err)) > 0)
        rows++;
    assert_int_equal(got, 0);
    assert_int_equal(rows, 20000);
    assert_int_equal(source_bytes_read(source), source_bytes_total(source));
    source_close(source);

    opts.through = "head -n 10000";
    assert_int_equal(source_open(&source, &opts, &err), 0);
    while ((got = source_next(source, &row, &err)) > 0)
        ;
    assert_int_equal(got, -1);
    assert_int_equal(err.code, ERR_IO);
    snprintf(tail, sizeof(tail), "before it had read all records");
    assert_non_null(strstr(err.message, tail));
    source_close(source);

    opts.through = "cat; sleep 1000"; /* closing ends it */
    assert_int_equal(source_open(&source, &opts, &err), 0);
    source_close(source);
}

static void refuses_what_is_no_export(void **state)
{
    static const struct {
        const char *from, *text;
        enum err_code code;
        const char *said;
    } cases[] = {
        {"auth0", "", ERR_INPUT, "is empty"},
        {"auth0", "[1,2,3]", ERR_INPUT, "none of its first records is an object"},
        {"auth0", "<html>", ERR_INPUT, "HTML"},
        {"auth0", "{\"localId\":\"x\"}", ERR_INPUT, "look like an export of firebase"},
        {"auth1", "{\"user_id\":\"x\"}", ERR_USAGE, "there are auto, auth0"},
        {"auto", "{\"a\":\"x\"}", ERR_INPUT, "no known platform"},
        {"firebase", "{\"localId\":\"x\",\"passwordHash\":\"aGFzaA==\",\"salt\":\"c2FsdA==\"}",
         ERR_USAGE, "--firebase-signer-key"},
        {"own.json", "{\"a\":1}", ERR_USAGE, "own.json: No such file"},
    };
    struct files *files = *state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char start[32];
        put(files->export, cases[i].text);
        run(files, &(struct source_opts){.path = files->export, .from = text_of(cases[i].from)});
        snprintf(start, sizeof(start), "refused %d: ", cases[i].code);
        if (strncmp(buf_z(&files->out), start, strlen(start)) != 0 ||
            !strstr(buf_z(&files->out), cases[i].said))
            fail_msg("%s: %s", cases[i].text, buf_z(&files->out));
    }
}

/* Paths lead through objects, arrays, and strings that hold JSON; the first row of a field wins. */
static void tables_follow_paths(void **state)
{
    static const struct platform_row rows[] = {
        {"id", USER_FIELD_external_id, AS_TEXT},
        {"profile.names.0", USER_FIELD_first_name, AS_TEXT},
        {"name", USER_FIELD_first_name, AS_TEXT},
        {"profile.deep.last", USER_FIELD_last_name, AS_TEXT},
    };
    static const struct platform platform = {
        .name = "test", .rows = rows, .row_count = ARRAY_COUNT(rows)};
    static const char *const cases[][3] = {
        {"{\"id\":\"1\",\"profile\":{\"names\":[\"A\"],\"deep\":{\"last\":\"B\"}},\"name\":\"C\"}",
         "A", "B"},
        {"{\"id\":\"1\",\"name\":\"C\",\"profile\":\"{\\\"deep\\\":{\\\"last\\\":\\\"B\\\"}}\"}",
         "C", "B"},
        {"{\"id\":\"1\",\"profile\":\"no JSON\",\"name\":\"C\"}", "C", NULL},
    };
    struct files *files = *state;
    struct json *json, *inner;
    struct paths *paths;
    struct table *table;
    struct arena arena;
    struct user user;
    struct err err;
    arena_init(&arena, ROOM);
    assert_int_equal(json_new(&json, ROOM, &err), 0);
    assert_int_equal(json_new(&inner, ROOM, &err), 0);
    assert_int_equal(paths_new(&paths, &err), 0);
    assert_int_equal(table_new(&table, &platform, NULL, paths, &err), 0);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct draft draft = {.user = &user,
                              .arena = &arena,
                              .scratch = &files->out,
                              .json = inner,
                              .paths = paths,
                              .platform = &platform};
        struct json_value record;
        struct text id = {NULL, 0};
        assert_int_equal(json_parse(json, text_of(cases[i][0]), &record, &err), 0);
        draft_start(&draft, record);
        assert_int_equal(table_apply(table, &draft, &id), 0);
        assert_text(id, "1");
        assert_true(text_same(user.first_name, text_of(cases[i][1])));
        assert_true(text_same(user.last_name, text_of(cases[i][2])));
    }
    table_free(table);
    paths_free(paths);
    json_free(json);
    json_free(inner);
    arena_release(&arena);
}

/* Forms of records that the samples do not have. */
static void reads_other_forms(void **state)
{
    static const char *const cases[][3] = {
        {"clerk",
         "[{\"id\":\"u1\",\"primary_email_address_id\":\"i2\",\"email_addresses\":[{\"id\":\"i1\","
         "\"email_address\":\"b@b.com\",\"verification\":{\"status\":\"unverified\"}},{\"id\":"
         "\"i2\","
         "\"email_address\":\"a@b.com\",\"verification\":{\"status\":\"verified\"}},{\"id\":\"i3\","
         "\"email_address\":\"c@b.com\",\"verification\":null}],\"created_at\":1600000000000}]",
         "1 {\"external_id\":\"u1\",\"email_address\":[\"a@b.com\",\"b@b.com\",\"c@b.com\"],"
         "\"email_address_identification_status\":[\"verified\",\"reserved\",\"reserved\"],"
         "\"created_at\":\"2020-09-13T12:26:40.000Z\",\"skip_password_requirement\":true}\n"},
        {"supabase",
         "{\"id\":\"s1\",\"email\":\"a@b.com\",\"email_confirmed_at\":\"2020-01-01T00:00:00Z\","
         "\"user_metadata\":{\"name\":\"Ada King "
         "Lovelace\"},\"app_metadata\":{\"provider\":\"email\","
         "\"plan\":\"pro\"},\"encrypted_password\":\"$argon2id$v=19$m=64,t=2,p=1$yV9F10TcI/"
         "unxINx4x+"
         "WWQ$w/oaUpc0D5MdNKKVvgen9kBFeyyGWGjffdENe6YxS3U\"}",
         "1 {\"external_id\":\"s1\",\"first_name\":\"Ada\",\"last_name\":\"King Lovelace\","
         "\"email_address\":[\"a@b.com\"],\"password_hasher\":\"argon2id\",\"password_digest\":"
         "\"$argon2id$v=19$m=64,t=2,p=1$yV9F10TcI/unxINx4x+WWQ$w/"
         "oaUpc0D5MdNKKVvgen9kBFeyyGWGjffdENe6"
         "YxS3U\",\"private_metadata\":{\"plan\":\"pro\"},\"unsafe_metadata\":{\"name\":"
         "\"Ada King Lovelace\"}}\n"},
        {"auth0",
         "{\"user_id\":\"x|1\",\"email\":\"a@b.com\",\"email_verified\":true,\"custom_password_"
         "hash\":"
         "{\"algorithm\":\"sha1\",\"hash\":{\"value\":\"4a505f4a03dd16f35af3020c10a5d9d240a0ef59\","
         "\"encoding\":\"hex\"}}}",
         "1 x|1 unsupported_password: "},
        {"firebase",
         "{\"uid\":\"f1\",\"email\":\"a@b.com\",\"disabled\":false,\"passwordHash\":\"UkVEQUNURUQ="
         "\"}",
         "1 f1 unsupported_password: the hash says REDACTED"},
        {"firebase",
         "{\"uid\":\"f1\",\"email\":\"a@b.com\",\"passwordHash\":\"yZRMbNwpwozsLTmqCLTUsye08_"
         "ocIboGfxty"
         "0B0OGKR1uA9ajBYOwxqZ-gOrGbhq41Pmn2mGlUu7LD2zSgR_Iw==\",\"passwordSalt\":"
         "\"6Q18b87ajBRREQ\"}",
         "1 "
         "{\"external_id\":\"f1\",\"email_address\":[\"a@b.com\"],\"email_address_identification_"
         "status"
         "\":[\"reserved\"],\"password_hasher\":\"scrypt_firebase\",\"password_digest\":"
         "\"yZRMbNwpwozsLTmq"
         "CLTUsye08/ocIboGfxty0B0OGKR1uA9ajBYOwxqZ+gOrGbhq41Pmn2mGlUu7LD2zSgR/"
         "Iw==$6Q18b87ajBRREQ==$"
         "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==$"
         "Bw==$8$14\"}\n"},
        {"usher",
         "{\"external_id\":\"1\",\"email_address\":[{\"value\":\"a@b.com\",\"verified\":false},"
         "\"b@b.com\"],\"phone_number\":[\"+14155550100\"],\"phone_number_identification_status\":"
         "[\"reserved\"],\"backup_codes\":[\"a1b2c3d4\"],\"create_organizations_limit\":3}",
         "1 {\"external_id\":\"1\",\"email_address\":[\"a@b.com\",\"b@b.com\"],"
         "\"email_address_identification_status\":[\"reserved\",\"verified\"],\"phone_number\":"
         "[\"+14155550100\"],\"phone_number_identification_status\":[\"reserved\"],"
         "\"backup_codes\":[\"a1b2c3d4\"],\"create_organizations_limit\":3,"
         "\"skip_password_requirement\":true}\n"},
        {"usher", "{\"external_id\":\"a\\u0000b\",\"username\":\"user1\"}",
         "1  invalid_type: external_id has a NUL character\n"},
    };
    struct files *files = *state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        put(files->export, cases[i][1]);
        run(files,
            &(struct source_opts){.path = files->export,
                                  .from = text_of(cases[i][0]),
                                  .firebase = {TEXT("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIS"
                                                    "IjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="),
                                               TEXT("Bw"), 8, 14}});
        if (strncmp(buf_z(&files->out), cases[i][2], strlen(cases[i][2])) != 0)
            fail_msg("%s: %s", cases[i][1], buf_z(&files->out));
    }
}

static void detects_platforms(void **state)
{
    static const char *const cases[][2] = {
        {"{\"user_id\":\"1\",\"email\":\"a@b.com\",\"email_verified\":true}", "auth0"},
        {"{\"id\":\"1\",\"email\":\"a@b.com\",\"emailVerified\":null}", "authjs"},
        {"{\"id\":\"1\",\"primary_email_address_id\":\"i\",\"email_addresses\":[]}", "clerk"},
        {"{\"localId\":\"1\"}", "firebase"},
        {"{\"id\":\"1\",\"email\":\"a@b.com\",\"raw_user_meta_data\":{}}", "supabase"},
        {"{\"external_id\":\"1\"}", "usher"},
    };
    struct files *files = *state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct source *source;
        struct err err;
        put(files->export, cases[i][0]);
        if (source_open(&source, &(struct source_opts){.path = files->export}, &err) != 0)
            fail_msg("%s: %s", cases[i][0], err.message);
        assert_true(text_same(source_platform(source), text_of(cases[i][1])));
        source_close(source);
    }
}

/* A digest that comes later than the look at the beginning is not guessed at either. */
static void wants_parameters_for_late_digests(void **state)
{
    struct files *files = *state;
    FILE *file = fopen(files->export, "w");
    assert_non_null(file);
    for (int i = 0; i < 100; i++)
        fprintf(file, "{\"localId\":\"%d\",\"email\":\"u%d@b.com\"%s}\n", i, i,
                i == 99 ? ",\"passwordHash\":\"aGFzaA==\",\"salt\":\"c2FsdA==\"" : "");
    fclose(file);
    run(files, &(struct source_opts){.path = files->export, .from = TEXT("firebase")});
    assert_non_null(strstr(buf_z(&files->out), "\n99 {"));
    assert_non_null(strstr(buf_z(&files->out), "error 2: "));
    assert_non_null(strstr(buf_z(&files->out), "--firebase-mem-cost"));
}

static uint64_t hash_of(struct files *files, struct source_opts opts)
{
    struct source *source;
    struct err err = {0};
    opts.path = files->export;
    if (source_open(&source, &opts, &err) != 0)
        fail_msg("%s", err.message);
    uint64_t hash = source_mapping_hash(source);
    source_close(source);
    return hash;
}

static void mapping_hash_tells_mappings_apart(void **state)
{
    struct files *files = *state;
    put(files->export, "{\"id\":\"1\",\"email\":\"a@b.com\",\"name\":\"A\"}\n");
    uint64_t automatic = hash_of(files, (struct source_opts){.from = TEXT("auto")});
    uint64_t named = hash_of(files, (struct source_opts){.from = TEXT("authjs")});
    uint64_t other = hash_of(files, (struct source_opts){.from = TEXT("authjs"), .through = "cat"});
    put(files->mapping, "{\"extends\":\"authjs\"}");
    uint64_t mapped = hash_of(files, (struct source_opts){.from = text_of(files->mapping)});
    assert_true(automatic == named);
    assert_true(named != other && named != mapped && other != mapped);
    assert_true(mapped == hash_of(files, (struct source_opts){.from = text_of(files->mapping)}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(extends_a_platform, setup, teardown),
        cmocka_unit_test_setup_teardown(maps_without_a_platform, setup, teardown),
        cmocka_unit_test_setup_teardown(converts_passwords, setup, teardown),
        cmocka_unit_test_setup_teardown(holds_users_against_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(names_every_mistake, setup, teardown),
        cmocka_unit_test_setup_teardown(pipes_through_a_program, setup, teardown),
        cmocka_unit_test_setup_teardown(does_not_block, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_export, setup, teardown),
        cmocka_unit_test_setup_teardown(tables_follow_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_other_forms, setup, teardown),
        cmocka_unit_test_setup_teardown(detects_platforms, setup, teardown),
        cmocka_unit_test_setup_teardown(wants_parameters_for_late_digests, setup, teardown),
        cmocka_unit_test_setup_teardown(mapping_hash_tells_mappings_apart, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
