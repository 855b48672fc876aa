/*
 * No script but our own runs on the page and it asks nobody else for anything (Content-Security-Policy); and
 * since scripts may not write HTML (require-trusted-types-for), no name of a user can become any.
 */
#include "sandbox/console.h"

#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define ROOT "/usher/"

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'";

void console_init(struct console *console, struct text secret_key, bool loopback, bool tls)
{
    static const char purpose[] = "usher page";
    uint8_t mac[EVP_MAX_MD_SIZE];
    struct buf token;
    buf_init(&token, sizeof(console->token));
    *console = (struct console){.loopback = loopback, .tls = tls};
    if (HMAC(EVP_sha256(), secret_key.at, (int)secret_key.len, (const uint8_t *)purpose,
             sizeof(purpose) - 1, mac, NULL))
        hex_encode(&token, mac, CONSOLE_TOKEN_LEN / 2);
    memcpy(console->token, buf_z(&token), token.len + 1);
    buf_release(&token);
}

bool console_has(struct text path)
{
    return text_starts(path, TEXT(ROOT)) || text_same(path, TEXT("/usher"));
}

static const struct console_file *find(struct text path)
{
    struct text name = text_part(path, sizeof(ROOT) - 1, path.len);
    if (name.len == 0)
        name = TEXT("index.html");
    for (size_t i = 0; i < console_file_count; i++)
        if (text_same(name, text_of(console_files[i].name)))
            return &console_files[i];
    return NULL;
}

static void add(struct server_answer *answer, const char *name, const char *value)
{
    answer->headers[answer->header_count++] = (struct server_header){name, value};
}

void console_answer(struct server_request *request)
{
    const struct console_file *file = find(request->path);
    bool get = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    struct server_answer answer = {.status = 404, .content_type = "text/plain; charset=utf-8"};
    answer.body = TEXT("There is no such page here; try /usher/.\n");
    if (text_same(request->path, TEXT("/usher"))) {
        answer.status = 308;
        add(&answer, "Location", ROOT);
    } else if (file && get) {
        answer.status = 200;
        answer.content_type = file->type;
        answer.body = file->body;
    } else if (file) {
        answer.status = 405;
        add(&answer, "Allow", "GET, HEAD");
    }
    add(&answer, "Content-Security-Policy", policy);
    add(&answer, "X-Content-Type-Options", "nosniff");
    add(&answer, "Referrer-Policy", "no-referrer");
    add(&answer, "Cross-Origin-Opener-Policy", "same-origin");
    add(&answer, "Cross-Origin-Resource-Policy", "same-origin");
    add(&answer, "Cache-Control", "no-cache");
    server_answer(request, &answer);
}

/* The Host header names this machine: not some name of a stranger's that was pointed at it. */
static bool is_at_home(const struct server_request *request)
{
    struct text host = server_header(request, "Host"), name = host;
    uint16_t port;
    if (!server_split_address(host, &name, &port))
        name = host;
    return server_is_loopback(name);
}

bool console_admits(const struct console *console, const struct server_request *request)
{
    struct text token = server_header(request, "X-Usher-Page");
    return token.len == CONSOLE_TOKEN_LEN && console->token[0] &&
           secret_same(token.at, console->token, CONSOLE_TOKEN_LEN) &&
           (!console->loopback || is_at_home(request));
}
