/*
 * legacy: the face of a legacy system, the one that users leave. It is asked for one user at a time,
 * with a password or without, and answers with one of four: yes, no, no such user, cannot tell.
 *
 *     legacy_open(&legacy, &(struct legacy_opts){.connector = "sql", .from = "auth0", …}, &err);
 *     if (legacy_ask(legacy, &question, &call, &err) == 0) …     // question.done comes, on another thread
 *     …
 *     legacy_drop(call);                                         // exactly once, before done or after it
 *     legacy_close(legacy);
 *
 * The connector waits for the network or the disk on threads of its own (base/pool), so asking never
 * blocks. Three things bound it: a time after which the answer is "cannot tell", whatever the connector
 * does; a queue of fixed length; a breaker that stops asking a system which fails (breaker.h). Whatever
 * is neither a clear yes nor a clear no, an HTML page, a 500, a redirect, two users of one name, is "cannot
 * tell", never no.
 */
#ifndef USHER_TRICKLE_LEGACY_H
#define USHER_TRICKLE_LEGACY_H

#include "base/base.h"
#include "trickle/breaker.h"
#include "trickle/legacies.h"
#include "user/user.h"

enum legacy_says {
    LEGACY_CANNOT_TELL, /* the system is down, slow, lying or in contradiction with itself */
    LEGACY_YES,         /* the password is right; without one asked: there is such a user */
    LEGACY_NO,          /* the password is wrong, or the account is disabled */
    LEGACY_UNKNOWN,     /* there is no such user */
    LEGACY_SAYS_COUNT
};

/* "yes", "no", "unknown", "cannot_tell": for logs and metrics. */
const char *legacy_says_name(enum legacy_says says);

struct legacy_answer {
    enum legacy_says says;
    /*
     * On YES, mapped and within the rules, with its digest where the system shows one; else NULL. Valid
     * until legacy_drop: user_copy (user/user.h) keeps it longer.
     */
    const struct user *user;
    const char *why; /* on CANNOT_TELL and NO: one line, without secrets or addresses; else "" */
    int64_t took_us;
};

struct legacy_question {
    struct text identifier; /* as typed; at most LEGACY_IDENTIFIER_MAX bytes */
    struct text password;   /* absent: only whether there is such a user */
    struct text address;    /* of the browser, for hooks; may be absent */
    /* Called once, on a thread of the legacy, unless the call is dropped first. Must be quick. */
    void (*done)(void *arg, const struct legacy_answer *answer);
    void *arg;
};

#define LEGACY_IDENTIFIER_MAX 512
#define LEGACY_PASSWORD_MAX   4096

struct legacy_opts {
    const char *connector; /* a row of legacies.h */
    const char *from;      /* platform, mapping file or mapping; NULL: the connector's own */
    int64_t budget_ms;     /* for a whole answer; 0: 3000 */
    unsigned threads;      /* that may ask at once; 0: 8 */
    unsigned queue_max;    /* questions that may wait for them; 0: 256 */
#define SETTING(name, meaning) const char *name;
    LEGACY_SETTINGS(SETTING)
#undef SETTING
};

struct legacy;
struct legacy_call;

/*
 * Checks the settings and starts the threads; connects nowhere yet, so that a gateway starts while its
 * legacy system is down. Returns 0, or -1: ERR_USAGE names the setting, what is wrong with it and what
 * there is; ERR_MEMORY. Settings are copied.
 */
int legacy_open(struct legacy **legacy, const struct legacy_opts *opts, struct err *err);

/* Waits for the threads. Calls that are going on are answered "cannot tell" first. NULL is fine. */
void legacy_close(struct legacy *legacy);

/*
 * Asks. Identifier and password are copied. Returns 0, or -1 when it cannot tell right now and done will
 * not come: the breaker is open, the queue is full (ERR_NETWORK); an empty or too long identifier or
 * password (ERR_INPUT: as good as a no).
 */
int legacy_ask(struct legacy *legacy, const struct legacy_question *question,
               struct legacy_call **call, struct err *err);

/*
 * Gives a call back, exactly once. If done has not begun yet it will never come, and the connector is
 * told to stop. Returns whether that was so; otherwise done has come, or runs at this moment on another
 * thread. NULL is fine. From any thread, also inside done.
 */
bool legacy_drop(struct legacy_call *call);

struct legacy_moved {
    struct text identifier, external_id, clerk_id;
};

/* Whether the system has a place to be told that a user was moved. */
bool legacy_takes_moved(const struct legacy *legacy);

/*
 * Tells the system that a user was moved, in the background and once; a failure is counted in its state.
 * Returns 0, or -1 with err: it takes no such word, the queue is full.
 */
int legacy_tell_moved(struct legacy *legacy, const struct legacy_moved *moved, struct err *err);

enum legacy_health {
    LEGACY_NOT_ASKED, /* since the start */
    LEGACY_WELL,      /* the last answer was clear */
    LEGACY_AILING,    /* the last one was "cannot tell" */
    LEGACY_DOWN       /* the breaker is open */
};

struct legacy_state {
    const char *connector; /* "sql" */
    enum legacy_health health;
    uint64_t said[LEGACY_SAYS_COUNT];
    uint64_t refused; /* not asked: breaker open or queue full */
    uint64_t moved_told, moved_failed;
    int64_t answer_us;           /* of a clear answer, smoothed; 0: none yet */
    uint32_t waiting;            /* calls not answered yet */
    char last_why[160];          /* of the last "cannot tell" */
    int64_t last_cannot_tell_ms; /* when that was, since the epoch; 0: never */
};

/* "not_asked", "well", "ailing", "down". */
const char *legacy_health_name(enum legacy_health health);

/* How it is. From any thread. */
void legacy_look(struct legacy *legacy, struct legacy_state *state);

#endif
