/* The TOTP secrets that wait to be verified, by their user's id. */
#ifndef USHER_SANDBOX_ME_FACTORS_H
#define USHER_SANDBOX_ME_FACTORS_H

#include "sandbox/row.h"

#define PENDING_TOTP_COLUMNS(TEXT_, NUMBER_) TEXT_(totp_id) TEXT_(secret) NUMBER_(created_at)
struct pending_totp {
    struct text id;
    PENDING_TOTP_COLUMNS(ROW_TEXT, ROW_NUMBER)
};
extern const struct row_table pending_totp_table;

#endif
