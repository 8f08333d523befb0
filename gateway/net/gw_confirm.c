#include "gw_confirm.h"

#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct job job;
struct job {
    gw_confirm *confirm;        /* a reference */
    job *next;
    void *tag;
    gw_addrset *set;
    char name[];
};

struct gw_confirm {
    void (*notify)(void *baton);    /* const after init */
    void *baton;
    pthread_mutex_t lock;
    /* guarded by lock */
    pthread_cond_t ended;
    int refs;                       /* the owner's and one per thread */
    int running;                    /* threads */
    int closed;
    job *done;                      /* newest first; order does not matter */
};

apr_status_t gw_confirm_create(void (*notify)(void *baton), void *baton,
                               gw_confirm **pconfirm)
{
    gw_confirm *confirm = calloc(1, sizeof(*confirm));
    pthread_condattr_t attr;

    *pconfirm = NULL;
    if (!confirm) {
        return APR_ENOMEM;
    }
    confirm->notify = notify;
    confirm->baton = baton;
    confirm->refs = 1;
    pthread_mutex_init(&confirm->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&confirm->ended, &attr);
    pthread_condattr_destroy(&attr);
    *pconfirm = confirm;
    return APR_SUCCESS;
}

/* Drop a reference and the lock, which the caller holds. */
static void unref_unlock(gw_confirm *confirm)
{
    int refs = --confirm->refs;

    pthread_mutex_unlock(&confirm->lock);
    if (!refs) {
        pthread_cond_destroy(&confirm->ended);
        pthread_mutex_destroy(&confirm->lock);
        free(confirm);
    }
}

static void job_free(job *j)
{
    gw_addrset_release(&j->set);
    free(j);
}

static gw_addrset *ask(const char *name)
{
    struct addrinfo hints, *list, *ai;
    gw_addrset *set;

    memset(&hints, 0, sizeof(hints));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(name, NULL, &hints, &list)) {
        return NULL;
    }
    set = gw_addrset_make(GW_ADDRS_MAX);
    for (ai = list; set && ai; ai = ai->ai_next) {
        gw_addrset_add(set, GW_ADDRS_MAX, ai->ai_addr);
    }
    freeaddrinfo(list);
    if (set && !set->n) {
        gw_addrset_release(&set);
    }
    return set;
}

static void *helper(void *arg)
{
    job *j = arg;
    gw_confirm *confirm = j->confirm;

    j->set = ask(j->name);
    pthread_mutex_lock(&confirm->lock);
    confirm->running--;
    if (confirm->closed) {
        job_free(j);
    }
    else {
        j->next = confirm->done;
        confirm->done = j;
        confirm->notify(confirm->baton);
    }
    pthread_cond_signal(&confirm->ended);
    unref_unlock(confirm);
    return NULL;
}

static apr_status_t spawn(job *j)
{
    pthread_attr_t attr;
    pthread_t thread;
    int err;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    err = pthread_create(&thread, &attr, helper, j);
    pthread_attr_destroy(&attr);
    return err;
}

apr_status_t gw_confirm_start(gw_confirm *confirm, const char *name,
                              void *tag)
{
    apr_size_t size = strlen(name) + 1;
    apr_status_t rv = APR_EAGAIN;
    job *j;

    j = calloc(1, sizeof(*j) + size);
    if (!j) {
        return APR_ENOMEM;
    }
    j->confirm = confirm;
    j->tag = tag;
    memcpy(j->name, name, size);

    pthread_mutex_lock(&confirm->lock);
    if (confirm->running < GW_CONFIRM_MAX) {
        confirm->running++;
        confirm->refs++;
        rv = spawn(j);
        if (rv != APR_SUCCESS) {
            confirm->running--;
            confirm->refs--;
        }
    }
    pthread_mutex_unlock(&confirm->lock);
    if (rv != APR_SUCCESS) {
        free(j);
    }
    return rv;
}

int gw_confirm_take(gw_confirm *confirm, void **ptag, gw_addrset **pset)
{
    job *j;

    pthread_mutex_lock(&confirm->lock);
    j = confirm->done;
    if (j) {
        confirm->done = j->next;
    }
    pthread_mutex_unlock(&confirm->lock);
    if (!j) {
        return 0;
    }
    *ptag = j->tag;
    *pset = j->set;
    free(j);
    return 1;
}

static void await_helpers(gw_confirm *confirm, gw_time patience)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += (time_t)(patience / GW_SEC(1));
    ts.tv_nsec += (long)(patience % GW_SEC(1)) * 1000;
    if (ts.tv_nsec >= 1000000000L) {
        ts.tv_nsec -= 1000000000L;
        ts.tv_sec++;
    }
    while (confirm->running
           && !pthread_cond_timedwait(&confirm->ended, &confirm->lock, &ts)) {
        continue;
    }
}

int gw_confirm_destroy(gw_confirm **pconfirm, gw_time patience)
{
    gw_confirm *confirm = *pconfirm;
    int running;

    *pconfirm = NULL;
    if (!confirm) {
        return 0;
    }
    pthread_mutex_lock(&confirm->lock);
    confirm->closed = 1;
    while (confirm->done) {
        job *j = confirm->done;

        confirm->done = j->next;
        job_free(j);
    }
    await_helpers(confirm, patience);
    running = confirm->running;
    unref_unlock(confirm);
    return running;
}
