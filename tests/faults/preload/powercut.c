/*
 * A disk that loses power, preloaded into a process (LD_PRELOAD) that writes files of one folder.
 *
 *     POWERCUT_FOLDER  the folder, absolute, no folders in it
 *     POWERCUT_IMAGE   another one: what a disk would hold of it; equal to the first at the start
 *     POWERCUT_AT      the power goes at this sync, counted from 1, before it has done anything; 0: never
 *     POWERCUT_SEED    0: all that was not synced is lost; else: each write since the file's last sync is
 *                      lost, kept, or torn at sectors of 512 bytes, by chance, and so in any order
 *
 * Writes and truncations are kept in a list per file until fsync or fdatasync moves them into the image.
 * A new name is durable with its file's or its folder's sync, a removed one with its folder's. At the cut
 * the process kills itself; the image is then what a restarted machine would find. SQLite's -shm files are
 * memory and left out. Not for files that are renamed, or written through mmap or stdio: SQLite does neither.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FDS_MAX 4096
#define SECTOR  512

struct change {
    struct change *next;
    off_t at;
    ssize_t len; /* -1: truncated to `at` */
    char bytes[];
};

/* A file, from its creation to its removal: a name that is removed and made again is two of them. */
struct file {
    struct file *next;
    char name[256];
    bool removed, in_image;
    struct change *first, **last;
};

static struct {
    pthread_mutex_t lock;
    const char *folder, *image;
    long at, syncs;
    bool by_chance;
    unsigned seed;
    struct file *files; /* the newest first */
    struct file *by_fd[FDS_MAX];
    bool is_folder[FDS_MAX];
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("POWERCUT_AT"), *seed = getenv("POWERCUT_SEED");
    disk.folder = getenv("POWERCUT_FOLDER");
    disk.image = getenv("POWERCUT_IMAGE");
    disk.at = at ? atol(at) : 0;
    disk.seed = seed ? (unsigned)atol(seed) : 0;
    disk.by_chance = disk.seed != 0;
}

static void fail(const char *what)
{
    perror(what);
    abort();
}

/* The name inside the folder, or NULL for what is elsewhere or only memory. */
static const char *inside(const char *path)
{
    size_t len = disk.folder && disk.image ? strlen(disk.folder) : 0;
    if (len == 0 || strncmp(path, disk.folder, len) != 0 || path[len] != '/')
        return NULL;
    size_t end = strlen(path);
    return end > 4 && strcmp(path + end - 4, "-shm") == 0 ? NULL : path + len + 1;
}

static struct file *file_of(const char *name, bool existed)
{
    struct file *file = disk.files;
    while (file && (file->removed || strcmp(file->name, name) != 0))
        file = file->next;
    if (file)
        return file;
    file = calloc(1, sizeof(*file));
    if (!file)
        fail("powercut");
    snprintf(file->name, sizeof(file->name), "%s", name);
    file->in_image = existed;
    file->last = &file->first;
    file->next = disk.files;
    disk.files = file;
    return file;
}

static void record(int fd, const void *bytes, ssize_t len, off_t at)
{
    struct file *file = fd >= 0 && fd < FDS_MAX ? disk.by_fd[fd] : NULL;
    if (!file)
        return;
    struct change *change = malloc(sizeof(*change) + (len > 0 ? (size_t)len : 0));
    if (!change)
        fail("powercut");
    *change = (struct change){.at = at, .len = len};
    if (len > 0)
        memcpy(change->bytes, bytes, (size_t)len);
    *file->last = change;
    file->last = &change->next;
}

static int image_open(const struct file *file)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", disk.image, file->name);
    int fd = REAL(open64)(path, O_RDWR | O_CREAT | (file->in_image ? 0 : O_TRUNC), 0600);
    if (fd < 0)
        fail(path);
    return fd;
}

static void put(int fd, const char *bytes, size_t len, off_t at)
{
    if (REAL(pwrite64)(fd, bytes, len, at) != (ssize_t)len)
        fail("powercut: image");
}

static void apply(int fd, const struct change *change)
{
    if (change->len >= 0)
        put(fd, change->bytes, (size_t)change->len, change->at);
    else if (REAL(ftruncate64)(fd, change->at) != 0)
        fail("powercut: image");
}

/* What a disk may have made of a write that was not synced. */
static void apply_by_chance(int fd, const struct change *change)
{
    int chance = rand_r(&disk.seed) % 3;
    if (chance == 0)
        return;
    if (chance == 1 || change->len < 0) {
        apply(fd, change);
        return;
    }
    for (ssize_t from = 0, len; from < change->len; from += len) {
        len = SECTOR - (change->at + from) % SECTOR;
        if (len > change->len - from)
            len = change->len - from;
        if (rand_r(&disk.seed) % 2)
            put(fd, change->bytes + from, (size_t)len, change->at + from);
    }
}

