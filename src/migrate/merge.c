/* Names and other single values, secrets, bans. */
#include "migrate/merge.h"

#include <string.h>

#include "clerk/clerk.h"

#define WORK_MAX ((size_t)16 << 20)

enum merge_result merge_values(uint64_t written, uint64_t source, uint64_t target, bool prefer)
{
    if (source == written || target == source)
        return MERGE_NOTHING;
    if (target == written)
        return MERGE_WRITE;
    return prefer ? MERGE_OVERRULED : MERGE_KEPT;
}

enum merge_result merge_secret(uint64_t written, uint64_t source, enum record_touch touch,
                               bool prefer)
{
    if (source == written)
        return MERGE_NOTHING;
    if (touch == RECORD_UNTOUCHED)
        return MERGE_WRITE;
    return prefer ? MERGE_OVERRULED : MERGE_KEPT;
}

bool merge_prefers(const struct merge *merge, enum user_field field)
{
    return merge->prefer & USER_FIELD_BIT(field);
}

bool merge_settle(struct merge *merge, enum merge_result result, const struct merge_value *value)
{
    bool write = !merge->take_over && (result == MERGE_WRITE || result == MERGE_OVERRULED);
    if (!merge->take_over && (result == MERGE_KEPT || result == MERGE_OVERRULED))
        merge->told(merge->arg, value->field, value->path, result);
    if (!write && value->key && value->source && value->source != value->target)
        record_add(merge->marks, record_kept_key(value->key), value->target);
    return write;
}

static void add_step(struct merge *merge, enum step_kind kind, const char *method, const char *rest,
                     struct text body)
{
    steps_add_user(merge->steps, kind, method, merge->clerk_id, rest, body);
}

/* ---- single values ---- */

/* What PATCH /users/{id} takes of a row and shows again; what is written at the create only is not in it. */
static bool is_single(enum user_field field)
{
    switch (user_field_infos[field].kind) {
    case USER_TEXT:
    case USER_FLAG:
    case USER_TIME:
    case USER_NUMBER:
        return field != USER_FIELD_external_id && field != USER_FIELD_created_at &&
               field != USER_FIELD_password_hasher && field != USER_FIELD_banned &&
               field != USER_FIELD_locked;
    default:
        return false;
    }
}

/* A switch that was never written shows Clerk's default: that is nobody's change. */
static bool shows_default(const struct merge *merge, enum user_field field)
{
    return user_field_infos[field].kind == USER_FLAG && merge->written.mark_count > 0 &&
           merge->written.fields.at[field] == 0 && field != USER_FIELD_banned &&
           field != USER_FIELD_locked;
}

/* Whether the source's value of a whole field is to be written. */
static bool wants_field(struct merge *merge, enum user_field field)
{
    struct merge_value value = {
        .field = field,
        .key = record_key(merge->key, RECORD_FIELD, field, TEXT("")),
        .source = merge->source->at[field],
        .target = merge->there.at[field],
    };
    uint64_t written = merge->written.fields.at[field];
    if (merge->keeps_all && value.source == 0)
        return false;
    if (shows_default(merge, field) && value.source != value.target)
        written = value.source ? value.target : 0;
    return merge_settle(
        merge, merge_values(written, value.source, value.target, merge_prefers(merge, field)),
        &value);
}

static uint64_t single_values(struct merge *merge)
{
    uint64_t set = 0;
    for (int field = 0; field < USER_FIELD_COUNT; field++) {
        if (is_single(field) && wants_field(merge, field))
            set |= USER_FIELD_BIT(field);
    }
    return set;
}

/* ---- secrets ---- */

static const struct secret {
    enum user_field field;
    enum record_witness witness;
    const char *shown;   /* the User object's word on whether there is one */
    const char *removal; /* what takes it away; NULL: nothing does */
} secrets[] = {
    {USER_FIELD_password_digest, RECORD_PASSWORD, "password_enabled", NULL},
    {USER_FIELD_totp_secret, RECORD_FACTOR, "totp_enabled", "/totp"},
    {USER_FIELD_backup_codes, RECORD_FACTOR, "backup_code_enabled", "/backup_code"},
};

static bool same_secret(const struct merge *merge, enum user_field field)
{
    const struct field_hashes *then = &merge->written.fields, *now = merge->source;
    return then->at[field] == now->at[field] &&
           (field != USER_FIELD_password_digest ||
            then->at[USER_FIELD_password_hasher] == now->at[USER_FIELD_password_hasher]);
}

/* A user who was found at the target and has none gets the source's. */
static enum record_touch touch_of(const struct merge *merge, const struct secret *secret)
{
    if (secret->witness == RECORD_PASSWORD && record_proof(&merge->written) != RECORD_NOT_PROVEN)
        return RECORD_TOUCHED; /* at the gateway */
    if (merge->written.mark_count > 0)
        return record_touched(&merge->written, merge->key, secret->witness, merge->target);
    return json_true(json_get(merge->target, text_of(secret->shown))) ? RECORD_TOUCHED
                                                                      : RECORD_UNTOUCHED;
}

/* Whether an earlier request, of which no answer came, may have brought this very secret. */
static bool was_sent(const struct merge *merge, enum user_field field)
{
    uint64_t hash;
    return record_get(&merge->written, record_key(merge->key, RECORD_SENDING, field, TEXT("")),
                      &hash) &&
           hash == merge->source->at[field];
}

