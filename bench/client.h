/*
 * What the benches of the sandbox share: starting one on a file, and a bare client for it, so that the
 * figures are the server's. Every failure ends the program with a message.
 */
#ifndef USHER_BENCH_CLIENT_H
#define USHER_BENCH_CLIENT_H

#include <sys/types.h>

#include "base/base.h"

#define BENCH_KEY  "sk_live_benchbenchbenchbenchbenchbench"
#define BENCH_ROOM 16384 /* of a request */

struct sandbox {
    pid_t pid;
    uint16_t port;
    char data[64];
};

/* Ends the program: what failed, and errno. */
void bench_die(const char *what);

/* `usher sandbox` without limits on a new database in this folder; stopping it removes that, halting does not. */
void sandbox_start(struct sandbox *sandbox);
/* The same on the database of one that was halted. */
void sandbox_resume(struct sandbox *sandbox);
void sandbox_halt(struct sandbox *sandbox);
void sandbox_stop(struct sandbox *sandbox);
/* Removes a database file and what SQLite keeps beside it. */
void bench_remove(const char *database);
/* A number of GET /v1/sandbox/stats. */
double sandbox_stat(const struct sandbox *sandbox, const char *name);
/* The id of a user: "user_" and 27 characters. */
void sandbox_some_id(const struct sandbox *sandbox, char to[64]);

/* CPU seconds of a process, and what it keeps in memory, now and at most, in bytes. */
double bench_cpu(pid_t pid);
double bench_memory(pid_t pid);
double bench_memory_peak(pid_t pid);

/* Prints one line as tools/bench does: the figure, what it is held against, the ratio of the two. */
void bench_claim(const char *what, double value, const char *unit, double ratio,
                 const char *against, bool fine);
/* Sorts the values. */
double bench_median(double *values, size_t count);

/* Raises the limit of open files; ends the program if the system refuses. */
void bench_allow_files(size_t files);

int bench_connect(uint16_t port);
void bench_write(int fd, const char *at, size_t len);
/* Puts a whole request into `to`, which has BENCH_ROOM bytes; returns its length. */
size_t bench_request(char *to, const char *method, const char *path, const char *body);
/* Reads one answer of at most room - 1 bytes; returns its status. The whole stands in `to`. */
int bench_answer(int fd, char *to, size_t room, size_t *len);

#endif
