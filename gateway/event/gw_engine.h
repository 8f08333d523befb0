/**
 * gw_engine: the event loops and helper threads of a child process.
 *
 * Runs where the MPM is asynchronous (event) and some route may be served by
 * a loop; elsewhere gw_engine_of_child() is NULL and every request takes the
 * blocking driver. Started in child_init.
 *
 * The end: main joins the MPM's workers, and a worker that gave a connection
 * to a loop does not end before all such connections are over (the destructor
 * of a key of its thread waits), or, when the child ends at once, before loops
 * and helpers have ended. The listener alone would have the child end without
 * connections that it gave to workers in its last moment. A pre-cleanup of
 * pchild joins what still runs and destroys what connections are left; little
 * may happen there, for with an APR that debugs pools main holds a lock then
 * that every other thread needs for its own pools.
 *
 * Every loop and helper has an identity of its own (gw_post) for what httpd
 * asks of the thread that runs a request: c->id, and a scoreboard slot above
 * the MPM's own where ThreadLimit leaves one.
 *
 * Threads: fields as tagged; functions any thread unless they say otherwise.
 */
#ifndef GW_ENGINE_H
#define GW_ENGINE_H

#include <stddef.h>     /* before APR: its rings use offsetof then */
#include <httpd.h>
#include <scoreboard.h>
#include <apr_ring.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include "gw_helpers.h"
#include "gw_loop.h"
#include "gw_tally.h"

typedef struct gw_front gw_front;
/** Connections in a list. */
APR_RING_HEAD(gw_front_ring, gw_front);

/** Who a loop or helper is for httpd; its own thread's, see gw_post_take(). */
typedef struct gw_post gw_post;
struct gw_post {
    int rank;                   /* loops first, then helpers */
    apr_pool_t *pool;           /* for sbh */
    int taken;
    long id;                    /* for c->id */
    ap_sb_handle_t *sbh;        /* NULL: ThreadLimit leaves no slot */
};

/** One loop and its thread. */
typedef struct gw_station gw_station;
struct gw_station {
    /* const after the start */
    struct gw_engine *engine;
    int index;
    gw_loop *loop;
    gw_post post;
    apr_thread_t *join;
    /* the loop's thread */
    apr_thread_t *thread;
    struct gw_front_ring idle;  /* between requests, the longest first */
    int nidle;
    int crowded;                /* at the last tick: accepts no more */
    int told_stop;              /* idle ones know that the child stops */
    gw_time share_since;        /* of the share of time being measured, */
    gw_time share_busy;         /* and the loop's busy time then */
};

typedef struct gw_engine gw_engine;
struct gw_engine {
    /* const after the start */
    server_rec *s;
    apr_pool_t *pool;
    int thread_limit;
    int process_limit;
    int workers;                /* of the MPM, in this child */
    int nstations;
    gw_station *stations;
    gw_helpers *helpers;
    gw_post *helper_posts;
    apr_uint32_t *epochs;       /* per worker: jobs begun; atomic */
    gw_tally_row *row;          /* what goes on here; atomic */
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *empty;   /* fronts is, or may be */
    apr_threadkey_t *worker_key;    /* set in workers that gave us one */
    /* guarded by lock */
    struct gw_front_ring fronts;    /* adopted and not yet destroyed */
    int joined;                 /* loops and helpers have ended, or do */
    /* atomic */
    int child;                  /* this process in the scoreboard, -1: not
                                   known before the first connection */
    int stops;                  /* 1: the child ends when it is done */
    int waiting;                /* workers that wait for a backend */
    unsigned turn;              /* for the next station */
};

/** Is the MPM asynchronous, and is there a route? post_config or later. */
int gw_engine_is_wanted(const server_rec *main_server);

/** child_init, after gw_child_init(). */
void gw_engine_start(apr_pool_t *pchild, server_rec *s);

/** child_stopping: from any thread, more than once. */
void gw_engine_stopping(int graceful);

/** NULL where there is none. */
gw_engine *gw_engine_of_child(void);

/** The station for a connection to come. */
gw_station *gw_engine_station(gw_engine *engine);

/** May it be adopted now? Not with all helpers busy, which is counted once a
 * connection, and logged. The worker's thread. */
int gw_engine_has_room(gw_engine *engine, gw_front *front);

/** Is the child to end? */
int gw_engine_stops(const gw_engine *engine);

/** An MPM worker has begun a job on c: what it suspended before is behind it.
 * The worker's thread, with c->sbh its scoreboard handle. */
void gw_engine_worker_begins(gw_engine *engine, const conn_rec *c);

/** The calling worker gives us a connection. */
void gw_engine_worker_gives(gw_engine *engine);

/** What the calling thread is for httpd, made at the first call. Needs a
 * connection to have come. */
const gw_post *gw_post_take(gw_engine *engine, gw_post *post);

#endif
