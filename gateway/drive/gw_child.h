/**
 * gw_child: what one child process needs to talk to backends: the resolver
 * and the pool of connections.
 *
 * Made in child_init, ended in a pre-cleanup of pchild: first the resolver
 * thread is joined, then the pool's idle connections are closed. Reached by
 * any thread of the child in between.
 */
#ifndef GW_CHILD_H
#define GW_CHILD_H

#include <httpd.h>

#include "gw_stream.h"

/** child_init hook. A failure is logged; gw_child_net() is NULL then. */
void gw_child_init(apr_pool_t *pchild, server_rec *s);

/** The child's connections, or NULL when it could not be set up. */
gw_net *gw_child_net(void);

/** An origin made at run time ends: nothing in the child may refer to it. Any
 * thread. */
void gw_child_forget(gw_origin *origin);

#endif
