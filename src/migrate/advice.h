/*
 * advice: what to do about an error of Clerk's. Clerk's messages say what is wrong; what a migration can do about it,
 * in the export, in Clerk's Dashboard or at the command line, stands in one table here.
 *
 *     advice_say(&problem, said);    "A development instance holds 100 users at most; delete …, or …"
 */
#ifndef USHER_MIGRATE_ADVICE_H
#define USHER_MIGRATE_ADVICE_H

struct clerk_problem;

#define ADVICE_MAX 512

/* The next step for an error code; of a code that nobody knows a general one. Never NULL. */
const char *advice_for(const char *code);

/* Writes Clerk's message with the next step behind it; returns `to`. */
const char *advice_say(const struct clerk_problem *problem, char to[ADVICE_MAX]);

#endif
