/*
 * sandbox/domain: the instance's domains: the primary one, which follows from its settings (home_url, proxy_url) and
 * where it listens, and satellites, which are entries.
 */
#ifndef USHER_SANDBOX_DOMAIN_H
#define USHER_SANDBOX_DOMAIN_H

#include "sandbox/resource.h"

/* A domain of the instance by its id. Refuses with a 404. */
bool domain_get(struct call *call, struct text id, struct entry *entry);
bool domain_is_primary(const struct call *call, const struct entry *entry);
/* The proxy through which browsers reach the Frontend API there; absent: none. In the call's arena. */
bool domain_proxy_url(struct call *call, const struct entry *entry, struct text *url);

/* Refuses what is no address of a proxy: https://… or, of a development instance, http://…. */
bool domain_check_proxy_url(struct call *call, struct text url);

#endif
