/*
 * What test_ledger_kill.py kills.
 *
 *     ledger-writer LEDGER          puts users 0, 1, 2 … through planned, sending and done; after each
 *                                   commit prints how many users were settled by then
 *     ledger-writer LEDGER check N  opens the ledger again: users 0 to N-1 must be done, every user there
 *                                   must be whole, and the counts must be what counting gives
 *
 * Exit status 0, or 1 with a line on standard error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger.h"

#define BATCH_MAX 40

static const struct ledger_identity identity = {
    .instance = {"test", 4}, .source = {"test", 4}, .mapping_hash = 1};

static int complain(const char *what, unsigned long number)
{
    fprintf(stderr, "ledger-writer: %s (user %lu)\n", what, number);
    return 1;
}

static int put(struct ledger *ledger, unsigned long number, enum ledger_state state,
               struct err *err)
{
    char id[32], clerk_id[32], hashes[64];
    snprintf(id, sizeof(id), "user-%lu", number);
    snprintf(clerk_id, sizeof(clerk_id), "clerk-%lu", number);
    memset(hashes, (int)(number & 0xff), sizeof(hashes));
    struct ledger_user user = {.external_id = text_of(id),
                               .state = state,
                               .hashes = {hashes, sizeof(hashes)},
                               .attempts = 1};
    if (state == LEDGER_DONE)
        user.clerk_id = text_of(clerk_id);
    return ledger_put(ledger, &user, err);
}

/* One batch through two commits, as an import does it. */
static int move(struct ledger *ledger, unsigned long from, unsigned long to, struct err *err)
{
    for (unsigned long i = from; i < to; i++)
        if (put(ledger, i, LEDGER_SENDING, err) != 0)
            return -1;
    if (ledger_commit(ledger, err) != 0)
        return -1;
    for (unsigned long i = from; i < to; i++)
        if (put(ledger, i, LEDGER_DONE, err) != 0)
            return -1;
    return ledger_commit(ledger, err);
}

static int write_for_ever(struct ledger *ledger)
{
    struct err err;
    uint64_t counts[LEDGER_STATE_COUNT];
    if (ledger_count(ledger, counts, &err) != 0)
        return complain(err.message, 0);
    for (unsigned long settled = (unsigned long)counts[LEDGER_DONE];;) {
        unsigned long next = settled + 1 + random_below(BATCH_MAX);
        if (move(ledger, settled, next, &err) != 0)
            return complain(err.message, settled);
        settled = next;
        printf("%lu\n", settled);
        fflush(stdout);
    }
}

static int check_user(struct ledger *ledger, unsigned long number, struct arena *arena)
{
    char id[32], clerk_id[32];
    struct ledger_user user;
    struct err err;
    bool found;
    snprintf(id, sizeof(id), "user-%lu", number);
    snprintf(clerk_id, sizeof(clerk_id), "clerk-%lu", number);
    if (ledger_find(ledger, text_of(id), arena, &user, &found, &err) != 0)
        return complain(err.message, number);
    if (!found || user.state != LEDGER_DONE)
        return complain("committed, but lost", number);
    if (!text_same(user.clerk_id, text_of(clerk_id)) || user.hashes.len != 64 ||
        (unsigned char)user.hashes.at[63] != (number & 0xff))
        return complain("not what was put", number);
    return 0;
}

static int count_one(const struct ledger_user *user, void *arg)
{
    (void)user;
    ++*(uint64_t *)arg;
    return 0;
}

static int check_counts(struct ledger *ledger)
{
    struct err err;
    uint64_t counts[LEDGER_STATE_COUNT];
    if (ledger_count(ledger, counts, &err) != 0)
        return complain(err.message, 0);
    for (int state = 0; state < LEDGER_STATE_COUNT; state++) {
        uint64_t there = 0;
        if (ledger_each(ledger, (enum ledger_state)state, count_one, &there, &err) != 0)
            return complain(err.message, 0);
        if (there != counts[state])
            return complain("the counts are wrong", (unsigned long)there);
    }
    return 0;
}

static int check(struct ledger *ledger, unsigned long settled)
{
    struct arena arena;
    int status = check_counts(ledger);
    arena_init(&arena, 1 << 20);
    for (unsigned long i = 0; i < settled && status == 0; i++) {
        status = check_user(ledger, i, &arena);
        arena_reset(&arena);
    }
    arena_release(&arena);
    return status;
}

int main(int argc, char **argv)
{
    struct ledger *ledger;
    struct err err;
    if (argc < 2)
        return complain("usage: ledger-writer LEDGER [check N]", 0);
    struct ledger_opts opts = {.path = argv[1], .identity = identity};
    if (ledger_open(&ledger, &opts, &err) != 0)
        return complain(err.message, 0);
    int status = argc < 4 ? write_for_ever(ledger) : check(ledger, strtoul(argv[3], NULL, 10));
    ledger_close(ledger);
    return status;
}
