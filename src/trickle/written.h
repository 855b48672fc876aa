/*
 * written: the record (record/record.h) of a user whom the gateway creates, so that a later import knows what was
 * written and merges by it: what people change in Clerk wins, and the password that was typed stays.
 *
 *     written_take(&written, &key, user, &err);      // what the create is going to bring
 *     book_claim(…, written_content(&written), …);   // the intent
 *     written_see(&written, root);                   // the create's answer
 *     book_settle(…, written_content(&written), …);
 *     written_release(&written);
 */
#ifndef USHER_TRICKLE_WRITTEN_H
#define USHER_TRICKLE_WRITTEN_H

#include "record/record.h"

struct written {
    struct hash_key key;
    struct field_hashes fields;
    struct buf marks, content;
};

/* Makes the record of a user. Returns 0 or -1 (ERR_MEMORY); release it in either case. */
int written_take(struct written *written, const struct hash_key *key, const struct user *user,
                 struct err *err);
/* A zeroed one may be released, too. */
void written_release(struct written *written);

/* Adds what Clerk's answer to the create shows. Nothing of when the password was set: it is proven. */
void written_see(struct written *written, struct json_value user);

/* The ledger's form; valid until the next call. */
struct text written_content(struct written *written);

#endif
