/*
 * What users of the sandbox never have: passkeys, web3 wallets, social accounts and their tokens, trusted devices.
 * Asked for one, it answers as Clerk does of a user who has none.
 */
#include "sandbox/call.h"
#include "sandbox/routes.h"

static void refuse(struct call *call, const char *what)
{
    struct account account;
    if (call_account(call, call->ids[0], &account))
        call_not_found(call, what, call->ids[1]);
}

void users_delete_passkey(struct call *call)
{
    refuse(call, "passkey");
}

void users_delete_wallet(struct call *call)
{
    refuse(call, "web3 wallet");
}

void users_delete_external(struct call *call)
{
    refuse(call, "external account");
}

void users_revoke_device(struct call *call)
{
    refuse(call, "trusted device");
}

void users_trusted_devices(struct call *call)
{
    struct account account;
    if (!call_account(call, call->ids[0], &account))
        return;
    struct json_out out = json_out(call_answer(call, 200));
    json_open(&out, '{');
    json_field_raw(&out, "data", TEXT("[]"));
    json_field_int(&out, "total_count", 0);
    json_close(&out, '}');
}

void users_oauth_tokens(struct call *call)
{
    struct account account;
    if (call_account(call, call->ids[0], &account))
        call_fail(call, CLERK_oauth_token_provider_not_enabled, NULL,
                  "The provider %.*s is not enabled on this instance.",
                  TEXT_ARG(text_part(call->ids[1], 0, 64)));
}
