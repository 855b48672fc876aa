/*
 * The table of digests: one row a hasher that Clerk's CreateUser takes, in alphabetical order. The name in a
 * row is Clerk's, for which some file of this folder defines `digest_ops_NAME`.
 */
#ifndef USHER_DIGEST_DIGESTS_H
#define USHER_DIGEST_DIGESTS_H

#define DIGESTS(DIGEST)                                                                            \
    DIGEST(argon2i)                                                                                \
    DIGEST(argon2id)                                                                               \
    DIGEST(awscognito)                                                                             \
    DIGEST(bcrypt)                                                                                 \
    DIGEST(bcrypt_peppered)                                                                        \
    DIGEST(bcrypt_sha256_django)                                                                   \
    DIGEST(hmac_sha256_utf16_b64)                                                                  \
    DIGEST(ldap_ssha)                                                                              \
    DIGEST(md5)                                                                                    \
    DIGEST(md5_phpass)                                                                             \
    DIGEST(md5_salted)                                                                             \
    DIGEST(pbkdf2_sha1)                                                                            \
    DIGEST(pbkdf2_sha256)                                                                          \
    DIGEST(pbkdf2_sha256_django)                                                                   \
    DIGEST(pbkdf2_sha512)                                                                          \
    DIGEST(pbkdf2_sha512_hex)                                                                      \
    DIGEST(phpass)                                                                                 \
    DIGEST(scrypt_firebase)                                                                        \
    DIGEST(scrypt_werkzeug)                                                                        \
    DIGEST(sha256)                                                                                 \
    DIGEST(sha256_salted)                                                                          \
    DIGEST(sha512_symfony)

#endif
