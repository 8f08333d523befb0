/**
 * gwb_check: active health checks of the members that ask for them.
 *
 * A duty (gwb_duty): one child at a time does it. Ten times a second it
 * compares the list of what is checked with the balancers and gives what is
 * due to a crew of threads (GatewayHCTPsize), so that a slow member does not
 * hold up the others. A member is due again when its check has ended and its
 * interval is over. Results go into the shared records, where all children
 * see them at once.
 *
 * Each function is a part of the hook of its name, in this order.
 */
#ifndef GWB_CHECK_H
#define GWB_CHECK_H

#include <httpd.h>

/** check_config, after gwb_conf_freeze().
 * @return OK, or HTTP_INTERNAL_SERVER_ERROR after one log line: checks need
 *         mod_watchdog */
int gwb_check_check_config(server_rec *main_server);

/** post_config, before mod_watchdog's, which is the last. */
int gwb_check_post_config(apr_pool_t *pconf, server_rec *main_server);

/** child_init, after mod_gateway's and after the groups are made, before
 * mod_watchdog's, which starts its thread. */
void gwb_check_child_init(apr_pool_t *pchild, server_rec *main_server);

/** child_stopping, before mod_watchdog's: what runs ends early. */
void gwb_check_child_stopping(void);

#endif
