/*
 * The way of a request that is looked into:
 *
 *     read → Clerk's first answer, unless it is about a sign-in of the gateway's own or a sign-up
 *          → whose sign-in it is, where only Clerk knows that
 *          → decide: answered here, or a worker goes on deciding (mover.c) → answered then
 *
 * Until it is answered the request sleeps in the server, so all that belongs to it may lie in its arena.
 */
#include "trickle/step_inside.h"

static void drive(struct step *step);

/* What was decided, and from what. */
static void tell(const struct step *step)
{
    const struct decide_facts *facts = &step->job.facts;
    const struct events_value values[] = {
        {"kind", text_of(decide_kind_name(facts->kind)), 0},
        {"clerk", text_of(decide_clerk_name(facts->clerk)), 0},
        {"legacy", text_of(decide_legacy_name(facts->legacy)), 0},
        {"moved", text_of(decide_moved_name(facts->moved)), 0},
        {"action", text_of(decide_action_name(step->job.action)), 0},
        {"end",
         step->job.end == MOVER_DECIDED     ? TEXT("decided")
         : step->job.end == MOVER_THROTTLED ? TEXT("throttled")
                                            : TEXT("later"),
         0},
        {"ms", {NULL, 0}, (clock_now_us() - step->request->arrived_us) / 1000},
    };
    events_tell(step->core->events, "sign_in", values, ARRAY_COUNT(values));
}

/* Clerk's answer, as it was given or still is to be asked for. */
static void pass(struct step *step)
{
    bool ours = step->is.kind == DECIDE_KIND_synthetic_attempt ||
                step->is.kind == DECIDE_KIND_synthetic_code ||
                step->is.kind == DECIDE_KIND_hidden_code;
    if (step->first.status)
        step_give(step, &step->first);
    else if (ours)
        step_replay(step);
    else
        proxy_pass(step->core->proxy, step->request);
}

static void act(struct step *step)
{
    switch (step->job.action) {
    case DECIDE_ACTION_synthetic:
        step_give_synthetic(step);
        return;
    case DECIDE_ACTION_move:
    case DECIDE_ACTION_fill:
    case DECIDE_ACTION_replay:
        step_replay(step);
        return;
    case DECIDE_ACTION_refuse_password:
        step_refuse(step, CLERK_form_password_incorrect,
                    "Password is incorrect. Try again, or use another method.", "password");
        return;
    case DECIDE_ACTION_refuse_taken:
        step_refuse(step, CLERK_form_identifier_exists,
                    "There is an account already. Please sign in instead.", step->is.strategy.at);
        return;
    case DECIDE_ACTION_refuse_later:
        step_refuse_later(step);
        return;
    default:
        pass(step);
    }
}

static void on_decided(struct mover_job *job)
{
    struct step *step = (struct step *)job;
    tell(step);
    int64_t retry_after_s = job->retry_after_s;
    arena_release(&job->arena);
    job->retry_after_s = retry_after_s;
    if (job->end != MOVER_DECIDED && step->is.kind == DECIDE_KIND_hidden_code)
        pass(step);
    else if (job->end == MOVER_THROTTLED)
        step_refuse_throttled(step);
    else if (job->end == MOVER_LATER)
        step_refuse_later(step);
    else
        act(step);
}

static void hand_to_worker(struct step *step)
{
    struct mover_job *job = &step->job;
    char address[SERVER_ADDRESS_MAX];
    proxy_client_address(step->core->proxy, step->request, address);
    job->loop = step->request->loop;
    job->done = on_decided;
    job->identifier = step->is.identifier;
    job->password = step->is.password.len > 0 ? step->is.password : (struct text){NULL, 0};
    job->address = arena_copy(&step->request->arena, text_of(address));
    step->job_began = mover_put(step->core->mover, job);
    if (step->job_began)
        return;
    arena_release(&job->arena);
    if (step->is.kind == DECIDE_KIND_hidden_code)
        pass(step);
    else
        step_refuse_busy(step);
}

/* Decides from what is known by now. */
static void drive(struct step *step)
{
    struct mover_job *job = &step->job;
    job->action = decide_next(&job->facts, &step->core->settings->policy);
    if (job->action == DECIDE_ACTION_look_up || job->action == DECIDE_ACTION_ask_legacy)
        hand_to_worker(step);
    else
        act(step);
}

