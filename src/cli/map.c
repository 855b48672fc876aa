/* usher map: external ids and Clerk ids for the application's own tables, and the claim that saves touching them. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "json/json.h"
#include "migrate/migrate.h"

#define BATCH_MAX     1000
#define BATCH_DEFAULT 500

static const char about[] =
    "Tells for every user of the ledger who is at the target the external id (the id in the old\n"
    "system) and the Clerk id, for the foreign keys in the application's own tables.\n\n"
    "  usher map --ledger auth0.ledger > ids.csv\n"
    "  usher map --form jsonl\n"
    "  usher map --form postgres --table orders --column user_id | psql app\n"
    "  usher map --form mysql --table shop.orders --column user_id --into clerk_user_id | mysql "
    "app\n\n"
    "SQL comes in batches, a transaction each, and may be run again: what has been replaced no\n"
    "longer matches. Take it to a copy first. Where the column is no text, --into names another\n"
    "one, and in PostgreSQL --type says what it is.\n\n"
    "Who would rather keep the old ids has Clerk put them into the session token: --claims prints\n"
    "the session claims to set in Clerk's Dashboard (Sessions, Customize session token), after\n"
    "which the claim userId is the old id of a migrated user and the Clerk id of a new one.\n"
    "--check-claims proves it: it signs in one user of the ledger and one that it makes for this\n"
    "and deletes afterwards, at the target of CLERK_SECRET_KEY (a development instance: others\n"
    "let nobody begin sessions so), and prints the claim of both.\n\n"
    "Exit status: 0 all well, 1 the claim is not what it should be, 2 usage, refused or no ledger.";

static const char claims[] = "{\"userId\":\"{{user.external_id || user.id}}\"}";

struct words {
    const char *ledger, *form, *table, *column, *into, *type, *claim;
    uint64_t batch;
    bool claims, check, json;
};

static const struct {
    const char *name;
    enum map_form form;
    enum map_dialect dialect;
} forms[] = {
    {"csv", MAP_CSV, MAP_SQLITE},        {"jsonl", MAP_JSONL, MAP_SQLITE},
    {"postgres", MAP_SQL, MAP_POSTGRES}, {"mysql", MAP_SQL, MAP_MYSQL},
    {"sqlite", MAP_SQL, MAP_SQLITE},
};

static int read_form(const char *name, struct map_opts *opts, struct err *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        if (strcmp(name, forms[i].name) != 0)
            continue;
        opts->form = forms[i].form;
        opts->dialect = forms[i].dialect;
        return 0;
    }
    return err_set(err, ERR_USAGE, "no form '%s': csv, jsonl, postgres, mysql or sqlite", name);
}

static int read_words(const struct words *words, struct map_opts *opts, struct err *err)
{
    *opts = (struct map_opts){.ledger = words->ledger,
                              .table = text_of(words->table),
                              .column = text_of(words->column),
                              .into = text_of(words->into),
                              .type = text_of(words->type),
                              .batch = words->batch};
    if (read_form(words->json ? "jsonl" : words->form, opts, err) != 0)
        return -1;
    bool sql = opts->form == MAP_SQL;
    if (sql && (opts->table.len == 0 || opts->column.len == 0))
        return err_set(err, ERR_USAGE, "SQL needs --table and --column");
    if (!sql && (opts->table.at || opts->column.at || opts->into.at || opts->type.at))
        return err_set(err, ERR_USAGE, "--table, --column, --into and --type go with SQL forms");
    if (words->batch == 0 || words->batch > BATCH_MAX)
        return err_set(err, ERR_USAGE, "--batch takes 1 to %d users", BATCH_MAX);
    return 0;
}

static int print(void *arg, struct text piece, struct err *err)
{
    (void)arg;
    if (fwrite(piece.at ? piece.at : "", 1, piece.len, stdout) == piece.len)
        return 0;
    return err_set(err, ERR_IO, "standard output cannot be written to");
}

static int write_map(const struct words *words)
{
    struct map_opts opts;
    struct err err;
    uint64_t users;
    if (read_words(words, &opts, &err) != 0 || map_write(&opts, print, NULL, &users, &err) != 0)
        return cli_fail("map", &err);
    if (fflush(stdout) != 0) {
        err_set(&err, ERR_IO, "standard output cannot be written to");
        return cli_fail("map", &err);
    }
    fprintf(stderr, "%llu users\n", (unsigned long long)users);
    return CLI_OK;
}

/* --- the claim --- */

