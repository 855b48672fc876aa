/*
 * sandbox/instance: who this Clerk is: its id, secret key and signing key, kept with the data, and the
 * publishable key that follows from where it listens.
 */
#ifndef USHER_SANDBOX_INSTANCE_H
#define USHER_SANDBOX_INSTANCE_H

#include "clerk/clerk.h"
#include "sandbox/settings.h"

#define INSTANCE_KEY_MAX 256

struct instance {
    char id[CLERK_ID_MAX];
    char secret_key[INSTANCE_KEY_MAX];
    char publishable_key[INSTANCE_KEY_MAX];
    enum clerk_instance kind;
    struct clerk_limits limits;
    struct settings settings;
    struct text jwks; /* the key set as JSON, malloced; absent until it is first asked for */
};

/*
 * Reads the instance from the store, making what is not there yet: id, and a secret key of the given kind
 * unless one is given (which is then stored). The RS256 key is made when it is first asked for. Returns 0, or -1: ERR_USAGE for a secret key
 * that is none.
 */
int instance_open(struct instance *instance, struct store *store, struct text secret_key,
                  bool production, struct err *err);
void instance_close(struct instance *instance);

/* Sets the publishable key: its prefix by kind, and base64("host:port$"). */
void instance_listen(struct instance *instance, const char *address);

#endif
