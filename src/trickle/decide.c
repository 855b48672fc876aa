/*
 * The rules, from the top: the first one that fits decides. Each names, for what is known, the values that
 * it is about; none named means any.
 *
 * Why they are as they are:
 *  - Clerk is always believed where it knows the user: a password that was set there beats the old one.
 *  - "Cannot tell" is never a wrong password, nor an unknown user: it is asked for a password (which is
 *    checked then), or told the truth, "later".
 *  - Who was moved and was unknown to Clerk by this identifier has been moved since Clerk was asked, or has
 *    changed it there: Clerk is asked once more and has the last word. The old identifier and password do not
 *    open a second way in.
 *  - Where Clerk does not tell an unknown user from a wrong password, the gateway's road does not either: a user
 *    whom Clerk knows is asked for at the legacy system too, whatever comes of it. Codes are so for anybody, but
 *    an outage is not: who is Clerk's needs nobody else to be sent a code.
 *  - Clerk's user of the same identifier is only given a password when the ledger or the external id says
 *    that it is the same person: who owns an address at the legacy system need not own the account.
 */
#include "trickle/decide.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIT(value) (UINT32_C(1) << (value))
#define KIND(name) BIT(DECIDE_KIND_##name)

enum when { ALWAYS, CODES_PASS, SIGN_UP_PASS, UNSURE_PASS, FILL_NEVER };

struct rule {
    uint32_t kinds, clerks, legacies, moveds; /* 0: any */
    enum when when;
    enum decide_action action;
};

#define KINDS(bits)  .kinds = (bits)
#define CLERK(name)  .clerks = BIT(DECIDE_CLERK_##name)
#define LEGACY(name) .legacies = BIT(DECIDE_LEGACY_##name)
#define MOVED(name)  .moveds = BIT(DECIDE_MOVED_##name)
#define DO(name)     .action = DECIDE_ACTION_##name
/* Requests of browsers that Clerk was asked before anything else. */
#define ASKS_AGAIN (KIND(password) | KIND(identifier) | KIND(attempt) | KIND(code))
#define CODES      (KIND(code) | KIND(synthetic_code) | KIND(hidden_code))

static const struct rule rules[] = {
    /* Clerk's word is the last one, or not clear yet. */
    {CLERK(other), DO(pass)},
    {CLERK(cannot_tell), KINDS(KIND(hidden_code)), DO(pass)},
    {CLERK(cannot_tell), DO(refuse_later)},
    {CLERK(wrong_pair), DO(look_up)},
    {CLERK(wrong_password), DO(pass)},
    {CLERK(no_password), KINDS(KIND(identifier) | CODES), DO(pass)},
    {CLERK(no_password), KINDS(KIND(backend)), .when = FILL_NEVER, DO(refuse_password)},
    {CLERK(no_password), .when = FILL_NEVER, DO(pass)},
    /* What is configured to be Clerk's business alone. */
    {KINDS(CODES), .when = CODES_PASS, DO(pass)},
    {KINDS(KIND(sign_up)), .when = SIGN_UP_PASS, DO(pass)},

    {CLERK(not_asked), KINDS(KIND(hidden_code)), DO(look_up)},
    {LEGACY(not_asked), DO(ask_legacy)},

    {LEGACY(cannot_tell), KINDS(KIND(hidden_code)), DO(pass)},
    {LEGACY(cannot_tell), KINDS(KIND(identifier)), DO(synthetic)},
    {LEGACY(cannot_tell), KINDS(KIND(sign_up)), .when = UNSURE_PASS, DO(pass)},
    {LEGACY(cannot_tell), DO(refuse_later)},

    {CLERK(hidden), KINDS(KIND(backend)), DO(refuse_password)},
    {CLERK(hidden), DO(pass)},
    {LEGACY(no), KINDS(KIND(sign_up)), DO(refuse_taken)},
    {LEGACY(no), KINDS(KIND(synthetic_attempt) | KIND(backend)), DO(refuse_password)},
    {LEGACY(no), DO(pass)},
    {LEGACY(unknown), KINDS(KIND(synthetic_attempt) | KIND(backend)), DO(refuse_password)},
    {LEGACY(unknown), DO(pass)},

    /* The legacy system says yes. */
    {MOVED(cannot_tell), KINDS(KIND(hidden_code)), DO(pass)},
    {MOVED(cannot_tell), DO(refuse_later)},
    {CLERK(no_password), MOVED(bare), DO(fill)},
    {MOVED(bare), KINDS(KIND(synthetic_attempt)), DO(fill)},
    {CLERK(no_password), KINDS(KIND(backend)), DO(refuse_password)},
    {CLERK(no_password), DO(pass)},
    {CLERK(unknown_user), MOVED(bare), KINDS(ASKS_AGAIN), DO(replay)},
    {CLERK(unknown_user), MOVED(yes), KINDS(ASKS_AGAIN), DO(replay)},
    {MOVED(no), KINDS(KIND(identifier)), DO(synthetic)},
    {MOVED(no), KINDS(KIND(sign_up)), DO(refuse_taken)},
    {MOVED(no), DO(move)},
    {KINDS(KIND(backend)), DO(refuse_password)},
    {DO(pass)},
};

static bool is_on(enum when when, const struct decide_policy *policy)
{
    switch (when) {
    case ALWAYS:
        return true;
    case CODES_PASS:
        return policy->codes == DECIDE_CODES_PASS;
    case SIGN_UP_PASS:
        return policy->sign_up == DECIDE_SIGN_UP_PASS;
    case UNSURE_PASS:
        return policy->sign_up_unsure == DECIDE_UNSURE_PASS;
    case FILL_NEVER:
        return policy->passwords == DECIDE_FILL_NEVER;
    }
    return false;
}

static bool fits(uint32_t bits, int value)
{
    return bits == 0 || (bits & BIT(value)) != 0;
}

enum decide_action decide_next(const struct decide_facts *facts, const struct decide_policy *policy)
{
    const struct rule *rule = rules;
    while (!fits(rule->kinds, facts->kind) || !fits(rule->clerks, facts->clerk) ||
           !fits(rule->legacies, facts->legacy) || !fits(rule->moveds, facts->moved) ||
           !is_on(rule->when, policy))
        rule++; /* the last one fits everything */
    return rule->action;
}

#undef KIND
#undef CLERK
#undef LEGACY
#undef MOVED

#define NAME(name, meaning) #name,

const char *decide_kind_name(enum decide_kind kind)
{
    static const char *const names[] = {DECIDE_KINDS(NAME)};
    return names[kind];
}

const char *decide_clerk_name(enum decide_clerk clerk)
{
    static const char *const names[] = {DECIDE_CLERKS(NAME)};
    return names[clerk];
}

const char *decide_legacy_name(enum decide_legacy legacy)
{
    static const char *const names[] = {DECIDE_LEGACIES(NAME)};
    return names[legacy];
}

const char *decide_moved_name(enum decide_moved moved)
{
    static const char *const names[] = {DECIDE_MOVEDS(NAME)};
    return names[moved];
}

const char *decide_action_name(enum decide_action action)
{
    static const char *const names[] = {DECIDE_ACTIONS(NAME)};
    return names[action];
}
