/*
 * sandbox/filter: the query of GET /users and GET /users/count as SQL.
 *
 * A list filter takes up to 100 values. A leading "-" excludes, a leading "+" is stripped, so a literal
 * value is sent with "+" in front. A phone number starts with "+" itself, so there only a second one is
 * stripped.
 */
#ifndef USHER_SANDBOX_FILTER_H
#define USHER_SANDBOX_FILTER_H

#include "sandbox/call.h"

#define FILTER_LIST_MAX 100

struct filter_bind {
    struct text t; /* or, if t is absent, the number */
    int64_t number;
};

struct filter {
    struct buf where; /* "" or " WHERE …" with ?1, ?2 … */
    struct filter_bind *binds;
    size_t bind_count, bind_room;
    bool
        selective; /* some list of values narrows it down: better look these up than walk in order */
};

/* No condition yet. Returns false after refusing; filter_release in either case. */
bool filter_begin(struct call *call, struct filter *filter);
/* Begins, and reads the call's query about users. Returns false after refusing; filter_release in either case. */
bool filter_read(struct call *call, struct filter *filter);
void filter_release(struct filter *filter);

/* Adds the list of values of a parameter: condition has a %s where "IN (…)" goes. Returns false after refusing. */
bool filter_add_list(struct call *call, struct filter *filter, const char *param,
                     const char *condition);
/* Adds a condition with one %s where its value goes ("u.seq < %s"). */
bool filter_add(struct call *call, struct filter *filter, const char *condition,
                struct filter_bind value);

/* Compiles "head where tail" and binds. NULL with err. The caller ends it with sql_finish. */
struct sql_query *filter_query(const struct filter *filter, struct sql *sql, const char *head,
                               const char *tail, struct err *err);

/* What "SELECT count(*) FROM …" finds. Returns false after refusing. */
bool filter_count(struct call *call, const struct filter *filter, const char *head, int64_t *count);

/* One value of a list: strips its sign; *exclude tells "-". See above for phone numbers. */
struct text filter_value(struct text value, bool phone, bool *exclude);

/* The pattern for LIKE … ESCAPE '\' that finds t anywhere. Absent when memory is out. */
struct text filter_pattern(struct text t, struct arena *arena);

#endif
