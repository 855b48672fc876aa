/* What is sealed: 8 bytes of the time it holds until, 16 of the browser's mark, 1 for by_phone, then the identifier. */
#include "trickle/synthetic.h"

#include <string.h>

#include "json/json.h"

#define FLAG (sizeof(int64_t) + SEAL_MARK_LEN)
#define HEAD (FLAG + 1)

void synthetic_id(const struct seal_key *key, const struct synthetic *whom, struct text browser,
                  int64_t now_ms, struct buf *to)
{
    int64_t until = now_ms + SYNTHETIC_LIFE_MS;
    uint8_t mark[SEAL_MARK_LEN];
    struct buf plain;
    seal_mark(key, browser, mark);
    buf_init(&plain, HEAD + whom->identifier.len + 1);
    buf_add(&plain, (struct text){(const char *)&until, sizeof(until)});
    buf_add(&plain, (struct text){(const char *)mark, sizeof(mark)});
    buf_byte(&plain, (char)whom->by_phone);
    buf_add(&plain, whom->identifier);
    buf_add(to, SYNTHETIC_PREFIX);
    if (buf_ok(&plain))
        seal(key, buf_text(&plain), to);
    buf_release(&plain);
}

struct synthetic synthetic_open(const struct seal_key *key, struct text id, struct text browser,
                                int64_t now_ms, struct arena *arena)
{
    static const struct synthetic none = {.identifier = {NULL, 0}};
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
    return (struct synthetic){text_part(plain, HEAD, plain.len), plain.at[FLAG] != 0};
}

/* id_name: of the parameter that picks it; absent for the password. */
static void put_factor(struct json_out *out, const char *strategy, struct text id_name,
                       struct text identifier)
{
    json_open(out, '{');
    json_key(out, TEXT("strategy"));
    json_put_text(out, text_of(strategy));
    if (id_name.at) {
        json_key(out, TEXT("safe_identifier"));
        json_put_text(out, identifier);
        json_key(out, id_name);
        json_put_text(out, TEXT(SYNTHETIC_FACTOR_ID));
        json_key(out, TEXT("primary"));
        json_put_bool(out, true);
    }
    json_close(out, '}');
}

static void put_factors(struct json_out *out, const struct synthetic *whom, bool codes)
{
    static const struct text none = {NULL, 0};
    struct text identifier = whom->identifier;
    bool by_email = text_find(identifier, '@', 0) < identifier.len;
    struct text id_name = by_email         ? TEXT("email_address_id")
                          : whom->by_phone ? TEXT("phone_number_id")
                                           : none;
    json_key(out, TEXT("supported_first_factors"));
    json_open(out, '[');
    put_factor(out, "password", none, none);
    if (codes && id_name.at) {
        put_factor(out, by_email ? "email_code" : "phone_code", id_name, identifier);
        put_factor(out, by_email ? "reset_password_email_code" : "reset_password_phone_code",
                   id_name, identifier);
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

void synthetic_write(struct text id, const struct synthetic *whom, bool codes, struct buf *to)
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
    put_factors(&out, whom, codes);
    put_nulls(&out);
    json_key(&out, TEXT("identifier"));
    json_put_text(&out, whom->identifier);
    json_key(&out, TEXT("abandon_at"));
    json_put_int(&out, clock_wall_ms() + SYNTHETIC_LIFE_MS);
    json_close(&out, '}');
    json_key(&out, TEXT("client"));
    json_put_null(&out);
    json_close(&out, '}');
}
