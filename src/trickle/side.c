#include "trickle/side.h"

#include <stdlib.h>
#include <unistd.h>

#include "trickle/own.h"

#define WORKERS 8
#define QUEUE   256
/* How often it is looked whether all are done, when the gateway stops. */
#define LOOK_US 2000

int side_open(struct side **out, struct core *core, struct err *err)
{
    struct side *side = calloc(1, sizeof(*side));
    if (!side)
        return err_memory(err);
    side->core = core;
    *out = NULL;
    int result = settings_open_bridge(core->settings, &side->bridge, err);
    if (result == 0)
        result = settings_open_webhook(core->settings, &side->webhook, err);
    if (result == 0 && (side->bridge || side->webhook))
        result = pool_new(&side->pool, WORKERS, QUEUE, err);
    if (result == 0 && side->pool)
        *out = side;
    else
        side_close(side);
    return result;
}

void side_finish(struct side *side)
{
    while (side && atomic_load(&side->active) > 0)
        usleep(LOOK_US);
}

void side_close(struct side *side)
{
    if (!side)
        return;
    pool_free(side->pool);
    bridge_close(side->bridge);
    webhook_close(side->webhook);
    free(side);
}

void side_refuse(struct server_request *request, int status, const char *code, const char *message)
{
    struct json_out out = json_out(&request->out);
    json_open(&out, '{');
    json_key(&out, TEXT("error"));
    json_put_text(&out, text_of(code));
    json_key(&out, TEXT("message"));
    json_put_text(&out, text_of(message));
    json_close(&out, '}');
    own_answer(request, status);
}

static void on_loop(struct loop_task *task)
{
    struct side_job *job = (struct side_job *)task;
    job->answer(job);
}

static void run(void *arg)
{
    struct side_job *job = arg;
    struct side *side = job->side;
    job->work(job);
    job->task.run = on_loop;
    loop_post(job->request->loop, &job->task);
    atomic_fetch_sub(&side->active, 1);
}

void side_queue(struct side *side, struct server_request *request, struct side_job *job)
{
    atomic_fetch_add(&side->active, 1);
    if (job) {
        job->side = side;
        job->request = request;
    }
    if (job && pool_put(side->pool, run, job))
        return;
    atomic_fetch_sub(&side->active, 1);
    side_refuse(request, 503, "busy", "All workers are busy. Please try again.");
}
