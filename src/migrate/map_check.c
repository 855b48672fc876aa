/*
 * What happens at the target: POST /v1/users (the new one) · for each of both: POST /v1/sessions,
 * POST /v1/sessions/{id}/tokens, POST /v1/sessions/{id}/revoke · DELETE /v1/users/{id} (the new one).
 */
#include "migrate/map.h"

#include <stdio.h>

#include "json/json.h"
#include "migrate/lookup.h"
#include "migrate/migrate.h"

#define TIMEOUT_MS 15000
#define ANSWER_MAX ((size_t)1 << 20)

struct check {
    struct target *target;
    struct json *json;
    struct arena *arena;
    /* of the latest answer */
    bool done;
    int status;
    struct json_value root;
    struct err err;
};

static void on_answer(void *arg, const struct target_answer *answer)
{
    struct check *check = arg;
    check->done = true;
    check->status = answer->result == TARGET_ANSWERED ? answer->status : 0;
    check->root = (struct json_value){NULL, 0};
    if (check->status == 0)
        check->err = answer->err;
    else if (json_parse(check->json, answer->body, &check->root, &check->err) != 0)
        check->root = (struct json_value){NULL, 0};
}

/* One request; the answer is in check->root until the next one. -1 unless it is a 2xx. */
static int ask(struct check *check, const char *method, struct text path, struct text body,
               struct err *err)
{
    struct target_request request = {
        .method = method, .path = path, .body = body, .done = on_answer, .arg = check};
    check->done = false;
    if (!path.at || target_send(check->target, &request, err) != 0)
        return path.at ? -1 : err_memory(err);
    while (!check->done)
        if (target_wait(check->target, 100000, err) != 0)
            return -1;
    if (check->status >= 200 && check->status < 300)
        return 0;
    if (check->status == 0)
        *err = check->err;
    else
        lookup_refusal(check->status, check->root, err);
    return err_wrap(err, "%s %.*s", method, TEXT_ARG(path));
}

/* The text under a key of the latest answer, in the arena. */
static int take(struct check *check, struct text key, struct text *to, struct err *err)
{
    struct text t = json_text(json_get(check->root, key));
    *to = t.at ? arena_copy(check->arena, t) : (struct text){NULL, 0};
    if (to->at)
        return 0;
    return err_set(err, ERR_NETWORK, "an answer of the target has no %.*s", TEXT_ARG(key));
}

/* The payload of a JWT. */
static int read_claims(struct check *check, struct text jwt, struct text *claims, struct err *err)
{
    struct text header, payload;
    uint8_t *at;
    size_t len;
    text_field(&jwt, '.', &header);
    if (!text_field(&jwt, '.', &payload))
        return err_set(err, ERR_NETWORK, "the target gave no token of three parts");
    at = arena_alloc(check->arena, BASE64_ROOM(payload.len));
    if (!at)
        return err_memory(err);
    if (!base64_decode(BASE64_URL_BARE, payload, at, BASE64_ROOM(payload.len), &len))
        return err_set(err, ERR_NETWORK, "the target gave a token that is none");
    *claims = (struct text){(const char *)at, len};
    return 0;
}

static int read_token(struct check *check, struct text session, struct text *claims,
                      struct err *err)
{
    struct text jwt;
    struct text path = arena_printf(check->arena, "/v1/sessions/%.*s/tokens", TEXT_ARG(session));
    if (ask(check, "POST", path, TEXT("{}"), err) != 0 || take(check, TEXT("jwt"), &jwt, err) != 0)
        return -1;
    return read_claims(check, jwt, claims, err);
}

/* Signs the user in, reads the token, signs out. */
static int look(struct check *check, struct map_claims *user, struct err *err)
{
    struct err ignored;
    struct text session;
    struct text body =
        arena_printf(check->arena, "{\"user_id\":\"%.*s\"}", TEXT_ARG(user->user_id));
    if (ask(check, "POST", TEXT("/v1/sessions"), body, err) != 0)
        return err->code == ERR_REFUSED
                   ? err_wrap(err,
                              "the target begins no session for a check (a production instance "
                              "never does; check a development one with the same claims)")
                   : -1;
    if (take(check, TEXT("id"), &session, err) != 0)
        return -1;
    int status = read_token(check, session, &user->claims, err);
    struct text path = arena_printf(check->arena, "/v1/sessions/%.*s/revoke", TEXT_ARG(session));
    return ask(check, "POST", path, TEXT("{}"), status == 0 ? err : &ignored) == 0 ? status : -1;
}

/* Some user of the ledger who is at the target. */
static int find_migrated(const char *path, struct arena *arena, struct map_claims *user,
                         struct err *err)
{
    struct ledger_opts opts = {.path = path, .read_only = true};
    const struct ledger_user *at;
    struct ledger_walk walk;
    struct ledger *ledger;
    int got = 0;
    if (ledger_open(&ledger, &opts, err) != 0)
        return -1;
    ledger_walk_begin(&walk, ledger);
    while (!user->user_id.at && (got = ledger_walk_next(&walk, &at, err)) > 0)
        if (at->state == LEDGER_DONE && at->clerk_id.at)
            *user = (struct map_claims){
                arena_copy(arena, at->clerk_id), arena_copy(arena, at->external_id), {NULL, 0}};
    ledger_walk_end(&walk);
    ledger_close(ledger);
    if (got < 0)
        return -1;
    return user->user_id.at
               ? 0
               : err_set(err, ERR_UNUSABLE, "%s: nobody in it is at the target yet", path);
}

static int make_user(struct check *check, struct map_claims *user, struct err *err)
{
    char name[17];
    random_base62(name, sizeof(name) - 1);
    struct text body = arena_printf(
        check->arena,
        "{\"email_address\":[\"usher-check-%s+clerk_test@example.com\"],"
        "\"skip_password_requirement\":true,\"private_metadata\":{\"made_by\":\"usher map\"}}",
        name);
    if (ask(check, "POST", TEXT("/v1/users"), body, err) != 0)
        return -1;
    return take(check, TEXT("id"), &user->user_id, err);
}

static int run(struct check *check, struct map_claims *migrated, struct map_claims *fresh,
               struct err *err)
{
    if (look(check, migrated, err) != 0 || make_user(check, fresh, err) != 0)
        return -1;
    int status = look(check, fresh, err);
    struct err of_delete;
    struct text path = arena_printf(check->arena, "/v1/users/%.*s", TEXT_ARG(fresh->user_id));
    if (ask(check, "DELETE", path, (struct text){NULL, 0}, &of_delete) == 0)
        return status;
    *err = of_delete;
    return err_wrap(err, "the new user %.*s could not be deleted; delete it by hand",
                    TEXT_ARG(fresh->user_id));
}

int map_check_claims(const struct migrate_target *target, const char *ledger, struct arena *arena,
                     struct map_claims *migrated, struct map_claims *fresh, struct err *err)
{
    struct target_opts opts = {
        .api_url = target->api_url.at, .key = target->key, .timeout_ms = TIMEOUT_MS};
    struct check check = {.arena = arena};
    *migrated = *fresh = (struct map_claims){.user_id = {NULL, 0}};
    if (find_migrated(ledger, arena, migrated, err) != 0 ||
        json_new(&check.json, ANSWER_MAX, err) != 0)
        return -1;
    int status = target_open(&check.target, &opts, err);
    if (status == 0) {
        status = run(&check, migrated, fresh, err);
        target_close(check.target);
    }
    json_free(check.json);
    return status;
}
