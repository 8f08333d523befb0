/**
 * gwb_names: names whose members follow DNS.
 *
 * The parent asks once at start, for a short time, so that the first request
 * finds members. Then it is a duty (gwb_duty): one child at a time asks again
 * when an answer's life ends. Lookups run in a crew of threads, so that a
 * slow one holds up no other; answers are applied in the duty's thread, and
 * all children see the members at once. A lookup that fails changes nothing
 * and is tried again soon.
 *
 * Each function is a part of the hook of its name, in this order.
 */
#ifndef GWB_NAMES_H
#define GWB_NAMES_H

#include <httpd.h>

/** check_config, after gwb_conf_freeze().
 * @return OK, or HTTP_INTERNAL_SERVER_ERROR after one log line: names need
 *         mod_watchdog */
int gwb_names_check_config(server_rec *main_server);

/** post_config, after gwb_runtime_start() and before mod_watchdog's. */
int gwb_names_post_config(apr_pool_t *pconf, apr_pool_t *ptemp,
                          server_rec *main_server);

/** child_init, after the groups are made, before mod_watchdog's. */
void gwb_names_child_init(apr_pool_t *pchild, server_rec *main_server);

/** child_stopping, before mod_watchdog's: lookups end early. */
void gwb_names_child_stopping(void);

#endif
