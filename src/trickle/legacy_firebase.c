/*
 * firebase: Firebase Authentication through Google's Identity Toolkit (cloud.google.com/identity-platform/docs/
 * reference/rest/v1/accounts). POST
 *
 *     URL/v1/accounts:signInWithPassword?key=…   {"email":…,"password":…,"returnSecureToken":true}
 *
 * answers 200 with an idToken, or 400 with {"error":{"message":"EMAIL_NOT_FOUND"}}. Projects with email
 * enumeration protection say INVALID_LOGIN_CREDENTIALS for both. Then URL/v1/accounts:lookup?key=… {"idToken":…}
 * gives {"users":[{"localId":…}]}, the record that `usher export` of the same users would have.
 */
#include "trickle/remote.h"

#include <stdlib.h>

#include "net/net.h"

#define URL_DEFAULT "https://identitytoolkit.googleapis.com"
#define BODY_MAX    ((size_t)64 * 1024)

struct firebase {
    const struct legacy_opts *opts;
    struct remote remote;
};

static const struct {
    const char *message;
    enum legacy_says says;
} refusals[] = {
    {"EMAIL_NOT_FOUND", LEGACY_UNKNOWN}, {"INVALID_EMAIL", LEGACY_UNKNOWN},
    {"INVALID_PASSWORD", LEGACY_NO},     {"INVALID_LOGIN_CREDENTIALS", LEGACY_NO},
    {"USER_DISABLED", LEGACY_NO},
};

static const char *from(const struct legacy_opts *opts)
{
    (void)opts;
    return "firebase";
}

static int call(struct firebase *firebase, struct legacy_job *job, const char *method,
                const struct buf *body, struct remote_answer *answer)
{
    const struct legacy_opts *opts = firebase->opts;
    struct buf url;
    buf_init(&url, 4096);
    buf_printf(&url, "%s/v1/accounts:%s?key=", opts->url ? opts->url : URL_DEFAULT, method);
    percent_encode(&url, text_of(opts->api_key));
    struct remote_request request = {.url = buf_z(&url), .body = buf_text(body)};
    int result = buf_ok(&url) && buf_ok(body)
                     ? remote_ask_for(&firebase->remote, job, &request, answer)
                     : err_memory(&job->err);
    buf_release(&url);
    return result;
}

static enum legacy_says read_refusal(struct legacy_job *job, const struct remote_answer *answer)
{
    struct text message = json_text(json_path(answer->root, TEXT("error.message")));
    struct text code = text_trim(text_part(message, 0, text_find(message, ':', 0)));
    for (size_t i = 0; answer->status == 400 && i < ARRAY_COUNT(refusals); i++)
        if (text_same(code, text_of(refusals[i].message)))
            return refusals[i].says;
    return code.len > 0 ? legacy_unclear(job, "it answered %ld, %.*s", answer->status,
                                         TEXT_ARG(text_part(code, 0, 64)))
                        : remote_unclear(job, answer);
}

static enum legacy_says sign_in(struct firebase *firebase, struct legacy_job *job,
                                struct remote_answer *answer)
{
    struct buf body;
    buf_init(&body, BODY_MAX);
    struct json_out out = json_out(&body);
    json_open(&out, '{');
    json_key(&out, TEXT("email"));
    json_put_text(&out, job->identifier);
    json_key(&out, TEXT("password"));
    json_put_text(&out, job->password);
    json_key(&out, TEXT("returnSecureToken"));
    json_put_bool(&out, true);
    json_close(&out, '}');
    int result = call(firebase, job, "signInWithPassword", &body, answer);
    buf_release(&body);
    if (result != 0)
        return LEGACY_CANNOT_TELL;
    if (answer->status != 200)
        return read_refusal(job, answer);
    if (json_text(json_get(answer->root, TEXT("idToken"))).len > 0)
        return LEGACY_YES;
    if (json_text(json_get(answer->root, TEXT("mfaPendingCredential"))).len == 0)
        return remote_unclear(job, answer);
    err_set(&job->err, ERR_INPUT, "the password is right, but a second factor hides the user");
    return LEGACY_CANNOT_TELL;
}

static enum legacy_says look_up(struct firebase *firebase, struct legacy_job *job,
                                struct remote_answer *answer)
{
    struct buf body;
    buf_init(&body, BODY_MAX);
    struct json_out out = json_out(&body);
    json_open(&out, '{');
    json_key(&out, TEXT("idToken"));
    json_put_text(&out, json_text(json_get(answer->root, TEXT("idToken"))));
    json_close(&out, '}');
    int result = call(firebase, job, "lookup", &body, answer);
    buf_release(&body);
    if (result != 0)
        return LEGACY_CANNOT_TELL;
    struct json_value users = json_get(answer->root, TEXT("users"));
    if (answer->status != 200 || json_count(users) != 1)
        return remote_unclear(job, answer);
    legacy_put_record(job, json_path(users, TEXT("0")));
    return LEGACY_YES;
}

static enum legacy_says ask(void *system, struct legacy_job *job)
{
    struct remote_answer answer;
    if (!job->password.at)
        return legacy_no_search(job);
    remote_init(&answer);
    enum legacy_says says = sign_in(system, job, &answer);
    if (says == LEGACY_YES)
        says = look_up(system, job, &answer);
    remote_release(&answer);
    return says;
}

static void close_firebase(void *system)
{
    struct firebase *firebase = system;
    remote_close(&firebase->remote);
    free(firebase);
}

static int open_firebase(void **system, const struct legacy_opts *opts, struct err *err)
{
    const struct remote_auth none = {0};
    if (opts->url && remote_check_url("url", opts->url, err) != 0)
        return -1;
    struct firebase *firebase = calloc(1, sizeof(*firebase));
    if (!firebase)
        return err_memory(err);
    firebase->opts = opts;
    if (remote_open(&firebase->remote, &none, opts->ca_file, err) != 0) {
        close_firebase(firebase);
        return -1;
    }
    *system = firebase;
    return 0;
}

const struct legacy_ops legacy_ops_firebase = {
    .name = "firebase",
    .needs = LEGACY_BIT(api_key),
    .takes = LEGACY_BIT(url) | LEGACY_BIT(ca_file),
    .from = from,
    .open = open_firebase,
    .close = close_firebase,
    .ask = ask,
};
