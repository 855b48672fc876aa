/*
 * Who is unchanged, without looking them up. A later export in another order than the rows have would read a page of the
 * index and a page of the table for each user. Once that has happened often enough, all users that are done are
 * walked through, in the order in which they lie, and put down by what they are and have: 12 bytes each. From then
 * on an unchanged user costs a look at that, and everybody else, who is not found in it, is looked up as before.
 *
 * An entry is a keyed hash of external id and content, and the number of the row. It stands in a bucket of 32, which
 * the hash names; an entry for which there is no room is left out. The buckets are in memory, as long as they are no
 * more than 24 MiB (1.2 million users), else in a temporary file, where a user costs one short read.
 *
 * The file is made in two steps, so that memory stays small: entries are appended to the part of the file that their
 * bucket is in, a part being 768 KiB; then each part is read, put in order and written back.
 */
#include "ledger/store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUCKET_ENTRIES 32
#define BUCKET_FILL    20 /* on average */
#define PART_BUCKETS   2048
#define PART_ENTRIES   ((size_t)PART_BUCKETS * BUCKET_ENTRIES)
#define PEN_ENTRIES    256  /* of a part, in memory before they are appended */
#define MISSES_MIN     1024 /* look-ups before a file may be worth it … */
#define MISSES_SHARE   256  /* … and as a share of all users */
#define MEMORY_MAX     ((size_t)24 << 20)

struct entry {
    uint32_t hash[2], number; /* number 0: none */
};

static struct entry entry_of(const struct ledger *ledger, struct text external_id, uint64_t sum,
                             int64_t number)
{
    uint64_t both[2] = {hash_text(&ledger->key, external_id), sum};
    uint64_t hash = hash_text(&ledger->key, (struct text){(const char *)both, sizeof(both)});
    return (struct entry){{(uint32_t)(hash >> 32), (uint32_t)hash}, (uint32_t)number};
}

static size_t bucket_of(const struct ledger_unchanged *unchanged, const struct entry *entry)
{
    return (size_t)(entry->hash[0] * unchanged->buckets >> 32);
}

/* Puts an entry into its bucket, if there is room. */
static void put(struct entry *bucket, const struct entry *entry)
{
    for (size_t i = 0; i < BUCKET_ENTRIES; i++)
        if (bucket[i].number == 0) {
            bucket[i] = *entry;
            return;
        }
}

/* ---- making the file ---- */

/* What is to be appended to one part. */
struct pen {
    size_t written, count;
    struct entry entries[PEN_ENTRIES];
};

static off_t part_at(size_t part)
{
    return (off_t)(part * PART_ENTRIES * sizeof(struct entry));
}

static int pen_empty(int fd, struct pen *pen, size_t part)
{
    size_t room = PART_ENTRIES - pen->written;
    size_t count = pen->count < room ? pen->count : room;
    off_t at = part_at(part) + (off_t)(pen->written * sizeof(struct entry));
    pen->written += count;
    pen->count = 0;
    return scratch_write(fd, pen->entries, count * sizeof(struct entry), at);
}

static int append(const struct ledger_unchanged *unchanged, struct pen *pens,
                  const struct entry *entry)
{
    size_t bucket = bucket_of(unchanged, entry), part = bucket / PART_BUCKETS;
    if (unchanged->table) {
        put((struct entry *)unchanged->table + bucket * BUCKET_ENTRIES, entry);
        return 0;
    }
    struct pen *pen = &pens[part];
    if (pen->count == PEN_ENTRIES && pen_empty(unchanged->fd, pen, part))
        return -1;
    pen->entries[pen->count++] = *entry;
    return 0;
}

/* Puts all users that are done into the pens. Returns 0, -1 (the ledger cannot be read), or 1 (the file cannot be written). */
static int walk(struct ledger *ledger, struct pen *pens, struct err *err)
{
    struct ledger_unchanged *unchanged = &ledger->unchanged;
    const struct ledger_user *user;
    struct ledger_walk users;
    int got = 0, status = 0;
    ledger_walk_begin(&users, ledger);
    while (status == 0 && (got = ledger_walk_next(&users, &user, err)) > 0) {
        struct entry entry =
            entry_of(ledger, user->external_id, unchanged->sum(user->hashes), user->number);
        if (user->state == LEDGER_DONE && user->number <= UINT32_MAX &&
            append(unchanged, pens, &entry))
            status = 1;
    }
    ledger_walk_end(&users);
    return got < 0 ? -1 : status;
}

