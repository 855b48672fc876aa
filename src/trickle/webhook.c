/*
 * Svix signs "ID.TIMESTAMP.BODY" with HMAC-SHA-256 under the bytes behind "whsec_" (base64), and sends
 *
 *     svix-id: msg_…   svix-timestamp: SECONDS   svix-signature: v1,BASE64 v1,BASE64 …
 *
 * While a secret is exchanged for another both have signed, so any signature by any secret will do; other
 * versions than v1 are passed over (https://docs.svix.com/receiving/verifying-payloads/how-manual).
 */
#include "trickle/webhook.h"

#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "trickle/mac.h"
#include "trickle/remote.h"

#define SECRETS_MAX  4
#define KEY_MAX      128
#define KEY_MIN      16
#define ID_MAX       256
#define SETTINGS_MAX ((size_t)64 * 1024)
#define BACK_MS      5000

struct webhook_key {
    uint8_t at[KEY_MAX];
    size_t len;
};

struct webhook {
    struct arena arena;
    struct webhook_opts opts; /* its texts in the arena */
    struct webhook_key keys[SECRETS_MAX];
    size_t key_count;
    struct remote remote;
};

/* --- opening --- */

static int add_key(struct webhook *webhook, struct text secret, struct err *err)
{
    if (webhook->key_count == SECRETS_MAX)
        return err_set(err, ERR_USAGE, "webhook: more than %d secrets", SECRETS_MAX);
    struct webhook_key *key = &webhook->keys[webhook->key_count++];
    if (!text_starts(secret, TEXT("whsec_")) ||
        !base64_decode(BASE64, text_part(secret, 6, secret.len), key->at, KEY_MAX, &key->len) ||
        key->len < KEY_MIN)
        return err_set(err, ERR_USAGE,
                       "webhook: secret is not whsec_ and the base64 of at least %d bytes",
                       KEY_MIN);
    return 0;
}

static int add_keys(struct webhook *webhook, struct err *err)
{
    struct text rest = text_of(webhook->opts.secret), secret;
    while (text_field(&rest, ',', &secret))
        if (add_key(webhook, text_trim(secret), err) != 0)
            return -1;
    return webhook->key_count > 0
               ? 0
               : err_set(err, ERR_USAGE, "webhook: the setting secret is missing");
}

static bool copy_opts(struct webhook *webhook, const struct webhook_opts *opts)
{
    bool ok = true;
    webhook->opts = *opts;
#define SETTING(name, meaning)                                                                     \
    if (opts->name)                                                                                \
        ok = (webhook->opts.name = arena_copy(&webhook->arena, text_of(opts->name)).at) && ok;
    WEBHOOK_SETTINGS(SETTING)
#undef SETTING
    return ok;
}

static int open_back(struct webhook *webhook, struct err *err)
{
    const struct webhook_opts *opts = &webhook->opts;
    const struct remote_auth auth = {opts->back_auth, opts->back_username, opts->back_secret};
    if (!opts->back_url)
        return opts->back_auth || opts->back_secret || opts->back_username
                   ? err_set(err, ERR_USAGE, "webhook: back_auth and back_secret without back_url")
                   : 0;
    if (remote_check_url("back_url", opts->back_url, err) != 0 ||
        remote_open(&webhook->remote, &auth, opts->ca_file, err) != 0)
        return err_wrap(err, "webhook");
    return 0;
}

int webhook_open(struct webhook **webhook, const struct webhook_opts *opts, struct err *err)
{
    struct webhook *made = calloc(1, sizeof(*made));
    if (!made)
        return err_memory(err);
    arena_init(&made->arena, SETTINGS_MAX);
    int result = copy_opts(made, opts) ? add_keys(made, err) : err_memory(err);
    if (result == 0)
        result = open_back(made, err);
    if (result == 0)
        *webhook = made;
    else
        webhook_close(made);
    return result;
}

void webhook_close(struct webhook *webhook)
{
    if (!webhook)
        return;
    remote_close(&webhook->remote);
    arena_release(&webhook->arena);
    secret_wipe(webhook, sizeof(*webhook));
    free(webhook);
}

/* --- verifying --- */

static bool is_signed_by(const struct webhook_key *key, struct text content, struct text signature)
{
    uint8_t mac[MAC_MAX], given[MAC_MAX];
    size_t len = 0;
    if (!base64_decode(BASE64, signature, given, sizeof(given), &len))
        return false;
    size_t made = mac_sha2(256, (struct text){(const char *)key->at, key->len}, content, mac);
    return made > 0 && made == len && secret_same(mac, given, made);
}

static bool is_signed(const struct webhook *webhook, struct text content, struct text signatures)
{
    struct text one, version;
    while (text_field(&signatures, ' ', &one)) {
        if (!text_field(&one, ',', &version) || !one.at || !text_same(version, TEXT("v1")))
            continue;
        for (size_t i = 0; i < webhook->key_count; i++)
            if (is_signed_by(&webhook->keys[i], content, one))
                return true;
    }
    return false;
}

static int refuse(struct err *err, const char *why)
{
    return err_set(err, ERR_REFUSED, "webhook: %s", why);
}

