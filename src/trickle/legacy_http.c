/*
 * http: a hook, an endpoint that somebody wrote in front of the legacy system. Its forms:
 *
 * usher (our own, docs/legacy.md): POST {"event":"check","identifier":…,"password":…,"address":…}, without
 * a password {"event":"find",…}; the answer is 200 with {"result":"yes","user":{…}}, {"result":"no"} or
 * {"result":"unknown"}. A moved user: {"event":"moved","identifier":…,"external_id":…,"clerk_id":…} to moved_url.
 *
 * keycloak, the user-migration plug-in (github.com/daniel-frak/keycloak-user-migration, README.md,
 * "Prerequisites - REST endpoints in the legacy system"): GET URL/IDENTIFIER answers 200 with the user, else
 * there is none; POST URL/USERNAME {"password":…} answers 200 if it is right, else it is not. The username is
 * that of the answer, whatever was typed (LegacyProvider.java, getUserIdentifier); form keycloak-id is the plug-in
 * with its switch to use the answer's id instead. Here a 5xx, a redirect, a 429 or a 401 to the GET is
 * neither: that is an outage, not a user who does not exist.
 *
 * ory, the password migration hook (ory/docs, manage-identities/25_import-user-accounts-identities.mdx,
 * "Password migration using a web hook"): POST {"identifier":…,"password":…} answers 200 with
 * {"status":"password_match"}, 403 for a wrong password, anything else is an error. It cannot be asked for
 * a user without a password, and shows no user: the identifier is all that is known, unless the
 * answer has more for a mapping.
 *
 * fusionauth, the generic connector (FusionAuth/fusionauth-site, migrate-users/connectors/generic-connector.mdx):
 * POST {"loginId":…,"password":…,"eventInfo":{"ipAddress":…}} answers 200 with {"user":{…}}, 404 for all else.
 * Only with a password. What else FusionAuth sends (its application's id, the device) nobody knows here.
 */
#include "trickle/remote.h"

#include <stdlib.h>
#include <string.h>

#include "net/net.h"

struct hook;

struct hook_form {
    const char *name;
    const char *from; /* the mapping of its records */
    enum legacy_says (*ask)(struct hook *hook, struct legacy_job *job,
                            struct remote_answer *answer);
    bool moves;        /* has a form for "moved" */
    const char *named; /* keycloak: the field by which the password's user is named */
};

struct hook {
    const struct hook_form *form;
    const struct legacy_opts *opts;
    struct remote remote;
};

#define BODY_MAX      ((size_t)64 * 1024)
#define URL_MAX_BYTES ((size_t)8 * 1024)
#define MOVED_MS      10000

/* --- requests --- */

/* One member of a body that is written. */
struct member {
    const char *key;
    struct text value; /* absent: left out */
};

static void write_body(struct buf *to, const struct member *members, size_t count)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    for (size_t i = 0; i < count; i++) {
        if (!members[i].value.at)
            continue;
        json_key(&out, text_of(members[i].key));
        json_put_text(&out, members[i].value);
    }
    json_close(&out, '}');
}

static int post_body(struct hook *hook, struct legacy_job *job, const char *url,
                     const struct buf *body, struct remote_answer *answer)
{
    struct remote_request request = {.url = url, .body = buf_text(body)};
    return buf_ok(body) ? remote_ask_for(&hook->remote, job, &request, answer)
                        : err_memory(&job->err);
}

static int post(struct hook *hook, struct legacy_job *job, const char *url,
                const struct member *members, size_t count, struct remote_answer *answer)
{
    struct buf body;
    buf_init(&body, BODY_MAX);
    write_body(&body, members, count);
    int result = post_body(hook, job, url, &body, answer);
    buf_release(&body);
    return result;
}

/* --- forms --- */

static enum legacy_says ask_usher(struct hook *hook, struct legacy_job *job,
                                  struct remote_answer *answer)
{
    const struct member members[] = {
        {"event", job->password.at ? TEXT("check") : TEXT("find")},
        {"identifier", job->identifier},
        {"password", job->password},
        {"address", job->address},
    };
    if (post(hook, job, hook->opts->url, members, ARRAY_COUNT(members), answer) != 0)
        return LEGACY_CANNOT_TELL;
    struct text result = json_text(json_get(answer->root, TEXT("result")));
    struct json_value user = json_get(answer->root, TEXT("user"));
    if (answer->status == 200 && text_same(result, TEXT("unknown")))
        return LEGACY_UNKNOWN;
    if (answer->status == 200 && text_same(result, TEXT("no")) && job->password.at)
        return LEGACY_NO;
    if (answer->status != 200 || !text_same(result, TEXT("yes")) || json_type(user) != JSON_OBJECT)
        return remote_unclear(job, answer);
    json_write(user, &job->record);
    return LEGACY_YES;
}

