/*
 * The platforms, one row each: PLATFORM(name), in platform_NAME.c. "auto" asks them in this order, so
 * that one whose marks are also another's stands behind it.
 */
#ifndef USHER_SOURCE_PLATFORMS_H
#define USHER_SOURCE_PLATFORMS_H

#define SOURCE_PLATFORMS(PLATFORM)                                                                 \
    PLATFORM(auth0)                                                                                \
    PLATFORM(firebase)                                                                             \
    PLATFORM(supabase)                                                                             \
    PLATFORM(clerk)                                                                                \
    PLATFORM(usher)                                                                                \
    PLATFORM(authjs)

#endif
