/**
 * mod_gateway_balancer: balancers, their members and their health.
 *
 * Hooks and the module record only. The directives are known so that a
 * configuration that needs a balancer fails at its own line, with what to do
 * about it, instead of as a misspelled name.
 */
#include <httpd.h>
#include <http_config.h>

#include <apr_strings.h>

/** Refuse a directive; its table entry carries what to do instead. */
static const char *refuse(cmd_parms *cmd, void *dirconf, const char *args)
{
    return apr_psprintf(cmd->pool, "%s is not built yet: %s",
                        cmd->cmd->name, (const char *)cmd->info);
}

#define NOT_BUILT(name, where, instead) \
    AP_INIT_RAW_ARGS(name, refuse, (void *)instead, where, "not built yet")

static const command_rec balancer_cmds[] = {
    NOT_BUILT("GatewayMember", RSRC_CONF | ACCESS_CONF,
              "point GatewayPass at a single backend, as in "
              "\"GatewayPass /app http://host:8080/app\""),
    NOT_BUILT("GatewayBalancerGrowth", RSRC_CONF,
              "remove this line, there is no balancer that could grow"),
    NOT_BUILT("GatewayBalancerPersist", RSRC_CONF,
              "remove this line, there is no balancer to keep changes of"),
    NOT_BUILT("GatewayBalancerInherit", RSRC_CONF,
              "remove this line, there is no balancer to inherit"),
    NOT_BUILT("GatewayHCExpr", RSRC_CONF,
              "remove this line, members are not checked for health"),
    NOT_BUILT("GatewayHCTemplate", RSRC_CONF,
              "remove this line, members are not checked for health"),
    NOT_BUILT("GatewayHCTPsize", RSRC_CONF,
              "remove this line, there are no health checks to run"),
    { NULL }
};

/* the one symbol that the module exports */
module AP_MODULE_DECLARE_DATA __attribute__((visibility("default")))
    gateway_balancer_module;

AP_DECLARE_MODULE(gateway_balancer) = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    NULL,
    NULL,
    balancer_cmds,
    NULL
};
