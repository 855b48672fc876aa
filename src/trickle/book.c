/*
 * Commits: whoever has done its part of the transaction looks whether others are on their way to the ledger. If
 * so it leaves the commit to them and waits for it; the last one commits for all. A disk that takes 2 ms for a
 * commit is so asked once for all that came within them. Nobody waits for others that have not come yet.
 */
#include "trickle/book.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)

struct book {
    char *path, *instance;
    atomic_uint coming;      /* how many are on their way to the lock */
    pthread_mutex_t lock;    /* of what follows */
    struct ledger *ledger;   /* NULL after a failure, until it is opened again */
    pthread_cond_t over;     /* a batch has been committed, or has failed */
    uint64_t batch;          /* number of the one that is open or comes next */
    uint64_t failed;         /* number of the last one that failed */
    size_t waiting;          /* for the open batch */
    struct err failure;      /* why that was */
    struct book_claim *hand; /* claimed by this process and not settled */
};

static int open_ledger(struct book *book, struct err *err)
{
    const struct ledger_opts opts = {.path = book->path,
                                     .identity = {.instance = text_of(book->instance)}};
    return ledger_open(&book->ledger, &opts, err);
}

/* Enters; the ledger is there. Returns 0, or -1 without having entered. */
static int enter(struct book *book, struct err *err)
{
    atomic_fetch_add(&book->coming, 1);
    pthread_mutex_lock(&book->lock);
    atomic_fetch_sub(&book->coming, 1);
    if (book->ledger || open_ledger(book, err) == 0)
        return 0;
    book->ledger = NULL;
    pthread_mutex_unlock(&book->lock);
    return -1;
}

/* Ends the open batch for all who wait for it. A ledger that failed is closed, as it does nothing more. */
static int end_batch(struct book *book, int result, struct err *err)
{
    if (result == 0)
        result = ledger_commit(book->ledger, err);
    if (result != 0) {
        ledger_close(book->ledger);
        book->ledger = NULL;
        book->failed = book->batch;
        book->failure = *err;
    }
    book->batch++;
    book->waiting = 0;
    pthread_cond_broadcast(&book->over);
    return result;
}

/* Until somebody has ended the batch that this thread has a part in. */
static int wait_for_batch(struct book *book, struct err *err)
{
    uint64_t mine = book->batch;
    book->waiting++;
    while (book->batch == mine)
        pthread_cond_wait(&book->over, &book->lock);
    if (book->failed != mine)
        return 0;
    *err = book->failure;
    return -1;
}

/* Leaves after having written: what was written is durable, or it was not and so is nothing of the batch. */
static int leave(struct book *book, int result, struct err *err)
{
    if (result == 0 && atomic_load(&book->coming) > 0)
        result = wait_for_batch(book, err);
    else
        result = end_batch(book, result, err);
    pthread_mutex_unlock(&book->lock);
    return result;
}

/* Leaves after having read. Others may have counted on this thread for their commit. */
static int leave_read(struct book *book, int result, struct err *err)
{
    struct err failure;
    if (result != 0)
        end_batch(book, result, err);
    else if (book->waiting > 0 && atomic_load(&book->coming) == 0)
        end_batch(book, 0, &failure);
    pthread_mutex_unlock(&book->lock);
    return result;
}

int book_find(struct book *book, struct text external_id, struct arena *arena,
              struct text *clerk_id, struct err *err)
{
    struct ledger_user user;
    bool found = false;
    *clerk_id = (struct text){NULL, 0};
    if (enter(book, err) != 0)
        return -1;
    int result = ledger_find(book->ledger, external_id, arena, &user, &found, err);
    if (result == 0 && found && user.state == LEDGER_DONE)
        *clerk_id = user.clerk_id;
    return leave_read(book, result, err);
}

int book_key(struct book *book, struct hash_key *key, struct err *err)
{
    if (enter(book, err) != 0)
        return -1;
    *key = *ledger_key(book->ledger);
    return leave_read(book, 0, err);
}

/* --- counting --- */

static int tally(struct book *book, struct book_tally *tallies, size_t count, int64_t seconds,
                 struct err *err)
{
    int64_t until_ms = clock_wall_ms() + seconds * 1000;
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++)
        result = ledger_tally(book->ledger, tallies[i].kind, tallies[i].key, tallies[i].add,
                              until_ms, &tallies[i].sum, &tallies[i].until_ms, err);
    return result;
}

int book_tally(struct book *book, struct book_tally *tallies, size_t count, int64_t seconds,
               struct err *err)
{
    if (count == 0)
        return 0;
    if (enter(book, err) != 0)
        return -1;
    return leave(book, tally(book, tallies, count, seconds, err), err);
}

/* --- claims --- */

static struct book_claim **find_in_hand(struct book *book, struct text external_id)
{
    struct book_claim **at = &book->hand;
    while (*at && !text_same((*at)->external_id, external_id))
        at = &(*at)->next;
    return at;
}

static void take_out_of_hand(struct book *book, const struct book_claim *claim)
{
    struct book_claim **at = find_in_hand(book, claim->external_id);
    if (*at == claim)
        *at = claim->next;
}

/* The ledger knows one writer in this process: it would give it a user whom it has already. */
static int claim_in_turn(struct book *book, struct book_claim *claim, struct arena *arena,
                         struct err *err)
{
    const struct ledger_user row = {.external_id = claim->external_id,
                                    .hashes = claim->record,
                                    .state = LEDGER_SENDING,
                                    .attempts = 1};
    claim->found = (struct ledger_claim){.result = LEDGER_TAKEN};
    if (*find_in_hand(book, claim->external_id))
        return 0;
    int result = ledger_claim(book->ledger, &row, arena, &claim->found, err);
    if (result == 0 && claim->found.result == LEDGER_CLAIMED) {
        claim->next = book->hand;
        book->hand = claim;
    }
    return result;
}

