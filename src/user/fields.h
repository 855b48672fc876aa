/*
 * The fields of a user, one row each: FIELD(Clerk's CreateUser name, kind). Everything that handles a
 * user field by field (struct user, mappings, request bodies, the ledger's hashes, comparisons, the
 * sandbox) is made from this table; to add a field is to add a row.
 *
 * Kinds: TEXT a string · SECRET a string that is never shown · SECRETS an array of them · IDENTIFIERS an
 * array whose items are verified or reserved (its status array goes with it) · OBJECT a JSON object ·
 * TIME a moment · FLAG a boolean · NUMBER a whole number.
 */
#ifndef USHER_USER_FIELDS_H
#define USHER_USER_FIELDS_H

#define USER_FIELDS(FIELD)                                                                         \
    FIELD(external_id, TEXT)                                                                       \
    FIELD(first_name, TEXT)                                                                        \
    FIELD(last_name, TEXT)                                                                         \
    FIELD(locale, TEXT)                                                                            \
    FIELD(username, TEXT)                                                                          \
    FIELD(email_address, IDENTIFIERS)                                                              \
    FIELD(phone_number, IDENTIFIERS)                                                               \
    FIELD(password_hasher, TEXT)                                                                   \
    FIELD(password_digest, SECRET)                                                                 \
    FIELD(totp_secret, SECRET)                                                                     \
    FIELD(backup_codes, SECRETS)                                                                   \
    FIELD(public_metadata, OBJECT)                                                                 \
    FIELD(private_metadata, OBJECT)                                                                \
    FIELD(unsafe_metadata, OBJECT)                                                                 \
    FIELD(delete_self_enabled, FLAG)                                                               \
    FIELD(create_organization_enabled, FLAG)                                                       \
    FIELD(create_organizations_limit, NUMBER)                                                      \
    FIELD(legal_accepted_at, TIME)                                                                 \
    FIELD(created_at, TIME)                                                                        \
    FIELD(bypass_client_trust, FLAG)                                                               \
    FIELD(banned, FLAG)                                                                            \
    FIELD(locked, FLAG)

#endif
