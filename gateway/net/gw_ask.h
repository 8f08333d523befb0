/**
 * gw_ask: what DNS and the hosts file say of a name now, waited for.
 *
 * For threads that may block: it has channels of its own, made and ended in
 * the call, reads the same files as gw_resolve and uses no cache. Answers are
 * in the pool given.
 */
#ifndef GW_ASK_H
#define GW_ASK_H

#include <apr_tables.h>

#include "gw_srv.h"

typedef struct gw_asked gw_asked;
struct gw_asked {
    apr_status_t rv;            /* APR_SUCCESS; else APR_ENOENT nothing of the
                                   kind, APR_TIMEUP, APR_EGENERAL, ... */
    const char *why;            /* for the log */
    gw_time ttl;
    apr_array_header_t *srvs;   /* gw_srv; NULL: addresses were asked for */
    apr_array_header_t *addresses;  /* const char *, without brackets */
};

/**
 * @param srv      SRV records; else addresses
 * @param timeout  of it all
 * @param stop_fd  readable: end at once, as failed; 0: none
 */
void gw_ask(apr_pool_t *pool, const char *name, int srv, gw_time timeout,
            int stop_fd, gw_asked *asked);

#endif
