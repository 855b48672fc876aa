/*
 * sandbox/wording: the texts of emails and text messages. Each kind of message has a row here with its default texts;
 * an application's own take their place (/v1/templates, wordings.c). In a text, {{name}} stands for a value.
 *
 *     const struct wording *wording = wording_find(false, TEXT("invitation"));
 *     wording_get(call, wording, &texts) && wording_render(call, texts.body, values, count, &body)
 */
#ifndef USHER_SANDBOX_WORDING_H
#define USHER_SANDBOX_WORDING_H

#include "sandbox/resource.h"

/* WORDING(sms, slug, name, subject, body, further variables "a|b", those that the body must have) */
#define WORDINGS(WORDING)                                                                          \
    WORDING(false, "verification_code", "Verification code",                                       \
            "{{otp_code}} is your verification code",                                              \
            "{{otp_code}} is your verification code for {{app.name}}.", "otp_code", "otp_code")    \
    WORDING(false, "reset_password_code", "Reset password code",                                   \
            "{{otp_code}} is your verification code",                                              \
            "{{otp_code}} is your verification code for {{app.name}}.", "otp_code", "otp_code")    \
    WORDING(false, "invitation", "Invitation", "Your invitation to {{app.name}}",                  \
            "You are invited to join {{app.name}}. Sign up here: {{action_url}}", "action_url",    \
            "action_url")                                                                          \
    WORDING(false, "organization_invitation", "Organization invitation",                           \
            "You are invited to join {{org.name}}",                                                \
            "To join {{org.name}} follow this link: {{action_url}}", "action_url|org.name",        \
            "action_url")                                                                          \
    WORDING(false, "affiliation_code", "Affiliation code",                                         \
            "{{otp_code}} is your verification code",                                              \
            "{{otp_code}} verifies the domain of your organization at {{app.name}}.", "otp_code",  \
            "otp_code")                                                                            \
    WORDING(false, "waitlist_confirmation", "Waitlist confirmation",                               \
            "You are on the waiting list of {{app.name}}",                                         \
            "You will get an email when you can sign up for {{app.name}}.", "", "")                \
    WORDING(false, "waitlist_invitation", "Waitlist invitation", "You can join {{app.name}} now",  \
            "Sign up for {{app.name}} here: {{action_url}}", "action_url", "action_url")           \
    WORDING(true, "verification_code", "Verification code", NULL,                                  \
            "{{otp_code}} is your verification code for {{app.name}}.", "otp_code", "otp_code")    \
    WORDING(true, "reset_password_code", "Reset password code", NULL,                              \
            "{{otp_code}} is your verification code for {{app.name}}.", "otp_code", "otp_code")

struct wording {
    bool sms;
    const char *slug, *name;
    const char *subject; /* NULL for text messages */
    const char *body, *variables, *required;
};

extern const struct wording wordings[];
extern const size_t wording_count;

/* The row of a slug; NULL if there is none. */
const struct wording *wording_find(bool sms, struct text slug);

struct wording_texts {
    struct text subject; /* absent for text messages */
    struct text body;
    struct text from_name, reply_name; /* the local parts of the addresses */
    bool delivered;                    /* by Clerk; else the application does it, on the webhook */
};

/* What holds now, in the call's arena. Returns false after refusing. */
bool wording_get(struct call *call, const struct wording *wording, struct wording_texts *texts);

struct wording_value {
    const char *name; /* "otp_code" */
    struct text value;
};

/*
 * Puts the values in, and app.name; one that is not there is nothing. In the call's arena; an absent source gives an
 * absent text. Returns false after refusing.
 */
bool wording_render(struct call *call, struct text source, const struct wording_value *values,
                    size_t count, struct text *to);

/* The same without a call; application is app.name. A {{ without its }} stays as it is. */
void wording_fill(struct text source, struct text application, const struct wording_value *values,
                  size_t count, struct buf *to);

/* Whether every {{ has its }}. */
bool wording_is_well_formed(struct text source);
/* Whether a text has {{name}}. */
bool wording_uses(struct text source, struct text name);

/* How the ids of defaults begin. */
#define WORDING_DEFAULT "tmpl_default_"

/*
 * The application's own wording, as an entry; *own tells whether there is one, else it is composed of the defaults and
 * not stored. Returns false after refusing.
 */
bool wording_entry(struct call *call, const struct wording *wording, struct entry *entry,
                   bool *own);

#endif
