/*
 * A run is keys in ascending order, 8 bytes each in the byte order of the machine, in blocks of 512
 * (4 KiB; the last may be shorter), in an unlinked temporary file of its own. In memory a run has its
 * fences, the first key of each block.
 *
 * A look-up asks a Bloom filter over everything that was ever added; only if that says "maybe", one block
 * of each run is read, which the fences name. The filter is cut into lines of 512 bits, so that asking
 * touches one line of the processor's cache: the upper half of a key says which line, three times nine
 * bits of the lower half say which bits in it. Adding goes through the lines in order, as keys ascend.
 *
 * There are never more than four runs: the fifth is merged with the others into one. The merge reads and
 * writes block by block.
 */
#include "user/seen_spill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_KEYS 512
#define LINE_BITS  512
#define LINE_WORDS (LINE_BITS / 64)
#define KEY_BITS   3

/* ---- the filter ---- */

static uint64_t *line_of(const struct seen_spill *spill, uint64_t key)
{
    uint64_t lines = spill->bloom_bits / LINE_BITS;
    return spill->bloom + ((key >> 32) * lines >> 32) * LINE_WORDS;
}

static void bloom_add(struct seen_spill *spill, uint64_t key)
{
    uint64_t *line = line_of(spill, key);
    for (unsigned i = 0; i < KEY_BITS; i++) {
        unsigned bit = key >> 9 * i & (LINE_BITS - 1);
        line[bit / 64] |= UINT64_C(1) << bit % 64;
    }
}

static bool bloom_may_have(const struct seen_spill *spill, uint64_t key)
{
    const uint64_t *line = line_of(spill, key);
    bool all = true;
    for (unsigned i = 0; i < KEY_BITS; i++) {
        unsigned bit = key >> 9 * i & (LINE_BITS - 1);
        all = all && line[bit / 64] >> bit % 64 & 1;
    }
    return all;
}

static int bloom_make(struct seen_spill *spill, struct err *err)
{
    size_t size = (size_t)(spill->bloom_bits / 8);
    if (spill->bloom) /* of an add that failed */
        memset(spill->bloom, 0, size);
    else
        spill->bloom = pages_new(size);
    return spill->bloom ? 0 : err_memory(err);
}

/* ---- runs ---- */

/* Makes an empty run with room for count keys. */
static int run_open(struct seen_run *run, uint64_t count, struct err *err)
{
    run->count = 0;
    run->fd = scratch_open(err);
    if (run->fd < 0)
        return -1;
    run->fences = malloc((count / BLOCK_KEYS + 1) * sizeof(*run->fences));
    if (run->fences)
        return 0;
    close(run->fd);
    return err_memory(err);
}

static void run_close(struct seen_run *run)
{
    close(run->fd);
    free(run->fences);
}

static int write_all(int fd, const char *at, size_t left, struct err *err)
{
    while (left > 0) {
        ssize_t wrote = write(fd, at, left);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return err_set(err, ERR_IO,
                           "the temporary file for finding duplicates cannot grow: %s; set TMPDIR "
                           "to a disk with room (64 bytes a user are plenty)",
                           wrote < 0 ? strerror(errno) : "nothing was written");
        at += wrote;
        left -= (size_t)wrote;
    }
    return 0;
}

/* Appends up to a block of keys; all blocks but the last must be whole. */
static int run_append(struct seen_run *run, const uint64_t *keys, size_t count, struct err *err)
{
    run->fences[run->count / BLOCK_KEYS] = keys[0];
    run->count += count;
    return write_all(run->fd, (const char *)keys, count * sizeof(*keys), err);
}

/* Reads block `index` of a run; returns how many keys it has, or -1. */
static ssize_t run_block(const struct seen_run *run, uint64_t index, uint64_t keys[BLOCK_KEYS],
                         struct err *err)
{
    uint64_t first = index * BLOCK_KEYS;
    size_t count = run->count - first < BLOCK_KEYS ? (size_t)(run->count - first) : BLOCK_KEYS;
    if (scratch_read(run->fd, keys, count * sizeof(*keys), (off_t)(first * sizeof(*keys))))
        return err_set(err, ERR_IO, "the temporary file for finding duplicates cannot be read: %s",
                       errno ? strerror(errno) : "it was cut short");
    return (ssize_t)count;
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

static int run_has(const struct seen_run *run, uint64_t key, struct err *err)
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
    const struct seen_run *run;
    uint64_t block; /* the next one to read */
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

static int merge_into(struct seen_run *to, struct cursor *cursors, size_t count, struct err *err)
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

/* Makes one run of all runs; on failure they stay as they are. */
static int merge_runs(struct seen_spill *spill, struct err *err)
{
    struct cursor cursors[SEEN_RUNS_MAX + 1] = {0};
    struct seen_run merged;
    uint64_t total = 0;
    for (size_t i = 0; i < spill->run_count; i++) {
        cursors[i].run = &spill->runs[i];
        total += spill->runs[i].count;
        if (cursor_fill(&cursors[i], err))
            return -1;
    }
    if (run_open(&merged, total, err))
        return -1;
    if (merge_into(&merged, cursors, spill->run_count, err)) {
        run_close(&merged);
        return -1;
    }
    for (size_t i = 0; i < spill->run_count; i++)
        run_close(&spill->runs[i]);
    spill->runs[0] = merged;
    spill->run_count = 1;
    return 0;
}

/* ---- the face ---- */

void seen_spill_init(struct seen_spill *spill, uint64_t bloom_bits)
{
    *spill = (struct seen_spill){.bloom_bits = bloom_bits};
}

void seen_spill_release(struct seen_spill *spill)
{
    for (size_t i = 0; i < spill->run_count; i++)
        run_close(&spill->runs[i]);
    pages_free(spill->bloom, (size_t)(spill->bloom_bits / 8));
    seen_spill_init(spill, spill->bloom_bits);
}

int seen_spill_add(struct seen_spill *spill, const uint64_t *keys, size_t count, struct err *err)
{
    struct seen_run run;
    if (spill->run_count > SEEN_RUNS_MAX && merge_runs(spill, err))
        return -1; /* a merge that failed before */
    if ((spill->run_count == 0 && bloom_make(spill, err)) || run_open(&run, count, err))
        return -1;
    for (size_t i = 0; i < count; i += BLOCK_KEYS) {
        if (run_append(&run, keys + i, count - i < BLOCK_KEYS ? count - i : BLOCK_KEYS, err)) {
            run_close(&run);
            return -1;
        }
    }
    for (size_t i = 0; i < count; i++)
        bloom_add(spill, keys[i]);
    spill->runs[spill->run_count++] = run;
    return spill->run_count > SEEN_RUNS_MAX ? merge_runs(spill, err) : 0;
}

int seen_spill_has(const struct seen_spill *spill, uint64_t key, struct err *err)
{
    int found = 0;
    if (spill->run_count == 0 || !bloom_may_have(spill, key))
        return 0;
    for (size_t i = 0; i < spill->run_count && found == 0; i++)
        found = run_has(&spill->runs[i], key, err);
    return found;
}
