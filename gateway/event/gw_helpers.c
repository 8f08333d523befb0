#include "gw_helpers.h"

#include <signal.h>

#include <httpd.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "gw_clock.h"

APR_RING_HEAD(gw_job_ring, gw_job);

struct gw_helpers {
    /* const once started */
    int n;
    gw_helper *threads;         /* each written by its own thread */
    apr_thread_t **joins;
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *more;
    /* guarded by lock */
    struct gw_job_ring jobs;
    int stops;
    /* atomic; written under lock */
    int waiting;
    int busy;
    gw_time full_since;         /* 0: not full */
};

/* Under lock. */
static void note_full(gw_helpers *h)
{
    int full = h->busy >= h->n && h->waiting > 0;

    if (full != (h->full_since != 0)) {
        __atomic_store_n(&h->full_since, full ? gw_now() : 0,
                         __ATOMIC_RELAXED);
    }
}

static gw_job *next_job(gw_helpers *h)
{
    gw_job *job = NULL;

    apr_thread_mutex_lock(h->lock);
    __atomic_sub_fetch(&h->busy, 1, __ATOMIC_RELAXED);
    while (!h->stops && APR_RING_EMPTY(&h->jobs, gw_job, link)) {
        apr_thread_cond_wait(h->more, h->lock);
    }
    if (!h->stops) {
        job = APR_RING_FIRST(&h->jobs);
        APR_RING_REMOVE(job, link);
        __atomic_sub_fetch(&h->waiting, 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&h->busy, 1, __ATOMIC_RELAXED);
        note_full(h);
    }
    apr_thread_mutex_unlock(h->lock);
    return job;
}

typedef struct {
    gw_helpers *helpers;
    gw_helper *self;
} start;

/* Signals are the main thread's. The function returns instead of calling
 * apr_thread_exit(), which would wait for a lock that the thread that joins
 * it may hold. */
static void *APR_THREAD_FUNC helper_main(apr_thread_t *thread, void *data)
{
    start *s = data;
    gw_job *job;
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    s->self->thread = thread;
    while ((job = next_job(s->helpers))) {
        job->run(job, s->self);
    }
    return NULL;
}

apr_status_t gw_helpers_start(apr_pool_t *pool, int n, void *baton,
                              gw_helpers **phelpers)
{
    gw_helpers *h = apr_pcalloc(pool, sizeof(*h));
    apr_status_t rv;

    *phelpers = h;
    h->threads = apr_pcalloc(pool, sizeof(*h->threads) * (apr_size_t)n);
    h->joins = apr_pcalloc(pool, sizeof(*h->joins) * (apr_size_t)n);
    APR_RING_INIT(&h->jobs, gw_job, link);
    rv = apr_thread_mutex_create(&h->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&h->more, pool);
    }
    while (rv == APR_SUCCESS && h->n < n) {
        start *s = apr_palloc(pool, sizeof(*s));
        gw_helper *self = &h->threads[h->n];

        s->helpers = h;
        s->self = self;
        self->index = h->n;
        self->baton = baton;
        __atomic_add_fetch(&h->busy, 1, __ATOMIC_RELAXED);
        rv = ap_thread_create(&h->joins[h->n], NULL, helper_main, s, pool);
        if (rv == APR_SUCCESS) {
            h->n++;
        }
    }
    return rv;
}

void gw_helpers_give(gw_helpers *h, gw_job *job)
{
    apr_thread_mutex_lock(h->lock);
    APR_RING_INSERT_TAIL(&h->jobs, job, gw_job, link);
    __atomic_add_fetch(&h->waiting, 1, __ATOMIC_RELAXED);
    note_full(h);
    apr_thread_cond_signal(h->more);
    apr_thread_mutex_unlock(h->lock);
}

void gw_helpers_counts(const gw_helpers *h, int *pbusy, int *pwaiting)
{
    *pbusy = __atomic_load_n(&h->busy, __ATOMIC_RELAXED);
    *pwaiting = __atomic_load_n(&h->waiting, __ATOMIC_RELAXED);
}

gw_time gw_helpers_full_since(const gw_helpers *h)
{
    return __atomic_load_n(&h->full_since, __ATOMIC_RELAXED);
}

void gw_helpers_stop(gw_helpers *h)
{
    apr_status_t rv;

    apr_thread_mutex_lock(h->lock);
    h->stops = 1;
    apr_thread_cond_broadcast(h->more);
    apr_thread_mutex_unlock(h->lock);
    while (h->n) {
        apr_thread_join(&rv, h->joins[--h->n]);
    }
}
