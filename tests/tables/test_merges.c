/*
 * Runs the cases of merges.txt: a user as last written, as the source has it now, and as Clerk shows it, through
 * the real mapping, the real User object and the real merge.
 */
#include "unit/test.h"

#include "clerk/clerk.h"
#include "migrate/merge.h"
#include "source/source.h"

#define ROOM ((size_t)1 << 20)
#define LINE 1024

struct bench {
    struct source_single *single;
    struct json *json, *rows, *there;
    struct field_hasher hasher;
    struct hash_key key;
    struct arena arena;
    struct buf told;
    struct err err;
};

static int setup(void **state)
{
    static struct bench bench;
    *state = &bench;
    bench.key = hash_key_random();
    arena_init(&bench.arena, ROOM);
    buf_init(&bench.told, ROOM);
    return source_single_open(&bench.single, &(struct source_opts){.from = TEXT("usher")},
                              &bench.err) ||
           json_new(&bench.json, ROOM, &bench.err) || json_new(&bench.rows, ROOM, &bench.err) ||
           json_new(&bench.there, ROOM, &bench.err) || field_hasher_init(&bench.hasher, &bench.err);
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    source_single_close(bench->single);
    json_free(bench->json);
    json_free(bench->rows);
    json_free(bench->there);
    field_hasher_release(&bench->hasher);
    arena_release(&bench->arena);
    buf_release(&bench->told);
    return 0;
}

/* The members of `base`, those that `over` has replaced by its own, and the others of `over`. */
static struct text overlay(struct bench *bench, struct text base, struct text over)
{
    struct json_value low, high;
    struct buf buf;
    buf_init(&buf, ROOM);
    assert_int_equal(json_parse(bench->json, base, &low, &bench->err), 0);
    assert_int_equal(json_parse(bench->rows, over, &high, &bench->err), 0);
    struct json_out out = json_out(&buf);
    json_open(&out, '{');
    for (struct json_walk walk = json_walk(low); json_next(&walk);) {
        if (json_type(json_get(high, walk.key)) != JSON_ABSENT)
            continue;
        json_key(&out, walk.key);
        json_put_value(&out, walk.value);
    }
    for (struct json_walk walk = json_walk(high); json_next(&walk);) {
        json_key(&out, walk.key);
        json_put_value(&out, walk.value);
    }
    json_close(&out, '}');
    struct text whole = arena_copy(&bench->arena, buf_text(&buf));
    buf_release(&buf);
    return whole;
}

/* Every user has an id and, if the case gives no other, a username. */
static struct text record_of(struct bench *bench, struct text given)
{
    return overlay(bench, TEXT("{\"external_id\":\"u\",\"username\":\"user_1\"}"), given);
}

static struct user map(struct bench *bench, struct text record)
{
    struct user user;
    struct user_reject reject;
    int got = source_single_map(bench->single, record, &bench->arena, &user, &reject, &bench->err);
    if (got)
        fail_msg("%.*s: %s", TEXT_ARG(record), got > 0 ? reject.detail : bench->err.message);
    return user;
}

static struct clerk_identifier *identifiers(struct bench *bench, char letter,
                                            const struct user_identifiers *list)
{
    struct clerk_identifier *at = arena_zalloc(&bench->arena, list->count + 1, sizeof(*at));
    for (size_t i = 0; i < list->count; i++)
        at[i] = (struct clerk_identifier){.id = arena_printf(&bench->arena, "idn_%c%zu", letter, i),
                                          .value = list->at[i].value,
                                          .status = list->at[i].verified ? CLERK_VERIFIED
                                                                         : CLERK_RESERVED};
    return at;
}

static bool has_word(const char *line, const char *word)
{
    return strstr(line, word) != NULL;
}

