#include "trickle/book.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)

struct book {
    char *path, *instance;
    pthread_mutex_t lock;  /* of what follows */
    struct ledger *ledger; /* NULL after a failure, until it is opened again */
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
    pthread_mutex_lock(&book->lock);
    if (book->ledger || open_ledger(book, err) == 0)
        return 0;
    book->ledger = NULL;
    pthread_mutex_unlock(&book->lock);
    return -1;
}

/* Leaves; a ledger that failed is closed, as it does nothing more. */
static int leave(struct book *book, int result)
{
    if (result != 0) {
        ledger_close(book->ledger);
        book->ledger = NULL;
    }
    pthread_mutex_unlock(&book->lock);
    return result;
}

static int commit(struct book *book, int result, struct err *err)
{
    return result == 0 ? ledger_commit(book->ledger, err) : result;
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
    return leave(book, result);
}

int book_key(struct book *book, struct hash_key *key, struct err *err)
{
    if (enter(book, err) != 0)
        return -1;
    *key = *ledger_key(book->ledger);
    return leave(book, 0);
}

int book_claim(struct book *book, struct text external_id, struct text record, struct arena *arena,
               struct ledger_claim *claim, struct err *err)
{
    const struct ledger_user row = {
        .external_id = external_id, .hashes = record, .state = LEDGER_SENDING, .attempts = 1};
    if (enter(book, err) != 0)
        return -1;
    int result = ledger_claim(book->ledger, &row, arena, claim, err);
    return leave(book, commit(book, result, err));
}

int book_settle(struct book *book, const struct ledger_user *user, struct err *err)
{
    struct ledger_user row = *user;
    row.attempts = 1;
    if (enter(book, err) != 0)
        return -1;
    int result = ledger_put(book->ledger, &row, err);
    return leave(book, commit(book, result, err));
}

/* The counter of the hour that is `ago` hours back; its key in `text`. */
static struct text hour_key(int64_t ago, char text[24], int64_t *expires_ms)
{
    int64_t hour = clock_wall_ms() / HOUR_MS - ago;
    snprintf(text, 24, "%lld", (long long)hour);
    *expires_ms = (hour + BOOK_HOURS + 1) * HOUR_MS;
    return text_of(text);
}

int book_settle_moved(struct book *book, const struct ledger_user *user, struct err *err)
{
    struct ledger_user row = *user;
    char key[24];
    int64_t expires_ms, sum, until_ms;
    struct text hour = hour_key(0, key, &expires_ms);
    row.attempts = 1;
    if (enter(book, err) != 0)
        return -1;
    int result = ledger_put(book->ledger, &row, err);
    if (result == 0)
        result = ledger_tally(book->ledger, "moved", hour, 1, expires_ms, &sum, &until_ms, err);
    return leave(book, commit(book, result, err));
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
        result = leave(book, ledger_tally_get(book->ledger, "moved", hour, &sum, err));
        hours[i] = (uint32_t)sum;
    }
    return result;
}

int book_tally(struct book *book, const char *kind, struct text key, int64_t add, int64_t seconds,
               int64_t *sum, int64_t *until_ms, struct err *err)
{
    if (enter(book, err) != 0)
        return -1;
    int result = ledger_tally(book->ledger, kind, key, add, clock_wall_ms() + seconds * 1000, sum,
                              until_ms, err);
    return leave(book, commit(book, result, err));
}

int book_once(struct book *book, const char *kind, struct text key, int64_t expires_ms, bool *first,
              struct err *err)
{
    if (enter(book, err) != 0)
        return -1;
    int result = ledger_once(book->ledger, kind, key, expires_ms, first, err);
    return leave(book, commit(book, result, err));
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
    return leave(book, commit(book, result, err));
}

int book_note(struct book *book, const char *kind, struct text key, int64_t expires_ms,
              struct err *err)
{
    if (enter(book, err) != 0)
        return -1;
    int result = ledger_value_put(book->ledger, kind, key, TEXT("1"), expires_ms, err);
    return leave(book, commit(book, result, err));
}

int book_done(struct book *book, uint64_t *count, struct err *err)
{
    uint64_t counts[LEDGER_STATE_COUNT] = {0};
    if (enter(book, err) != 0)
        return -1;
    int result = ledger_count(book->ledger, counts, err);
    *count = counts[LEDGER_DONE];
    return leave(book, result);
}

void book_tend(struct book *book)
{
    struct err err;
    if (enter(book, &err) == 0)
        leave(book, ledger_renew(book->ledger, &err));
}

int book_open(struct book **out, const char *path, struct text instance, struct err *err)
{
    struct book *book = calloc(1, sizeof(*book));
    if (!book)
        return err_memory(err);
    pthread_mutex_init(&book->lock, NULL);
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
    pthread_mutex_destroy(&book->lock);
    free(book->path);
    free(book->instance);
    free(book);
}
