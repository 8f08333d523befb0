/**
 * gw_pool: the child's connections to backends; implements gw_net over
 * HTTP/1.1.
 *
 * Owns every idle gw_conn. A leased one belongs to its stream until that is
 * released. Idle connections of an origin are taken last in, first out, so
 * that few stay warm and the rest expire; each is checked (age against ttl
 * and the backend's Keep-Alive, a peek for FIN, RST or surplus bytes) before
 * use. With maxperchild=n of the lease's opts at most n connections of that
 * origin are in use: a further stream waits in line (FIFO; its waker fires
 * when it may go on), at most for connect_timeout, then fails BUSY.
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

/** Idle and leased connections of all origins, for tests and status. */
void gw_pool_counts(gw_pool *pool, int *pidle, int *pleased);

#endif
