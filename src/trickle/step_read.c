/*
 * The routes of the Frontend API that carry an identifier or a password (docs/trickle.md lists them), and
 * what Clerk's answers to them mean. Browsers send other verbs than POST as POST …?_method=VERB.
 */
#include "trickle/step_inside.h"

#define FORM_TYPE TEXT("application/x-www-form-urlencoded")
#define SIGN_INS  TEXT("/v1/client/sign_ins")
#define SIGN_UPS  TEXT("/v1/client/sign_ups")

static const struct text absent = {NULL, 0};

/* One value of a query or body; absent also if the whole is malformed. */
static struct text value_of(struct text whole, struct text name, struct arena *arena)
{
    struct form_fields form;
    return form_parse(whole, arena, &form) == FORM_OK ? form_get(&form, name) : absent;
}

static struct text verb_of(struct server_request *request)
{
    struct text method = text_of(request->method);
    struct text in_query = text_same(method, TEXT("POST"))
                               ? value_of(request->query, TEXT("_method"), &request->arena)
                               : absent;
    return in_query.len > 0 ? in_query : method;
}

static bool is_code(struct text strategy)
{
    static const char *const codes[] = {"email_code", "phone_code", "email_link",
                                        "reset_password_email_code", "reset_password_phone_code"};
    for (size_t i = 0; i < ARRAY_COUNT(codes); i++)
        if (text_same(strategy, text_of(codes[i])))
            return true;
    return false;
}

/* POST /v1/client/sign_ins */
static void read_create(struct step_request *is)
{
    bool by_password = is->strategy.len == 0 || text_same(is->strategy, TEXT("password"));
    is->any = is->identifier.len > 0;
    if (by_password && is->password.len > 0)
        is->kind = DECIDE_KIND_password;
    else if (is->strategy.len == 0)
        is->kind = DECIDE_KIND_identifier;
    else if (is_code(is->strategy))
        is->kind = DECIDE_KIND_code;
    else
        is->any = false;
}

/* What is asked of a sign-in that the gateway began: a password, a code, to be read; nothing else. */
static void read_synthetic(struct core *core, struct server_request *request, struct text verb,
                           struct text action, struct step_request *is)
{
    bool post = text_same(verb, TEXT("POST"));
    struct synthetic whom = synthetic_open(&core->seal, is->sign_in, step_browser(request),
                                           clock_wall_ms(), &request->arena);
    is->any = true;
    is->identifier = whom.identifier;
    is->by_phone = whom.by_phone;
    is->look = text_same(verb, TEXT("GET")) && action.len == 0;
    is->unknown = !is->identifier.at;
    if (post && text_same(action, TEXT("attempt_first_factor")) && is->password.len > 0)
        is->kind = DECIDE_KIND_synthetic_attempt;
    else if (post && text_same(action, TEXT("prepare_first_factor")) && is_code(is->strategy))
        is->kind = DECIDE_KIND_synthetic_code;
    else if (!is->look)
        is->unknown = true;
}

static void read_sign_in(struct core *core, struct server_request *request, struct text verb,
                         struct text rest, struct step_request *is)
{
    size_t slash = text_find(rest, '/', 0);
    struct text action = text_part(rest, slash + 1, rest.len);
    is->sign_in = text_part(rest, 0, slash);
    if (text_starts(is->sign_in, SYNTHETIC_PREFIX)) {
        read_synthetic(core, request, verb, action, is);
        return;
    }
    bool prepares = text_same(action, TEXT("prepare_first_factor")) &&
                    core->settings->policy.codes == DECIDE_CODES_MOVE;
    bool attempts = text_same(action, TEXT("attempt_first_factor"));
    is->kind = prepares ? DECIDE_KIND_hidden_code : DECIDE_KIND_attempt;
    is->any = text_same(verb, TEXT("POST")) &&
              ((prepares && is_code(is->strategy)) ||
               (attempts && text_same(is->strategy, TEXT("password")) && is->password.len > 0));
}

/* POST /v1/client/sign_ups, or PATCH of one: whichever identifier comes. */
static void read_sign_up(const struct form_fields *form, struct text verb, struct step_request *is)
{
    static const char *const names[] = {"email_address", "phone_number", "username"};
    if (!text_same(verb, TEXT("POST")) && !text_same(verb, TEXT("PATCH")))
        return;
    for (size_t i = 0; i < ARRAY_COUNT(names) && !is->any; i++) {
        is->identifier = form_get(form, text_of(names[i]));
        is->strategy = text_of(names[i]); /* the field to complain about */
        is->any = is->identifier.len > 0;
    }
    is->kind = DECIDE_KIND_sign_up;
}

