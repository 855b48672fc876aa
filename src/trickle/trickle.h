/*
 * trickle: the gateway that moves users at their next sign-in. The browser's unmodified sign-in page talks
 * to it as its proxy; it passes everything on to Clerk's Frontend API and steps in only where Clerk does
 * not know a user, or not their password (decide.h).
 *
 *     trickle_start(&trickle, &opts, &err);
 *     while (no signal came) trickle_tend(trickle);      // now and then
 *     trickle_reload(trickle, &err);                     // usher.yaml again; nobody is cut off
 *     trickle_stop(trickle);                             // lets what is going on end first
 *
 * Threads: a few event loops read and write HTTP in both directions (net/loop.h), without locks; a pool
 * does what waits, a sign-in at a time: asks the legacy system, keeps the ledger, creates the user.
 */
#ifndef USHER_TRICKLE_H
#define USHER_TRICKLE_H

#include "base/base.h"

struct trickle;

struct trickle_opts {
    const char *config; /* path of usher.yaml */
    /* Takes one line of JSON, without a line's end; on any thread. NULL: nothing is logged. */
    void (*log)(void *arg, struct text line);
    void *log_arg;
};

/* Reads the configuration and listens. Returns 0, or -1: as settings_load and server_start. */
int trickle_start(struct trickle **trickle, const struct trickle_opts *opts, struct err *err);

/*
 * Reads the configuration and the certificate again; requests from now on are under the new one. What it
 * listens on, threads and connections stay until a restart. Returns 0, or -1 with all as it was.
 */
int trickle_reload(struct trickle *trickle, struct err *err);

/* Frees what reloads have left behind, once nobody uses it. From the thread that reloads. */
void trickle_tend(struct trickle *trickle);

/* Takes no new connections, lets open requests end (at most drain_seconds), frees. NULL is fine. */
void trickle_stop(struct trickle *trickle);

/* Appends {"listen":…,"admin":…,"proxy_url":…,"upstream":…}. */
void trickle_describe(const struct trickle *trickle, struct buf *to);

/* Reads a configuration and opens all that it names, without listening. Appends one line a finding. */
int trickle_check(const char *config, struct buf *to, struct err *err);

#endif
