/*
 * source: where users come from. A reader cuts one record after another out of a stream, a platform's
 * table maps it onto a user, the rules accept or reject it.
 *
 *     source_open(&source, &(struct source_opts){.path = "export.json", .from = TEXT("auth0")}, &err);
 *     while ((got = source_next(source, &row, &err)) > 0)
 *         row.reject.reason == USER_ACCEPTED ? move(&row.user) : report(&row);
 *     source_close(source);
 *
 * Memory does not grow with the file.
 */
#ifndef USHER_SOURCE_H
#define USHER_SOURCE_H

#include "base/base.h"
#include "source/roster.h"
#include "user/user.h"

/* Firebase's hash parameters (Console: Authentication, Users, Password hash parameters). */
struct source_firebase {
    struct text signer_key, salt_separator; /* base64, as the console prints them */
    uint32_t rounds, mem_cost;              /* 0: not given */
};

struct source_opts {
    const char *path; /* a file, or "-" for standard input */
    struct text from; /* a platform's name, "auto", the path of a mapping (*.json), or its text */
    const char *through; /* --through: a shell command that records are piped through, or NULL */
    size_t record_max;   /* largest record in bytes; 0: the default of 16 MiB */
    struct source_firebase firebase;
    bool keep_raw; /* keep the bytes of each record in row.raw, for a rejects file */
};

struct source_row {
    uint64_t number;  /* of the record in the file, from 1; headers and comments do not count */
    uint64_t offset;  /* of its first byte in the (decompressed) stream */
    struct text id;   /* the id at the source if one was found, else absent */
    struct user user; /* valid when reject.reason is USER_ACCEPTED */
    struct user_reject reject; /* USER_ACCEPTED, or why not */
    struct text raw;           /* the record as it stood in the file, if asked for */
};

/* A field of the export that Clerk has no place for. */
struct source_loss {
    struct text path; /* "logins_count", "identities" */
    uint64_t count;   /* records that had a value there */
};

struct source;

/*
 * Opens an export and looks at its beginning. Returns 0, or -1: ERR_IO (missing, unreadable, a
 * directory), ERR_INPUT (empty, no export at all, not of the platform named), ERR_USAGE (no such
 * platform, a bad mapping, Firebase digests without parameters).
 */
int source_open(struct source **source, const struct source_opts *opts, struct err *err);
void source_close(struct source *source);

/*
 * Reads the next row. Everything in *row is valid until the next call. Returns 1, 0 at the end, or -1:
 * ERR_INPUT (a truncated or damaged stream), ERR_IO.
 */
int source_next(struct source *source, struct source_row *row, struct err *err);

/*
 * The platform in use ("auth0"), also after "auto", or that a mapping extends ("" if it extends none);
 * and the reader ("JSON array", "CSV, gzip").
 */
struct text source_platform(const struct source *source);
struct text source_format(const struct source *source);

/*
 * What must stand in front of raw records for a file of them to be read again: the header line of a CSV;
 * empty where nothing must (raw JSON records, one a line, are JSON Lines).
 */
struct text source_header(const struct source *source);

/* Bytes read so far from the file as it lies on disk, and its size (0 if unknown): for progress. */
uint64_t source_bytes_read(const struct source *source);
uint64_t source_bytes_total(const struct source *source);

/* A hash of everything that decides how records become users (platform, mapping, options). */
uint64_t source_mapping_hash(const struct source *source);

/*
 * What the rows so far had that Clerk has no place for, most frequent first; *count gets how many.
 * Valid until the next source_next.
 */
const struct source_loss *source_losses(struct source *source, size_t *count);

/*
 * A single: records one at a time as JSON text, for systems that are asked for one user (trickle/). Of
 * the options, from (not "auto"), firebase and record_max count; texts stay the caller's.
 */
struct source_single;

/* The largest record of a single, unless the options say otherwise. */
#define SOURCE_SINGLE_MAX ((size_t)1024 * 1024)

/* Returns 0 or -1: ERR_USAGE (no such platform, a bad mapping), ERR_MEMORY. One thread at a time. */
int source_single_open(struct source_single **single, const struct source_opts *opts,
                       struct err *err);
void source_single_close(struct source_single *single);

/*
 * Maps a record, a JSON object, onto *user, whose texts are put into the arena. Returns 0, 1 with *reject
 * filled, or -1: ERR_INPUT (not JSON, no object), ERR_MEMORY.
 */
int source_single_map(struct source_single *single, struct text record, struct arena *arena,
                      struct user *user, struct user_reject *reject, struct err *err);

/* The names of all platforms, in the order of platforms.h, NULL-terminated. */
const char *const *source_platform_names(void);

#endif
