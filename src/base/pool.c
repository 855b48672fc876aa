#include "base/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct job {
    void (*run)(void *arg);
    void *arg;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job *jobs; /* a ring of `room` */
    size_t first, count, room, peak;
    bool closing;
    size_t thread_count;
    pthread_t threads[];
};

/* Takes the next job; false when the pool closes and nothing is left. */
static bool take(struct pool *pool, struct job *job)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->count == 0 && !pool->closing)
        pthread_cond_wait(&pool->more, &pool->lock);
    bool have = pool->count > 0;
    if (have) {
        *job = pool->jobs[pool->first];
        pool->first = (pool->first + 1) % pool->room;
        pool->count--;
    }
    pthread_mutex_unlock(&pool->lock);
    return have;
}

static void *work(void *arg)
{
    struct job job;
    while (take(arg, &job))
        job.run(job.arg);
    return NULL;
}

int pool_new(struct pool **out, size_t threads, size_t queue, struct err *err)
{
    if (threads == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        threads = cores > 0 ? (size_t)cores : 1;
    }
    struct pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));
    struct job *jobs = calloc(queue, sizeof(*jobs));
    if (!pool || !jobs) {
        free(pool);
        free(jobs);
        return err_memory(err);
    }
    pool->jobs = jobs;
    pool->room = queue;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->more, NULL);
    while (pool->thread_count < threads) {
        if (pthread_create(&pool->threads[pool->thread_count], NULL, work, pool) != 0) {
            pool_free(pool);
            return err_set(err, ERR_MEMORY, "cannot start a worker thread");
        }
        pool->thread_count++;
    }
    *out = pool;
    return 0;
}

void pool_stop(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pool->thread_count = 0;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pool_stop(pool);
    pthread_cond_destroy(&pool->more);
    pthread_mutex_destroy(&pool->lock);
    free(pool->jobs);
    free(pool);
}

bool pool_put(struct pool *pool, void (*job)(void *arg), void *arg)
{
    pthread_mutex_lock(&pool->lock);
    bool fits = pool->count < pool->room && !pool->closing;
    if (fits) {
        pool->jobs[(pool->first + pool->count) % pool->room] = (struct job){job, arg};
        pool->count++;
        pool->peak = pool->count > pool->peak ? pool->count : pool->peak;
        pthread_cond_signal(&pool->more);
    }
    pthread_mutex_unlock(&pool->lock);
    return fits;
}

void pool_look(struct pool *pool, struct pool_load *load)
{
    pthread_mutex_lock(&pool->lock);
    *load = (struct pool_load){pool->count, pool->peak};
    pthread_mutex_unlock(&pool->lock);
}
