#include "sandbox/guest.h"

#include "sandbox/invitation.h"
#include "sandbox/org_invitations.h"

bool guest_has_ticket(struct text kind)
{
    return text_same(kind, TEXT(INVITATION_TICKET)) || text_same(kind, TEXT(ORG_INVITATION_TICKET));
}

static struct text text_member(struct call *call, struct json_value doc, const char *name)
{
    struct json_value value = json_get(doc, text_of(name));
    if (json_type(value) != JSON_STRING)
        return (struct text){NULL, 0};
    return arena_copy(call->arena, json_text(value));
}

/* Both kinds of invitations call these the same; what an organization's says of its member is not the user's. */
static bool read_doc(struct call *call, struct guest *guest)
{
    struct buf *scratch = &call->desk->scratch;
    struct json_value doc;
    if (!resource_doc(call, &guest->invitation, &doc))
        return false;
    guest->email = text_member(call, doc, "email_address");
    guest->redirect_url = text_member(call, doc, "redirect_url");
    if (!guest->organization) {
        buf_reset(scratch);
        json_write(json_get(doc, TEXT("public_metadata")), scratch);
        guest->public_metadata = arena_copy(call->arena, buf_text(scratch));
    }
    return guest->email.at || call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
}

bool guest_open(struct call *call, struct text id, struct guest *guest)
{
    *guest =
        (struct guest){.organization = text_starts(id, text_of(org_invitation_resource.prefix))};
    return (guest->organization ? org_invitations_open(call, id, &guest->invitation)
                                : invitation_open(call, id, &guest->invitation)) &&
           read_doc(call, guest);
}

bool guest_account(struct call *call, const struct guest *guest, struct account *account,
                   bool *known)
{
    struct err err;
    enum store_answer got =
        account_find(call->desk->store, guest->email, call->now_ms, call->arena, account, &err);
    *known = got == STORE_OK;
    return got != STORE_FAILED || call_broken(call, &err);
}

bool guest_accept(struct call *call, struct guest *guest, const struct account *account)
{
    struct membership membership;
    struct org org;
    if (!guest->organization)
        return invitation_accept(call, &guest->invitation);
    return orgs_get(call, guest->invitation.owner, &org) &&
           org_invitations_accept(call, &org, &guest->invitation, account, &membership);
}
