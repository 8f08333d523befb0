/**
 * mod_gateway: a reverse proxy for Apache httpd.
 *
 * Hooks and the module record; what they do is in gateway/drive and
 * gateway/conf.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mpm_common.h>

#include "gw_child.h"
#include "gw_cluster.h"
#include "gw_conf.h"
#include "gw_drive_event.h"
#include "gw_engine.h"
#include "gw_front.h"
#include "gw_lane.h"
#include "gw_log.h"
#include "gw_map.h"
#include "gw_member.h"
#include "gw_lookup.h"
#include "gw_probe.h"
#include "gw_reqtimeout.h"
#include "gw_request.h"
#include "gw_rlog.h"
#include "gw_scale.h"
#include "gw_status.h"

#if !AP_MODULE_MAGIC_AT_LEAST(20120211, 131)
#error "mod_gateway needs httpd 2.4.59 or later"
#endif

/* The oldest patch level of 2.4 with every function that is called. */
#define OLDEST_PATCH 59

/* The only symbol that the module exports. */
extern module AP_MODULE_DECLARE_DATA
    __attribute__((visibility("default"))) gateway_module;
APLOG_USE_MODULE(gateway);

/* A module that was built against newer headers can be loaded into an older
 * server: say so before anything goes wrong. */
static int server_is_new_enough(server_rec *s)
{
    ap_version_t v;

    ap_get_server_revision(&v);
    if (v.major > 2 || v.minor > 4 || v.patch >= OLDEST_PATCH) {
        return 1;
    }
    ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, GWNO(00002) "mod_gateway needs "
                 "httpd 2.4.%d or later, this is %d.%d.%d", OLDEST_PATCH,
                 v.major, v.minor, v.patch);
    return 0;
}

static int check_config(apr_pool_t *pconf, apr_pool_t *plog,
                        apr_pool_t *ptemp, server_rec *s)
{
    gw_rlog_server(s);
    if (!server_is_new_enough(s)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return gw_conf_freeze(pconf, ptemp, s);
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog,
                       apr_pool_t *ptemp, server_rec *s)
{
    if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG) {
        gw_conf_announce(ptemp, s);
        gw_child_share(pconf, s);
        gw_status_share(s);
        gw_lane_init(pconf, ptemp, s);
        gw_scale_announce(s);
        gw_reqtimeout_read(pconf, s);
    }
    return OK;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    gw_child_init(pchild, s);
    gw_status_child_init(s);
    gw_engine_start(pchild, s);
}

static void child_stopping(apr_pool_t *pchild, int graceful)
{
    gw_engine_stopping(graceful);
    gw_child_stopping(pchild, graceful);
}

static int handler(request_rec *r)
{
    const gw_mapped *m;
    int rv = gw_map_for_handler(r, &m);

    if (rv == DECLINED) {
        return gw_drive_other(r);
    }
    if (rv != OK) {
        return rv;
    }
    rv = gw_request_check(r);
    return rv != DECLINED ? rv : gw_drive(r, m);
}

/* RFC 9112 6.1: a chunked body in HTTP/1.0 ends the connection, whatever the
 * request says about keeping it. */
static int post_read_request(request_rec *r)
{
    if (r->proto_num < HTTP_VERSION(1, 1)
        && apr_table_get(r->headers_in, "Transfer-Encoding")) {
        r->connection->keepalive = AP_CONN_CLOSE;
    }
    return DECLINED;
}

static void register_hooks(apr_pool_t *p)
{
    static const char *const after_rewrite[] = { "mod_rewrite.c", NULL };
    static const char *const before_alias[] = {
        "mod_alias.c", "mod_userdir.c", "mod_vhost_alias.c", NULL
    };

    gw_member_register();
    gw_cluster_register();
    gw_probe_register();
    gw_lookup_register();
    gw_front_register();
    gw_status_register();
    ap_hook_quick_handler(gw_drive_quick, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_status(gw_child_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_monitor(gw_child_monitor, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_read_request(gw_drive_read, NULL, NULL,
                             APR_HOOK_REALLY_FIRST);
    ap_hook_post_read_request(post_read_request, NULL, NULL,
                              APR_HOOK_REALLY_FIRST);
    ap_hook_pre_translate_name(gw_map_pre_translate, NULL, NULL,
                               APR_HOOK_MIDDLE);
    ap_hook_translate_name(gw_map_translate, after_rewrite, before_alias,
                           APR_HOOK_FIRST);
    ap_hook_map_to_storage(gw_map_to_storage, NULL, NULL,
                           APR_HOOK_REALLY_FIRST);
    ap_hook_type_checker(gw_map_type, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_REALLY_FIRST);
}

module AP_MODULE_DECLARE_DATA gateway_module = {
    STANDARD20_MODULE_STUFF,
    gw_conf_create_dir,
    gw_conf_merge_dir,
    gw_conf_create_server,
    gw_conf_merge_server,
    gw_cmds,
    register_hooks
};
