/*
 * lookup: asking the target for up to 100 users at once by external id, email address, phone number, username or
 * its own id. Values are sent with a literal `+` in front, which Clerk strips: a leading `-` or `+` of the
 * value itself then means nothing.
 *
 *     lookup_init(&lookup, LOOKUP_EXTERNAL_ID, json, found, ended, arg);
 *     lookup_add(&lookup, id, owner);           // id must stay valid until ended
 *     lookup_send(&lookup, courier);
 */
#ifndef USHER_MIGRATE_LOOKUP_H
#define USHER_MIGRATE_LOOKUP_H

#include "base/base.h"
#include "clerk/clerk.h"
#include "migrate/courier.h"

#define LOOKUP_MAX 100

enum lookup_by {
    LOOKUP_EXTERNAL_ID,
    LOOKUP_EMAIL_ADDRESS,
    LOOKUP_PHONE_NUMBER,
    LOOKUP_USERNAME,
    LOOKUP_USER_ID, /* Clerk's own */
    LOOKUP_KINDS
};

struct lookup_item {
    struct text value;
    void *owner;
    bool found;
};

struct lookup {
    enum lookup_by by;
    size_t count;
    struct lookup_item items[LOOKUP_MAX];
    /* Called for each item that the target knows, with its User object. */
    void (*found)(struct lookup *lookup, struct lookup_item *item, struct json_value user);
    /* Called once at the end: NULL when answered; else why there is no answer and never will be. */
    void (*ended)(struct lookup *lookup, const struct err *err);
    void *arg;
    struct json *json;
    /* private */
    struct buf path;
    struct parcel parcel;
    size_t asked,
        in_path; /* items that are answered, and those after them in the request under way */
    uint32_t tries;
};

/* Prepares an empty batch; answers are parsed with json, which must live as long. found and ended are set by
 * the caller. Release gives the path's memory back. */
void lookup_init(struct lookup *lookup, enum lookup_by by, struct json *json, void *arg);
void lookup_release(struct lookup *lookup);

/* Empties the batch for its next use. */
void lookup_reset(struct lookup *lookup);

/* Adds a value; the batch must not be full (count < LOOKUP_MAX). */
void lookup_add(struct lookup *lookup, struct text value, void *owner);

/* Sends the batch, in several requests if its values are so long that one would be refused for its length. Lost answers and 5xx are asked again; a refusal of the key ends it with err. */
void lookup_send(struct lookup *lookup, struct courier *courier);

/* What a 401, 402 or 403 means for a whole command: ERR_REFUSED with the next step. */
int lookup_refusal(int status, struct json_value root, struct err *err);

#endif
