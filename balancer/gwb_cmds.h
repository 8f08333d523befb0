/**
 * gwb_cmds: the directives of the balancer module.
 *
 * Called while the configuration is read, in one thread; httpd puts file and
 * line before every message that a command returns.
 */
#ifndef GWB_CMDS_H
#define GWB_CMDS_H

#include <httpd.h>
#include <http_config.h>

/** The table; ends the module record. */
extern const command_rec gwb_cmds[];

/** gateway_balancer_provider.key: a parameter that stands in a directive of
 * mod_gateway. */
const char *gwb_cmds_key(cmd_parms *cmd, const char *name, const char *word);

#endif
