#include "gw_child.h"

#include <http_log.h>

#include "gw_pool.h"

extern module AP_MODULE_DECLARE_DATA gateway_module;
APLOG_USE_MODULE(gateway);

/* Written by child_init before any other thread but the resolver's exists,
 * and by the pre-cleanup of pchild after they ended. */
static struct {
    gw_resolver *resolver;
    gw_pool *pool;              /* atomic: the resolver thread ticks */
} child;

static void tick(void *baton)
{
    gw_pool *pool = __atomic_load_n(&child.pool, __ATOMIC_ACQUIRE);

    if (pool) {
        gw_pool_expire(pool);
    }
}

static apr_status_t child_exit(void *data)
{
    gw_resolver_destroy(&child.resolver);
    gw_pool_destroy(&child.pool);
    return APR_SUCCESS;
}

void gw_child_init(apr_pool_t *pchild, server_rec *s)
{
    gw_resolver_params rp = { 0 };
    gw_pool_params pp = { 0 };
    gw_pool *pool = NULL;
    apr_status_t rv;

    rp.tick = tick;
    rv = gw_resolver_create(pchild, &rp, &child.resolver);
    if (rv == APR_SUCCESS) {
        pp.resolver = child.resolver;
        rv = gw_pool_create(pchild, &pp, &pool);
        __atomic_store_n(&child.pool, pool, __ATOMIC_RELEASE);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, GWNO(00001)
                     "cannot start the resolver thread: requests for "
                     "backends will be answered 503 in this child; is a "
                     "limit on threads or memory reached?");
    }
    apr_pool_pre_cleanup_register(pchild, NULL, child_exit);
}

gw_net *gw_child_net(void)
{
    return child.pool ? gw_pool_net(child.pool) : NULL;
}

void gw_child_forget(gw_origin *origin)
{
    if (child.pool) {
        gw_pool_forget(child.pool, origin);
    }
}
