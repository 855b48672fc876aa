/*
 * oauth: an OAuth 2.0 server that still has the resource owner password grant (RFC 6749, 4.3). A POST to
 * the token endpoint
 *
 *     grant_type=password&username=…&password=…[&scope=…][&client_id=…]
 *
 * with the client as HTTP Basic if it has a secret (2.3.1). 200 with an access_token is a yes; then GET
 * userinfo_url with it gives the claims (OpenID Connect Core, 5.3). "invalid_grant" (5.2) is a no, with
 * whatever status: 400 by the letter, 401 of Keycloak, 403 of Auth0. All else is neither: invalid_client,
 * mfa_required (the password was right, but the user cannot be seen).
 */
#include "trickle/remote.h"

#include <stdlib.h>

#include "net/net.h"

#define BODY_FORM_MAX ((size_t)32 * 1024)

struct oauth {
    const struct legacy_opts *opts;
    struct remote token, userinfo; /* the client's proof is for the token endpoint alone */
};

static const char *from(const struct legacy_opts *opts)
{
    (void)opts;
    return LEGACY_FROM_CLAIMS;
}

static void add_field(struct buf *form, const char *key, struct text value)
{
    if (!value.at)
        return;
    buf_printf(form, "%s%s=", form->len > 0 ? "&" : "", key);
    percent_encode(form, value);
}

static void write_form(const struct oauth *oauth, const struct legacy_job *job, struct buf *form)
{
    add_field(form, "grant_type", TEXT("password"));
    add_field(form, "username", job->identifier);
    add_field(form, "password", job->password);
    add_field(form, "scope", text_of(oauth->opts->scope));
    if (!oauth->opts->client_secret)
        add_field(form, "client_id", text_of(oauth->opts->client_id));
}

static enum legacy_says sign_in(struct oauth *oauth, struct legacy_job *job,
                                struct remote_answer *answer)
{
    struct buf form;
    buf_init(&form, BODY_FORM_MAX);
    write_form(oauth, job, &form);
    struct remote_request request = {.url = oauth->opts->url,
                                     .content_type = "application/x-www-form-urlencoded",
                                     .body = buf_text(&form)};
    int result = buf_ok(&form) ? remote_ask_for(&oauth->token, job, &request, answer)
                               : err_memory(&job->err);
    buf_release(&form);
    if (result != 0)
        return LEGACY_CANNOT_TELL;
    struct text error = json_text(json_get(answer->root, TEXT("error")));
    if (answer->status == 200 && json_text(json_get(answer->root, TEXT("access_token"))).len > 0)
        return LEGACY_YES;
    if ((answer->status == 400 || answer->status == 401 || answer->status == 403) &&
        text_same(error, TEXT("invalid_grant")))
        return LEGACY_NO;
    if (answer->status >= 400 && answer->status <= 499 && error.len > 0)
        return legacy_unclear(job, "it answered %ld, error %.*s", answer->status,
                              TEXT_ARG(text_part(error, 0, 64)));
    return remote_unclear(job, answer);
}

static enum legacy_says read_claims(struct oauth *oauth, struct legacy_job *job,
                                    struct remote_answer *answer)
{
    struct text token = json_text(json_get(answer->root, TEXT("access_token")));
    struct text header = arena_printf(job->arena, "Authorization: Bearer %.*s", TEXT_ARG(token));
    struct remote_request request = {
        .method = "GET", .url = oauth->opts->userinfo_url, .header = header.at};
    if (!header.at)
        return legacy_unclear(job, "an access token that is too long");
    if (remote_ask_for(&oauth->userinfo, job, &request, answer) != 0)
        return LEGACY_CANNOT_TELL;
    if (answer->status != 200 || json_type(answer->root) != JSON_OBJECT)
        return legacy_unclear(job, "userinfo answered %ld%s", answer->status,
                              answer->root.document ? "" : " without JSON");
    legacy_put_record(job, answer->root);
    return LEGACY_YES;
}

static enum legacy_says ask(void *system, struct legacy_job *job)
{
    struct oauth *oauth = system;
    struct remote_answer answer;
    if (!job->password.at)
        return legacy_no_search(job);
    remote_init(&answer);
    enum legacy_says says = sign_in(oauth, job, &answer);
    if (says == LEGACY_YES)
        says = read_claims(oauth, job, &answer);
    remote_release(&answer);
    return says;
}

static void close_oauth(void *system)
{
    struct oauth *oauth = system;
    remote_close(&oauth->token);
    remote_close(&oauth->userinfo);
    free(oauth);
}

static int open_oauth(void **system, const struct legacy_opts *opts, struct err *err)
{
    struct remote_auth client = {0}, none = {0};
    if (opts->client_secret)
        client = (struct remote_auth){"basic", opts->client_id, opts->client_secret};
    if (remote_check_url("url", opts->url, err) != 0 ||
        remote_check_url("userinfo_url", opts->userinfo_url, err) != 0)
        return -1;
    struct oauth *oauth = calloc(1, sizeof(*oauth));
    if (!oauth)
        return err_memory(err);
    oauth->opts = opts;
    if (remote_open(&oauth->token, &client, opts->ca_file, err) != 0 ||
        remote_open(&oauth->userinfo, &none, opts->ca_file, err) != 0) {
        close_oauth(oauth);
        return -1;
    }
    *system = oauth;
    return 0;
}

const struct legacy_ops legacy_ops_oauth = {
    .name = "oauth",
    .needs = LEGACY_BIT(url) | LEGACY_BIT(userinfo_url) | LEGACY_BIT(client_id),
    .takes = LEGACY_BIT(client_secret) | LEGACY_BIT(scope) | LEGACY_BIT(ca_file),
    .from = from,
    .open = open_oauth,
    .close = close_oauth,
    .ask = ask,
};
