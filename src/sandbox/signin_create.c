/* POST /client/sign_ins: with an identifier, an identifier and a password, a ticket, or nothing yet. */
#include "sandbox/call.h"
#include "sandbox/front.h"
#include "sandbox/guest.h"
#include "sandbox/password.h"
#include "sandbox/restriction.h"
#include "sandbox/routes.h"
#include "sandbox/signin.h"
#include "sandbox/signin_factor.h"
#include "sandbox/ticket.h"
#include "sandbox/verification.h"

/* One browser, one session, unless the instance allows several. */
static bool check_not_signed_in(struct call *call)
{
    struct session *sessions;
    size_t count;
    if (!call->desk->instance->settings.single_session_mode)
        return true;
    if (!session_list_live(call, call->front->client.id, &sessions, &count))
        return false;
    return count == 0 || call_fail(call, CLERK_session_exists, NULL, "You are already signed in.");
}

/* Where several sessions are allowed, no user has two of them. */
static bool check_no_session_of(struct call *call, const struct account *account)
{
    struct session *sessions;
    size_t count;
    if (!session_list_live(call, call->front->client.id, &sessions, &count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (text_same(sessions[i].user_id, account->clerk.id))
            return call_fail_session(call, CLERK_identifier_already_signed_in, sessions[i].id,
                                     "This user is signed in here already.");
    return true;
}

static bool find_account(struct call *call, struct text identifier, struct account *account,
                         bool *known)
{
    struct err err;
    enum store_answer got =
        account_find(call->desk->store, identifier, call->now_ms, call->arena, account, &err);
    *known = got == STORE_OK;
    if (got == STORE_FAILED)
        return call_broken(call, &err);
    if (*known)
        return restriction_check_known(call, identifier, account) &&
               check_no_session_of(call, account);
    return call->desk->instance->settings.enumeration_protection ||
           call_fail(call, CLERK_form_identifier_not_found, "identifier",
                     "There is no account with this identifier.");
}

static bool new_signin(struct call *call, struct text identifier, const struct account *account,
                       struct signin *signin)
{
    *signin = (struct signin){.id = call_new_id(call, "sia_"),
                              .client = call->front->client.id,
                              .status = identifier.at || account ? TEXT("needs_first_factor")
                                                                 : TEXT("needs_identifier"),
                              .identifier = identifier,
                              .account = account ? account->seq : ROW_NULL,
                              .first_at = ROW_NULL,
                              .second_at = ROW_NULL,
                              .created_at = call->now_ms,
                              .abandon_at = call->now_ms + SIGNIN_LIFE_MS};
    return signin->id.at || call_fail(call, CLERK_internal_clerk_error, NULL, "Out of memory.");
}

/* What a ticket stands for: a token with its user, or an invitation to somebody who is a user already. */
struct redeemed {
    struct ticket ticket;
    struct guest guest;
    bool invited;
};

static bool open_invitation(struct call *call, struct text id, struct guest *guest,
                            struct account *account)
{
    bool known;
    if (!guest_open(call, id, guest) || !guest_account(call, guest, account, &known))
        return false;
    return known || call_fail(call, CLERK_invitation_account_not_exists, NULL,
                              "The invited user does not exist yet. Sign up instead.");
}

static bool redeem(struct call *call, struct text token, struct redeemed *redeemed,
                   struct account *account)
{
    struct text kind, id;
    *redeemed = (struct redeemed){.invited = false};
    if (!ticket_open(call, token, &kind, &id))
        return false;
    redeemed->invited = guest_has_ticket(kind);
    if (redeemed->invited)
        return open_invitation(call, id, &redeemed->guest, account);
    return ticket_read(call, token, &redeemed->ticket) &&
           call_account(call, redeemed->ticket.user_id, account);
}

static bool accept(struct call *call, struct redeemed *redeemed, const struct account *account)
{
    return redeemed->invited ? guest_accept(call, &redeemed->guest, account)
                             : ticket_accept(call, &redeemed->ticket);
}

static void create_by_ticket(struct call *call, struct text token)
{
    struct redeemed redeemed;
    struct account account;
    struct signin signin;
    struct verification verification;
    if (!redeem(call, token, &redeemed, &account) || !signin_check_state(call, &account) ||
        !check_no_session_of(call, &account) || !call_mark(call) || !front_client(call) ||
        !new_signin(call, (struct text){NULL, 0}, &account, &signin))
        return;
    signin.actor = redeemed.ticket.actor;
    signin.session_life_ms = redeemed.ticket.session_life_ms;
    if (accept(call, &redeemed, &account) &&
        verification_done(call, signin_first_id(call, &signin), TEXT("ticket"), &verification))
        signin_advance(call, &signin, &account, TEXT("ticket"), true);
}

/* A strategy that comes with the identifier goes on at once. */
static void go_on(struct call *call, struct signin *signin, struct account *account,
                  struct text strategy)
{
    if (text_same(strategy, TEXT("password")))
        signin_attempt_password(call, signin, account);
    else if (strategy.at)
        signin_prepare_code(call, signin, account, strategy);
    else
        signin_answer(call, signin, account);
}

static struct text strategy_of(const struct call *call)
{
    struct text strategy = front_param(call, "strategy");
    if (strategy.at)
        return strategy;
    if (front_param(call, "ticket").at)
        return TEXT("ticket");
    return front_param(call, "password").at ? TEXT("password") : strategy;
}

void signins_create(struct call *call)
{
    struct text identifier = front_param(call, "identifier"), strategy = strategy_of(call), ticket;
    struct account account;
    struct signin signin;
    bool known = false;
    if (!front_limit(call, call->desk->create_limits, identifier) || !check_not_signed_in(call))
        return;
    if (text_same(strategy, TEXT("ticket"))) {
        if (front_param_needed(call, "ticket", &ticket))
            create_by_ticket(call, ticket);
        return;
    }
    if (strategy.at && !identifier.at) {
        call_fail(call, CLERK_form_param_missing, "identifier", "`identifier` is missing.");
        return;
    }
    if ((identifier.at && !find_account(call, identifier, &account, &known)) ||
        !front_client(call) || !new_signin(call, identifier, known ? &account : NULL, &signin) ||
        !signin_put(call, &signin))
        return;
    call->front->cookies_due = true;
    go_on(call, &signin, known ? &account : NULL, strategy);
}

void signins_get(struct call *call)
{
    struct signin signin;
    struct account account;
    bool known;
    if (signin_get(call, &signin, &account, &known))
        signin_answer(call, &signin, known ? &account : NULL);
}
