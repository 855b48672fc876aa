/*
 * decide: what the gateway does with a request that it may step into, from what Clerk answered, what the
 * legacy system says and what is configured. A pure function; its whole truth table is in
 * tests/tables/decisions.txt.
 *
 *     facts = {kind, clerk};
 *     while ((action = decide_next(&facts, &policy)) is look_up or ask_legacy)
 *         … find that out, put it into facts …
 */
#ifndef USHER_TRICKLE_DECIDE_H
#define USHER_TRICKLE_DECIDE_H

/* What kind of request it is: KIND(name, what a browser sends). */
#define DECIDE_KINDS(KIND)                                                                         \
    KIND(password, "sign-in with identifier and password in one")                                  \
    KIND(identifier, "sign-in with an identifier alone")                                           \
    KIND(attempt, "a password for a sign-in that Clerk began")                                     \
    KIND(synthetic_attempt, "a password for a sign-in that the gateway began")                     \
    KIND(code, "sign-in or password reset by a code, with an identifier")                          \
    KIND(synthetic_code, "the same for a sign-in that the gateway began")                          \
    KIND(hidden_code, "the same where Clerk answers alike for anybody (enumeration protection)")   \
    KIND(sign_up, "sign-up with an identifier")                                                    \
    KIND(backend, "identifier and password from an application's own server")                      \
    KIND(session, "a live session of the legacy system, whose user Clerk does not know")

/* What Clerk says to it: CLERK(name, meaning). */
#define DECIDE_CLERKS(CLERK)                                                                       \
    CLERK(not_asked, "the request was held back so far")                                           \
    CLERK(unknown_user, "no user has this identifier")                                             \
    CLERK(wrong_pair, "user or password is wrong, and Clerk does not tell which")                  \
    CLERK(wrong_password, "there is such a user, and the password is another")                     \
    CLERK(hidden, "there is such a user, whom nobody may notice; a password was wrong")            \
    CLERK(no_password, "there is such a user, without a password")                                 \
    CLERK(cannot_tell, "nobody could say which of these it is")                                    \
    CLERK(other, "anything else: success, limits, locks, faults")

/* What the legacy system says: LEGACY(name, meaning). */
#define DECIDE_LEGACIES(LEGACY)                                                                    \
    LEGACY(not_asked, "not asked yet")                                                             \
    LEGACY(yes, "the password is right; or, asked without one, there is such a user")              \
    LEGACY(no, "the password is wrong, or the account is disabled")                                \
    LEGACY(unknown, "there is no such user")                                                       \
    LEGACY(cannot_tell, "it is down, slow or lies")

/* Whether that user has been moved: MOVED(name, meaning). */
#define DECIDE_MOVEDS(MOVED)                                                                       \
    MOVED(no, "not yet, as far as the ledger knows")                                               \
    MOVED(bare, "moved, and has no password at Clerk")                                             \
    MOVED(yes, "moved, with a password")                                                           \
    MOVED(other, "Clerk's user with this identifier is somebody else")                             \
    MOVED(cannot_tell, "ledger or Clerk could not be asked")

/* What to do: ACTION(name, meaning). */
#define DECIDE_ACTIONS(ACTION)                                                                     \
    ACTION(pass, "give Clerk's answer to the browser; ask Clerk first if it was not asked")        \
    ACTION(look_up, "look the identifier up at Clerk's Backend API, then decide again")            \
    ACTION(ask_legacy, "ask the legacy system, then decide again")                                 \
    ACTION(synthetic, "answer with a sign-in of our own, which asks for the password")             \
    ACTION(move, "create the user, then send the request to Clerk once more")                      \
    ACTION(fill, "give the user the proven password, then send the request once more")             \
    ACTION(replay, "send the request to Clerk once more: the user was moved meanwhile")            \
    ACTION(refuse_password, "the answer to a wrong password")                                      \
    ACTION(refuse_taken, "the answer to an identifier that is taken")                              \
    ACTION(refuse_later, "an honest 503: try again later")

enum decide_kind {
#define KIND(name, meaning) DECIDE_KIND_##name,
    DECIDE_KINDS(KIND)
#undef KIND
        DECIDE_KIND_COUNT
};

enum decide_clerk {
#define CLERK(name, meaning) DECIDE_CLERK_##name,
    DECIDE_CLERKS(CLERK)
#undef CLERK
        DECIDE_CLERK_COUNT
};

enum decide_legacy {
#define LEGACY(name, meaning) DECIDE_LEGACY_##name,
    DECIDE_LEGACIES(LEGACY)
#undef LEGACY
        DECIDE_LEGACY_COUNT
};

enum decide_moved {
#define MOVED(name, meaning) DECIDE_MOVED_##name,
    DECIDE_MOVEDS(MOVED)
#undef MOVED
        DECIDE_MOVED_COUNT
};

enum decide_action {
#define ACTION(name, meaning) DECIDE_ACTION_##name,
    DECIDE_ACTIONS(ACTION)
#undef ACTION
        DECIDE_ACTION_COUNT
};

/* What the operator may choose; usher.yaml, policy. */
enum decide_codes { DECIDE_CODES_MOVE, DECIDE_CODES_PASS };         /* codes: move | pass */
enum decide_sign_up { DECIDE_SIGN_UP_REFUSE, DECIDE_SIGN_UP_PASS }; /* sign_up: refuse | pass */
enum decide_unsure { DECIDE_UNSURE_REFUSE, DECIDE_UNSURE_PASS };    /* sign_up_unsure: … */
enum decide_fill { DECIDE_FILL_MISSING, DECIDE_FILL_NEVER };        /* passwords: missing | never */

struct decide_policy {
    enum decide_codes codes;
    enum decide_sign_up sign_up;
    enum decide_unsure sign_up_unsure;
    enum decide_fill passwords;
};

struct decide_facts {
    enum decide_kind kind;
    enum decide_clerk clerk;
    enum decide_legacy legacy;
    enum decide_moved moved; /* read only when the legacy system says yes */
};

/* The action for what is known. */
enum decide_action decide_next(const struct decide_facts *facts,
                               const struct decide_policy *policy);

/* Names as in the tables above ("unknown_user"). */
const char *decide_kind_name(enum decide_kind kind);
const char *decide_clerk_name(enum decide_clerk clerk);
const char *decide_legacy_name(enum decide_legacy legacy);
const char *decide_moved_name(enum decide_moved moved);
const char *decide_action_name(enum decide_action action);

#endif
