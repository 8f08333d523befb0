/**
 * gw_srv: the SRV records (RFC 2782) out of a DNS message, with their life,
 * which c-ares does not tell.
 *
 * Pure: bytes in, records in the pool given out; any thread.
 */
#ifndef GW_SRV_H
#define GW_SRV_H

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_tables.h>

#include "gw_base.h"

/** Most records read of one answer. */
#define GW_SRV_MAX 256

typedef struct gw_srv gw_srv;
struct gw_srv {
    const char *target;     /* a host name of letters, digits, - _ and . */
    int port;               /* 1..65535 */
    int weight;             /* 0..65535 */
    int priority;
};

/**
 * Read a whole DNS message.
 * @param psrvs  out, on success: gw_srv, 1 at least
 * @param pttl   out: the lowest of all records of the answer
 * @return APR_SUCCESS; APR_ENOENT it has no record that can be used, or says
 *         that there is no such service; APR_EGENERAL it is malformed
 */
apr_status_t gw_srv_parse(apr_pool_t *pool, const unsigned char *message,
                          int len, apr_array_header_t **psrvs,
                          gw_time *pttl);

#endif
