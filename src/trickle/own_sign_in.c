/*
 * POST /usher/v1/sign_in, for applications with a form of their own: their server sends what the user typed and
 * gets a sign-in token (a ticket), with which the browser's Clerk signs in:
 *
 *     {"identifier":…,"password":…,"address":…}      address: the browser's, for the throttle; optional
 *     200 {"ticket":…,"user_id":…,"external_id":…,"moved":true}
 *     401 the key · 422 identifier or password · 429 too many guesses, or too many people · 503 nobody can tell
 */
#include "trickle/own.h"
#include "trickle/step.h"

#include "json/json.h"

struct sign_in {
    struct mover_job job; /* first */
    struct core *core;
    struct server_request *request;
};

static void refuse(struct sign_in *sign_in, enum clerk_code code, const char *message)
{
    arena_release(&sign_in->job.arena);
    proxy_refuse_at(sign_in->request, code, message, step_tick(sign_in->request));
}

static void give_ticket(struct sign_in *sign_in)
{
    const struct mover_job *job = &sign_in->job;
    struct json_out out = json_out(&sign_in->request->out);
    json_open(&out, '{');
    json_key(&out, TEXT("ticket"));
    json_put_text(&out, job->ticket);
    json_key(&out, TEXT("user_id"));
    json_put_text(&out, job->clerk_id);
    json_key(&out, TEXT("external_id"));
    json_put_text_or_null(&out, job->external_id);
    json_key(&out, TEXT("moved"));
    json_put_bool(&out, job->moved);
    json_close(&out, '}');
    arena_release(&sign_in->job.arena);
    own_answer(sign_in->request, 200);
}

static void on_decided(struct mover_job *job)
{
    struct sign_in *sign_in = (struct sign_in *)job;
    bool refused = job->action == DECIDE_ACTION_refuse_password;
    if (job->end == MOVER_THROTTLED) {
        events_count(sign_in->core->events, EVENTS_throttled);
        refuse(sign_in, CLERK_too_many_requests, "Too many attempts. Please try again later.");
    } else if (job->end == MOVER_DECIDED && refused) {
        refuse(sign_in, CLERK_form_password_or_identifier_incorrect,
               "Identifier or password is incorrect.");
    } else if (job->ticket.at) {
        give_ticket(sign_in);
    } else {
        events_count(sign_in->core->events, EVENTS_later);
        refuse(sign_in, CLERK_service_unavailable,
               "The account cannot be checked right now. Please try again in a moment.");
    }
}

/* Fills the job from the body. False: it is not what it should be. */
static bool read_body(struct sign_in *sign_in)
{
    struct server_request *request = sign_in->request;
    struct mover_job *job = &sign_in->job;
    struct json_value root;
    struct err err;
    if (!request->body.at ||
        json_parse_padded(core_json(sign_in->core, request->loop), request->body, &root, &err) != 0)
        return false;
    job->identifier = arena_copy(&request->arena, json_text(json_get(root, TEXT("identifier"))));
    job->password = arena_copy(&request->arena, json_text(json_get(root, TEXT("password"))));
    job->address = arena_copy(&request->arena, json_text(json_get(root, TEXT("address"))));
    return job->identifier.len > 0 && job->identifier.len <= LEGACY_IDENTIFIER_MAX &&
           job->password.len > 0 && job->password.len <= LEGACY_PASSWORD_MAX;
}

void own_sign_in(struct core *core, struct server_request *request)
{
    const char *key = core->settings->sign_in_key;
    struct sign_in *sign_in = arena_zalloc(&request->arena, 1, sizeof(*sign_in));
    if (!key || !core->mover) {
        proxy_refuse(request, CLERK_resource_not_found, "sign_in_key is not set in usher.yaml.");
        return;
    }
    if (!own_has_key(request, key)) {
        proxy_refuse(request, CLERK_clerk_key_invalid, "The key is not the gateway's sign_in_key.");
        return;
    }
    if (!sign_in) {
        proxy_refuse(request, CLERK_internal_clerk_error, "Out of memory.");
        return;
    }
    sign_in->core = core;
    sign_in->request = request;
    if (!read_body(sign_in)) {
        proxy_refuse(request, CLERK_request_body_invalid,
                     "The body is JSON with the texts identifier and password.");
        return;
    }
    events_count(core->events, EVENTS_stepped_in);
    sign_in->job.facts =
        (struct decide_facts){.kind = DECIDE_KIND_backend, .clerk = DECIDE_CLERK_wrong_pair};
    sign_in->job.wants_ticket = true;
    sign_in->job.loop = request->loop;
    sign_in->job.done = on_decided;
    if (!mover_put(core->mover, &sign_in->job))
        refuse(sign_in, CLERK_too_many_requests,
               "Too many people are signing in. Please try again in a moment.");
}