/* A record that says of itself whether it may sign in. */
static enum legacy_says take_user(struct legacy_job *job, struct json_value user, const char *key)
{
    struct json_value enabled = json_get(user, text_of(key));
    bool off = json_type(enabled) == JSON_BOOL ? !json_true(enabled)
                                               : text_same(json_text(enabled), TEXT("false"));
    json_write(user, &job->record);
    if (legacy_map(job) != 0)
        return LEGACY_CANNOT_TELL;
    if (off)
        job->user.banned = USER_FLAG_TRUE;
    return LEGACY_YES;
}

static bool refuses(long status)
{
    return status >= 400 && status <= 499 && status != 407 && status != 408 && status != 425 &&
           status != 429;
}

/* URL/NAME; lives in the buffer. */
static const char *keycloak_url(const struct hook *hook, struct text name, struct buf *url)
{
    size_t len = strlen(hook->opts->url);
    buf_printf(url, "%s%s", hook->opts->url, hook->opts->url[len - 1] == '/' ? "" : "/");
    percent_encode(url, name);
    return buf_z(url);
}

/* *name: by which the password is asked for. */
static enum legacy_says find_keycloak(struct hook *hook, struct legacy_job *job,
                                      struct remote_answer *answer, struct text *name)
{
    struct buf url;
    buf_init(&url, URL_MAX_BYTES);
    struct remote_request request = {.method = "GET",
                                     .url = keycloak_url(hook, job->identifier, &url)};
    int result = remote_ask_for(&hook->remote, job, &request, answer);
    buf_release(&url);
    if (result != 0)
        return LEGACY_CANNOT_TELL;
    if (answer->status == 204 || answer->status == 400 || answer->status == 404 ||
        answer->status == 410)
        return LEGACY_UNKNOWN;
    struct text named = json_text(json_get(answer->root, text_of(hook->form->named)));
    if (answer->status != 200 || json_type(answer->root) != JSON_OBJECT || named.len == 0)
        return remote_unclear(job, answer);
    *name = arena_copy(job->arena, named);
    return take_user(job, answer->root, "enabled");
}

static enum legacy_says ask_keycloak(struct hook *hook, struct legacy_job *job,
                                     struct remote_answer *answer)
{
    const struct member members[] = {{"password", job->password}};
    struct text name;
    struct buf url;
    enum legacy_says says = find_keycloak(hook, job, answer, &name);
    if (says != LEGACY_YES || !job->password.at)
        return says;
    buf_init(&url, URL_MAX_BYTES);
    if (post(hook, job, keycloak_url(hook, name, &url), members, ARRAY_COUNT(members), answer) != 0)
        says = LEGACY_CANNOT_TELL;
    else if (answer->status != 200)
        says = refuses(answer->status) ? LEGACY_NO : remote_unclear(job, answer);
    buf_release(&url);
    return says;
}

static enum legacy_says ask_ory(struct hook *hook, struct legacy_job *job,
                                struct remote_answer *answer)
{
    const struct member members[] = {{"identifier", job->identifier}, {"password", job->password}};
    if (!job->password.at)
        return legacy_no_search(job);
    if (post(hook, job, hook->opts->url, members, ARRAY_COUNT(members), answer) != 0)
        return LEGACY_CANNOT_TELL;
    if (answer->status == 403)
        return LEGACY_NO;
    if (answer->status != 200 ||
        !text_same(json_text(json_get(answer->root, TEXT("status"))), TEXT("password_match")))
        return remote_unclear(job, answer);
    legacy_put_record(job, answer->root);
    return LEGACY_YES;
}

static void write_fusionauth(const struct legacy_job *job, struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    json_key(&out, TEXT("loginId"));
    json_put_text(&out, job->identifier);
    json_key(&out, TEXT("password"));
    json_put_text(&out, job->password);
    if (job->address.len > 0) {
        json_key(&out, TEXT("eventInfo"));
        json_open(&out, '{');
        json_key(&out, TEXT("ipAddress"));
        json_put_text(&out, job->address);
        json_close(&out, '}');
    }
    json_close(&out, '}');
}

static enum legacy_says ask_fusionauth(struct hook *hook, struct legacy_job *job,
                                       struct remote_answer *answer)
{
    struct buf body;
    if (!job->password.at)
        return legacy_no_search(job);
    buf_init(&body, BODY_MAX);
    write_fusionauth(job, &body);
    int result = post_body(hook, job, hook->opts->url, &body, answer);
    buf_release(&body);
    if (result != 0)
        return LEGACY_CANNOT_TELL;
    struct json_value user = json_get(answer->root, TEXT("user"));
    if (answer->status == 404)
        return LEGACY_NO;
    if (answer->status != 200 || json_type(user) != JSON_OBJECT)
        return remote_unclear(job, answer);
    return take_user(job, user, "active");
}

/* The plug-in's user. It may leave the id out; then the username is all there is. */
#define FROM_KEYCLOAK                                                                              \
    "{\"fields\":{\"external_id\":\"{{id || username}}\",\"username\":\"{{username}}\","           \
    "\"email_address\":{\"value\":\"{{email}}\",\"verified\":\"{{emailVerified}}\"},"              \
    "\"first_name\":\"{{firstName}}\",\"last_name\":\"{{lastName}}\","                             \
    "\"private_metadata.attributes\":\"{{attributes}}\","                                          \
    "\"private_metadata.roles\":\"{{roles}}\",\"private_metadata.groups\":\"{{groups}}\"}}"

