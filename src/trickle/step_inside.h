/* The inside of step: what its files share. Nobody else includes this. */
#ifndef USHER_TRICKLE_STEP_INSIDE_H
#define USHER_TRICKLE_STEP_INSIDE_H

#include "json/json.h"
#include "trickle/mover.h"
#include "trickle/step.h"

/* What a request is about; texts in the request's arena. */
struct step_request {
    bool any; /* it is one to look into */
    enum decide_kind kind;
    struct text sign_in;    /* the id in its path; absent */
    struct text identifier; /* absent where Clerk must be asked for it */
    struct text password;
    struct text strategy;
    bool unknown;  /* it is about a sign-in that the gateway began, and cannot be answered */
    bool look;     /* it reads such a sign-in */
    bool by_phone; /* such a sign-in may send a text message */
};

/* Lives in the request's arena. */
struct step {
    struct mover_job job; /* first */
    struct core *core;
    struct server_request *request;
    struct step_request is;
    struct proxy_answer first; /* Clerk's first answer; status 0: none */
    struct text cookies;       /* the Cookie header that the replay brings */
    void (*on_protection)(struct step *step, bool on);
    bool job_began;
};

/* Tells what a request is. path: behind the proxy's. browser: see step_browser. */
void step_read(struct core *core, struct server_request *request, struct text path,
               struct step_request *is);

/* What this browser shows each time: its development browser, or a cookie of the gateway's. Absent: new. */
struct text step_browser(struct server_request *request);

/* The class of Clerk's answer. */
enum decide_clerk step_clerk_says(struct core *core, struct server_request *request,
                                  const struct proxy_answer *answer);

/* Parses a collected answer. False if it is no JSON. Valid until the next one on this loop. */
bool step_parse(struct core *core, struct server_request *request,
                const struct proxy_answer *answer, struct json_value *root);

/* The browser's cookies as they are after an answer's Set-Cookie lines. Absent when memory is out. */
struct text step_cookies(struct server_request *request, const struct proxy_answer *answer);

/*
 * Finds out whether Clerk has enumeration protection on, then goes on with that. What cannot be told is off, as
 * Clerk cannot be asked for a code then either.
 */
void step_ask_protection(struct step *step, void (*then)(struct step *step, bool on));

/* --- answers; each ends the step --- */

/* Gives an answer of Clerk's, with the first one's cookies if that is another. */
void step_give(struct step *step, const struct proxy_answer *answer);
/* A sign-in of the gateway's own. */
void step_give_synthetic(struct step *step);
/* An error of the gateway's own; param: the field it is shown under, or NULL. */
void step_refuse(struct step *step, enum clerk_code code, const char *long_message,
                 const char *param);
void step_refuse_later(struct step *step);
void step_refuse_throttled(struct step *step);
/* The queue for the workers is full. */
void step_refuse_busy(struct step *step);
/* Sends the request to Clerk once more, now that the user is there. */
void step_replay(struct step *step);

#endif
