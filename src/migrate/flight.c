#include "migrate/flight.h"

#include <stdio.h>
#include <string.h>

#define BODY_MAX ((size_t)16 << 20)
#define ID_MAX   ((size_t)4096)

struct buf_of {
    size_t offset, max;
};

/* The buffers of a flight. */
static const struct buf_of bufs[] = {
    {offsetof(struct flight, id), ID_MAX},      {offsetof(struct flight, clerk_id), ID_MAX},
    {offsetof(struct flight, user), BODY_MAX},  {offsetof(struct flight, asked), BODY_MAX},
    {offsetof(struct flight, body), BODY_MAX},  {offsetof(struct flight, source_marks), BODY_MAX},
    {offsetof(struct flight, marks), BODY_MAX}, {offsetof(struct flight, written), BODY_MAX},
};

static struct buf *buf_at(struct flight *flight, size_t i)
{
    return (struct buf *)((char *)flight + bufs[i].offset);
}

void flight_init(struct flight *flight, struct import *import)
{
    memset(flight, 0, sizeof(*flight));
    flight->import = import;
    for (size_t i = 0; i < ARRAY_COUNT(bufs); i++)
        buf_init(buf_at(flight, i), bufs[i].max);
    flight->refresh = RECORD_WITNESSES;
    steps_init(&flight->steps);
    steps_init(&flight->adds);
}

void flight_release(struct flight *flight)
{
    for (size_t i = 0; i < ARRAY_COUNT(bufs); i++)
        buf_release(buf_at(flight, i));
    steps_release(&flight->steps);
    steps_release(&flight->adds);
}

void flight_clear(struct flight *flight)
{
    secret_wipe(flight->user.at, flight->user.len);
    secret_wipe(flight->body.at, flight->body.len);
    for (size_t i = 0; i < ARRAY_COUNT(bufs); i++)
        buf_reset(buf_at(flight, i));
    steps_reset(&flight->steps);
    steps_reset(&flight->adds);
    flight->step = FLIGHT_FREE;
    flight->attempts = 0;
    flight->made = 0;
    flight->split = flight->existing = flight->witnessed = flight->maybe_sent = false;
    flight->claiming = flight->claimed = flight->deleting = flight->stranded = false;
    flight->refresh = RECORD_WITNESSES;
    flight->owners.count = 0;
    flight->next = NULL;
}

/* ---- taking identifiers out of the body ---- */

/* The status of item i in NAME_identification_status; verified where there is none. */
static bool is_verified(struct json_value user, const char *param, size_t i)
{
    char path[80];
    snprintf(path, sizeof(path), "%s_identification_status.%zu", param, i);
    struct text status = json_text(json_path(user, text_of(path)));
    return !status.at || text_same(status, TEXT("verified"));
}

/* The kind of identifier that the user signs in with. */
static const char *primary_kind(struct json_value user)
{
    if (json_count(json_get(user, TEXT("email_address"))) > 0)
        return "email_address";
    return json_count(json_get(user, TEXT("phone_number"))) > 0 ? "phone_number" : "username";
}

/* Whether a member of the body is the list `param` or its status list. */
static bool is_of(struct text key, const char *param)
{
    return text_starts(key, text_of(param));
}

/* Writes the body with those items of the kind `param` that bit set `keep` has; the set ends at 64. */
static void write_with(struct json_value user, const char *param, uint64_t keep, struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    for (struct json_walk walk = json_walk(user); json_next(&walk);) {
        if (is_of(walk.key, param) && keep == 0)
            continue;
        json_key(&out, walk.key);
        if (!is_of(walk.key, param)) {
            json_put_value(&out, walk.value);
            continue;
        }
        size_t i = 0;
        json_open(&out, '[');
        for (struct json_walk items = json_walk(walk.value); json_next(&items); i++)
            if (keep >> i & 1)
                json_put_value(&out, items.value);
        json_close(&out, ']');
    }
    json_close(&out, '}');
}

static bool rewrite(struct flight *flight, struct json_value user, const char *param, uint64_t keep)
{
    struct buf body;
    buf_init(&body, BODY_MAX);
    write_with(user, param, keep, &body);
    buf_reset(&flight->body);
    buf_add(&flight->body, buf_text(&body));
    bool ok = buf_ok(&body) && buf_ok(&flight->body);
    buf_release(&body);
    flight->split = true;
    return ok;
}

/* A username that was given up: Clerk keeps none. */
static void forget_username(struct flight *flight, const struct hash_key *key)
{
    record_add(&flight->marks,
               record_kept_key(record_key(key, RECORD_FIELD, USER_FIELD_username, TEXT(""))), 0);
}

static void forget_member(struct flight *flight, const struct hash_key *key, enum user_field field,
                          struct text value)
{
    record_take_out(&flight->marks, record_member_key(key, field, value));
}

