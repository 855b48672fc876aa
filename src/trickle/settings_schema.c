/* The schema of usher.yaml: its keys, and which of its texts are secrets. */
#include "trickle/settings_inside.h"

#define OPTIONAL CYAML_FLAG_OPTIONAL
/* A text of at least one byte. */
#define STRING(struct_, key, flags)                                                                \
    CYAML_FIELD_STRING_PTR(#key, flags, struct struct_, key, 1, CYAML_UNLIMITED)
/* Read as a text, since cyaml takes 1.5 for 1. */
#define NUMBER(struct_, key)                                                                       \
    CYAML_FIELD_STRING_PTR(#key, OPTIONAL, struct struct_, key##_given, 1, CYAML_UNLIMITED)
#define SECTION(struct_, key, flags, fields)                                                       \
    CYAML_FIELD_MAPPING(#key, flags, struct struct_, key, fields)
#define CHOICE(key, words)                                                                         \
    CYAML_FIELD_ENUM(#key, OPTIONAL | CYAML_FLAG_STRICT, struct decide_policy, key, words,         \
                     CYAML_ARRAY_LEN(words))

static const cyaml_schema_field_t tls_fields[] = {
    STRING(settings_tls, cert, 0),
    STRING(settings_tls, key, 0),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t proxy_fields[] = {
    STRING(settings_proxy, url, 0),
    STRING(settings_proxy, upstream, OPTIONAL),
    STRING(settings_proxy, ca_file, OPTIONAL),
    STRING(settings_proxy, client_address, OPTIONAL),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t clerk_fields[] = {
    STRING(settings_clerk, secret_key, 0),
    STRING(settings_clerk, api_url, OPTIONAL),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t legacy_fields[] = {
    STRING(settings_legacy, connector, 0),
    STRING(settings_legacy, from, OPTIONAL),
    NUMBER(settings_legacy, budget_ms),
    NUMBER(settings_legacy, threads),
    NUMBER(settings_legacy, queue_max),
#define SETTING(name, meaning) STRING(settings_legacy, name, OPTIONAL),
    LEGACY_SETTINGS(SETTING)
#undef SETTING
        CYAML_FIELD_END,
};

static const cyaml_schema_field_t bridge_fields[] = {
#define SETTING(name, meaning) STRING(settings_bridge, name, OPTIONAL),
    BRIDGE_SETTINGS(SETTING)
#undef SETTING
        CYAML_FIELD_END,
};

static const cyaml_schema_field_t webhook_fields[] = {
#define SETTING(name, meaning) STRING(settings_webhook, name, OPTIONAL),
    WEBHOOK_SETTINGS(SETTING)
#undef SETTING
        CYAML_FIELD_END,
};

static const cyaml_strval_t codes_words[] = {{"move", DECIDE_CODES_MOVE},
                                             {"pass", DECIDE_CODES_PASS}};
static const cyaml_strval_t sign_up_words[] = {{"refuse", DECIDE_SIGN_UP_REFUSE},
                                               {"pass", DECIDE_SIGN_UP_PASS}};
static const cyaml_strval_t unsure_words[] = {{"refuse", DECIDE_UNSURE_REFUSE},
                                              {"pass", DECIDE_UNSURE_PASS}};
static const cyaml_strval_t passwords_words[] = {{"missing", DECIDE_FILL_MISSING},
                                                 {"never", DECIDE_FILL_NEVER}};

static const cyaml_schema_field_t policy_fields[] = {
    CHOICE(codes, codes_words),
    CHOICE(sign_up, sign_up_words),
    CHOICE(sign_up_unsure, unsure_words),
    CHOICE(passwords, passwords_words),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t throttle_fields[] = {
    NUMBER(settings_throttle, identifier),
    NUMBER(settings_throttle, address),
    NUMBER(settings_throttle, seconds),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t fields[] = {
    STRING(settings, listen, 0),
    STRING(settings, admin, OPTIONAL),
    NUMBER(settings, threads),
    NUMBER(settings, connections),
    NUMBER(settings, workers),
    NUMBER(settings, drain_seconds),
    NUMBER(settings, users),
    STRING(settings, ledger, OPTIONAL),
    STRING(settings, sign_in_key, OPTIONAL),
    SECTION(settings, tls, OPTIONAL, tls_fields),
    SECTION(settings, proxy, 0, proxy_fields),
    SECTION(settings, clerk, 0, clerk_fields),
    SECTION(settings, legacy, OPTIONAL, legacy_fields),
    SECTION(settings, bridge, OPTIONAL, bridge_fields),
    SECTION(settings, webhook, OPTIONAL, webhook_fields),
    SECTION(settings, policy, OPTIONAL, policy_fields),
    SECTION(settings, throttle, OPTIONAL, throttle_fields),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t settings_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct settings, fields),
};

#define TEXT_AT(section, key, member)                                                              \
    {                                                                                              \
        section, key, offsetof(struct settings, member)                                            \
    }

const struct settings_text *settings_texts(size_t *count)
{
    static const struct settings_text texts[] = {
        TEXT_AT(NULL, "listen", listen),
        TEXT_AT(NULL, "admin", admin),
        TEXT_AT(NULL, "ledger", ledger),
        TEXT_AT(NULL, "sign_in_key", sign_in_key),
        TEXT_AT("tls", "cert", tls.cert),
        TEXT_AT("tls", "key", tls.key),
        TEXT_AT("proxy", "url", proxy.url),
        TEXT_AT("proxy", "upstream", proxy.upstream),
        TEXT_AT("proxy", "ca_file", proxy.ca_file),
        TEXT_AT("proxy", "client_address", proxy.client_address),
        TEXT_AT("clerk", "secret_key", clerk.secret_key),
        TEXT_AT("clerk", "api_url", clerk.api_url),
        TEXT_AT("legacy", "connector", legacy.connector),
        TEXT_AT("legacy", "from", legacy.from),
#define SETTING(name, meaning) TEXT_AT("legacy", #name, legacy.name),
        LEGACY_SETTINGS(SETTING)
#undef SETTING
#define SETTING(name, meaning) TEXT_AT("bridge", #name, bridge.name),
            BRIDGE_SETTINGS(SETTING)
#undef SETTING
#define SETTING(name, meaning) TEXT_AT("webhook", #name, webhook.name),
                WEBHOOK_SETTINGS(SETTING)
#undef SETTING
    };
    *count = ARRAY_COUNT(texts);
    return texts;
}

#define NUMBER_AT(section, key, member, ...)                                                       \
    {                                                                                              \
        section, key, offsetof(struct settings, member##_given),                                   \
            offsetof(struct settings, member), __VA_ARGS__                                         \
    }

const struct settings_number *settings_numbers(size_t *count)
{
    static const struct settings_number numbers[] = {
        NUMBER_AT(NULL, "threads", threads, 2, 1, 256),
        NUMBER_AT(NULL, "connections", connections, 10000, 1, 1000000),
        NUMBER_AT(NULL, "workers", workers, 32, 1, 1024),
        NUMBER_AT(NULL, "drain_seconds", drain_seconds, 30, 1, 86400),
        NUMBER_AT(NULL, "users", users, 0, 1, UINT32_MAX),
        NUMBER_AT("legacy", "budget_ms", legacy.budget_ms, 0, 1, 600000),
        NUMBER_AT("legacy", "threads", legacy.threads, 0, 1, 1024),
        NUMBER_AT("legacy", "queue_max", legacy.queue_max, 0, 1, 1000000),
        NUMBER_AT("throttle", "identifier", throttle.identifier, 10, 1, 1000000),
        NUMBER_AT("throttle", "address", throttle.address, 60, 1, 1000000),
        NUMBER_AT("throttle", "seconds", throttle.seconds, 300, 1, 2592000),
    };
    *count = ARRAY_COUNT(numbers);
    return numbers;
}

char **settings_value(struct settings *settings, const struct settings_text *text)
{
    return (char **)((char *)settings + text->offset);
}

bool settings_is_secret(const struct settings_text *text)
{
    static const char *const keys[] = {"secret_key",    "sign_in_key", "secret",
                                       "client_secret", "api_key",     "back_secret"};
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
        if (strcmp(keys[i], text->key) == 0)
            return true;
    return false;
}
