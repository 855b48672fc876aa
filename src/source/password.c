/*
 * Passwords. A plain bcrypt string is taken as it is, without conversion: it is what most exports hold.
 * Everything else in a platform's own form goes through digest_convert. Whatever comes out must have
 * the shape that Clerk takes.
 */
#include "source/draft.h"

#include "digest/digest.h"

static bool is_bcrypt(struct text t)
{
    return t.len > 4 && t.at[0] == '$' && t.at[1] == '2' &&
           (t.at[2] == 'a' || t.at[2] == 'b' || t.at[2] == 'y') && t.at[3] == '$';
}

static int convert(struct draft *draft)
{
    struct digest_conversion made = {0};
    struct err err = {0};
    struct text kind = draft->native_kind.at ? draft->native_kind : text_of(draft->platform->name);
    if (digest_convert(kind, draft->native, draft->arena, &made, &err) != 0) {
        if (err.code != ERR_INPUT) {
            draft->err = err;
            return -1;
        }
        return user_reject(&draft->reject, USER_REASON_invalid_password_digest, "%s", err.message);
    }
    if (!made.hasher)
        return made.no_password ? 0
                                : user_reject(&draft->reject, USER_REASON_unsupported_password,
                                              "%s", made.note ? made.note : "no hasher for it");
    draft->user->password_hasher = text_of(made.hasher);
    draft->user->password_digest = made.digest;
    return 0;
}

static int take_native(struct draft *draft)
{
    struct user *user = draft->user;
    if (!draft->native.at || user->password_digest.at)
        return 0;
    if (!is_bcrypt(draft->native) || draft->native_kind.at)
        return convert(draft);
    user->password_hasher = TEXT("bcrypt");
    user->password_digest = draft->native;
    return 0;
}

static int check_shape(struct draft *draft)
{
    const struct user *user = draft->user;
    struct digest digest;
    const struct digest_ops *ops = draft->ops;
    if (!ops || !text_same(text_of(ops->hasher), user->password_hasher))
        ops = draft->ops = digest_ops_find(user->password_hasher);
    if (!ops)
        return user_reject(&draft->reject, USER_REASON_unknown_password_hasher,
                           "Clerk has no hasher named %.*s", TEXT_ARG(user->password_hasher));
    const char *problem = user->password_digest.len > DIGEST_MAX
                              ? "longer than any digest"
                              : digest_parse(&digest, ops, user->password_digest);
    if (!problem)
        problem = digest_clerk_problem(&digest);
    if (problem)
        return user_reject(&draft->reject, USER_REASON_invalid_password_digest, "%s: %s",
                           ops->hasher, problem);
    return 0;
}

int draft_password(struct draft *draft)
{
    struct user *user = draft->user;
    if (take_native(draft) != 0)
        return -1;
    if (!user->password_digest.at && !user->password_hasher.at)
        return 0;
    if (!user->password_hasher.at)
        return user_reject(&draft->reject, USER_REASON_missing_password_hasher,
                           "password_digest without password_hasher");
    if (!user->password_digest.at)
        return user_reject(&draft->reject, USER_REASON_missing_password_digest,
                           "password_hasher without password_digest");
    return check_shape(draft);
}
