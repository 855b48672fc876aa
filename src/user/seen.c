/*
 * Keys are 64-bit SipHash values under a random key of this run: 20 million of them collide once in a
 * hundred thousand runs. They live in an open-addressing table; at three quarters full the table is
 * sorted and written as a run into an unlinked temporary file, and emptied.
 *
 * A run is its keys in ascending order, 8 bytes each, in blocks of 512 (4 KiB), and in memory the first
 * key of each block (the fence). A look-up asks the table, then a Bloom filter over everything that was
 * ever written; only if that says "maybe" one block of each run is read. There are never more than four
 * runs: the fifth is merged with all the others into one.
 *
 * Memory: 16 MiB of table, 16 MiB of filter, 16 bytes a thousand keys of fences.
 */
#include "user/seen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_KEYS 512
#define RUNS_MAX   4
#define BLOOM_HASH 4
#define KEYS_MAX   256 /* identifiers of one user that are looked at */

struct run {
    int fd;
    uint64_t count;
    uint64_t *fences; /* one a block */
};

struct user_seen {
    struct hash_key key;
    uint64_t *slots; /* 0: free */
    size_t slot_mask, used;
    uint64_t *bloom;
    uint64_t bloom_mask;
    bool spilled;
    struct run runs[RUNS_MAX + 1];
    size_t run_count;
};

/* ---- the filter: BLOOM_HASH bits a key, by double hashing of its two halves ---- */

static uint64_t bloom_bit(const struct user_seen *seen, uint64_t key, unsigned i)
{
    return (key + i * ((key >> 32) | 1) * UINT64_C(0x9E3779B97F4A7C15)) & seen->bloom_mask;
}

static void bloom_add(struct user_seen *seen, uint64_t key)
{
    for (unsigned i = 0; i < BLOOM_HASH; i++) {
        uint64_t bit = bloom_bit(seen, key, i);
        seen->bloom[bit / 64] |= UINT64_C(1) << bit % 64;
    }
}

static bool bloom_may_have(const struct user_seen *seen, uint64_t key)
{
    for (unsigned i = 0; i < BLOOM_HASH; i++) {
        uint64_t bit = bloom_bit(seen, key, i);
        if (!(seen->bloom[bit / 64] >> bit % 64 & 1))
            return false;
    }
    return true;
}

/* ---- runs ---- */

static int run_open(struct run *run, uint64_t count, struct err *err)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];
    folder = folder && *folder ? folder : "/tmp";
    run->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (run->fd < 0 &&
        snprintf(path, sizeof(path), "%s/usher-XXXXXX", folder) < (int)sizeof(path)) {
        run->fd = mkostemp(path, O_CLOEXEC);
        if (run->fd >= 0)
            unlink(path);
    }
    if (run->fd < 0)
        return err_set(err, ERR_IO, "cannot make a temporary file in %s: %s; set TMPDIR", folder,
                       strerror(errno));
    run->count = 0;
    run->fences = malloc((count / BLOCK_KEYS + 1) * sizeof(*run->fences));
    if (run->fences)
        return 0;
    close(run->fd);
    return err_memory(err);
}

static void run_close(struct run *run)
{
    close(run->fd);
    free(run->fences);
}

/* Appends up to a block of keys; blocks must be whole but for the last. */
static int run_append(struct run *run, const uint64_t *keys, size_t count, struct err *err)
{
    const char *at = (const char *)keys;
    size_t left = count * sizeof(*keys);
    run->fences[run->count / BLOCK_KEYS] = keys[0];
    run->count += count;
    while (left > 0) {
        ssize_t wrote = write(run->fd, at, left);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return err_set(err, ERR_IO,
                           "the temporary file for finding duplicates cannot grow: %s; set TMPDIR "
                           "to a disk with room (16 bytes a user)",
                           strerror(errno));
        at += wrote;
        left -= (size_t)wrote;
    }
    return 0;
}

/* Reads block `index` of a run; returns how many keys it has, or -1. */
static ssize_t run_block(const struct run *run, uint64_t index, uint64_t keys[BLOCK_KEYS],
                         struct err *err)
{
    uint64_t first = index * BLOCK_KEYS;
    size_t count = run->count - first < BLOCK_KEYS ? (size_t)(run->count - first) : BLOCK_KEYS;
    size_t size = count * sizeof(*keys);
    if (pread(run->fd, keys, size, (off_t)(first * sizeof(*keys))) == (ssize_t)size)
        return (ssize_t)count;
    return err_set(err, ERR_IO, "the temporary file for finding duplicates cannot be read: %s",
                   strerror(errno));
}

