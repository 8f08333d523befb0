/**
 * gw_limit: GatewayMaxInFlight: one backend must not hold all threads.
 *
 * For drivers whose thread waits for the backend. The counts are those of all
 * children (gw_inflight). Streams of HTTP/2 hold threads of mod_http2 and are
 * not counted. Request thread.
 */
#ifndef GW_LIMIT_H
#define GW_LIMIT_H

#include <httpd.h>

#include "gw_exchange.h"
#include "gw_map.h"

/**
 * Count r among the requests of its origin or balancer.
 * @param head     of the request to the backend
 * @param refused  out, with 0: the failure to answer
 * @return 1, to be ended by gw_limit_leave(); 0 when there are too many
 */
int gw_limit_enter(request_rec *r, const gw_mapped *m,
                   const gw_req_head *head, gw_result *refused);
/** r is over. */
void gw_limit_leave(const request_rec *r, const gw_mapped *m);

/**
 * The level to log a failure for want of a connection or place at: warning at
 * most once in a second and backend, else info.
 * @param pmore  out: what the line adds about those before, or ""
 */
int gw_limit_level(request_rec *r, const gw_mapped *m, const char **pmore);

#endif
