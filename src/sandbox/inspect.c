/*
 * What Clerk does not have: GET /v1/sandbox/users/{id} and GET /v1/sandbox/stats, for whoever rehearses
 * a migration. The class of a digest is told, the digest never is.
 */
#include "digest/digest.h"
#include "sandbox/routes.h"
#include "sandbox/call.h"

static void put_count(struct json_out *out, struct text key, uint64_t count)
{
    json_key(out, key);
    json_put_int(out, (int64_t)count);
}

static void put_class(struct json_out *out, const struct user *user)
{
    char class[DIGEST_CLASS_MAX] = "";
    struct digest digest;
    const struct digest_ops *ops = digest_ops_find(user->password_hasher);
    bool parsed = ops && digest_parse(&digest, ops, user->password_digest) == NULL;
    if (parsed)
        digest_class(&digest, class);
    json_key(out, TEXT("digest_class"));
    json_put_text_or_null(out, parsed ? text_of(class) : (struct text){NULL, 0});
    json_key(out, TEXT("insecure"));
    json_put_bool(out, ops && ops->insecure);
}

void inspect_user(struct call *call)
{
    struct account account;
    if (!call_account(call, call->ids[0], &account))
        return;
    const struct user *user = &account.clerk.user;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_key(&out, TEXT("object"));
    json_put_text(&out, TEXT("sandbox_user"));
    json_key(&out, TEXT("id"));
    json_put_text(&out, account.clerk.id);
    json_key(&out, TEXT("external_id"));
    json_put_text_or_null(&out, user->external_id);
    json_key(&out, TEXT("password_hasher"));
    json_put_text_or_null(&out, user->password_hasher);
    put_class(&out, user);
    put_count(&out, TEXT("backup_codes"), user->backup_codes.count);
    json_close(&out, '}');
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
