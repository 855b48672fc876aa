#include "user/user.h"

#include <string.h>

#define PHONE_MIN    7
#define PHONE_MAX    15
#define USERNAME_MIN 4
#define USERNAME_MAX 64
#define ID_MAX       1024
#define DATE_MIN     INT64_C(-62135596800000) /* 0001-01-01T00:00:00Z, the first that RFC 3339 writes */
#define DATE_MAX     INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z, the last */
#define NAME_MAX_LEN 256

/* What a byte can be; names are read once and judged by the sum of what is in them. */
enum { DIGIT = 1, LETTER = 2, JOINER = 4, GROUPING = 8, DOT = 16, OPENING = 32, COLON = 64 };
static const uint8_t classes[256] = {
    ['0' ... '9'] = DIGIT, ['A' ... 'Z'] = LETTER,    ['a' ... 'z'] = LETTER,
    ['_'] = JOINER,        ['-'] = JOINER | GROUPING, ['+'] = GROUPING,
    ['('] = GROUPING,      [')'] = GROUPING,          [' '] = GROUPING,
    ['/'] = GROUPING,      ['.'] = DOT | GROUPING,    ['<'] = OPENING,
    [':'] = COLON,
};

static unsigned class_of(char c)
{
    return classes[(unsigned char)c];
}

/* E.164 (ITU-T): a plus, a country code that does not begin with 0, at most 15 digits in all. */
const char *user_phone_problem(struct text phone)
{
    if (phone.len == 0 || phone.at[0] != '+')
        return "no + and country code in front";
    for (size_t i = 1; i < phone.len; i++)
        if (class_of(phone.at[i]) != DIGIT)
            return "something that is no digit";
    if (phone.len > 1 && phone.at[1] == '0')
        return "a country code that begins with 0";
    if (phone.len - 1 < PHONE_MIN)
        return "fewer than 7 digits";
    return phone.len - 1 > PHONE_MAX ? "more than 15 digits" : NULL;
}

const char *user_username_problem(struct text username)
{
    bool letters = false;
    if (username.len < USERNAME_MIN)
        return "shorter than 4 characters";
    if (username.len > USERNAME_MAX)
        return "longer than 64 characters";
    if (!user_phone_problem(username))
        return "a phone number";
    for (size_t i = 0; i < username.len; i++) {
        unsigned class = class_of(username.at[i]);
        if (!(class & (DIGIT | LETTER | JOINER)))
            return "a character other than letters, digits, _ and -";
        letters = letters || class == LETTER;
    }
    return letters ? NULL : "no letter";
}

static bool looks_like_url(struct text name)
{
    return memmem(name.at, name.len, "://", 3) ||
           text_same_nocase(text_part(name, 0, 4), TEXT("www."));
}

/* A '<' that opens or closes a tag. */
static bool looks_like_html(struct text name)
{
    for (size_t i = text_find(name, '<', 0); i + 1 < name.len; i = text_find(name, '<', i + 1)) {
        char next = name.at[i + 1];
        if ((class_of(next) == LETTER || next == '/' || next == '!') &&
            text_find(name, '>', i) < name.len)
            return true;
    }
    return false;
}

const char *user_name_problem(struct text name)
{
    unsigned seen = 0;
    bool only_grouped = true;
    size_t digits = 0;
    if (name.len > NAME_MAX_LEN)
        return "longer than 256 bytes";
    for (size_t i = 0; i < name.len; i++) {
        unsigned class = class_of(name.at[i]);
        seen |= class;
        digits += class == DIGIT;
        only_grouped = only_grouped && class & (DIGIT | GROUPING);
    }
    if (only_grouped && digits >= PHONE_MIN)
        return "a phone number";
    if (seen & (COLON | DOT) && looks_like_url(name))
        return "a URL";
    return seen & OPENING && looks_like_html(name) ? "HTML" : NULL;
}

/* RFC 4648 base32, upper case, padding optional, at least 80 bits (RFC 4226 asks for 128). */
const char *user_totp_problem(struct text secret)
{
    while (secret.len > 0 && secret.at[secret.len - 1] == '=')
        secret.len--;
    if (secret.len < 16)
        return "shorter than 16 characters";
    if (secret.len > 256)
        return "longer than 256 characters";
    for (size_t i = 0; i < secret.len; i++)
        if (!(secret.at[i] >= 'A' && secret.at[i] <= 'Z') &&
            !(secret.at[i] >= '2' && secret.at[i] <= '7'))
            return "not base32";
    return NULL;
}

/* Trims; an empty text becomes absent. */
static void tidy(struct text *t)
{
    if (!t->at)
        return;
    *t = text_trim(*t);
    if (t->len == 0)
        *t = (struct text){NULL, 0};
}

