/**
 * gw_client_tunnel: the client side of a tunnel: gw_host's operations behind a
 * 101, on the filters of the connection, below everything that knows HTTP.
 *
 * What the server has read ahead comes first. Writing to a socket never waits:
 * the core's output filter is given bytes only while it holds none back, and
 * no FLUSH. A stream of HTTP/2 has no way to write without waiting. The thread
 * that steps the exchange; everything lives in r->pool.
 */
#ifndef GW_CLIENT_TUNNEL_H
#define GW_CLIENT_TUNNEL_H

#include "gw_client.h"
#include "gw_exchange.h"

/** gw_host_ops.tunnel of a gw_client, which has other operations from then
 * on. */
apr_status_t gw_client_tunnel(gw_host *h, const gw_res_head *head,
                              const char *protocol);

/** The tunnel is over: what the logs want to know. @return the handler's
 * value */
int gw_client_tunnel_end(gw_client *client, const gw_result *result);

#endif
