/*
 * base: memory, text, errors, log, clock. Knows no user, no HTTP, no platform.
 *
 * Conventions that hold in every folder above:
 *  - a function that can fail returns 0 or -1 and takes a `struct err *` last; on -1 the err is set;
 *  - `struct text` is a borrowed view, never NUL-terminated by promise;
 *  - memory lives in an arena (per record, per request) or in a buf with a stated maximum;
 *  - times are int64_t: `_ms` milliseconds since the epoch, `_us` microseconds of the monotonic clock.
 */
#ifndef USHER_BASE_H
#define USHER_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/encode.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/openssl.h"
#include "base/pages.h"
#include "base/pool.h"
#include "base/random.h"
#include "base/scratch.h"
#include "base/seal.h"
#include "base/secret.h"
#include "base/text.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
