/* What ledger.c and ledger_postgres.c share: the load, the stop-watch, and who is put. */
#ifndef USHER_BENCH_LEDGER_H
#define USHER_BENCH_LEDGER_H

#include "base/base.h"

#define HASHES_LEN 176 /* 22 fields */

struct load {
    unsigned batch, users;
    char path[4096]; /* or a URL */
};

struct cost {
    double wall_us, cpu_us; /* a user, of this process */
};

/* What clock and CPU show now; and what has gone by since then, a user. */
struct cost bench_start(void);
struct cost bench_stop(struct cost started, unsigned users);

/* Says what went wrong and ends the program. */
void bench_die(const char *what) __attribute__((noreturn));

/* The id of a user: in no order, as those of most platforms. */
struct text bench_id(unsigned number, char to[32]);

/* Empties the database of a URL. */
void bare_postgres_clear(const char *url);
/* The load with libpq's own functions. */
struct cost bare_postgres(const struct load *load);

extern const char bench_hashes[HASHES_LEN];
extern const struct text bench_clerk_id;

#endif
