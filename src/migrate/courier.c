/*
 * Parcels that may leave now wait in a queue, those for later in a list ordered by the time they are due;
 * the pace decides about the first. Requests are
 * counted second by second in a ring of ten, which gives the rate for the progress line.
 */
#include "migrate/courier.h"

#include <stdlib.h>

#include "clerk/clerk.h"

#define ANSWER_MAX   ((size_t)32 << 20) /* a look-up answers with up to 500 users */
#define IN_FLIGHT    512                /* 1,000 requests a second at half a second of latency */
#define PATIENCE_US  INT64_C(300000000)
#define UNSENT_US    INT64_C(250000) /* first pause before a request that never left is sent again */
#define SECOND_US    INT64_C(1000000)
#define RATE_SECONDS 10

struct courier {
    struct target *target;
    struct pace pace;
    struct parcel *first, *last; /* to leave now */
    struct parcel *later;        /* by due, the earliest first */
    uint32_t waiting;
    uint64_t requests, refused;
    int64_t patience_us;
    int64_t silent_since; /* first failure since the last answer; 0: none */
    struct err last_err;  /* of that silence */
    int64_t opened;
    int64_t second[RATE_SECONDS];
    uint32_t count[RATE_SECONDS];
};

/* Requests a window that the target's kind of key, --rate and --share allow; 0: no limit. */
static uint32_t allowance(const struct migrate_target *target, int64_t *window_us)
{
    struct clerk_limits limits = clerk_limits_of(clerk_key_instance(target->key));
    *window_us = (int64_t)limits.window_ms * 1000;
    if (target->unlimited)
        return 0;
    uint64_t requests = limits.requests;
    if (target->rate)
        requests = (uint64_t)target->rate * (uint64_t)(*window_us / SECOND_US);
    if (target->share)
        requests = requests * target->share / 100;
    return requests ? (uint32_t)requests : 1;
}

int courier_open(struct courier **out, const struct migrate_target *target, struct err *err)
{
    int64_t window_us;
    uint32_t requests = allowance(target, &window_us);
    struct courier *courier = calloc(1, sizeof(*courier));
    if (!courier)
        return err_memory(err);
    if (pace_init(&courier->pace, requests, window_us, err)) {
        free(courier);
        return -1;
    }
    pace_spent(&courier->pace, target->spent, target->spent_us);
    struct target_opts opts = {.api_url = target->api_url.at,
                               .key = target->key,
                               .answer_max = ANSWER_MAX,
                               .in_flight_max = IN_FLIGHT};
    if (target_open(&courier->target, &opts, err)) {
        pace_release(&courier->pace);
        free(courier);
        return -1;
    }
    courier->patience_us = target->patience_us ? target->patience_us : PATIENCE_US;
    courier->opened = clock_now_us();
    *out = courier;
    return 0;
}

void courier_close(struct courier *courier)
{
    if (!courier)
        return;
    target_close(courier->target);
    pace_release(&courier->pace);
    free(courier);
}

static void insert_later(struct courier *courier, struct parcel *parcel)
{
    struct parcel **at = &courier->later;
    while (*at && (*at)->due <= parcel->due)
        at = &(*at)->next;
    parcel->next = *at;
    *at = parcel;
}

void courier_post(struct courier *courier, struct parcel *parcel, int64_t delay_us)
{
    parcel->courier = courier;
    parcel->next = NULL;
    parcel->due = delay_us > 0 ? clock_now_us() + delay_us : 0;
    courier->waiting++;
    if (parcel->due) {
        insert_later(courier, parcel);
        return;
    }
    if (courier->first)
        courier->last->next = parcel;
    else
        courier->first = parcel;
    courier->last = parcel;
}

/* Takes a parcel out of the list that begins at *list. */
static bool take_out(struct parcel **list, const struct parcel *parcel)
{
    for (struct parcel **at = list; *at; at = &(*at)->next) {
        if (*at != parcel)
            continue;
        *at = parcel->next;
        return true;
    }
    return false;
}

bool courier_recall(struct courier *courier, struct parcel *parcel)
{
    if (!take_out(&courier->later, parcel) && !take_out(&courier->first, parcel))
        return false;
    courier->waiting--;
    courier->last = courier->first;
    while (courier->last && courier->last->next)
        courier->last = courier->last->next;
    return true;
}

/* Takes the next parcel that is due; NULL if there is none, *wait then gets when to look again. */
static struct parcel *take_due(struct courier *courier, int64_t now, int64_t *wait)
{
    struct parcel **list =
        courier->later && courier->later->due <= now ? &courier->later : &courier->first;
    struct parcel *parcel = *list;
    if (parcel) {
        *list = parcel->next;
        courier->waiting--;
    } else if (courier->later && courier->later->due - now < *wait) {
        *wait = courier->later->due - now;
    }
    return parcel;
}

