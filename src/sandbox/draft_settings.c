/* What the instance's settings say about a user's body: which attributes there are, and their rules. */
#include <string.h>

#include "sandbox/body.h"
#include "sandbox/draft.h"

/* What bcrypt reads. */
#define PASSWORD_BYTES_MAX 72
#define SPECIAL            "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~ \\"

struct attribute_param {
    enum settings_attribute_name attribute;
    const char *param;
    enum clerk_code code; /* when it is given but off */
};

static const struct attribute_param params[] = {
    {SETTINGS_email_address, "email_address", CLERK_form_param_unknown},
    {SETTINGS_phone_number, "phone_number", CLERK_form_param_unknown},
    {SETTINGS_username, "username", CLERK_form_param_unknown},
    {SETTINGS_first_name, "first_name", CLERK_form_param_unknown},
    {SETTINGS_last_name, "last_name", CLERK_form_param_unknown},
    {SETTINGS_password, "password", CLERK_form_param_unknown},
    {SETTINGS_password, "password_digest", CLERK_form_param_unknown},
    {SETTINGS_authenticator_app, "totp_secret", CLERK_feature_not_enabled},
    {SETTINGS_backup_code, "backup_codes", CLERK_feature_not_enabled},
};

/* Null and the empty list are no use of an attribute. */
static bool is_used(struct json_value value)
{
    enum json_type type = json_type(value);
    return type != JSON_ABSENT && type != JSON_NULL &&
           (type != JSON_ARRAY || json_count(value) > 0);
}

bool draft_check_attributes(struct call *call)
{
    const struct settings *settings = &call->desk->instance->settings;
    for (size_t i = 0; i < ARRAY_COUNT(params); i++)
        if (!settings->attributes[params[i].attribute].enabled &&
            is_used(json_get(call->body, text_of(params[i].param))))
            return call_fail(call, params[i].code, params[i].param,
                             "`%s` is not enabled on this instance.", params[i].param);
    return true;
}

bool draft_check_required(struct call *call, const struct draft *draft)
{
    const struct settings *settings = &call->desk->instance->settings;
    const struct user *user = &draft->user;
    bool lax = draft->skip_user_requirement == USER_FLAG_TRUE;
    const struct {
        enum settings_attribute_name attribute;
        bool given;
    } needs[] = {
        {SETTINGS_email_address, lax || user->email_address.count > 0},
        {SETTINGS_phone_number, lax || user->phone_number.count > 0},
        {SETTINGS_username, lax || user->username.at},
        {SETTINGS_first_name, user->first_name.at},
        {SETTINGS_last_name, user->last_name.at},
        {SETTINGS_password, draft->password.at || user->password_digest.at ||
                                draft->skip_password_requirement == USER_FLAG_TRUE},
    };
    struct buf missing;
    buf_init(&missing, 512);
    for (size_t i = 0; i < ARRAY_COUNT(needs); i++) {
        const struct settings_attribute *attribute = &settings->attributes[needs[i].attribute];
        if (attribute->enabled && attribute->required && !needs[i].given)
            buf_printf(&missing, "%c\"%s\"", missing.len ? ',' : '[',
                       settings_attribute_text(needs[i].attribute));
    }
    bool fine = missing.len == 0;
    buf_byte(&missing, ']');
    if (!fine)
        call_fail_missing(call, buf_z(&missing));
    buf_release(&missing);
    return fine;
}

bool draft_check_legal(struct call *call, const struct draft *draft)
{
    return !call->desk->instance->settings.legal_consent_required ||
           draft->skip_legal_checks == USER_FLAG_TRUE ||
           draft->user.legal_accepted_at != USER_UNSET ||
           call_fail_missing(call, "[\"legal_accepted_at\"]");
}

/* The bits of the classes of characters that a password has. */
enum { LOWER = 1, UPPER = 2, DIGIT = 4, OTHER = 8 };

static unsigned classes_of(struct text password)
{
    unsigned classes = 0;
    for (size_t i = 0; i < password.len; i++) {
        char c = password.at[i];
        if (c >= 'a' && c <= 'z')
            classes |= LOWER;
        else if (c >= 'A' && c <= 'Z')
            classes |= UPPER;
        else if (c >= '0' && c <= '9')
            classes |= DIGIT;
        else if (c && strchr(SPECIAL, c))
            classes |= OTHER;
    }
    return classes;
}

static bool check_length(struct call *call, struct text password, const char *param)
{
    const struct settings *settings = &call->desk->instance->settings;
    int64_t length = (int64_t)body_characters(password);
    if (length < settings->password_min_length)
        return call_fail(call, CLERK_form_password_length_too_short, param,
                         "A password needs %lld characters.",
                         (long long)settings->password_min_length);
    if (length > settings->password_max_length)
        return call_fail(call, CLERK_form_password_length_too_long, param,
                         "A password may have %lld characters at most.",
                         (long long)settings->password_max_length);
    return true;
}

bool draft_check_password(struct call *call, struct text password, const char *param, bool rules)
{
    const struct settings *settings = &call->desk->instance->settings;
    const struct {
        bool wanted;
        unsigned class;
        enum clerk_code code;
        const char *what;
    } classes[] = {
        {settings->password_require_lowercase, LOWER, CLERK_form_password_no_lowercase,
         "a lower-case letter"},
        {settings->password_require_uppercase, UPPER, CLERK_form_password_no_uppercase,
         "an upper-case letter"},
        {settings->password_require_numbers, DIGIT, CLERK_form_password_no_number, "a digit"},
        {settings->password_require_special_char, OTHER, CLERK_form_password_no_special_char,
         "a special character"},
    };
    unsigned has = rules ? classes_of(password) : 0;
    if (password.len > PASSWORD_BYTES_MAX)
        return call_fail(call, CLERK_form_password_size_in_bytes_exceeded, param,
                         "A password may have %d bytes at most.", PASSWORD_BYTES_MAX);
    if (rules && !check_length(call, password, param))
        return false;
    for (size_t i = 0; rules && i < ARRAY_COUNT(classes); i++)
        if (classes[i].wanted && !(has & classes[i].class))
            return call_fail(call, classes[i].code, param, "A password needs %s.", classes[i].what);
    return true;
}

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Which of Clerk's codes goes with what is wrong with a username. */
static enum clerk_code username_code(const char *username, size_t len)
{
    if (!user_phone_problem(text_of(username)))
        return CLERK_form_username_cannot_be_phone_number;
    if (strspn(username, DIGITS LETTERS "_-") < len)
        return CLERK_form_username_invalid_character;
    return strspn(username, DIGITS "_-") == len ? CLERK_form_username_needs_non_number_char
                                                : CLERK_form_username_invalid_length;
}

bool draft_check_username(struct call *call, struct text username)
{
    const struct settings *settings = &call->desk->instance->settings;
    const char *problem = username.len > 0 ? user_username_problem(username) : NULL;
    int64_t len = (int64_t)username.len;
    if (len > 0 && (len < settings->username_min_length || len > settings->username_max_length))
        return call_fail(call, CLERK_form_username_invalid_length, "username",
                         "A username has %lld to %lld characters.",
                         (long long)settings->username_min_length,
                         (long long)settings->username_max_length);
    if (!problem)
        return true;
    struct text copy = arena_copy(call->arena, username);
    return call_fail(call, username_code(copy.at ? copy.at : "", copy.len), "username",
                     "The username is not valid: %s.", problem);
}