static void image_write(struct file *file, void (*write_one)(int fd, const struct change *change))
{
    int fd = image_open(file);
    for (struct change *change = file->first, *next; change; change = next) {
        next = change->next;
        write_one(fd, change);
        free(change);
    }
    file->first = NULL;
    file->last = &file->first;
    file->in_image = true;
    REAL(close)(fd);
}

static void image_remove(const struct file *file)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", disk.image, file->name);
    REAL(unlink)(path);
}

/* Oldest first, so that what a name means now is written over what it meant before. */
static void cut_file(struct file *file)
{
    if (!file)
        return;
    cut_file(file->next);
    bool chance = disk.by_chance && rand_r(&disk.seed) % 2;
    if (file->removed && file->in_image && chance)
        image_remove(file);
    else if (!file->removed && disk.by_chance && (file->in_image || chance))
        image_write(file, apply_by_chance);
}

static void sync_folder(void)
{
    for (struct file *file = disk.files; file; file = file->next) {
        if (file->removed && file->in_image) {
            image_remove(file);
            file->in_image = false;
        } else if (!file->removed && !file->in_image) {
            REAL(close)(image_open(file));
            file->in_image = true;
        }
    }
}

static void synced(int fd)
{
    if (fd < 0 || fd >= FDS_MAX || (!disk.by_fd[fd] && !disk.is_folder[fd]))
        return;
    pthread_mutex_lock(&disk.lock);
    if (++disk.syncs == disk.at) {
        cut_file(disk.files);
        kill(getpid(), SIGKILL);
    }
    if (disk.is_folder[fd])
        sync_folder();
    else
        image_write(disk.by_fd[fd], apply);
    pthread_mutex_unlock(&disk.lock);
}

static int open_file(const char *path, int flags, mode_t mode)
{
    struct stat st;
    const char *name = inside(path);
    bool existed = name && stat(path, &st) == 0;
    int fd = REAL(open64)(path, flags, mode);
    if (fd < 0 || fd >= FDS_MAX || !disk.folder)
        return fd;
    pthread_mutex_lock(&disk.lock);
    disk.by_fd[fd] = name ? file_of(name, existed) : NULL;
    disk.is_folder[fd] = strcmp(path, disk.folder) == 0;
    if (name && existed && (flags & O_TRUNC))
        record(fd, NULL, -1, 0);
    pthread_mutex_unlock(&disk.lock);
    return fd;
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return open_file(path, flags, mode);
}

int open(const char *path, int flags, ...) __attribute__((alias("open64")));

int close(int fd)
{
    if (fd >= 0 && fd < FDS_MAX) {
        disk.by_fd[fd] = NULL;
        disk.is_folder[fd] = false;
    }
    return REAL(close)(fd);
}

int unlink(const char *path)
{
    const char *name = inside(path);
    int status = REAL(unlink)(path);
    if (name && status == 0) {
        pthread_mutex_lock(&disk.lock);
        file_of(name, true)->removed = true;
        pthread_mutex_unlock(&disk.lock);
    }
    return status;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
    ssize_t written = REAL(pwrite64)(fd, bytes, len, at);
    pthread_mutex_lock(&disk.lock);
    if (written > 0)
        record(fd, bytes, written, at);
    pthread_mutex_unlock(&disk.lock);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) __attribute__((alias("pwrite64")));

ssize_t write(int fd, const void *bytes, size_t len)
{
    ssize_t written = REAL(write)(fd, bytes, len);
    pthread_mutex_lock(&disk.lock);
    if (written > 0 && fd < FDS_MAX && disk.by_fd[fd])
        record(fd, bytes, written, lseek(fd, 0, SEEK_CUR) - written);
    pthread_mutex_unlock(&disk.lock);
    return written;
}

int ftruncate64(int fd, off_t to)
{
    int status = REAL(ftruncate64)(fd, to);
    pthread_mutex_lock(&disk.lock);
    if (status == 0)
        record(fd, NULL, -1, to);
    pthread_mutex_unlock(&disk.lock);
    return status;
}

int ftruncate(int fd, off_t to) __attribute__((alias("ftruncate64")));

int fdatasync(int fd)
{
    synced(fd);
    return REAL(fdatasync)(fd);
}

int fsync(int fd)
{
    synced(fd);
    return REAL(fsync)(fd);
}
