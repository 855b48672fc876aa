#include "base/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

/* A file in that folder that has no name, or soon has none, on file systems without O_TMPFILE. */
static int unlinked_file(const char *folder)
{
    char path[4096];
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || snprintf(path, sizeof(path), "%s/usher-XXXXXX", folder) >= (int)sizeof(path))
        return fd;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

const char *scratch_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder && *folder ? folder : "/tmp";
}

int scratch_open(struct err *err)
{
    const char *folder = scratch_folder();
    int fd = unlinked_file(folder);
    if (fd >= 0)
        return fd;
    return err_set(err, ERR_IO,
                   "cannot make a temporary file in %s: %s; set TMPDIR to a folder with room",
                   folder, strerror(errno));
}

int scratch_read(int fd, void *to, size_t size, off_t from)
{
    for (size_t have = 0; have < size;) {
        ssize_t got = pread(fd, (char *)to + have, size - have, from + (off_t)have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = 0;
        if (got <= 0)
            return -1;
        have += (size_t)got;
    }
    return 0;
}

int scratch_write(int fd, const void *at, size_t size, off_t to)
{
    for (size_t done = 0; done < size;) {
        ssize_t wrote = pwrite(fd, (const char *)at + done, size - done, to + (off_t)done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return -1;
        done += (size_t)wrote;
    }
    return 0;
}
