/*
 * A domain's doc: {"name","enrollment_mode","affiliation_email_address","affiliation_verification",
 * "ownership_verification"}, the verifications as they are answered. That of an address that was sent a code is a
 * verification (verification.h) under the domain's id until it is done. What comes of a verified domain is enrollment.h's.
 */
#include "sandbox/org_domains.h"

#include "sandbox/doc.h"
#include "sandbox/enrollment.h"
#include "sandbox/restriction.h"
#include "sandbox/verification.h"

/* Mail services that everybody has addresses of: no organization's. */
static const char *const common[] = {
    "163.com",     "126.com",        "aol.com",     "fastmail.com", "gmail.com",      "gmx.com",
    "gmx.de",      "gmx.net",        "hey.com",     "hotmail.com",  "googlemail.com", "icloud.com",
    "libero.it",   "live.com",       "mac.com",     "mail.com",     "mail.ru",        "me.com",
    "msn.com",     "orange.fr",      "outlook.com", "pm.me",        "proton.me",      "qq.com",
    "t-online.de", "protonmail.com", "web.de",      "yahoo.co.jp",  "yahoo.co.uk",    "yahoo.com",
    "yandex.ru",   "zoho.com",
};

static const struct resource_events events = {EVENT_organization_domain_created,
                                              EVENT_organization_domain_updated,
                                              EVENT_organization_domain_deleted};

const struct resource org_domain_resource = {
    .kind = ENTRY_ORG_DOMAIN,
    .object = "organization_domain",
    .what = "organization domain",
    .prefix = "orgdmn_",
    .name = "name",
    .taken = CLERK_organization_domain_already_exists_same_organization,
    .events = &events,
};

struct content {
    struct text name, enrollment_mode, affiliation_email_address;
    struct text affiliation_verification, ownership_verification; /* JSON */
};

static const struct doc_member members[] = {
    {"name", offsetof(struct content, name), false},
    {"enrollment_mode", offsetof(struct content, enrollment_mode), false},
    {"affiliation_email_address", offsetof(struct content, affiliation_email_address), false},
    {"affiliation_verification", offsetof(struct content, affiliation_verification), true},
    {"ownership_verification", offsetof(struct content, ownership_verification), true},
};

static bool decode(struct call *call, const struct entry *domain, struct content *content)
{
    return doc_decode(call, members, ARRAY_COUNT(members), domain, content);
}

static bool encode(struct call *call, const struct content *content, struct entry *domain)
{
    return doc_encode(call, members, ARRAY_COUNT(members), content, domain);
}

bool org_domains_enabled(struct call *call)
{
    return orgs_enabled(call) &&
           (call->desk->instance->settings.org_domains_enabled ||
            call_fail(call, CLERK_organization_domains_not_enabled, NULL,
                      "Domains of organizations are not enabled on this instance."));
}

/* ---- writing ---- */

static void put_json(struct json_out *out, const char *name, struct text json)
{
    json_field_raw(out, name, json.at ? json : TEXT("null"));
}

/* Of an address that was sent a code and has not told it yet. */
static bool read_unverified(struct call *call, const struct entry *domain, struct content *content)
{
    struct verification sent;
    bool found;
    if (content->affiliation_verification.at || !content->affiliation_email_address.at)
        return true;
    if (!verification_get(call, domain->id, &sent, &found))
        return false;
    if (found)
        content->affiliation_verification = arena_printf(
            call->arena,
            "{\"status\":\"%.*s\",\"strategy\":\"" ORG_DOMAIN_BY_EMAIL "\",\"attempts\":%lld,"
            "\"expire_at\":%lld,\"verified_at\":null}",
            TEXT_ARG(sent.status), (long long)sent.attempts, (long long)sent.expire_at);
    return true;
}

bool org_domains_write(struct call *call, const struct entry *domain, const struct org *org,
                       struct buf *to)
{
    struct json_out out = json_out(to);
    struct content content;
    int64_t invitations, suggestions;
    if (!decode(call, domain, &content) || !read_unverified(call, domain, &content) ||
        !enrollment_count(call, domain, &invitations, &suggestions))
        return false;
    json_open(&out, '{');
    json_field_text(&out, "object", text_of(org_domain_resource.object));
    json_field_text(&out, "id", domain->id);
    json_field_text(&out, "organization_id", domain->owner);
    json_field_text(&out, "name", content.name);
    json_field_text(&out, "enrollment_mode", content.enrollment_mode);
    json_field_text(&out, "affiliation_email_address", content.affiliation_email_address);
    put_json(&out, "affiliation_verification", content.affiliation_verification);
    put_json(&out, "verification", content.affiliation_verification);
    put_json(&out, "ownership_verification", content.ownership_verification);
    json_field_int(&out, "total_pending_invitations", invitations);
    json_field_int(&out, "total_pending_suggestions", suggestions);
    json_key(&out, TEXT("public_organization_data"));
    clerk_write_public_organization(&org->clerk, to);
    out.comma = true; /* the object has written itself */
    json_field_int(&out, "created_at", domain->created_at);
    json_field_int(&out, "updated_at", domain->updated_at);
    json_close(&out, '}');
    return true;
}

