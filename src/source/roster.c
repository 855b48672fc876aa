/*
 * A field is the first of its paths that has a value. All shapes share one table, as their names do not clash: what
 * is an id in one is an id in all. Two things depend on the shape: Auth0's `name` is a slug where there is a
 * display_name, and WorkOS's and Auth0's `metadata` belongs to the application.
 */
#include "source/roster.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/reader.h"
#include "user/user.h"

#define RECORD_MAX ((size_t)16 * 1024 * 1024)
#define PATHS      5

enum roster_kind_of { AS_TEXT, AS_OBJECT, AS_TIME, AS_NUMBER };

struct roster_field {
    size_t offset;
    enum roster_kind_of kind;
    const char *reason; /* if it has a value of another kind */
    const char *paths[PATHS];
};

#define FIELD(member) offsetof(struct roster_entry, member)

static const struct roster_field organization_fields[] = {
    {FIELD(organization), AS_TEXT, "missing_id", {"organization_id", "org_id", "id"}},
    {FIELD(name), AS_TEXT, "invalid_name", {"display_name", "name"}},
    {FIELD(public_metadata), AS_OBJECT, "invalid_metadata", {"public_metadata"}},
    {FIELD(private_metadata), AS_OBJECT, "invalid_metadata", {"private_metadata", "metadata"}},
    {FIELD(created_ms), AS_TIME, "invalid_created_at", {"created_at"}},
    {FIELD(members_max), AS_NUMBER, "invalid_type", {"max_allowed_memberships"}},
};

static const struct roster_field membership_fields[] = {
    {FIELD(organization), AS_TEXT, "missing_id", {"organization_id", "org_id", "organization.id"}},
    {FIELD(user), AS_TEXT, "missing_id", {"user_id", "public_user_data.user_id", "user.id"}},
    {FIELD(role), AS_TEXT, "invalid_type", {"role.slug", "role", "roles.0.name", "roles.0"}},
    {FIELD(public_metadata), AS_OBJECT, "invalid_metadata", {"public_metadata"}},
    {FIELD(private_metadata),
     AS_OBJECT,
     "invalid_metadata",
     {"private_metadata", "custom_attributes"}},
};

struct roster {
    struct input *input;
    struct window window;
    struct json *json, *cells; /* of records; of JSON inside a CSV's cells */
    struct reader *reader;
    struct record record;
    struct arena arena;
    struct json_walk members; /* of the organization given last, while there are more */
    bool among_members;
};

static int start(struct roster *roster, const char *path, struct err *err)
{
    arena_init(&roster->arena, 2 * RECORD_MAX);
    if (input_open(&roster->input, path, err) != 0 ||
        window_init(&roster->window, roster->input, RECORD_MAX, err) != 0 ||
        json_new(&roster->json, RECORD_MAX + JSON_PADDING, err) != 0 ||
        json_new(&roster->cells, RECORD_MAX, err) != 0)
        return -1;
    return reader_open(&roster->reader,
                       &(struct reader_opts){.window = &roster->window, .json = roster->json}, err);
}

int roster_open(struct roster **to, const char *path, struct err *err)
{
    struct roster *roster = calloc(1, sizeof(*roster));
    if (!roster)
        return err_memory(err);
    if (start(roster, path, err) != 0) {
        if (err->code == ERR_INPUT && strncmp(err->message, path, strlen(path)) != 0)
            err_wrap(err, "%s", strcmp(path, "-") == 0 ? "standard input" : path);
        roster_close(roster);
        return -1;
    }
    *to = roster;
    return 0;
}

void roster_close(struct roster *roster)
{
    if (!roster)
        return;
    if (roster->reader)
        roster->reader->ops->close(roster->reader);
    json_free(roster->json);
    json_free(roster->cells);
    window_release(&roster->window);
    input_close(roster->input);
    arena_release(&roster->arena);
    free(roster);
}

