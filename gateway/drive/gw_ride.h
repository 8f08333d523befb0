/**
 * gw_ride: one request on its way: the exchange and what the layers above it
 * need for it, whichever driver steps it.
 *
 * Made in the handler, lives in r->pool. The blocking driver begins and ends
 * it in one call; the event driver may step it in a loop after it has begun
 * in another thread. One thread at a time, which may change between calls;
 * only the waker is used by others.
 *
 * States: begun (gw_ride_begin() gave it) -> stepped any number of times,
 * here (gw_ride_wait()) or by another driver -> ended (gw_ride_end()). Between
 * begin and end it may hold a connection, a place in a balancer's queue, and
 * a count of GatewayMaxInFlight.
 */
#ifndef GW_RIDE_H
#define GW_RIDE_H

#include "gw_client.h"
#include "gw_exchange.h"
#include "gw_poll.h"

typedef struct gw_ride gw_ride;
struct gw_ride {
    /* const after begin */
    request_rec *r;
    const gw_mapped *m;
    gw_client *client;
    gw_host *host;              /* the exchange's: client's own, or a
                                   driver's around it */
    gw_exchange *x;             /* NULL: refused before it began */
    gw_pick_single single;
    /* the stepping thread */
    gw_poll poll;               /* holds the waker */
    gw_result refused;          /* what to answer when x is NULL */
    int counted;                /* by GatewayMaxInFlight */
};

/** What a driver brings along; all zero for the blocking one. */
typedef struct gw_ride_params gw_ride_params;
struct gw_ride_params {
    /** The client side instead of ride->client's own, made for it. */
    gw_host *(*host)(gw_ride *ride, void *baton);
    void *baton;
    int home;                   /* of gw_exchange_params */
    int uncounted;              /* no thread waits: GatewayMaxInFlight does
                                   not count it */
};

/**
 * Begin to answer r; nothing is asked of a backend before the first step.
 * @return NULL with *pstatus, the handler's value, when this child cannot
 *         reach backends
 */
gw_ride *gw_ride_begin(request_rec *r, const gw_mapped *m,
                       const gw_ride_params *params, int *pstatus);

/**
 * Step and wait in the calling thread.
 * @param until  not longer than this
 * @return APR_SUCCESS the exchange has ended; APR_TIMEUP not yet
 */
apr_status_t gw_ride_wait(gw_ride *ride, gw_time until);

/** The thread that began it does not wait for it any more. */
void gw_ride_uncount(gw_ride *ride);

/** The exchange has ended (or never began): log, end the response. @return
 * the handler's value */
int gw_ride_end(gw_ride *ride);

#endif