/* The User object that Clerk shows of a user; the words tell of what was set there since. */
static struct json_value shown(struct bench *bench, const struct user *user, const char *words)
{
    struct json_value root;
    struct buf buf;
    bool totp = user->totp_secret.len > 0;
    struct clerk_user clerk = {
        .id = TEXT("user_1"),
        .user = *user,
        .password_enabled = user->password_digest.len > 0 && !has_word(words, "-password"),
        .totp_enabled = totp,
        .backup_code_enabled = user->backup_codes.count > 0,
        .emails = identifiers(bench, 'e', &user->email_address),
        .email_count = user->email_address.count,
        .phones = identifiers(bench, 'p', &user->phone_number),
        .phone_count = user->phone_number.count,
        .primary_email_id = user->email_address.count ? TEXT("idn_e0") : (struct text){NULL, 0},
        .primary_phone_id = user->phone_number.count ? TEXT("idn_p0") : (struct text){NULL, 0},
        .password_updated_at = has_word(words, "password") ? 2000 : 1000,
        .mfa_enabled_at = has_word(words, "+factor") ? 2000
                          : totp                     ? 1000
                                                     : USER_UNSET,
        .mfa_disabled_at = USER_UNSET,
    };
    if (has_word(words, "second is primary"))
        clerk.primary_email_id = TEXT("idn_e1");
    buf_init(&buf, ROOM);
    clerk_write_user(&clerk, &buf);
    assert_int_equal(json_parse(bench->there, buf_text(&buf), &root, &bench->err), 0);
    buf_release(&buf);
    return root;
}

static void on_told(void *arg, enum user_field field, struct text path, enum merge_result result)
{
    struct bench *bench = arg;
    buf_printf(&bench->told, " | %s %s%s%.*s", result == MERGE_KEPT ? "clerk" : "source",
               user_field_infos[field].name, path.len ? "." : "", TEXT_ARG(path));
}

/* "PATCH {…}; POST /ban | clerk first_name", "-" for nothing at all. */
static void describe(struct steps *steps, struct text told, struct buf *to)
{
    struct step step;
    while (steps_next(steps, &step)) {
        struct text path = step.path, own = TEXT("/v1/users/user_1");
        if (text_starts(path, own))
            path = text_part(path, own.len, path.len);
        buf_printf(to, "%s%s%s%.*s%s%.*s", to->len ? "; " : "", step.method, path.len ? " " : "",
                   TEXT_ARG(path), step.body.len ? " " : "", TEXT_ARG(step.body));
    }
    if (to->len == 0)
        buf_add(to, TEXT("-"));
    buf_add(to, told);
}

/* What the ledger has after `user` was written. */
static struct text remember(struct bench *bench, const struct user *user)
{
    struct field_hashes hashes;
    struct buf marks, content;
    buf_init(&marks, ROOM);
    buf_init(&content, ROOM);
    assert_int_equal(field_hashes_of(&bench->hasher, &bench->key, user, &hashes, &bench->err), 0);
    assert_int_equal(record_add_user(&bench->hasher, &bench->key, user, &marks, &bench->err), 0);
    record_add_witnesses(&bench->key, shown(bench, user, ""), RECORD_WITNESSES, &marks);
    record_encode(&hashes, &marks, &content);
    struct text copy = arena_copy(&bench->arena, buf_text(&content));
    buf_release(&marks);
    buf_release(&content);
    return copy;
}

static uint64_t preferred(struct text *line)
{
    uint64_t set = 0;
    struct text names, name, prefix = TEXT("prefer ");
    if (!text_starts(*line, prefix))
        return 0;
    size_t end = text_find(*line, ' ', prefix.len);
    names = text_part(*line, prefix.len, end - prefix.len);
    *line = text_part(*line, end + 1, line->len);
    while (text_field(&names, ',', &name))
        set |= USER_FIELD_BIT(user_field_find(name));
    return set;
}

