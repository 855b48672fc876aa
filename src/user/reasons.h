/*
 * Why a row of an export is not moved, one row each: REASON(name, what it means and what to do).
 * The names are part of the interface: `usher check --bodies`, reports and the rejects file use them.
 */
#ifndef USHER_USER_REASONS_H
#define USHER_USER_REASONS_H

#define USER_REASONS(REASON)                                                                       \
    REASON(malformed_row, "the row cannot be read; mend it at the byte offset given")              \
    REASON(not_an_object, "the record is no JSON object; remove it")                               \
    REASON(invalid_utf8, "the row is not UTF-8; convert it (iconv) and import it again")           \
    REASON(too_large, "the record is larger than the limit; shrink it, or raise --record-max")     \
    REASON(invalid_type, "a field has a value of the wrong type")                                  \
    REASON(missing_id, "the record has no id; give it one, it becomes external_id")                \
    REASON(duplicate_id, "an earlier row has the same id; keep one of them")                       \
    REASON(no_identifier, "no email address, phone number or username; nobody could sign in")      \
    REASON(missing_field, "a field that the mapping requires is missing")                          \
    REASON(invalid_email, "an email address that Clerk refuses")                                   \
    REASON(duplicate_email, "an earlier row has the same email address")                           \
    REASON(invalid_phone, "a phone number that is not E.164 (+ and 7 to 15 digits)")               \
    REASON(duplicate_phone, "an earlier row has the same phone number")                            \
    REASON(invalid_username, "a username that Clerk refuses")                                      \
    REASON(duplicate_username, "an earlier row has the same username")                             \
    REASON(invalid_name, "a name that is a phone number, a URL or HTML")                           \
    REASON(invalid_metadata, "metadata that is not a JSON object")                                 \
    REASON(invalid_created_at, "created_at is no date")                                            \
    REASON(invalid_legal_accepted_at, "legal_accepted_at is no date")                              \
    REASON(missing_password_hasher, "a password digest without its hasher")                        \
    REASON(unknown_password_hasher, "a password hasher that Clerk does not have")                  \
    REASON(missing_password_salt, "a password digest without its salt")                            \
    REASON(missing_password_digest, "a password hasher without its digest")                        \
    REASON(invalid_password_digest, "a password digest whose shape does not fit its hasher")       \
    REASON(unsupported_password, "a digest that Clerk cannot hold; use trickle, or a reset")       \
    REASON(invalid_totp_secret, "a TOTP secret that is not base32")                                \
    REASON(deleted_user, "the user was deleted at the source")

#endif
