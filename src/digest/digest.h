/*
 * digest: stored password hashes in the forms that Clerk's CreateUser takes (password_hasher and
 * password_digest): parse strictly, verify with three answers, tell the cost, convert from the
 * forms in which platforms store them, and find out what an unknown one is.
 *
 * To add a digest: one file ending in one `const struct digest_ops`, one row in digests.h.
 */
#ifndef USHER_DIGEST_H
#define USHER_DIGEST_H

#include "base/base.h"
#include "digest/find.h"

/* No digest is longer than this many bytes. */
#define DIGEST_MAX 4096
/* No password is longer than this many bytes. */
#define DIGEST_PASSWORD_MAX 4096

/* The third is not the second: folding "cannot tell" into "no" locks people out. */
enum digest_answer { DIGEST_MATCH, DIGEST_NO_MATCH, DIGEST_CANNOT_TELL };

struct digest;

struct digest_ops {
    const char *hasher; /* Clerk's name */
    /* Clerk moves insecure and remote ones to bcrypt at the first successful sign-in. */
    bool insecure; /* Clerk counts it as such: a plain hash or a few rounds of one */
    bool remote;   /* verified over the network (awscognito) */
    /* What cost, cost2 and cost3 are called in the class ("iterations"); NULL ends the list. */
    const char *cost_names[3];
    /* Above this cost CreateUser refuses a digest that parses; 0: no such limit. */
    uint64_t clerk_cost_max;
    /*
     * Parses digest->text, which is at most DIGEST_MAX bytes, into *digest without allocating.
     * Returns NULL, or a string constant that says what is wrong ("cost above 31"). Does no
     * hashing.
     */
    const char *(*parse)(struct digest *digest);
    /* Verifies a parsed digest; call digest_verify, which checks the password's length first. */
    enum digest_answer (*verify)(const struct digest *digest, struct text password,
                                 struct err *err);
};

/* A parsed digest. The texts are views into what was parsed and live as long as it. */
struct digest {
    const struct digest_ops *ops;
    struct text text;                         /* the whole */
    struct text prefix, salt, hash, extra[3]; /* fields, still encoded, as the family uses them */
    uint64_t cost, cost2, cost3;              /* as the ops' cost_names say */
};

/* The ops of a hasher by Clerk's name, or NULL. */
const struct digest_ops *digest_ops_find(struct text hasher);
/* All of them in the order of digests.h; *count gets how many (22). */
const struct digest_ops *const *digest_ops_all(size_t *count);

/*
 * Parses. Returns NULL if the digest has its hasher's shape, else a string constant that says what
 * is wrong. Accepts what Clerk accepts: bcrypt cost 4 to 31 parses; see digest_clerk_problem
 * for 15.
 */
const char *digest_parse(struct digest *digest, const struct digest_ops *ops, struct text text);

/* What CreateUser refuses although it parses (bcrypt cost over 15): a string constant, or NULL. */
const char *digest_clerk_problem(const struct digest *digest);

/*
 * Verifies `password` (raw bytes, no normalisation). DIGEST_CANNOT_TELL, with err saying why:
 * memory ran out, the cost is so high that computing it would take minutes (bcrypt above 18, phpass
 * above 2^24), the password is longer than DIGEST_PASSWORD_MAX, or the remote system gave no clear
 * answer. Takes as long as the digest's cost says, so never call it from an event loop; remote ones
 * wait for the network. Thread-safe. Passwords with a NUL: see bcrypt.c.
 */
enum digest_answer digest_verify(const struct digest *digest, struct text password,
                                 struct err *err);

/*
 * What verifies an awscognito digest, for whoever needs more of the answer: on DIGEST_MATCH the access
 * token is appended to `token` (or NULL), nothing if a challenge (MFA …) comes before it.
 */
enum digest_answer digest_cognito_sign_in(const struct digest *digest, struct text password,
                                          struct buf *token, struct err *err);
/* Appends the address of the digest's region. */
void digest_cognito_url(const struct digest *digest, struct buf *to);

#define DIGEST_CLASS_MAX 96
/* Writes the class of a digest, hasher and parameters: "bcrypt cost=10", "argon2id m=64 t=2 p=1".
 */
void digest_class(const struct digest *digest, char to[DIGEST_CLASS_MAX]);

/* The code that an authenticator app shows for a base32 secret at that time; false if it is no secret. */
#define DIGEST_TOTP_MAX 8
bool digest_totp(struct text secret, int64_t now_ms, char code[DIGEST_TOTP_MAX]);

/*
 * A digest converted from a platform's own form. hasher NULL: Clerk has none for it, or there is no
 * password; `note` then says the way out (trickle, reset). note may also hold a remark on a
 * success.
 */
struct digest_conversion {
    const char *hasher;
    struct text digest; /* in the arena */
    const char *note;   /* a string constant, or NULL */
    bool no_password;   /* the user simply has none: not a loss */
};

/*
 * Converts `native`, a digest as `platform` stores it (names of digest/natives.h: "django",
 * "keycloak", "auto", …; structured forms are JSON text). Returns 0 with *out filled, or -1 with
 * err (ERR_USAGE: no such platform; ERR_INPUT: not a form of that platform).
 */
int digest_convert(struct text platform, struct text native, struct arena *arena,
                   struct digest_conversion *out, struct err *err);

/* The names of the platforms that digest_convert knows, without "auto"; *count gets how many. */
const char *const *digest_platforms(size_t *count);

#endif
