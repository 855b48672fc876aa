/*
 * sandbox/org: organizations and who belongs to them, in tables of their own, since there are millions.
 * Roles are entries (entry.h, role.h).
 *
 * A membership holds its role's key. How many members an organization has is counted in its row, so that
 * the limit is kept by the statement that adds one.
 */
#ifndef USHER_SANDBOX_ORG_H
#define USHER_SANDBOX_ORG_H

#include "sandbox/store.h"

struct org {
    int64_t seq;                     /* the row, in order of creation */
    int64_t members;                 /* how many */
    int64_t image;                   /* the number of the picture, see image.h; USER_UNSET: none */
    struct clerk_organization clerk; /* what it tells only when asked is unset */
};

struct membership {
    int64_t org, account;          /* seqs */
    struct clerk_membership clerk; /* role_name and permissions are not stored here */
};

/* STORE_TAKEN: the slug. Sets seq. */
enum store_answer org_add(struct store *store, struct org *org, struct err *err);
/* By id, or by slug. */
enum store_answer org_get(struct store *store, struct text id, struct arena *arena, struct org *org,
                          struct err *err);
enum store_answer org_get_by_slug(struct store *store, struct text slug, struct arena *arena,
                                  struct org *org, struct err *err);
enum store_answer org_get_seq(struct store *store, int64_t seq, struct arena *arena,
                              struct org *org, struct err *err);
/* Writes the row, but not how many members it has. */
enum store_answer org_put(struct store *store, const struct org *org, struct err *err);
/* With its memberships and its entries. */
enum store_answer org_delete(struct store *store, const struct org *org, struct err *err);

/* For a query "SELECT " org_columns " FROM organizations o …": reads columns from `at` on. */
extern const char org_columns[];
#define ORG_COLUMNS 14
int org_read(struct store *store, struct sql_query *query, int at, struct arena *arena,
             struct org *org, struct err *err);

/* STORE_TAKEN: the user is one already. STORE_NONE: the organization is full. */
enum store_answer membership_add(struct store *store, const struct membership *membership,
                                 struct err *err);
enum store_answer membership_get(struct store *store, int64_t org, int64_t account,
                                 struct arena *arena, struct membership *membership,
                                 struct err *err);
enum store_answer membership_put(struct store *store, const struct membership *membership,
                                 struct err *err);
enum store_answer membership_delete(struct store *store, const struct membership *membership,
                                    struct err *err);
/* All memberships of a user who goes. */
int membership_delete_of(struct store *store, int64_t account, struct err *err);
/* Whether anybody has that role, and giving all who have it another key. */
int membership_has_role(struct store *store, struct text role, bool *has, struct err *err);
int membership_rename_role(struct store *store, struct text from, struct text to, struct err *err);

/* For a query "SELECT " membership_columns " FROM memberships m …". */
extern const char membership_columns[];
#define MEMBERSHIP_COLUMNS 8
int membership_read(struct sql_query *query, int at, struct arena *arena,
                    struct membership *membership, struct err *err);

#endif
