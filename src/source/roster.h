/*
 * roster: organizations and who belongs to them, out of a file of records: a JSON array, {"data":[…]} and
 * other wrappers, JSON Lines or CSV, plain or packed, as source_open reads them.
 *
 *     roster_open(&roster, "organizations.jsonl", &err);
 *     while ((got = roster_next(roster, &entry, &err)) > 0) use(&entry);
 *     roster_close(roster);
 *
 * One table of fields knows the shapes of Clerk (Organization, OrganizationMembership), Auth0 (Organization with its
 * members, or members with an org_id), WorkOS (Organization, OrganizationMembership) and of a file of one's own with
 * the columns organization_id, name, slug, user_id, role, public_metadata, private_metadata. A record that names
 * a user is a membership, any other an organization; an organization's "members" follow it as memberships.
 * What only the application could edit at the source (Auth0's and WorkOS's metadata) is private_metadata.
 */
#ifndef USHER_SOURCE_ROSTER_H
#define USHER_SOURCE_ROSTER_H

#include "base/base.h"

enum roster_kind { ROSTER_ORGANIZATION, ROSTER_MEMBERSHIP };

struct roster_entry {
    enum roster_kind kind;
    uint64_t row;       /* of the record, from 1; members share their organization's */
    uint64_t offset;    /* of its first byte in the stream */
    const char *reason; /* why it cannot be used ("missing_id", …), or NULL */
    char detail[160];
    struct text organization; /* its id at the source */
    struct text name;         /* an organization's; its display name where it has both */
    struct text slug;         /* an organization's unique short name; absent: the source has none */
    struct text user;         /* a membership's: the user's external id */
    struct text
        role; /* a membership's, as the source spells it: "admin", "org:member"; absent: none */
    struct text public_metadata, private_metadata; /* JSON objects; absent: none */
    int64_t created_ms;  /* an organization's, since the epoch; USER_UNSET: unknown */
    int64_t members_max; /* an organization's; USER_UNSET: the source has no limit */
};

struct roster;

/* Opens a file, or "-". Returns 0 or -1: ERR_IO, or ERR_INPUT for what is no file of records. */
int roster_open(struct roster **roster, const char *path, struct err *err);
void roster_close(struct roster *roster);

/* The next entry; its texts are valid until the next call. Returns 1, 0 at the end, or -1 as source_next. */
int roster_next(struct roster *roster, struct roster_entry *entry, struct err *err);

/* Bytes read so far, and the file's size (0 if unknown): for progress. */
uint64_t roster_bytes_read(const struct roster *roster);
uint64_t roster_bytes_total(const struct roster *roster);

#endif
