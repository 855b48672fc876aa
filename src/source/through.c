#include "source/through.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OUT_LOW ((size_t)64 * 1024)        /* more is asked for below this */
#define OUT_MAX ((size_t)64 * 1024 * 1024) /* one record, written out again, fits */

extern char **environ;

struct through {
    struct input input;
    struct through_feed feed;
    pid_t pid;
    int to, from; /* our ends of its standard input and output; -1 when closed */
    bool fed;     /* the feed has no more */
    bool deaf;    /* the program has closed its input before that */
    struct buf out;
    size_t sent; /* of out */
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Fills `out` up from the feed. */
static int fill(struct through *t, struct err *err)
{
    if (t->sent == t->out.len) {
        buf_reset(&t->out);
        t->sent = 0;
    }
    while (!t->fed && t->out.len - t->sent < OUT_LOW) {
        if (t->sent > OUT_LOW) {
            memmove(t->out.at, t->out.at + t->sent, t->out.len - t->sent);
            t->out.len -= t->sent;
            t->sent = 0;
        }
        int more = t->feed.more(t->feed.context, &t->out, err);
        if (more < 0)
            return -1;
        t->fed = more == 0;
        if (!buf_ok(&t->out))
            return err_memory(err);
    }
    return 0;
}

/* write() without the signal that a closed pipe sends. */
static ssize_t write_quietly(int fd, const char *at, size_t len)
{
    const struct timespec now = {0};
    sigset_t pipe_signal, before;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    ssize_t wrote = write(fd, at, len);
    int error = errno;
    if (wrote < 0 && error == EPIPE)
        sigtimedwait(&pipe_signal, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return wrote;
}

static int send_some(struct through *t, struct err *err)
{
    ssize_t wrote = write_quietly(t->to, t->out.at + t->sent, t->out.len - t->sent);
    if (wrote >= 0) {
        t->sent += (size_t)wrote;
        return 0;
    }
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    if (errno != EPIPE)
        return err_set(err, ERR_IO, "--through: %s", strerror(errno));
    t->deaf = true;
    close_end(&t->to);
    return 0;
}

/* The program's output has ended: waits for it and judges how. */
static ssize_t finish(struct through *t, struct err *err)
{
    int status = 0;
    close_end(&t->from);
    close_end(&t->to);
    if (t->pid > 0)
        while (waitpid(t->pid, &status, 0) < 0 && errno == EINTR)
            ;
    t->pid = 0;
    if (WIFSIGNALED(status))
        return err_set(err, ERR_IO, "the program of --through was ended by signal %d (%s)",
                       WTERMSIG(status), strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0)
        return err_set(err, ERR_IO, "the program of --through ended with status %d",
                       WEXITSTATUS(status));
    if (t->deaf || !t->fed)
        return err_set(err, ERR_IO,
                       "the program of --through ended before it had read all records; it must "
                       "read its input to the end");
    return 0;
}

static ssize_t through_read(struct input *input, void *to, size_t room, struct err *err)
{
    struct through *t = (struct through *)input;
    while (t->from >= 0) {
        if (t->to >= 0 && fill(t, err) != 0)
            return -1;
        if (t->to >= 0 && t->fed && t->sent == t->out.len)
            close_end(&t->to);
        struct pollfd ends[2] = {{.fd = t->from, .events = POLLIN},
                                 {.fd = t->to, .events = POLLOUT}};
        if (poll(ends, 2, -1) < 0 && errno != EINTR)
            return err_set(err, ERR_IO, "--through: %s", strerror(errno));
        if (ends[1].revents && send_some(t, err) != 0)
            return -1;
        if (!ends[0].revents)
            continue;
        ssize_t got = read(t->from, to, room);
        if (got > 0)
            return got;
        if (got == 0)
            return finish(t, err);
        if (errno != EAGAIN && errno != EINTR)
            return err_set(err, ERR_IO, "--through: %s", strerror(errno));
    }
    return 0;
}

static void through_close(struct input *input)
{
    struct through *t = (struct through *)input;
    close_end(&t->to);
    close_end(&t->from);
    if (t->pid > 0) {
        kill(-t->pid, SIGKILL);
        while (waitpid(t->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    buf_release(&t->out);
    free(t);
}

static uint64_t through_bytes_read(const struct input *input)
{
    return input_bytes_read(((const struct through *)input)->feed.file);
}

static uint64_t through_bytes_total(const struct input *input)
{
    return input_bytes_total(((const struct through *)input)->feed.file);
}

static const struct input_ops through_ops = {"through a program", through_read, through_close,
                                             through_bytes_read, through_bytes_total};

/* The program gets its own process group, so that a whole pipeline can be ended. */
static int spawn(struct through *t, const char *command, int in, int out)
{
    char shell[] = "sh", flag[] = "-c";
    char *copy = strdup(command);
    char *argv[] = {shell, flag, copy, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attr, &none);
    int error = copy ? posix_spawn(&t->pid, "/bin/sh", &actions, &attr, argv, environ) : ENOMEM;
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    free(copy);
    return error;
}

static int start(struct through *t, const char *command, struct err *err)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, error = 0;
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        error = errno;
    else
        error = spawn(t, command, in[0], out[1]);
    close_end(&in[0]);
    close_end(&out[1]);
    t->to = in[1];
    t->from = out[0];
    if (error != 0) {
        t->pid = 0;
        return err_set(err, ERR_IO, "--through: the program cannot be started: %s",
                       strerror(error));
    }
    fcntl(t->to, F_SETFL, O_NONBLOCK);
    fcntl(t->from, F_SETFL, O_NONBLOCK);
    return 0;
}

int through_open(struct input **input, const char *command, const struct through_feed *feed,
                 struct err *err)
{
    struct through *t = calloc(1, sizeof(*t));
    if (!t)
        return err_memory(err);
    *t = (struct through){.input.ops = &through_ops, .feed = *feed, .to = -1, .from = -1};
    buf_init(&t->out, OUT_MAX);
    *input = &t->input;
    return start(t, command, err);
}
