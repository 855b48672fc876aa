#include "migrate/decide.h"

#include <string.h>

#include "clerk/clerk.h"

struct decision decide(const struct ledger_user *known, const struct record *written,
                       const struct field_hashes *now)
{
    if (!known)
        return (struct decision){MIGRATE_CREATE, false};
    if (known->state == LEDGER_SENDING)
        return known->clerk_id.len > 0 ? (struct decision){MIGRATE_UPDATE, false}
                                       : (struct decision){MIGRATE_CREATE, true};
    if (known->state != LEDGER_DONE)
        return (struct decision){MIGRATE_CREATE, text_same(known->error_code, LEDGER_UNANSWERED)};
    bool same = field_hashes_same(&written->fields, now);
    return (struct decision){same ? MIGRATE_UNCHANGED : MIGRATE_UPDATE, false};
}

static bool is_identifier(const char *param)
{
    return strcmp(param, "email_address") == 0 || strcmp(param, "phone_number") == 0 ||
           strcmp(param, "username") == 0;
}

bool decide_is_stop(int status, const struct clerk_problem *problem)
{
    return status == 401 || (problem && strstr(problem->code, "quota_exceeded"));
}

enum verdict decide_answer(int status, bool has_user, const struct clerk_problem *problem)
{
    if (status == 200 && has_user)
        return VERDICT_CREATED;
    if (status < 400 || status >= 500 || !problem)
        return VERDICT_UNKNOWN;
    if (decide_is_stop(status, problem))
        return VERDICT_STOP;
    bool exists = strcmp(problem->code, "form_identifier_exists") == 0;
    if (exists && strcmp(problem->param, "external_id") == 0)
        return VERDICT_EXISTS;
    if (!is_identifier(problem->param))
        return VERDICT_REFUSED;
    return exists ? VERDICT_TAKEN : VERDICT_SPLIT;
}

bool decide_is_same_person(const struct decide_owner *owner)
{
    if (owner->has_external_id)
        return false;
    if (owner->field == USER_FIELD_username)
        return !owner->contacts_here && !owner->contacts_there;
    return owner->verified_here && owner->verified_there;
}
