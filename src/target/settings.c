/*
 * Where the settings come from: the environment, else ./.env. The latter's format is that of the usual
 * dotenv tools: KEY=value a line, an optional "export " in front, # comments, values bare, in 'single' or
 * in "double" quotes (these with \n, \" and \\). The last assignment wins. Nothing is expanded.
 */
#include "target/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOTENV_PATH     ".env"
#define DOTENV_MAX      ((size_t)64 << 10)
#define API_URL_DEFAULT "https://api.clerk.com"

/* Reads all of ./.env; an absent file is an empty one. */
static int read_dotenv(struct buf *to, struct err *err)
{
    int fd = open(DOTENV_PATH, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0)
        return err_set(err, ERR_USAGE, "./.env cannot be read: %s", strerror(errno));
    ssize_t got = 0;
    char *at;
    while ((at = buf_room(to, 4096)) && (got = read(fd, at, 4096)) > 0)
        buf_grow(to, (size_t)got);
    int cause = errno;
    close(fd);
    if (!at)
        return err_set(err, ERR_USAGE, "./.env is longer than %zu bytes", DOTENV_MAX);
    if (got < 0)
        return err_set(err, ERR_USAGE, "./.env cannot be read: %s", strerror(cause));
    return 0;
}

/* The inside of "double quotes", up to the closing one. */
static struct text unescape(struct text t, struct arena *arena)
{
    char *at = arena_alloc(arena, t.len + 1);
    size_t len = 0;
    if (!at)
        return (struct text){NULL, 0};
    for (size_t i = 0; i < t.len && t.at[i] != '"'; i++) {
        char c = t.at[i];
        if (c == '\\' && i + 1 < t.len) {
            c = t.at[++i];
            c = (char)(c == 'n' ? '\n' : c);
        }
        at[len++] = c;
    }
    at[len] = 0;
    return (struct text){at, len};
}

static struct text value_of(struct text raw, struct arena *arena)
{
    struct text t = text_trim(raw);
    if (text_starts(t, TEXT("\"")))
        return unescape(text_part(t, 1, t.len), arena);
    if (text_starts(t, TEXT("'"))) {
        t = text_part(t, 1, t.len);
        return arena_copy(arena, text_part(t, 0, text_find(t, '\'', 0)));
    }
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] == '#' && (i == 0 || t.at[i - 1] == ' ' || t.at[i - 1] == '\t'))
            t.len = i;
    }
    return arena_copy(arena, text_trim(t));
}

/* The last value of name in the file; absent if it is not there. */
static struct text dotenv_get(struct text file, struct text name, struct arena *arena)
{
    struct text line, found = {NULL, 0};
    bool there = false;
    if (text_starts(file, TEXT("\xEF\xBB\xBF")))
        file = text_part(file, 3, file.len);
    while (text_field(&file, '\n', &line)) {
        line = text_trim(line);
        if (text_starts(line, TEXT("export ")))
            line = text_trim(text_part(line, 7, line.len));
        size_t equals = text_find(line, '=', 0);
        if (equals == line.len || !text_same(text_trim(text_part(line, 0, equals)), name))
            continue;
        found = text_part(line, equals + 1, line.len);
        there = true;
    }
    return there ? value_of(found, arena) : (struct text){NULL, 0};
}

/* One setting; *from_file tells where it was found. The environment comes first, even with an empty value. */
static struct text setting(const char *name, struct text file, struct arena *arena, bool *from_file)
{
    const char *variable = getenv(name);
    *from_file = !variable;
    if (!*from_file)
        return arena_copy(arena, text_of(variable));
    return dotenv_get(file, text_of(name), arena);
}

static int check_key(struct text key, struct err *err)
{
    if (key.len == 0)
        return err_set(err, ERR_USAGE,
                       "no secret key: set CLERK_SECRET_KEY in the environment or in ./.env (Clerk "
                       "Dashboard, API keys)");
    if (text_starts(key, TEXT("pk_")))
        return err_set(
            err, ERR_USAGE,
            "CLERK_SECRET_KEY holds a publishable key (pk_…); give the secret one (sk_…)");
    return 0;
}

/* Set but empty is a slip in a script: better no target than the real one by surprise. */
static int empty_url(struct err *err)
{
    return err_set(
        err, ERR_USAGE,
        "CLERK_API_URL is set, but empty: give it a URL, or unset it for " API_URL_DEFAULT);
}

int target_settings(struct arena *arena, struct text *api_url, struct text *key,
                    const char **key_from, struct err *err)
{
    struct buf file;
    bool key_in_file, url_in_file;
    buf_init(&file, DOTENV_MAX);
    int status = read_dotenv(&file, err);
    if (status == 0) {
        *key = setting("CLERK_SECRET_KEY", buf_text(&file), arena, &key_in_file);
        *key_from =
            key_in_file ? "CLERK_SECRET_KEY in ./.env" : "CLERK_SECRET_KEY in the environment";
        *api_url = setting("CLERK_API_URL", buf_text(&file), arena, &url_in_file);
        if (!api_url->at)
            *api_url = TEXT(API_URL_DEFAULT);
        status = api_url->len > 0 ? check_key(*key, err) : empty_url(err);
    }
    buf_release(&file);
    return status;
}
