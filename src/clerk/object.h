/*
 * clerk/object: the JSON of Clerk's objects, with exactly the fields of its OpenAPI file
 * (bapi-2026-05-12: User, EmailAddress, PhoneNumber, TotalCount, DeletedObject).
 */
#ifndef USHER_CLERK_OBJECT_H
#define USHER_CLERK_OBJECT_H

#include "json/json.h"
#include "user/user.h"

enum clerk_status {
    CLERK_UNVERIFIED, /* neither usable for sign-in nor locked to the user */
    CLERK_RESERVED,   /* usable, locked to the user, verified at the first sign-in */
    CLERK_VERIFIED
};

struct clerk_identifier {
    struct text id, value;
    enum clerk_status status;
    bool second_factor, default_second_factor; /* phone numbers only */
    int64_t created_at, updated_at;            /* milliseconds */
};

/* A user as Clerk keeps one. Times are milliseconds, USER_UNSET for null; absent texts are null. */
struct clerk_user {
    struct text id;
    struct user user; /* what CreateUser takes; identifiers and secrets are not read */
    bool password_enabled, totp_enabled, backup_code_enabled;
    struct clerk_identifier *emails, *phones;
    size_t email_count, phone_count;
    struct text primary_email_id, primary_phone_id;
    struct text image_url; /* absent: no picture */
    int64_t updated_at, password_updated_at, last_sign_in_at, last_active_at;
    int64_t mfa_enabled_at, mfa_disabled_at;
    int64_t lockout_expires_in_s; /* USER_UNSET: never expires, or not locked */
    int64_t attempts_remaining;   /* until lockout; USER_UNSET: no lockout */
};

/* Whether a second factor is asked for at sign-in: TOTP, or a phone number set up for it. */
bool clerk_has_second_factor(const struct clerk_user *user);

/* The primary email address, else phone number, else username; absent without any. */
struct text clerk_identifier_of(const struct clerk_user *user);

/* Each appends one object. */
void clerk_write_user(const struct clerk_user *user, struct buf *to);
/* For the Frontend API: memberships is a JSON array. */
void clerk_write_client_user(const struct clerk_user *user, struct text memberships,
                             struct buf *to);
/* What other users may see: PublicUserData. */
void clerk_write_public_user(const struct clerk_user *user, struct buf *to);
void clerk_write_email(const struct clerk_identifier *email, struct buf *to);
void clerk_write_phone(const struct clerk_identifier *phone, struct buf *to);
void clerk_write_count(int64_t count, struct buf *to);
/* object: "user", "email_address" … */
void clerk_write_deleted(const char *object, struct text id, struct text external_id,
                         struct buf *to);

#endif
