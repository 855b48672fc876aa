/*
 * sandbox/entry: the small things that an instance keeps: roles, invitations, domains, allowlist … All in
 * one table of one shape: whose it is, what it is called, when it was made, and the rest as a JSON object.
 * resource.h serves them.
 *
 * Texts of what is read live in the arena that was given. An absent owner is the instance itself.
 */
#ifndef USHER_SANDBOX_ENTRY_H
#define USHER_SANDBOX_ENTRY_H

#include "sandbox/store.h"

/* Stored: a number is never used for something else. */
enum entry_kind {
    ENTRY_PERMISSION = 1,
    ENTRY_ROLE = 2,
    ENTRY_ROLE_SET = 3,
    ENTRY_ORG_INVITATION = 4,
    ENTRY_ORG_DOMAIN = 5,
    ENTRY_INVITATION = 6,
    ENTRY_ALLOWLIST = 7,
    ENTRY_BLOCKLIST = 8,
    ENTRY_REDIRECT_URL = 9,
    ENTRY_DOMAIN = 10,
    ENTRY_TEMPLATE = 11,
    ENTRY_WAITLIST = 12,
    ENTRY_PROXY_CHECK = 13,
    ENTRY_ORG_SUGGESTION = 14,
    ENTRY_ORG_REQUEST = 15
};

struct entry {
    enum entry_kind kind;
    struct text id, owner;
    struct text name;   /* what it is searched and sorted by */
    struct text claim;  /* no other entry of its kind and owner may have it; absent: none */
    struct text status; /* "pending"; absent: none */
    int64_t created_at, updated_at, expires_at; /* milliseconds; expires_at may be USER_UNSET */
    struct text doc;                            /* a JSON object */
};

/* For a query "SELECT " entry_columns " FROM entries r …": reads the current row. */
extern const char entry_columns[];
int entry_read(struct sql_query *query, struct arena *arena, struct entry *entry, struct err *err);

/* STORE_TAKEN: another has the claim. */
enum store_answer entry_add(struct store *store, const struct entry *entry, struct err *err);
enum store_answer entry_put(struct store *store, const struct entry *entry, struct err *err);
enum store_answer entry_get(struct store *store, enum entry_kind kind, struct text id,
                            struct arena *arena, struct entry *entry, struct err *err);
/* The one with that claim. */
enum store_answer entry_find(struct store *store, enum entry_kind kind, struct text owner,
                             struct text claim, struct arena *arena, struct entry *entry,
                             struct err *err);
enum store_answer entry_delete(struct store *store, const struct entry *entry, struct err *err);
/* All that belongs to that owner, of every kind. */
enum store_answer entry_delete_owned(struct store *store, struct text owner, struct err *err);
/* All of a kind that are called by that name. */
enum store_answer entry_delete_named(struct store *store, enum entry_kind kind, struct text name,
                                     struct err *err);
/* How many of a kind an owner has, with that status or (absent) any. */
int entry_count(struct store *store, enum entry_kind kind, struct text owner, struct text status,
                int64_t *count, struct err *err);

#endif
