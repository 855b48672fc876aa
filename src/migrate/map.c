/*
 * CSV is RFC 4180 with a line of names; SQL is what psql, mysql and sqlite3 read. The user with whom a batch begins
 * is told in a comment.
 *
 * PostgreSQL, SQLite: UPDATE "orders" AS t SET "user_id" = m.clerk_id FROM (VALUES …) AS m … WHERE t."user_id" =
 * m.external_id. MySQL has no UPDATE … FROM, and joining with a list of values fails where collations differ; there
 * it is a CASE over the bytes of the column, narrowed down by IN, which an index serves. ELSE keeps what only a
 * collation takes for the same ("A1" and "a1").
 */
#include "migrate/map.h"

#include "json/json.h"
#include "ledger/ledger.h"

#define PIECE_MAX ((size_t)16 << 20)
#define TYPE_MAX  64

struct map {
    const struct map_opts *opts;
    int (*write)(void *arg, struct text piece, struct err *err);
    void *arg;
    struct buf out;
    const struct ledger_user *users; /* of the batch: those that are at the target */
    size_t count;
};

/* --- pieces of SQL --- */

static void put_quoted(struct buf *to, struct text t, char quote)
{
    buf_byte(to, quote);
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] == quote)
            buf_byte(to, quote);
        buf_byte(to, t.at[i]);
    }
    buf_byte(to, quote);
}

static char name_quote(const struct map_opts *opts)
{
    return opts->dialect == MAP_MYSQL ? '`' : '"';
}

static void put_name(struct map *map, struct text name)
{
    put_quoted(&map->out, name, name_quote(map->opts));
}

/* "shop.orders" */
static void put_table(struct map *map)
{
    struct text rest = map->opts->table, part;
    bool more = false;
    while (text_field(&rest, '.', &part)) {
        if (more)
            buf_byte(&map->out, '.');
        put_name(map, part);
        more = true;
    }
}

/*
 * In MySQL a backslash may or may not be an escape, as the session is set up: what has one is written in
 * hexadecimal digits.
 */
static void put_value(struct map *map, struct text t)
{
    bool hex = map->opts->dialect == MAP_MYSQL && text_find(t, '\\', 0) < t.len;
    if (!hex) {
        put_quoted(&map->out, t, '\'');
        return;
    }
    buf_add(&map->out, TEXT("_utf8mb4 X'"));
    hex_encode(&map->out, (const uint8_t *)t.at, t.len);
    buf_byte(&map->out, '\'');
}

static struct text into_of(const struct map_opts *opts)
{
    return opts->into.at ? opts->into : opts->column;
}

/* 'auth0|1', or CAST('1' AS bigint) */
static void put_key(struct map *map, struct text external_id)
{
    struct text type = map->opts->type;
    if (type.at)
        buf_add(&map->out, TEXT("CAST("));
    put_value(map, external_id);
    if (type.at)
        buf_printf(&map->out, " AS %.*s)", TEXT_ARG(type));
}

static void put_rows(struct map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        buf_add(&map->out, i > 0 ? TEXT(",\n  (") : TEXT("\n  ("));
        put_key(map, map->users[i].external_id);
        buf_add(&map->out, TEXT(", "));
        put_value(map, map->users[i].clerk_id);
        buf_byte(&map->out, ')');
    }
}

static void put_update_from(struct map *map)
{
    struct buf *out = &map->out;
    bool sqlite = map->opts->dialect == MAP_SQLITE;
    if (sqlite) {
        buf_add(out, TEXT("WITH m (external_id, clerk_id) AS (VALUES"));
        put_rows(map);
        buf_add(out, TEXT(")\n"));
    }
    buf_add(out, TEXT("UPDATE "));
    put_table(map);
    buf_add(out, TEXT(" AS t SET "));
    put_name(map, into_of(map->opts));
    buf_add(out, TEXT(" = m.clerk_id FROM "));
    if (sqlite) {
        buf_byte(out, 'm');
    } else {
        buf_add(out, TEXT("(VALUES"));
        put_rows(map);
        buf_add(out, TEXT(") AS m (external_id, clerk_id)"));
    }
    buf_add(out, TEXT("\nWHERE t."));
    put_name(map, map->opts->column);
    buf_add(out, TEXT(" = m.external_id;\n"));
}

static void put_update_case(struct map *map)
{
    struct buf *out = &map->out;
    buf_add(out, TEXT("UPDATE "));
    put_table(map);
    buf_add(out, TEXT(" SET "));
    put_name(map, into_of(map->opts));
    buf_add(out, TEXT(" = CASE CAST(CONVERT("));
    put_name(map, map->opts->column);
    buf_add(out, TEXT(" USING utf8mb4) AS BINARY)"));
    for (size_t i = 0; i < map->count; i++) {
        buf_add(out, TEXT("\n  WHEN "));
        put_value(map, map->users[i].external_id);
        buf_add(out, TEXT(" THEN "));
        put_value(map, map->users[i].clerk_id);
    }
    buf_add(out, TEXT("\n  ELSE "));
    put_name(map, into_of(map->opts));
    buf_add(out, TEXT(" END\nWHERE "));
    put_name(map, map->opts->column);
    buf_add(out, TEXT(" IN ("));
    for (size_t i = 0; i < map->count; i++) {
        buf_add(out, i > 0 ? TEXT(", ") : TEXT(""));
        put_value(map, map->users[i].external_id);
    }
    buf_add(out, TEXT(");\n"));
}