static void refuse(struct roster_entry *entry, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The first reason stays. */
static void refuse(struct roster_entry *entry, const char *reason, const char *format, ...)
{
    va_list args;
    if (entry->reason)
        return;
    entry->reason = reason;
    va_start(args, format);
    vsnprintf(entry->detail, sizeof(entry->detail), format, args);
    va_end(args);
}

static bool is_empty(struct json_value value)
{
    enum json_type type = json_type(value);
    return type == JSON_ABSENT || type == JSON_NULL ||
           (type == JSON_STRING && json_text(value).len == 0);
}

/* A text's path may also be an object's in another shape ("role"): then a later path counts. */
static struct json_value find(struct json_value record, const struct roster_field *field,
                              const char **path)
{
    struct json_value value = {0};
    for (size_t i = 0; i < PATHS && field->paths[i]; i++) {
        bool last = i + 1 == PATHS || !field->paths[i + 1];
        value = json_path(record, text_of(*path = field->paths[i]));
        bool is_container = json_type(value) == JSON_OBJECT || json_type(value) == JSON_ARRAY;
        if (!is_empty(value) && (field->kind != AS_TEXT || !is_container || last))
            break;
    }
    return value;
}

/* A text; a whole number is one too, as ids often are. */
static bool read_text(struct roster *roster, struct json_value value, struct text *to)
{
    enum json_type type = json_type(value);
    if (type == JSON_STRING)
        *to = arena_copy(&roster->arena, json_text(value));
    else if (type == JSON_INT)
        *to = arena_printf(&roster->arena, "%lld", (long long)json_int(value));
    return to->at != NULL && !text_has_nul(*to);
}

static bool write_object(struct roster *roster, struct json_value value, struct text *to)
{
    struct buf json;
    if (json_type(value) != JSON_OBJECT)
        return false;
    if (json_count(value) == 0)
        return true;
    buf_init(&json, RECORD_MAX);
    json_write(value, &json);
    if (buf_ok(&json))
        *to = arena_copy(&roster->arena, buf_text(&json));
    buf_release(&json);
    return to->at != NULL;
}

static bool read_object(struct roster *roster, struct json_value value, struct text *to)
{
    struct err ignored;
    struct json_value parsed;
    if (json_type(value) != JSON_STRING)
        return write_object(roster, value, to);
    return json_parse(roster->cells, json_text(value), &parsed, &ignored) == 0 &&
           write_object(roster, parsed, to);
}

static bool read_number(struct json_value value, bool is_time, int64_t *to)
{
    uint64_t number;
    struct text text = json_text(value);
    char digits[24];
    if (json_type(value) == JSON_INT) {
        *to = json_int(value);
        snprintf(digits, sizeof(digits), "%lld", (long long)*to);
        return *to >= 0 && (!is_time || date_parse(text_of(digits), to));
    }
    if (is_time || !text_u64(text, INT64_MAX, &number))
        return is_time && text.at && date_parse(text, to);
    *to = (int64_t)number;
    return true;
}

static bool read_field(struct roster *roster, const struct roster_field *field,
                       struct json_value value, struct roster_entry *entry)
{
    void *member = (char *)entry + field->offset;
    switch (field->kind) {
    case AS_TEXT:
        return read_text(roster, value, member);
    case AS_OBJECT:
        return read_object(roster, value, member);
    case AS_TIME:
    case AS_NUMBER:
        return read_number(value, field->kind == AS_TIME, member);
    }
    return false;
}

static void read_fields(struct roster *roster, const struct roster_field *fields, size_t count,
                        struct json_value record, struct roster_entry *entry)
{
    for (size_t i = 0; i < count; i++) {
        const char *path = "";
        struct json_value value = find(record, &fields[i], &path);
        if (!is_empty(value) && !read_field(roster, &fields[i], value, entry))
            refuse(entry, fields[i].reason, "%s has an unusable value", path);
    }
}

static void read_organization(struct roster *roster, struct json_value record,
                              struct roster_entry *entry)
{
    bool is_auth0 = !is_empty(json_get(record, TEXT("display_name")));
    struct json_value slug = json_get(record, is_auth0 ? TEXT("name") : TEXT("slug"));
    read_fields(roster, organization_fields, ARRAY_COUNT(organization_fields), record, entry);
    if (!is_empty(slug) && !read_text(roster, slug, &entry->slug))
        refuse(entry, "invalid_type", "the slug is no text");
    if (!entry->organization.at)
        refuse(entry, "missing_id", "no organization_id, org_id or id");
    else if (!entry->name.at)
        refuse(entry, "missing_field", "the organization has no name");
}

static void read_membership(struct roster *roster, struct json_value record, struct text within,
                            struct roster_entry *entry)
{
    entry->organization = within;
    read_fields(roster, membership_fields, ARRAY_COUNT(membership_fields), record, entry);
    if (!entry->organization.at)
        refuse(entry, "missing_id", "the membership names no organization");
    else if (!entry->user.at)
        refuse(entry, "missing_id", "the membership names no user");
}

static bool is_membership(struct json_value record)
{
    const char *path;
    for (size_t i = 0; i < ARRAY_COUNT(membership_fields); i++)
        if (membership_fields[i].offset == FIELD(user))
            return !is_empty(find(record, &membership_fields[i], &path));
    return false;
}

static void begin_entry(const struct roster *roster, enum roster_kind kind,
                        struct roster_entry *entry)
{
    *entry = (struct roster_entry){.kind = kind,
                                   .row = roster->record.number,
                                   .offset = roster->record.offset,
                                   .created_ms = USER_UNSET,
                                   .members_max = USER_UNSET};
}

/* The next member of the organization in hand: its id is read anew, as the arena has been emptied. */
static bool next_member(struct roster *roster, struct roster_entry *entry)
{
    struct roster_entry organization;
    if (!roster->among_members || !json_next(&roster->members))
        return roster->among_members = false;
    begin_entry(roster, ROSTER_ORGANIZATION, &organization);
    read_fields(roster, organization_fields, 1, roster->record.value, &organization);
    begin_entry(roster, ROSTER_MEMBERSHIP, entry);
    if (json_type(roster->members.value) == JSON_OBJECT)
        read_membership(roster, roster->members.value, organization.organization, entry);
    else
        refuse(entry, "not_an_object", "a member is no object");
    return true;
}

int roster_next(struct roster *roster, struct roster_entry *entry, struct err *err)
{
    struct record *record = &roster->record;
    arena_reset(&roster->arena);
    if (next_member(roster, entry))
        return 1;
    int got = roster->reader->ops->next(roster->reader, record, err);
    if (got <= 0)
        return got;
    bool usable = record->reason == USER_ACCEPTED;
    bool membership = usable && is_membership(record->value);
    begin_entry(roster, membership ? ROSTER_MEMBERSHIP : ROSTER_ORGANIZATION, entry);
    if (!usable) {
        refuse(entry, user_reason_name(record->reason), "%s", record->detail);
    } else if (membership) {
        read_membership(roster, record->value, (struct text){NULL, 0}, entry);
    } else {
        read_organization(roster, record->value, entry);
        roster->members = json_walk(json_get(record->value, TEXT("members")));
        roster->among_members = true;
    }
    return 1;
}

uint64_t roster_bytes_read(const struct roster *roster)
{
    return input_bytes_read(roster->input);
}

uint64_t roster_bytes_total(const struct roster *roster)
{
    return input_bytes_total(roster->input);
}
