/* GET /v1/sandbox/stats and /routes: what has happened since the start, exactly. */
#include <stdio.h>

#include "sandbox/call.h"

static void put_count(struct json_out *out, struct text key, uint64_t count)
{
    json_key(out, key);
    json_put_int(out, (int64_t)count);
}

static void put_faults(struct json_out *out, const struct faults *faults)
{
    json_key(out, TEXT("faults"));
    json_open(out, '{');
    for (int kind = 0; kind < FAULT_KINDS; kind++)
        put_count(out, text_of(fault_name((enum fault_kind)kind)), faults->given[kind]);
    json_close(out, '}');
}

void inspect_stats(struct call *call)
{
    const struct stats *stats = &call->desk->stats;
    int64_t users;
    struct err err;
    if (account_count(call->desk->store, 0, &users, &err) != 0) {
        call_broken(call, &err);
        return;
    }
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_key(&out, TEXT("object"));
    json_put_text(&out, TEXT("sandbox_stats"));
    put_count(&out, TEXT("users"), (uint64_t)users);
    put_count(&out, TEXT("requests"), stats->requests);
    put_count(&out, TEXT("created"), stats->created);
    put_count(&out, TEXT("duplicates"), stats->duplicates);
    put_count(&out, TEXT("limited"), stats->limited);
    put_count(&out, TEXT("refused"), stats->refused);
    put_count(&out, TEXT("failed"), stats->failed);
    put_count(&out, TEXT("passwords_right"), stats->passwords_right);
    put_count(&out, TEXT("passwords_wrong"), stats->passwords_wrong);
    put_count(&out, TEXT("passwords_moved"), stats->passwords_moved);
    put_count(&out, TEXT("transactions"), stats->transactions);
    put_faults(&out, &call->desk->faults);
    json_close(&out, '}');
}

/* Every endpoint, and how often it was called: {"GET /v1/users":12, …}. */
void inspect_routes(struct call *call)
{
    struct json_out out = json_out(call_answer(call, 200));
    char name[256];
    json_open(&out, '{');
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        snprintf(name, sizeof(name), "%s %s", routes[i].method.at, routes[i].path.at);
        put_count(&out, text_of(name), call->desk->stats.calls[i]);
    }
    json_close(&out, '}');
}
