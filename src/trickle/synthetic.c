/* What is sealed: 8 bytes of the time it holds until, 16 of the browser's mark, then the identifier. */
#include "trickle/synthetic.h"

#include <string.h>

#include "json/json.h"

#define HEAD (sizeof(int64_t) + SEAL_MARK_LEN)

void synthetic_id(const struct seal_key *key, struct text identifier, struct text browser,
                  int64_t now_ms, struct buf *to)
{
    int64_t until = now_ms + SYNTHETIC_LIFE_MS;
    uint8_t mark[SEAL_MARK_LEN];
    struct buf plain;
    seal_mark(key, browser, mark);
    buf_init(&plain, HEAD + identifier.len + 1);
    buf_add(&plain, (struct text){(const char *)&until, sizeof(until)});
    buf_add(&plain, (struct text){(const char *)mark, sizeof(mark)});
    buf_add(&plain, identifier);
    buf_add(to, SYNTHETIC_PREFIX);
    if (buf_ok(&plain))
        seal(key, buf_text(&plain), to);
    buf_release(&plain);
}

struct text synthetic_open(const struct seal_key *key, struct text id, struct text browser,
                           int64_t now_ms, struct arena *arena)
{
    static const struct text none = {NULL, 0};
    uint8_t mark[SEAL_MARK_LEN];
    int64_t until;
    if (!text_starts(id, SYNTHETIC_PREFIX))
        return none;
    struct text plain = seal_open(key, text_part(id, SYNTHETIC_PREFIX.len, id.len), arena);
    if (plain.len <= HEAD)
        return none;
    memcpy(&until, plain.at, sizeof(until));
    seal_mark(key, browser, mark);
    if (until < now_ms || !secret_same(mark, plain.at + sizeof(until), sizeof(mark)))
        return none;
    return text_part(plain, HEAD, plain.len);
}

static void put_factor(struct json_out *out, const char *strategy, struct text identifier)
{
    json_open(out, '{');
    json_key(out, TEXT("strategy"));
    json_put_text(out, text_of(strategy));
    if (identifier.at) {
        json_key(out, TEXT("safe_identifier"));
        json_put_text(out, identifier);
        json_key(out, TEXT("email_address_id"));
        json_put_text(out, TEXT(SYNTHETIC_EMAIL_ID));
        json_key(out, TEXT("primary"));
        json_put_bool(out, true);
    }
    json_close(out, '}');
}

static void put_factors(struct json_out *out, struct text identifier, bool codes)
{
    bool email = text_find(identifier, '@', 0) < identifier.len;
    json_key(out, TEXT("supported_first_factors"));
    json_open(out, '[');
    put_factor(out, "password", (struct text){NULL, 0});
    if (codes && email) {
        put_factor(out, "email_code", identifier);
        put_factor(out, "reset_password_email_code", identifier);
    }
    json_close(out, ']');
}

static void put_nulls(struct json_out *out)
{
    static const char *const keys[] = {"supported_second_factors",   "first_factor_verification",
                                       "second_factor_verification", "user_data",
                                       "created_session_id",         "client_trust_state"};
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        json_key(out, text_of(keys[i]));
        json_put_null(out);
    }
}

void synthetic_write(struct text id, struct text identifier, bool codes, struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    json_key(&out, TEXT("response"));
    json_open(&out, '{');
    json_key(&out, TEXT("object"));
    json_put_text(&out, TEXT("sign_in_attempt"));
    json_key(&out, TEXT("id"));
    json_put_text(&out, id);
    json_key(&out, TEXT("status"));
    json_put_text(&out, TEXT("needs_first_factor"));
    json_key(&out, TEXT("supported_identifiers"));
    json_put_raw(&out, TEXT("[\"email_address\",\"phone_number\",\"username\"]"));
    put_factors(&out, identifier, codes);
    put_nulls(&out);
    json_key(&out, TEXT("identifier"));
    json_put_text(&out, identifier);
    json_key(&out, TEXT("abandon_at"));
    json_put_int(&out, clock_wall_ms() + SYNTHETIC_LIFE_MS);
    json_close(&out, '}');
    json_key(&out, TEXT("client"));
    json_put_null(&out);
    json_close(&out, '}');
}
