/* scratch: temporary files without a name, in TMPDIR or /tmp: gone with the process, whatever ends it. */
#ifndef USHER_BASE_SCRATCH_H
#define USHER_BASE_SCRATCH_H

#include <stddef.h>
#include <sys/types.h>

struct err;

/* Where temporary things go: TMPDIR, or /tmp. */
const char *scratch_folder(void);

/* A new one, for reading and writing; the caller closes it. -1 (ERR_IO): says to set TMPDIR. */
int scratch_open(struct err *err);

/* All of that size from or to that place. 0 or -1 with errno (0: the file ends before). */
int scratch_read(int fd, void *to, size_t size, off_t from);
int scratch_write(int fd, const void *at, size_t size, off_t to);

#endif
