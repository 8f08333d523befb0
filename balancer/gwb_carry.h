/**
 * gwb_carry: what a balancer keeps over a restart, member by member, found
 * again by the member's URL.
 *
 * gwb_carry_export() copies a balancer's memory, gwb_carry_import() brings it
 * into the new one. A setting that was changed at run time stays, unless the
 * configuration's own value for it has changed since: that one is newer. Both
 * run in the parent, no requests are served by what they write.
 */
#ifndef GWB_CARRY_H
#define GWB_CARRY_H

#include <apr_tables.h>

#include "gwb_shm.h"

/** A balancer's state outside of its shared memory. */
typedef struct gwb_kept gwb_kept;
struct gwb_kept {
    const char *id;             /* gateway_balancer.id */
    int persist;
    apr_uint32_t next_id;
    unsigned n;
    gwb_slot *slots;            /* used ones, and those removed */
};

/** A copy of what counts, in pool. */
void gwb_carry_export(apr_pool_t *pool, const gateway_balancer *balancer,
                      gwb_kept *state);

/** Told about what was decided between old and new values. */
typedef void gwb_carry_log(void *baton, int level, const char *text);

/**
 * Take over a state; shm was filled from the configuration just now.
 * @param pool  for messages
 * @param now   times beyond what can be in use by then are of an earlier
 *              start of the machine, and dropped
 */
void gwb_carry_import(apr_pool_t *pool, const gateway_balancer *balancer,
                      gwb_shm *shm, const gwb_kept *state, gw_time now,
                      gwb_carry_log *log, void *baton);

/**
 * Write states to a file, at once and whole.
 * @param states  of gwb_kept; those with persist
 */
apr_status_t gwb_carry_write(apr_pool_t *pool, const char *path,
                             const apr_array_header_t *states);

/**
 * Read what gwb_carry_write() wrote.
 * @return APR_SUCCESS; ENOENT without such a file; APR_EINVAL when it is none
 *         of this version or damaged
 */
apr_status_t gwb_carry_read(apr_pool_t *pool, const char *path,
                            apr_array_header_t **pstates);

#endif
