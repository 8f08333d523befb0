/**
 * gw_front: a client connection that a loop may own.
 *
 * Made in pre_connection, with the two filters that make it possible; most
 * connections never need more. It is adopted when a handler, or the
 * process_connection hook, asked for it and the MPM's worker has suspended
 * it: the suspend_connection hook is the last thing the worker does with it,
 * and the only place where another thread gets to see it. From then on it
 * belongs to one loop until it is closed; there is no way back to the MPM.
 *
 * States of an adopted one, and what is held in each:
 *   ARRIVES  published, not yet seen by its loop
 *   READ     between requests: waits for a whole head. In the loop's list of
 *            idle ones while nothing of a head has come
 *   RIDE     a request: ride, and its exchange, is stepped
 *   HELP     a helper thread owns the connection, because of job; the loop
 *            only notes events
 *   WRITE    the response is being sent; the request is over for the machine,
 *            its end (EOR) is behind the bytes
 *   CLOSE    the last bytes (close_notify) are being sent
 *   LINGER   our side is shut; the client's rest is read and dropped
 *   GRAVE    all is over, but the worker may not have passed (see below)
 *   GONE     [final] destroyed; freed at the end of the loop's round
 *
 * After the hook the worker still writes to the connection (c->sbh, its own
 * state): it must not be destroyed, nor c->sbh be set, before the worker has
 * passed: before it has begun another job, or its slot says READY or DEAD.
 * SERVER_GRACEFUL says nothing, every slot gets it.
 *
 * Failure paths: a client that leaves, is too slow, or sends what cannot be
 * read ends in close_now() or in the lingering close, both of which end in
 * bury(), the only one who destroys.
 *
 * Threads: the thread that owns the connection: a worker, its loop, a helper;
 * handed over through the loop's and the helpers' locks.
 */
#ifndef GW_FRONT_H
#define GW_FRONT_H

#include "gw_engine.h"
#include "gw_front_in.h"
#include "gw_front_late.h"
#include "gw_front_out.h"
#include "gw_ride.h"

typedef enum {
    GW_FRONT_ARRIVES,
    GW_FRONT_READ,
    GW_FRONT_RIDE,
    GW_FRONT_HELP,
    GW_FRONT_WRITE,
    GW_FRONT_CLOSE,
    GW_FRONT_LINGER,
    GW_FRONT_GRAVE,
    GW_FRONT_GONE
} gw_front_state;

/** Who runs the connection now. */
typedef enum {
    GW_OWNER_WORKER,
    GW_OWNER_LOOP,
    GW_OWNER_HELPER
} gw_owner;

/** What a helper is asked for. */
typedef enum {
    GW_HELP_NONE,
    GW_HELP_CONNECTION,         /* read and serve the next request */
    GW_HELP_REQUEST,            /* serve a request that was read */
    GW_HELP_BLOCK,              /* answer it with a blocking exchange */
    GW_HELP_HANDLER,            /* its hooks have run: find its handler */
    GW_HELP_DIE,                /* answer it with an error document */
    GW_HELP_END,                /* run the end of a request that was sent */
    GW_HELP_DROP                /* drop what nobody will take, with the ends
                                   of requests among it */
} gw_help;

struct gw_front {
    gw_task task;               /* first */
    gw_job job;
    /* const after creation */
    gw_engine *engine;
    conn_rec *c;
    apr_socket_t *socket;
    int fd;
    gw_front_in *in;
    gw_front_out *out;
    /* the owner */
    gw_front_late late;
    gw_owner owner;
    gw_station *station;        /* const once adopted */
    int adopt;                  /* asked for: the suspend hook will publish */
    int adopted;
    int turned_away;            /* helpers were busy: counted */
    const gw_post *post;        /* of the thread that owns it; NULL: a
                                   worker */
    request_rec *r;             /* with ride, or for a helper */
    gw_ride *ride;
    gw_help help;
    int help_status;            /* for GW_HELP_DIE */
    const char *why;            /* the reason for the helper, for GATEWAY_LANE;
                                   static or of r->pool */
    server_rec *server;         /* of the last request */
    /* the barrier */
    worker_score *ws;
    apr_uint32_t *epoch;
    apr_uint32_t epoch_then;
    gw_time adopted_at;
    int passed;
    /* the loop */
    gw_front_state state;
    int hung_up;                /* the client closed its side, or all */
    int drained;                /* nothing to read before the next event */
    apr_size_t came;            /* gw_front_in_len() at the last look */
    int idle;                   /* in station->idle */
    int reset;                  /* when what waits is sent */
    int brief;                  /* linger for a short time only */
    gw_time since;              /* of the state, or of its last progress */
    apr_off_t waiting;          /* gw_front_out_len() at the last look */
    int counted;                /* in engine->riding */
    int helped;                 /* atomic: the helper is done */
    APR_RING_ENTRY(gw_front) idles;
#ifdef GW_DEBUG
    char last[128];             /* request whose lane was set last */
    char said[160];             /* for the loop's line about a long step */
#endif
    /* guarded by engine->lock */
    APR_RING_ENTRY(gw_front) link;
};

/** In register_hooks: filters, and the hooks of connections. */
void gw_front_register(void);

/** The front of c, or NULL: c cannot be adopted. */
gw_front *gw_front_of(const conn_rec *c);

/** The handler is about to return SUSPENDED for ride, or for help. */
void gw_front_suspend(gw_front *front, gw_ride *ride);
void gw_front_ask(gw_front *front, request_rec *r, gw_help help,
                  const char *why);

/** httpd has set the socket's timeout: put the owner's own back. */
void gw_front_keep_socket(gw_front *front);

/** The worker that wrote c last has nothing to do with it any more. */
int gw_front_passed(gw_front *front);

/** Tick of a station: shed idle ones, notice that the child stops. Loop. */
void gw_front_tick(gw_station *station);

/** After loops, helpers and workers have ended: destroy it. */
void gw_front_abandon(gw_front *front);

#endif
