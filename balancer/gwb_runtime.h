/**
 * gwb_runtime: the life of balancers in the server's processes: shared memory
 * made and filled, carried over restarts and stops, children that come and
 * go.
 *
 * Hooks of httpd; the parent's run in its only thread, gwb_runtime_child()
 * before a child has others.
 */
#ifndef GWB_RUNTIME_H
#define GWB_RUNTIME_H

#include <httpd.h>
#include <ap_mpm.h>

/** Is everything there that balancers need? check_config.
 * @return OK, or an error after one log line */
int gwb_runtime_check(server_rec *main_server);

/** Make the shared memory and bring in what was carried over; post_config. */
int gwb_runtime_start(apr_pool_t *pconf, apr_pool_t *ptemp,
                      server_rec *main_server);

/** child_init. */
void gwb_runtime_child(apr_pool_t *pchild, server_rec *main_server);

/** child_status: what a child that ended had claimed is free again. */
void gwb_runtime_child_status(server_rec *main_server, pid_t pid,
                              ap_generation_t generation, int slot,
                              mpm_child_status state);

/** monitor, every few seconds in the parent: write what is to persist when
 * something changed, so that it also survives a parent that is killed. */
int gwb_runtime_monitor(apr_pool_t *pool, server_rec *main_server);

#endif
