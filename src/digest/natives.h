/*
 * The platforms whose stored digests can be converted, one row each, in the order in which "auto"
 * names them:
 *
 *   NATIVE(name, other names, function for a JSON object or NULL,
 *          FORMS(what a plain text may be, tried in order),
 *          note on any other text or NULL for an error, note on a user without a password or NULL)
 *
 * MODULAR are the forms that every platform may hold, since libraries write them by themselves. Other
 * names are written in lower case without spaces and punctuation, as names are compared.
 */
#ifndef USHER_DIGEST_NATIVES_H
#define USHER_DIGEST_NATIVES_H

#define MODULAR        form_bcrypt, form_argon2, form_crypt
#define NO_EXPORT(who) who " gives no password hashes away" WAY_OUT
#define CLEAR_TEXT                                                                                 \
    "no known hash: this may be a password in clear text; it is not repeated here; send it as "    \
    "`password`, or hash it with bcrypt first"

#define NATIVES(NATIVE)                                                                            \
    NATIVE("django", "", NULL, FORMS(form_django, form_hex), NULL, NULL)                           \
    NATIVE("werkzeug", "flask", NULL, FORMS(form_werkzeug, MODULAR), NULL, NULL)                   \
    NATIVE("php", "phppasswordhash phpcrypt", NULL, FORMS(MODULAR, form_phpass, form_hex), NULL,   \
           NULL)                                                                                   \
    NATIVE("wordpress", "", NULL, FORMS(form_phpass, MODULAR, form_hex), NULL, NULL)               \
    NATIVE("drupal", "", NULL, FORMS(form_drupal, form_phpass, MODULAR, form_hex), NULL, NULL)     \
    NATIVE("phpbb", "", NULL, FORMS(form_phpbb, form_phpass, MODULAR, form_hex), NULL, NULL)       \
    NATIVE("laravel", "", NULL, FORMS(MODULAR, form_hex), NULL, NULL)                              \
    NATIVE("devise", "rails", object_encrypted_password, FORMS(MODULAR, form_hex), NULL, NULL)     \
    NATIVE("keycloak", "", object_keycloak, FORMS(MODULAR), NULL, NULL)                            \
    NATIVE("aspnet-identity", "aspnetidentityv2 aspnetidentityv3 aspnetcoreidentity", NULL,        \
           FORMS(form_identity, MODULAR), NULL, NULL)                                              \
    NATIVE("aspnet-membership", "aspnetmembershiphmacsha256 aspnetmembershipsha1",                 \
           object_membership, FORMS(MODULAR), NULL, NULL)                                          \
    NATIVE("firebase", "firebaseexport firebaseadmin firebaseadminsdk firebaseadminsdklistusers",  \
           object_firebase, FORMS(MODULAR), NULL, NULL)                                            \
    NATIVE("auth0", "auth0export auth0custompasswordhash", object_auth0,                           \
           FORMS(MODULAR, form_pbkdf2_phc, form_ldap), NULL, NULL)                                 \
    NATIVE("supabase", "", object_encrypted_password, FORMS(form_fbscrypt, MODULAR), NULL, NULL)   \
    NATIVE("ldap", "ldif ldapldif ldapuserpassword openldap", NULL, FORMS(form_ldif, form_ldap),   \
           CLEAR_TEXT, NULL)                                                                       \
    NATIVE("passlib", "", NULL,                                                                    \
           FORMS(form_pbkdf2_phc, form_scrypt_phc, form_phpass, MODULAR, form_ldap, form_django,   \
                 form_hex),                                                                        \
           NULL, NULL)                                                                             \
    NATIVE("better-auth", "", NULL, FORMS(form_better_auth, MODULAR), NULL, NULL)                  \
    NATIVE("authjs", "nextauth nextauthauthjs", NULL, FORMS(MODULAR), NULL,                        \
           "Auth.js stores no password; a credentials provider keeps its own hash elsewhere")      \
    NATIVE("fusionauth", "", object_fusionauth, FORMS(MODULAR), NULL, NULL)                        \
    NATIVE("symfony", "symfonylegacy fosuserbundle", object_symfony, FORMS(MODULAR), NULL, NULL)   \
    NATIVE("kratos", "orykratos ory", NULL,                                                        \
           FORMS(form_kratos, form_pbkdf2_phc, form_scrypt_phc, form_ldap, MODULAR), NULL, NULL)   \
    NATIVE("cognito", "awscognito amazoncognito", object_cognito, FORMS(form_cognito), NULL, NULL) \
    NATIVE("okta", "", NULL, FORMS(NULL), NO_EXPORT("Okta"), NO_EXPORT("Okta"))                    \
    NATIVE("azure-ad-b2c", "azureadb2centraexternalid entra entraexternalid azure", NULL,          \
           FORMS(NULL), NO_EXPORT("Azure AD B2C"), NO_EXPORT("Azure AD B2C"))                      \
    NATIVE("workos", "", NULL, FORMS(NULL), NO_EXPORT("WorkOS"), NO_EXPORT("WorkOS"))

#endif
