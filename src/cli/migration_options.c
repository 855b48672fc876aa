/* The options of check, plan, import, verify and undo. */
#include <string.h>

#include "cli/migration.h"

const struct cli_option *migration_options(struct migration *m, int takes, struct cli_option *to)
{
    const struct {
        int takes;
        struct cli_option option;
    } all[] = {
        {MIGRATION_EXPORT,
         {"from", 'f', CLI_TEXT, &m->from, "PLATFORM",
          "auto, a platform, or a mapping (FILE.json)"}},
        {MIGRATION_EXPORT,
         {"through", 0, CLI_TEXT, &m->through, "CMD",
          "pipe records as JSON Lines through a command"}},
        {MIGRATION_EXPORT,
         {"record-max", 0, CLI_NUMBER, &m->record_max, "BYTES",
          "largest record (default 16777216)"}},
        {MIGRATION_EXPORT,
         {"firebase-signer-key", 0, CLI_TEXT, &m->signer_key, "BASE64",
          "Firebase: base64_signer_key"}},
        {MIGRATION_EXPORT,
         {"firebase-salt-separator", 0, CLI_TEXT, &m->salt_separator, "BASE64",
          "Firebase: base64_salt_separator"}},
        {MIGRATION_EXPORT, {"firebase-rounds", 0, CLI_NUMBER, &m->rounds, "N", "Firebase: rounds"}},
        {MIGRATION_EXPORT,
         {"firebase-mem-cost", 0, CLI_NUMBER, &m->mem_cost, "N", "Firebase: mem_cost"}},
        {MIGRATION_BODIES,
         {"bodies", 0, CLI_FLAG, &m->bodies, NULL,
          "one JSON line a row: its CreateUser body, or the reason"}},
        {MIGRATION_LEDGER,
         {"ledger", 'l', CLI_TEXT, &m->ledger, "FILE",
          "record of what has moved: a file, or postgres://… (default usher.ledger)"}},
        {MIGRATION_REJECTS,
         {"rejects", 0, CLI_TEXT, &m->rejects, "FILE", "write rejected rows there, to be mended"}},
        {MIGRATION_TARGET,
         {"rate", 0, CLI_TEXT, &m->rate, "N|off",
          "requests a second (default: what Clerk allows)"}},
        {MIGRATION_TARGET,
         {"share", 0, CLI_TEXT, &m->share, "N%", "part of the allowance to use (default 100%)"}},
        {MIGRATION_TARGET,
         {"patience", 0, CLI_NUMBER, &m->patience, "SECONDS",
          "go on without an answer (default 300)"}},
        {MIGRATION_LIMIT, {"limit", 0, CLI_NUMBER, &m->limit, "N", "at most so many users"}},
        {MIGRATION_ONLY,
         {"only", 0, CLI_TEXTS, &m->only, "ID", "only this external id (repeatable)"}},
        {MIGRATION_EXISTING,
         {"existing", 0, CLI_TEXT, &m->existing, "WHAT",
          "what is there and the ledger does not know: report, adopt or update"}},
        {MIGRATION_MERGES,
         {"prefer", 0, CLI_TEXTS, &m->prefer, "source[:FIELDS]",
          "let the source win where both sides changed a field"}},
        {MIGRATION_MERGES | MIGRATION_GONE,
         {"gone", 0, CLI_TEXT, &m->gone, "WHAT",
          "what is no longer in the export: report, ban (users) or delete"}},
        {MIGRATION_FORCE,
         {"force", 0, CLI_FLAG, &m->force, NULL, "go on where usher is suspicious"}},
        {MIGRATION_DIFFERENCES,
         {"differences", 0, CLI_TEXT, &m->differences, "FILE",
          "write each difference there, one JSON object a line"}},
        {MIGRATION_CANARY,
         {"canary", 0, CLI_TEXT, &m->canary, "FILE",
          "known external ids and passwords, which the target must verify"}},
        {MIGRATION_YES, {"yes", 'y', CLI_FLAG, &m->yes, NULL, "do not ask before anything"}},
        {0, {"json", 0, CLI_FLAG, &m->json, NULL, "events as JSON Lines on standard output"}},
        {0, {"quiet", 'q', CLI_FLAG, &m->quiet, NULL, "no progress"}},
    };
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        if (!all[i].takes || (takes & all[i].takes))
            to[count++] = all[i].option;
    to[count] = (struct cli_option){0};
    return to;
}

static int refuse(struct migration *m, const char *option, const char *why)
{
    fprintf(stderr, "usher %s: --%s: %s; see 'usher %s --help'\n", m->command, option, why,
            m->command);
    return CLI_USAGE;
}