/* The last index of an ascending array whose value is at most key; count if there is none. */
static size_t last_at_most(const uint64_t *values, size_t count, uint64_t key)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (values[middle] <= key)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? count : low - 1;
}

static int run_has(const struct run *run, uint64_t key, struct err *err)
{
    uint64_t keys[BLOCK_KEYS];
    size_t blocks = (size_t)((run->count + BLOCK_KEYS - 1) / BLOCK_KEYS);
    size_t block = last_at_most(run->fences, blocks, key);
    if (block == blocks)
        return 0;
    ssize_t count = run_block(run, block, keys, err);
    if (count < 0)
        return -1;
    size_t at = last_at_most(keys, (size_t)count, key);
    return at < (size_t)count && keys[at] == key;
}

/* ---- merging ---- */

struct cursor {
    const struct run *run;
    uint64_t block;
    uint64_t keys[BLOCK_KEYS];
    size_t at, count;
};

static int cursor_fill(struct cursor *cursor, struct err *err)
{
    cursor->at = cursor->count = 0;
    if (cursor->block * BLOCK_KEYS >= cursor->run->count)
        return 0;
    ssize_t count = run_block(cursor->run, cursor->block++, cursor->keys, err);
    if (count < 0)
        return -1;
    cursor->count = (size_t)count;
    return 0;
}

/* The cursor with the smallest key, or NULL when all are at their end. */
static struct cursor *smallest(struct cursor *cursors, size_t count)
{
    struct cursor *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (cursors[i].at < cursors[i].count &&
            (!best || cursors[i].keys[cursors[i].at] < best->keys[best->at]))
            best = &cursors[i];
    return best;
}

static int merge_into(struct run *to, struct cursor *cursors, size_t count, struct err *err)
{
    uint64_t keys[BLOCK_KEYS];
    size_t have = 0;
    struct cursor *next;
    while ((next = smallest(cursors, count))) {
        keys[have++] = next->keys[next->at++];
        if (next->at == next->count && cursor_fill(next, err))
            return -1;
        if (have == BLOCK_KEYS) {
            if (run_append(to, keys, have, err))
                return -1;
            have = 0;
        }
    }
    return have > 0 ? run_append(to, keys, have, err) : 0;
}

static int merge_runs(struct user_seen *seen, struct err *err)
{
    struct run merged;
    uint64_t total = 0;
    struct cursor *cursors = calloc(seen->run_count, sizeof(*cursors));
    if (!cursors)
        return err_memory(err);
    int status = 0;
    for (size_t i = 0; i < seen->run_count && status == 0; i++) {
        cursors[i].run = &seen->runs[i];
        total += seen->runs[i].count;
        status = cursor_fill(&cursors[i], err);
    }
    if (status == 0 && (status = run_open(&merged, total, err)) == 0) {
        status = merge_into(&merged, cursors, seen->run_count, err);
        if (status)
            run_close(&merged);
    }
    free(cursors);
    if (status)
        return -1;
    for (size_t i = 0; i < seen->run_count; i++)
        run_close(&seen->runs[i]);
    seen->runs[0] = merged;
    seen->run_count = 1;
    return 0;
}

/* ---- the table ---- */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Writes the table as a run and empties it. */
static int spill(struct user_seen *seen, struct err *err)
{
    struct run *run = &seen->runs[seen->run_count];
    size_t count = 0;
    if (run_open(run, seen->used, err))
        return -1;
    for (size_t i = 0; i <= seen->slot_mask; i++)
        if (seen->slots[i])
            seen->slots[count++] = seen->slots[i];
    qsort(seen->slots, count, sizeof(*seen->slots), by_value);
    for (size_t i = 0; i < count; i++)
        bloom_add(seen, seen->slots[i]);
    seen->run_count++;
    for (size_t i = 0; i < count; i += BLOCK_KEYS)
        if (run_append(run, seen->slots + i, count - i < BLOCK_KEYS ? count - i : BLOCK_KEYS, err))
            return -1;
    memset(seen->slots, 0, (seen->slot_mask + 1) * sizeof(*seen->slots));
    seen->used = 0;
    seen->spilled = true;
    return seen->run_count > RUNS_MAX ? merge_runs(seen, err) : 0;
}

