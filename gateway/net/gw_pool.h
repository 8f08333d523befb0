/**
 * gw_pool: the child's connections to backends; implements gw_net over
 * HTTP/1.1.
 *
 * Owns every idle gw_conn. A leased one belongs to its stream until that is
 * released. Idle connections of an origin are taken last in, first out, so
 * that few stay warm and the rest expire, but one that the same event loop
 * used last, where it is registered, is preferred to the few before it. Each
 * is checked (age against ttl and the backend's Keep-Alive, a peek for FIN,
 * RST or surplus bytes, an address that its name no longer has) before use.
 *
 * With maxperchild=n of the lease's opts at most n connections of that origin
 * are in use here, with max=n in all processes: a further stream waits in line
 * (FIFO; its waker fires when it may go on), at most for queue_timeout, then
 * fails BUSY; at once when queue others wait already. What other processes
 * give back only the first in line sees, the lookout.
 *
 * In all at most half of the process's descriptors are spent on idle ones,
 * and the oldest of any origin goes when a new socket finds none left.
 *
 * Threads: any. pool->lock guards lists and counts and is a leaf: never held
 * over a callback but waker->wake(), a blocking call, or a log.
 */
#ifndef GW_POOL_H
#define GW_POOL_H

#include "gw_conn.h"
#include "gw_stream.h"

typedef struct gw_pool gw_pool;

typedef struct gw_pool_params gw_pool_params;
struct gw_pool_params {
    gw_resolver *resolver;      /* borrowed for the pool's life */
    const gw_h1_limits *limits; /* NULL: defaults */
    int idle_max;               /* idle connections per origin; 0: 256 */
};

/** In child_init. apr_pool gives only what lives as long as the gw_pool. */
apr_status_t gw_pool_create(apr_pool_t *apr_pool,
                            const gw_pool_params *params, gw_pool **ppool);
/** Close all idle ones; no stream may be out. */
void gw_pool_destroy(gw_pool **ppool);

/** The port for gw_exchange. */
gw_net *gw_pool_net(gw_pool *pool);

/** Close idle connections that are past their time or that the peer closed;
 * the resolver's tick, about once a second. */
void gw_pool_expire(gw_pool *pool);

/** An origin is about to end: close its idle connections and let go of it.
 * None of its streams may be out. Any thread. */
void gw_pool_forget(gw_pool *pool, gw_origin *origin);

/** Idle and leased connections of all origins, for tests and status. */
void gw_pool_counts(gw_pool *pool, int *pidle, int *pleased);

/*
 * What follows is for gw_h1_stream only.
 *
 * A gw_turn is a stream's right to use a connection of its origin, counted
 * against maxperchild and max until gw_pool_leave(). It is part of the stream;
 * the pool refers to it while it waits.
 */
typedef struct gw_turn gw_turn;
struct gw_turn {
    APR_RING_ENTRY(gw_turn) link;   /* guarded by the pool, like granted */
    gw_waker *waker;                /* const while it waits */
    const gw_conn_opts *opts;       /* likewise */
    int granted;
};

/** How often a lookout looks. */
#define GW_POOL_TICK GW_MSEC(5)
/** More lookouts than this, of all processes, share the work: together they
 * look often enough. */
#define GW_POOL_LOOKOUTS 32

typedef enum {
    GW_TURN_GRANTED,
    GW_TURN_WAITS,              /* until its waker fires */
    GW_TURN_LOOKS_OUT           /* the same, but asks every gw_pool_tick() */
} gw_turn_state;

/** Take a turn if there is one at once. APR_SUCCESS; APR_EAGAIN;
 * APR_ENOMEM. */
apr_status_t gw_pool_try(gw_pool *pool, gw_origin *origin, gw_turn *turn);
/** Take a turn, or stand in line for one. APR_SUCCESS granted; APR_EAGAIN
 * waits, its (armed) waker fires; APR_ENOSPC as many wait as may;
 * APR_ENOMEM. */
apr_status_t gw_pool_enter(gw_pool *pool, gw_origin *origin, gw_turn *turn);
/** How is it with one who waits? */
gw_turn_state gw_pool_look(gw_pool *pool, gw_origin *origin, gw_turn *turn);
/** How long the lookout of an origin may wait. */
gw_time gw_pool_tick(const gw_origin *origin);
/** Give the turn, or the place in the line, back; no wake-up comes then. */
void gw_pool_leave(gw_pool *pool, gw_origin *origin, gw_turn *turn);

/** How many of the youngest are looked at for one of the same home. */
#define GW_POOL_NEAR 8

/** The youngest idle connection that is alive and idle for less than ttl (and
 * its own limit), or NULL; of the same home (see gw_lease) if one is near
 * enough. The caller owns it. */
gw_conn *gw_pool_take(gw_pool *pool, gw_origin *origin, gw_time ttl,
                      int home);
/** Take ownership of a rested connection, to be reused within idle_max. */
void gw_pool_put(gw_pool *pool, gw_origin *origin, gw_conn *conn,
                 gw_time idle_max);
/** Close the oldest idle connection of any origin; 0 when there is none. */
int gw_pool_shed(gw_pool *pool);

/** What the pool was made with. */
const gw_pool_params *gw_pool_params_of(const gw_pool *pool);

#endif
