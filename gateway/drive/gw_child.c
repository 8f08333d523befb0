#include "gw_child.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <http_log.h>

#include "gw_pool.h"

extern module AP_MODULE_DECLARE_DATA gateway_module;
APLOG_USE_MODULE(gateway);

/* Written by child_init before any other thread but the resolver's exists,
 * and by the cleanup of pchild after they ended. */
static struct {
    gw_resolver *resolver;
    gw_pool *pool;              /* atomic: the resolver thread ticks */
    int stops;                  /* atomic */
    int stop_fd;                /* readable once stops is set; -1: none */
} child = { NULL, NULL, 0, -1 };

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
    if (child.stop_fd >= 0) {
        close(child.stop_fd);
        child.stop_fd = -1;
    }
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
    child.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (child.stop_fd < 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, errno, s, GWNO(00003)
                     "no eventfd: an ungraceful stop waits for backends");
    }
    /* No pre-cleanup, for what lives in pools below pchild uses both until
     * it ends with them: health checks, and the request in the middle of
     * which prefork destroys pchild out of a signal handler. */
    apr_pool_cleanup_register(pchild, NULL, child_exit,
                              apr_pool_cleanup_null);
}

void gw_child_stopping(apr_pool_t *pchild, int graceful)
{
    if (!graceful) {
        __atomic_store_n(&child.stops, 1, __ATOMIC_RELEASE);
        if (child.stop_fd >= 0) {
            (void)eventfd_write(child.stop_fd, 1);
        }
    }
}

int gw_child_stops(void)
{
    return __atomic_load_n(&child.stops, __ATOMIC_ACQUIRE);
}

void gw_child_stop_wants(gw_wants *w)
{
    if (child.stop_fd >= 0) {
        gw_wants_fd(w, child.stop_fd, GW_WANT_READ);
    }
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
