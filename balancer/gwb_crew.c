#include "gwb_crew.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <httpd.h>

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

/* A thread and the pool that is its alone. */
typedef struct {
    apr_thread_t *thread;
    apr_pool_t *pool;
} member;

struct gwb_crew {
    /* const */
    unsigned most;
    void (*run)(gwb_crew *crew, gwb_job *job);
    int stop_fd;
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *changed;
    int stopped;                /* atomic; read by signal handlers */
    /* guarded by mutex */
    member *members;
    unsigned n;
    unsigned idle;
    unsigned waiting;           /* jobs in the queue */
    int inside;                 /* a job runs in gwb_crew_give() */
    gwb_job *first;
    gwb_job **last;
};

apr_status_t gwb_crew_create(apr_pool_t *pool, unsigned most,
                             void (*run)(gwb_crew *crew, gwb_job *job),
                             gwb_crew **pcrew)
{
    gwb_crew *crew = apr_pcalloc(pool, sizeof(*crew));
    apr_status_t rv;

    crew->most = most;
    crew->run = run;
    crew->last = &crew->first;
    crew->members = apr_pcalloc(pool, (most + 1) * sizeof(*crew->members));
    rv = apr_thread_mutex_create(&crew->mutex, APR_THREAD_MUTEX_DEFAULT,
                                 pool);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&crew->changed, pool);
    }
    if (rv == APR_SUCCESS) {
        crew->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (crew->stop_fd < 0) {
            /* then nobody is told, and what runs ends by itself */
            crew->stop_fd = 0;
        }
        *pcrew = crew;
    }
    return rv;
}

/** The next job, NULL when the crew stops. The lock is held. */
static gwb_job *next_job(gwb_crew *crew)
{
    gwb_job *job;

    while (crew->first == NULL && !gwb_crew_stopped(crew)) {
        crew->idle++;
        apr_thread_cond_wait(crew->changed, crew->mutex);
        crew->idle--;
    }
    if (gwb_crew_stopped(crew)) {
        return NULL;
    }
    job = crew->first;
    crew->first = job->next;
    crew->waiting--;
    if (crew->first == NULL) {
        crew->last = &crew->first;
    }
    return job;
}

static void *APR_THREAD_FUNC work(apr_thread_t *thread, void *data)
{
    gwb_crew *crew = data;
    gwb_job *job;

    apr_thread_mutex_lock(crew->mutex);
    while ((job = next_job(crew)) != NULL) {
        apr_thread_mutex_unlock(crew->mutex);
        crew->run(crew, job);
        apr_thread_mutex_lock(crew->mutex);
    }
    apr_thread_mutex_unlock(crew->mutex);
    return NULL;
}

/** One more thread. The lock is held. */
static apr_status_t hire(gwb_crew *crew)
{
    member *m = &crew->members[crew->n];
    sigset_t all, before;
    apr_status_t rv;

    /* of no parent: a thread and its pool end in the order of their join */
    rv = apr_pool_create_unmanaged_ex(&m->pool, NULL, NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    /* signals are for the threads of the MPM */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rv = ap_thread_create(&m->thread, NULL, work, crew, m->pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rv == APR_SUCCESS) {
        crew->n++;
    }
    else {
        apr_pool_destroy(m->pool);
    }
    return rv;
}

/** In the thread that gives it. The lock is held. */
static void run_inside(gwb_crew *crew, gwb_job *job)
{
    crew->inside = 1;
    apr_thread_mutex_unlock(crew->mutex);
    crew->run(crew, job);
    apr_thread_mutex_lock(crew->mutex);
    crew->inside = 0;
    apr_thread_cond_broadcast(crew->changed);
}

static void enqueue(gwb_crew *crew, gwb_job *job)
{
    job->next = NULL;
    *crew->last = job;
    crew->last = &job->next;
    crew->waiting++;
    apr_thread_cond_signal(crew->changed);
}

apr_status_t gwb_crew_give(gwb_crew *crew, gwb_job *job)
{
    apr_status_t rv = APR_SUCCESS;

    apr_thread_mutex_lock(crew->mutex);
    if (!gwb_crew_stopped(crew)) {
        if (crew->idle <= crew->waiting && crew->n < crew->most) {
            rv = hire(crew);
        }
        if (crew->n > 0) {
            enqueue(crew, job);
        }
        else {
            run_inside(crew, job);
        }
    }
    apr_thread_mutex_unlock(crew->mutex);
    return rv;
}

void gwb_crew_stop(gwb_crew *crew)
{
    __atomic_store_n(&crew->stopped, 1, __ATOMIC_RELEASE);
    if (crew->stop_fd > 0) {
        (void)eventfd_write(crew->stop_fd, 1);
    }
}

int gwb_crew_stopped(const gwb_crew *crew)
{
    return __atomic_load_n(&crew->stopped, __ATOMIC_ACQUIRE);
}

int gwb_crew_stop_fd(const gwb_crew *crew)
{
    return crew->stop_fd;
}

void gwb_crew_wait(gwb_crew *crew)
{
    apr_status_t rv;

    gwb_crew_stop(crew);
    apr_thread_mutex_lock(crew->mutex);
    apr_thread_cond_broadcast(crew->changed);
    while (crew->inside) {
        apr_thread_cond_wait(crew->changed, crew->mutex);
    }
    apr_thread_mutex_unlock(crew->mutex);
    /* gwb_crew_give() starts nobody now */
    while (crew->n > 0) {
        member *m = &crew->members[--crew->n];

        apr_thread_join(&rv, m->thread);
        apr_pool_destroy(m->pool);
    }
}

void gwb_crew_join(gwb_crew *crew)
{
    gwb_crew_wait(crew);
    if (crew->stop_fd > 0) {
        close(crew->stop_fd);
        crew->stop_fd = 0;
    }
}
