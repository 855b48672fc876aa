#include "sandbox/tables.h"

#include "sandbox/client.h"
#include "sandbox/handshake.h"
#include "sandbox/jwt_template.h"
#include "sandbox/outbox.h"
#include "sandbox/session.h"
#include "sandbox/me_factors.h"
#include "sandbox/signin.h"
#include "sandbox/signup.h"
#include "sandbox/ticket.h"
#include "sandbox/verification.h"

static const struct row_table *const tables[] = {
    &client_table,    &dev_browser_table,  &session_table,      &signin_table,
    &signup_table,    &pending_totp_table, &verification_table, &ticket_table,
    &handshake_table, &jwt_template_table, &outbox_table,
};

int tables_create(struct store *store, struct err *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++)
        if (row_create(store, tables[i], err) != 0)
            return -1;
    return 0;
}
