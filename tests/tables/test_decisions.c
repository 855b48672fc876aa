/*
 * Every line of decisions.txt is asked of decide_next in all combinations that it names. Of the combinations
 * that can arise, every one must be named: for each kind, what Clerk can say to it.
 */
#include "unit/test.h"

#include <stdlib.h>

#include "trickle/decide.h"

static char covered[DECIDE_KIND_COUNT][DECIDE_CLERK_COUNT][DECIDE_LEGACY_COUNT][DECIDE_MOVED_COUNT];
static int lines, asked;

#define NAME(name, meaning) #name,
static const char *const kinds[] = {DECIDE_KINDS(NAME)};
static const char *const clerks[] = {DECIDE_CLERKS(NAME)};
static const char *const legacies[] = {DECIDE_LEGACIES(NAME)};
static const char *const moveds[] = {DECIDE_MOVEDS(NAME)};
static const char *const actions[] = {DECIDE_ACTIONS(NAME)};

/* Whether a|b|c or * names it. */
static bool names(struct text list, const char *name)
{
    struct text one;
    if (text_same(list, TEXT("*")))
        return true;
    while (text_field(&list, '|', &one))
        if (text_same(one, text_of(name)))
            return true;
    return false;
}

/* Every word of a list must be one of the table's, or the line would test nothing. */
static void check_words(struct text list, const char *const *table, size_t count)
{
    struct text one;
    while (!text_same(list, TEXT("*")) && text_field(&list, '|', &one)) {
        size_t i = 0;
        while (i < count && !text_same(one, text_of(table[i])))
            i++;
        if (i == count)
            fail_msg("%.*s is no word of its table", TEXT_ARG(one));
    }
}

static struct decide_policy policy_of(struct text words)
{
    struct decide_policy policy = {DECIDE_CODES_MOVE, DECIDE_SIGN_UP_REFUSE, DECIDE_UNSURE_REFUSE,
                                   DECIDE_FILL_MISSING};
    if (text_same(words, TEXT("codes:pass")))
        policy.codes = DECIDE_CODES_PASS;
    else if (text_same(words, TEXT("sign_up:pass")))
        policy.sign_up = DECIDE_SIGN_UP_PASS;
    else if (text_same(words, TEXT("sign_up_unsure:pass")))
        policy.sign_up_unsure = DECIDE_UNSURE_PASS;
    else if (text_same(words, TEXT("passwords:never")))
        policy.passwords = DECIDE_FILL_NEVER;
    else if (!text_same(words, TEXT("-")) && !text_same(words, TEXT("*")))
        fail_msg("%.*s is no policy", TEXT_ARG(words));
    return policy;
}

static void ask(const struct decide_facts *facts, const struct text words[6], const char *line)
{
    struct decide_policy policy = policy_of(words[4]);
    enum decide_action action = decide_next(facts, &policy);
    asked++;
    if (!text_same(words[5], text_of(actions[action])))
        fail_msg("%s with %s %s %s %s: %s", line, kinds[facts->kind], clerks[facts->clerk],
                 legacies[facts->legacy], moveds[facts->moved], actions[action]);
    if (text_same(words[4], TEXT("-")) || text_same(words[4], TEXT("*")))
        covered[facts->kind][facts->clerk][facts->legacy][facts->moved] = 1;
}

#define EACH(i, count) for (int i = 0; i < (int)(count); i++)

static void check_line(struct text words[6], const char *line)
{
    check_words(words[0], kinds, ARRAY_COUNT(kinds));
    check_words(words[1], clerks, ARRAY_COUNT(clerks));
    check_words(words[2], legacies, ARRAY_COUNT(legacies));
    check_words(words[3], moveds, ARRAY_COUNT(moveds));
    check_words(words[5], actions, ARRAY_COUNT(actions));
    lines++;
    EACH(k, ARRAY_COUNT(kinds))
    EACH(c, ARRAY_COUNT(clerks))
    EACH(l, ARRAY_COUNT(legacies))
    EACH(m, ARRAY_COUNT(moveds))
    if (names(words[0], kinds[k]) && names(words[1], clerks[c]) && names(words[2], legacies[l]) &&
        names(words[3], moveds[m]))
        ask(&(struct decide_facts){k, c, l, m}, words, line);
}

static void read_lines(const char *path)
{
    char line[512];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        struct text rest = text_trim(text_of(line)), word, words[6];
        size_t count = 0;
        if (rest.len == 0 || rest.at[0] == '#')
            continue;
        while (text_field(&rest, ' ', &word))
            if (word.len > 0 && count < 6)
                words[count++] = word;
        assert_int_equal(count, 6);
        check_line(words, line);
    }
    fclose(file);
}

/* Which of Clerk's words can stand beside a kind: a held back request has none, others have one. */
static bool can_be(int kind, int clerk)
{
    bool held_back = kind == DECIDE_KIND_synthetic_attempt || kind == DECIDE_KIND_synthetic_code ||
                     kind == DECIDE_KIND_sign_up;
    bool by_password =
        kind == DECIDE_KIND_password || kind == DECIDE_KIND_attempt || kind == DECIDE_KIND_backend;
    if (kind == DECIDE_KIND_hidden_code)
        return clerk == DECIDE_CLERK_not_asked || clerk == DECIDE_CLERK_unknown_user ||
               clerk == DECIDE_CLERK_hidden || clerk == DECIDE_CLERK_cannot_tell;
    if (held_back || clerk == DECIDE_CLERK_not_asked)
        return held_back && clerk == DECIDE_CLERK_not_asked;
    return by_password || clerk == DECIDE_CLERK_unknown_user || clerk == DECIDE_CLERK_other;
}

static void test_table(void **state)
{
    char path[4096];
    (void)state;
    snprintf(path, sizeof(path), "%s/tests/tables/decisions.txt", getenv("USHER_ROOT"));
    read_lines(path);
    EACH(k, ARRAY_COUNT(kinds))
    EACH(c, ARRAY_COUNT(clerks))
    EACH(l, ARRAY_COUNT(legacies))
    EACH(m, ARRAY_COUNT(moveds))
    if (can_be(k, c) && !covered[k][c][l][m])
        fail_msg("no line covers %s %s %s %s", kinds[k], clerks[c], legacies[l], moveds[m]);
    assert_true(lines > 40 && asked > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
