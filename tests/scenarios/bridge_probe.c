/*
 * Reads legacy sessions for tests: SETTING=VALUE …, then a session on each line of standard input; prints one
 * line of JSON each: {"says":…,"why":…,"id":…,"identifier":…,"once":…}. "!return ADDRESS" prints where a browser would be sent.
 */
#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "trickle/bridge.h"

static void print(const char *says, const char *why, const struct bridge_session *session)
{
    struct buf line;
    struct json_out out = json_out(&line);
    buf_init(&line, 1 << 20);
    json_open(&out, '{');
    json_key(&out, TEXT("says"));
    json_put_text(&out, text_of(says));
    json_key(&out, TEXT("why"));
    json_put_text(&out, text_of(why));
    json_key(&out, TEXT("id"));
    json_put_text_or_null(&out, session->id);
    json_key(&out, TEXT("identifier"));
    json_put_text_or_null(&out, session->identifier);
    json_key(&out, TEXT("once"));
    json_put_text_or_null(&out, session->once);
    json_close(&out, '}');
    printf("%s\n", buf_z(&line));
    buf_release(&line);
}

static void read_session(struct bridge *bridge, struct text token)
{
    static const char *const names[] = {"cannot_tell", "good", "refused"};
    struct bridge_session session;
    struct arena arena;
    struct err err = {0};
    arena_init(&arena, 1 << 20);
    enum bridge_says says = bridge_read(bridge, token, &arena, &session, &err);
    print(names[says], err.message, &session);
    arena_release(&arena);
}

static void send_back(struct bridge *bridge, struct text asked)
{
    struct bridge_session none = {0};
    struct buf location;
    buf_init(&location, 65536);
    bool good = bridge_return_to(bridge, asked, &location);
    print(good ? "good" : "refused", good ? buf_z(&location) : "", &none);
    buf_release(&location);
}

static bool set(struct bridge_opts *opts, char *argument)
{
    char *value = strchr(argument, '=');
    if (!value)
        return false;
    *value++ = 0;
#define SETTING(name, meaning)                                                                     \
    if (strcmp(argument, #name) == 0) {                                                            \
        opts->name = value;                                                                        \
        return true;                                                                               \
    }
    BRIDGE_SETTINGS(SETTING)
#undef SETTING
    return false;
}

int main(int argc, char **argv)
{
    static char line[65536];
    struct bridge_opts opts = {0};
    struct bridge *bridge;
    struct err err = {0};
    for (int i = 1; i < argc; i++)
        if (!set(&opts, argv[i]))
            return 2;
    if (bridge_open(&bridge, &opts, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "!return ", 8) == 0)
            send_back(bridge, text_of(line + 8));
        else
            read_session(bridge, text_of(line));
        fflush(stdout);
    }
    bridge_close(bridge);
    return 0;
}
