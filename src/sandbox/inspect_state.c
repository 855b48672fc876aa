/*
 * How the sandbox is doing: GET /v1/sandbox/overview and /requests; and what befalls requests: PUT
 * /v1/sandbox/faults, which acts from the next request on.
 */
#include <math.h>

#include "sandbox/body.h"
#include "sandbox/routes.h"

#define LATENCY_MAX_MS 600000
/* Counting all users may take so small a part of the store's time. */
#define COUNT_SHARE 1000

static void put(struct json_out *out, struct text key, struct text value)
{
    json_key(out, key);
    json_put_text(out, value);
}

static void put_number(struct json_out *out, struct text key, int64_t value)
{
    json_key(out, key);
    json_put_int(out, value);
}

/*
 * How many users there are, give or take those who were deleted since: ten million take a second to count, so
 * they are counted seldom.
 */
static int count_users(struct desk *desk, int64_t *users, struct err *err)
{
    struct census *census = &desk->census;
    int64_t now = clock_now_us();
    if (now >= census->next_us) {
        if (account_count(desk->store, 0, &census->users, err) != 0)
            return -1;
        census->created = desk->stats.created;
        census->next_us = clock_now_us() + (clock_now_us() - now) * COUNT_SHARE;
    }
    *users = census->users + (int64_t)(desk->stats.created - census->created);
    return 0;
}

static void put_limit(struct json_out *out, const struct limit *limit)
{
    struct limit_state state;
    json_key(out, TEXT("limit"));
    if (!limit || limit->requests == 0) {
        json_put_null(out);
        return;
    }
    limit_read(limit, clock_now_us(), &state);
    json_open(out, '{');
    put_number(out, TEXT("requests"), limit->requests);
    put_number(out, TEXT("window_s"), limit->window_us / 1000000);
    put_number(out, TEXT("used"), state.used);
    put_number(out, TEXT("retry_after_s"), state.retry_after_s);
    json_close(out, '}');
}

static void put_fault(struct json_out *out, const struct faults *faults, const struct fault *fault)
{
    json_open(out, '{');
    put(out, TEXT("kind"), text_of(fault_name(fault->kind)));
    /* parts in a million: this writer has no fractions */
    put_number(out, TEXT("probability_ppm"), (int64_t)lround(fault->probability * 1e6));
    put_number(out, TEXT("count"), (int64_t)fault->count);
    put_number(out, TEXT("given"), (int64_t)faults->given[fault->kind]);
    json_close(out, '}');
}

static void put_faults(struct json_out *out, const struct desk *desk)
{
    put_number(out, TEXT("latency_ms"), desk->latency_us / 1000);
    json_key(out, TEXT("faults"));
    json_open(out, '[');
    for (size_t i = 0; i < desk->faults.count; i++)
        put_fault(out, &desk->faults, &desk->faults.at[i]);
    json_close(out, ']');
}

static void put_stats(struct json_out *out, const struct stats *stats)
{
    put_number(out, TEXT("requests"), (int64_t)stats->requests);
    put_number(out, TEXT("created"), (int64_t)stats->created);
    put_number(out, TEXT("duplicates"), (int64_t)stats->duplicates);
    put_number(out, TEXT("limited"), (int64_t)stats->limited);
    put_number(out, TEXT("refused"), (int64_t)stats->refused);
    put_number(out, TEXT("failed"), (int64_t)stats->failed);
    put_number(out, TEXT("passwords_right"), (int64_t)stats->passwords_right);
    put_number(out, TEXT("passwords_wrong"), (int64_t)stats->passwords_wrong);
    put_number(out, TEXT("passwords_moved"), (int64_t)stats->passwords_moved);
}

void inspect_overview(struct call *call)
{
    struct desk *desk = call->desk;
    int64_t users;
    struct err err;
    if (count_users(desk, &users, &err) != 0) {
        call_broken(call, &err);
        return;
    }
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    put(&out, TEXT("object"), TEXT("sandbox_overview"));
    put(&out, TEXT("instance_id"), text_of(desk->instance->id));
    put(&out, TEXT("environment_type"),
        desk->instance->kind == CLERK_PRODUCTION ? TEXT("production") : TEXT("development"));
    put(&out, TEXT("publishable_key"), text_of(desk->instance->publishable_key));
    put_number(&out, TEXT("users"), users);
    put_stats(&out, &desk->stats);
    put_limit(&out, desk->limit);
    put_faults(&out, desk);
    json_close(&out, '}');
}

/* The newest first. */
void inspect_requests(struct call *call)
{
    const struct ring *ring = &call->desk->ring;
    struct json_out out = json_out(call_answer(call, 200));
    const struct ring_entry *entry;
    json_open(&out, '{');
    json_key(&out, TEXT("data"));
    json_open(&out, '[');
    for (uint64_t at = ring->count; at > 0 && (entry = ring_get(ring, at - 1)); at--) {
        json_open(&out, '{');
        put_number(&out, TEXT("number"), (int64_t)at);
        put_number(&out, TEXT("at"), entry->at_ms);
        put(&out, TEXT("method"), text_of(entry->method));
        put(&out, TEXT("path"), text_of(entry->path));
        put_number(&out, TEXT("status"), entry->status);
        put_number(&out, TEXT("took_us"), entry->took_us);
        json_close(&out, '}');
    }
    json_close(&out, ']');
    json_close(&out, '}');
}

struct form {
    int64_t latency_ms;
    struct user_texts faults;
};

static bool read_faults(struct call *call, const struct user_texts *specs, struct faults *faults)
{
    struct err err;
    if (specs->count > FAULTS_MAX)
        return call_fail(call, CLERK_form_param_array_size_exceeded, "faults",
                         "`faults` takes %d at most.", FAULTS_MAX);
    for (size_t i = 0; i < specs->count; i++)
        if (fault_parse(&faults->at[i], specs->at[i], &err) != 0)
            return call_fail(call, CLERK_form_param_value_invalid, "faults", "%s.", err.message);
    faults->count = specs->count;
    return true;
}

void inspect_set_faults(struct call *call)
{
    static const struct body_field fields[] = {
        {"latency_ms", BODY_NUMBER, offsetof(struct form, latency_ms), .max = LATENCY_MAX_MS},
        {"faults", BODY_TEXTS, offsetof(struct form, faults), .needed = false},
    };
    struct desk *desk = call->desk;
    struct form form = {.latency_ms = desk->latency_us / 1000};
    struct faults faults = desk->faults;
    uint64_t given;
    if (!body_read(call, fields, ARRAY_COUNT(fields), &form, &given) ||
        (given & 2 && !read_faults(call, &form.faults, &faults)))
        return;
    desk->faults = faults;
    desk->latency_us = form.latency_ms == USER_UNSET ? 0 : form.latency_ms * 1000;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    put(&out, TEXT("object"), TEXT("sandbox_faults"));
    put_faults(&out, desk);
    json_close(&out, '}');
}