static const struct hook_form forms[] = {
    {"usher", "usher", ask_usher, true, NULL},
    {"keycloak", FROM_KEYCLOAK, ask_keycloak, false, "username"},
    {"keycloak-id", FROM_KEYCLOAK, ask_keycloak, false, "id"},
    {"ory",
     "{\"fields\":{\"external_id\":\"{{identity.id || asked.identifier}}\","
     "\"email_address\":\"{{identity.traits.email || asked.email}}\","
     "\"phone_number\":\"{{asked.phone}}\",\"username\":\"{{asked.username}}\"}}",
     ask_ory, false, NULL},
    {"fusionauth",
     "{\"fields\":{\"external_id\":\"{{id}}\",\"username\":\"{{username}}\","
     "\"email_address\":{\"value\":\"{{email}}\",\"verified\":\"{{verified}}\"},"
     "\"first_name\":\"{{firstName}}\",\"last_name\":\"{{lastName}}\","
     "\"private_metadata.data\":\"{{data}}\"}}",
     ask_fusionauth, false, NULL},
};

static const struct hook_form *form_of(const struct legacy_opts *opts)
{
    struct text name = opts->form ? text_of(opts->form) : TEXT("usher");
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++)
        if (text_same(text_of(forms[i].name), name))
            return &forms[i];
    return NULL;
}

/* --- the connector --- */

static const char *from(const struct legacy_opts *opts)
{
    const struct hook_form *form = form_of(opts);
    return form ? form->from : "usher";
}

static int check(const struct legacy_opts *opts, const struct hook_form *form, struct err *err)
{
    if (!form)
        return err_set(err, ERR_USAGE,
                       "there is no form \"%.32s\"; there are usher, keycloak, keycloak-id, "
                       "ory, fusionauth",
                       opts->form);
    if (opts->moved_url && !form->moves)
        return err_set(err, ERR_USAGE,
                       "the form %s has no word for moved users; leave out moved_url", form->name);
    if (opts->auth && strcmp(opts->auth, "hmac") == 0 && !form->moves)
        return err_set(err, ERR_USAGE, "auth hmac is of form usher alone");
    if (opts->moved_url && remote_check_url("moved_url", opts->moved_url, err) != 0)
        return -1;
    return remote_check_url("url", opts->url, err);
}

static void close_hook(void *system)
{
    struct hook *hook = system;
    remote_close(&hook->remote);
    free(hook);
}

static int open_hook(void **system, const struct legacy_opts *opts, struct err *err)
{
    const struct hook_form *form = form_of(opts);
    const struct remote_auth auth = {opts->auth, opts->username, opts->secret};
    if (check(opts, form, err) != 0)
        return -1;
    struct hook *hook = calloc(1, sizeof(*hook));
    if (!hook)
        return err_memory(err);
    hook->form = form;
    hook->opts = opts;
    if (remote_open(&hook->remote, &auth, opts->ca_file, err) != 0) {
        close_hook(hook);
        return -1;
    }
    *system = hook;
    return 0;
}

static enum legacy_says ask(void *system, struct legacy_job *job)
{
    struct hook *hook = system;
    struct remote_answer answer;
    remote_init(&answer);
    enum legacy_says says = hook->form->ask(hook, job, &answer);
    remote_release(&answer);
    return says;
}

static int moved(void *system, const struct legacy_moved *what, struct err *err)
{
    struct hook *hook = system;
    const struct member members[] = {
        {"event", TEXT("moved")},
        {"identifier", what->identifier},
        {"external_id", what->external_id},
        {"clerk_id", what->clerk_id},
    };
    struct remote_answer answer;
    struct buf body;
    remote_init(&answer);
    buf_init(&body, BODY_MAX);
    write_body(&body, members, ARRAY_COUNT(members));
    struct remote_request request = {
        .url = hook->opts->moved_url, .body = buf_text(&body), .timeout_ms = MOVED_MS};
    int result = remote_ask(&hook->remote, &request, &answer, err);
    if (result == 0 && (answer.status < 200 || answer.status > 299))
        result = err_set(err, ERR_NETWORK, "it answered %ld", answer.status);
    remote_release(&answer);
    buf_release(&body);
    return result;
}

const struct legacy_ops legacy_ops_http = {
    .name = "http",
    .needs = LEGACY_BIT(url),
    .takes = LEGACY_BIT(form) | LEGACY_BIT(auth) | LEGACY_BIT(secret) | LEGACY_BIT(username) |
             LEGACY_BIT(moved_url) | LEGACY_BIT(ca_file),
    .from = from,
    .open = open_hook,
    .close = close_hook,
    .ask = ask,
    .moved = moved,
    .moved_by = LEGACY_BIT(moved_url),
};
