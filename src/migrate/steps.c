/* One after another: a head of fixed size, then method, path and body, each with a NUL behind it. */
#include "migrate/steps.h"

#include <string.h>

#include "json/json.h"

#define STEPS_MAX ((size_t)32 << 20)

struct head {
    enum step_kind kind;
    enum user_field field;
    uint64_t member;
    size_t path, body; /* their lengths */
    bool has_body;
};

void steps_init(struct steps *steps)
{
    memset(steps, 0, sizeof(*steps));
    buf_init(&steps->all, STEPS_MAX);
}

void steps_release(struct steps *steps)
{
    buf_release(&steps->all);
}

void steps_reset(struct steps *steps)
{
    secret_wipe(steps->all.at, steps->all.len);
    buf_reset(&steps->all);
    steps->at = steps->count = 0;
}

void steps_add(struct steps *steps, const struct step *step)
{
    struct head head = {.kind = step->kind,
                        .field = step->field,
                        .member = step->member,
                        .path = step->path.len,
                        .body = step->body.len,
                        .has_body = step->body.at != NULL};
    buf_add(&steps->all, (struct text){(const char *)&head, sizeof(head)});
    buf_add(&steps->all, (struct text){step->method, strlen(step->method) + 1});
    buf_add(&steps->all, step->path);
    buf_byte(&steps->all, 0);
    buf_add(&steps->all, step->body);
    buf_byte(&steps->all, 0);
    steps->count++;
}

bool steps_ok(const struct steps *steps)
{
    return buf_ok(&steps->all);
}

bool steps_next(struct steps *steps, struct step *step)
{
    struct head head;
    if (steps->at >= steps->all.len)
        return false;
    const char *at = steps->all.at + steps->at;
    memcpy(&head, at, sizeof(head));
    *step = (struct step){.kind = head.kind, .field = head.field, .member = head.member};
    step->method = at + sizeof(head);
    step->path = (struct text){step->method + strlen(step->method) + 1, head.path};
    step->body = (struct text){step->path.at + head.path + 1, head.body};
    steps->at = (size_t)(step->body.at + head.body + 1 - steps->all.at);
    if (!head.has_body)
        step->body = (struct text){NULL, 0};
    return true;
}

const char *steps_identifier_path(enum user_field field)
{
    return field == USER_FIELD_email_address ? "/v1/email_addresses" : "/v1/phone_numbers";
}

void steps_add_user(struct steps *steps, enum step_kind kind, const char *method,
                    struct text clerk_id, const char *rest, struct text body)
{
    struct buf path;
    buf_init(&path, 4096);
    buf_printf(&path, "/v1/users/%.*s%s", TEXT_ARG(clerk_id), rest);
    steps_add(steps, &(struct step){.kind = kind,
                                    .method = method,
                                    .path = buf_text(&path),
                                    .body = body,
                                    .field = USER_FIELD_COUNT});
    buf_release(&path);
}

void steps_add_identifier(struct steps *steps, struct text clerk_id, enum user_field field,
                          const struct user_identifier *identifier, bool primary, uint64_t member)
{
    struct buf body;
    buf_init(&body, STEPS_MAX);
    struct json_out out = json_out(&body);
    json_open(&out, '{');
    json_key(&out, TEXT("user_id"));
    json_put_text(&out, clerk_id);
    json_key(&out, text_of(user_field_infos[field].name));
    json_put_text(&out, identifier->value);
    json_key(&out, TEXT("verified"));
    json_put_bool(&out, identifier->verified);
    if (primary) {
        json_key(&out, TEXT("primary"));
        json_put_bool(&out, true);
    }
    json_close(&out, '}');
    steps_add(steps, &(struct step){.kind = STEP_IDENTIFIER,
                                    .method = "POST",
                                    .path = text_of(steps_identifier_path(field)),
                                    .body = buf_text(&body),
                                    .field = field,
                                    .member = member});
    buf_release(&body);
}