struct check {
    const struct words *words;
    struct arena arena;
    struct json *json;
    struct migrate_target target;
    struct map_claims migrated, fresh;
};

/* One line a user; returns whether the claim is what it should be. */
static bool show(struct check *check, const char *who, const struct map_claims *user)
{
    struct text name = text_of(check->words->claim);
    struct text wanted = user->external_id.at ? user->external_id : user->user_id,
                value = {NULL, 0};
    struct json_value root;
    struct err err;
    struct buf line;
    if (json_parse(check->json, user->claims, &root, &err) == 0)
        value = json_text(json_get(root, name));
    bool right = value.at && text_same(value, wanted);
    buf_init(&line, 65536);
    struct json_out out = json_out(&line);
    json_open(&out, '{');
    json_field_text(&out, "who", text_of(who));
    json_field_text(&out, "user_id", user->user_id);
    json_field_text(&out, "external_id", user->external_id);
    json_key(&out, name);
    json_put_text_or_null(&out, value);
    json_field_bool(&out, "right", right);
    json_close(&out, '}');
    if (check->words->json)
        puts(buf_z(&line));
    else
        printf("%-8s %.*s  %.*s: %.*s%s\n", who, TEXT_ARG(user->user_id), TEXT_ARG(name),
               TEXT_ARG(value.at ? value : TEXT("(not there)")), right ? "" : "  WRONG");
    buf_release(&line);
    return right;
}

static int check_claims(struct check *check, struct err *err)
{
    struct migrate_instance instance;
    if (target_settings(&check->arena, &check->target.api_url, &check->target.key,
                        &check->target.key_from, err) != 0 ||
        migrate_probe(&check->target, &instance, err) != 0)
        return -1;
    fprintf(stderr,
            "target: %s instance %s at %.*s (key from %s); signs in a user of the ledger and a new "
            "one, which is deleted afterwards\n",
            instance.environment, instance.id, TEXT_ARG(check->target.api_url),
            check->target.key_from);
    return map_check_claims(&check->target, check->words->ledger, &check->arena, &check->migrated,
                            &check->fresh, err);
}

static int run_check(const struct words *words)
{
    struct check check = {.words = words};
    struct err err;
    int status = CLI_USAGE;
    arena_init(&check.arena, (size_t)8 << 20);
    if (json_new(&check.json, 1 << 20, &err) != 0 || check_claims(&check, &err) != 0) {
        cli_fail("map", &err);
    } else {
        bool both = show(&check, "migrated", &check.migrated);
        both = show(&check, "new", &check.fresh) && both;
        status = both ? CLI_OK : CLI_SOME_FAILED;
    }
    json_free(check.json);
    arena_release(&check.arena);
    return status;
}

int cmd_map(int argc, char **argv)
{
    struct words words = {
        .ledger = "usher.ledger", .form = "csv", .claim = "userId", .batch = BATCH_DEFAULT};
    const struct cli_option options[] = {
        {"ledger", 'l', CLI_TEXT, &words.ledger, "FILE", "the ledger (default usher.ledger)"},
        {"form", 'f', CLI_TEXT, &words.form, "FORM",
         "csv (default), jsonl, postgres, mysql or sqlite"},
        {"table", 't', CLI_TEXT, &words.table, "NAME", "SQL: the table (shop.orders)"},
        {"column", 'c', CLI_TEXT, &words.column, "NAME", "SQL: its column with the external id"},
        {"into", 0, CLI_TEXT, &words.into, "NAME",
         "SQL: the column that gets the Clerk id (default: the same)"},
        {"type", 0, CLI_TEXT, &words.type, "TYPE", "PostgreSQL: the column's type, if no text"},
        {"batch", 0, CLI_NUMBER, &words.batch, "N", "SQL: users a transaction (default 500)"},
        {"claims", 0, CLI_FLAG, &words.claims, NULL, "print the session claims and nothing else"},
        {"check-claims", 0, CLI_FLAG, &words.check, NULL, "sign in and show the claim, see above"},
        {"claim", 0, CLI_TEXT, &words.claim, "NAME", "its name (default userId)"},
        {"json", 0, CLI_FLAG, &words.json, NULL, "JSON Lines on standard output"},
        {0},
    };
    size_t operands;
    int status =
        cli_parse(&(struct cli_syntax){"map", "", about, options}, argc, argv, NULL, 0, &operands);
    if (status >= 0)
        return status;
    if (words.claims) {
        puts(claims);
        return CLI_OK;
    }
    return words.check ? run_check(&words) : write_map(&words);
}
