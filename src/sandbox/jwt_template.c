#include "sandbox/jwt_template.h"

#include <stdio.h>

#include "sandbox/body.h"
#include "sandbox/call.h"
#include "sandbox/claims.h"
#include "sandbox/jwt_signature.h"
#include "sandbox/page.h"
#include "sandbox/routes.h"
#include "sandbox/token.h"

/* Seconds: bounds and defaults of a template's lifetime and clock skew. */
#define LIFETIME_MIN     30
#define LIFETIME_MAX     315360000
#define LIFETIME_DEFAULT 60
#define SKEW_MAX         300
#define SKEW_DEFAULT     5

#define COLUMN_TEXT(name)   {offsetof(struct jwt_template, name), false},
#define COLUMN_NUMBER(name) {offsetof(struct jwt_template, name), true},
ROW_TABLE(jwt_template_table, jwt_template, "jwt_templates", JWT_TEMPLATE_COLUMNS, COLUMN_TEXT,
          COLUMN_NUMBER,
          "CREATE UNIQUE INDEX IF NOT EXISTS jwt_templates_name ON jwt_templates (name);");

void jwt_template_encode(const struct call *call, const struct jwt_template *template,
                         struct text claims, struct buf *to)
{
    char header[192];
    int len = snprintf(header, sizeof(header),
                       "{\"alg\":\"%.*s\",\"cat\":\"%s\",\"typ\":\"JWT\",\"oiat\":%lld}",
                       TEXT_ARG(template->signing_algorithm), TOKEN_CLASS_TEMPLATE,
                       (long long)(call->now_ms / 1000));
    base64_encode(BASE64_URL_BARE, to, (const uint8_t *)header, (size_t)len);
    buf_byte(to, '.');
    base64_encode(BASE64_URL_BARE, to, (const uint8_t *)claims.at, claims.len);
}

static bool list(struct call *call, struct sql_query *query, struct jwt_template **templates,
                 size_t *count, struct err *err)
{
    void *rows = NULL;
    *count = 0;
    bool ok = query && row_list(&jwt_template_table, query, call->arena, &rows, count, err) == 0;
    *templates = rows;
    return ok || call_broken(call, err);
}

bool jwt_template_find(struct call *call, struct text name, struct jwt_template *template)
{
    static const char statement[] =
        ROW_SELECT("jwt_templates", JWT_TEMPLATE_COLUMNS) " WHERE name = ?1";
    struct jwt_template *found;
    struct err err;
    size_t count;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (query)
        sql_bind_text(query, 1, name);
    if (!list(call, query, &found, &count, &err))
        return false;
    if (count == 0)
        return call_not_found(call, "JWT template", name);
    *template = found[0];
    return true;
}

static void put(const struct jwt_template *template, struct json_out *out)
{
    json_open(out, '{');
    json_field_text(out, "object", TEXT("jwt_template"));
    json_field_text(out, "id", template->id);
    json_field_text(out, "name", template->name);
    json_field_raw(out, "claims", template->claims);
    json_field_int(out, "lifetime", template->lifetime);
    json_field_int(out, "allowed_clock_skew", template->allowed_clock_skew);
    json_field_bool(out, "custom_signing_key", template->signing_key.at);
    json_field_text(out, "signing_algorithm", template->signing_algorithm);
    json_field_int(out, "created_at", template->created_at);
    json_field_int(out, "updated_at", template->updated_at);
    json_close(out, '}');
}

static void answer(struct call *call, const struct jwt_template *template)
{
    struct json_out out = json_out(call_answer(call, 200));
    put(template, &out);
}

struct form {
    struct text name, claims, signing_algorithm, signing_key;
    int64_t lifetime, allowed_clock_skew;
    enum user_flag custom_signing_key;
};

static const struct body_field fields[] = {
    {"name", BODY_TEXT, offsetof(struct form, name), .needed = true},
    {"claims", BODY_OBJECT, offsetof(struct form, claims), .needed = true},
    {"lifetime", BODY_NUMBER, .offset = offsetof(struct form, lifetime)},
    {"allowed_clock_skew", BODY_NUMBER, .offset = offsetof(struct form, allowed_clock_skew)},
    {"custom_signing_key", BODY_FLAG, .offset = offsetof(struct form, custom_signing_key)},
    {"signing_algorithm", BODY_TEXT, .offset = offsetof(struct form, signing_algorithm)},
    {"signing_key", BODY_SECRET, .offset = offsetof(struct form, signing_key)},
};

