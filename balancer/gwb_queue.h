/**
 * gwb_queue: requests of one child that wait for a member, first come, first
 * served.
 *
 * Requests that are bound to one member (nofailover=) stand in a lane of
 * their own, so that they hold up nobody else. The first of each lane looks
 * for a member again and again; the others sleep until it has gone. Any
 * thread; the lock is a leaf but for the wakers, which only signal.
 */
#ifndef GWB_QUEUE_H
#define GWB_QUEUE_H

#include <apr_pools.h>
#include <apr_ring.h>
#include <apr_thread_mutex.h>

#include "gw_base.h"
#include "gw_waker.h"

/** One request's place; its memory is the request's. */
typedef struct gwb_waiter gwb_waiter;
struct gwb_waiter {
    APR_RING_ENTRY(gwb_waiter) link;
    apr_uint32_t lane;          /* id of the only member it wants, else 0 */
    gw_waker *waker;
    int waiting;                /* in the queue; the request's thread */
    gw_time since;
};

/** All of them, the first one first. */
APR_RING_HEAD(gwb_waiters, gwb_waiter);

typedef struct gwb_queue gwb_queue;
struct gwb_queue {
    apr_thread_mutex_t *mutex;
    struct gwb_waiters waiters;     /* guarded by it */
    unsigned n;                 /* atomic to read, guarded to write */
};

/** An empty queue; pool outlives its use. */
apr_status_t gwb_queue_init(gwb_queue *queue, apr_pool_t *pool);

/** Stand at the end, or first of all: who was there before and found the place
 * taken after all. lane, waker and since are set. */
void gwb_queue_join(gwb_queue *queue, gwb_waiter *waiter, int first);

/** Go, and wake whoever is first now; harmless when not in it. */
void gwb_queue_leave(gwb_queue *queue, gwb_waiter *waiter);

/** Is nobody of this lane before waiter (NULL: a newcomer)? */
int gwb_queue_is_first(gwb_queue *queue, const gwb_waiter *waiter,
                       apr_uint32_t lane);

/** A place came free somewhere: wake the first of each lane. */
void gwb_queue_wake(gwb_queue *queue);

/** How many wait. */
unsigned gwb_queue_length(const gwb_queue *queue);

#endif
