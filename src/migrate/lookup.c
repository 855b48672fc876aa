#include "migrate/lookup.h"

#include <string.h>

#include "migrate/advice.h"

/* What every server on the way takes as a request's first line, with its other headers in 6 KiB. A single value may be longer. */
#define PATH_FULL_BYTES ((size_t)4 * 1024)
#define PATH_MAX_BYTES  ((size_t)64 * 1024)
#define TRIES_MAX       8
#define RETRY_US        INT64_C(500000)

static const char *const filters[] = {"external_id", "email_address", "phone_number", "username",
                                      "user_id"};

void lookup_init(struct lookup *lookup, enum lookup_by by, struct json *json, void *arg)
{
    memset(lookup, 0, sizeof(*lookup));
    lookup->by = by;
    lookup->json = json;
    lookup->arg = arg;
    buf_init(&lookup->path, PATH_MAX_BYTES);
}

void lookup_release(struct lookup *lookup)
{
    buf_release(&lookup->path);
}

void lookup_reset(struct lookup *lookup)
{
    lookup->count = lookup->asked = 0;
    lookup->tries = 0;
}

void lookup_add(struct lookup *lookup, struct text value, void *owner)
{
    lookup->items[lookup->count++] = (struct lookup_item){value, owner, false};
}

/* Of the items that have not been asked for, as many as fit. */
static void build_path(struct lookup *lookup)
{
    buf_reset(&lookup->path);
    buf_add(&lookup->path, TEXT("/v1/users?limit=500"));
    for (size_t i = lookup->asked; i < lookup->count; i++) {
        size_t before = lookup->path.len;
        buf_printf(&lookup->path, "&%s=%%2B", filters[lookup->by]);
        percent_encode(&lookup->path, lookup->items[i].value);
        if (lookup->path.len > PATH_FULL_BYTES && lookup->in_path > 0) {
            lookup->path.len = before;
            return;
        }
        lookup->in_path++;
    }
}

int lookup_refusal(int status, struct json_value root, struct err *err)
{
    struct clerk_problem problem = {"", "", ""};
    char said[ADVICE_MAX];
    clerk_decode_problem(root, &problem);
    if (status == 401)
        return err_set(err, ERR_REFUSED,
                       "the target refused the secret key (401 %s); check CLERK_SECRET_KEY: is it "
                       "of this instance, and not revoked?",
                       problem.code);
    return err_set(err, ERR_REFUSED, "the target refuses to go on (%d %s): %s", status,
                   problem.code, advice_say(&problem, said));
}

/* Whether the user has this value under the filter; email addresses and usernames fold case. */
static bool has_identifier(struct json_value list, struct text key, struct text value)
{
    for (struct json_walk walk = json_walk(list); json_next(&walk);)
        if (text_same_nocase(json_text(json_get(walk.value, key)), value))
            return true;
    return false;
}

static bool matches(enum lookup_by by, struct json_value user, struct text value)
{
    switch (by) {
    case LOOKUP_EXTERNAL_ID:
        return text_same(json_text(json_get(user, TEXT("external_id"))), value);
    case LOOKUP_EMAIL_ADDRESS:
        return has_identifier(json_get(user, TEXT("email_addresses")), TEXT("email_address"),
                              value);
    case LOOKUP_PHONE_NUMBER:
        return has_identifier(json_get(user, TEXT("phone_numbers")), TEXT("phone_number"), value);
    case LOOKUP_USERNAME:
        return text_same_nocase(json_text(json_get(user, TEXT("username"))), value);
    case LOOKUP_USER_ID:
        return text_same(json_text(json_get(user, TEXT("id"))), value);
    case LOOKUP_KINDS:
        break;
    }
    return false;
}

static void match_all(struct lookup *lookup, struct json_value users)
{
    for (struct json_walk walk = json_walk(users); json_next(&walk);)
        for (size_t i = 0; i < lookup->count; i++) {
            struct lookup_item *item = &lookup->items[i];
            if (item->found || !matches(lookup->by, walk.value, item->value))
                continue;
            item->found = true;
            lookup->found(lookup, item, walk.value);
        }
}

/* What has been asked for is answered; the rest is asked for, if there is any. */
static void go_on(struct lookup *lookup, struct courier *courier)
{
    lookup->asked += lookup->in_path;
    if (lookup->asked < lookup->count)
        lookup_send(lookup, courier);
    else
        lookup->ended(lookup, NULL);
}

static void done(struct parcel *parcel, const struct target_answer *answer)
{
    struct lookup *lookup = parcel->arg;
    struct json_value root = {NULL, 0};
    struct err err;
    bool parsed = answer->result == TARGET_ANSWERED &&
                  json_parse(lookup->json, answer->body, &root, &err) == 0;
    if (parsed && answer->status == 200 && json_type(root) == JSON_ARRAY) {
        match_all(lookup, root);
        go_on(lookup, parcel->courier);
        return;
    }
    if (answer->result == TARGET_ANSWERED && answer->status >= 400 && answer->status < 500) {
        lookup_refusal(answer->status, root, &err);
        lookup->ended(lookup, &err);
    } else if (answer->result == TARGET_ANSWERED && ++lookup->tries >= TRIES_MAX) {
        err_set(&err, ERR_NETWORK, "the target answers a look-up with %d%s", answer->status,
                parsed ? "" : " and no JSON; is CLERK_API_URL a Clerk?");
        lookup->ended(lookup, &err);
    } else {
        courier_post(parcel->courier, parcel, RETRY_US + (int64_t)random_below(RETRY_US));
    }
}

void lookup_send(struct lookup *lookup, struct courier *courier)
{
    lookup->in_path = 0;
    build_path(lookup);
    lookup->parcel = (struct parcel){
        .method = "GET",
        .path = buf_text(&lookup->path),
        .done = done,
        .arg = lookup,
    };
    courier_post(courier, &lookup->parcel, 0);
}
