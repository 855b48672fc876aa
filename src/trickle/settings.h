/*
 * settings: usher.yaml, the configuration of the gateway (docs/gateway.md is its reference).
 *
 *     settings_load(&settings, "usher.yaml", &err);
 *     … settings->proxy.url …
 *     settings_free(settings);
 *
 * Any text may be written as ${env:NAME} or ${file:PATH}; secrets must be. A loaded configuration is
 * complete: defaults are filled in, and what contradicts itself was refused.
 */
#ifndef USHER_TRICKLE_SETTINGS_H
#define USHER_TRICKLE_SETTINGS_H

#include "base/base.h"
#include "trickle/bridge.h"
#include "trickle/decide.h"
#include "trickle/legacy.h"
#include "trickle/webhook.h"

/* A number, and what the file says of it: NULL for nothing, which is not the same as 0. */
#define SETTINGS_NUMBER(name)                                                                      \
    uint32_t name;                                                                                 \
    char *name##_given

struct settings_tls {
    char *cert, *key; /* both or none */
};

struct settings_proxy {
    char *url;      /* the public one: "https://app.example.com/__clerk", no slash at its end */
    char *upstream; /* "https://frontend-api.clerk.dev" */
    char *ca_file;  /* NULL: the system's */
    char *client_address; /* the header that the proxy in front writes; NULL: whoever connects */
};

struct settings_clerk {
    char *secret_key;
    char *api_url;
};

struct settings_legacy {
    char *connector; /* NULL: no legacy system, nothing but a proxy */
    char *from;
    SETTINGS_NUMBER(budget_ms); /* 0: as legacy_opts, as are the others */
    SETTINGS_NUMBER(threads);
    SETTINGS_NUMBER(queue_max);
#define SETTING(name, meaning) char *name;
    LEGACY_SETTINGS(SETTING)
#undef SETTING
};

/* Its session is NULL without a bridge. */
struct settings_bridge {
#define SETTING(name, meaning) char *name;
    BRIDGE_SETTINGS(SETTING)
#undef SETTING
};

/* Its secret is NULL without a receiver of webhooks. */
struct settings_webhook {
#define SETTING(name, meaning) char *name;
    WEBHOOK_SETTINGS(SETTING)
#undef SETTING
};

/* So many guesses an identifier and an address may make in so many seconds. */
struct settings_throttle {
    SETTINGS_NUMBER(identifier);
    SETTINGS_NUMBER(address);
    SETTINGS_NUMBER(seconds);
};

struct settings {
    char *listen; /* as server_opts.address */
    char *admin;  /* the same for health, metrics and the live page; NULL: none */
    SETTINGS_NUMBER(threads);
    SETTINGS_NUMBER(connections);
    SETTINGS_NUMBER(workers);
    SETTINGS_NUMBER(drain_seconds);
    struct settings_tls tls;
    struct settings_proxy proxy;
    struct settings_clerk clerk;
    struct settings_legacy legacy;
    struct settings_bridge bridge;
    struct settings_webhook webhook;
    char *ledger;           /* as ledger_opts.path; NULL without a legacy system */
    char *sign_in_key;      /* of POST /usher/v1/sign_in; NULL: there is no such endpoint */
    SETTINGS_NUMBER(users); /* how many the legacy system has, for the live page; 0: not told */
    struct decide_policy policy;
    struct settings_throttle throttle;
    char *path, *yaml; /* where they come from, for complaints */
};

/* Returns 0, or -1: ERR_IO (unreadable), ERR_USAGE ("usher.yaml:7: what is wrong, what to do"). */
int settings_load(struct settings **settings, const char *path, struct err *err);

/* Wipes the secrets. NULL is fine. */
void settings_free(struct settings *settings);

/*
 * Open what the settings describe, as legacy_open, bridge_open and webhook_open do; without a bridge or webhooks in them
 * that one is NULL. They borrow nothing. Of what cannot be (ERR_USAGE) the error tells the line.
 */
int settings_open_legacy(const struct settings *settings, struct legacy **legacy, struct err *err);
int settings_open_bridge(const struct settings *settings, struct bridge **bridge, struct err *err);
int settings_open_webhook(const struct settings *settings, struct webhook **webhook,
                          struct err *err);

#endif
