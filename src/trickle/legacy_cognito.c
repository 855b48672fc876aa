/*
 * cognito: an Amazon Cognito user pool. The password is proven by signing in, as digest/cognito.c does it
 * (InitiateAuth with USER_PASSWORD_AUTH; the app client has no secret and allows that flow); then GetUser
 * with the access token gives the attributes:
 *
 *     {"Username":…,"UserAttributes":[{"Name":"sub","Value":…},{"Name":"email_verified","Value":"true"} …]}
 *
 * which become a record of the names, besides "username". A user with MFA proves the password but gets no
 * token before the second factor, so that such a user cannot be seen: cannot tell.
 */
#include "trickle/remote.h"

#include <stdlib.h>

#include "digest/digest.h"
#include "net/net.h"

struct cognito {
    const struct legacy_opts *opts;
    struct remote remote;
};

static const char *from(const struct legacy_opts *opts)
{
    (void)opts;
    return LEGACY_FROM_CLAIMS;
}

static const char *parse(const struct legacy_opts *opts, struct text identifier,
                         struct arena *arena, struct digest *digest)
{
    struct text whole = arena_printf(arena, "awscognito#%s#%s#%.*s", opts->pool, opts->client_id,
                                     TEXT_ARG(identifier));
    return whole.at ? digest_parse(digest, digest_ops_find(TEXT("awscognito")), whole)
                    : "no memory";
}

/* Puts the attributes as members of one object into `to`. */
static void flatten(struct json_value root, struct buf *to)
{
    struct json_out out = json_out(to);
    struct json_walk walk = json_walk(json_get(root, TEXT("UserAttributes")));
    json_open(&out, '{');
    json_key(&out, TEXT("username"));
    json_put_text(&out, json_text(json_get(root, TEXT("Username"))));
    while (json_next(&walk)) {
        struct text name = json_text(json_get(walk.value, TEXT("Name")));
        if (name.len == 0 || text_same(name, TEXT("username")))
            continue;
        json_key(&out, name);
        json_put_text(&out, json_text(json_get(walk.value, TEXT("Value"))));
    }
    json_close(&out, '}');
}

static enum legacy_says take_attributes(struct legacy_job *job, struct remote_answer *answer)
{
    struct buf object;
    struct json_value root;
    buf_init(&object, REMOTE_ANSWER_MAX);
    flatten(answer->root, &object);
    bool good =
        buf_ok(&object) && json_parse(answer->json, buf_text(&object), &root, &job->err) == 0;
    if (good)
        legacy_put_record(job, root);
    buf_release(&object);
    return good ? LEGACY_YES : legacy_unclear(job, "GetUser gave no attributes that can be read");
}

static enum legacy_says get_user(struct cognito *cognito, const struct digest *digest,
                                 struct legacy_job *job, struct text token)
{
    struct buf url, body;
    struct remote_answer answer;
    enum legacy_says says = LEGACY_CANNOT_TELL;
    buf_init(&url, 1024);
    buf_init(&body, REMOTE_ANSWER_MAX);
    remote_init(&answer);
    struct json_out out = json_out(&body);
    json_open(&out, '{');
    json_key(&out, TEXT("AccessToken"));
    json_put_text(&out, token);
    json_close(&out, '}');
    digest_cognito_url(digest, &url);
    struct remote_request request = {.url = buf_z(&url),
                                     .content_type = "application/x-amz-json-1.1",
                                     .header =
                                         "X-Amz-Target: AWSCognitoIdentityProviderService.GetUser",
                                     .body = buf_text(&body)};
    if (remote_ask_for(&cognito->remote, job, &request, &answer) == 0) {
        bool good = answer.status == 200 &&
                    json_type(json_get(answer.root, TEXT("UserAttributes"))) == JSON_ARRAY;
        says = good ? take_attributes(job, &answer) : remote_unclear(job, &answer);
    }
    remote_release(&answer);
    buf_release(&body);
    buf_release(&url);
    return says;
}

static enum legacy_says sign_in(struct cognito *cognito, const struct digest *digest,
                                struct legacy_job *job)
{
    struct buf token;
    enum legacy_says says = LEGACY_CANNOT_TELL;
    buf_init(&token, REMOTE_ANSWER_MAX / 2);
    switch (digest_cognito_sign_in(digest, job->password, &token, &job->err)) {
    case DIGEST_MATCH:
        if (token.len > 0) {
            says = get_user(cognito, digest, job, buf_text(&token));
        } else {
            err_set(&job->err, ERR_INPUT, "the password is right, but a challenge hides the user");
        }
        break;
    case DIGEST_NO_MATCH:
        says = LEGACY_NO;
        break;
    case DIGEST_CANNOT_TELL:
        break;
    }
    buf_release(&token);
    return says;
}

static enum legacy_says ask(void *system, struct legacy_job *job)
{
    struct cognito *cognito = system;
    struct digest digest;
    if (!job->password.at)
        return legacy_no_search(job);
    if (parse(cognito->opts, job->identifier, job->arena, &digest) != NULL)
        return LEGACY_UNKNOWN; /* no name that a pool could have */
    return sign_in(cognito, &digest, job);
}

static void close_cognito(void *system)
{
    struct cognito *cognito = system;
    remote_close(&cognito->remote);
    free(cognito);
}

static int check(const struct legacy_opts *opts, struct err *err)
{
    struct arena arena;
    struct digest digest;
    arena_init(&arena, 8192);
    const char *problem = parse(opts, TEXT("x"), &arena, &digest);
    arena_release(&arena);
    return problem ? err_set(err, ERR_USAGE, "pool and client_id: %s", problem) : 0;
}

static int open_cognito(void **system, const struct legacy_opts *opts, struct err *err)
{
    const struct remote_auth none = {0};
    if (check(opts, err) != 0)
        return -1;
    struct cognito *cognito = calloc(1, sizeof(*cognito));
    if (!cognito)
        return err_memory(err);
    cognito->opts = opts;
    if (remote_open(&cognito->remote, &none, NULL, err) != 0) {
        close_cognito(cognito);
        return -1;
    }
    *system = cognito;
    return 0;
}

const struct legacy_ops legacy_ops_cognito = {
    .name = "cognito",
    .needs = LEGACY_BIT(pool) | LEGACY_BIT(client_id),
    .from = from,
    .open = open_cognito,
    .close = close_cognito,
    .ask = ask,
};