static bool check_range(struct call *call, const char *name, int64_t *value, int64_t min,
                        int64_t max, int64_t usual)
{
    if (*value == USER_UNSET)
        *value = usual;
    return (*value >= min && *value <= max) || call_fail(call, CLERK_form_param_value_invalid, name,
                                                         "`%s` must be from %lld to %lld seconds.",
                                                         name, (long long)min, (long long)max);
}

static bool check_signing(struct call *call, struct form *form)
{
    if (form->custom_signing_key != USER_FLAG_TRUE) {
        form->signing_key = (struct text){NULL, 0};
        form->signing_algorithm = TEXT("RS256");
        return true;
    }
    if (!form->signing_key.at || form->signing_key.len == 0)
        return call_fail(call, CLERK_form_conditional_param_missing, "signing_key",
                         "A custom signing key needs `signing_key`.");
    if (!jwt_signature_known(form->signing_algorithm))
        return call_fail(call, CLERK_form_param_value_invalid, "signing_algorithm",
                         "`signing_algorithm` must be one of " JWT_SIGNATURE_ALGORITHMS ".");
    return jwt_signature_fits(form->signing_algorithm, form->signing_key) ||
           call_fail(call, CLERK_form_param_value_invalid, "signing_key",
                     "The key is no unencrypted PEM private key for this algorithm.");
}

static bool read(struct call *call, struct form *form)
{
    struct err err;
    uint64_t given;
    *form = (struct form){.lifetime = USER_UNSET, .allowed_clock_skew = USER_UNSET};
    if (!body_read(call, fields, ARRAY_COUNT(fields), form, &given))
        return false;
    if (form->name.len == 0 || form->name.len > 256)
        return call_fail(call, CLERK_form_param_format_invalid, "name",
                         "`name` must have 1 to 256 bytes.");
    if (claims_check(form->claims, &err) != 0)
        return call_fail(call, CLERK_form_param_value_invalid, "claims", "%s.", err.message);
    return check_range(call, "lifetime", &form->lifetime, LIFETIME_MIN, LIFETIME_MAX,
                       LIFETIME_DEFAULT) &&
           check_range(call, "allowed_clock_skew", &form->allowed_clock_skew, 0, SKEW_MAX,
                       SKEW_DEFAULT) &&
           check_signing(call, form);
}

static void save(struct call *call, const struct form *form, struct jwt_template *template)
{
    struct err err;
    template->name = form->name;
    template->claims = form->claims;
    template->lifetime = form->lifetime;
    template->allowed_clock_skew = form->allowed_clock_skew;
    template->signing_algorithm = form->signing_algorithm;
    template->signing_key = form->signing_key;
    template->updated_at = call->now_ms;
    enum store_answer put = row_put(call->desk->store, &jwt_template_table, template, &err);
    if (put == STORE_TAKEN)
        call_fail(call, CLERK_form_param_value_invalid, "name", "Another template has this name.");
    else if (call_check(call, put, &err))
        answer(call, template);
}

void jwt_templates_create(struct call *call)
{
    struct jwt_template template = {.id = call_new_id(call, "jtmp_"), .created_at = call->now_ms};
    struct form form;
    if (read(call, &form))
        save(call, &form, &template);
}

static bool get(struct call *call, struct jwt_template *template)
{
    struct err err;
    enum store_answer got =
        row_get(call->desk->store, &jwt_template_table, call->ids[0], call->arena, template, &err);
    if (got == STORE_NONE)
        return call_not_found(call, "JWT template", call->ids[0]);
    return call_check(call, got, &err);
}

void jwt_templates_update(struct call *call)
{
    struct jwt_template template;
    struct form form;
    if (get(call, &template) && read(call, &form))
        save(call, &form, &template);
}

void jwt_templates_get(struct call *call)
{
    struct jwt_template template;
    if (get(call, &template))
        answer(call, &template);
}

void jwt_templates_delete(struct call *call)
{
    struct jwt_template template;
    struct err err;
    if (get(call, &template) &&
        call_check(call, row_delete(call->desk->store, &jwt_template_table, template.id, &err),
                   &err))
        clerk_write_deleted("jwt_template", template.id, (struct text){NULL, 0},
                            call_answer(call, 200));
}

void jwt_templates_list(struct call *call)
{
    static const char statement[] =
        ROW_SELECT("jwt_templates", JWT_TEMPLATE_COLUMNS) " ORDER BY created_at, id";
    struct jwt_template *templates;
    struct err err;
    size_t count;
    struct sql_query *query = sql_query(store_sql(call->desk->store), statement, &err);
    if (!list(call, query, &templates, &count, &err))
        return;
    struct page page;
    if (!page_open(call, count, &page))
        return;
    for (size_t i = page.from; i < page.to; i++)
        put(&templates[i], &page.out);
    page_close(&page);
}
