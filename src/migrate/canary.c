/* Canaries: reading their file, and finding them in the export. */
#include "migrate/canary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

/* ---- reading them ---- */

static int add(struct canaries *canaries, const struct canary *from, struct err *err)
{
    bool totp = from->totp_secret.len > 0 || from->totp_code.len > 0;
    if (from->id.len == 0 || (from->password.len == 0 && !totp))
        return err_set(err, ERR_INPUT, "an external id and a password or TOTP are needed");
    if (canaries->count == CANARIES_MAX)
        return err_set(err, ERR_INPUT, "at most %d canaries", CANARIES_MAX);
    struct canary *canary = &canaries->at[canaries->count];
    struct arena *arena = &canaries->arena;
    *canary = (struct canary){.id = arena_copy(arena, from->id),
                              .password = arena_copy(arena, from->password),
                              .totp_secret = arena_copy(arena, from->totp_secret),
                              .totp_code = arena_copy(arena, from->totp_code)};
    if (!canary->id.at || !canary->password.at || !canary->totp_secret.at || !canary->totp_code.at)
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
        return add(canaries,
                   &(struct canary){.id = text_trim(text_part(line, 0, comma)),
                                    .password = text_part(line, comma + 1, line.len)},
                   err);
    }
    if (json_parse(json, line, &root, err))
        return -1;
    return add(canaries,
               &(struct canary){.id = json_text(json_get(root, TEXT("external_id"))),
                                .password = json_text(json_get(root, TEXT("password"))),
                                .totp_secret = json_text(json_get(root, TEXT("totp_secret"))),
                                .totp_code = json_text(json_get(root, TEXT("totp_code")))},
               err);
}

static int read_lines(struct canaries *canaries, struct text whole, struct err *err)
{
    struct json *json;
    struct text line;
    unsigned number = 0;
    int status = json_new(&json, CANARIES_FILE_MAX, err);
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
    buf_init(&whole, CANARIES_FILE_MAX + 1);
    char *room = buf_room(&whole, CANARIES_FILE_MAX + 1);
    if (!canaries || !room) {
        err_memory(err);
        goto out;
    }
    arena_init(&canaries->arena, 4 * CANARIES_FILE_MAX);
    if (!file) {
        err_set(err, ERR_IO, "%s", strerror(errno));
        goto out;
    }
    buf_grow(&whole, fread(room, 1, CANARIES_FILE_MAX + 1, file));
    if (ferror(file) || whole.len > CANARIES_FILE_MAX)
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

/* Counts the digest, and notes whose it is. */
static void survey_digest(const struct user *user, struct canary *canary,
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
    if (!canary || canary->password.len == 0)
        return;
    canary->has_digest = true;
    canary->class = class;
    found->classes[class].covered = true;
}

static int survey_user(struct canaries *canaries, const struct user *user,
                       struct migrate_canaries *found, struct err *err)
{
    struct canary *canary = canary_of(canaries, user->external_id);
    survey_digest(user, canary, found);
    if (!canary)
        return 0;
    canary->seen = true;
    canary->has_totp = user->totp_secret.len > 0;
    /* What the export itself says is proven, too, where the file says nothing else. */
    if (canary->has_totp && canary->totp_secret.len == 0)
        canary->totp_secret = arena_copy(&canaries->arena, user->totp_secret);
    return canary->totp_secret.at ? 0 : err_memory(err);
}

/* Whether the export has what a canary is to prove. */
static int check_canary(const struct canary *canary, struct err *err)
{
    const char *lack = !canary->seen                                     ? NULL
                       : canary->password.len > 0 && !canary->has_digest ? "digest"
                       : canary_proves_totp(canary) && !canary->has_totp ? "TOTP secret"
                                                                         : "";
    if (!lack)
        return err_set(err, ERR_INPUT, "canary %.*s is not in the export, or was rejected",
                       TEXT_ARG(canary->id));
    if (*lack)
        return err_set(err, ERR_INPUT, "canary %.*s has no %s in the export", TEXT_ARG(canary->id),
                       lack);
    return 0;
}

int canaries_survey(struct canaries *canaries, const struct migrate_opts *opts,
                    struct migrate_canaries *found, struct err *err)
{
    struct source *source;
    struct source_row row;
    int got = 0, status = 0;
    memset(found, 0, sizeof(*found));
    if (strcmp(opts->source.path, "-") == 0)
        return err_set(err, ERR_USAGE, "--canary reads the export twice: give it as a file");
    if (source_open(&source, &opts->source, err))
        return -1;
    while (status == 0 && (got = source_next(source, &row, err)) > 0)
        if (row.reject.reason == USER_ACCEPTED)
            status = survey_user(canaries, &row.user, found, err);
    source_close(source);
    if (got < 0 || status != 0)
        return -1;
    for (size_t i = 0; i < canaries->count; i++) {
        if (check_canary(&canaries->at[i], err))
            return -1;
        found->passwords += canaries->at[i].password.len > 0;
        found->totps += canary_proves_totp(&canaries->at[i]);
    }
    for (size_t i = 0; i < found->class_count; i++)
        if (!found->classes[i].covered)
            found->uncovered += found->classes[i].count;
    return 0;
}
