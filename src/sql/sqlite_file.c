/*
 * The file of an SQLite database: it is made here and not by SQLite, so that its mode is 0600 from the
 * first instant; SQLite gives the -wal and -shm files the mode of the database.
 */
#include "sql/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder of a path, for fsync and for messages. */
static void folder_of(const char *path, char *to, size_t room)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(to, room, ".");
    else if (slash == path)
        snprintf(to, room, "/");
    else
        snprintf(to, room, "%.*s", (int)(slash - path), path);
}

int sqlite_folder_problem(const char *path, int cause, struct err *err)
{
    char folder[4096];
    folder_of(path, folder, sizeof(folder));
    if (access(folder, F_OK) != 0)
        return err_set(err, ERR_IO,
                       "%s: the folder %s does not exist; make it or give another path", path,
                       folder);
    if (cause == EROFS || cause == EACCES || cause == EPERM)
        return err_set(err, ERR_IO,
                       "%s: the folder %s is not writable (%s); give a path in one that is", path,
                       folder, strerror(cause));
    if (cause == ENOSPC || cause == EDQUOT)
        return err_set(err, ERR_IO, "%s: the disk is full; free some space and run it again", path);
    return err_set(err, ERR_IO, "%s: %s", path, strerror(cause));
}

/* A new name is durable only when its folder is. */
static void sync_folder(const char *path)
{
    char folder[4096];
    folder_of(path, folder, sizeof(folder));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

int sqlite_make_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        /* Opening a file that exists, only to close it, would drop SQLite's locks on it. */
        return errno == EEXIST ? 0 : sqlite_folder_problem(path, errno, err);
    close(fd);
    sync_folder(path);
    return 0;
}

/* What SQLite would only call "unable to open database file". */
int sqlite_check_file(const char *path, enum sql_mode mode, struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno == ENOENT && mode == SQL_CREATE)
            return 0;
        if (errno == ENOENT)
            return err_set(err, ERR_IO, "%s: no such file; check the path", path);
        return err_set(err, ERR_IO, "%s: %s; check the path", path, strerror(errno));
    }
    if (S_ISDIR(st.st_mode))
        return err_set(err, ERR_IO, "%s: is a directory; give the path of a file in it", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_IO, "%s: is no regular file; give another path", path);
    int need = mode == SQL_READ_ONLY ? R_OK : R_OK | W_OK;
    if (access(path, need) != 0)
        return err_set(err, ERR_IO, "%s: not %s (%s); check its owner and mode", path,
                       mode == SQL_READ_ONLY ? "readable" : "writable", strerror(errno));
    return 0;
}

char *sqlite_immutable_uri(const char *path)
{
    size_t room = strlen(path) * 3 + sizeof("file:?immutable=1");
    char *uri = malloc(room);
    if (!uri)
        return NULL;
    char *to = uri + sprintf(uri, "file:");
    for (; *path; path++)
        to += sprintf(to, strchr("%?#", *path) ? "%%%02X" : "%c", (unsigned char)*path);
    sprintf(to, "?immutable=1");
    return uri;
}
