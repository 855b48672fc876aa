/*
 * One writer at a time: flock on "LEDGER-lock", which holds the owner's pid. The kernel lets go of the lock
 * when its process ends, however it ends. The file goes at closing; since another process may have opened
 * it just before, a lock counts only on the file that still has the name.
 *
 * The lock is not on the database itself: closing any descriptor of that would drop SQLite's own locks.
 */
#include "ledger/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The lock of a ledger that is reached through a symbolic link is that of the file. */
static char *lock_path_of(const char *path)
{
    char *real = realpath(path, NULL), *to = NULL;
    if (asprintf(&to, "%s-lock", real ? real : path) < 0)
        to = NULL;
    free(real);
    return to;
}

static bool still_named(int fd, const char *path)
{
    struct stat open_one, named_one;
    return fstat(fd, &open_one) == 0 && stat(path, &named_one) == 0 &&
           open_one.st_dev == named_one.st_dev && open_one.st_ino == named_one.st_ino;
}

static int refuse(struct ledger *ledger, int fd, struct err *err)
{
    char pid[24];
    ssize_t len = pread(fd, pid, sizeof(pid) - 1, 0);
    pid[len > 0 ? len : 0] = 0;
    pid[strspn(pid, "0123456789")] = 0;
    return err_set(
        err, ERR_UNUSABLE,
        "%s: in use by another process (%s%s); wait for it or stop it, then run this again",
        ledger->path, pid[0] ? "pid " : "just starting", pid);
}

static int lock_once(struct ledger *ledger, struct err *err)
{
    int fd = open(ledger->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(err, ERR_IO, "%s: %s", ledger->lock_path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        ledger->lock_fd = fd;
        return 0;
    }
    int status = errno == EWOULDBLOCK ? refuse(ledger, fd, err)
                                      : err_set(err, ERR_IO, "%s: cannot be locked: %s",
                                                ledger->lock_path, strerror(errno));
    close(fd);
    return status;
}

int ledger_lock(struct ledger *ledger, struct err *err)
{
    ledger->lock_path = lock_path_of(ledger->path);
    if (!ledger->lock_path)
        return err_memory(err);
    for (;;) {
        if (lock_once(ledger, err) != 0)
            return -1;
        if (still_named(ledger->lock_fd, ledger->lock_path))
            break;
        close(ledger->lock_fd);
        ledger->lock_fd = -1;
    }
    /* Only for the message that a second process gives; a full disk may leave it empty. */
    if (ftruncate(ledger->lock_fd, 0) != 0 || dprintf(ledger->lock_fd, "%ld\n", (long)getpid()) < 0)
        return 0;
    return 0;
}

void ledger_unlock(struct ledger *ledger)
{
    if (ledger->lock_fd >= 0) {
        unlink(ledger->lock_path);
        close(ledger->lock_fd);
    }
    ledger->lock_fd = -1;
    free(ledger->lock_path);
    ledger->lock_path = NULL;
}
