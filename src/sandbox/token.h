/*
 * sandbox/token: JWTs. Everything but the signature is written here; it is made after the commit, on another
 * thread (call_sign).
 *
 * Session tokens have Clerk's claims of version 2 and the instance's custom ones; those of a JWT template
 * have the template's. Tickets are JWTs too, of a class of their own so that none passes for a session.
 */
#ifndef USHER_SANDBOX_TOKEN_H
#define USHER_SANDBOX_TOKEN_H

#include "sandbox/session.h"

/* The header's `cat`, by which SDKs tell what a token is for. */
#define TOKEN_CLASS_SESSION  "cl_B7d4PD111AAA"
#define TOKEN_CLASS_TEMPLATE "cl_B7d4PD222AAA"
#define TOKEN_CLASS_TICKET   "cl_B7d4PD444AAA"

/* How long a session token lives, and by how much its `nbf` is before its `iat`. */
#define TOKEN_LIFE_S 60
#define TOKEN_SKEW_S 10

struct call;
struct jwt_template;

struct token_opts {
    const struct session *session;
    const struct account *account;       /* NULL: read if the claims need it */
    const struct jwt_template *template; /* NULL: a session token */
    int64_t life_s;                      /* 0: the usual one */
};

/* Puts the token as a JSON string; null if the answer has too many of them. Returns false after refusing. */
bool token_put(struct call *call, const struct token_opts *opts, struct json_out *out);

/* The same without quotes, onto the answer; nothing if it has too many. Not for templates with a key of their own. */
bool token_append(struct call *call, const struct token_opts *opts);

/* Appends header and payload, encoded ("a.b"), of those claims (JSON), for the key of that id. */
void token_encode(const char *kid, int64_t now_ms, const char *class, struct text claims,
                  struct buf *to);

/* Answers {"object":"token","jwt":…}. */
void token_answer(struct call *call, const struct token_opts *opts);

#endif
