/*
 * What Drupal and phpBB made of phpass.
 *
 *   Drupal  $S$…  U$S$…  U$P$…    U: the password was MD5 (Drupal 6) and has been hashed again
 *   phpBB   $H$…  $CP$…  $H\2y$…  the last two: hashes of hashes, while it converts
 */
#include "digest/native.h"

static enum native_take drupal_md5(struct native *n, struct text rest)
{
    return native_give(n, "md5_phpass", arena_printf(n->arena, "$P$%.*s", TEXT_ARG(rest)),
                       "phpass over the hex MD5 of the password; Clerk does not document "
                       "md5_phpass: try one account first");
}

enum native_take form_drupal(struct native *n, struct text t)
{
    static const struct native_prefix table[] = {
        {"U$P$", drupal_md5, NULL},
        {"U$H$", drupal_md5, NULL},
        {"U$S$", NULL, "phpass with SHA-512 over the MD5 of the password" WAY_OUT},
        {NULL, NULL, NULL},
    };
    return native_by_prefix(n, t, table);
}

enum native_take form_phpbb(struct native *n, struct text t)
{
    static const struct native_prefix table[] = {
        {"$H\\", NULL, "one hash over another ($H\\)" WAY_OUT},
        {"$CP$", NULL, "one hash over another ($CP$)" WAY_OUT},
        {NULL, NULL, NULL},
    };
    return native_by_prefix(n, t, table);
}
