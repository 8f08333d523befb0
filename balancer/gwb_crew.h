/**
 * gwb_crew: a bounded set of threads for jobs that may block.
 *
 * Belongs to a duty of a child (gwb_duty). Threads are started when jobs wait
 * and all others are busy; an idle one waits for the next job until the end.
 * Jobs run in the order they were given. Without threads (most is 0, or none
 * can be had) a job runs in the thread that gives it.
 *
 * gwb_crew_create() and gwb_crew_join() are called by the child's main
 * thread; gwb_crew_give(), gwb_crew_wait() and gwb_crew_join() by one thread
 * at a time; gwb_crew_stop() by any and from signal handlers.
 */
#ifndef GWB_CREW_H
#define GWB_CREW_H

#include <apr_errno.h>
#include <apr_pools.h>

/** The first field of what is to be done; its giver's until it has run. */
typedef struct gwb_job gwb_job;
struct gwb_job {
    gwb_job *next;
};

typedef struct gwb_crew gwb_crew;

/**
 * @param pool  of the child; the crew must be joined before it is cleaned up
 * @param most  threads; 0: jobs run in gwb_crew_give()
 * @param run   does a job; not called any more once the crew is stopped
 */
apr_status_t gwb_crew_create(apr_pool_t *pool, unsigned most,
                             void (*run)(gwb_crew *crew, gwb_job *job),
                             gwb_crew **pcrew);

/**
 * A job for whoever is free.
 * @return APR_SUCCESS; else why no thread could be started for it: it waits
 *         for another one, or has run already
 */
apr_status_t gwb_crew_give(gwb_crew *crew, gwb_job *job);

/** Jobs that have not begun are dropped, those that run go on; does not
 * wait. */
void gwb_crew_stop(gwb_crew *crew);

/** Is it stopped? */
int gwb_crew_stopped(const gwb_crew *crew);

/** Readable as soon as it is stopped: for jobs that wait; 0: there is
 * none. */
int gwb_crew_stop_fd(const gwb_crew *crew);

/** Stop it, wait until nothing runs any more, end the threads; more than
 * once at will. */
void gwb_crew_wait(gwb_crew *crew);

/** The same, for the last time. */
void gwb_crew_join(gwb_crew *crew);

#endif