int webhook_verify(const struct webhook *webhook, const struct webhook_message *message,
                   int64_t now_ms, struct err *err)
{
    uint64_t seconds;
    struct buf content;
    if (message->id.len == 0 || message->id.len > ID_MAX || message->signature.len == 0)
        return refuse(err, "no svix-id or svix-signature");
    if (!text_u64(message->timestamp, INT64_MAX / 1000, &seconds))
        return refuse(err, "svix-timestamp is no number of seconds");
    int64_t apart_ms = now_ms - (int64_t)seconds * 1000;
    if (apart_ms > WEBHOOK_TOLERANCE_MS || apart_ms < -WEBHOOK_TOLERANCE_MS)
        return refuse(err, "svix-timestamp is more than five minutes off");
    buf_init(&content, WEBHOOK_BODY_MAX + 2 * ID_MAX);
    buf_add(&content, message->id);
    buf_byte(&content, '.');
    buf_add(&content, message->timestamp);
    buf_byte(&content, '.');
    buf_add(&content, message->body);
    bool good = buf_ok(&content) && is_signed(webhook, buf_text(&content), message->signature);
    buf_release(&content);
    return good ? 0 : refuse(err, "the signature is wrong");
}

/* --- reading --- */

static const struct {
    const char *type, *name;
} kinds[] = {
    [WEBHOOK_CREATED] = {"user.created", "created"},
    [WEBHOOK_UPDATED] = {"user.updated", "updated"},
    [WEBHOOK_DELETED] = {"user.deleted", "deleted"},
    [WEBHOOK_OTHER] = {"", "other"},
};

const char *webhook_kind_name(enum webhook_kind kind)
{
    return kinds[kind].name;
}

/* The primary address, if it is verified. */
static struct text verified_email(struct json_value user)
{
    struct text primary = json_text(json_get(user, TEXT("primary_email_address_id")));
    struct json_walk walk = json_walk(json_get(user, TEXT("email_addresses")));
    while (primary.len > 0 && json_next(&walk)) {
        struct text status = json_text(json_path(walk.value, TEXT("verification.status")));
        if (text_same(json_text(json_get(walk.value, TEXT("id"))), primary))
            return text_same(status, TEXT("verified"))
                       ? json_text(json_get(walk.value, TEXT("email_address")))
                       : (struct text){NULL, 0};
    }
    return (struct text){NULL, 0};
}

static struct text keep(struct arena *arena, struct text t)
{
    return t.len > 0 ? arena_copy(arena, t) : (struct text){NULL, 0};
}

static int take(struct json_value root, struct arena *arena, struct webhook_event *event,
                struct err *err)
{
    struct text type = json_text(json_get(root, TEXT("type")));
    struct json_value user = json_get(root, TEXT("data"));
    struct buf text;
    event->kind = WEBHOOK_OTHER;
    for (int i = 0; i < WEBHOOK_OTHER; i++)
        if (text_same(type, text_of(kinds[i].type)))
            event->kind = (enum webhook_kind)i;
    if (event->kind == WEBHOOK_OTHER)
        return 0;
    buf_init(&text, WEBHOOK_BODY_MAX);
    json_write(user, &text);
    event->user = keep(arena, buf_text(&text));
    buf_release(&text);
    event->clerk_id = keep(arena, json_text(json_get(user, TEXT("id"))));
    event->external_id = keep(arena, json_text(json_get(user, TEXT("external_id"))));
    event->email = keep(arena, verified_email(user));
    event->has_public = json_count(json_get(user, TEXT("public_metadata"))) > 0;
    event->has_private = json_count(json_get(user, TEXT("private_metadata"))) > 0;
    event->has_unsafe = json_count(json_get(user, TEXT("unsafe_metadata"))) > 0;
    return event->clerk_id.at && event->user.at
               ? 0
               : err_set(err, ERR_INPUT, "webhook: an event of a user without id");
}

int webhook_read(struct text body, struct arena *arena, struct webhook_event *event,
                 struct err *err)
{
    struct json *json;
    struct json_value root;
    *event = (struct webhook_event){.kind = WEBHOOK_OTHER};
    if (json_new(&json, WEBHOOK_BODY_MAX, err) != 0)
        return -1;
    int result = json_parse(json, body, &root, err);
    if (result == 0)
        result = json_type(root) == JSON_OBJECT
                     ? take(root, arena, event, err)
                     : err_set(err, ERR_INPUT, "webhook: the body is no object");
    json_free(json);
    return result;
}

/* --- sending back --- */

bool webhook_sends_back(const struct webhook *webhook)
{
    return webhook->opts.back_url != NULL;
}

static void write_change(struct buf *to, struct text id, const struct webhook_event *event)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    json_key(&out, TEXT("event"));
    json_put_text(&out, text_of(webhook_kind_name(event->kind)));
    json_key(&out, TEXT("id"));
    json_put_text(&out, id);
    json_key(&out, TEXT("external_id"));
    json_put_text_or_null(&out, event->external_id);
    json_key(&out, TEXT("clerk_id"));
    json_put_text(&out, event->clerk_id);
    json_key(&out, TEXT("user"));
    json_put_raw(&out, event->user);
    json_close(&out, '}');
}

int webhook_send_back(struct webhook *webhook, struct text id, const struct webhook_event *event,
                      struct err *err)
{
    struct remote_answer answer;
    struct buf body;
    remote_init(&answer);
    buf_init(&body, WEBHOOK_BODY_MAX + 4096);
    write_change(&body, id, event);
    struct remote_request request = {
        .url = webhook->opts.back_url, .body = buf_text(&body), .timeout_ms = BACK_MS};
    int result =
        buf_ok(&body) ? remote_ask(&webhook->remote, &request, &answer, err) : err_memory(err);
    if (result == 0 && (answer.status < 200 || answer.status > 299))
        result = err_set(err, ERR_NETWORK, "back_url answered %ld", answer.status);
    buf_release(&body);
    remote_release(&answer);
    return result;
}
