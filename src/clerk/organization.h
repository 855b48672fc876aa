/*
 * clerk/organization: the JSON of organizations and memberships, with the fields of Clerk's OpenAPI file
 * (bapi-2026-05-12: Organization, OrganizationMembership, OrganizationMembershipPublicUserData).
 */
#ifndef USHER_CLERK_ORGANIZATION_H
#define USHER_CLERK_ORGANIZATION_H

#include "clerk/object.h"

/* Times are milliseconds. */
struct clerk_organization {
    struct text id, name, slug;
    struct text image_url, created_by, role_set_key; /* absent: none */
    struct text public_metadata, private_metadata;   /* JSON objects; absent: {} */
    bool admin_delete_enabled;
    int64_t max_allowed_memberships; /* 0: any number */
    int64_t created_at, updated_at;
    /* What is told only when it was asked for; USER_UNSET: left out. */
    int64_t members_count, pending_invitations_count;
    enum user_flag missing_elevated_member;
};

struct clerk_membership {
    struct text id;
    struct text role, role_name;                   /* "org:admin", "Admin" */
    struct user_texts permissions;                 /* keys */
    struct text public_metadata, private_metadata; /* JSON objects; absent: {} */
    int64_t created_at, updated_at;
};

/* What an application's front end may see of private metadata is nothing. */
enum clerk_audience { CLERK_BACKEND, CLERK_FRONTEND };

/* Each appends one object. */
void clerk_write_organization(const struct clerk_organization *organization,
                              enum clerk_audience audience, struct buf *to);
/* Members id, name, slug, image_url, has_image alone, as in invitations and domains. */
void clerk_write_public_organization(const struct clerk_organization *organization, struct buf *to);
/* What members of an organization see of each other. */
void clerk_write_member_user(const struct clerk_user *user, struct buf *to);
/* What an invitation tells of who sent it. */
void clerk_write_inviter(const struct clerk_user *user, struct buf *to);
/* user NULL: without public_user_data. */
void clerk_write_membership(const struct clerk_membership *membership,
                            const struct clerk_organization *organization,
                            const struct clerk_user *user, enum clerk_audience audience,
                            struct buf *to);

#endif
