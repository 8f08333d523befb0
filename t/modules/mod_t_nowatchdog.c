/**
 * mod_t_nowatchdog: takes away what mod_watchdog offers to other modules, for
 * tests of a server that does not have it: it cannot be left out where it is
 * compiled in.
 */
#include <httpd.h>
#include <http_config.h>

#include <apr_optional.h>

static void register_hooks(apr_pool_t *p)
{
    apr_dynamic_fn_register("ap_watchdog_get_instance", NULL);
}

module AP_MODULE_DECLARE_DATA __attribute__((visibility("default")))
    t_nowatchdog_module;

AP_DECLARE_MODULE(t_nowatchdog) = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    register_hooks
};
