/*
 * Asks a legacy system for tests: SETTING=VALUE …, then on each line of standard input
 *
 *     IDENTIFIER              is there such a user?
 *     IDENTIFIER<tab>PASSWORD is the password right?
 *     !moved<tab>IDENTIFIER<tab>EXTERNAL ID<tab>CLERK ID
 *
 * and prints one line of JSON each: {"says":…,"why":…,"user":…}; for !moved it says told or failed.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clerk/clerk.h"
#include "trickle/legacy.h"

struct probe {
    pthread_mutex_t lock;
    pthread_cond_t came;
    bool answered;
    struct buf line;
};

static void take(void *arg, const struct legacy_answer *answer)
{
    struct probe *probe = arg;
    struct json_out out = json_out(&probe->line);
    pthread_mutex_lock(&probe->lock);
    buf_reset(&probe->line);
    json_open(&out, '{');
    json_key(&out, TEXT("says"));
    json_put_text(&out, text_of(legacy_says_name(answer->says)));
    json_key(&out, TEXT("why"));
    json_put_text(&out, text_of(answer->why));
    if (answer->user) {
        json_key(&out, TEXT("user"));
        clerk_create_body(answer->user, &probe->line);
    }
    json_close(&out, '}');
    probe->answered = true;
    pthread_cond_signal(&probe->came);
    pthread_mutex_unlock(&probe->lock);
}

static void print(struct text says, const char *why)
{
    struct buf line;
    struct json_out out = json_out(&line);
    buf_init(&line, 65536);
    json_open(&out, '{');
    json_key(&out, TEXT("says"));
    json_put_text(&out, says);
    json_key(&out, TEXT("why"));
    json_put_text(&out, text_of(why));
    json_close(&out, '}');
    printf("%s\n", buf_z(&line));
    buf_release(&line);
}

static void ask(struct legacy *legacy, struct probe *probe, struct text line)
{
    struct legacy_call *call;
    struct err err = {0};
    struct legacy_question question = {.done = take, .arg = probe, .address = TEXT("203.0.113.7")};
    text_field(&line, '\t', &question.identifier);
    question.password = line;
    probe->answered = false;
    if (legacy_ask(legacy, &question, &call, &err) != 0) {
        print(TEXT("refused"), err.message);
        return;
    }
    pthread_mutex_lock(&probe->lock);
    while (!probe->answered)
        pthread_cond_wait(&probe->came, &probe->lock);
    pthread_mutex_unlock(&probe->lock);
    legacy_drop(call);
    printf("%s\n", buf_z(&probe->line));
}

static void tell(struct legacy *legacy, struct text line)
{
    struct text field;
    struct legacy_moved moved;
    struct legacy_state state;
    struct err err = {0};
    text_field(&line, '\t', &field);
    text_field(&line, '\t', &moved.identifier);
    text_field(&line, '\t', &moved.external_id);
    text_field(&line, '\t', &moved.clerk_id);
    if (legacy_tell_moved(legacy, &moved, &err) != 0) {
        print(TEXT("refused"), err.message);
        return;
    }
    do {
        usleep(1000);
        legacy_look(legacy, &state);
    } while (state.moved_told + state.moved_failed == 0);
    print(state.moved_told > 0 ? TEXT("told") : TEXT("failed"), state.last_why);
}

/* Sets what an argument says; false if there is no such setting. */
static bool set(struct legacy_opts *opts, char *argument)
{
    char *value = strchr(argument, '=');
    if (!value)
        return false;
    *value++ = 0;
    if (strcmp(argument, "connector") == 0)
        opts->connector = value;
    else if (strcmp(argument, "from") == 0)
        opts->from = value;
    else if (strcmp(argument, "budget_ms") == 0)
        opts->budget_ms = atoi(value);
#define SETTING(name, meaning) else if (strcmp(argument, #name) == 0) opts->name = value;
    LEGACY_SETTINGS(SETTING)
#undef SETTING
    else return false;
    return true;
}

int main(int argc, char **argv)
{
    static char line[65536];
    struct legacy_opts opts = {.budget_ms = 20000};
    struct legacy *legacy;
    struct err err = {0};
    struct probe probe = {.lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER};
    buf_init(&probe.line, 1 << 20);
    for (int i = 1; i < argc; i++)
        if (!set(&opts, argv[i]))
            return 2;
    if (legacy_open(&legacy, &opts, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "!moved", 6) == 0)
            tell(legacy, text_of(line));
        else
            ask(legacy, &probe, text_of(line));
        fflush(stdout);
    }
    legacy_close(legacy);
    buf_release(&probe.line);
    return 0;
}