static int read_pace(struct migration *m)
{
    uint64_t value;
    if (m->rate && strcmp(m->rate, "off") == 0) {
        m->opts.target.unlimited = true;
    } else if (m->rate) {
        if (!text_u64(text_of(m->rate), 100000, &value) || value == 0)
            return refuse(m, "rate", "a whole number of requests a second, or off");
        m->opts.target.rate = (uint32_t)value;
    }
    if (m->share) {
        struct text share = text_of(m->share);
        if (text_ends(share, TEXT("%")))
            share.len--;
        if (!text_u64(share, 100, &value) || value == 0)
            return refuse(m, "share", "a percentage from 1 to 100");
        m->opts.target.share = (uint32_t)value;
    }
    m->opts.target.patience_us = (int64_t)m->patience * 1000000;
    return -1;
}

static int read_settings(struct migration *m)
{
    struct err err;
    struct migrate_target *target = &m->opts.target;
    if (target_settings(&m->arena, &target->api_url, &target->key, &target->key_from, &err))
        return cli_fail(m->command, &err);
    return -1;
}

static int choose(struct migration *m, const char *option, const char *given,
                  const char *const names[3], int *choice)
{
    char why[96];
    *choice = 0;
    for (int i = 0; given && i < 3; i++)
        if (strcmp(given, names[i]) == 0) {
            *choice = i;
            return -1;
        }
    if (!given)
        return -1;
    snprintf(why, sizeof(why), "%s, %s or %s", names[0], names[1], names[2]);
    return refuse(m, option, why);
}

/* One field of --prefer. A password is not among them: nobody gets an old one back. */
static int prefer_field(struct migration *m, struct text name)
{
    enum user_field field = user_field_find(name);
    if (field == USER_FIELD_password_digest || field == USER_FIELD_password_hasher)
        return refuse(m, "prefer", "a password set in Clerk always stays");
    if (field == USER_FIELD_COUNT || field == USER_FIELD_external_id ||
        field == USER_FIELD_created_at)
        return refuse(m, "prefer", "source, or source:FIELD,FIELD with fields such as first_name");
    m->opts.prefer |= USER_FIELD_BIT(field);
    return -1;
}

static int read_prefer(struct migration *m)
{
    int status = -1;
    for (size_t i = 0; i < m->prefer.count && status < 0; i++) {
        struct text rest = text_of(m->prefer.at[i]), name;
        if (text_same(rest, TEXT("source")))
            m->opts.prefer = ~(USER_FIELD_BIT(USER_FIELD_password_digest) |
                               USER_FIELD_BIT(USER_FIELD_password_hasher));
        else if (!text_starts(rest, TEXT("source:")))
            status = refuse(m, "prefer", "source, or source:FIELD,FIELD");
        else
            for (rest = text_part(rest, 7, rest.len); status < 0 && text_field(&rest, ',', &name);)
                status = prefer_field(m, name);
    }
    return status;
}

static int read_merge(struct migration *m)
{
    static const char *const existing[] = {"report", "adopt", "update"};
    static const char *const gone[] = {"report", "ban", "delete"};
    int choice, status = choose(m, "existing", m->existing, existing, &choice);
    m->opts.existing = (enum migrate_existing)choice;
    if (status < 0)
        status = choose(m, "gone", m->gone, gone, &choice);
    m->opts.gone = (enum migrate_gone)choice;
    m->opts.force = m->force;
    return status < 0 ? read_prefer(m) : status;
}

static void read_source(struct migration *m, const char *file)
{
    m->opts.source = (struct source_opts){
        .path = file,
        .from = m->from ? text_of(m->from) : TEXT("auto"),
        .through = m->through,
        .record_max = m->record_max,
        .firebase = {text_of(m->signer_key), text_of(m->salt_separator), (uint32_t)m->rounds,
                     (uint32_t)m->mem_cost},
        .keep_raw = m->rejects != NULL,
    };
}

int migration_read_options(struct migration *m, const char *file, int takes)
{
    read_source(m, file);
    m->opts.ledger = m->ledger ? m->ledger : "usher.ledger";
    m->opts.rejects = m->rejects;
    m->opts.limit = m->limit;
    m->opts.only = m->only.at;
    m->opts.only_count = m->only.count;
    if (!(takes & MIGRATION_TARGET))
        return -1;
    int status = read_merge(m);
    if (status < 0)
        status = read_pace(m);
    return status < 0 ? read_settings(m) : status;
}
