#include "migrate/rejects.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rejects {
    char *path, *failed_path;
    FILE *rows, *failed;
    bool broken;
};

static FILE *create(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file) {
        err_set(err, ERR_IO, "--rejects %s: %s%s", path, strerror(errno),
                errno == EEXIST ? "; name a new file, or mend and import that one first" : "");
        if (fd >= 0)
            close(fd);
    }
    return file;
}

int rejects_open(struct rejects **out, const char *path, const struct source *source,
                 struct err *err)
{
    *out = NULL;
    if (!path)
        return 0;
    struct rejects *rejects = calloc(1, sizeof(*rejects));
    if (!rejects)
        return err_memory(err);
    rejects->path = strdup(path);
    if (!rejects->path || asprintf(&rejects->failed_path, "%s.failed.jsonl", path) < 0) {
        rejects->failed_path = NULL;
        rejects_close(rejects);
        return err_memory(err);
    }
    rejects->rows = create(path, err);
    if (!rejects->rows) {
        rejects_close(rejects);
        return -1;
    }
    struct text header = source_header(source);
    if (header.len > 0)
        fprintf(rejects->rows, "%.*s\n", TEXT_ARG(header));
    *out = rejects;
    return 0;
}

void rejects_close(struct rejects *rejects)
{
    if (!rejects)
        return;
    if (rejects->rows)
        fclose(rejects->rows);
    if (rejects->failed)
        fclose(rejects->failed);
    free(rejects->path);
    free(rejects->failed_path);
    free(rejects);
}

static void add_line(struct rejects *rejects, FILE *file, struct text line)
{
    if (fwrite(line.at, 1, line.len, file) != line.len || putc('\n', file) == EOF)
        rejects->broken = true;
}

void rejects_add_row(struct rejects *rejects, const struct source_row *row)
{
    if (rejects && row->raw.len > 0)
        add_line(rejects, rejects->rows, row->raw);
}

void rejects_add_body(struct rejects *rejects, struct text body)
{
    struct err err;
    if (!rejects || rejects->broken)
        return;
    if (!rejects->failed)
        rejects->failed = create(rejects->failed_path, &err);
    if (rejects->failed)
        add_line(rejects, rejects->failed, body);
    else
        rejects->broken = true;
}

int rejects_flush(struct rejects *rejects, struct err *err)
{
    if (!rejects)
        return 0;
    if (fflush(rejects->rows) || (rejects->failed && fflush(rejects->failed)) || rejects->broken)
        return err_set(err, ERR_IO, "--rejects %s: not all rows could be written (%s)",
                       rejects->path, strerror(errno));
    return 0;
}
