/* /v1/redirect_urls: where native applications may be sent back to after an OAuth sign-in. */
#include "sandbox/redirect_url.h"

#include <ctype.h>
#include <string.h>

#include "sandbox/resource.h"
#include "sandbox/routes.h"

/* A scheme (RFC 3986, section 3.1), "://", and something behind it. */
bool redirect_url_is_whole(struct text url)
{
    size_t colon = text_find(url, ':', 0);
    if (colon == 0 || !isalpha((unsigned char)url.at[0]) || url.len <= colon + 3 ||
        !text_starts(text_part(url, colon, url.len), TEXT("://")))
        return false;
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.at[i];
        if (c <= ' ' || c == 0x7f || (i < colon && !isalnum(c) && !strchr("+-.", c)))
            return false;
    }
    return true;
}

static bool check(struct call *call, const struct entry *old, struct entry *entry,
                  struct json_value doc)
{
    (void)old;
    (void)doc;
    return redirect_url_is_whole(entry->name) ||
           call_fail(call, CLERK_form_param_format_invalid, "url",
                     "`url` must be a whole URL: https://… or a scheme of the application's own.");
}

static const struct resource_field fields[] = {
    {"url", BODY_TEXT, RESOURCE_NEEDED | RESOURCE_SHOWN, .min = 1, .max = 2048},
};

static const struct resource redirect_url = {
    .kind = ENTRY_REDIRECT_URL,
    .object = "redirect_url",
    .what = "redirect URL",
    .prefix = "ru_",
    .fields = fields,
    .count = ARRAY_COUNT(fields),
    .name = "url",
    .unique = true,
    .taken = CLERK_form_already_exists,
    .array = true,
    .check = check,
};

static bool get(struct call *call, struct entry *entry)
{
    return resource_get(call, &redirect_url, (struct text){NULL, 0}, call->ids[0], entry);
}

void redirect_urls_list(struct call *call)
{
    resource_list(call, &redirect_url, &(struct resource_list){.any_owner = false});
}

void redirect_urls_create(struct call *call)
{
    resource_create(call, &redirect_url, (struct text){NULL, 0});
}

void redirect_urls_get(struct call *call)
{
    struct entry entry;
    if (get(call, &entry))
        resource_show(call, &redirect_url, &entry);
}

void redirect_urls_delete(struct call *call)
{
    struct entry entry;
    if (get(call, &entry))
        resource_delete(call, &redirect_url, &entry);
}
