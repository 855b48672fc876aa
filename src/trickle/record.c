/* What connectors have in common in making records. */
#include "trickle/connector.h"

static struct text kind_of(struct text identifier)
{
    bool digits = identifier.len > 1 && identifier.at[0] == '+';
    for (size_t i = 1; digits && i < identifier.len; i++)
        digits = identifier.at[i] >= '0' && identifier.at[i] <= '9';
    if (text_find(identifier, '@', 0) < identifier.len)
        return TEXT("email");
    return digits ? TEXT("phone") : TEXT("username");
}

void legacy_put_asked(struct json_out *out, const struct legacy_job *job)
{
    json_key(out, TEXT("asked"));
    json_open(out, '{');
    json_key(out, TEXT("identifier"));
    json_put_text(out, job->identifier);
    json_key(out, kind_of(job->identifier));
    json_put_text(out, job->identifier);
    json_close(out, '}');
}

void legacy_put_record(struct legacy_job *job, struct json_value object)
{
    struct json_out out = json_out(&job->record);
    struct json_walk walk = json_walk(object);
    json_open(&out, '{');
    legacy_put_asked(&out, job);
    while (json_next(&walk)) {
        if (text_same(walk.key, TEXT("asked")))
            continue;
        json_key(&out, walk.key);
        json_put_value(&out, walk.value);
    }
    json_close(&out, '}');
}

enum legacy_says legacy_no_search(struct legacy_job *job)
{
    err_set(&job->err, ERR_INPUT, "it cannot be asked for a user without a password");
    return LEGACY_CANNOT_TELL;
}
