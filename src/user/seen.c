/*
 * A key is the 64-bit SipHash of a kind ('i'd, 'e'mail, 'p'hone, 'u'sername) and a value under a random
 * key of this run: nobody can write a file whose keys collide, and of 20 million of them two do once in a
 * hundred thousand runs.
 *
 * Keys live in an open-addressing table whose slots follow the keys' upper bits, so that reading it from
 * front to end gives the keys almost in order; putting them in order then takes one pass. At three
 * quarters full that is done, the keys go to a temporary file (seen_spill.c) and the table is emptied.
 *
 * Memory: 16 MiB of table, and once something has been spilled 16 MiB of filter and 16 bytes for every
 * thousand keys.
 */
#include "user/seen.h"

#include <stdlib.h>
#include <string.h>

#include "user/seen_spill.h"

#define CLAIMS_MAX (2 + 2 * USER_IDENTIFIERS_MAX)
#define VALUE_MAX  1024 /* no identifier is longer, see rules.c */

struct user_seen {
    struct hash_key key;
    uint64_t *slots; /* 0: free */
    size_t slot_count, used;
    struct seen_spill spill;
    bool failed;        /* a spill could not be written: nothing can be added any more */
    struct err failure; /* how */
};

/* ---- the table ---- */

/* Where the search for a key begins. */
static size_t home_of(const struct user_seen *seen, uint64_t key)
{
    return (size_t)((key >> 32) * seen->slot_count >> 32);
}

static uint64_t *slot_of(struct user_seen *seen, uint64_t key)
{
    size_t mask = seen->slot_count - 1, i = home_of(seen, key);
    while (seen->slots[i] && seen->slots[i] != key)
        i = (i + 1) & mask;
    return &seen->slots[i];
}

/* Moves all keys to the front of the table, in order: insertion sort, since none has far to go. */
static size_t put_in_order(uint64_t *slots, size_t slot_count)
{
    size_t count = 0;
    for (size_t i = 0; i < slot_count; i++) {
        uint64_t key = slots[i];
        size_t at = count;
        if (!key)
            continue;
        for (; at > 0 && slots[at - 1] > key; at--)
            slots[at] = slots[at - 1];
        slots[at] = key;
        count++;
    }
    return count;
}

static int spill(struct user_seen *seen, struct err *err)
{
    size_t count = put_in_order(seen->slots, seen->slot_count);
    if (seen_spill_add(&seen->spill, seen->slots, count, err)) {
        seen->failed = true;
        seen->failure = *err;
        return -1;
    }
    memset(seen->slots, 0, seen->slot_count * sizeof(*seen->slots));
    seen->used = 0;
    return 0;
}

/* Makes sure that count more keys fit into the table. */
static int make_room(struct user_seen *seen, size_t count, struct err *err)
{
    if (seen->failed) {
        *err = seen->failure;
        return -1;
    }
    return seen->used + count > seen->slot_count / 4 * 3 ? spill(seen, err) : 0;
}

/* 1 if the key is known, 0 if not, -1 with err. */
static int has(struct user_seen *seen, uint64_t key, struct err *err)
{
    return *slot_of(seen, key) ? 1 : seen_spill_has(&seen->spill, key, err);
}

static void add(struct user_seen *seen, uint64_t key)
{
    uint64_t *slot = slot_of(seen, key);
    seen->used += *slot == 0;
    *slot = key;
}

/* ---- claims ---- */

struct claim {
    uint64_t key;
    enum user_reason reason;
    size_t item; /* in the list that it is from; 0 if there is none */
};

struct claims {
    struct claim at[CLAIMS_MAX];
    size_t count;
};

/* The key of a value of a kind; letters are folded but in ids. Never 0. */
static uint64_t key_of(const struct user_seen *seen, char kind, struct text value)
{
    char folded[1 + VALUE_MAX];
    size_t len = value.len < VALUE_MAX ? value.len : VALUE_MAX;
    folded[0] = kind;
    for (size_t i = 0; i < len; i++) {
        char c = value.at[i];
        folded[1 + i] = kind != 'i' && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    uint64_t key = hash_text(&seen->key, (struct text){folded, len + 1});
    return key ? key : 1;
}

static void claim_text(const struct user_seen *seen, char kind, enum user_reason reason,
                       struct text value, struct claims *claims)
{
    if (value.len > 0)
        claims->at[claims->count++] = (struct claim){key_of(seen, kind, value), reason, 0};
}

static void claim_list(const struct user_seen *seen, char kind, enum user_reason reason,
                       const struct user_identifiers *list, struct claims *claims)
{
    for (size_t i = 0; i < list->count && i < USER_IDENTIFIERS_MAX; i++)
        claims->at[claims->count++] =
            (struct claim){key_of(seen, kind, list->at[i].value), reason, i + 1};
}

static enum user_reason refuse(const struct claim *claim, struct user_reject *reject)
{
    const char *meaning = user_reason_meaning(claim->reason);
    if (claim->item > 1)
        user_reject(reject, claim->reason, "%s (it is number %zu of this row)", meaning,
                    claim->item);
    else
        user_reject(reject, claim->reason, "%s", meaning);
    return claim->reason;
}

/* ---- the face ---- */

int user_seen_new_sized(struct user_seen **out, const struct user_seen_sizes *sizes,
                        struct err *err)
{
    struct user_seen *seen = calloc(1, sizeof(*seen));
    if (!seen)
        return err_memory(err);
    seen->key = hash_key_random();
    seen->slot_count = sizes->slots;
    seen->slots = pages_new(sizes->slots * sizeof(*seen->slots));
    seen_spill_init(&seen->spill, sizes->bloom_bits);
    if (!seen->slots) {
        user_seen_free(seen);
        return err_memory(err);
    }
    *out = seen;
    return 0;
}

int user_seen_new(struct user_seen **seen, struct err *err)
{
    const struct user_seen_sizes sizes = {(size_t)1 << 21, (size_t)1 << 27};
    return user_seen_new_sized(seen, &sizes, err);
}

void user_seen_free(struct user_seen *seen)
{
    if (!seen)
        return;
    seen_spill_release(&seen->spill);
    pages_free(seen->slots, seen->slot_count * sizeof(*seen->slots));
    free(seen);
}

int user_seen_claim(struct user_seen *seen, const struct user *user, struct user_reject *reject,
                    struct err *err)
{
    struct claims claims;
    claims.count = 0;
    claim_text(seen, 'i', USER_REASON_duplicate_id, user->external_id, &claims);
    claim_list(seen, 'e', USER_REASON_duplicate_email, &user->email_address, &claims);
    claim_list(seen, 'p', USER_REASON_duplicate_phone, &user->phone_number, &claims);
    claim_text(seen, 'u', USER_REASON_duplicate_username, user->username, &claims);
    if (make_room(seen, claims.count, err))
        return -1;
    for (size_t i = 0; i < claims.count; i++) /* so that the misses of all keys overlap */
        __builtin_prefetch(&seen->slots[home_of(seen, claims.at[i].key)]);
    for (size_t i = 0; i < claims.count; i++) {
        int found = has(seen, claims.at[i].key, err);
        if (found < 0)
            return -1;
        if (found)
            return (int)refuse(&claims.at[i], reject);
    }
    for (size_t i = 0; i < claims.count; i++)
        add(seen, claims.at[i].key);
    return USER_ACCEPTED;
}
