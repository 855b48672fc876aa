/*
 * adds is a run of entries, one an identifier: a letter, e (email address) or p (phone number), a letter,
 * v (verified) or r (reserved), the value, and a NUL.
 */
#include "migrate/flight.h"

#include <stdio.h>
#include <string.h>

#define BODY_MAX ((size_t)16 << 20)
#define ID_MAX   ((size_t)4096)

#define BIT(field) (UINT64_C(1) << (field))
#define METADATA                                                                                   \
    (BIT(USER_FIELD_public_metadata) | BIT(USER_FIELD_private_metadata) |                          \
     BIT(USER_FIELD_unsafe_metadata))
#define BANS (BIT(USER_FIELD_banned) | BIT(USER_FIELD_locked))

_Static_assert(USER_FIELD_COUNT <= 64, "a bit a field");

void flight_init(struct flight *flight, struct import *import)
{
    memset(flight, 0, sizeof(*flight));
    flight->import = import;
    buf_init(&flight->id, ID_MAX);
    buf_init(&flight->clerk_id, ID_MAX);
    buf_init(&flight->user, BODY_MAX);
    buf_init(&flight->path, ID_MAX);
    buf_init(&flight->body, BODY_MAX);
    buf_init(&flight->adds, BODY_MAX);
}

void flight_release(struct flight *flight)
{
    buf_release(&flight->id);
    buf_release(&flight->clerk_id);
    buf_release(&flight->user);
    buf_release(&flight->path);
    buf_release(&flight->body);
    buf_release(&flight->adds);
}

void flight_clear(struct flight *flight)
{
    secret_wipe(flight->user.at, flight->user.len);
    secret_wipe(flight->body.at, flight->body.len);
    buf_reset(&flight->id);
    buf_reset(&flight->clerk_id);
    buf_reset(&flight->user);
    buf_reset(&flight->path);
    buf_reset(&flight->body);
    buf_reset(&flight->adds);
    flight->step = FLIGHT_FREE;
    flight->attempts = 0;
    flight->split = false;
    flight->adds_at = 0;
    flight->write = 0;
    flight->next = NULL;
}

static void add_later(struct flight *flight, char kind, bool verified, struct text value)
{
    buf_byte(&flight->adds, kind);
    buf_byte(&flight->adds, verified ? 'v' : 'r');
    buf_add(&flight->adds, value);
    buf_byte(&flight->adds, 0);
}

/* The status of item i in NAME_identification_status; verified where there is none. */
static bool is_verified(struct json_value user, const char *param, size_t i)
{
    char path[80];
    snprintf(path, sizeof(path), "%s_identification_status.%zu", param, i);
    struct text status = json_text(json_path(user, text_of(path)));
    return !status.at || text_same(status, TEXT("verified"));
}

