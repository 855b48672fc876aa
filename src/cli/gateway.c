/* usher gateway: moves users at their next sign-in, until a signal comes. */
#include "cli/cli.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/notify.h"
#include "trickle/trickle.h"

static const char about[] =
    "Stands between the browser's unmodified sign-in page and Clerk's Frontend API, as its "
    "proxyUrl.\n"
    "Everything is passed on; where Clerk does not know a user, or not their password, the old\n"
    "system is asked, the user is created at Clerk once the password is proven, and the sign-in\n"
    "goes on as if it had always been so. docs/trickle.md sets it up in five minutes,\n"
    "docs/gateway.md is the reference of usher.yaml.\n"
    "\n"
    "When it is ready it prints one line of JSON: listen, proxy_url, upstream. The log, lines of\n"
    "JSON, goes to standard error. SIGHUP reads the configuration and the certificate again, and\n"
    "nobody is cut off; SIGTERM and Ctrl-C let open requests end first.\n"
    "\n"
    "  usher gateway --check --config /etc/usher/usher.yaml\n"
    "  usher gateway --config /etc/usher/usher.yaml\n"
    "\n"
    "exit status: 0 stopped by a signal, 2 usage or a configuration that will not do.";

/* One write a line, so that lines of several threads do not mix. */
static void print_log(void *arg, struct text line)
{
    char all[4200];
    (void)arg;
    int len = snprintf(all, sizeof(all), "%.*s\n", TEXT_ARG(line));
    if (len > 0 && write(STDERR_FILENO, all, (size_t)len) < 0)
        return; /* nobody reads the log */
}

static void print_ready(const struct trickle *trickle)
{
    struct buf line;
    buf_init(&line, 4096);
    trickle_describe(trickle, &line);
    puts(buf_z(&line));
    fflush(stdout);
    buf_release(&line);
}

static int check(const char *config)
{
    struct buf found;
    struct err err;
    buf_init(&found, 64 * 1024);
    int result = trickle_check(config, &found, &err);
    fputs(buf_z(&found), stdout);
    buf_release(&found);
    return result == 0 ? CLI_OK : cli_fail("gateway", &err);
}

/* Until a signal says stop; a SIGHUP reloads. */
static void wait_for_stop(struct trickle *trickle, const sigset_t *signals)
{
    const struct timespec second = {1, 0};
    struct err err;
    for (;;) {
        int number = sigtimedwait(signals, NULL, &second);
        if (number == SIGINT || number == SIGTERM)
            return;
        if (number == SIGHUP) {
            notify_reloading();
            trickle_reload(trickle, &err); /* the log tells how it went */
            notify_ready();
        }
        trickle_tend(trickle);
    }
}

static int serve(const char *config)
{
    const struct trickle_opts opts = {.config = config, .log = print_log};
    struct trickle *trickle;
    struct err err;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (trickle_start(&trickle, &opts, &err) != 0)
        return cli_fail("gateway", &err);
    print_ready(trickle);
    notify_ready();
    wait_for_stop(trickle, &signals);
    notify_stopping();
    trickle_stop(trickle);
    return CLI_OK;
}

int cmd_gateway(int argc, char **argv)
{
    const char *config = "usher.yaml";
    bool check_only = false;
    const struct cli_option options[] = {
        {"config", 'c', CLI_TEXT, &config, "FILE", "the configuration (default usher.yaml)"},
        {"check", 0, CLI_FLAG, &check_only, NULL, "say whether it will do, and end"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL},
    };
    size_t operands;
    int status = cli_parse(&(struct cli_syntax){"gateway", "", about, options}, argc, argv, NULL, 0,
                           &operands);
    if (status >= 0)
        return status;
    return check_only ? check(config) : serve(config);
}
