/**
 * mod_gateway_balancer: balancers, their members and their health.
 *
 * Hooks and the module record; what they do is in balancer/.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <mpm_common.h>

#include <ap_provider.h>

#include "gwb_admin.h"
#include "gwb_check.h"
#include "gwb_cmds.h"
#include "gwb_conf.h"
#include "gwb_method.h"
#include "gwb_names.h"
#include "gwb_runtime.h"
#include "gwb_serve.h"

static int check_config(apr_pool_t *pconf, apr_pool_t *plog,
                        apr_pool_t *ptemp, server_rec *s)
{
    int rv = gwb_conf_freeze(pconf, ptemp, s);

    if (rv == OK) {
        rv = gwb_runtime_check(s);
    }
    if (rv == OK) {
        rv = gwb_check_check_config(s);
    }
    return rv == OK ? gwb_names_check_config(s) : rv;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog,
                       apr_pool_t *ptemp, server_rec *s)
{
    int rv;

    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    rv = gwb_runtime_start(pconf, ptemp, s);
    if (rv == OK) {
        rv = gwb_check_post_config(pconf, s);
    }
    return rv == OK ? gwb_names_post_config(pconf, ptemp, s) : rv;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    gwb_runtime_child(pchild, s);
    gwb_check_child_init(pchild, s);
    gwb_names_child_init(pchild, s);
}

static void child_stopping(apr_pool_t *pchild, int graceful)
{
    gwb_check_child_stopping();
    gwb_names_child_stopping();
}

static void register_methods(apr_pool_t *pool)
{
    const gwb_method *m;

    for (m = gwb_methods; m->name != NULL; ++m) {
        ap_register_provider(pool, GATEWAY_LBMETHOD_GROUP, m->name,
                             GATEWAY_LBMETHOD_VERSION, m->ops);
    }
}

static void register_hooks(apr_pool_t *pool)
{
    static const char *const after_slotmem[] = { "mod_slotmem_shm.c", NULL };
    static const char *const after_gateway[] = { "mod_gateway.c", NULL };
    static const char *const before_watchdog[] = { "mod_watchdog.c", NULL };

    register_methods(pool);
    ap_register_provider(pool, GATEWAY_BALANCER_GROUP, GATEWAY_BALANCER_NAME,
                         GATEWAY_BALANCER_VERSION, &gwb_provider);
    gwb_admin_register();
    /* before mod_gateway, which asks for balancers in its own */
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_post_config(post_config, after_slotmem, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, after_gateway, before_watchdog,
                       APR_HOOK_MIDDLE);
    ap_hook_child_stopping(child_stopping, NULL, before_watchdog,
                           APR_HOOK_MIDDLE);
    ap_hook_child_status(gwb_runtime_child_status, NULL, NULL,
                         APR_HOOK_MIDDLE);
    ap_hook_monitor(gwb_runtime_monitor, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(gateway_balancer) = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    gwb_conf_create_server,
    gwb_conf_merge_server,
    gwb_cmds,
    register_hooks
};
