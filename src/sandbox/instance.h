/*
 * sandbox/instance: who this Clerk is: its id, secret key and signing key, kept with the data, and the
 * publishable key that follows from where it listens.
 */
#ifndef USHER_SANDBOX_INSTANCE_H
#define USHER_SANDBOX_INSTANCE_H

#include "clerk/clerk.h"
#include "sandbox/claims.h"
#include "sandbox/keys.h"
#include "sandbox/settings.h"

#define INSTANCE_KEY_MAX  256
#define INSTANCE_HOST_MAX 128

struct instance {
    char id[CLERK_ID_MAX];
    char secret_key[INSTANCE_KEY_MAX];
    char publishable_key[INSTANCE_KEY_MAX];
    enum clerk_instance kind;
    struct clerk_limits limits;
    struct settings settings;
    struct keys keys;
    struct claims claims;
    char frontend_host[INSTANCE_HOST_MAX]; /* the host in the publishable key; tokens' issuer */
    char suffix[16];                       /* of cookies, see cookie.h */
    bool dev_browsers; /* browsers are known by a dev browser instead of a cookie */
};

/*
 * Reads the instance from the store, making what is not there yet: id, and a secret key of the given kind
 * unless one is given (which is then stored). Returns 0, or -1: ERR_USAGE for a secret key that is none.
 */
int instance_open(struct instance *instance, struct store *store, struct text secret_key,
                  bool production, struct err *err);
/* Reads anew what another process may have changed: settings, claims and signing keys. */
int instance_reload(struct instance *instance, struct store *store, struct err *err);
void instance_close(struct instance *instance);

/*
 * Sets the frontend host, the publishable key and what follows from them. frontend_host: NULL for the address
 * itself ("127.0.0.1:41237").
 */
void instance_listen(struct instance *instance, const char *address, const char *frontend_host);

#endif
