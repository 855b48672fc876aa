/*
 * A code is looked for as a whole first, then by how it begins: families such as form_param_… share a step. Only
 * codes that the requests of an import can meet are in it: users, their identifiers, metadata, bans and second factors;
 * organizations and memberships.
 */
#include "migrate/advice.h"

#include <stdio.h>
#include <string.h>

#include "clerk/clerk.h"

#define AGAIN        "then run the same command again"
#define MEND         "mend the value in the export, or leave the field out with a mapping, " AGAIN
#define ATTRIBUTES   "turn it on in Clerk's Dashboard (Configure, User & authentication), " AGAIN
#define RESTRICTIONS "change that in Clerk's Dashboard (Configure, Restrictions), " AGAIN
#define ORGANIZATION "change that in Clerk's Dashboard (Configure, Organizations), " AGAIN
#define PLAN         "change the plan in Clerk's Dashboard (Billing), or leave out what needs it, " AGAIN
#define KEY          "check CLERK_SECRET_KEY: is it of this instance, and not revoked?"
#define SCIM         "change it in the directory that manages it (SCIM); Clerk takes it from there"
#define LATER        "run the same command again in a while"
#define SUPPORT      "ask Clerk's support, who can tell why, " AGAIN

static const struct {
    const char *code, *step;
} exact[] = {
    {"user_quota_exceeded",
     "delete users there that nobody needs, move into a production instance, or rehearse against "
     "'usher sandbox'; the same command goes on where it stopped"},
    {"quota_exceeded", PLAN},
    {"organization_quota_exceeded", ORGANIZATION},
    {"org_creation_limit_exceeded", ORGANIZATION},
    {"organization_membership_quota_exceeded",
     "raise max_allowed_memberships in the file or in Clerk's Dashboard, " AGAIN},
    {"organization_membership_quota_exceeded_for_sso",
     "raise max_allowed_memberships in the file or in Clerk's Dashboard, " AGAIN},
    {"organization_member_limit_managed_by_billing",
     "leave max_allowed_memberships out of the file: the organization's plan sets it, " AGAIN},
    {"plan_seat_limit_exceeded", PLAN},
    {"insufficient_seats", PLAN},
    {"unsupported_subscription_plan_features", PLAN},
    {"organization_not_enabled_in_instance", ORGANIZATION},
    {"organization_slugs_disabled", ORGANIZATION},
    {"organization_minimum_permissions_needed", ORGANIZATION},
    {"organization_creator_not_found", "import the users first, " AGAIN},
    {"exclusive_organization_membership",
     "the user may be in one organization only: leave the others out of the file, or change that "
     "in Clerk's Dashboard (Configure, Organizations), " AGAIN},
    {"already_a_member_in_organization", "nothing: the membership is there"},
    {"organization_membership_managed_by_scim", SCIM},
    {"user_managed_by_scim", SCIM},
    {"attribute_managed_by_scim", SCIM},
    {"role_migration_in_progress", LATER},
    {"resource_not_found",
     "if it is a role, make it in Clerk's Dashboard (Configure, Organizations, "
     "Roles) or change it in the file, " AGAIN},
    {"form_resource_not_found", "if it is a role, make it in Clerk's Dashboard (Configure, "
                                "Organizations, Roles) or change it in the file, " AGAIN},
    {"form_identifier_exists",
     "find out whose it is there: --existing adopt or update takes over who is the same person, "
     "anybody else must give it up or the export must do without"},
    {"duplicate_record", "leave the value in one place of the export, " AGAIN},
    {"identification_claimed",
     "somebody else has verified it there: leave it out of the export, " AGAIN},
    {"last_required_identification_deletion_failed",
     "give the user another identifier that the instance's settings ask for, " AGAIN},
    {"delete_linked_identification_disallowed",
     "disconnect the social account it belongs to in Clerk's Dashboard, " AGAIN},
    {"not_allowed_access", "the allowlist or blocklist keeps it out: " RESTRICTIONS},
    {"unsupported_country_code",
     "allow the country in Clerk's Dashboard (Configure, SMS), or leave the number out, " AGAIN},
    {"form_password_digest_invalid_code", "see what the digest really is with 'usher digest find', "
                                          "and give that hasher in a mapping, " AGAIN},
    {"invalid_totp_secret_code", MEND},
    {"totp_invalid_length", MEND},
    {"totp_disabled", ATTRIBUTES},
    {"password_disabled", ATTRIBUTES},
    {"feature_not_enabled", ATTRIBUTES},
    {"feature_not_implemented", PLAN},
    {"form_param_unknown",
     "turn on what the field belongs to in Clerk's Dashboard (Configure, User & "
     "authentication), or leave it out with a mapping, " AGAIN},
    {"form_data_missing", "give the field in the export or with a mapping, or make it optional in "
                          "Clerk's Dashboard (Configure, User & authentication), " AGAIN},
    {"form_param_missing", "give the field in the export or with a mapping, or make it optional in "
                           "Clerk's Dashboard (Configure, User & authentication), " AGAIN},
    {"form_param_value_too_large", "make the value smaller, " AGAIN},
    {"form_param_exceeds_allowed_size", "make the value smaller, " AGAIN},
    {"request_body_too_large", "make the record smaller: metadata holds 8 KB at most, " AGAIN},
    {"clerk_key_invalid", KEY},
    {"authentication_invalid", KEY},
    {"authorization_header_format_invalid", KEY},
    {"authorization_invalid", KEY},
    {"authorization_missing_scopes", KEY},
    {"instance_key_required", KEY},
    {"platform_api_auth_strategy_not_allowed", KEY},
    {"request_invalid_for_environment",
     "use the key of the kind of instance that this is meant for (sk_live_… or sk_test_…), " AGAIN},
    {"request_invalid_for_instance",
     "turn on what it needs in Clerk's Dashboard (Configure), " AGAIN},
    {"breaks_instance_invariant", "keep to what the instance's settings ask of every user, " AGAIN},
    {"user_banned", "unban the user in Clerk's Dashboard, " AGAIN},
    {"user_deactivated", "activate the user in Clerk's Dashboard, " AGAIN},
    {"user_locked", "unlock the user in Clerk's Dashboard, " AGAIN},
    {"action_blocked", SUPPORT},
    {"requires_protect_check", SUPPORT},
    {"deprovisioned", SUPPORT},
    {"resource_locked", LATER},
    {"conflict", LATER},
    {"service_unavailable", LATER},
    {"gateway_timeout", LATER},
    {"internal_clerk_error", LATER},
};

