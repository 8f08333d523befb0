/**
 * gw_inflight: how much of each backend is in use, counted over all processes
 * of the server.
 *
 * A table of counters in anonymous shared memory. A column (gw_gauge) is what
 * is counted, known by its key: "connections to this origin", "requests of
 * that balancer". A row is a process. A cell is changed by the threads of its
 * process only, and the sum of a column is what is in use; so a process that
 * is killed leaves nothing behind but its row, which the parent clears.
 *
 * The parent makes the table before its first fork and keeps it over restarts
 * in a pool that outlives them; columns are found again by their keys, so that
 * the draining children of an old generation still count. Every process looks
 * at it through a gw_inflight of its own.
 *
 * A column belongs to its key as long as the configuration of any process has
 * that key, a process holds it for run time, or something is in use. Then the
 * parent takes it back, so that members that come and go for months never use
 * up more columns than there are members at a time.
 *
 * No locks, only atomics; nothing ever waits, but that gw_inflight_hold() and
 * the parent that takes columns back keep out of each other's way. Any thread,
 * but where a function is said to be the parent's: that has one.
 */
#ifndef GW_INFLIGHT_H
#define GW_INFLIGHT_H

#include <apr_pools.h>
#include <apr_shm.h>
#include "gw_base.h"

typedef struct gw_inflight gw_inflight;
typedef struct gw_gauge gw_gauge;

/** Before an origin's key: its connections in use, and the processes that
 * wait for one. */
#define GW_KEY_CONNECTIONS "connections "
#define GW_KEY_LOOKOUTS "lookouts "

/**
 * Make the shared memory: the parent, before it forks.
 * @param pool     outlives restarts
 * @param rows     processes at one time, those that drain among them; 1..
 * @param columns  keys at one time; 1..
 * @return APR_EINVAL for a size beyond what can be addressed, or why there is
 *         no memory
 */
apr_status_t gw_inflight_create(apr_pool_t *pool, unsigned rows,
                                unsigned columns, apr_shm_t **pshm);

/**
 * Look at the table, in pool. Counts nothing before gw_inflight_claim().
 * @return NULL when the memory was made by a module with another layout
 */
gw_inflight *gw_inflight_attach(apr_pool_t *pool, apr_shm_t *shm);

/** The parent: a new generation begins. Columns of keys that are not asked
 * for in it can be taken back once the children of the older ones ended. */
void gw_inflight_begin(gw_inflight *table);

/**
 * The parent: the column of a key of the configuration, the same one for all
 * who ask with that key.
 * @return in pool, const; NULL when no column is left
 */
gw_gauge *gw_inflight_gauge(gw_inflight *table, apr_pool_t *pool,
                            const char *key);

/**
 * A child: the same for a key of run time. It is held until pool ends.
 * @return in pool, const; NULL when no column is left, or this process has no
 *         row
 */
gw_gauge *gw_inflight_hold(gw_inflight *table, apr_pool_t *pool,
                           const char *key);

/** The parent, now and then: take back columns that nobody needs.
 * @return how many */
unsigned gw_inflight_tidy(gw_inflight *table);

/** The table of a gauge: for keys of run time. */
gw_inflight *gw_inflight_of(const gw_gauge *gauge);

/**
 * A child begins: take a row. Before any thread counts.
 * @param pool  lives as long as the process counts
 * @return APR_SUCCESS; APR_ENOSPC when no row is left: what this process
 *         uses is then known to itself only
 */
apr_status_t gw_inflight_claim(gw_inflight *table, apr_pool_t *pool);

/** The parent: this child ended, however. @return what it had in use */
unsigned gw_inflight_release(gw_inflight *table, apr_uint32_t pid);

/** The parent: release the rows of processes that are gone. */
void gw_inflight_sweep(gw_inflight *table);

/**
 * Begin to use one. Never lets more than max be in use at a time among those
 * who ask with that max; when several ask for the last one at once, one gets
 * it. A gauge of NULL counts nothing and allows everything.
 * @param max  0: no limit, but count it
 * @return 1, to be ended by gw_inflight_leave(); 0 when all are in use
 */
int gw_inflight_enter(const gw_gauge *gauge, unsigned max);
void gw_inflight_leave(const gw_gauge *gauge);

/** How much is in use now; 0 for NULL. */
unsigned gw_inflight_count(const gw_gauge *gauge);

/**
 * Somebody was turned away: count it, and limit what is logged about it.
 * @param pmore  out, with 1: how many others since the last time
 * @return 1 at most once in a second, in one of all processes: log it where
 *         it is seen
 */
int gw_inflight_refused(const gw_gauge *gauge, gw_time now,
                        apr_uint64_t *pmore);

#endif
