/*
 * connector: what a connector to a legacy system is made of. To add one: a file legacy_NAME.c that ends
 * in one `const struct legacy_ops`, a row in legacies.h, a section in docs/legacy.md.
 */
#ifndef USHER_TRICKLE_CONNECTOR_H
#define USHER_TRICKLE_CONNECTOR_H

#include <stdatomic.h>

#include "json/json.h"
#include "trickle/legacy.h"

enum legacy_setting {
#define SETTING(name, meaning) LEGACY_SETTING_##name,
    LEGACY_SETTINGS(SETTING)
#undef SETTING
        LEGACY_SETTING_COUNT
};

#define LEGACY_BIT(name) (UINT32_C(1) << LEGACY_SETTING_##name)

/* A question on its way through a connector, on one thread. */
struct legacy_job {
    struct text identifier;
    struct text password;    /* absent: only whether there is such a user */
    struct text address;     /* of the browser; may be absent */
    int64_t deadline_us;     /* clock_now_us; the answer is of no use after it */
    const atomic_bool *stop; /* true: the answer is of no use any more */
    struct arena *arena;     /* of the question */
    struct buf record;       /* for the connector: the user's record, a JSON object */
    struct user user;        /* filled by legacy_map */
    bool has_user;
    struct legacy *legacy; /* for legacy_map */
    struct err err;        /* for the connector: why it cannot tell, or says no */
};

struct legacy_ops {
    const char *name;
    uint32_t needs, takes; /* LEGACY_BIT of the settings */
    /* The mapping or platform of its records, unless the configuration gives one. */
    const char *(*from)(const struct legacy_opts *opts);
    /* Checks the settings, which outlive the system. Returns 0 or -1 (ERR_USAGE, ERR_MEMORY). */
    int (*open)(void **system, const struct legacy_opts *opts, struct err *err);
    void (*close)(void *system);
    /*
     * Asks and waits. Many threads at once. On YES it has put the user's record into job->record, or
     * already called legacy_map; on CANNOT_TELL job->err says why.
     */
    enum legacy_says (*ask)(void *system, struct legacy_job *job);
    /* Tells that a user was moved; NULL if it cannot be told. Returns 0 or -1 with err. */
    int (*moved)(void *system, const struct legacy_moved *moved, struct err *err);
    /* Which setting turns `moved` on. */
    uint32_t moved_by;
};

#define CONNECTOR(name) extern const struct legacy_ops legacy_ops_##name;
LEGACY_CONNECTORS(CONNECTOR)
#undef CONNECTOR

/* The mapping of OpenID Connect's claims (Core, 5.1), and of Cognito's attributes, which are named alike. */
#define LEGACY_FROM_CLAIMS                                                                         \
    "{\"fields\":{\"external_id\":\"{{sub}}\","                                                    \
    "\"email_address\":{\"value\":\"{{email}}\",\"verified\":\"{{email_verified}}\"},"             \
    "\"phone_number\":{\"value\":\"{{phone_number}}\",\"verified\":\"{{phone_number_verified}}\"}" \
    ","                                                                                            \
    "\"username\":\"{{asked.username}}\","                                                         \
    "\"first_name\":\"{{given_name}}\",\"last_name\":\"{{family_name}}\"}}"

/* Maps job->record onto job->user. Returns 0, or -1 with job->err saying why that cannot be done. */
int legacy_map(struct legacy_job *job);

/*
 * Writes, as a member of a record, "asked": what was asked for, {"identifier":…} and the same again as
 * "email", "phone" or "username" by its looks. For mappings of systems that show little of a user.
 */
void legacy_put_asked(struct json_out *out, const struct legacy_job *job);

/* Makes the job's record of the members of `object` and "asked"; an "asked" of its own gives way. */
void legacy_put_record(struct legacy_job *job, struct json_value object);

/* CANNOT_TELL, for a system that knows nobody without a password. */
enum legacy_says legacy_no_search(struct legacy_job *job);

/* Milliseconds left for the job, at least 1. */
long legacy_time_left(const struct legacy_job *job);

/* Fills the err and gives CANNOT_TELL, for `return legacy_unclear(…)`. */
enum legacy_says legacy_unclear(struct legacy_job *job, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
