/**
 * mod_t_suspend: keeps the worker for a while after all suspend_connection
 * hooks have run: what still touches the connection then, while another
 * thread has it already, is given the time to go wrong.
 *
 *     TSuspendDelay milliseconds      (20 by default)
 */
#include <httpd.h>
#include <http_config.h>
#include <http_connection.h>
#include <mpm_common.h>

#include <apr_strings.h>

static int delay_ms = 20;

static const char *set_delay(cmd_parms *cmd, void *dummy, const char *arg)
{
    char *end;
    apr_int64_t ms = apr_strtoi64(arg, &end, 10);

    if (end == arg || *end || ms < 0 || ms > 10000) {
        return "TSuspendDelay: a number of milliseconds up to 10000";
    }
    delay_ms = (int)ms;
    return NULL;
}

static void wait_a_while(conn_rec *c, request_rec *r)
{
    apr_sleep((apr_interval_time_t)delay_ms * 1000);
}

static void register_hooks(apr_pool_t *p)
{
    static const char *const after[] = { "mod_gateway.c", NULL };

    ap_hook_suspend_connection(wait_a_while, after, NULL,
                               APR_HOOK_REALLY_LAST + 1);
}

static const command_rec directives[] = {
    AP_INIT_TAKE1("TSuspendDelay", set_delay, NULL, RSRC_CONF,
                  "how long a worker is held after a connection was "
                  "suspended"),
    { NULL }
};

module AP_MODULE_DECLARE_DATA __attribute__((visibility("default")))
    t_suspend_module;

AP_DECLARE_MODULE(t_suspend) = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    NULL,
    NULL,
    directives,
    register_hooks
};
