/* The inside of ledger: what its files share. Nobody else includes this. */
#ifndef USHER_LEDGER_STORE_H
#define USHER_LEDGER_STORE_H

#include "ledger/ledger.h"
#include "sql/sql.h"

#define LEDGER_KNOWN_BITS 16

struct ledger {
    struct sql *sql;
    char *path;
    bool read_only;
    bool broken; /* a write failed: what stands in the file is the last commit, and so it stays */
    int lock_fd;
    char *lock_path;
    struct hash_key key;
    /* Users in each state: with what the open transaction changed, and as of the last commit. */
    uint64_t counts[LEDGER_STATE_COUNT], committed[LEDGER_STATE_COUNT];
    /* States of users found or put lately: 61 bits of a hash, and in the other three what is known. */
    uint64_t *known;
};

/* Takes the writer's lock of a ledger. -1: ERR_UNUSABLE with the pid of who has it, ERR_IO. */
int ledger_lock(struct ledger *ledger, struct err *err);
void ledger_unlock(struct ledger *ledger);

/* Opens a transaction if none is open. -1 also if an earlier write failed or the ledger is read only. */
int ledger_begin(struct ledger *ledger, struct err *err);
/* After a failed write: rolls back and refuses further ones. Always returns -1. */
int ledger_break(struct ledger *ledger);

/* Small named values. *value is copied into arena, absent if there is none. */
int ledger_meta_get(struct ledger *ledger, struct text name, struct arena *arena,
                    struct text *value, struct err *err);
int ledger_meta_put(struct ledger *ledger, struct text name, struct text value, struct err *err);

#endif
