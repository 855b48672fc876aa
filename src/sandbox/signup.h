/*
 * sandbox/signup: somebody becoming a user: fields come in one or several requests, the addresses among them are
 * verified by codes, and when nothing is missing the user and a session are made.
 */
#ifndef USHER_SANDBOX_SIGNUP_H
#define USHER_SANDBOX_SIGNUP_H

#include "sandbox/row.h"

/*
 * status: "missing_requirements", "complete", "abandoned". user_id, session: what it made. invitation: the id of the
 * one that a ticket stood for; public_metadata: what came with it. custom_action: 1 if the application said so.
 */
#define SIGNUP_COLUMNS(TEXT_, NUMBER_)                                                             \
    TEXT_(client)                                                                                  \
    TEXT_(status)                                                                                  \
    TEXT_(email_address)                                                                           \
    TEXT_(phone_number)                                                                            \
    TEXT_(username)                                                                                \
    TEXT_(first_name)                                                                              \
    TEXT_(last_name)                                                                               \
    TEXT_(password_digest)                                                                         \
    TEXT_(unsafe_metadata)                                                                         \
    TEXT_(user_id)                                                                                 \
    TEXT_(session)                                                                                 \
    TEXT_(invitation)                                                                              \
    TEXT_(public_metadata)                                                                         \
    TEXT_(external_id)                                                                             \
    NUMBER_(custom_action)                                                                         \
    NUMBER_(legal_accepted_at)                                                                     \
    NUMBER_(created_at)                                                                            \
    NUMBER_(abandon_at)
struct signup {
    struct text id;
    SIGNUP_COLUMNS(ROW_TEXT, ROW_NUMBER)
};
extern const struct row_table signup_table;

struct call;

/* The two addresses that are verified. */
enum signup_contact { SIGNUP_EMAIL, SIGNUP_PHONE, SIGNUP_CONTACTS };

struct signup_contact_info {
    const char *name; /* "email_address" */
    const char *strategy;
    enum account_kind kind;
    size_t offset; /* of the value in struct signup */
};
extern const struct signup_contact_info signup_contacts[SIGNUP_CONTACTS];

/* The value of a contact; absent if it was not given. */
struct text signup_value(const struct signup *signup, enum signup_contact contact);
/* The id under which a contact's verification is stored. */
struct text signup_verification_id(struct call *call, const struct signup *signup,
                                   enum signup_contact contact);
/* Whether it is verified. Returns false after refusing. */
bool signup_is_verified(struct call *call, const struct signup *signup, enum signup_contact contact,
                        bool *verified);
/* Whether the instance wants it verified and it is not. Returns false after refusing. */
bool signup_is_unverified(struct call *call, const struct signup *signup,
                          enum signup_contact contact, bool *unverified);

/* What is required and was not given, as bits by enum settings_attribute_name. */
uint32_t signup_missing(struct call *call, const struct signup *signup);
/* Whether an attribute was given. */
bool signup_has(const struct signup *signup, unsigned attribute);

/*
 * Stores what is there; makes user and session if nothing is missing any more. Answers with the sign-up, or refuses.
 * Asks for call_mark before.
 */
void signup_settle(struct call *call, struct signup *signup);
bool signup_put(struct call *call, const struct signup *signup);
/* Answers with the sign-up and its client. */
void signup_answer(struct call *call, const struct signup *signup);

/* Appends the SignUp object, as the Backend API or the Frontend API has it. Returns false after refusing. */
bool signup_write(struct call *call, const struct signup *signup, struct json_out *out);
/* Appends the open sign-up of that id; null for an absent id, or one that is complete or over. */
bool signup_write_open(struct call *call, struct text id, struct json_out *out);

#endif
