#include "gw_child.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <http_config.h>
#include <http_log.h>

#include "gw_inflight.h"
#include "gw_limits.h"
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

/* The parent's, and after the fork the child's, look at the counters. */
static gw_inflight *inflight;

/* Kept in the process across restarts, which unload this module. */
#define RETAINED_KEY "mod_gateway.inflight"

typedef struct {
    apr_shm_t *shm;
} retained;

/* Children of old generations drain beside those of the new one; and some
 * that come when others have not quite gone. */
#define ROWS_SPARE 16

/* Columns for what later configurations, or members added at run time, may
 * bring; they cost nothing before they are used. */
#define COLUMNS_MIN 1024
#define COLUMNS_TIMES 4

static int mpm_says(int code, int least)
{
    int n = 0;

    return ap_mpm_query(code, &n) == APR_SUCCESS && n > least ? n : least;
}

static gw_inflight *make_table(apr_pool_t *pconf, server_rec *s,
                               retained *kept)
{
    unsigned rows = 2 * (unsigned)mpm_says(AP_MPMQ_HARD_LIMIT_DAEMONS, 1)
                    + ROWS_SPARE;
    unsigned columns = COLUMNS_TIMES * gw_limits_columns(s);
    apr_status_t rv;

    rv = gw_inflight_create(s->process->pool, rows, columns < COLUMNS_MIN
                            ? COLUMNS_MIN : columns, &kept->shm);
    if (rv != APR_SUCCESS) {
        kept->shm = NULL;
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, GWNO(00004) "no shared "
                     "memory for counters: max= and GatewayMaxInFlight do "
                     "not limit anything");
        return NULL;
    }
    return gw_inflight_attach(pconf, kept->shm);
}

static gw_inflight *find_table(apr_pool_t *pconf, server_rec *s)
{
    retained *kept = ap_retained_data_get(RETAINED_KEY);
    gw_inflight *table = NULL;

    if (!kept) {
        kept = ap_retained_data_create(RETAINED_KEY, sizeof(*kept));
    }
    if (kept->shm) {
        table = gw_inflight_attach(pconf, kept->shm);
    }
    return table ? table : make_table(pconf, s, kept);
}

void gw_child_share(apr_pool_t *pconf, server_rec *s)
{
    int threads = mpm_says(AP_MPMQ_MAX_DAEMONS, 1)
                  * mpm_says(AP_MPMQ_MAX_THREADS, 1);
    unsigned missing;

    gw_limits_cap(s, threads);
    inflight = find_table(pconf, s);
    if (!inflight) {
        return;
    }
    gw_inflight_sweep(inflight);
    gw_inflight_begin(inflight);
    missing = gw_limits_share(inflight, pconf, s);
    if (missing) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, GWNO(00005) "this "
                     "configuration counts more backends than the one that "
                     "the server was started with had room for: %u of "
                     "their limits (max=, GatewayMaxInFlight) do not hold; "
                     "stop and start the server", missing);
    }
}

void gw_child_status(server_rec *s, pid_t pid, ap_generation_t gen, int slot,
                     mpm_child_status state)
{
    unsigned n;

    if (state != MPM_CHILD_EXITED || !inflight) {
        return;
    }
    n = gw_inflight_release(inflight, (apr_uint32_t)pid);
    if (n) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, GWNO(00006) "child %"
                     APR_PID_T_FMT " ended in the middle of requests: %u "
                     "counts were taken back", pid, n);
    }
}

int gw_child_monitor(apr_pool_t *p, server_rec *s)
{
    unsigned n = inflight ? gw_inflight_tidy(inflight) : 0;

    if (n) {
        ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, s, GWNO(00008) "%u counters "
                     "of backends that are gone were taken back", n);
    }
    return DECLINED;
}

static void claim_row(apr_pool_t *pchild, server_rec *s)
{
    if (inflight && gw_inflight_claim(inflight, pchild) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, GWNO(00007) "more "
                     "children than the counters have room for: others do "
                     "not see what this one uses");
    }
}

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
    claim_row(pchild, s);
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