static uint64_t *slot_of(struct user_seen *seen, uint64_t key)
{
    size_t i = key & seen->slot_mask;
    while (seen->slots[i] && seen->slots[i] != key)
        i = (i + 1) & seen->slot_mask;
    return &seen->slots[i];
}

/* 1 if the key is known, 0 if not, -1 with err. */
static int has(struct user_seen *seen, uint64_t key, struct err *err)
{
    if (*slot_of(seen, key))
        return 1;
    if (!seen->spilled || !bloom_may_have(seen, key))
        return 0;
    for (size_t i = 0; i < seen->run_count; i++) {
        int found = run_has(&seen->runs[i], key, err);
        if (found)
            return found;
    }
    return 0;
}

static int add(struct user_seen *seen, uint64_t key, struct err *err)
{
    if (seen->used >= (seen->slot_mask + 1) / 4 * 3 && spill(seen, err))
        return -1;
    uint64_t *slot = slot_of(seen, key);
    seen->used += *slot == 0;
    *slot = key;
    return 0;
}

/* ---- the face ---- */

int user_seen_new_sized(struct user_seen **out, const struct user_seen_sizes *sizes,
                        struct err *err)
{
    struct user_seen *seen = calloc(1, sizeof(*seen));
    if (!seen)
        return err_memory(err);
    seen->key = hash_key_random();
    seen->slot_mask = sizes->slots - 1;
    seen->bloom_mask = sizes->bloom_bits - 1;
    seen->slots = calloc(sizes->slots, sizeof(*seen->slots));
    seen->bloom = calloc(sizes->bloom_bits / 64, sizeof(*seen->bloom));
    if (!seen->slots || !seen->bloom) {
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
    for (size_t i = 0; i < seen->run_count; i++)
        run_close(&seen->runs[i]);
    free(seen->slots);
    free(seen->bloom);
    free(seen);
}

/* The key of a value of a kind, letters folded; never 0. */
static uint64_t key_of(const struct user_seen *seen, char kind, struct text value)
{
    char folded[1 + 1024];
    size_t len = value.len < sizeof(folded) - 1 ? value.len : sizeof(folded) - 1;
    bool fold = kind != 'i';
    folded[0] = kind;
    for (size_t i = 0; i < len; i++) {
        char c = value.at[i];
        folded[1 + i] = fold && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    uint64_t key = hash_text(&seen->key, (struct text){folded, len + 1});
    return key ? key : 1;
}

struct claim {
    uint64_t key;
    enum user_reason reason;
};

static void claim_list(const struct user_seen *seen, char kind, enum user_reason reason,
                       const struct user_identifiers *list, struct claim *claims, size_t *count)
{
    for (size_t i = 0; i < list->count && *count < KEYS_MAX; i++)
        claims[(*count)++] = (struct claim){key_of(seen, kind, list->at[i].value), reason};
}

int user_seen_claim(struct user_seen *seen, const struct user *user, struct user_reject *reject,
                    struct err *err)
{
    struct claim claims[KEYS_MAX];
    size_t count = 0;
    struct user_identifier name = {user->username, true};
    struct user_identifiers names = {&name, user->username.len > 0};
    claims[count++] =
        (struct claim){key_of(seen, 'i', user->external_id), USER_REASON_duplicate_id};
    claim_list(seen, 'e', USER_REASON_duplicate_email, &user->email_address, claims, &count);
    claim_list(seen, 'p', USER_REASON_duplicate_phone, &user->phone_number, claims, &count);
    claim_list(seen, 'u', USER_REASON_duplicate_username, &names, claims, &count);
    for (size_t i = 0; i < count; i++) {
        int found = has(seen, claims[i].key, err);
        if (found < 0)
            return -1;
        if (found) {
            user_reject(reject, claims[i].reason, "%s", user_reason_meaning(claims[i].reason));
            return (int)claims[i].reason;
        }
    }
    for (size_t i = 0; i < count; i++)
        if (add(seen, claims[i].key, err))
            return -1;
    return USER_ACCEPTED;
}
