/*
 * rejects: rows that did not get through, written so that they can be mended and imported again: the raw
 * records as they stood in the export (with its header line for a CSV), failed users as Usher's own JSON
 * Lines into FILE.failed.jsonl. A file of mode 0600, since records hold digests.
 */
#ifndef USHER_MIGRATE_REJECTS_H
#define USHER_MIGRATE_REJECTS_H

#include "base/base.h"
#include "source/source.h"

struct rejects;

/* Creates the file at path (it must not exist); NULL path: *rejects becomes NULL, which all below take. */
int rejects_open(struct rejects **rejects, const char *path, const struct source *source,
                 struct err *err);
void rejects_close(struct rejects *rejects);

/* Adds the raw record of a rejected row. */
void rejects_add_row(struct rejects *rejects, const struct source_row *row);

/* Adds a user whom the target refused: its CreateUser body, which platform `usher` reads. */
void rejects_add_body(struct rejects *rejects, struct text body);

/* Writes out what is buffered; -1 (ERR_IO) if any of it could not be written. */
int rejects_flush(struct rejects *rejects, struct err *err);

#endif
