#include "trickle/admin.h"

#include <stdlib.h>

#include "json/json.h"

#define CONNECTIONS_MAX 64
#define MEMORY_MAX      ((size_t)256 * 1024)

struct admin {
    struct server *server;
    struct admin_source source;
};

static const enum legacy_says says_order[] = {LEGACY_YES, LEGACY_NO, LEGACY_UNKNOWN,
                                              LEGACY_CANNOT_TELL};

/* --- /metrics --- */

static void write_legacy_metrics(struct core *core, struct buf *to)
{
    struct legacy_state state;
    legacy_look(core->legacy, &state);
    buf_printf(to, "# HELP usher_legacy_answers_total what the legacy system said\n"
                   "# TYPE usher_legacy_answers_total counter\n");
    for (size_t i = 0; i < ARRAY_COUNT(says_order); i++)
        buf_printf(to, "usher_legacy_answers_total{connector=\"%s\",says=\"%s\"} %llu\n",
                   state.connector, legacy_says_name(says_order[i]),
                   (unsigned long long)state.said[says_order[i]]);
    buf_printf(to,
               "# HELP usher_legacy_refused_total questions not asked: breaker open, queue full\n"
               "# TYPE usher_legacy_refused_total counter\n"
               "usher_legacy_refused_total %llu\n"
               "# HELP usher_legacy_up whether the legacy system's last answer was clear\n"
               "# TYPE usher_legacy_up gauge\n"
               "usher_legacy_up %d\n"
               "# HELP usher_legacy_waiting questions without an answer yet\n"
               "# TYPE usher_legacy_waiting gauge\n"
               "usher_legacy_waiting %u\n",
               (unsigned long long)state.refused, state.health == LEGACY_WELL, state.waiting);
}

static void write_queue_metrics(struct core *core, struct buf *to)
{
    struct mover_load load;
    mover_look(core->mover, &load);
    buf_printf(to,
               "# HELP usher_queue_waiting sign-ins that wait for a worker\n"
               "# TYPE usher_queue_waiting gauge\n"
               "usher_queue_waiting %zu\n"
               "# HELP usher_queue_peak the most that have waited at a time\n"
               "# TYPE usher_queue_peak gauge\n"
               "usher_queue_peak %zu\n"
               "# HELP usher_queue_room how many may wait; more are refused with 429\n"
               "# TYPE usher_queue_room gauge\n"
               "usher_queue_room %zu\n"
               "# HELP usher_job_seconds how long a worker has to do with a sign-in, smoothed\n"
               "# TYPE usher_job_seconds gauge\n"
               "usher_job_seconds %.6f\n",
               load.waiting, load.peak, load.room, (double)load.job_us / 1e6);
}

static void write_metrics(struct core *core, struct buf *to)
{
    for (enum events_counter i = 0; i < EVENTS_COUNTER_COUNT; i++)
        buf_printf(to,
                   "# HELP usher_%s_total %s\n# TYPE usher_%s_total counter\nusher_%s_total %llu\n",
                   events_name(i), events_meaning(i), events_name(i), events_name(i),
                   (unsigned long long)events_counted(core->events, i));
    if (core->legacy)
        write_legacy_metrics(core, to);
    if (core->mover)
        write_queue_metrics(core, to);
}

/* --- /state.json --- */

static void put_count(struct json_out *out, const char *name, uint64_t count)
{
    json_key(out, text_of(name));
    json_put_int(out, (int64_t)count);
}

static void put_legacy(struct core *core, struct json_out *out)
{
    struct legacy_state state;
    legacy_look(core->legacy, &state);
    json_key(out, TEXT("legacy"));
    json_open(out, '{');
    json_key(out, TEXT("connector"));
    json_put_text(out, text_of(state.connector));
    json_key(out, TEXT("health"));
    json_put_text(out, text_of(legacy_health_name(state.health)));
    for (size_t i = 0; i < ARRAY_COUNT(says_order); i++)
        put_count(out, legacy_says_name(says_order[i]), state.said[says_order[i]]);
    put_count(out, "refused", state.refused);
    put_count(out, "answer_us", (uint64_t)state.answer_us);
    json_key(out, TEXT("last_why"));
    json_put_text(out, text_of(state.last_why));
    json_close(out, '}');
}

