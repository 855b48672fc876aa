/* Creating users as fast as a sandbox takes them, and the same rows put into SQLite without one. */
#ifndef USHER_BENCH_CREATES_H
#define USHER_BENCH_CREATES_H

#include "client.h"

/* Requests in flight, each on a connection of its own. */
#define CREATES_CONNECTIONS 96

/* POST /v1/users for the users first, first + 1 …; returns how many a second. */
double creates_run(const struct sandbox *sandbox, uint64_t first, uint64_t users);

/*
 * Of a halted sandbox: copies its first users, with tables, indexes and durability as they are there, into a database of
 * its own by SQL alone, `batch` users a transaction; returns how many a second.
 */
double creates_bare(const struct sandbox *sandbox, uint64_t users, uint64_t batch);

/*
 * Of a halted sandbox: copies its first users `copies` times by SQL, without durability, as millions more of them would
 * take hours through HTTP.
 */
void creates_copy(const struct sandbox *sandbox, uint64_t users, uint64_t copies);

#endif
