/*
 * Email addresses and phone numbers, one by one: those that the source added are added, those that it
 * removed are removed if they are ours, those that it verified are verified. What people added or removed in
 * Clerk stays so. Order: added, verified and made primary, removed; so there is always one to sign in with.
 */
#include "migrate/merge.h"

#include <stdio.h>

struct list {
    struct merge *merge;
    enum user_field field;
    struct json_value row, statuses; /* of the source */
    struct json_value there;         /* of the target */
    struct text primary_id;          /* at the target */
};

static struct text name_of(const struct list *list)
{
    return text_of(user_field_infos[list->field].name);
}

static bool is_verified_here(const struct list *list, size_t i)
{
    char index[24];
    snprintf(index, sizeof(index), "%zu", i);
    struct text status = json_text(json_path(list->statuses, text_of(index)));
    return !status.at || text_same(status, TEXT("verified"));
}

static bool is_verified_there(struct json_value item)
{
    struct text status = json_text(json_path(item, TEXT("verification.status")));
    return text_same(status, TEXT("verified")) && !json_true(json_get(item, TEXT("reserved")));
}

static struct json_value find_there(const struct list *list, struct text value)
{
    for (struct json_walk walk = json_walk(list->there); json_next(&walk);)
        if (text_same_nocase(json_text(json_get(walk.value, name_of(list))), value))
            return walk.value;
    return (struct json_value){NULL, 0};
}

static bool is_in_row(const struct list *list, struct text value)
{
    for (struct json_walk walk = json_walk(list->row); json_next(&walk);)
        if (text_same_nocase(json_text(walk.value), value))
            return true;
    return false;
}

static uint64_t key_of(const struct list *list, struct text value)
{
    return value.len > 0 ? record_member_key(list->merge->key, list->field, value) : 0;
}

static uint64_t written_as(const struct list *list, uint64_t key)
{
    uint64_t value = 0;
    record_get(&list->merge->written, key, &value);
    return value;
}

static void add_patch(const struct list *list, struct json_value item, const char *member,
                      uint64_t mark)
{
    struct buf path, body;
    buf_init(&path, 4096);
    buf_init(&body, 64);
    buf_printf(&path, "%s/%.*s", steps_identifier_path(list->field),
               TEXT_ARG(json_text(json_get(item, TEXT("id")))));
    buf_printf(&body, "{\"%s\":true}", member);
    steps_add(list->merge->steps, &(struct step){.kind = STEP_IDENTIFIER,
                                                 .method = "PATCH",
                                                 .path = buf_text(&path),
                                                 .body = buf_text(&body),
                                                 .field = list->field,
                                                 .member = mark});
    buf_release(&path);
    buf_release(&body);
}

static void add_removal(const struct list *list, struct json_value item)
{
    struct buf path;
    buf_init(&path, 4096);
    buf_printf(&path, "%s/%.*s", steps_identifier_path(list->field),
               TEXT_ARG(json_text(json_get(item, TEXT("id")))));
    steps_add(list->merge->steps, &(struct step){.kind = STEP_IDENTIFIER,
                                                 .method = "DELETE",
                                                 .path = buf_text(&path),
                                                 .field = list->field});
    buf_release(&path);
}

static struct text primary_there(const struct list *list)
{
    for (struct json_walk walk = json_walk(list->there); json_next(&walk);)
        if (text_same(json_text(json_get(walk.value, TEXT("id"))), list->primary_id))
            return json_text(json_get(walk.value, name_of(list)));
    return (struct text){NULL, 0};
}

/* Whether the source's first one is to become the primary one. An unverified one cannot be. */
static bool wants_primary(const struct list *list)
{
    struct merge *merge = list->merge;
    struct text first = json_text(json_path(list->row, TEXT("0")));
    struct merge_value value = {
        .field = list->field,
        .path = TEXT("the primary one"),
        .key = record_key(merge->key, RECORD_PRIMARY, list->field, TEXT("primary")),
        .source = key_of(list, first),
        .target = key_of(list, primary_there(list)),
    };
    if (first.len == 0 || !is_verified_here(list, 0))
        return false;
    return merge_settle(merge,
                        merge_values(written_as(list, value.key), value.source, value.target,
                                     merge_prefers(merge, list->field)),
                        &value);
}

static void merge_one(const struct list *list, struct text value, bool verified, bool primary)
{
    struct merge *merge = list->merge;
    struct json_value item = find_there(list, value);
    bool there = json_type(item) == JSON_OBJECT;
    uint64_t key = key_of(list, value);
    struct merge_value one = {
        .field = list->field,
        .path = value,
        .key = key,
        .source = verified ? 2 : 1,
        .target = !there                    ? 0
                  : is_verified_there(item) ? 2
                                            : 1,
    };
    bool write = merge_settle(merge,
                              merge_values(written_as(list, key), one.source, one.target,
                                           merge_prefers(merge, list->field)),
                              &one);
    if (!there && write)
        steps_add_identifier(merge->steps, merge->clerk_id, list->field,
                             &(struct user_identifier){value, verified}, primary, key);
    /* Clerk takes no verification back. */
    if (there && write && verified)
        add_patch(list, item, "verified", 0);
    if (there && primary)
        add_patch(list, item, "primary", 0);
}

static void merge_row(const struct list *list)
{
    bool primary = wants_primary(list);
    size_t i = 0;
    for (struct json_walk walk = json_walk(list->row); json_next(&walk); i++)
        merge_one(list, json_text(walk.value), is_verified_here(list, i), primary && i == 0);
}

static void merge_removed(const struct list *list)
{
    for (struct json_walk walk = json_walk(list->there); json_next(&walk);) {
        struct text value = json_text(json_get(walk.value, name_of(list)));
        if (!is_in_row(list, value) && written_as(list, key_of(list, value)) != 0)
            add_removal(list, walk.value);
    }
}

void merge_identifiers(struct merge *merge, enum user_field field)
{
    bool email = field == USER_FIELD_email_address;
    struct list list = {
        .merge = merge,
        .field = field,
        .row = json_get(merge->row, text_of(user_field_infos[field].name)),
        .statuses = json_get(merge->row, email ? TEXT("email_address_identification_status")
                                               : TEXT("phone_number_identification_status")),
        .there = json_get(merge->target, email ? TEXT("email_addresses") : TEXT("phone_numbers")),
        .primary_id = json_text(json_get(merge->target, email ? TEXT("primary_email_address_id")
                                                              : TEXT("primary_phone_number_id"))),
    };
    merge_row(&list);
    if (!merge->keeps_all)
        merge_removed(&list);
}
