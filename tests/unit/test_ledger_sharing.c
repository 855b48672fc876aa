/*
 * Several writers on one ledger: in SQLite, and in PostgreSQL where tests/scenarios/postgres.py has set
 * USHER_POSTGRES. Writers are several handles of this process, and children where one has to die.
 */
#include "test.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "sql/sql.h"

#define LEASE_MS 300

struct fixture {
    char folder[64], path[256];
    struct ledger *one, *two;
    struct arena arena;
    struct err err;
};

static const struct ledger_identity identity = {
    .instance = {"production api.clerk.com 12345678", 33},
    .source = {"auth0", 5},
    .mapping_hash = 42,
};

static void drop_tables(struct fixture *f)
{
    struct sql *sql;
    assert_int_equal(sql_open(&sql, f->path, SQL_CREATE, &f->err), 0);
    assert_int_equal(sql_exec(sql, "DROP SCHEMA public CASCADE; CREATE SCHEMA public", &f->err), 0);
    sql_close(sql);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    strcpy(f->folder, "/tmp/usher-test-XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    snprintf(f->path, sizeof(f->path), "%s/a.db", f->folder);
    arena_init(&f->arena, 1 << 20);
    *state = f;
    return 0;
}

static int set_up_postgres(void **state)
{
    const char *url = getenv("USHER_POSTGRES");
    set_up(state);
    struct fixture *f = *state;
    f->path[0] = 0;
    if (!url)
        return 0;
    snprintf(f->path, sizeof(f->path), "%s", url);
    drop_tables(f);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char name[512];
    ledger_close(f->one);
    ledger_close(f->two);
    DIR *folder = opendir(f->folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        snprintf(name, sizeof(name), "%s/%s", f->folder, entry->d_name);
        unlink(name);
    }
    closedir(folder);
    rmdir(f->folder);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static struct ledger *open_more(struct fixture *f, uint32_t lease_ms)
{
    struct ledger *ledger;
    struct ledger_opts opts = {.path = f->path, .identity = identity, .lease_ms = lease_ms};
    if (ledger_open(&ledger, &opts, &f->err) != 0)
        fail_msg("%s", f->err.message);
    return ledger;
}

static void open_two(struct fixture *f, uint32_t lease_ms)
{
    f->one = open_more(f, lease_ms);
    f->two = open_more(f, lease_ms);
}

static struct ledger_claim claim_as(struct fixture *f, struct ledger *ledger, const char *id,
                                    enum ledger_state state)
{
    struct ledger_user user = {
        .external_id = text_of(id), .state = state, .hashes = TEXT("12345678")};
    struct ledger_claim claim;
    if (ledger_claim(ledger, &user, &f->arena, &claim, &f->err) != 0 ||
        ledger_commit(ledger, &f->err) != 0)
        fail_msg("%s", f->err.message);
    return claim;
}

static struct ledger_claim claim(struct fixture *f, struct ledger *ledger, const char *id)
{
    return claim_as(f, ledger, id, LEDGER_SENDING);
}

static void put(struct fixture *f, struct ledger *ledger, const char *id, enum ledger_state state)
{
    struct ledger_user user = {.external_id = text_of(id), .state = state, .attempts = 1};
    if (state == LEDGER_DONE)
        user.clerk_id = TEXT("user_1");
    if (ledger_put(ledger, &user, &f->err) != 0 || ledger_commit(ledger, &f->err) != 0)
        fail_msg("%s", f->err.message);
}

static enum ledger_state state_of(struct fixture *f, struct ledger *ledger, const char *id)
{
    struct ledger_user user;
    bool found;
    assert_int_equal(ledger_find(ledger, text_of(id), &f->arena, &user, &found, &f->err), 0);
    return found ? user.state : LEDGER_STATE_COUNT;
}

static void assert_counts(struct fixture *f, struct ledger *ledger, uint64_t sending, uint64_t done,
                          uint64_t other)
{
    uint64_t counts[LEDGER_STATE_COUNT];
    assert_int_equal(ledger_count(ledger, counts, &f->err), 0);
    assert_int_equal(counts[LEDGER_SENDING], sending);
    assert_int_equal(counts[LEDGER_DONE], done);
    assert_int_equal(counts[LEDGER_PLANNED] + counts[LEDGER_FAILED] + counts[LEDGER_REJECTED],
                     other);
}

#define NEED_DATABASE(f)                                                                           \
    if (!(f)->path[0])                                                                             \
    skip()

static void a_claim_is_one_writers(void **state)
{
    struct fixture *f = *state;
    NEED_DATABASE(f);
    open_two(f, 0);
    assert_int_equal(state_of(f, f->two, "a"),
                     LEDGER_STATE_COUNT); /* what it remembers is old soon */
    struct ledger_claim got = claim(f, f->one, "a");
    assert_int_equal(got.result, LEDGER_CLAIMED);
    assert_false(got.look_first);
    assert_int_equal(claim(f, f->two, "a").result, LEDGER_TAKEN);
    assert_counts(f, f->two, 1, 0, 0);
    put(f, f->two, "a", LEDGER_FAILED); /* not its to settle */
    assert_int_equal(state_of(f, f->two, "a"), LEDGER_SENDING);
    put(f, f->one, "a", LEDGER_DONE);
    got = claim(f, f->two, "a");
    assert_int_equal(got.result, LEDGER_MOVED);
    assert_text(got.clerk_id, "user_1");
    put(f, f->two, "a", LEDGER_REJECTED);
    assert_int_equal(state_of(f, f->one, "a"), LEDGER_DONE);
    assert_counts(f, f->one, 0, 1, 0);
}

static void what_failed_or_was_put_back_is_free(void **state)
{
    struct fixture *f = *state;
    static const enum ledger_state states[] = {LEDGER_PLANNED, LEDGER_FAILED, LEDGER_REJECTED};
    NEED_DATABASE(f);
    open_two(f, 0);
    for (size_t i = 0; i < ARRAY_COUNT(states); i++) {
        char id[2] = {(char)('0' + i), 0};
        claim(f, f->one, id);
        put(f, f->one, id, states[i]);
        struct ledger_claim got = claim(f, f->two, id);
        assert_int_equal(got.result, LEDGER_CLAIMED);
        assert_false(got.look_first);
        assert_int_equal(claim(f, f->one, id).result, LEDGER_TAKEN);
    }
    assert_counts(f, f->one, 3, 0, 0);
}

static void an_update_is_claimed_too(void **state)
{
    struct fixture *f = *state;
    NEED_DATABASE(f);
    open_two(f, 0);
    claim(f, f->one, "a");
    put(f, f->one, "a", LEDGER_DONE);
    assert_int_equal(claim_as(f, f->one, "a", LEDGER_DONE).result, LEDGER_CLAIMED);
    assert_int_equal(claim_as(f, f->two, "a", LEDGER_DONE).result, LEDGER_TAKEN);
    assert_int_equal(claim(f, f->two, "a").result, LEDGER_MOVED);
    put(f, f->one, "a", LEDGER_DONE);
    assert_int_equal(claim_as(f, f->two, "a", LEDGER_DONE).result, LEDGER_CLAIMED);
    assert_counts(f, f->one, 0, 1, 0);
}

static void a_lease_runs_out_unless_it_is_renewed(void **state)
{
    struct fixture *f = *state;
    NEED_DATABASE(f);
    open_two(f, LEASE_MS);
    claim(f, f->one, "a");
    for (int i = 0; i < 8; i++) {
        usleep(LEASE_MS * 1000 / 4);
        assert_int_equal(ledger_renew(f->one, &f->err), 0);
    }
    assert_int_equal(claim(f, f->two, "a").result, LEDGER_TAKEN);
    usleep(LEASE_MS * 2000);
    struct ledger_claim got = claim(f, f->two, "a");
    assert_int_equal(got.result, LEDGER_CLAIMED);
    assert_true(got.look_first);
    put(f, f->one, "a", LEDGER_FAILED); /* comes too late */
    assert_int_equal(state_of(f, f->two, "a"), LEDGER_SENDING);
    put(f, f->two, "a", LEDGER_DONE);
    assert_counts(f, f->one, 0, 1, 0);
}

/* What a writer says of a user whom it has lost does not take back what the next one has done and let go of. */
static void a_late_outcome_takes_nothing_back(void **state)
{
    static const enum ledger_state late[] = {LEDGER_PLANNED, LEDGER_FAILED, LEDGER_REJECTED,
                                             LEDGER_SENDING};
    struct fixture *f = *state;
    NEED_DATABASE(f);
    open_two(f, LEASE_MS);
    claim(f, f->one, "a");
    usleep(LEASE_MS * 2000);
    assert_int_equal(claim(f, f->two, "a").result, LEDGER_CLAIMED);
    put(f, f->two, "a", LEDGER_DONE);
    for (size_t i = 0; i < ARRAY_COUNT(late); i++) {
        put(f, f->one, "a", late[i]);
        assert_int_equal(state_of(f, f->two, "a"), LEDGER_DONE);
        assert_counts(f, f->one, 0, 1, 0);
    }
    /* Who claims it may: an update that finds nobody at the target. */
    assert_int_equal(claim_as(f, f->one, "a", LEDGER_DONE).result, LEDGER_CLAIMED);
    put(f, f->one, "a", LEDGER_FAILED);
    assert_int_equal(state_of(f, f->two, "a"), LEDGER_FAILED);
    assert_counts(f, f->one, 0, 0, 1);
}

static void closing_lets_go(void **state)
{
    struct fixture *f = *state;
    NEED_DATABASE(f);
    open_two(f, 0);
    claim(f, f->one, "a");
    ledger_close(f->one);
    f->one = NULL;
    struct ledger_claim got = claim(f, f->two, "a");
    assert_int_equal(got.result, LEDGER_CLAIMED);
    assert_true(got.look_first);
}

/* In a child: claims a user, says so, and waits to be killed. */
static pid_t claim_in_child(struct fixture *f, bool alone)
{
    int pipes[2];
    char byte;
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct ledger_opts opts = {.path = f->path, .identity = identity, .alone = alone};
        struct ledger_user user = {.external_id = TEXT("a"), .state = LEDGER_SENDING};
        struct ledger_claim got;
        if (ledger_open(&f->one, &opts, &f->err) == 0 &&
            ledger_claim(f->one, &user, &f->arena, &got, &f->err) == 0 &&
            ledger_commit(f->one, &f->err) == 0 && write(pipes[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    close(pipes[1]);
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    close(pipes[0]);
    return pid;
}

static void the_dead_are_noticed_before_their_lease_is_over(void **state)
{
    struct fixture *f = *state;
    NEED_DATABASE(f);
    pid_t pid = claim_in_child(f, false);
    f->two = open_more(f, 0);
    assert_int_equal(claim(f, f->two, "a").result, LEDGER_TAKEN);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    usleep(1100000); /* they are looked for once a second */
    struct ledger_claim got = claim(f, f->two, "a");
    assert_int_equal(got.result, LEDGER_CLAIMED);
    assert_true(got.look_first);
}

static void one_may_want_to_be_alone(void **state)
{
    struct fixture *f = *state;
    struct ledger_opts opts = {.path = f->path, .identity = identity, .alone = true};
    char pid_text[32];
    NEED_DATABASE(f);
    pid_t pid = claim_in_child(f, true);
    snprintf(pid_text, sizeof(pid_text), "(pid %d)", (int)pid);
    for (int alone = 0; alone < 2; alone++) {
        opts.alone = alone;
        assert_int_equal(ledger_open(&f->two, &opts, &f->err), -1);
        assert_int_equal(f->err.code, ERR_UNUSABLE);
        assert_non_null(strstr(f->err.message, pid_text));
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(ledger_open(&f->two, &opts, &f->err), 0);
    ledger_close(f->two);
    f->one = open_more(f, 0);
    assert_int_equal(ledger_open(&f->two, &opts, &f->err), -1);
}

#define RACERS 4
#define USERS  300

/* Claims every user that it can, settles it, and tells how many it had. */
static int race(struct fixture *f, uint64_t seed)
{
    struct ledger *ledger;
    struct ledger_opts opts = {.path = f->path, .identity = identity};
    int mine = 0;
    if (ledger_open(&ledger, &opts, &f->err) !=
        0) { /* no cmocka in a child: it would go on with the next test */
        fprintf(stderr, "%s\n", f->err.message);
        return -1;
    }
    for (int i = 0; i < USERS; i++) {
        char id[16];
        snprintf(id, sizeof(id), "user%d", (int)((seed * 37 + (uint64_t)i * 7) % USERS));
        struct ledger_user user = {.external_id = text_of(id), .state = LEDGER_SENDING};
        struct ledger_claim got;
        if (ledger_claim(ledger, &user, &f->arena, &got, &f->err) != 0)
            return -1;
        if (i % 9 == 0 && ledger_commit(ledger, &f->err) != 0)
            return -1;
        if (got.result != LEDGER_CLAIMED)
            continue;
        mine++;
        user.state = LEDGER_DONE;
        user.clerk_id = TEXT("user_1");
        if (i % 2 == 0 && ledger_put(ledger, &user, &f->err) != 0)
            return -1;
    }
    if (ledger_commit(ledger, &f->err) != 0)
        return -1;
    ledger_close(ledger);
    return mine;
}

static void every_user_is_claimed_once(void **state)
{
    struct fixture *f = *state;
    int pipes[2], sum = 0, status;
    uint64_t counts[LEDGER_STATE_COUNT];
    NEED_DATABASE(f);
    assert_int_equal(pipe(pipes), 0);
    for (uint64_t i = 0; i < RACERS; i++) {
        if (fork() == 0) { /* also making the tables is a race */
            int mine = race(f, i);
            _exit(write(pipes[1], &mine, sizeof(mine)) == sizeof(mine) && mine >= 0 ? 0 : 1);
        }
    }
    for (int i = 0, mine; i < RACERS; i++) {
        wait(&status);
        assert_int_equal(status, 0);
        assert_int_equal(read(pipes[0], &mine, sizeof(mine)), sizeof(mine));
        sum += mine;
    }
    f->one = open_more(f, 0);
    assert_int_equal(ledger_count(f->one, counts, &f->err), 0);
    assert_int_equal(counts[LEDGER_SENDING] + counts[LEDGER_DONE], USERS);
    assert_true(sum >= USERS); /* one that closed left those it had not settled to the others */
}

static void keys_are_seen_once(void **state)
{
    struct fixture *f = *state;
    int64_t now = clock_wall_ms();
    bool first;
    NEED_DATABASE(f);
    open_two(f, 0);
    assert_int_equal(ledger_once(f->one, "bridge", TEXT("s1"), now + 60000, &first, &f->err), 0);
    assert_true(first);
    assert_int_equal(ledger_commit(f->one, &f->err), 0);
    assert_int_equal(ledger_once(f->two, "bridge", TEXT("s1"), now + 60000, &first, &f->err), 0);
    assert_false(first);
    assert_int_equal(ledger_once(f->two, "webhook", TEXT("s1"), now - 1, &first, &f->err), 0);
    assert_true(first);
    assert_int_equal(ledger_once(f->two, "webhook", TEXT("s1"), now + 60000, &first, &f->err), 0);
    assert_true(first); /* the other one had run out */
    assert_int_equal(ledger_forget(f->two, "bridge", TEXT("s1"), &f->err), 0);
    assert_int_equal(ledger_commit(f->two, &f->err), 0);
    assert_int_equal(ledger_once(f->one, "bridge", TEXT("s1"), now + 60000, &first, &f->err), 0);
    assert_true(first);
}

static void tallies_add_up(void **state)
{
    struct fixture *f = *state;
    int64_t now = clock_wall_ms(), sum, until;
    NEED_DATABASE(f);
    open_two(f, 0);
    for (int i = 1; i <= 3; i++) {
        struct ledger *ledger = i % 2 ? f->one : f->two;
        assert_int_equal(
            ledger_tally(ledger, "guess", TEXT("a@b.c"), i, now + 60000 + i, &sum, &until, &f->err),
            0);
        assert_int_equal(sum, i * (i + 1) / 2);
        assert_int_equal(until, now + 60001);
        assert_int_equal(ledger_commit(ledger, &f->err), 0);
        assert_int_equal(ledger_tally_get(f->one, "guess", TEXT("a@b.c"), &sum, &f->err), 0);
        assert_int_equal(sum, i * (i + 1) / 2);
    }
    assert_int_equal(ledger_tally_get(f->one, "guess", TEXT("other"), &sum, &f->err), 0);
    assert_int_equal(sum, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ledger_tally(f->one, "old", TEXT("k"), 5, now - 1, &sum, &until, &f->err),
                         0);
        assert_int_equal(sum, 5);
        assert_int_equal(ledger_tally_get(f->one, "old", TEXT("k"), &sum, &f->err), 0);
        assert_int_equal(sum, 0); /* its time is over */
    }
}

static void values_have_their_time(void **state)
{
    struct fixture *f = *state;
    int64_t now = clock_wall_ms();
    struct text value;
    NEED_DATABASE(f);
    open_two(f, 0);
    assert_int_equal(
        ledger_value_put(f->one, "sign-in", TEXT("k"), TEXT("\0one"), now + 60000, &f->err), 0);
    assert_int_equal(
        ledger_value_put(f->one, "sign-in", TEXT("k"), TEXT("\0two"), now + 60000, &f->err), 0);
    assert_int_equal(ledger_value_put(f->one, "sign-in", TEXT("old"), TEXT("x"), now - 1, &f->err),
                     0);
    assert_int_equal(ledger_commit(f->one, &f->err), 0);
    assert_int_equal(ledger_value_get(f->two, "sign-in", TEXT("k"), &f->arena, &value, &f->err), 0);
    assert_text(value, "\0two");
    assert_int_equal(ledger_value_get(f->two, "sign-in", TEXT("old"), &f->arena, &value, &f->err),
                     0);
    assert_null(value.at);
    assert_int_equal(ledger_value_get(f->two, "other", TEXT("k"), &f->arena, &value, &f->err), 0);
    assert_null(value.at);
    char *big = calloc(1, 70000);
    assert_int_equal(ledger_value_put(f->two, "sign-in", TEXT("k"), (struct text){big, 70000},
                                      now + 60000, &f->err),
                     -1);
    assert_int_equal(f->err.code, ERR_INPUT);
    free(big);
}

/* Whether the bytes are anywhere in the database's file or its log. */
static bool file_holds(struct fixture *f, const char *ending, const char *bytes)
{
    char name[512];
    static char whole[1 << 20];
    snprintf(name, sizeof(name), "%s%s", f->path, ending);
    FILE *file = fopen(name, "rb");
    size_t len = file ? fread(whole, 1, sizeof(whole), file) : 0;
    if (file)
        fclose(file);
    return memmem(whole, len, bytes, strlen(bytes)) != NULL;
}

static void keys_are_not_kept_in_clear(void **state)
{
    struct fixture *f = *state;
    bool first;
    open_two(f, 0);
    int64_t then = clock_wall_ms() + 60000;
    assert_int_equal(
        ledger_once(f->one, "bridge-kind", TEXT("someone@example.com"), then, &first, &f->err), 0);
    assert_int_equal(ledger_commit(f->one, &f->err), 0);
    assert_true(file_holds(f, "-wal", "bridge-kind") || file_holds(f, "", "bridge-kind"));
    assert_false(file_holds(f, "-wal", "someone@") || file_holds(f, "", "someone@"));
}

static void a_gateway_comes_before_the_first_import(void **state)
{
    struct fixture *f = *state;
    struct ledger_opts opts = {.path = f->path, .identity = identity};
    NEED_DATABASE(f);
    opts.identity.source = (struct text){NULL, 0};
    assert_int_equal(ledger_open(&f->one, &opts, &f->err), 0);
    f->two = open_more(f, 0); /* sets source and mapping */
    ledger_close(f->one);
    assert_int_equal(ledger_open(&f->one, &opts, &f->err), 0);
    ledger_close(f->one);
    opts.identity.source = TEXT("firebase");
    assert_int_equal(ledger_open(&f->one, &opts, &f->err), -1);
    assert_non_null(strstr(f->err.message, "source is \"auth0\""));
}

static void a_foreign_database_is_refused(void **state)
{
    struct fixture *f = *state;
    struct ledger_opts opts = {.path = f->path, .identity = identity};
    struct sql *sql;
    NEED_DATABASE(f);
    assert_int_equal(sql_open(&sql, f->path, SQL_CREATE, &f->err), 0);
    assert_int_equal(sql_exec(sql, "CREATE TABLE orders (n INTEGER)", &f->err), 0);
    sql_close(sql);
    assert_int_equal(ledger_open(&f->one, &opts, &f->err), -1);
    assert_non_null(strstr(f->err.message, "no ledger of usher"));
    assert_null(strstr(f->err.message, "s3cret"));
}

static void several_are_found_at_once(void **state)
{
    struct fixture *f = *state;
    struct text ids[LEDGER_FIND_SOME];
    struct ledger_user users[LEDGER_FIND_SOME];
    char names[LEDGER_FIND_SOME][16];
    NEED_DATABASE(f);
    f->one = open_more(f, LEASE_MS);
    for (size_t i = 0; i < LEDGER_FIND_SOME; i++) {
        snprintf(names[i], sizeof(names[i]), "u%zu", i * 7919 % 1000);
        ids[i] = text_of(names[i]);
        if (i % 3 > 0)
            put(f, f->one, names[i], i % 3 == 1 ? LEDGER_DONE : LEDGER_PLANNED);
    }
    ids[1] = (struct text){NULL, 0};
    ids[2] = (struct text){"u\0v", 3};
    assert_int_equal(ledger_find_some(f->one, ids, LEDGER_FIND_SOME, &f->arena, users, &f->err), 0);
    for (size_t i = 0; i < LEDGER_FIND_SOME; i++) {
        assert_int_equal(users[i].number > 0, i > 2 && i % 3 > 0);
        if (users[i].number == 0)
            continue;
        assert_true(text_same(users[i].external_id, ids[i]));
        assert_int_equal(users[i].state, i % 3 == 1 ? LEDGER_DONE : LEDGER_PLANNED);
    }
    assert_int_equal(ledger_find_some(f->one, ids + 3, 2, &f->arena, users, &f->err), 0);
    assert_int_equal(users[0].number, 0);
    assert_true(text_same(users[1].external_id, ids[4]));
}

#define ON(function, where)                                                                        \
    {                                                                                              \
#function " in " #where, function, set_up##where, tear_down, NULL                          \
    }
#define ON_BOTH(function)                                                                          \
    cmocka_unit_test_setup_teardown(function, set_up, tear_down), ON(function, _postgres)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_claim_is_one_writers),
        ON_BOTH(what_failed_or_was_put_back_is_free),
        ON_BOTH(an_update_is_claimed_too),
        ON_BOTH(a_lease_runs_out_unless_it_is_renewed),
        ON_BOTH(a_late_outcome_takes_nothing_back),
        ON_BOTH(closing_lets_go),
        ON_BOTH(the_dead_are_noticed_before_their_lease_is_over),
        ON_BOTH(one_may_want_to_be_alone),
        ON_BOTH(every_user_is_claimed_once),
        ON_BOTH(keys_are_seen_once),
        ON_BOTH(tallies_add_up),
        ON_BOTH(values_have_their_time),
        cmocka_unit_test_setup_teardown(keys_are_not_kept_in_clear, set_up, tear_down),
        ON_BOTH(a_gateway_comes_before_the_first_import),
        ON_BOTH(a_foreign_database_is_refused),
        ON_BOTH(several_are_found_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
