/*
 * The connectors to legacy systems, one row each: CONNECTOR(name). A connector is one file
 * legacy_NAME.c that ends in one `const struct legacy_ops legacy_ops_NAME`, with a section in
 * docs/legacy.md and a test that mentions it.
 */
#ifndef USHER_TRICKLE_LEGACIES_H
#define USHER_TRICKLE_LEGACIES_H

#define LEGACY_CONNECTORS(CONNECTOR)                                                               \
    CONNECTOR(sql)                                                                                 \
    CONNECTOR(http)                                                                                \
    CONNECTOR(ldap)                                                                                \
    CONNECTOR(oauth)                                                                               \
    CONNECTOR(cognito)                                                                             \
    CONNECTOR(firebase)

/*
 * What a connector may be told, one row each: SETTING(name, meaning). All are texts; which of them a
 * connector needs and which it takes is in its ops. Secrets come resolved, from a file or the
 * environment.
 */
#define LEGACY_SETTINGS(SETTING)                                                                   \
    SETTING(url, "where the system is")                                                            \
    SETTING(form, "http: the form of the hook (usher, keycloak, ory, fusionauth)")                 \
    SETTING(auth, "how requests are proven: bearer, hmac, basic or the name of a header")          \
    SETTING(secret, "the token, key or password for it")                                           \
    SETTING(username, "the user name for basic; ldap: the DN to search as, with its secret")       \
    SETTING(moved_url, "where to tell that a user was moved")                                      \
    SETTING(ca_file, "the certificates to trust, instead of the system's")                         \
    SETTING(query, "sql: the query for one user, with :identifier")                                \
    SETTING(moved_query, "sql: the statement for a moved user, with :external_id and :clerk_id")   \
    SETTING(client_id, "oauth, cognito: the client")                                               \
    SETTING(client_secret, "oauth: its secret, if it has one")                                     \
    SETTING(scope, "oauth: the scope to ask for")                                                  \
    SETTING(userinfo_url, "oauth: where the user's claims are")                                    \
    SETTING(api_key, "firebase: the web API key")                                                  \
    SETTING(pool, "cognito: the id of the user pool")                                              \
    SETTING(base, "ldap: the DN to search under")                                                  \
    SETTING(filter, "ldap: the filter, with {identifier}")                                         \
    SETTING(starttls, "ldap: \"no\" leaves a connection to this machine plain")

#endif
