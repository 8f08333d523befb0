/**
 * gw_helpers: threads of the child for what may wait: hooks that block, other
 * handlers, log hooks, blocking exchanges on connections that a loop owns.
 *
 * A fixed number of threads takes jobs first in, first out. The queue holds
 * as many jobs as there are connections adopted, which are bounded by the
 * MPM; when all threads are busy the engine adopts no more.
 *
 * Made in child_init; gw_helpers_stop() in a pre-cleanup of pchild. Any thread
 * may give jobs.
 */
#ifndef GW_HELPERS_H
#define GW_HELPERS_H

#include <stddef.h>     /* before APR: its rings use offsetof then */
#include <apr_pools.h>
#include <apr_ring.h>
#include <apr_thread_proc.h>

#include "gw_base.h"

typedef struct gw_helpers gw_helpers;
typedef struct gw_job gw_job;

/** One thread, as its jobs see it. */
typedef struct gw_helper gw_helper;
struct gw_helper {
    /* const once it runs */
    apr_thread_t *thread;
    int index;                  /* 0, 1, ... */
    void *baton;                /* of gw_helpers_start() */
};

/** Part of what has to be done; nobody touches it between gw_helpers_give()
 * and the call of run(). */
struct gw_job {
    APR_RING_ENTRY(gw_job) link;
    void (*run)(gw_job *job, gw_helper *helper);
};

/**
 * Start n threads.
 * @param pool   of the child; what is allocated later has a pool of its own
 * @param baton  for gw_helper
 */
apr_status_t gw_helpers_start(apr_pool_t *pool, int n, void *baton,
                              gw_helpers **phelpers);

/** Let a thread run it. */
void gw_helpers_give(gw_helpers *helpers, gw_job *job);

/** Since when every thread is busy and somebody waiting; 0: not now. */
gw_time gw_helpers_full_since(const gw_helpers *helpers);

/** Threads at work and jobs waiting; not exact. */
void gw_helpers_counts(const gw_helpers *helpers, int *pbusy, int *pwaiting);

/** Run no further job, join the threads. Jobs still waiting are forgotten. */
void gw_helpers_stop(gw_helpers *helpers);

#endif