static void put_batch(struct map *map)
{
    bool mysql = map->opts->dialect == MAP_MYSQL;
    buf_add(&map->out, mysql ? TEXT("START TRANSACTION;\n") : TEXT("BEGIN;\n"));
    if (mysql)
        put_update_case(map);
    else
        put_update_from(map);
    buf_add(&map->out, TEXT("COMMIT;\n"));
}

/* --- the other forms --- */

static void put_csv_field(struct buf *to, struct text t)
{
    bool plain = true;
    for (size_t i = 0; plain && i < t.len; i++)
        plain = !memchr("\",\r\n", t.at[i], 4);
    if (plain)
        buf_add(to, t);
    else
        put_quoted(to, t, '"');
}

static void put_csv(struct map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        put_csv_field(&map->out, map->users[i].external_id);
        buf_byte(&map->out, ',');
        put_csv_field(&map->out, map->users[i].clerk_id);
        buf_byte(&map->out, '\n');
    }
}

static void put_jsonl(struct map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        struct json_out out = json_out(&map->out);
        json_open(&out, '{');
        json_field_text(&out, "external_id", map->users[i].external_id);
        json_field_text(&out, "clerk_id", map->users[i].clerk_id);
        json_close(&out, '}');
        buf_byte(&map->out, '\n');
    }
}

/* --- the way through the ledger --- */

static struct text head_of(const struct map_opts *opts)
{
    if (opts->form == MAP_CSV)
        return TEXT("external_id,clerk_id\n");
    if (opts->form == MAP_JSONL || opts->dialect == MAP_SQLITE)
        return TEXT("");
    return opts->dialect == MAP_MYSQL ? TEXT("SET NAMES utf8mb4;\n")
                                      : TEXT("SET standard_conforming_strings = on;\n"
                                             "SET client_encoding = 'UTF8';\n");
}

static int flush(struct map *map, struct err *err)
{
    if (!buf_ok(&map->out))
        return err_memory(err);
    int status = map->write(map->arg, buf_text(&map->out), err);
    buf_reset(&map->out);
    return status;
}

static int put_users(struct map *map, const struct ledger_user *users, size_t count,
                     struct err *err)
{
    map->users = users;
    map->count = count;
    if (count == 0)
        return 0;
    if (map->opts->form == MAP_CSV)
        put_csv(map);
    else if (map->opts->form == MAP_JSONL)
        put_jsonl(map);
    else
        put_batch(map);
    return flush(map, err);
}

/* Of a page those that are at the target, to the front. */
static size_t keep_done(struct ledger_user *users, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (users[i].state == LEDGER_DONE && users[i].clerk_id.at)
            users[kept++] = users[i];
    return kept;
}

static int put_all(struct map *map, struct ledger *ledger, uint64_t *written, struct err *err)
{
    struct ledger_walk walk;
    struct ledger_user *users;
    size_t count;
    int got, status = 0;
    ledger_walk_begin(&walk, ledger);
    while (status == 0 &&
           (got = ledger_walk_some(&walk, map->opts->batch, &users, &count, err)) != 0) {
        size_t done = keep_done(users, count);
        status = got > 0 ? put_users(map, users, done, err) : -1;
        *written += done;
    }
    ledger_walk_end(&walk);
    return status;
}

static int check_type(struct text type, struct err *err)
{
    bool ok = !type.at || (type.len > 0 && type.len <= TYPE_MAX);
    for (size_t i = 0; ok && i < type.len; i++) {
        char c = type.at[i];
        ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             memchr("_ (),", c, 5);
    }
    return ok ? 0 : err_set(err, ERR_USAGE, "'%.*s' is no type of a column", TEXT_ARG(type));
}

int map_write(const struct map_opts *opts,
              int (*write)(void *arg, struct text piece, struct err *err), void *arg,
              uint64_t *users, struct err *err)
{
    struct map map = {.opts = opts, .write = write, .arg = arg};
    struct ledger_opts where = {.path = opts->ledger, .read_only = true};
    struct ledger *ledger;
    *users = 0;
    if (check_type(opts->type, err) != 0 || ledger_open(&ledger, &where, err) != 0)
        return -1;
    buf_init(&map.out, PIECE_MAX);
    buf_add(&map.out, head_of(opts));
    int status = flush(&map, err);
    if (status == 0)
        status = put_all(&map, ledger, users, err);
    buf_release(&map.out);
    ledger_close(ledger);
    return status;
}
