/*
 * err: an error with a code and a text that grows from the inside out ("import: row 7: …").
 * Libraries fill it and return -1; they never print, log or exit. Whoever can say what to do next
 * prints it, once.
 */
#ifndef USHER_BASE_ERR_H
#define USHER_BASE_ERR_H

enum err_code {
    ERR_NONE = 0,
    ERR_MEMORY,   /* an allocation failed or a stated maximum was reached */
    ERR_USAGE,    /* the caller's words are off: an option, a mapping, a configuration */
    ERR_INPUT,    /* the export (or other input data) is not what it should be */
    ERR_IO,       /* a file, pipe or disk failed */
    ERR_NETWORK,  /* no answer: resolve, connect, TLS, timeout, connection lost */
    ERR_REFUSED,  /* the target answered, and the answer is final: wrong key, plan, quota */
    ERR_UNUSABLE, /* a ledger or database that cannot be used: other instance, newer, locked */
};

#define ERR_MESSAGE_MAX 512

struct err {
    enum err_code code;
    char message[ERR_MESSAGE_MAX];
};

/* Sets code and message (printf-like, truncated to fit). Always returns -1, for `return err_set(…)`. */
int err_set(struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the message. Always returns -1. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets ERR_MEMORY with a standard message. Always returns -1. */
int err_memory(struct err *err);

#endif
