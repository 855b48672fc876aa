/* The sandbox's tables, when the data were written by an older program: what is missing comes by itself. */
#include "test.h"

#include <unistd.h>

#include "sandbox/signup.h"
#include "sandbox/tables.h"

static char path[64];
static struct err err;

static struct store *open_store(void)
{
    struct store *store;
    assert_int_equal(store_open(&store, path, &err), 0);
    assert_int_equal(tables_create(store, &err), 0);
    return store;
}

static int setup(void **state)
{
    (void)state;
    strcpy(path, "/tmp/usher-test-store-XXXXXX");
    int file = mkstemp(path);
    if (file < 0)
        return -1;
    close(file);
    return unlink(path);
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

/* Takes the data back to what an older program made. */
static void alter(const char *statements)
{
    struct sql *sql;
    assert_int_equal(sql_open(&sql, path, SQL_CREATE, &err), 0);
    assert_int_equal(sql_exec(sql, statements, &err), 0);
    sql_close(sql);
}

static void put_user(struct store *store, struct arena *arena, const char *id)
{
    struct account account = {.clerk.id = text_of(id),
                              .primary_email = USER_UNSET,
                              .primary_phone = USER_UNSET,
                              .locked_until = USER_UNSET,
                              .password_compromised_at = 7};
    user_init(&account.clerk.user);
    account.clerk.user.created_at = 1;
    assert_int_equal(account_add(store, &account, arena, &err), STORE_OK);
    assert_int_equal(store_commit(store, &err), 0);
}

/* What lists are ordered by was filled from the identifiers. */
static void check_primary(struct store *store)
{
    static const char statement[] = "SELECT primary_email_value, primary_phone_value FROM users";
    struct sql_query *query = sql_query(store_sql(store), statement, &err);
    assert_non_null(query);
    assert_int_equal(sql_step(query, &err), 1);
    assert_text(sql_text(query, 0), "Old@example.com");
    assert_true(sql_is_null(query, 1));
    sql_reset(query);
}

static void columns_of_users_come_with_the_version(void **state)
{
    (void)state;
    struct arena arena;
    struct account account;
    arena_init(&arena, 1 << 20);
    struct store *store = open_store();
    put_user(store, &arena, "user_old");
    store_close(store);
    alter("INSERT INTO identifiers SELECT seq, 3, 0, 'idn_old', 'Old@example.com', 0, 2, 0, 1, 1 "
          "FROM users;"
          "UPDATE users SET primary_email = 3;"
          "ALTER TABLE users DROP COLUMN primary_email_value;"
          "ALTER TABLE users DROP COLUMN primary_phone_value;"
          "ALTER TABLE users DROP COLUMN image;"
          "ALTER TABLE users DROP COLUMN password_compromised_at;"
          "ALTER TABLE users DROP COLUMN failed_attempts; PRAGMA user_version = 1");
    store = open_store();
    assert_int_equal(account_get(store, TEXT("user_old"), 1, &arena, &account, &err), STORE_OK);
    assert_true(account.password_compromised_at == USER_UNSET);
    check_primary(store);
    put_user(store, &arena, "user_new");
    assert_int_equal(account_get(store, TEXT("user_new"), 1, &arena, &account, &err), STORE_OK);
    assert_int_equal(account.password_compromised_at, 7);
    store_close(store);
    arena_release(&arena);
}

static void columns_of_other_tables_come_when_they_are_missing(void **state)
{
    (void)state;
    struct arena arena;
    struct signup signup = {.id = TEXT("sua_1"), .custom_action = 1, .created_at = 5}, read;
    arena_init(&arena, 1 << 20);
    struct store *store = open_store();
    assert_int_equal(row_put(store, &signup_table, &signup, &err), STORE_OK);
    assert_int_equal(store_commit(store, &err), 0);
    store_close(store);
    alter("ALTER TABLE sign_ups DROP COLUMN invitation;"
          "ALTER TABLE sign_ups DROP COLUMN custom_action");
    store = open_store();
    assert_int_equal(row_get(store, &signup_table, signup.id, &arena, &read, &err), STORE_OK);
    assert_true(read.custom_action == ROW_NULL && read.created_at == 5 && !read.invitation.at);
    signup.invitation = TEXT("inv_1");
    assert_int_equal(row_put(store, &signup_table, &signup, &err), STORE_OK);
    assert_int_equal(row_get(store, &signup_table, signup.id, &arena, &read, &err), STORE_OK);
    assert_text(read.invitation, "inv_1");
    store_close(store);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(columns_of_users_come_with_the_version, setup, teardown),
        cmocka_unit_test_setup_teardown(columns_of_other_tables_come_when_they_are_missing, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
