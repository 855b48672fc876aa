/* usher sandbox: the local Clerk, until a signal comes. */
#include "cli/cli.h"

#include <ctype.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "sandbox/sandbox.h"

static const char about[] =
    "Runs a local Clerk: its Backend API on SQLite or PostgreSQL, with Clerk's validation, "
    "uniqueness, error "
    "codes\n"
    "and rate limits, and with faults on demand, so that a whole migration can be rehearsed "
    "before\n"
    "the real instance is touched.\n"
    "\n"
    "When it is ready it prints one line of JSON: backend_api, frontend_api, secret_key,\n"
    "publishable_key, listen. Ctrl-C or SIGTERM stops it; what was acknowledged is on disk.\n"
    "\n"
    "A fresh secret key is that of a development instance (100 users, 100 requests / 10 s);\n"
    "--production makes one of a production instance (no cap, 1000 requests / 10 s).\n"
    "\n"
    "  usher sandbox --production --data clerk.db\n"
    "  usher sandbox --listen :4700 --limits off --latency 100 --fault drop-after=0.01\n"
    "\n"
    "faults (repeatable): 500, 429, drop-before, drop-after (the answer is lost after the "
    "commit),\n"
    "slow-body, each with a probability (0.02) or a count (5: the first five requests).\n"
    "\n"
    "exit status: 0 stopped by a signal, 2 usage or refused.";

#define CLAIMS_MAX ((size_t)64 * 1024)

struct words {
    const char *listen, *tls_cert, *tls_key, *data, *secret_key, *limits, *shape;
    const char *frontend_host, *session_claims;
    uint64_t latency_ms, seed;
    const char *webhook_secret_file;
    bool production, listen_anywhere;
    struct cli_texts faults, webhooks;
    struct buf webhook_secret, claims; /* of the files */
};

/* The secret comes from a file or the environment: an argument could be seen with ps. */
static int read_webhooks(struct words *words, struct sandbox_opts *opts, struct err *err)
{
    if (words->webhooks.count > SANDBOX_WEBHOOKS_MAX)
        return err_set(err, ERR_USAGE, "--webhook may stand there %d times", SANDBOX_WEBHOOKS_MAX);
    for (size_t i = 0; i < words->webhooks.count; i++)
        opts->webhooks[i] = text_of(words->webhooks.at[i]);
    opts->webhook_count = words->webhooks.count;
    const char *set = getenv("CLERK_WEBHOOK_SIGNING_SECRET");
    if (set && *set)
        opts->webhook_secret = text_of(set);
    if (!words->webhook_secret_file)
        return 0;
    if (cli_read_file(words->webhook_secret_file, &words->webhook_secret, err) != 0)
        return -1;
    opts->webhook_secret = text_trim(buf_text(&words->webhook_secret));
    return 0;
}

static int read_claims(struct words *words, struct sandbox_opts *opts, struct err *err)
{
    if (!words->session_claims)
        return 0;
    if (cli_read_file(words->session_claims, &words->claims, err) != 0)
        return -1;
    opts->session_claims = words->claims.len > 0 ? buf_text(&words->claims) : TEXT("");
    return 0;
}

/* Publishable keys of hosts without a dot are refused by Clerk's SDKs. */
static bool is_host(struct text host)
{
    if (host.len == 0 || host.len > 120 || text_find(host, '.', 0) == host.len)
        return false;
    for (size_t i = 0; i < host.len; i++)
        if (!isalnum((unsigned char)host.at[i]) && !strchr(".-:", host.at[i]))
            return false;
    return true;
}

static int read_words(struct words *words, struct sandbox_opts *opts, struct err *err)
{
    *opts = (struct sandbox_opts){.listen = words->listen,
                                  .listen_anywhere = words->listen_anywhere,
                                  .tls_cert = words->tls_cert,
                                  .tls_key = words->tls_key,
                                  .data = words->data,
                                  .secret_key = text_of(words->secret_key),
                                  .production = words->production,
                                  .frontend_host = words->frontend_host,
                                  .latency_ms = (int64_t)words->latency_ms,
                                  .faults = {.state = words->seed}};
    if (words->frontend_host && !is_host(text_of(words->frontend_host)))
        return err_set(err, ERR_USAGE,
                       "--frontend-host takes a host name with a dot, such as clerk.example.test");
    if (words->latency_ms > 600000)
        return err_set(err, ERR_USAGE, "--latency takes 600000 ms at most");
    if (words->faults.count > FAULTS_MAX)
        return err_set(err, ERR_USAGE, "--fault may stand there %d times", FAULTS_MAX);
    for (size_t i = 0; i < words->faults.count; i++)
        if (fault_parse(&opts->faults.at[i], text_of(words->faults.at[i]), err) != 0)
            return -1;
    opts->faults.count = words->faults.count;
    if (read_webhooks(words, opts, err) != 0 || read_claims(words, opts, err) != 0 ||
        sandbox_limits_parse(opts, text_of(words->limits), err) != 0)
        return -1;
    return sandbox_shape_parse(opts, text_of(words->shape), err);
}