/* Whether a value is the source's first word on something that the gateway settled or had no word on. */
static bool is_settled(const struct merge *merge, enum user_field field)
{
    bool proven = record_proof(&merge->written) != RECORD_NOT_PROVEN;
    return (proven && field == USER_FIELD_password_digest &&
            merge->written.fields.at[field] == 0) ||
           (merge->keeps_all && merge->source->at[field] == 0);
}

static bool wants_secret(struct merge *merge, const struct secret *secret)
{
    enum user_field field = secret->field;
    enum record_touch touch = touch_of(merge, secret);
    uint64_t source = merge->source->at[field];
    bool there = json_true(json_get(merge->target, text_of(secret->shown)));
    bool prefer = secret->removal && merge_prefers(merge, field);
    if (same_secret(merge, field) || is_settled(merge, field) ||
        (touch != RECORD_UNTOUCHED && was_sent(merge, field)))
        return false;
    if (source == 0 && (!there || !secret->removal))
        return false;
    /* Another hasher under the same digest is a change, too. */
    uint64_t written =
        source == merge->written.fields.at[field] ? ~source : merge->written.fields.at[field];
    return merge_settle(merge, merge_secret(written, source, touch, prefer),
                        &(struct merge_value){.field = field});
}

static uint64_t secret_values(struct merge *merge)
{
    uint64_t set = 0;
    for (size_t i = 0; i < ARRAY_COUNT(secrets); i++)
        if (wants_secret(merge, &secrets[i]))
            set |= USER_FIELD_BIT(secrets[i].field);
    return set;
}

static void remove_secrets(struct merge *merge, uint64_t set)
{
    for (size_t i = 0; i < ARRAY_COUNT(secrets); i++)
        if ((set & USER_FIELD_BIT(secrets[i].field)) && merge->source->at[secrets[i].field] == 0)
            add_step(merge, STEP_REMOVAL, "DELETE", secrets[i].removal, (struct text){NULL, 0});
}

/* ---- the steps ---- */

static void patch_fields(struct merge *merge, uint64_t set)
{
    struct buf body;
    buf_init(&body, WORK_MAX);
    struct json_out out = json_out(&body);
    json_open(&out, '{');
    if (set & USER_FIELD_BIT(USER_FIELD_password_digest))
        set |= USER_FIELD_BIT(USER_FIELD_password_hasher);
    for (int field = 0; field < USER_FIELD_COUNT; field++) {
        if (!(set & USER_FIELD_BIT(field)))
            continue;
        struct text name = text_of(user_field_infos[field].name);
        json_key(&out, name);
        json_put_value(&out, json_get(merge->row, name));
    }
    json_close(&out, '}');
    add_step(merge, STEP_FIELDS, "PATCH", "", buf_text(&body));
    buf_release(&body);
}

static void patch_metadata(struct merge *merge)
{
    struct buf body;
    buf_init(&body, WORK_MAX);
    merge_metadata(merge, &body);
    if (body.len > 0)
        add_step(merge, STEP_WHOLE, "PATCH", "/metadata", buf_text(&body));
    buf_release(&body);
}

static void merge_bans(struct merge *merge)
{
    static const struct {
        enum user_field field;
        const char *on, *off;
    } bans[] = {{USER_FIELD_banned, "/ban", "/unban"}, {USER_FIELD_locked, "/lock", "/unlock"}};
    for (size_t i = 0; i < ARRAY_COUNT(bans); i++) {
        enum user_field field = bans[i].field;
        if (wants_field(merge, field))
            add_step(merge, STEP_WHOLE, "POST", merge->source->at[field] ? bans[i].on : bans[i].off,
                     (struct text){NULL, 0});
    }
}

static uint64_t carried(const struct merge *merge, uint64_t set)
{
    for (int field = 0; field < USER_FIELD_COUNT; field++)
        if (merge->source->at[field] == 0)
            set &= ~USER_FIELD_BIT(field);
    return set;
}

static int decode(struct merge *merge, struct arena *arena, struct err *err)
{
    struct user there;
    if (!clerk_decode_user(merge->target, arena, &there, &merge->clerk_id))
        return err_set(err, ERR_NETWORK, "the target's answer holds no User object");
    return field_hashes_of(merge->hasher, merge->key, &there, &merge->there, err);
}

int merge_user(struct merge *merge, struct err *err)
{
    struct arena arena;
    arena_init(&arena, WORK_MAX);
    int status = decode(merge, &arena, err);
    arena_release(&arena);
    if (status)
        return -1;
    merge->keeps_all = record_proof(&merge->written) == RECORD_PROVEN_LATELY;
    merge_identifiers(merge, USER_FIELD_email_address);
    merge_identifiers(merge, USER_FIELD_phone_number);
    uint64_t single = single_values(merge);
    merge->secrets = secret_values(merge);
    if (single | carried(merge, merge->secrets))
        patch_fields(merge, single | carried(merge, merge->secrets));
    remove_secrets(merge, merge->secrets);
    patch_metadata(merge);
    merge_bans(merge);
    return steps_ok(merge->steps) && buf_ok(merge->marks) ? 0 : err_memory(err);
}
