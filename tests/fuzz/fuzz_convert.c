/*
 * Conversions: the first line names the platform ("auto" too), the rest is the native form. What comes
 * out must parse, be taken by CreateUser, and be accompanied by a reason where there is no hasher.
 */
#include <stdlib.h>
#include <string.h>

#include "digest/digest.h"

#define ARENA_MAX (8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void check(const struct digest_conversion *done)
{
    struct digest digest;
    if (!done->hasher) {
        if (!done->note || done->digest.at)
            abort();
        return;
    }
    if (digest_parse(&digest, digest_ops_find(text_of(done->hasher)), done->digest) ||
        digest_clerk_problem(&digest))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct text whole = {(const char *)at, len};
    struct digest_conversion done;
    struct arena arena;
    struct err err;
    size_t line = text_find(whole, '\n', 0);
    if (len == 0 || line == len)
        return 0;
    arena_init(&arena, ARENA_MAX);
    if (digest_convert(text_part(whole, 0, line), text_part(whole, line + 1, len), &arena, &done,
                       &err) == 0)
        check(&done);
    if (digest_convert(TEXT("auto"), text_part(whole, line + 1, len), &arena, &done, &err) == 0)
        check(&done);
    arena_release(&arena);
    return 0;
}
