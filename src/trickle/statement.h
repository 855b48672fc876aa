/*
 * statement: SQL of the configuration with named parameters, :identifier, made into the numbered ones of
 * sql/. What a parameter stands for is bound, never pasted.
 */
#ifndef USHER_TRICKLE_STATEMENT_H
#define USHER_TRICKLE_STATEMENT_H

#include "sql/sql.h"

#define STATEMENT_NAMES_MAX 4

struct statement {
    const char *text;                /* in the arena */
    int number[STATEMENT_NAMES_MAX]; /* of each name, 0: not used */
};

/*
 * Reads the SQL, in which the names (without colon, NULL-terminated) may stand outside of quotes and
 * comments. Returns 0, or -1: ERR_USAGE for another name or a parameter by number, ERR_MEMORY.
 */
int statement_read(struct statement *statement, const char *sql, const char *const *names,
                   struct arena *arena, struct err *err);

/* Binds the value of names[name] wherever it stands. The text must stay valid until sql_reset. */
void statement_bind(const struct statement *statement, struct sql_query *query, int name,
                    struct text value);

#endif
