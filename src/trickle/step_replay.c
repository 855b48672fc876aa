/*
 * The browser's request once more, now that the user is there:
 *
 *     a password       sign-in with identifier and password in one, whatever the browser sent it for
 *     a code           sign-in anew, then "prepare" as the browser asked for it, with the new one's factor
 *     anything else    as it came
 *
 * A code is prepared in a sign-in that begins behind the move, as Clerk keeps what it knew when one began.
 */
#include "trickle/step_inside.h"

#include <stdio.h>

static void on_replayed(void *arg, const struct proxy_answer *answer)
{
    step_give(arg, answer);
}

/* Appends "name=value", behind a & if it is not the first. */
static void add_param(struct buf *to, struct text name, struct text value)
{
    buf_printf(to, "%s%.*s=", to->len > 0 ? "&" : "", TEXT_ARG(name));
    form_encode(value, to);
}

/* What was written, in the request's arena; absent if it did not go in. */
static struct text keep(struct step *step, struct buf *body)
{
    struct text kept =
        buf_ok(body) ? arena_copy(&step->request->arena, buf_text(body)) : (struct text){NULL, 0};
    buf_release(body);
    return kept;
}

/* The browser's password as a sign-in in one request. */
static struct text combined_body(struct step *step)
{
    struct server_request *request = step->request;
    struct form_fields form;
    struct text locale = form_parse(request->body, &request->arena, &form) == FORM_OK
                             ? form_get(&form, TEXT("locale"))
                             : (struct text){NULL, 0};
    struct buf body;
    buf_init(&body, 32 * 1024);
    add_param(&body, TEXT("strategy"), TEXT("password"));
    add_param(&body, TEXT("identifier"), step->is.identifier);
    add_param(&body, TEXT("password"), step->is.password);
    if (locale.len > 0)
        add_param(&body, TEXT("locale"), locale);
    return keep(step, &body);
}

static struct text sign_ins_target(struct step *step, const char *behind)
{
    struct text query = step->request->query;
    return arena_printf(&step->request->arena, "/v1/client/sign_ins%s%s%.*s", behind,
                        query.at ? "?" : "", TEXT_ARG(query));
}

/* --- a code --- */

#define EMAIL_ID TEXT("email_address_id")
#define PHONE_ID TEXT("phone_number_id")

/* By which a code is sent: the name and value of its parameter; absent: Clerk knows none. */
struct factor {
    struct text name, id;
};

/* The one that the browser named, or else the first of its strategy, of the sign-in that has begun. */
static struct factor find_factor(const struct form_fields *form, struct text strategy,
                                 struct json_value root)
{
    struct factor first = {.id = {NULL, 0}}, one;
    struct json_walk walk = json_walk(json_path(root, TEXT("response.supported_first_factors")));
    while (json_next(&walk)) {
        if (!text_same(json_text(json_get(walk.value, TEXT("strategy"))), strategy))
            continue;
        bool by_phone = json_type(json_get(walk.value, PHONE_ID)) != JSON_ABSENT;
        one.name = by_phone ? PHONE_ID : EMAIL_ID;
        one.id = json_text(json_get(walk.value, one.name));
        if (one.id.at && text_same(one.id, form_get(form, one.name)))
            return one;
        if (!first.id.at)
            first = one;
    }
    return first;
}

/* What the browser asked for, with that factor. */
static struct text prepare_body(struct step *step, struct json_value root)
{
    struct form_fields form;
    struct buf body;
    buf_init(&body, PROXY_WHOLE_MAX * 4);
    if (form_parse(step->request->body, &step->request->arena, &form) != FORM_OK)
        form.count = 0;
    struct factor factor = find_factor(&form, step->is.strategy, root);
    for (size_t i = 0; i < form.count; i++)
        if (!text_same(form.at[i].name, EMAIL_ID) && !text_same(form.at[i].name, PHONE_ID))
            add_param(&body, form.at[i].name, form.at[i].value);
    if (factor.id.at)
        add_param(&body, factor.name, factor.id);
    return keep(step, &body);
}

/* Clerk's own sign-in has begun: it is asked to send the code. */
static void on_begun(void *arg, const struct proxy_answer *answer)
{
    struct step *step = arg;
    struct server_request *request = step->request;
    struct json_value root;
    char action[256];
    bool parsed = answer->status == 200 && step_parse(step->core, request, answer, &root);
    struct text id =
        parsed ? json_text(json_path(root, TEXT("response.id"))) : (struct text){NULL, 0};
    if (!id.at || id.len > 100) {
        step_give(step, answer);
        return;
    }
    snprintf(action, sizeof(action), "/%.*s/prepare_first_factor", TEXT_ARG(id));
    step->first = *answer; /* its cookies are the browser's from now on */
    const struct proxy_ask ask = {.target = sign_ins_target(step, action),
                                  .body = prepare_body(step, root),
                                  .cookie = step_cookies(request, answer),
                                  .done = on_replayed,
                                  .arg = step};
    proxy_ask(step->core->proxy, request, &ask);
}

static void replay_code(struct step *step)
{
    struct buf body;
    buf_init(&body, 4096);
    add_param(&body, TEXT("identifier"), step->is.identifier);
    const struct proxy_ask ask = {.target = sign_ins_target(step, ""),
                                  .body = keep(step, &body),
                                  .done = on_begun,
                                  .arg = step};
    proxy_ask(step->core->proxy, step->request, &ask);
}

void step_replay(struct step *step)
{
    struct proxy_ask ask = {.cookie = step->cookies, .done = on_replayed, .arg = step};
    bool prepares =
        step->is.kind == DECIDE_KIND_synthetic_code || step->is.kind == DECIDE_KIND_hidden_code;
    if (prepares && step->is.sign_in.at) {
        replay_code(step);
        return;
    }
    if (step->is.kind == DECIDE_KIND_attempt || step->is.kind == DECIDE_KIND_synthetic_attempt) {
        ask.target = sign_ins_target(step, "");
        ask.body = combined_body(step);
    }
    proxy_ask(step->core->proxy, step->request, &ask);
}
