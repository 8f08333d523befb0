/**
 * mod_planted: reads memory of a pool that is gone, on purpose. It is loaded
 * by tools/planted.sh to see that such a fault is caught in the very set-up
 * (stock httpd, preloaded AddressSanitizer or valgrind, APR with pool
 * debugging) that the suite runs in.
 */
#include <httpd.h>
#include <http_config.h>

#include <apr_strings.h>

static const char *use_after_pool(cmd_parms *cmd, void *dirconf)
{
    apr_pool_t *pool;
    volatile char *text;

    apr_pool_create(&pool, cmd->pool);
    text = apr_pstrdup(pool, "gone");
    apr_pool_destroy(pool);
    return *text == 'g' ? "still there" : "not seen";
}

static const command_rec planted_cmds[] = {
    AP_INIT_NO_ARGS("PlantedUseAfterPool", use_after_pool, NULL, RSRC_CONF,
                    "read from a destroyed pool"),
    { NULL }
};

module AP_MODULE_DECLARE_DATA __attribute__((visibility("default")))
    planted_module;

AP_DECLARE_MODULE(planted) = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    NULL,
    NULL,
    planted_cmds,
    NULL
};
