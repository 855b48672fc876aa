/* translate: a statement of the common subset (sql.h) in the words of a server. */
#ifndef USHER_SQL_TRANSLATE_H
#define USHER_SQL_TRANSLATE_H

#include "sql/connection.h"

/* Which parameter stands at each mark of the translated statement. For PostgreSQL: how many there are. */
struct sql_marks {
    uint16_t *params; /* MySQL only: counted from 1, in the order of the marks */
    size_t count, room;
};

/*
 * Appends the translated statement to `to`. marks->params is the caller's to free. Returns 0, or -1: ERR_USAGE
 * for a parameter that is out of range, ERR_MEMORY.
 */
int sql_translate(const char *statement, enum sql_kind kind, struct buf *to,
                  struct sql_marks *marks, struct err *err);

#endif
