/* The Backend API's sessions: list, get, create (for tests), revoke, tokens. */
#include "sandbox/active.h"
#include "sandbox/body.h"
#include "sandbox/call.h"
#include "sandbox/front.h"
#include "sandbox/jwt_template.h"
#include "sandbox/page.h"
#include "sandbox/routes.h"
#include "sandbox/token.h"

#define LIFE_MIN_S 30
#define LIFE_MAX_S 315360000

static void answer(struct call *call, const struct session *session)
{
    struct json_out out = json_out(call_answer(call, 200));
    session_write_back(call, session, &out);
}

void sessions_get(struct call *call)
{
    struct session session;
    if (session_get(call, call->ids[0], &session))
        answer(call, &session);
}

/* The status filter is applied to what is true now: stored as active, a session may have expired. */
static bool list(struct call *call, struct session **sessions, size_t *count)
{
    static const char by_client[] =
        ROW_SELECT("sessions", SESSION_COLUMNS) " WHERE client = ?1 ORDER BY created_at DESC, id";
    static const char by_user[] =
        ROW_SELECT("sessions", SESSION_COLUMNS) " WHERE user_id = ?1 ORDER BY created_at DESC, id";
    struct text client = call_param(call, TEXT("client_id")),
                user = call_param(call, TEXT("user_id"));
    struct text status = call_param(call, TEXT("status"));
    if (!client.at && !user.at)
        return call_fail(call, CLERK_form_param_missing, "user_id",
                         "Give `user_id` or `client_id`.");
    if (!session_list(call, user.at ? by_user : by_client, user.at ? user : client, sessions,
                      count))
        return false;
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        const struct session *one = &(*sessions)[i];
        if ((!client.at || text_same(one->client, client)) &&
            (!status.at || text_same(session_status(call, one), status)))
            (*sessions)[kept++] = *one;
    }
    *count = kept;
    return true;
}

void sessions_list(struct call *call)
{
    struct session *sessions;
    struct page page;
    size_t count;
    if (!list(call, &sessions, &count) || !page_open(call, count, &page))
        return;
    for (size_t i = page.from; i < page.to; i++)
        session_write_back(call, &sessions[i], &page.out);
    page_close(&page);
}

void sessions_create(struct call *call)
{
    struct form {
        struct text user_id, organization;
    } form = {.user_id = {NULL, 0}};
    static const struct body_field fields[] = {
        {"user_id", BODY_TEXT, offsetof(struct form, user_id), .needed = true},
        {"active_organization_id", BODY_TEXT, .offset = offsetof(struct form, organization)},
    };
    struct account account;
    struct client client;
    struct session session;
    uint64_t given;
    if (!body_read(call, fields, ARRAY_COUNT(fields), &form, &given) ||
        !call_account(call, form.user_id, &account) || !call_mark(call) ||
        !client_new(call, &client))
        return;
    struct session_opts opts = {.client = client.id, .account = &account, .first = true};
    if (!session_start(call, &opts, &session))
        return;
    client.session = session.id;
    if (active_set(call, &session, form.organization) && session_put(call, &session) &&
        client_put(call, &client))
        answer(call, &session);
}

void sessions_revoke(struct call *call)
{
    struct session session;
    if (!session_get(call, call->ids[0], &session))
        return;
    if (!text_same(session.status, TEXT("active")))
        call_fail(call, CLERK_invalid_action_for_session, NULL, "The session is %.*s.",
                  TEXT_ARG(session.status));
    else if (session_end(call, &session, "revoked"))
        answer(call, &session);
}

/* ---- tokens ---- */

/* Its user is there as well: whoever deletes one ends the sessions. */
static bool get_live(struct call *call, struct session *session)
{
    return session_get(call, call->ids[0], session) &&
           (text_same(session->status, TEXT("active")) ||
            call_not_found(call, "live session", call->ids[0]));
}

static bool read_life(struct call *call, int64_t *life_s)
{
    static const struct body_field fields[] = {
        {"expires_in_seconds", BODY_NUMBER, .min = LIFE_MIN_S, .max = LIFE_MAX_S}};
    uint64_t given;
    *life_s = 0;
    if (!body_read(call, fields, ARRAY_COUNT(fields), life_s, &given))
        return false;
    if (*life_s == USER_UNSET)
        *life_s = 0;
    return true;
}

void sessions_tokens(struct call *call)
{
    struct session session;
    int64_t life_s;
    if (keys_ready(call, sessions_tokens) && get_live(call, &session) && read_life(call, &life_s))
        token_answer(call, &(struct token_opts){.session = &session, .life_s = life_s});
}

void sessions_tokens_template(struct call *call)
{
    struct session session;
    struct jwt_template template;
    int64_t life_s;
    if (keys_ready(call, sessions_tokens_template) && get_live(call, &session) &&
        jwt_template_find(call, call->ids[1], &template) && read_life(call, &life_s))
        token_answer(call, &(struct token_opts){
                               .session = &session, .template = &template, .life_s = life_s});
}

/* Lets end-to-end tests past bot protection, of which the sandbox has none. */
void testing_tokens_create(struct call *call)
{
    char secret[41];
    random_base62(secret, sizeof(secret) - 1);
    struct text token =
        arena_printf(call->arena, "%lld-%s", (long long)(call->now_ms / 1000), secret);
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_text(&out, "object", TEXT("testing_token"));
    json_field_text(&out, "token", token);
    json_field_int(&out, "expires_at", call->now_ms / 1000 + 3600);
    json_close(&out, '}');
}
