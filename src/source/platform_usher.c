/*
 * Usher's own form: JSON Lines with exactly the fields of CreateUser's body. An address is a string, or
 * {"value": …, "verified": …}. As in a body, an address is verified unless it, or the array of statuses,
 * says otherwise.
 */
#include "source/draft.h"

#define AS_KIND_TEXT        AS_TEXT
#define AS_KIND_SECRET      AS_TEXT
#define AS_KIND_SECRETS     AS_TEXTS
#define AS_KIND_IDENTIFIERS AS_LIST
#define AS_KIND_OBJECT      AS_OBJECT
#define AS_KIND_TIME        AS_TIME
#define AS_KIND_FLAG        AS_FLAG
#define AS_KIND_NUMBER      AS_NUMBER

static const struct platform_row rows[] = {
#define FIELD(name, kind) {#name, USER_FIELD_##name, AS_KIND_##kind},
    USER_FIELDS(FIELD)
#undef FIELD
        {"email_address_identification_status", USER_FIELD_email_address, AS_STATUSES},
    {"phone_number_identification_status", USER_FIELD_phone_number, AS_STATUSES},
    {"skip_password_requirement", USER_FIELD_password_digest, AS_FINISH},
};

static const char *const marks[] = {"external_id", NULL};

const struct platform platform_usher = {
    .name = "usher",
    .rows = rows,
    .row_count = ARRAY_COUNT(rows),
    .marks = marks,
};