/* "+1 (415) 555-9001" to "+14155559001"; the same text if there is nothing to take out. */
static struct text clean_phone(struct text phone, struct arena *arena)
{
    size_t len = 0;
    while (len < phone.len && (class_of(phone.at[len]) == DIGIT || phone.at[len] == '+'))
        len++;
    char *at = len == phone.len ? NULL : arena_alloc(arena, phone.len);
    if (!at)
        return phone;
    memcpy(at, phone.at, len);
    for (size_t i = len; i < phone.len; i++)
        if (!memchr(" -().\t", phone.at[i], 6))
            at[len++] = phone.at[i];
    return (struct text){at, len};
}

/* Takes out empty items and those that an earlier one equals; one that is verified stays verified. */
static void drop_doubles(struct user_identifiers *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        size_t same = 0;
        while (same < kept && !text_same_nocase(list->at[same].value, list->at[i].value))
            same++;
        if (same < kept)
            list->at[same].verified = list->at[same].verified || list->at[i].verified;
        else if (list->at[i].value.len > 0)
            list->at[kept++] = list->at[i];
    }
    list->count = kept;
}

static void normalise(struct user *user, struct arena *arena)
{
    tidy(&user->external_id);
    tidy(&user->first_name);
    tidy(&user->last_name);
    tidy(&user->locale);
    tidy(&user->username);
    tidy(&user->totp_secret);
    for (size_t i = 0; i < user->email_address.count; i++)
        tidy(&user->email_address.at[i].value);
    for (size_t i = 0; i < user->phone_number.count; i++) {
        tidy(&user->phone_number.at[i].value);
        user->phone_number.at[i].value = clean_phone(user->phone_number.at[i].value, arena);
    }
    drop_doubles(&user->email_address);
    drop_doubles(&user->phone_number);
    struct text *objects[] = {&user->public_metadata, &user->private_metadata,
                              &user->unsafe_metadata};
    for (size_t i = 0; i < ARRAY_COUNT(objects); i++)
        if (text_same(*objects[i], TEXT("{}")))
            *objects[i] = (struct text){NULL, 0};
}

static int check_lists(const struct user *user, struct user_reject *reject)
{
    const char *problem;
    for (size_t i = 0; i < user->email_address.count; i++)
        if ((problem = user_email_problem(user->email_address.at[i].value)))
            return user_reject(reject, USER_REASON_invalid_email, "email address %zu has %s", i + 1,
                               problem);
    for (size_t i = 0; i < user->phone_number.count; i++)
        if ((problem = user_phone_problem(user->phone_number.at[i].value)))
            return user_reject(reject, USER_REASON_invalid_phone, "phone number %zu has %s", i + 1,
                               problem);
    return 0;
}

static int check_texts(const struct user *user, struct user_reject *reject)
{
    const char *problem;
    if (user->first_name.at && (problem = user_name_problem(user->first_name)))
        return user_reject(reject, USER_REASON_invalid_name, "first_name is %s", problem);
    if (user->last_name.at && (problem = user_name_problem(user->last_name)))
        return user_reject(reject, USER_REASON_invalid_name, "last_name is %s", problem);
    if (user->username.at && (problem = user_username_problem(user->username)))
        return user_reject(reject, USER_REASON_invalid_username,
                           "the username is not one that Clerk takes: %s", problem);
    return 0;
}

static bool in_range(int64_t ms)
{
    return ms == USER_UNSET || (ms >= DATE_MIN && ms <= DATE_MAX);
}

static int check_rest(const struct user *user, struct user_reject *reject)
{
    const char *problem;
    if (user->totp_secret.at && (problem = user_totp_problem(user->totp_secret)))
        return user_reject(reject, USER_REASON_invalid_totp_secret, "totp_secret is %s", problem);
    if (!in_range(user->legal_accepted_at))
        return user_reject(reject, USER_REASON_invalid_legal_accepted_at,
                           "legal_accepted_at is not in the years 1 to 9999");
    if (!in_range(user->created_at))
        return user_reject(reject, USER_REASON_invalid_created_at,
                           "created_at is not in the years 1 to 9999");
    return 0;
}

int user_apply_rules(struct user *user, struct arena *arena, struct user_reject *reject)
{
    if (user->email_address.count > USER_IDENTIFIERS_MAX ||
        user->phone_number.count > USER_IDENTIFIERS_MAX)
        return user_reject(reject, USER_REASON_invalid_type,
                           "more than %d email addresses or phone numbers", USER_IDENTIFIERS_MAX);
    normalise(user, arena);
    if (!user->external_id.at)
        return user_reject(reject, USER_REASON_missing_id, "no id");
    if (user->external_id.len > ID_MAX)
        return user_reject(reject, USER_REASON_invalid_type, "an id of more than %d bytes", ID_MAX);
    if (check_texts(user, reject) || check_lists(user, reject) || check_rest(user, reject))
        return -1;
    if (!user_has_identifier(user))
        return user_reject(reject, USER_REASON_no_identifier,
                           "neither email address nor phone number nor username");
    return 0;
}
