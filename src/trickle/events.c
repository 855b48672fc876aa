#include "trickle/events.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "json/json.h"

#define LINE_MAX_BYTES ((size_t)4096)

struct events {
    void (*log)(void *arg, struct text line);
    void *log_arg;
    atomic_uint_fast64_t counts[EVENTS_COUNTER_COUNT];
};

static const struct {
    const char *name, *meaning;
} infos[] = {
#define COUNTER(name, meaning) {#name, meaning},
    EVENTS_COUNTERS(COUNTER)
#undef COUNTER
};

const char *events_name(enum events_counter counter)
{
    return infos[counter].name;
}

const char *events_meaning(enum events_counter counter)
{
    return infos[counter].meaning;
}

int events_open(struct events **out, void (*log)(void *arg, struct text line), void *arg,
                struct err *err)
{
    struct events *events = calloc(1, sizeof(*events));
    if (!events)
        return err_memory(err);
    events->log = log;
    events->log_arg = arg;
    *out = events;
    return 0;
}

void events_close(struct events *events)
{
    free(events);
}

void events_count(struct events *events, enum events_counter counter)
{
    atomic_fetch_add(&events->counts[counter], 1);
}

uint64_t events_counted(const struct events *events, enum events_counter counter)
{
    return atomic_load(&events->counts[counter]);
}

void events_tell(struct events *events, const char *event, const struct events_value *values,
                 size_t count)
{
    char time[DATE_TEXT_MAX];
    struct buf line;
    if (!events->log)
        return;
    date_format(clock_wall_ms(), time);
    buf_init(&line, LINE_MAX_BYTES);
    struct json_out out = json_out(&line);
    json_open(&out, '{');
    json_key(&out, TEXT("time"));
    json_put_text(&out, text_of(time));
    json_key(&out, TEXT("event"));
    json_put_text(&out, text_of(event));
    for (size_t i = 0; i < count; i++) {
        json_key(&out, text_of(values[i].name));
        if (values[i].text.at)
            json_put_text(&out, values[i].text);
        else
            json_put_int(&out, values[i].number);
    }
    json_close(&out, '}');
    if (buf_ok(&line))
        events->log(events->log_arg, buf_text(&line));
    buf_release(&line);
}
