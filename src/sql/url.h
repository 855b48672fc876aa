/* url: database URLs, SCHEME://USER:PASSWORD@HOST:PORT/DATABASE?NAME=VALUE&… */
#ifndef USHER_SQL_URL_H
#define USHER_SQL_URL_H

#include "base/base.h"

/*
 * How messages name a database: the URL without password and options. The caller frees it; NULL: no memory.
 * What is no URL is named by its scheme alone, since a password may be anywhere in it.
 */
char *url_name(const char *url);

/* Whether the URL is clear about where its password ends: no @ stands behind the host. */
bool url_is_clear(const char *url);

/* The parts of a URL, decoded, each NUL-terminated; "" for one that is not there. */
struct url {
    char user[128], password[512], host[256], database[128], socket[108], ca[1024], tls[16];
    uint16_t port; /* 0: not given */
};

/* Takes a URL apart. -1: ERR_USAGE naming the part that is wrong. The caller wipes *url. */
int url_parse(const char *whole, struct url *url, struct err *err);

#endif
