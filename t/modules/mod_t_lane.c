/**
 * mod_t_lane: a module that nobody knows to be safe in an event loop: hooks
 * that do nothing, and a filter that does nothing, T_LANE. What it registers
 * depends on what the server was started for:
 *
 *     Define T_LANE_READ      in post_read_request
 *     Define T_LANE_END       in log_transaction
 *     Define T_LANE_FILTER    no hook at all
 *     none of them            in fixups
 *
 * Where a Define stands before LoadModule, it counts.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

static int nothing(request_rec *r)
{
    return DECLINED;
}

static apr_status_t pass(ap_filter_t *f, apr_bucket_brigade *bb)
{
    return ap_pass_brigade(f->next, bb);
}

static void register_hooks(apr_pool_t *p)
{
    int filter_only = ap_exists_config_define("T_LANE_FILTER");

    ap_register_output_filter("T_LANE", pass, NULL, AP_FTYPE_RESOURCE);
    if (ap_exists_config_define("T_LANE_READ")) {
        ap_hook_post_read_request(nothing, NULL, NULL, APR_HOOK_MIDDLE);
    }
    else if (ap_exists_config_define("T_LANE_END")) {
        ap_hook_log_transaction(nothing, NULL, NULL, APR_HOOK_MIDDLE);
    }
    else if (!filter_only) {
        ap_hook_fixups(nothing, NULL, NULL, APR_HOOK_MIDDLE);
    }
}

extern module AP_MODULE_DECLARE_DATA
    __attribute__((visibility("default"))) t_lane_module;

AP_DECLARE_MODULE(t_lane) = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    register_hooks
};
