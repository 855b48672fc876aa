/*
 * sandbox/fault: failures on demand, so that a client's recovery can be rehearsed.
 *
 *     fault_parse(&fault, TEXT("drop-after=0.02"), &err);   // or "500=5": the first five
 *     faults.at[faults.count++] = fault;
 *     if (faults_ask(&faults, FAULT_500)) …                  // once for each request that may suffer it
 */
#ifndef USHER_SANDBOX_FAULT_H
#define USHER_SANDBOX_FAULT_H

#include "base/base.h"

enum fault_kind {
    FAULT_500,         /* a 500 instead of doing it */
    FAULT_429,         /* a 429 with Retry-After: 1 instead of doing it */
    FAULT_DROP_BEFORE, /* the connection is closed instead of doing it */
    FAULT_DROP_AFTER, /* it is done and committed, then the connection is closed without an answer */
    FAULT_SLOW_BODY,  /* the answer trickles in pieces */
    FAULT_KINDS
};

struct fault {
    enum fault_kind kind;
    double probability; /* of each request, when count is 0 */
    uint64_t count;     /* or: how many of the next requests suffer it */
};

#define FAULTS_MAX 16

struct faults {
    struct fault at[FAULTS_MAX];
    size_t count;
    uint64_t state; /* of the generator: the same seed gives the same faults */
    uint64_t given[FAULT_KINDS];
};

/* "KIND=SPEC": 500, 429, drop-before, drop-after or slow-body; 0.02 (a probability) or 5 (a count). */
int fault_parse(struct fault *fault, struct text spec, struct err *err);

/* The name of a kind, as in the options. */
const char *fault_name(enum fault_kind kind);

/* Whether this request suffers a fault of that kind. Counts it as given. */
bool faults_ask(struct faults *faults, enum fault_kind kind);

#endif
