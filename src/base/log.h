/*
 * log: one line on standard error, for people. Only commands (cli/) and servers log; libraries return
 * errors. Nothing secret is ever an argument: no key, digest, password, address or name.
 */
#ifndef USHER_BASE_LOG_H
#define USHER_BASE_LOG_H

enum log_level { LOG_QUIET, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* What is printed from now on: this level and the graver ones. Default LOG_INFO. */
void log_level_set(enum log_level level);

/* Prints "usher: message\n" (printf-like) if level is on. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
