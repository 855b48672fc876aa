/*
 * Firebase Authentication: `firebase auth:export` as JSON and as CSV without a header. A digest is
 * Firebase's modified scrypt; the four parameters that belong to it are the project's, not in the file.
 * Clerk takes them together: hash$salt$signer key$salt separator$rounds$memory cost. A phone number is
 * only ever in Firebase when it has been verified.
 */
#include "source/draft.h"

#include <string.h>

#include "digest/digest.h"

static const struct platform_row rows[] = {
    {"localId", USER_FIELD_external_id, AS_TEXT},
    {"uid", USER_FIELD_external_id, AS_TEXT},
    {"email", USER_FIELD_email_address, AS_IDENTIFIER},
    {"emailVerified", USER_FIELD_email_address, AS_VERIFIED},
    {"phoneNumber", USER_FIELD_phone_number, AS_IDENTIFIER_SURE},
    {"displayName", USER_FIELD_first_name, AS_FULL_NAME},
    {"createdAt", USER_FIELD_created_at, AS_TIME},
    {"disabled", USER_FIELD_banned, AS_FLAG_IF_TRUE},
    {"passwordHash", USER_FIELD_password_digest, AS_FINISH},
    {"salt", USER_FIELD_password_digest, AS_FINISH},
    {"passwordSalt", USER_FIELD_password_digest, AS_FINISH},
};

static const char *const columns[] = {"localId",
                                      "email",
                                      "emailVerified",
                                      "passwordHash",
                                      "salt",
                                      "displayName",
                                      "photoUrl",
                                      "google id",
                                      "google email",
                                      "google displayName",
                                      "google photoUrl",
                                      "facebook id",
                                      "facebook email",
                                      "facebook displayName",
                                      "facebook photoUrl",
                                      "twitter id",
                                      "twitter email",
                                      "twitter displayName",
                                      "twitter photoUrl",
                                      "github id",
                                      "github email",
                                      "github displayName",
                                      "github photoUrl",
                                      "createdAt",
                                      "lastSignedInAt",
                                      "phoneNumber",
                                      "disabled",
                                      "customAttributes",
                                      NULL};

/* Adds base64 in the standard alphabet and with padding, from either alphabet. */
static void put_base64(struct buf *to, struct text t)
{
    while (t.len > 0 && t.at[t.len - 1] == '=')
        t.len--;
    for (size_t i = 0; i < t.len; i++)
        buf_byte(to, t.at[i] == '-' ? '+' : t.at[i] == '_' ? '/' : t.at[i]);
    for (size_t i = t.len; i % 4 != 0; i++)
        buf_byte(to, '=');
}

static void put_digest(struct buf *to, const struct source_firebase *firebase, struct text hash,
                       struct text salt)
{
    put_base64(to, hash);
    buf_byte(to, '$');
    put_base64(to, salt);
    buf_byte(to, '$');
    put_base64(to, firebase->signer_key);
    buf_byte(to, '$');
    put_base64(to, firebase->salt_separator);
    buf_printf(to, "$%u$%u", firebase->rounds, firebase->mem_cost);
}

static bool is_complete(const struct source_firebase *firebase)
{
    return firebase->signer_key.len > 0 && firebase->salt_separator.len > 0 &&
           firebase->rounds > 0 && firebase->mem_cost > 0;
}

static int incomplete(struct err *err)
{
    return err_set(err, ERR_USAGE,
                   "Firebase's password digests cannot be checked without the project's hash "
                   "parameters; give --firebase-signer-key, --firebase-salt-separator, "
                   "--firebase-rounds and --firebase-mem-cost (Firebase Console: Authentication, "
                   "Users, the menu above the list, Password hash parameters)");
}

/*
 * Some but not all of the parameters, none where there are digests, or ones that no digest could have,
 * are the caller's mistake.
 */
static int check(const struct source_opts *opts, struct json_value record, struct err *err)
{
    const struct source_firebase *firebase = &opts->firebase;
    const struct digest_ops *ops = digest_ops_find(TEXT("scrypt_firebase"));
    struct digest digest;
    struct buf buf;
    bool some = firebase->signer_key.len > 0 || firebase->salt_separator.len > 0 ||
                firebase->rounds > 0 || firebase->mem_cost > 0;
    if (!some)
        return json_text(json_get(record, TEXT("passwordHash"))).len > 0 ? incomplete(err) : 0;
    if (!is_complete(firebase))
        return incomplete(err);
    char hash[88]; /* 64 bytes in base64, as Firebase's hashes have */
    memset(hash, 'A', 86);
    memset(hash + 86, '=', 2);
    buf_init(&buf, DIGEST_MAX);
    put_digest(&buf, firebase, (struct text){hash, sizeof(hash)}, TEXT("AAAAAAAA"));
    const char *problem = !buf_ok(&buf) ? "too long"
                          : ops         ? digest_parse(&digest, ops, buf_text(&buf))
                                        : NULL;
    buf_release(&buf);
    if (problem)
        return err_set(err, ERR_USAGE, "the Firebase hash parameters are not usable: %s", problem);
    return 0;
}

static int text_member(struct draft *draft, const char *name, struct text *to)
{
    struct json_value value = json_get(draft->record, text_of(name));
    if (draft_is_absent(value))
        return 0;
    if (json_type(value) != JSON_STRING)
        return draft_wrong_type(draft, name, value, "a string");
    *to = json_text(value);
    return 0;
}

static int take_digest(struct draft *draft, struct text hash, struct text salt)
{
    if (text_starts(hash, TEXT("UkVEQUNURUQ")))
        return user_reject(&draft->reject, USER_REASON_unsupported_password,
                           "the hash says REDACTED: who exported lacks the permission "
                           "firebaseauth.configs.getHashConfig; export again with it");
    if (salt.len == 0)
        return user_reject(&draft->reject, USER_REASON_missing_password_salt,
                           "passwordHash without salt");
    if (!is_complete(&draft->opts->firebase))
        return incomplete(&draft->err);
    buf_reset(draft->scratch);
    put_digest(draft->scratch, &draft->opts->firebase, hash, salt);
    draft->user->password_hasher = TEXT("scrypt_firebase");
    draft->user->password_digest = arena_copy(draft->arena, buf_text(draft->scratch));
    return buf_ok(draft->scratch) && draft->user->password_digest.at ? 0 : draft_no_memory(draft);
}

static int finish(struct draft *draft)
{
    struct text hash = {NULL, 0}, salt = {NULL, 0};
    if (text_member(draft, "passwordHash", &hash) != 0 ||
        text_member(draft, "passwordSalt", &salt) != 0 || text_member(draft, "salt", &salt) != 0)
        return -1;
    return hash.len > 0 ? take_digest(draft, hash, salt) : 0;
}

static const char *const marks[] = {"localId", NULL};

const struct platform platform_firebase = {
    .name = "firebase",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .marks = marks,
    .columns = columns,
    .columns_least = 26,
    .finish = finish,
    .check = check,
};
