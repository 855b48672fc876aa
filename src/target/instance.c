/* The name of a target instance: what the ledger and the first line of a command show of a key. */
#include "target/call.h"

#include <openssl/sha.h>
#include <stdlib.h>

#include "clerk/clerk.h"

static const char *kind_of(struct text key)
{
    switch (clerk_key_instance(key)) {
    case CLERK_DEVELOPMENT:
        return "development";
    case CLERK_PRODUCTION:
        return "production";
    default:
        return "unknown";
    }
}

struct text target_instance(struct text api_url, struct text key, struct arena *arena)
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    struct err err;
    char *base, *host;
    struct text url = arena_copy(arena, api_url);
    SHA256((const uint8_t *)key.at, key.len, hash);
    int status = target_check_url(url.at, &base, &host, &err);
    struct text name = arena_printf(arena, "%s %s %02x%02x%02x%02x", kind_of(key),
                                    status == 0 ? host : "?", hash[0], hash[1], hash[2], hash[3]);
    free(base);
    free(host);
    return name;
}