void step_read(struct core *core, struct server_request *request, struct text path,
               struct step_request *is)
{
    struct text verb = verb_of(request);
    struct form_fields form;
    *is = (struct step_request){.any = false};
    if ((request->body.len > 0 &&
         !form_is_type(server_header(request, "Content-Type"), FORM_TYPE)) ||
        form_parse(request->body, &request->arena, &form) != FORM_OK)
        return;
    bool sign_ins = text_starts(path, SIGN_INS), sign_ups = text_starts(path, SIGN_UPS);
    struct text rest = text_part(path, SIGN_INS.len, path.len); /* both are as long */
    if ((!sign_ins && !sign_ups) || (rest.len > 0 && rest.at[0] != '/'))
        return;
    if (sign_ups) {
        if (text_find(rest, '/', 1) >= rest.len)
            read_sign_up(&form, verb, is);
        return;
    }
    is->identifier = form_get(&form, TEXT("identifier"));
    is->password = form_get(&form, TEXT("password"));
    is->strategy = form_get(&form, TEXT("strategy"));
    if (rest.len > 1)
        read_sign_in(core, request, verb, text_part(rest, 1, rest.len), is);
    else if (text_same(verb, TEXT("POST")))
        read_create(is);
}

struct text step_browser(struct server_request *request)
{
    struct text dev = value_of(request->query, TEXT("__clerk_db_jwt"), &request->arena);
    if (dev.len > 0)
        return dev;
    struct text own = cookie_get(server_header(request, "Cookie"), TEXT(SYNTHETIC_COOKIE));
    return own.len == SYNTHETIC_COOKIE_LEN ? own : absent;
}

bool step_parse(struct core *core, struct server_request *request,
                const struct proxy_answer *answer, struct json_value *root)
{
    struct err err;
    return answer->body.at &&
           json_parse_padded(core_json(core, request->loop), answer->body, root, &err) == 0;
}

enum decide_clerk step_clerk_says(struct core *core, struct server_request *request,
                                  const struct proxy_answer *answer)
{
    static const struct {
        int status;
        enum clerk_code code;
        enum decide_clerk says;
    } known[] = {
        {422, CLERK_form_identifier_not_found, DECIDE_CLERK_unknown_user},
        {422, CLERK_form_password_or_identifier_incorrect, DECIDE_CLERK_wrong_pair},
        {422, CLERK_form_password_incorrect, DECIDE_CLERK_wrong_password},
        {400, CLERK_strategy_for_user_invalid, DECIDE_CLERK_no_password},
    };
    struct json_value root;
    if (answer->status < 400 || answer->status >= 500 || !step_parse(core, request, answer, &root))
        return DECIDE_CLERK_other;
    struct text code = json_text(json_path(root, TEXT("errors.0.code")));
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        if (answer->status == known[i].status &&
            text_same(code, text_of(clerk_error_name(known[i].code))))
            return known[i].says;
    return DECIDE_CLERK_other;
}

/* --- cookies --- */

/* Whether a Set-Cookie line takes the cookie away. */
static bool deletes(struct text line, struct text value)
{
    struct text rest = line, part;
    text_field(&rest, ';', &part);
    while (text_field(&rest, ';', &part))
        if (text_same_nocase(text_trim(part), TEXT("Max-Age=0")))
            return true;
    return value.len == 0;
}

static void split(struct text line, struct text *name, struct text *value)
{
    struct text pair = text_part(line, 0, text_find(line, ';', 0));
    size_t equals = text_find(pair, '=', 0);
    *name = text_trim(text_part(pair, 0, equals));
    *value = text_trim(text_part(pair, equals + 1, pair.len));
}

/* Whether a later Set-Cookie line of the answer, from `from` on, is about this cookie. */
static bool set_later(const struct proxy_answer *answer, size_t from, struct text wanted)
{
    struct text name, value;
    for (size_t i = from; i < answer->header_count; i++) {
        if (!text_same_nocase(text_of(answer->headers[i].name), TEXT("Set-Cookie")))
            continue;
        split(text_of(answer->headers[i].value), &name, &value);
        if (text_same(name, wanted))
            return true;
    }
    return false;
}

static void add_cookie(struct buf *to, struct text name, struct text value)
{
    buf_printf(to, "%s%.*s=%.*s", to->len > 0 ? "; " : "", TEXT_ARG(name), TEXT_ARG(value));
}

struct text step_cookies(struct server_request *request, const struct proxy_answer *answer)
{
    struct text rest = server_header(request, "Cookie"), pair, name, value;
    struct buf all;
    buf_init(&all, 64 * 1024);
    while (text_field(&rest, ';', &pair)) {
        split(text_trim(pair), &name, &value);
        if (name.len > 0 && !set_later(answer, 0, name))
            add_cookie(&all, name, value);
    }
    for (size_t i = 0; i < answer->header_count; i++) {
        struct text line = text_of(answer->headers[i].value);
        if (!text_same_nocase(text_of(answer->headers[i].name), TEXT("Set-Cookie")))
            continue;
        split(line, &name, &value);
        if (!deletes(line, value) && !set_later(answer, i + 1, name))
            add_cookie(&all, name, value);
    }
    struct text kept =
        buf_ok(&all) ? arena_copy(&request->arena, buf_text(&all)) : (struct text){NULL, 0};
    buf_release(&all);
    return kept;
}