static void count_request(struct courier *courier, int64_t now)
{
    int64_t second = now / SECOND_US;
    size_t slot = (size_t)(second % RATE_SECONDS);
    if (courier->second[slot] != second) {
        courier->second[slot] = second;
        courier->count[slot] = 0;
    }
    courier->count[slot]++;
    courier->requests++;
}

/* Doubles from one try to the next up to 16 s, with the upper half at random. */
static int64_t backoff(uint32_t tries)
{
    int64_t most = UNSENT_US << (tries < 6 ? tries : 6);
    return most / 2 + (int64_t)random_below((uint64_t)most / 2);
}

static void on_answer(void *arg, const struct target_answer *answer)
{
    struct parcel *parcel = arg;
    struct courier *courier = parcel->courier;
    int64_t now = clock_now_us();
    if (answer->result == TARGET_ANSWERED) {
        courier->silent_since = 0;
    } else {
        courier->last_err = answer->err;
        if (!courier->silent_since)
            courier->silent_since = now;
    }
    pace_answered(&courier->pace, parcel->ticket, now);
    if (answer->result == TARGET_ANSWERED && answer->status == 429) {
        courier->refused++;
        pace_refused(&courier->pace, now,
                     answer->retry_after_us >= 0 ? answer->retry_after_us : SECOND_US);
        courier_post(courier, parcel, 0);
    } else if (answer->result == TARGET_UNSENT) {
        courier_post(courier, parcel, backoff(parcel->unsent++));
    } else {
        parcel->unsent = 0;
        parcel->done(parcel, answer);
    }
}

static int send_parcel(struct courier *courier, struct parcel *parcel, int64_t now, struct err *err)
{
    struct target_request request = {
        .method = parcel->method,
        .path = parcel->path,
        .body = parcel->body,
        .done = on_answer,
        .arg = parcel,
    };
    parcel->ticket = pace_sent(&courier->pace, now);
    count_request(courier, now);
    return target_send(courier->target, &request, err);
}

/* Sends what is due and the pace allows; *wait becomes shorter if more will be before it is over. */
static int send_due(struct courier *courier, int64_t now, int64_t *wait, struct err *err)
{
    while (courier->waiting > 0 &&
           target_in_flight(courier->target) < target_in_flight_max(courier->target)) {
        int64_t pace = pace_ask(&courier->pace, now);
        if (pace > 0) {
            *wait = pace < *wait ? pace : *wait;
            return 0;
        }
        struct parcel *parcel = take_due(courier, now, wait);
        if (!parcel)
            return 0;
        if (send_parcel(courier, parcel, now, err))
            return -1;
    }
    return 0;
}

static int out_of_patience(const struct courier *courier, int64_t now, struct err *err)
{
    if (!courier->silent_since || now - courier->silent_since <= courier->patience_us)
        return 0;
    return err_set(
        err, ERR_NETWORK,
        "no answer for %lld s (%s); what was sent is in the ledger, run the same command "
        "again to go on",
        (long long)((now - courier->silent_since) / SECOND_US), courier->last_err.message);
}

int courier_work(struct courier *courier, int64_t wait_us, struct err *err)
{
    int64_t now = clock_now_us();
    if (send_due(courier, now, &wait_us, err) || out_of_patience(courier, now, err))
        return -1;
    return target_wait(courier->target, wait_us, err);
}

void courier_wake(struct courier *courier)
{
    target_wake(courier->target);
}

uint32_t courier_in_flight(const struct courier *courier)
{
    return target_in_flight(courier->target);
}

uint32_t courier_waiting(const struct courier *courier)
{
    return courier->waiting;
}

uint32_t courier_within(const struct courier *courier, int64_t us)
{
    const struct pace *pace = &courier->pace;
    if (pace->requests == 0)
        return UINT32_MAX;
    return (uint32_t)((int64_t)pace->requests * us / pace->window_us) + 1;
}

uint32_t courier_room(const struct courier *courier)
{
    return target_in_flight_max(courier->target);
}

uint64_t courier_requests(const struct courier *courier)
{
    return courier->requests;
}

uint64_t courier_refused(const struct courier *courier)
{
    return courier->refused;
}

double courier_rate(const struct courier *courier)
{
    int64_t now = clock_now_us(), from = now / SECOND_US - RATE_SECONDS + 1;
    uint64_t sum = 0;
    for (size_t i = 0; i < RATE_SECONDS; i++)
        if (courier->second[i] >= from)
            sum += courier->count[i];
    double seconds = (double)(now - courier->opened) / (double)SECOND_US;
    if (courier->pace.requests > 0 || seconds > RATE_SECONDS)
        seconds = RATE_SECONDS; /* the limit is one for such a window */
    return (double)sum / (seconds < 1 ? 1 : seconds);
}

double courier_allowance(const struct courier *courier)
{
    if (courier->pace.requests == 0)
        return 0;
    return courier->pace.requests / ((double)courier->pace.window_us / (double)SECOND_US);
}
