/*
 * Firebase Authentication: a user as the CLI exports it (passwordHash, salt) or as the Admin SDK lists
 * it (passwordHash, passwordSalt, URL-safe base64), with the project's hash parameters:
 *
 *   {"user": {…}, "hash_config": {"algorithm": "SCRYPT", "base64_signer_key": …,
 *    "base64_salt_separator": …, "rounds": 8, "mem_cost": 14}}
 *
 * Without the parameters nothing is guessed.
 */
#include "digest/native.h"

/* base64 of REDACTED: what an export without the right to read hashes holds. */
static bool is_redacted(struct text hash)
{
    return text_starts(hash, TEXT("UkVEQUNURUQ"));
}

static enum native_take give(struct native *n, struct json_value config,
                             struct native_firebase *firebase)
{
    struct text algorithm = native_string(n, config, "algorithm");
    firebase->signer_key = native_string(n, config, "base64_signer_key");
    firebase->salt_separator = native_string(n, config, "base64_salt_separator");
    firebase->rounds = json_uint(json_get(config, TEXT("rounds")));
    firebase->mem_cost = json_uint(json_get(config, TEXT("mem_cost")));
    if (algorithm.at && !text_same_nocase(algorithm, TEXT("SCRYPT")))
        return native_refuse(n, "a hash algorithm other than Firebase's own SCRYPT" WAY_OUT);
    if (!firebase->signer_key.len || !firebase->salt_separator.at || !firebase->rounds ||
        !firebase->mem_cost)
        return native_bad(n,
                          "hash_config lacks base64_signer_key, base64_salt_separator, rounds or "
                          "mem_cost (console: Authentication, Users, Password hash parameters)");
    return native_firebase_scrypt(n, firebase);
}

enum native_take object_firebase(struct native *n, struct json_value object)
{
    struct json_value user = json_get(object, TEXT("user"));
    struct json_value config = json_get(object, TEXT("hash_config"));
    if (n->detecting && json_type(config) != JSON_OBJECT)
        return NATIVE_NOT_MINE;
    if (json_type(user) != JSON_OBJECT)
        user = object;
    struct native_firebase firebase = {.hash = native_string(n, user, "passwordHash"),
                                       .salt = native_string(n, user, "salt")};
    if (!firebase.salt.len)
        firebase.salt = native_string(n, user, "passwordSalt");
    if (!firebase.hash.len)
        return native_none(n, "no password stored");
    if (is_redacted(firebase.hash))
        return native_refuse(n,
                             "the hash was withheld from the export: export again with the right "
                             "to read password hashes (role Firebase Authentication Admin)");
    if (!firebase.salt.at)
        firebase.salt = TEXT("");
    return give(n, config, &firebase);
}
