/* sandbox/tables: all tables that are made with row.h. */
#ifndef USHER_SANDBOX_TABLES_H
#define USHER_SANDBOX_TABLES_H

#include "sandbox/store.h"

/* Makes those that are not there yet. Returns 0 or -1. */
int tables_create(struct store *store, struct err *err);

#endif
