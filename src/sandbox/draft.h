/*
 * sandbox/draft: the body of CreateUser or UpdateUser, read and held against Clerk's rules
 * (user/user.h has the validators; here is which of Clerk's codes goes with which).
 */
#ifndef USHER_SANDBOX_DRAFT_H
#define USHER_SANDBOX_DRAFT_H

#include "sandbox/call.h"

struct draft {
    struct user user;
    uint64_t given;       /* bit by row of the table of fields; see draft_gave */
    struct text password; /* plain; becomes a digest in the pool */
    enum user_flag skip_password_checks, skip_password_requirement;
    enum user_flag skip_legal_checks, skip_user_requirement;
    struct user_texts email_status, phone_status, web3_wallet;
    struct text primary_email_id, primary_phone_id, primary_web3_id, image_id;
    enum user_flag notify, sign_out;
};

/* Reads and checks a body of POST /users. Returns false after refusing. */
bool draft_read_create(struct call *call, struct draft *draft);

/* Reads and checks a body of PATCH /users/{id}. */
bool draft_read_update(struct call *call, struct draft *draft);

/* Whether the body of an update had that parameter, even as null. */
bool draft_gave(const struct draft *draft, const char *name);

/* The validators with their codes, for other handlers. Each returns false after refusing. */
bool draft_check_email(struct call *call, struct text email);
bool draft_check_phone(struct call *call, struct text phone);
bool draft_check_name(struct call *call, const char *param, struct text name);

/*
 * What the settings of the instance say; each returns false after refusing. draft_check_attributes: no
 * attribute is in the body that is off. draft_check_required: none lacks that every user must have.
 * draft_check_legal: the terms were accepted, where they must be. draft_check_password: length and, if
 * rules, what characters it must have.
 */
bool draft_check_attributes(struct call *call);
bool draft_check_required(struct call *call, const struct draft *draft);
bool draft_check_legal(struct call *call, const struct draft *draft);
bool draft_check_password(struct call *call, struct text password, const char *param, bool rules);
bool draft_check_username(struct call *call, struct text username);

#endif
