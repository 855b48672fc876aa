/* The inside of the bridge: kinds of sessions. Nobody else includes this. */
#ifndef USHER_TRICKLE_BRIDGE_INSIDE_H
#define USHER_TRICKLE_BRIDGE_INSIDE_H

#include "json/json.h"
#include "trickle/bridge.h"

enum bridge_setting {
#define SETTING(name, meaning) BRIDGE_SETTING_##name,
    BRIDGE_SETTINGS(SETTING)
#undef SETTING
        BRIDGE_SETTING_COUNT
};

#define BRIDGE_BIT(name) (UINT32_C(1) << BRIDGE_SETTING_##name)

/* A session that is looked at. */
struct bridge_look {
    struct text token;
    struct arena *arena;
    struct buf record; /* for the kind: what is known of the session, a JSON object */
    struct text once;  /* for the kind: as in bridge_session; absent: the token */
    struct err *err;
};

struct bridge_kind {
    const char *name;
    uint32_t needs, takes; /* BRIDGE_BIT of the settings, besides those of all kinds */
    /* The names of the fields of its records, unless the configuration has others. */
    const char *id, *identifier, *issued, *expires, *changed;
    int (*open)(void **state, const struct bridge_opts *opts, struct err *err);
    void (*close)(void *state);
    /* GOOD with the record written, or one of the others with look->err. */
    enum bridge_says (*look)(void *state, struct bridge_look *look);
};

extern const struct bridge_kind bridge_kind_jwt, bridge_kind_introspection, bridge_kind_sql;

/* How long a look may wait for others. */
#define BRIDGE_WAIT_MS 3000

/* An origin, "https://app.example.com:8443", in its parts as written. */
bool bridge_is_origin(struct text t);

/* Fills the err and gives REFUSED or CANNOT_TELL. */
enum bridge_says bridge_refuse(struct bridge_look *look, const char *why);
enum bridge_says bridge_unclear(struct bridge_look *look, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