/* --- whose sign-in it is --- */

static void on_sign_in(void *arg, const struct proxy_answer *answer)
{
    struct step *step = arg;
    struct json_value root;
    if (answer->status == 200 && step_parse(step->core, step->request, answer, &root))
        step->is.identifier = arena_copy(&step->request->arena,
                                         json_text(json_path(root, TEXT("response.identifier"))));
    if (step->is.identifier.len > 0)
        drive(step);
    else if (step->first.status)
        step_give(step, &step->first);
    else
        proxy_pass(step->core->proxy, step->request);
}

/* Clerk's refusal tells it, or the sign-in itself does. */
static void find_identifier(struct step *step)
{
    struct server_request *request = step->request;
    struct json_value root;
    if (step_parse(step->core, request, &step->first, &root))
        step->is.identifier = arena_copy(
            &request->arena, json_text(json_path(root, TEXT("meta.client.sign_in.identifier"))));
    if (step->is.identifier.len > 0) {
        drive(step);
        return;
    }
    struct proxy_ask ask = {
        .method = "GET", .cookie = step->cookies, .done = on_sign_in, .arg = step};
    ask.target = arena_printf(&request->arena, "/v1/client/sign_ins/%.*s?%.*s",
                              TEXT_ARG(step->is.sign_in), TEXT_ARG(request->query));
    proxy_ask(step->core->proxy, request, &ask);
}

static void on_first(void *arg, const struct proxy_answer *answer)
{
    struct step *step = arg;
    struct decide_facts *facts = &step->job.facts;
    if (answer->status == 0) {
        proxy_refuse_failed(step->request);
        return;
    }
    step->first = *answer;
    step->cookies = step_cookies(step->request, answer);
    facts->clerk = step_clerk_says(step->core, step->request, answer);
    bool known = step->is.identifier.len > 0 || facts->clerk == DECIDE_CLERK_other ||
                 facts->clerk == DECIDE_CLERK_wrong_password;
    if (known)
        drive(step);
    else
        find_identifier(step);
}

static void ask_clerk(struct step *step)
{
    const struct proxy_ask ask = {.done = on_first, .arg = step};
    proxy_ask(step->core->proxy, step->request, &ask);
}

/* A code: whoever it is for, if Clerk does not tell; else as any other request. */
static void on_protection(struct step *step, bool on)
{
    if (on)
        step->is.kind = step->job.facts.kind = DECIDE_KIND_hidden_code;
    if (on && step->is.sign_in.at)
        find_identifier(step);
    else if (on)
        drive(step);
    else if (step->is.sign_in.at)
        proxy_pass(step->core->proxy, step->request);
    else
        ask_clerk(step);
}

static bool may_be_hidden(const struct step *step)
{
    bool code = step->is.kind == DECIDE_KIND_code || step->is.kind == DECIDE_KIND_hidden_code;
    return code && step->core->settings->policy.codes == DECIDE_CODES_MOVE;
}

static bool is_held_back(enum decide_kind kind)
{
    return kind == DECIDE_KIND_sign_up || kind == DECIDE_KIND_synthetic_attempt ||
           kind == DECIDE_KIND_synthetic_code;
}

static void begin(struct step *step)
{
    events_count(step->core->events, EVENTS_stepped_in);
    if (step->is.unknown) {
        step_refuse(step, CLERK_resource_not_found, "This sign-in is over. Please start again.",
                    NULL);
    } else if (step->is.look) {
        step_give_synthetic(step);
    } else if (may_be_hidden(step)) {
        step_ask_protection(step, on_protection);
    } else if (is_held_back(step->is.kind)) {
        drive(step);
    } else {
        ask_clerk(step);
    }
}

bool step_in(struct core *core, struct server_request *request)
{
    struct step_request is;
    step_read(core, request, proxy_path(core->proxy, request), &is);
    if (!is.any || is.identifier.len > LEGACY_IDENTIFIER_MAX ||
        is.password.len > LEGACY_PASSWORD_MAX)
        return false;
    struct step *step = arena_zalloc(&request->arena, 1, sizeof(*step));
    if (!step)
        return false;
    step->core = core;
    step->request = request;
    step->is = is;
    step->job.facts.kind = is.kind;
    begin(step);
    return true;
}