static const struct {
    const char *start, *step;
} families[] = {
    {"form_username_",
     "mend the username, or widen what Clerk's Dashboard allows of them (Configure, "
     "User & authentication), " AGAIN},
    {"form_password_", "the instance's rules refuse the password: give the digest instead, " AGAIN},
    {"form_", MEND},
    {"feature_requires_", ATTRIBUTES},
    {"identification_", "change the identifier in Clerk's Dashboard, " AGAIN},
    {"organization_", ORGANIZATION},
    {"api_version_", "tell us: this usher speaks a version of the API that Clerk no longer takes"},
    {"operation_deprecated", "tell us: this usher uses something that Clerk no longer offers"},
    {"", "mend what it names in the export or in Clerk's Dashboard, " AGAIN},
};

const char *advice_for(const char *code)
{
    for (size_t i = 0; i < sizeof(exact) / sizeof(*exact); i++)
        if (strcmp(exact[i].code, code) == 0)
            return exact[i].step;
    size_t i = 0;
    while (strncmp(families[i].start, code, strlen(families[i].start)) != 0)
        i++; /* every code begins with the last one */
    return families[i].step;
}

const char *advice_say(const struct clerk_problem *problem, char to[ADVICE_MAX])
{
    const char *message = problem->message[0] ? problem->message : "the target refused it";
    int len = (int)strlen(message);
    while (len > 0 && (message[len - 1] == '.' || message[len - 1] == ' '))
        len--;
    snprintf(to, ADVICE_MAX, "%.*s; %s", len, message, advice_for(problem->code));
    return to;
}
