/* GET and PATCH /v1/sign_ups/{}: what an application's server sees of a sign-up, and adds to it. */
#include "sandbox/body.h"
#include "sandbox/routes.h"
#include "sandbox/signup.h"

static bool find(struct call *call, struct signup *signup)
{
    struct err err;
    enum store_answer got =
        row_get(call->desk->store, &signup_table, call->ids[0], call->arena, signup, &err);
    if (got == STORE_NONE)
        return call_not_found(call, "sign-up", call->ids[0]);
    if (!call_check(call, got, &err))
        return false;
    if (!text_same(signup->status, TEXT("complete")) && signup->abandon_at <= call->now_ms)
        signup->status = TEXT("abandoned");
    return true;
}

static void answer(struct call *call, const struct signup *signup)
{
    struct json_out out = json_out(call_answer(call, 200));
    signup_write(call, signup, &out);
}

void signups_back_get(struct call *call)
{
    struct signup signup;
    if (find(call, &signup))
        answer(call, &signup);
}

void signups_back_update(struct call *call)
{
    struct form {
        struct text external_id;
        bool custom_action;
    } form = {0};
    static const struct body_field fields[] = {
        {"external_id", BODY_TEXT, .offset = offsetof(struct form, external_id), .max = 1024},
        {"custom_action", BODY_BOOL, .offset = offsetof(struct form, custom_action)},
    };
    struct signup signup;
    uint64_t given;
    if (!find(call, &signup))
        return;
    form.custom_action = signup.custom_action == 1;
    if (!body_read(call, fields, ARRAY_COUNT(fields), &form, &given))
        return;
    if (!text_same(signup.status, TEXT("missing_requirements"))) {
        call_fail(call, CLERK_sign_up_cannot_be_updated, NULL, "The sign-up is %.*s.",
                  TEXT_ARG(signup.status));
        return;
    }
    if (given & 1)
        signup.external_id = form.external_id;
    signup.custom_action = form.custom_action;
    if (signup_put(call, &signup))
        answer(call, &signup);
}