static int print_ready(const struct sandbox *sandbox, struct err *err)
{
    struct buf line;
    buf_init(&line, 4096);
    sandbox_describe(sandbox, &line);
    const char *text = buf_z(&line);
    int status = 0;
    if (!buf_ok(&line))
        status = err_memory(err);
    else if (puts(text) == EOF || fflush(stdout) != 0)
        status = err_set(err, ERR_IO, "the ready line cannot be written to standard output");
    buf_release(&line);
    return status;
}

/* The threads inherit the mask, so that the signals wait for sigwait. */
static int serve(const struct sandbox_opts *opts)
{
    struct sandbox *sandbox;
    struct err err;
    sigset_t stops;
    int signal_number;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    if (sandbox_start(&sandbox, opts, &err) != 0)
        return cli_fail("sandbox", &err);
    int status = print_ready(sandbox, &err);
    if (status == 0)
        sigwait(&stops, &signal_number);
    sandbox_stop(sandbox);
    return status == 0 ? CLI_OK : cli_fail("sandbox", &err);
}

int cmd_sandbox(int argc, char **argv)
{
    struct words words = {
        .listen = "127.0.0.1:0", .data = ":memory:", .limits = "clerk", .shape = "sliding"};
    random_bytes(&words.seed, sizeof(words.seed));
    buf_init(&words.webhook_secret, 4096);
    buf_init(&words.claims, CLAIMS_MAX);
    const struct cli_option options[] = {
        {"listen", 'l', CLI_TEXT, &words.listen, "ADDRESS",
         "127.0.0.1:PORT or :PORT; port 0, the "
         "default, takes a free one"},
        {"tls-cert", 0, CLI_TEXT, &words.tls_cert, "FILE", "https with this certificate (PEM)"},
        {"tls-key", 0, CLI_TEXT, &words.tls_key, "FILE", "and its key"},
        {"data", 'd', CLI_TEXT, &words.data, "WHERE",
         "a database file (default :memory:), or postgres://USER:PASSWORD@HOST:PORT/DB"},
        {"secret-key", 0, CLI_TEXT, &words.secret_key, "KEY",
         "default: the stored one, else a "
         "fresh one"},
        {"production", 0, CLI_FLAG, &words.production, NULL, "a fresh key is sk_live_"},
        {"frontend-host", 0, CLI_TEXT, &words.frontend_host, "HOST",
         "the Frontend API's host in the publishable key (default: where it listens)"},
        {"session-claims", 0, CLI_TEXT, &words.session_claims, "FILE",
         "custom claims of session tokens, as JSON; kept with the data"},
        {"limits", 0, CLI_TEXT, &words.limits, "WHICH",
         "clerk (default), off, or N/S: N requests "
         "in S seconds"},
        {"limit-shape", 0, CLI_TEXT, &words.shape, "SHAPE", "sliding (default), fixed or bucket"},
        {"latency", 0, CLI_NUMBER, &words.latency_ms, "MS", "each answer takes so long"},
        {"fault", 0, CLI_TEXTS, &words.faults, "KIND=SPEC", "a fault, see above; repeatable"},
        {"seed", 0, CLI_NUMBER, &words.seed, "N", "the same seed gives the same faults"},
        {"webhook", 0, CLI_TEXTS, &words.webhooks, "URL",
         "is told of every event, signed and retried as Clerk does; repeatable"},
        {"webhook-secret", 0, CLI_TEXT, &words.webhook_secret_file, "FILE",
         "holds whsec_…; else CLERK_WEBHOOK_SIGNING_SECRET, else a fresh one is printed"},
        {"listen-anywhere", 0, CLI_FLAG, &words.listen_anywhere, NULL,
         "allow an address that other machines reach"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL},
    };
    struct sandbox_opts opts;
    struct err err;
    size_t operands;
    int status = cli_parse(&(struct cli_syntax){"sandbox", "", about, options}, argc, argv, NULL, 0,
                           &operands);
    if (status >= 0)
        return status;
    if (read_words(&words, &opts, &err) != 0)
        status = cli_fail("sandbox", &err);
    else
        status = serve(&opts);
    buf_release(&words.webhook_secret);
    buf_release(&words.claims);
    return status;
}
