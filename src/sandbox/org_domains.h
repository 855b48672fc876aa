/*
 * sandbox/org_domains: the domains of organizations, for the handlers of either API. A domain is an entry (entry.h):
 * its owner is the organization, its name the domain in lower case, its status "verified" or "unverified". Verified it
 * is one organization's alone; an organization has it once.
 *
 *     if (org_domains_enabled(call) && org_domains_make(call, &org, &opts, &domain))
 *         org_domains_write(call, &domain, &org, call_answer(call, 200));
 */
#ifndef USHER_SANDBOX_ORG_DOMAINS_H
#define USHER_SANDBOX_ORG_DOMAINS_H

#include "sandbox/orgs.h"

#define ORG_DOMAIN_MODES                                                                           \
    "manual_invitation|automatic_invitation|automatic_suggestion|enterprise_sso"

/* How the Backend API verifies domains, and that they belong to their organizations. */
#define ORG_DOMAIN_BY_KEY   "admin"
#define ORG_DOMAIN_BY_EMAIL "affiliation_email_code"
#define ORG_DOMAIN_OVERRIDE "manual_override"

struct org_domain_opts {
    struct text name;
    struct text enrollment_mode; /* absent: manual_invitation */
    bool verified;
};

struct org_domain_change {
    struct text enrollment_mode; /* absent: stays */
    enum user_flag verified;     /* USER_FLAG_UNSET: stays */
    struct text strategy,
        email; /* by what it is verified: "affiliation_email_code", and the address */
};

/* For resource_get, resource_list and resource_delete. */
extern const struct resource org_domain_resource;

/* Refuses if domains, or organizations, are off. Returns false after refusing. */
bool org_domains_enabled(struct call *call);

/*
 * Makes one and tells of it; refuses a name that is none or a mail service's, that the organization has already or
 * another one has verified, a mode that is not enabled, and one too many. Returns false after refusing.
 */
bool org_domains_make(struct call *call, const struct org *org, const struct org_domain_opts *opts,
                      struct entry *domain);

/* Stores the change and tells of it; refuses as org_domains_make. Returns false after refusing. */
bool org_domains_change(struct call *call, const struct org *org, struct entry *domain,
                        const struct org_domain_change *change);
/* With what it has offered and is pending; tells of it. Asks for call_mark before. Returns false after refusing. */
bool org_domains_remove(struct call *call, const struct org *org, const struct entry *domain);
/* Notes, once, that it is proven to be the organization's. Returns false after refusing. */
bool org_domains_own(struct call *call, const struct org *org, struct entry *domain);

/*
 * A code goes to an address of the domain; having it verifies the domain. Each refuses: an address elsewhere, a domain that
 * is verified already; a wrong or late code. Returns false after refusing.
 */
bool org_domains_send_code(struct call *call, const struct org *org, struct entry *domain,
                           struct text email);
bool org_domains_try_code(struct call *call, const struct org *org, struct entry *domain,
                          struct text code);

/* The verified one of that name, in lower case, and its mode; an absent mode: there is none. */
bool org_domains_find(struct call *call, struct text name, struct entry *domain, struct text *mode);

/* Whether everybody can have an address there; in lower case. */
bool org_domains_is_common(struct text name);

/* Appends the object. Returns false after refusing. */
bool org_domains_write(struct call *call, const struct entry *domain, const struct org *org,
                       struct buf *to);

/* Answers with the list of one organization's, filtered by the query. Returns false after refusing. */
bool org_domains_answer_list(struct call *call, const struct org *org);

#endif
