/* A run of a ledger, as status and runs show it. */
#ifndef USHER_CLI_RUN_H
#define USHER_CLI_RUN_H

#include "json/json.h"
#include "ledger/ledger.h"

/* Whether its process is still there and has not ended it. */
bool run_is_running(const struct ledger_run *run);

/* Prints one line on standard output; appends one JSON object. */
void run_print(const struct ledger_run *run);
void run_put(struct json_out *out, const struct ledger_run *run);

#endif
