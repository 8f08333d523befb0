/**
 * gw_child: what one child process needs to talk to backends: the resolver
 * and the pool of connections.
 *
 * Made in child_init. A cleanup of pchild, behind what lives in pools below
 * it, joins the resolver thread and closes the pool's idle connections.
 * Reached by any thread of the child in between.
 */
#ifndef GW_CHILD_H
#define GW_CHILD_H

#include <httpd.h>
#include <ap_mpm.h>
#include <scoreboard.h>

#include "gw_stream.h"

/**
 * In post_config of the parent, once the configuration is frozen: make the
 * counters that all children share, or find those of before the restart, and
 * give the configuration its part of them. Trouble is logged: limits do not
 * hold then.
 */
void gw_child_share(apr_pool_t *pconf, server_rec *s);

/** child_status hook: what an ended child had in use counts no more. */
void gw_child_status(server_rec *s, pid_t pid, ap_generation_t gen, int slot,
                     mpm_child_status state);

/** monitor hook: counters that no child needs any more are free again. */
int gw_child_monitor(apr_pool_t *p, server_rec *s);

/** child_init hook. A failure is logged; gw_child_net() is NULL then. */
void gw_child_init(apr_pool_t *pchild, server_rec *s);

/** child_stopping hook; may come twice, from any thread or a signal handler */
void gw_child_stopping(apr_pool_t *pchild, int graceful);

/** Nobody may wait for a backend any more: the child has to end now. */
int gw_child_stops(void);

/** Add to w that this comes to pass. */
void gw_child_stop_wants(gw_wants *w);

/** The child's connections, or NULL when it could not be set up. */
gw_net *gw_child_net(void);

/** An origin made at run time ends: nothing in the child may refer to it. Any
 * thread. */
void gw_child_forget(gw_origin *origin);

#endif
