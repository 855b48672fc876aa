/*
 * native: the forms in which platforms store password hashes, taken apart for digest_convert. Internal
 * to src/digest.
 *
 * A *form* looks at a text and answers: not mine, taken (the conversion is filled), or bad (it has my
 * prefix, but is damaged). A platform is a row of natives.h: the forms that it writes, tried in order,
 * and for exports in JSON one function that finds the text in the object.
 *
 * A form that is added: one function here, one word in the rows that write it.
 */
#ifndef USHER_DIGEST_NATIVE_H
#define USHER_DIGEST_NATIVE_H

#include "digest/digest.h"
#include "json/json.h"

/* No native form is longer than this many bytes. */
#define NATIVE_MAX (64 * 1024)

/* What stands behind every "cannot be held". */
#define WAY_OUT "; the way out is trickle or a password reset"

enum native_take { NATIVE_NOT_MINE, NATIVE_TAKEN, NATIVE_BAD };

struct native_platform;

/* scrypt taken apart; salt and key are bytes. */
struct native_scrypt {
    uint64_t n, r, p;
    struct text salt, key;
};

/* One conversion under way. */
struct native {
    const struct native_platform *platform;
    bool detecting;              /* under "auto": forms that take anything must not */
    struct native_scrypt scrypt; /* the last one met, also if it was refused: for digest_find */
    struct json *json;
    struct arena *arena;
    struct digest_conversion *out;
    struct err *err;
};

/* Answers for a text; what it keeps must be in the arena or in constants. */
typedef enum native_take native_form(struct native *native, struct text text);
/* The same for a parsed JSON object, which is gone after the next native_parse. */
typedef enum native_take native_object(struct native *native, struct json_value object);

struct native_platform {
    const char *name;          /* "aspnet-identity" */
    const char *aliases;       /* other names, folded (native_name_same), separated by spaces */
    native_object *object;     /* for a JSON object, or NULL */
    native_form *const *forms; /* ends with NULL; for any other text */
    const char *otherwise;     /* note on a text that fits no form; NULL: it is an input error */
    const char *none;          /* note on a user without a password */
};

/* All rows of natives.h; *count gets how many. */
const struct native_platform *native_platforms(size_t *count);
/* The row of that name (case, spaces and punctuation do not matter), or NULL. */
const struct native_platform *native_platform_find(struct text name);
/* Converts as one platform; 0 or -1 as digest_convert. */
int native_convert(struct native *native, struct text text);

/* Answers. Each returns what the form then returns. */
/* A digest for `hasher`, held to digest_parse; what CreateUser refuses is refused here too. */
enum native_take native_give(struct native *native, const char *hasher, struct text digest,
                             const char *note);
/* Clerk has no hasher for it; note says why and the way out. */
enum native_take native_refuse(struct native *native, const char *note);
/* The user has no password. */
enum native_take native_none(struct native *native, const char *note);
/* Damaged; `what` is a phrase without secrets. */
enum native_take native_bad(struct native *native, const char *what);

/* Tries the platform's forms on a text found inside an object. Empty or absent: no password. */
enum native_take native_forms(struct native *native, struct text text);

/* A prefix and the form that gets what stands behind it. A table ends with prefix NULL. */
struct native_prefix {
    const char *prefix;
    native_form *form;
    const char *refusal; /* with form NULL: the note of the refusal */
};
enum native_take native_by_prefix(struct native *native, struct text text,
                                  const struct native_prefix *table);

/* Splits text at `separator` into exactly count fields; false if there are more or fewer. */
bool native_split(struct text text, char separator, struct text *fields, size_t count);
/* The value of key in "a=1,b=2", or the absent text. */
struct text native_param(struct text params, const char *key);

/* Bytes in the arena; absent when the text is not of that encoding (or memory is out). */
struct text native_unhex(struct native *native, struct text hex);
/* Any base64: standard, URL or adapted alphabet, with or without padding. */
struct text native_unbase64(struct native *native, struct text base64);
/* The encodings, in the arena, hex in lower case; absent when memory is out. */
struct text native_hex(struct native *native, struct text bytes);
struct text native_base64(struct native *native, struct text bytes);
struct text native_base64_bare(struct native *native, struct text bytes);

/* Whether bytes can stand as a literal salt between $ signs: text, not empty, no $, no control. */
bool native_is_salt_text(struct text bytes);

/* A string member copied into the arena; absent if it is no string or holds a NUL. */
struct text native_string(struct native *native, struct json_value object, const char *key);
/* Parses JSON inside a text; the object before it is gone. False with err set. */
bool native_parse(struct native *native, struct text text, struct json_value *root);

/* PBKDF2 with a binary salt and key. */
enum native_prf { NATIVE_SHA1, NATIVE_SHA256, NATIVE_SHA512, NATIVE_OTHER };
enum native_take native_pbkdf2(struct native *native, enum native_prf prf, uint64_t iterations,
                               struct text salt, struct text key, const char *note);
/* scrypt; needs a salt that is text and a key of 64 bytes. */
enum native_take native_scrypt(struct native *native, const struct native_scrypt *scrypt,
                               const char *note);
/* MD5 and SHA-256 (by the length of `hash`, bytes) with a literal salt in front; salt may be empty. */
enum native_take native_salted(struct native *native, struct text salt, struct text hash,
                               const char *note);
/* Firebase's modified scrypt; all texts in any base64. */
struct native_firebase {
    struct text hash, salt, signer_key, salt_separator;
    uint64_t rounds, mem_cost;
};
enum native_take native_firebase_scrypt(struct native *native,
                                        const struct native_firebase *firebase);

/* Forms by family; each says in its file what it looks like. */
native_form form_bcrypt, form_argon2, form_phpass, form_hex, form_crypt;  /* native_crypt.c */
native_form form_drupal, form_phpbb;                                      /* native_php.c */
native_form form_django, form_werkzeug, form_better_auth;                 /* native_web.c */
native_form form_pbkdf2_phc, form_scrypt_phc, form_fbscrypt, form_kratos; /* native_phc.c */
native_form form_ldap, form_ldif;                                         /* native_ldap.c */
native_form form_identity, form_cognito;                                  /* native_vendor.c */
native_object object_membership, object_cognito, object_symfony,
    object_fusionauth;                   /* native_vendor.c */
native_object object_encrypted_password; /* native_web.c */
native_object object_keycloak;           /* native_keycloak.c */
native_object object_firebase;           /* native_firebase.c */
native_object object_auth0;              /* native_auth0.c */

#endif
