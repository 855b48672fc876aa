/*
 * sandbox/console: the page to look at, under /usher/. Its files (page/) are compiled in; they hold no data
 * and anybody may have them. The data come from the sandbox's own endpoints (/v1/sandbox/…), which take the
 * instance's secret key, or the page's token: made from the secret key, told in the link that
 * sandbox_describe prints, sent back in the header X-Usher-Page. A foreign web page does not know the token
 * and cannot send the header, also not after its name was pointed at this machine.
 */
#ifndef USHER_SANDBOX_CONSOLE_H
#define USHER_SANDBOX_CONSOLE_H

#include "net/net.h"

#define CONSOLE_TOKEN_LEN 32

struct console {
    char token[CONSOLE_TOKEN_LEN + 1];
    bool loopback; /* listens there only: the Host header must then name this machine */
    bool tls;      /* it is served by https */
};

/* A file of the page, as tools/embed makes it. */
struct console_file {
    const char *name, *type;
    struct text body;
};
extern const struct console_file console_files[];
extern const size_t console_file_count;

/* Makes the token from the secret key. */
void console_init(struct console *console, struct text secret_key, bool loopback, bool tls);

/* Whether a path is the page's. */
bool console_has(struct text path);
/* Answers such a request, on any thread. */
void console_answer(struct server_request *request);

/* Whether the request carries the page's token, and comes from a page that this machine served. */
bool console_admits(const struct console *console, const struct server_request *request);

#endif