/* Queues the items of a list from `from` on. */
static void queue_list(struct flight *flight, struct json_value user, const char *param,
                       size_t from)
{
    size_t i = 0;
    for (struct json_walk walk = json_walk(json_get(user, text_of(param))); json_next(&walk); i++)
        if (i >= from)
            add_later(flight, param[0], is_verified(user, param, i), json_text(walk.value));
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

/* Writes the body without the kind `param`, or with its first item only. */
static void write_without(struct json_value user, const char *param, bool keep_first,
                          struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    for (struct json_walk walk = json_walk(user); json_next(&walk);) {
        if (is_of(walk.key, param) && !keep_first)
            continue;
        json_key(&out, walk.key);
        if (!is_of(walk.key, param)) {
            json_put_value(&out, walk.value);
            continue;
        }
        json_open(&out, '[');
        json_put_value(&out, json_path(walk.value, TEXT("0")));
        json_close(&out, ']');
    }
    json_close(&out, '}');
}

bool flight_split(struct flight *flight, struct json *json, const char *param, bool *username)
{
    struct json_value user;
    struct err err;
    *username = strcmp(param, "username") == 0;
    if (json_parse(json, buf_text(&flight->body), &user, &err))
        return false;
    size_t count = *username ? 1 : json_count(json_get(user, text_of(param)));
    bool primary = strcmp(param, primary_kind(user)) == 0;
    if (count == 0 || (primary && count == 1))
        return false;
    if (!*username)
        queue_list(flight, user, param, primary ? 1 : 0);
    struct buf body;
    buf_init(&body, BODY_MAX);
    write_without(user, param, primary, &body);
    buf_reset(&flight->body);
    buf_add(&flight->body, buf_text(&body));
    bool ok = buf_ok(&body) && buf_ok(&flight->body) && buf_ok(&flight->adds);
    buf_release(&body);
    flight->split = true;
    return ok;
}

/* Queues what the row has and the target's user has not. */
static void merge_identifiers(struct flight *flight, struct json_value row, const char *param,
                              const struct user_identifiers *there)
{
    size_t i = 0;
    for (struct json_walk walk = json_walk(json_get(row, text_of(param))); json_next(&walk); i++) {
        bool known = false;
        for (size_t k = 0; k < there->count; k++)
            known = known || text_same_nocase(there->at[k].value, json_text(walk.value));
        if (!known)
            add_later(flight, param[0], is_verified(row, param, i), json_text(walk.value));
    }
}

int flight_merge(struct flight *flight, struct field_hasher *hasher, const struct hash_key *key,
                 struct json *json, struct json_value target,
                 void (*kept)(struct flight *flight, enum user_field field), struct err *err)
{
    struct arena arena;
    struct user there;
    struct field_hashes hashes;
    struct json_value row;
    struct text clerk_id;
    arena_init(&arena, BODY_MAX);
    int status = -1;
    if (!clerk_decode_user(target, &arena, &there, &clerk_id)) {
        err_set(err, ERR_NETWORK, "the target's answer holds no User object");
        goto out;
    }
    buf_reset(&flight->clerk_id);
    buf_add(&flight->clerk_id, clerk_id);
    if (field_hashes_of(hasher, key, &there, &hashes, err) ||
        json_parse(json, buf_text(&flight->user), &row, err))
        goto out;
    for (int field = 0; field < USER_FIELD_COUNT; field++) {
        if (user_field_infos[field].kind == USER_IDENTIFIERS)
            continue;
        enum merge merge = decide_field(field, flight->written.at[field], flight->hashes.at[field],
                                        hashes.at[field]);
        if (merge == MERGE_WRITE)
            flight->write |= BIT(field);
        else if (merge == MERGE_KEPT)
            kept(flight, field);
    }
    if (flight->written.at[USER_FIELD_email_address] != flight->hashes.at[USER_FIELD_email_address])
        merge_identifiers(flight, row, "email_address", &there.email_address);
    if (flight->written.at[USER_FIELD_phone_number] != flight->hashes.at[USER_FIELD_phone_number])
        merge_identifiers(flight, row, "phone_number", &there.phone_number);
    status = buf_ok(&flight->adds) ? 0 : err_memory(err);
out:
    arena_release(&arena);
    return status;
}

/* The body of a PATCH or PUT: the fields of `set`, null (or {}) where the row has none any more. */
static void write_fields(struct flight *flight, struct json *json, uint64_t set)
{
    struct json_value row;
    struct err err;
    if (json_parse(json, buf_text(&flight->user), &row, &err))
        return;
    struct json_out out = json_out(&flight->body);
    json_open(&out, '{');
    for (int field = 0; field < USER_FIELD_COUNT; field++) {
        if (!(set & BIT(field)))
            continue;
        struct text name = text_of(user_field_infos[field].name);
        struct json_value value = json_get(row, name);
        json_key(&out, name);
        if (json_type(value) == JSON_ABSENT && user_field_infos[field].kind == USER_OBJECT)
            json_put_raw(&out, TEXT("{}"));
        else
            json_put_value(&out, value);
    }
    json_close(&out, '}');
}

static void user_request(struct flight *flight, const char *method, const char *rest)
{
    buf_printf(&flight->path, "/v1/users/%.*s%s", TEXT_ARG(buf_text(&flight->clerk_id)), rest);
    flight->parcel.method = method;
}

static bool next_ban(struct flight *flight, struct json *json)
{
    struct json_value row;
    struct err err;
    enum user_field field =
        flight->write & BIT(USER_FIELD_banned) ? USER_FIELD_banned : USER_FIELD_locked;
    flight->write &= ~BIT(field);
    if (json_parse(json, buf_text(&flight->user), &row, &err))
        return false;
    bool on = json_true(json_get(row, text_of(user_field_infos[field].name)));
    const char *verb = field == USER_FIELD_banned ? (on ? "/ban" : "/unban")
                       : on                       ? "/lock"
                                                  : "/unlock";
    flight->step = FLIGHT_BAN;
    user_request(flight, "POST", verb);
    return true;
}

static bool next_add(struct flight *flight)
{
    const char *entry = flight->adds.at + flight->adds_at;
    bool email = entry[0] == 'e';
    struct json_out out = json_out(&flight->body);
    flight->step = FLIGHT_ADD;
    flight->parcel.method = "POST";
    buf_add(&flight->path, email ? TEXT("/v1/email_addresses") : TEXT("/v1/phone_numbers"));
    json_open(&out, '{');
    json_key(&out, TEXT("user_id"));
    json_put_text(&out, buf_text(&flight->clerk_id));
    json_key(&out, email ? TEXT("email_address") : TEXT("phone_number"));
    json_put_text(&out, text_of(entry + 2));
    json_key(&out, TEXT("verified"));
    json_put_bool(&out, entry[1] == 'v');
    json_close(&out, '}');
    return true;
}

bool flight_next(struct flight *flight, struct json *json)
{
    buf_reset(&flight->path);
    buf_reset(&flight->body);
    uint64_t plain = flight->write & ~(METADATA | BANS);
    uint64_t metadata = flight->write & METADATA;
    if (plain) {
        flight->step = FLIGHT_PATCH;
        flight->write &= ~plain;
        write_fields(flight, json, plain);
        user_request(flight, "PATCH", "");
    } else if (metadata) {
        flight->step = FLIGHT_METADATA;
        flight->write &= ~metadata;
        write_fields(flight, json, metadata);
        user_request(flight, "PUT", "/metadata");
    } else if (flight->write) {
        return next_ban(flight, json);
    } else if (flight->adds_at < flight->adds.len) {
        return next_add(flight);
    } else {
        return false;
    }
    return true;
}

struct text flight_added(struct flight *flight, const char **kind)
{
    const char *entry = flight->adds.at + flight->adds_at;
    struct text value = text_of(entry + 2);
    *kind = entry[0] == 'e' ? "email_address" : "phone_number";
    flight->adds_at += value.len + 3;
    return value;
}
