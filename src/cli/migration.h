/*
 * migration: what check, plan, import, verify and undo have in common: their options
 * (migration_options.c), what they tell (migration_events.c), Ctrl-C, the first and the last line.
 */
#ifndef USHER_CLI_MIGRATION_H
#define USHER_CLI_MIGRATION_H

#include "cli/cli.h"
#include "cli/tally.h"
#include "json/json.h"
#include "migrate/migrate.h"

struct migration {
    const char *command;
    /* as given */
    const char *from, *through, *ledger, *rejects, *rate, *share, *canary, *existing, *gone,
        *differences;
    const char *signer_key, *salt_separator;
    uint64_t rounds, mem_cost, limit, record_max, patience;
    struct cli_texts only, prefer;
    bool json, yes, bodies, quiet, force;
    /* made of them */
    struct arena arena;
    struct migrate_opts opts;
    struct migrate_events events;
    struct migrate_instance instance;
    struct migrate_totals totals;
    struct tally tally;
    struct buf line;
    const char *format; /* "auth0, JSON array", in arena */
    bool terminal;      /* standard error is one: show a progress line */
    int64_t shown;
    double allowance;
    uint64_t told; /* rows and users complained about on standard error so far */
};

/* Which options a command takes beside --json and --quiet, and what its operand is. */
enum migration_takes {
    MIGRATION_BODIES = 1,
    MIGRATION_TARGET = 2, /* rate, share, patience */
    MIGRATION_LEDGER = 4,
    MIGRATION_REJECTS = 8,
    MIGRATION_CANARY = 16,
    MIGRATION_MERGES = 32, /* prefer, gone */
    MIGRATION_FORCE = 64,
    MIGRATION_YES = 128,
    MIGRATION_ONLY = 256,
    MIGRATION_LIMIT = 2048,
    MIGRATION_DIFFERENCES = 4096,
    MIGRATION_EXISTING = 8192,
    MIGRATION_GONE = 16384, /* gone alone */
    MIGRATION_EXPORT = 512, /* the operand is a FILE: from, through … */
    MIGRATION_RUN = 1024    /* the operand is a RUN */
};

/*
 * Parses argv and prepares opts, events, settings of the target and Ctrl-C. Returns -1 to go on, or the
 * exit status to leave with. migration_end must be called in either case.
 */
int migration_begin(struct migration *m, const char *command, const char *about, int takes,
                    int argc, char **argv);
void migration_end(struct migration *m);

/* The parts of migration_begin: the options of a command, what was given for them, the events. */
#define MIGRATION_OPTIONS_MAX 32
const struct cli_option *migration_options(struct migration *m, int takes, struct cli_option *to);
int migration_read_options(struct migration *m, const char *file, int takes);
void migration_listen(struct migration *m);

/*
 * Asks for what cannot be taken back: true with --yes, or "yes" on a terminal. Anybody else is refused and
 * told how to go on.
 */
bool migration_consent(struct migration *m, const char *question);

/* Says how many canaries the target has verified. */
void migration_tell_canaries(const struct migrate_canaries *found);

/* Notes requests just answered that the pace of what follows must count. */
void migration_spent(struct migration *m, uint64_t requests);

/*
 * Says where it goes ("target: …", the first line), after asking who is there. A production target is
 * confirmed on a terminal unless --yes. Returns -1 to go on, or the exit status to leave with.
 */
int migration_meet_target(struct migration *m, const char *verb);

/* Raised by Ctrl-C and SIGTERM. */
extern struct migrate_stop migration_stop;

/* The exit status of a command that ended with 0 or -1: prints err. */
int migration_exit(struct migration *m, int status, const struct err *err);

/* Clears the progress line, if one is shown. */
void migration_clear_line(struct migration *m);

/* Prints one event line of --json to standard output: {"event":NAME, …}; finish it with migration_emit. */
struct json_out migration_event(struct migration *m, const char *name);
void migration_emit(struct migration *m, struct json_out *out);

/* One event line of named figures. */
struct migration_count {
    struct text key;
    uint64_t value;
};
void migration_emit_counts(struct migration *m, const char *name,
                           const struct migration_count *counts, size_t count);

/* "1 h 23 min", "45 s" */
const char *migration_duration(double seconds, char *to, size_t room);

#endif