int book_claim(struct book *book, struct book_claim *claim, struct arena *arena,
               struct book_tally *tallies, size_t count, struct err *err)
{
    if (enter(book, err) != 0)
        return -1;
    int result = claim_in_turn(book, claim, arena, err);
    if (result == 0)
        result = tally(book, tallies, count, 0, err);
    result = leave(book, result, err);
    if (result != 0) {
        pthread_mutex_lock(&book->lock);
        take_out_of_hand(book, claim);
        pthread_mutex_unlock(&book->lock);
    }
    return result;
}

/* The counter of the hour that is `ago` hours back; its key in `text`. */
static struct text hour_key(int64_t ago, char text[24], int64_t *expires_ms)
{
    int64_t hour = clock_wall_ms() / HOUR_MS - ago;
    snprintf(text, 24, "%lld", (long long)hour);
    *expires_ms = (hour + BOOK_HOURS + 1) * HOUR_MS;
    return text_of(text);
}

static int count_hour(struct book *book, struct err *err)
{
    char key[24];
    int64_t expires_ms, sum, until_ms;
    struct text hour = hour_key(0, key, &expires_ms);
    return ledger_tally(book->ledger, "moved", hour, 1, expires_ms, &sum, &until_ms, err);
}

/* Also of a ledger that cannot be opened now the claim is over. */
static int settle(struct book *book, struct book_claim *claim, const struct ledger_user *outcome,
                  bool counts, struct err *err)
{
    struct ledger_user row = *outcome;
    row.external_id = claim->external_id;
    row.attempts = 1;
    bool entered = enter(book, err) == 0;
    if (!entered)
        pthread_mutex_lock(&book->lock);
    take_out_of_hand(book, claim);
    if (!entered) {
        pthread_mutex_unlock(&book->lock);
        return -1;
    }
    int result = ledger_put(book->ledger, &row, err);
    if (result == 0 && counts)
        result = count_hour(book, err);
    return leave(book, result, err);
}

int book_settle(struct book *book, struct book_claim *claim, const struct ledger_user *outcome,
                struct err *err)
{
    return settle(book, claim, outcome, false, err);
}

int book_settle_moved(struct book *book, struct book_claim *claim,
                      const struct ledger_user *outcome, struct err *err)
{
    return settle(book, claim, outcome, true, err);
}

int book_hours(struct book *book, uint32_t hours[BOOK_HOURS], struct err *err)
{
    char key[24];
    int64_t expires_ms, sum = 0;
    int result = 0;
    for (size_t i = 0; result == 0 && i < BOOK_HOURS; i++) {
        if (enter(book, err) != 0)
            return -1;
        struct text hour = hour_key((int64_t)i, key, &expires_ms);
        result = ledger_tally_get(book->ledger, "moved", hour, &sum, err);
        result = leave_read(book, result, err);
        hours[i] = (uint32_t)sum;
    }
    return result;
}

/* --- the rest --- */

int book_once(struct book *book, const char *kind, struct text key, int64_t expires_ms, bool *first,
              struct err *err)
{
    if (enter(book, err) != 0)
        return -1;
    int result = ledger_once(book->ledger, kind, key, expires_ms, first, err);
    return leave(book, result, err);
}

int book_seen(struct book *book, const char *kind, struct text key, bool *seen, struct err *err)
{
    struct text value = {NULL, 0};
    struct arena arena;
    if (enter(book, err) != 0)
        return -1;
    arena_init(&arena, 4096);
    int result = ledger_value_get(book->ledger, kind, key, &arena, &value, err);
    *seen = value.at != NULL;
    arena_release(&arena);
    return leave_read(book, result, err);
}

int book_note(struct book *book, const char *kind, struct text key, int64_t expires_ms,
              struct err *err)
{
    if (enter(book, err) != 0)
        return -1;
    int result = ledger_value_put(book->ledger, kind, key, TEXT("1"), expires_ms, err);
    return leave(book, result, err);
}

int book_done(struct book *book, uint64_t *count, struct err *err)
{
    uint64_t counts[LEDGER_STATE_COUNT] = {0};
    if (enter(book, err) != 0)
        return -1;
    int result = ledger_count(book->ledger, counts, err);
    *count = counts[LEDGER_DONE];
    return leave_read(book, result, err);
}

void book_tend(struct book *book)
{
    struct err err;
    if (enter(book, &err) == 0)
        leave(book, ledger_renew(book->ledger, &err), &err);
}

int book_open(struct book **out, const char *path, struct text instance, struct err *err)
{
    struct book *book = calloc(1, sizeof(*book));
    if (!book)
        return err_memory(err);
    pthread_mutex_init(&book->lock, NULL);
    pthread_cond_init(&book->over, NULL);
    book->batch = 1;
    book->path = strdup(path);
    book->instance = strndup(instance.at, instance.len);
    int result = book->path && book->instance ? open_ledger(book, err) : err_memory(err);
    if (result != 0) {
        book->ledger = NULL;
        book_close(book);
        return -1;
    }
    *out = book;
    return 0;
}

void book_close(struct book *book)
{
    if (!book)
        return;
    if (book->ledger)
        ledger_close(book->ledger);
    pthread_cond_destroy(&book->over);
    pthread_mutex_destroy(&book->lock);
    free(book->path);
    free(book->instance);
    free(book);
}
