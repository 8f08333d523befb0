/**
 * gwb_duty: work that comes again and again, done by one child of the server
 * at a time.
 *
 * Each child has a thread of mod_watchdog for it, which looks every 100 ms
 * (mod_watchdog's shortest step) whether the seat of this duty is free (see
 * gwb_elect). The child that has it calls tick() in that thread; what may
 * block goes to a crew of threads. It leaves the seat when the child is to
 * stop, or as soon as the configuration was read anew, once its last job has
 * ended: two children never work at the same time. The next one begins at
 * most 200 ms after that, or after a child that was killed; mod_watchdog's own
 * election is not used, as it keeps a new holder waiting for 10 s.
 *
 * A gwb_duty is a static of the unit that has the work, one in each process.
 * Functions are parts of the hooks of their names: gwb_duty_post_config() in
 * the parent, the others in a child. gwb_duty_stop() may be called by any
 * thread and from signal handlers.
 */
#ifndef GWB_DUTY_H
#define GWB_DUTY_H

#include <pthread.h>

#include <httpd.h>

#include "gw_base.h"
#include "gwb_crew.h"
#include "gwb_elect.h"

typedef struct gwb_duty gwb_duty;
struct gwb_duty {
    /* const */
    const char *watchdog;       /* name of its instance: another duty, or
                                   module, cannot hold it up */
    const char *what;           /* "health checks" */
    gwb_seat seat;
    /** This child does it now; once, before the first tick. */
    void (*begin)(void);
    /** What is due; watchdog's thread. */
    void (*tick)(gwb_crew *crew);
    /** A job of the crew; see gwb_crew_create(). */
    void (*run)(gwb_crew *crew, gwb_job *job);
    /* of the configuration; const in children */
    gwb_elect *elect;
    apr_uint32_t generation;
    /* guarded by inside, which is held during each tick */
    pthread_mutex_t inside;
    int ended;                  /* of the child's pool nothing is left */
    /* const after gwb_duty_child_init() */
    gwb_crew *crew;             /* NULL: this child does not take part */
    server_rec *server;
    /* watchdog's thread */
    int taken;
    pthread_t taker;
};

/** How often tick() is called. */
#define GWB_DUTY_TICK   GW_MSEC(100)

/** Is mod_watchdog there? Without it there are no duties. */
int gwb_duty_possible(void);

/** There is such work; before mod_watchdog's own hook.
 * @return OK, or HTTP_INTERNAL_SERVER_ERROR after one log line */
int gwb_duty_post_config(gwb_duty *duty, apr_pool_t *pconf,
                         server_rec *main_server);

/**
 * Take part, after everything was made that the work uses, which ends with
 * pchild; before mod_watchdog's own hook.
 * @param threads  of the crew; 0: jobs run in tick()
 */
apr_status_t gwb_duty_child_init(gwb_duty *duty, apr_pool_t *pchild,
                                 server_rec *main_server, unsigned threads);

/** Nothing more is begun, what runs ends early; does not wait. */
void gwb_duty_stop(gwb_duty *duty);

#endif
