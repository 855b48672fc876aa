#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clerk/clerk.h"
#include "migrate/courier.h"
#include "migrate/migrate.h"

#define CANARIES_MAX 256
#define FILE_MAX     ((size_t)1 << 20)

struct canary {
    struct text id, password; /* in the arena */
    bool seen;
    size_t class; /* of migrate_canaries */
};

struct canaries {
    struct arena arena;
    struct canary at[CANARIES_MAX];
    const char *ids[CANARIES_MAX]; /* for --only */
    size_t count;
};

/* One verify_password under way. */
struct proof {
    struct parcel parcel;
    struct buf path, body;
    bool done, verified;
    int status;
    char code[64];
};

/* ---- reading the pairs ---- */

static int add_pair(struct canaries *canaries, struct text id, struct text password,
                    struct err *err)
{
    if (id.len == 0 || password.len == 0)
        return err_set(err, ERR_INPUT, "an external id and a password are needed");
    if (canaries->count == CANARIES_MAX)
        return err_set(err, ERR_INPUT, "at most %d canaries", CANARIES_MAX);
    struct canary *canary = &canaries->at[canaries->count];
    canary->id = arena_copy(&canaries->arena, id);
    canary->password = arena_copy(&canaries->arena, password);
    if (!canary->id.at || !canary->password.at)
        return err_memory(err);
    canaries->ids[canaries->count++] = canary->id.at;
    return 0;
}

static int read_line(struct canaries *canaries, struct json *json, struct text line,
                     struct err *err)
{
    struct json_value root;
    if (line.at[0] != '{') {
        size_t comma = text_find(line, ',', 0);
        return add_pair(canaries, text_trim(text_part(line, 0, comma)),
                        text_part(line, comma + 1, line.len), err);
    }
    if (json_parse(json, line, &root, err))
        return -1;
    return add_pair(canaries, json_text(json_get(root, TEXT("external_id"))),
                    json_text(json_get(root, TEXT("password"))), err);
}

static int read_lines(struct canaries *canaries, struct text whole, struct err *err)
{
    struct json *json;
    struct text line;
    unsigned number = 0;
    int status = json_new(&json, FILE_MAX, err);
    while (status == 0 && text_field(&whole, '\n', &line)) {
        number++;
        if (text_ends(line, TEXT("\r")))
            line.len--;
        if (text_trim(line).len > 0 && (status = read_line(canaries, json, line, err)))
            err_wrap(err, "line %u", number);
    }
    json_free(json);
    if (status == 0 && canaries->count == 0)
        return err_set(err, ERR_INPUT, "it holds no canary");
    return status;
}

int canaries_open(struct canaries **out, const char *path, struct err *err)
{
    struct buf whole;
    FILE *file = fopen(path, "r");
    struct canaries *canaries = calloc(1, sizeof(*canaries));
    int status = -1;
    buf_init(&whole, FILE_MAX + 1);
    char *room = buf_room(&whole, FILE_MAX + 1);
    if (!canaries || !room) {
        err_memory(err);
        goto out;
    }
    arena_init(&canaries->arena, 4 * FILE_MAX);
    if (!file) {
        err_set(err, ERR_IO, "%s", strerror(errno));
        goto out;
    }
    buf_grow(&whole, fread(room, 1, FILE_MAX + 1, file));
    if (ferror(file) || whole.len > FILE_MAX)
        err_set(err, ERR_INPUT, "not a file of canaries (at most 1 MiB)");
    else
        status = read_lines(canaries, buf_text(&whole), err);
out:
    if (file)
        fclose(file);
    buf_release(&whole);
    if (status) {
        canaries_close(canaries);
        return err_wrap(err, "--canary %s", path);
    }
    *out = canaries;
    return 0;
}

void canaries_close(struct canaries *canaries)
{
    if (!canaries)
        return;
    arena_release(&canaries->arena);
    free(canaries);
}

/* ---- what is in the export ---- */

/* The class of that name, made if it is new; MIGRATE_CLASSES_MAX when there are too many. */
static size_t class_of(struct migrate_canaries *found, const char *name, struct text id)
{
    size_t i;
    for (i = 0; i < found->class_count; i++)
        if (strcmp(found->classes[i].name, name) == 0)
            return i;
    if (i == MIGRATE_CLASSES_MAX)
        return i;
    struct migrate_class *class = &found->classes[found->class_count++];
    snprintf(class->name, sizeof(class->name), "%s", name);
    snprintf(class->example, sizeof(class->example), "%.*s", TEXT_ARG(id));
    return i;
}

static struct canary *canary_of(struct canaries *canaries, struct text id)
{
    for (size_t i = 0; i < canaries->count; i++)
        if (text_same(canaries->at[i].id, id))
            return &canaries->at[i];
    return NULL;
}

static void survey_user(struct canaries *canaries, const struct user *user,
                        struct migrate_canaries *found)
{
    struct digest digest;
    char name[DIGEST_CLASS_MAX];
    const struct digest_ops *ops = digest_ops_find(user->password_hasher);
    if (!ops || digest_parse(&digest, ops, user->password_digest))
        return;
    digest_class(&digest, name);
    size_t class = class_of(found, name, user->external_id);
    if (class == MIGRATE_CLASSES_MAX) {
        found->uncovered++;
        return;
    }
    found->classes[class].count++;
    struct canary *canary = canary_of(canaries, user->external_id);
    if (!canary)
        return;
    canary->seen = true;
    canary->class = class;
    found->classes[class].covered = true;
}

