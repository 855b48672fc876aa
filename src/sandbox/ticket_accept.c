/*
 * GET /v1/tickets/accept, the link form of every ticket: on to a page of the application, which redeems the ticket by
 * itself. The page learns the ticket as __clerk_ticket, and what to do as __clerk_status: sign_in or sign_up.
 */
#include "sandbox/front.h"
#include "sandbox/guest.h"
#include "sandbox/redirect_url.h"
#include "sandbox/routes.h"
#include "sandbox/ticket.h"

struct landing {
    struct text page; /* absent: the instance's page for that */
    bool sign_up;
};

/* Somebody who is invited and a user already signs in instead. */
static bool land_invited(struct call *call, struct text id, struct landing *landing)
{
    struct guest guest;
    struct account account;
    bool known;
    if (!guest_open(call, id, &guest) || !guest_account(call, &guest, &account, &known))
        return false;
    *landing = (struct landing){guest.redirect_url, .sign_up = !known};
    return true;
}

static bool land(struct call *call, struct text token, struct landing *landing)
{
    struct text kind, id;
    struct ticket ticket;
    if (!ticket_open(call, token, &kind, &id))
        return false;
    return guest_has_ticket(kind) ? land_invited(call, id, landing)
                                  : ticket_read(call, token, &ticket);
}

static bool choose_page(struct call *call, struct landing *landing)
{
    const struct settings *settings = &call->desk->instance->settings;
    if (!landing->page.at)
        landing->page = landing->sign_up ? settings->sign_up_url : settings->sign_in_url;
    if (!landing->page.at)
        return call_fail(call, CLERK_invalid_redirect_url, NULL,
                         "Set the instance's %s: PATCH /v1/sandbox/settings.",
                         landing->sign_up ? "sign_up_url" : "sign_in_url");
    return redirect_url_is_whole(landing->page) ||
           call_fail(call, CLERK_invalid_redirect_url, NULL, "The page is no whole URL.");
}

void tickets_accept(struct call *call)
{
    struct text token = call_param(call, TEXT("ticket"));
    struct landing landing = {.sign_up = false};
    struct buf url;
    if (!land(call, token, &landing) || !choose_page(call, &landing))
        return;
    buf_init(&url, 16384);
    buf_add(&url, landing.page);
    buf_byte(&url, text_find(landing.page, '?', 0) < landing.page.len ? '&' : '?');
    buf_add(&url, TEXT("__clerk_ticket="));
    form_encode(token, &url);
    buf_add(&url, TEXT("&__clerk_status="));
    buf_add(&url, landing.sign_up ? TEXT("sign_up") : TEXT("sign_in"));
    call_answer(call, 303);
    call->content_type = NULL;
    call_header(call, "Location", buf_text(&url));
    buf_release(&url);
}
