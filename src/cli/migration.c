#include "cli/migration.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct migrate_stop migration_stop;

static void on_signal(int signal)
{
    (void)signal;
    migration_stop.requests++;
}

static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int migration_begin(struct migration *m, const char *command, const char *about, int takes,
                    int argc, char **argv)
{
    struct cli_option options[MIGRATION_OPTIONS_MAX];
    const char *file;
    size_t count;
    memset(m, 0, sizeof(*m));
    m->command = command;
    arena_init(&m->arena, 1 << 20);
    buf_init(&m->line, 32 << 20);
    const char *operand = takes & MIGRATION_RUN ? "RUN" : "FILE";
    struct cli_syntax syntax = {command, operand, about, migration_options(m, takes, options)};
    int status = cli_parse(&syntax, argc, argv, &file, 1, &count);
    if (status >= 0)
        return status;
    if (count == 0) {
        fprintf(stderr, "usher %s: which %s?%s; see 'usher %s --help'\n", command, operand,
                takes & MIGRATION_RUN ? "" : " (- for standard input)", command);
        return CLI_USAGE;
    }
    migration_listen(m);
    watch_signals();
    return migration_read_options(m, file, takes);
}

void migration_end(struct migration *m)
{
    arena_release(&m->arena);
    buf_release(&m->line);
}

/* Asks on the terminal; true for "yes". */
static bool confirm(const char *verb)
{
    char answer[16] = "";
    fprintf(stderr, "This is a production instance. %s? Only 'yes' goes on: ", verb);
    return fgets(answer, sizeof(answer), stdin) && strcmp(answer, "yes\n") == 0;
}

bool migration_consent(struct migration *m, const char *question)
{
    char answer[16] = "";
    if (m->yes)
        return true;
    migration_clear_line(m);
    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "usher %s: %s? Nothing was done; --yes does it\n", m->command, question);
        return false;
    }
    fprintf(stderr, "%s? Only 'yes' goes on: ", question);
    return fgets(answer, sizeof(answer), stdin) && strcmp(answer, "yes\n") == 0;
}

void migration_tell_canaries(const struct migrate_canaries *found)
{
    fprintf(stderr, "canaries: %zu of %zu passwords", found->passwords_proven, found->passwords);
    if (found->totps > 0)
        fprintf(stderr, " and %zu of %zu TOTP secrets", found->totps_proven, found->totps);
    fprintf(stderr, " verified by the target\n");
}

void migration_spent(struct migration *m, uint64_t requests)
{
    m->opts.target.spent += (uint32_t)requests;
    m->opts.target.spent_us = clock_now_us();
}

int migration_meet_target(struct migration *m, const char *verb)
{
    struct err err;
    const struct migrate_target *target = &m->opts.target;
    if (migrate_probe(target, &m->instance, &err))
        return cli_fail(m->command, &err);
    migration_spent(m, m->instance.requests);
    fprintf(stderr, "target: %s instance %s at %.*s (key from %s)\n", m->instance.environment,
            m->instance.id, TEXT_ARG(target->api_url), target->key_from);
    bool production = strcmp(m->instance.environment, "production") == 0;
    if (!verb || m->yes || !production || !isatty(STDIN_FILENO) ||
        strcmp(m->opts.source.path, "-") == 0)
        return -1;
    if (confirm(verb))
        return -1;
    fprintf(stderr, "usher %s: not confirmed, nothing was written\n", m->command);
    return CLI_USAGE;
}

int migration_exit(struct migration *m, int status, const struct err *err)
{
    migration_clear_line(m);
    fflush(stdout);
    if (status)
        return cli_fail(m->command, err);
    if (migration_stop.requests > 0)
        return CLI_INTERRUPTED;
    return m->totals.rejected || m->totals.failed || m->totals.different || m->totals.changed ||
                   m->totals.missing || m->totals.stale || m->totals.conflicts ||
                   (m->totals.pending && strcmp(m->command, "verify") == 0)
               ? CLI_SOME_FAILED
               : CLI_OK;
}