/* From the order in which the entries of a part came into that of its buckets. */
static int arrange(const struct ledger_unchanged *unchanged, const struct pen *pen, size_t part,
                   struct entry *from, struct entry *to)
{
    if (scratch_read(unchanged->fd, from, pen->written * sizeof(*from), part_at(part)))
        return -1;
    memset(to, 0, PART_ENTRIES * sizeof(*to));
    for (size_t i = 0; i < pen->written; i++)
        put(to + bucket_of(unchanged, &from[i]) % PART_BUCKETS * BUCKET_ENTRIES, &from[i]);
    return scratch_write(unchanged->fd, to, PART_ENTRIES * sizeof(*to), part_at(part));
}

static int arrange_all(const struct ledger_unchanged *unchanged, struct pen *pens, size_t parts)
{
    struct entry *from = malloc(PART_ENTRIES * sizeof(*from));
    struct entry *to = malloc(PART_ENTRIES * sizeof(*to));
    int status = from && to ? 0 : 1;
    for (size_t part = 0; status == 0 && part < parts; part++)
        if (pen_empty(unchanged->fd, &pens[part], part) ||
            arrange(unchanged, &pens[part], part, from, to))
            status = 1;
    free(from);
    free(to);
    return status;
}

/* Makes the file. Returns as walk. */
static int make_file(struct ledger *ledger, struct err *err)
{
    struct ledger_unchanged *unchanged = &ledger->unchanged;
    struct err ignored;
    size_t parts = (size_t)(unchanged->buckets / PART_BUCKETS + 1);
    struct pen *pens = calloc(parts, sizeof(*pens));
    unchanged->fd = pens ? scratch_open(&ignored) : -1;
    int status = unchanged->fd >= 0 ? walk(ledger, pens, err) : 1;
    if (status == 0)
        status = arrange_all(unchanged, pens, parts);
    free(pens);
    return status;
}

/* Makes table or file; without memory or room there is none. -1: the ledger cannot be read. */
static int make(struct ledger *ledger, uint64_t users, struct err *err)
{
    struct ledger_unchanged *unchanged = &ledger->unchanged;
    unchanged->made = true;
    unchanged->buckets = users / BUCKET_FILL + 1;
    size_t size = (size_t)unchanged->buckets * BUCKET_ENTRIES * sizeof(struct entry);
    if (size <= unchanged->memory_max)
        unchanged->table = calloc(1, size);
    int status = unchanged->table ? walk(ledger, NULL, err) : make_file(ledger, err);
    unchanged->ready = status == 0;
    if (status != 0)
        ledger_unchanged_release(ledger);
    return status < 0 ? -1 : 0;
}

/* ---- asking ---- */

static bool look(struct ledger *ledger, struct text external_id, uint64_t sum, int64_t *number)
{
    struct ledger_unchanged *unchanged = &ledger->unchanged;
    struct entry read[BUCKET_ENTRIES];
    struct entry wanted = entry_of(ledger, external_id, sum, 0);
    size_t bucket = bucket_of(unchanged, &wanted);
    const struct entry *at = (const struct entry *)unchanged->table + bucket * BUCKET_ENTRIES;
    if (!unchanged->table) {
        at = read;
        if (scratch_read(unchanged->fd, read, sizeof(read), (off_t)(bucket * sizeof(read)))) {
            ledger_unchanged_release(ledger);
            return false;
        }
    }
    for (size_t i = 0; i < BUCKET_ENTRIES && at[i].number != 0; i++)
        if (at[i].hash[1] == wanted.hash[1] && at[i].hash[0] == wanted.hash[0]) {
            *number = at[i].number;
            return true;
        }
    return false;
}

int ledger_is_unchanged(struct ledger *ledger, struct text external_id, uint64_t sum,
                        int64_t *number, bool *is, struct err *err)
{
    struct ledger_unchanged *unchanged = &ledger->unchanged;
    uint64_t counts[LEDGER_STATE_COUNT];
    *is = false;
    if (!unchanged->made && unchanged->sum && unchanged->misses >= unchanged->misses_next) {
        if (ledger_count(ledger, counts, err))
            return -1;
        unchanged->misses_next = counts[LEDGER_DONE] / MISSES_SHARE + MISSES_MIN;
        if (unchanged->misses >= unchanged->misses_next && make(ledger, counts[LEDGER_DONE], err))
            return -1;
    }
    if (unchanged->ready)
        *is = look(ledger, external_id, sum, number);
    return 0;
}

void ledger_unchanged_init(struct ledger *ledger, const struct ledger_opts *opts)
{
    ledger->unchanged = (struct ledger_unchanged){
        .sum = opts->sum,
        .memory_max = opts->sums_max ? opts->sums_max : MEMORY_MAX,
        .fd = -1,
        .misses_next = MISSES_MIN,
    };
}

void ledger_unchanged_release(struct ledger *ledger)
{
    struct ledger_unchanged *unchanged = &ledger->unchanged;
    if (unchanged->fd >= 0)
        close(unchanged->fd);
    free(unchanged->table);
    unchanged->fd = -1;
    unchanged->table = NULL;
    unchanged->ready = false;
}