int canaries_survey(struct canaries *canaries, const struct migrate_opts *opts,
                    struct migrate_canaries *found, struct err *err)
{
    struct source *source;
    struct source_row row;
    int got;
    memset(found, 0, sizeof(*found));
    if (strcmp(opts->source.path, "-") == 0)
        return err_set(err, ERR_USAGE, "--canary reads the export twice: give it as a file");
    if (source_open(&source, &opts->source, err))
        return -1;
    while ((got = source_next(source, &row, err)) > 0)
        if (row.reject.reason == USER_ACCEPTED)
            survey_user(canaries, &row.user, found);
    source_close(source);
    if (got < 0)
        return -1;
    for (size_t i = 0; i < canaries->count; i++)
        if (!canaries->at[i].seen)
            return err_set(err, ERR_INPUT,
                           "canary %s is not in the export, was rejected, or has no digest there",
                           canaries->ids[i]);
    for (size_t i = 0; i < found->class_count; i++)
        if (!found->classes[i].covered)
            found->uncovered += found->classes[i].count;
    found->count = canaries->count;
    return 0;
}

/* ---- proving ---- */

static void on_answer(struct parcel *parcel, const struct target_answer *answer)
{
    struct proof *proof = parcel->arg;
    struct json *json;
    struct json_value root;
    struct clerk_problem problem = {"", "", ""};
    struct err err;
    if (answer->result != TARGET_ANSWERED) {
        courier_post(parcel->courier, parcel, 500000);
        return;
    }
    proof->done = true;
    proof->status = answer->status;
    if (json_new(&json, FILE_MAX, &err))
        return;
    if (json_parse(json, answer->body, &root, &err) == 0) {
        proof->verified = answer->status == 200 && json_true(json_get(root, TEXT("verified")));
        clerk_decode_problem(root, &problem);
        snprintf(proof->code, sizeof(proof->code), "%s", problem.code);
    }
    json_free(json);
}

static int ask(struct proof *proof, struct courier *courier, struct text clerk_id,
               struct text password, struct err *err)
{
    buf_printf(&proof->path, "/v1/users/%.*s/verify_password", TEXT_ARG(clerk_id));
    struct json_out out = json_out(&proof->body);
    json_open(&out, '{');
    json_key(&out, TEXT("password"));
    json_put_text(&out, password);
    json_close(&out, '}');
    proof->parcel = (struct parcel){
        .method = "POST",
        .path = buf_text(&proof->path),
        .body = buf_text(&proof->body),
        .done = on_answer,
        .arg = proof,
    };
    courier_post(courier, &proof->parcel, 0);
    while (!proof->done)
        if (courier_work(courier, 100000, err))
            return -1;
    return 0;
}

static int prove_one(const struct canary *canary, struct courier *courier, struct ledger *ledger,
                     const struct migrate_canaries *found, struct err *err)
{
    struct arena arena;
    struct ledger_user user;
    struct proof proof = {0};
    bool known;
    arena_init(&arena, 1 << 16);
    buf_init(&proof.path, 4096);
    buf_init(&proof.body, 1 << 16);
    int status = ledger_find(ledger, canary->id, &arena, &user, &known, err);
    if (status == 0 && (!known || user.state != LEDGER_DONE))
        status = err_set(err, ERR_REFUSED, "canary %.*s could not be moved", TEXT_ARG(canary->id));
    if (status == 0)
        status = ask(&proof, courier, user.clerk_id, canary->password, err);
    if (status == 0 && !proof.verified)
        status = err_set(
            err, ERR_REFUSED, "canary %.*s (%s): the target does not verify its password (%d %s)",
            TEXT_ARG(canary->id), found->classes[canary->class].name, proof.status, proof.code);
    buf_release(&proof.path);
    buf_release(&proof.body);
    arena_release(&arena);
    return status;
}

int canaries_verify(struct canaries *canaries, const struct migrate_opts *opts,
                    struct migrate_canaries *found, struct err *err)
{
    struct courier *courier;
    struct ledger *ledger;
    struct ledger_opts ledger_opts = {.path = opts->ledger, .read_only = true};
    if (courier_open(&courier, &opts->target, err))
        return -1;
    int status = ledger_open(&ledger, &ledger_opts, err);
    if (status) {
        courier_close(courier);
        return -1;
    }
    for (size_t i = 0; status == 0 && i < canaries->count; i++) {
        status = prove_one(&canaries->at[i], courier, ledger, found, err);
        found->proven += status == 0;
    }
    found->requests += courier_requests(courier);
    ledger_close(ledger);
    courier_close(courier);
    return status;
}

int canaries_prove(struct canaries *canaries, const struct migrate_opts *opts,
                   const struct migrate_instance *instance, const struct migrate_events *events,
                   const struct migrate_stop *stop, struct migrate_canaries *found, struct err *err)
{
    struct migrate_totals totals = {0};
    struct migrate_opts only = *opts;
    struct migrate_events quiet = {
        .failed = events->failed, .split = events->split, .arg = events->arg};
    only.only = canaries->ids;
    only.only_count = canaries->count;
    only.limit = 0;
    only.rejects = NULL;
    if (migrate_import(&only, instance, &quiet, stop, &totals, err))
        return -1;
    found->requests = totals.requests;
    found->proven = 0;
    return canaries_verify(canaries, opts, found, err);
}
