/**
 * gw_tally: what the children do, for the whole server to see.
 *
 * A table in anonymous shared memory with a row for each child process. A
 * child writes to its own row only; who asks adds the rows up. What is going
 * on now (connections, tunnels, threads) ends with its process; what was done
 * (requests) stays in the sums after it.
 *
 * The parent makes the table before its first fork and keeps it over restarts
 * in a pool that outlives them, so that draining children of an old generation
 * are still seen.
 *
 * No locks, only atomics. Any thread, but where a function is said to be the
 * parent's: that has one.
 */
#ifndef GW_TALLY_H
#define GW_TALLY_H

#include <apr_pools.h>
#include <apr_shm.h>
#include "gw_base.h"

/** More loops of a child than that are not told apart. */
#define GW_TALLY_LOOPS 64

/** What one child does. All of it atomic. */
typedef struct gw_tally_row gw_tally_row;
struct gw_tally_row {
    apr_uint32_t pid;           /* 0: a free row */
    /* now */
    apr_int32_t loops;
    apr_int32_t helpers;        /* threads, */
    apr_int32_t helping;        /* of them at work, */
    apr_int32_t queued;         /* and what waits for them */
    apr_int32_t adopted;        /* client connections that loops own */
    apr_int32_t riding;         /* of them suspended in a request */
    apr_int32_t tunnels;        /* of them tunnels */
    /* since the child began */
    apr_uint64_t inlined, helped, blocked;  /* requests by lane */
    apr_uint64_t turned_away;   /* connections not adopted: helpers busy */
    apr_uint32_t longest;       /* step of a loop, microseconds */
    /* by loop, in the last second: per mille of its time */
    apr_uint32_t busy[GW_TALLY_LOOPS];
};

/** Sums over rows; of busy those over all loops, and the busiest one. */
typedef struct gw_tally_sum gw_tally_sum;
struct gw_tally_sum {
    int children;
    gw_tally_row of;            /* pid and busy have no meaning */
    apr_uint64_t busy;          /* per mille, of all loops added up */
    apr_uint32_t busiest;
};

typedef struct gw_tally gw_tally;

/**
 * Make the shared memory: the parent, before it forks.
 * @param pool  outlives restarts
 * @param rows  processes at one time, those that drain among them; 1..
 * @return APR_EINVAL for a size beyond all reason, or why there is no memory
 */
apr_status_t gw_tally_create(apr_pool_t *pool, unsigned rows,
                             apr_shm_t **pshm);

/** Look at the table. @return in the shared memory; NULL when that was made
 * by a module with another layout */
gw_tally *gw_tally_attach(apr_shm_t *shm);

/** A row for this process, zeroed; until gw_tally_release().
 * @return NULL: all are in use */
gw_tally_row *gw_tally_claim(gw_tally *tally, apr_uint32_t pid);

/** The process has ended: what it did is kept, its row is free. The parent's,
 * who need not know whether it had one. */
void gw_tally_release(gw_tally *tally, apr_uint32_t pid);

/** Release the rows of processes that are gone unnoticed: the parent's. */
void gw_tally_sweep(gw_tally *tally);

/** Forget everything: the parent's, while it has no children. */
void gw_tally_clear(gw_tally *tally);

/** The i-th row in use, from 0; NULL: no further one. A copy, in *row. */
const gw_tally_row *gw_tally_get(const gw_tally *tally, unsigned i,
                                 gw_tally_row *row);

/** Add up all rows, and what ended children did. */
void gw_tally_add_up(const gw_tally *tally, gw_tally_sum *sum);

/** One loop of one row was this busy in the last second. */
void gw_tally_note_busy(gw_tally_row *row, int loop, apr_uint32_t permille);

/** A step took so many microseconds: keeps the longest. */
void gw_tally_note_step(gw_tally_row *row, gw_time took);

/** @return 1 at most once in span, in one of all processes: log it where it
 * is seen */
int gw_tally_may_tell(gw_tally *tally, gw_time now, gw_time span);

#endif