static void run_case(struct bench *bench, char lines[3][LINE])
{
    struct text first = text_of(lines[0]), none = TEXT("nothing");
    uint64_t prefer = preferred(&first);
    const char *arrow = strstr(first.at, " => ");
    assert_non_null(arrow);
    struct text before = {first.at, (size_t)(arrow - first.at)}, after = text_of(arrow + 4);
    bool existing = text_same(before, none);
    struct text clerk =
        text_part(text_of(lines[1]), 0, (size_t)(strrchr(lines[1], '}') - lines[1]) + 1);
    const char *words = lines[1] + clerk.len;

    struct text base = record_of(bench, existing ? TEXT("{}") : before);
    struct user written = map(bench, base), now = map(bench, record_of(bench, after));
    struct user there = map(bench, overlay(bench, base, clerk));
    struct buf row, marks, got;
    struct steps steps;
    struct field_hashes hashes;
    struct merge merge = {.hasher = &bench->hasher,
                          .key = &bench->key,
                          .source = &hashes,
                          .prefer = prefer,
                          .told = on_told,
                          .arg = bench,
                          .steps = &steps,
                          .marks = &marks};
    buf_init(&row, ROOM);
    buf_init(&marks, ROOM);
    buf_init(&got, ROOM);
    buf_reset(&bench->told);
    steps_init(&steps);
    if (!existing)
        record_decode(&merge.written, remember(bench, &written));
    assert_int_equal(field_hashes_of(&bench->hasher, &bench->key, &now, &hashes, &bench->err), 0);
    clerk_create_body(&now, &row);
    assert_int_equal(json_parse(bench->rows, buf_text(&row), &merge.row, &bench->err), 0);
    merge.target = shown(bench, &there, words);
    assert_int_equal(merge_user(&merge, &bench->err), 0);
    describe(&steps, buf_text(&bench->told), &got);
    if (strcmp(buf_z(&got), lines[2]) != 0)
        fail_msg("%s\n%s\nwanted %s\ngot    %s", lines[0], lines[1], lines[2], buf_z(&got));
    buf_release(&row);
    buf_release(&marks);
    buf_release(&got);
    steps_release(&steps);
    arena_reset(&bench->arena);
}

static void table(void **state)
{
    char path[512], lines[3][LINE];
    size_t at = 0, cases = 0;
    snprintf(path, sizeof(path), "%s/tests/tables/merges.txt", getenv("USHER_ROOT"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(lines[at], LINE, file)) {
        lines[at][strcspn(lines[at], "\n")] = 0;
        if (at == 0 && (lines[0][0] == '#' || lines[0][0] == 0))
            continue;
        if (++at < 3)
            continue;
        run_case(*state, lines);
        at = 0;
        cases++;
    }
    fclose(file);
    assert_int_equal(at, 0);
    assert_true(cases > 60);
}

/* Three values and absence on each of three sides, against the sentence that defines the merge. */
static void every_combination(void **state)
{
    (void)state;
    for (uint64_t written = 0; written < 4; written++)
        for (uint64_t source = 0; source < 4; source++)
            for (uint64_t target = 0; target < 4; target++) {
                bool source_changed = source != written, target_changed = target != written;
                enum merge_result kept = merge_values(written, source, target, false);
                enum merge_result preferred = merge_values(written, source, target, true);
                if (!source_changed || source == target) {
                    assert_int_equal(kept, MERGE_NOTHING);
                    assert_int_equal(preferred, MERGE_NOTHING);
                } else {
                    assert_int_equal(kept, target_changed ? MERGE_KEPT : MERGE_WRITE);
                    assert_int_equal(preferred, target_changed ? MERGE_OVERRULED : MERGE_WRITE);
                }
            }
}

/* A secret is written only where it is known that nobody was there since. */
static void every_secret(void **state)
{
    (void)state;
    for (uint64_t written = 0; written < 3; written++)
        for (uint64_t source = 0; source < 3; source++)
            for (int touch = RECORD_UNTOUCHED; touch <= RECORD_UNKNOWN; touch++) {
                enum merge_result kept = merge_secret(written, source, touch, false);
                if (source == written)
                    assert_int_equal(kept, MERGE_NOTHING);
                else
                    assert_int_equal(kept, touch == RECORD_UNTOUCHED ? MERGE_WRITE : MERGE_KEPT);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination),
        cmocka_unit_test(every_secret),
        cmocka_unit_test_setup_teardown(table, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