/* Queues the items of a list from `from` on. */
static void queue_list(struct flight *flight, const struct hash_key *key, struct json_value user,
                       enum user_field field, size_t from)
{
    const char *param = user_field_infos[field].name;
    size_t i = 0;
    for (struct json_walk walk = json_walk(json_get(user, text_of(param))); json_next(&walk); i++) {
        struct text value = json_text(walk.value);
        if (i < from)
            continue;
        forget_member(flight, key, field, value);
        steps_add_identifier(&flight->adds, TEXT(""), field,
                             &(struct user_identifier){value, is_verified(user, param, i)}, false,
                             record_member_key(key, field, value));
    }
}

bool flight_split(struct flight *flight, const struct hash_key *key, struct json *json,
                  const char *param, bool *username)
{
    struct json_value user;
    struct err err;
    enum user_field field = user_field_find(text_of(param));
    *username = field == USER_FIELD_username;
    if (json_parse(json, buf_text(&flight->body), &user, &err))
        return false;
    size_t count = *username ? 1 : json_count(json_get(user, text_of(param)));
    bool primary = strcmp(param, primary_kind(user)) == 0;
    if (count == 0 || (primary && count == 1))
        return false;
    if (*username)
        forget_username(flight, key);
    else
        queue_list(flight, key, user, field, primary ? 1 : 0);
    return rewrite(flight, user, param, primary ? 1 : 0) && steps_ok(&flight->adds);
}

/* Takes out what others have of one kind; false if the body grew too large. */
static bool do_without(struct flight *flight, const struct hash_key *key, struct json *json,
                       enum user_field field)
{
    struct json_value user;
    struct err err;
    const char *param = user_field_infos[field].name;
    uint64_t keep = 0;
    size_t i = 0, gone = 0;
    if (json_parse(json, buf_text(&flight->body), &user, &err))
        return false;
    for (struct json_walk walk = json_walk(json_get(user, text_of(param))); json_next(&walk); i++) {
        bool taken = owners_find(&flight->owners, field, json_text(walk.value)) != NULL;
        if (taken)
            forget_member(flight, key, field, json_text(walk.value));
        gone += taken;
        keep |= (uint64_t)!taken << i;
    }
    return gone == 0 || rewrite(flight, user, param, keep);
}

bool flight_do_without(struct flight *flight, const struct hash_key *key, struct json *json)
{
    struct json_value user;
    struct err err;
    if (json_parse(json, buf_text(&flight->body), &user, &err) ||
        owners_have_sign_in(&flight->owners, user))
        return false;
    struct text username = json_text(json_get(user, TEXT("username")));
    if (username.len > 0 && owners_find(&flight->owners, USER_FIELD_username, username)) {
        if (!rewrite(flight, user, "username", 0))
            return false;
        forget_username(flight, key);
    }
    return do_without(flight, key, json, USER_FIELD_email_address) &&
           do_without(flight, key, json, USER_FIELD_phone_number);
}

/* ---- steps ---- */

void flight_add_identifiers(struct flight *flight, struct json *json)
{
    struct step step;
    struct json_value body;
    struct err err;
    while (steps_next(&flight->adds, &step)) {
        const char *name = user_field_infos[step.field].name;
        if (json_parse(json, step.body, &body, &err))
            continue;
        steps_add_identifier(&flight->steps, buf_text(&flight->clerk_id), step.field,
                             &(struct user_identifier){json_text(json_get(body, text_of(name))),
                                                       json_true(json_get(body, TEXT("verified")))},
                             false, step.member);
    }
    steps_reset(&flight->adds);
}

static void load_step(struct flight *flight)
{
    flight->parcel.method = flight->current.method;
    flight->parcel.path = flight->current.path;
    flight->parcel.body = flight->current.body;
}

bool flight_next(struct flight *flight)
{
    if (!steps_next(&flight->steps, &flight->current))
        return false;
    flight->step = FLIGHT_STEPS;
    load_step(flight);
    return true;
}

bool flight_retry_without(struct flight *flight, struct json *json, const char *param)
{
    struct json_value body;
    struct err err;
    struct buf rest;
    if (json_parse(json, flight->current.body, &body, &err) ||
        json_type(json_get(body, text_of(param))) == JSON_ABSENT)
        return false;
    buf_init(&rest, BODY_MAX);
    struct json_out out = json_out(&rest);
    json_open(&out, '{');
    for (struct json_walk walk = json_walk(body); json_next(&walk);) {
        if (text_same(walk.key, text_of(param)))
            continue;
        json_key(&out, walk.key);
        json_put_value(&out, walk.value);
    }
    json_close(&out, '}');
    buf_reset(&flight->body);
    buf_add(&flight->body, buf_text(&rest));
    buf_release(&rest);
    flight->current.body = buf_text(&flight->body);
    load_step(flight);
    return flight->body.len > 2 && buf_ok(&flight->body);
}