static void put_hours(struct core *core, struct json_out *out)
{
    uint32_t hours[BOOK_HOURS] = {0};
    struct err err;
    if (core->mover)
        book_hours(mover_book(core->mover), hours, &err); /* what it does not tell is not shown */
    json_key(out, TEXT("hours"));
    json_open(out, '[');
    for (size_t i = BOOK_HOURS; i-- > 0;)
        json_put_int(out, hours[i]);
    json_close(out, ']');
}

static void write_state(struct core *core, struct buf *to)
{
    struct json_out out = json_out(to);
    uint64_t done;
    struct err err;
    json_open(&out, '{');
    put_count(&out, "now_ms", (uint64_t)clock_wall_ms());
    put_count(&out, "users", core->settings->users);
    json_key(&out, TEXT("done"));
    if (core->mover && book_done(mover_book(core->mover), &done, &err) == 0)
        json_put_int(&out, (int64_t)done);
    else
        json_put_null(&out);
    json_key(&out, TEXT("counts"));
    json_open(&out, '{');
    for (enum events_counter i = 0; i < EVENTS_COUNTER_COUNT; i++)
        put_count(&out, events_name(i), events_counted(core->events, i));
    json_close(&out, '}');
    if (core->legacy)
        put_legacy(core, &out);
    put_hours(core, &out);
    json_close(&out, '}');
}

/* --- the server --- */

static void write_health(struct core *core, struct buf *to)
{
    (void)core;
    buf_add(to, TEXT("{\"status\":\"healthy\"}"));
}

static void write_page(struct core *core, struct buf *to)
{
    (void)core;
    buf_add(to, admin_page());
}

static const struct {
    const char *path, *type;
    void (*write)(struct core *core, struct buf *to);
} pages[] = {
    {"/", "text/html; charset=utf-8", write_page},
    {"/health", "application/json", write_health},
    {"/metrics", "text/plain; version=0.0.4", write_metrics},
    {"/state.json", "application/json", write_state},
};

static void handle(void *arg, struct server_request *request)
{
    struct admin *admin = arg;
    for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
        if (!text_same(request->path, text_of(pages[i].path)))
            continue;
        struct core *core = admin->source.get(admin->source.arg);
        pages[i].write(core, &request->out);
        admin->source.put(admin->source.arg, core);
        server_answer(request, &(struct server_answer){.status = 200,
                                                       .content_type = pages[i].type,
                                                       .body = buf_text(&request->out),
                                                       .headers = {{"Cache-Control", "no-store"}},
                                                       .header_count = 1});
        return;
    }
    server_answer(request, &(struct server_answer){.status = 404,
                                                   .content_type = "text/plain",
                                                   .body = TEXT("There are /, /health, /metrics "
                                                                "and /state.json.\n")});
}

int admin_open(struct admin **out, const char *address, const struct admin_source *source,
               struct err *err)
{
    struct admin *admin = calloc(1, sizeof(*admin));
    const struct server_opts server = {.address = address,
                                       .connections_max = CONNECTIONS_MAX,
                                       .body_max = 0,
                                       .memory_max = MEMORY_MAX,
                                       .idle_ms = 30000,
                                       .handle = handle,
                                       .arg = admin};
    if (!admin)
        return err_memory(err);
    admin->source = *source;
    if (server_start(&admin->server, &server, err) != 0) {
        free(admin);
        return err_wrap(err, "admin");
    }
    *out = admin;
    return 0;
}

void admin_close(struct admin *admin)
{
    if (!admin)
        return;
    server_stop(admin->server);
    free(admin);
}

void admin_address(const struct admin *admin, char to[SERVER_ADDRESS_MAX])
{
    server_address(admin->server, to);
}
