/**
 * gw_backend: makes the gw_origin of a URL.
 *
 * While the configuration is frozen (one thread), and at run time for a
 * member that is added (any thread, a pool of its own). The origin lives in
 * the pool given and is const, but for what the pool of connections keeps in
 * it.
 */
#ifndef GW_BACKEND_H
#define GW_BACKEND_H

#include "gw_origin.h"
#include "gw_url.h"

/** What an origin is, apart from its URL. */
typedef struct gw_identity gw_identity;
struct gw_identity {
    int keepalive;
    int tls;                    /* params holds */
    gw_tls_params params;
};

/** Its key: the same text for the same identity. */
const char *gw_backend_key(apr_pool_t *pool, const gw_url *url,
                           const gw_identity *id);

/**
 * A new origin; strings of url and id are borrowed.
 * @param perr  out, with NULL: one sentence
 */
gw_origin *gw_backend_origin(apr_pool_t *pool, const gw_url *url,
                             const gw_identity *id, const char **perr);

#endif
