/*
 * sandbox/device: what a User-Agent says of browser and machine, as a session's latest_activity tells it.
 */
#ifndef USHER_SANDBOX_DEVICE_H
#define USHER_SANDBOX_DEVICE_H

#include "base/base.h"

struct device {
    const char *type;    /* "Macintosh"; NULL: not known */
    const char *browser; /* "Chrome"; NULL: not known */
    struct text
        version; /* "156.0.0.0": digits and dots, a part of the User-Agent; empty: not known */
    bool mobile;
};

/* agent may be absent or anything. */
struct device device_of(struct text agent);

#endif
