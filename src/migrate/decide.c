#include "migrate/decide.h"

#include <string.h>

#include "clerk/clerk.h"

struct decision decide(const struct ledger_user *known, const struct field_hashes *now)
{
    struct field_hashes written;
    if (!known)
        return (struct decision){MIGRATE_CREATE, false};
    if (known->state == LEDGER_SENDING)
        return (struct decision){MIGRATE_CREATE, true};
    if (known->state != LEDGER_DONE)
        return (struct decision){MIGRATE_CREATE, false};
    field_hashes_read(&written, known->hashes);
    bool same = memcmp(&written, now, sizeof(written)) == 0;
    return (struct decision){same ? MIGRATE_UNCHANGED : MIGRATE_UPDATE, false};
}

enum merge decide_field(enum user_field field, uint64_t written, uint64_t source, uint64_t target)
{
    if (source == written)
        return MERGE_NOTHING;
    if (!field_is_readable(field))
        return MERGE_KEPT;
    if (target == source)
        return MERGE_NOTHING;
    return target == written ? MERGE_WRITE : MERGE_KEPT;
}

static bool is_identifier(const char *param)
{
    return strcmp(param, "email_address") == 0 || strcmp(param, "phone_number") == 0 ||
           strcmp(param, "username") == 0;
}

enum verdict decide_answer(int status, bool has_user, const struct clerk_problem *problem)
{
    if (status == 200 && has_user)
        return VERDICT_CREATED;
    if (status < 400 || status >= 500 || !problem)
        return VERDICT_UNKNOWN;
    if (status == 401 || strstr(problem->code, "quota_exceeded"))
        return VERDICT_STOP;
    if (strcmp(problem->param, "external_id") == 0 &&
        strcmp(problem->code, "form_identifier_exists") == 0)
        return VERDICT_EXISTS;
    return is_identifier(problem->param) ? VERDICT_SPLIT : VERDICT_REFUSED;
}
