#include "clerk/clerk.h"

enum clerk_instance clerk_key_instance(struct text secret_key)
{
    if (text_starts(secret_key, TEXT("sk_live_")))
        return CLERK_PRODUCTION;
    return text_starts(secret_key, TEXT("sk_test_")) ? CLERK_DEVELOPMENT : CLERK_UNKNOWN;
}

struct clerk_limits clerk_limits_of(enum clerk_instance instance)
{
    if (instance == CLERK_PRODUCTION)
        return (struct clerk_limits){1000, 10000, 0};
    return (struct clerk_limits){100, 10000, 100};
}