static bool tell(struct call *call, enum event_kind kind, const struct org *org,
                 const struct entry *domain)
{
    struct buf data;
    if (!event_wanted(call, kind))
        return true;
    buf_init(&data, EVENT_DATA_MAX);
    bool fine =
        org_domains_write(call, domain, org, &data) && event_put(call, kind, buf_text(&data));
    buf_release(&data);
    return fine;
}

/* ---- checks ---- */

bool org_domains_is_common(struct text name)
{
    for (size_t i = 0; i < ARRAY_COUNT(common); i++)
        if (text_same(name, text_of(common[i])))
            return true;
    return false;
}

static bool check_name(struct call *call, struct text name)
{
    struct text address = arena_printf(call->arena, "a@%.*s", TEXT_ARG(name));
    const char *problem = user_email_problem(address);
    if (problem)
        return call_fail(call, CLERK_form_param_format_invalid, "name",
                         "`name` must be a domain of email addresses: %s.", problem);
    if (org_domains_is_common(name))
        return call_fail(call, CLERK_organization_domain_common, "name",
                         "Everybody can have an address at this mail service.");
    return !restriction_is_disposable(name) ||
           call_fail(call, CLERK_organization_domain_blocked, "name",
                     "The domain is a disposable email service's.");
}

static bool check_mode(struct call *call, struct text mode)
{
    const struct user_texts *enabled = &call->desk->instance->settings.org_domains_enrollment_modes;
    if (!body_is_choice(ORG_DOMAIN_MODES, mode))
        return call_fail(call, CLERK_form_param_value_invalid, "enrollment_mode",
                         "`enrollment_mode` must be one of: %s.", ORG_DOMAIN_MODES);
    for (size_t i = 0; i < enabled->count; i++)
        if (text_same(enabled->at[i], mode))
            return true;
    return text_same(mode, TEXT("manual_invitation")) ||
           call_fail(call, CLERK_organization_domain_enrollment_mode_not_enabled, NULL,
                     "This enrollment mode is not enabled on this instance.");
}

/* No other organization may have verified it. */
static bool check_ours(struct call *call, const struct org *org, struct text name)
{
    static const char statement[] = "SELECT 1 FROM entries WHERE kind = ?1 AND name = ?2"
                                    " AND owner <> ?3 AND status = 'verified' LIMIT 1";
    struct err err;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (!query)
        return call_broken(call, &err);
    sql_bind_int(query, 1, ENTRY_ORG_DOMAIN);
    sql_bind_text(query, 2, name);
    sql_bind_text(query, 3, org->clerk.id);
    int got = sql_step(query, &err);
    sql_reset(query);
    if (got < 0)
        return call_broken(call, &err);
    return got == 0 || call_fail(call, CLERK_organization_domain_already_exists, "name",
                                 "Another organization has this domain.");
}

/* ---- changes ---- */

static struct text verification(struct call *call, struct text strategy, int64_t verified_at)
{
    struct buf json;
    buf_init(&json, 1024);
    struct json_out out = json_out(&json);
    json_open(&out, '{');
    json_field_text(&out, "status", TEXT("verified"));
    json_field_text(&out, "strategy", strategy);
    json_field_raw(&out, "attempts", TEXT("null"));
    json_field_raw(&out, "expire_at", TEXT("null"));
    json_key(&out, TEXT("verified_at"));
    if (verified_at == USER_UNSET)
        json_put_null(&out);
    else
        json_put_int(&out, verified_at);
    json_close(&out, '}');
    struct text copy = arena_copy(call->arena, buf_text(&json));
    buf_release(&json);
    return copy;
}

bool org_domains_make(struct call *call, const struct org *org, const struct org_domain_opts *opts,
                      struct entry *domain)
{
    struct text name = resource_fold(call->arena, opts->name);
    struct content content = {.name = name,
                              .enrollment_mode = opts->enrollment_mode.at
                                                     ? opts->enrollment_mode
                                                     : TEXT("manual_invitation")};
    *domain = (struct entry){.kind = ENTRY_ORG_DOMAIN,
                             .id = call_new_id(call, org_domain_resource.prefix),
                             .owner = org->clerk.id,
                             .name = name,
                             .claim = name,
                             .status = opts->verified ? TEXT("verified") : TEXT("unverified"),
                             .created_at = call->now_ms,
                             .updated_at = call->now_ms,
                             .expires_at = USER_UNSET};
    if (opts->verified)
        content.affiliation_verification = verification(call, TEXT(ORG_DOMAIN_BY_KEY), USER_UNSET);
    return check_name(call, name) && check_mode(call, content.enrollment_mode) &&
           check_ours(call, org, name) &&
           resource_check_room(call, &org_domain_resource, org->clerk.id,
                               call->desk->instance->settings.org_max_allowed_domains,
                               CLERK_organization_domain_quota_exceeded) &&
           encode(call, &content, domain) && resource_keep(call, &org_domain_resource, domain) &&
           tell(call, events.created, org, domain);
}

