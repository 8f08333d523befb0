/**
 * gwb_elect: which child does what only one may do.
 *
 * Each duty has a seat in shared memory: a lock that the kernel gives back
 * when the thread that holds it ends, however that happens. So a seat is free
 * the moment its holder is gone, it is never taken from one that is there,
 * and nobody has to guess from signs of life who is which.
 *
 * The parent makes the memory once and keeps it over restarts: the draining
 * children of an old generation and those of the new one see the same seats.
 * Once a new generation is announced the old one takes no more, and is
 * expected to leave.
 *
 * No function waits. gwb_elect_announce() is the parent's, the others may be
 * called by any thread; who takes a seat must leave it in the same thread.
 */
#ifndef GWB_ELECT_H
#define GWB_ELECT_H

#include <apr_errno.h>
#include <apr_pools.h>

/** Everything of which there may be one at a time. */
typedef enum {
    GWB_SEAT_CHECKS,
    GWB_SEAT_NAMES,
    GWB_SEATS
} gwb_seat;

typedef struct gwb_elect gwb_elect;

/**
 * Make the memory, before the first fork.
 * @param pool  outlives restarts
 */
apr_status_t gwb_elect_create(apr_pool_t *pool, gwb_elect **pelect);

/** A new generation begins. @return its number */
apr_uint32_t gwb_elect_announce(gwb_elect *elect, gwb_seat seat);

/** Is this generation the present one? */
int gwb_elect_is_present(const gwb_elect *elect, gwb_seat seat,
                         apr_uint32_t generation);

/** Take a seat. @return 1: it is the caller's; 0: somebody else has it, or
 * the generation is an old one */
int gwb_elect_take(gwb_elect *elect, gwb_seat seat, apr_uint32_t generation);

/** The caller, who has it, is done. */
void gwb_elect_leave(gwb_elect *elect, gwb_seat seat);

#endif