static bool put(struct call *call, const struct org *org, const struct content *content,
                struct entry *domain)
{
    return encode(call, content, domain) && resource_put(call, &org_domain_resource, domain) &&
           tell(call, events.updated, org, domain);
}

static bool change_verified(struct call *call, const struct org *org, struct entry *domain,
                            const struct org_domain_change *change, struct content *content)
{
    bool verified = change->verified == USER_FLAG_TRUE;
    if (change->verified == USER_FLAG_UNSET ||
        verified == text_same(domain->status, TEXT("verified")))
        return true;
    if (verified && !check_ours(call, org, domain->name))
        return false;
    domain->status = verified ? TEXT("verified") : TEXT("unverified");
    content->affiliation_email_address = change->email;
    content->affiliation_verification =
        verified ? verification(call, change->strategy, USER_UNSET) : (struct text){NULL, 0};
    return true;
}

bool org_domains_change(struct call *call, const struct org *org, struct entry *domain,
                        const struct org_domain_change *change)
{
    struct content content;
    if ((change->enrollment_mode.at && !check_mode(call, change->enrollment_mode)) ||
        !decode(call, domain, &content) || !change_verified(call, org, domain, change, &content))
        return false;
    if (change->enrollment_mode.at)
        content.enrollment_mode = change->enrollment_mode;
    return put(call, org, &content, domain);
}

bool org_domains_remove(struct call *call, const struct org *org, const struct entry *domain)
{
    struct err err;
    struct buf data;
    if (!enrollment_withdraw(call, org, domain) ||
        !call_check(call, entry_delete(call->desk->store, domain, &err), &err))
        return false;
    buf_init(&data, EVENT_DATA_MAX);
    clerk_write_deleted(org_domain_resource.object, domain->id, (struct text){NULL, 0}, &data);
    bool fine = event_put(call, events.deleted, buf_text(&data));
    buf_release(&data);
    return fine;
}

bool org_domains_send_code(struct call *call, const struct org *org, struct entry *domain,
                           struct text email)
{
    struct content content;
    struct verification sent;
    struct text host = text_part(email, text_find(email, '@', 0) + 1, email.len);
    if (text_same(domain->status, TEXT("verified")))
        return call_fail(call, CLERK_verification_already_verified, NULL,
                         "The domain is verified already.");
    if (!text_same_nocase(host, domain->name))
        return call_fail(call, CLERK_organization_domain_mismatch, "affiliation_email_address",
                         "The address must be one of the domain %.*s.", TEXT_ARG(domain->name));
    struct verification_opts opts = {
        .id = domain->id, .strategy = TEXT(ORG_DOMAIN_BY_EMAIL), .address = email, .target = email};
    if (!decode(call, domain, &content) || !verification_begin(call, &opts, &sent))
        return false;
    content.affiliation_email_address = email;
    return put(call, org, &content, domain);
}

bool org_domains_try_code(struct call *call, const struct org *org, struct entry *domain,
                          struct text code)
{
    struct verification sent;
    bool found;
    if (!verification_get(call, domain->id, &sent, &found))
        return false;
    if (!found)
        return call_fail(call, CLERK_verification_missing, NULL, "No code has been sent yet.");
    return verification_try(call, &sent, code) == VERIFICATION_RIGHT &&
           org_domains_change(call, org, domain,
                              &(struct org_domain_change){.verified = USER_FLAG_TRUE,
                                                          .strategy = TEXT(ORG_DOMAIN_BY_EMAIL),
                                                          .email = sent.target});
}

bool org_domains_find(struct call *call, struct text name, struct entry *domain, struct text *mode)
{
    static const char statement[] =
        "SELECT id FROM entries WHERE kind = ?1 AND name = ?2 AND status = 'verified' LIMIT 1";
    struct content content;
    struct text id = {NULL, 0};
    struct err err;
    *mode = id;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (!query)
        return call_broken(call, &err);
    sql_bind_int(query, 1, ENTRY_ORG_DOMAIN);
    sql_bind_text(query, 2, name);
    int got = sql_step(query, &err);
    if (got > 0)
        id = arena_copy(call->arena, sql_text(query, 0));
    sql_reset(query);
    if (got < 0)
        return call_broken(call, &err);
    if (!id.at)
        return true;
    if (!resource_get(call, &org_domain_resource, (struct text){NULL, 0}, id, domain) ||
        !decode(call, domain, &content))
        return false;
    *mode = content.enrollment_mode;
    return true;
}

bool org_domains_own(struct call *call, const struct org *org, struct entry *domain)
{
    struct content content;
    if (!decode(call, domain, &content))
        return false;
    if (content.ownership_verification.at)
        return true;
    content.ownership_verification = verification(call, TEXT(ORG_DOMAIN_OVERRIDE), call->now_ms);
    return put(call, org, &content, domain);
}
