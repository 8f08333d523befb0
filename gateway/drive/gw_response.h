/**
 * gw_response: from the backend's response to the client's, and from a failed
 * exchange to a status.
 *
 * The only place where a failure class becomes an HTTP status (DESIGN's
 * table: refused, busy, nobody left 503; timeouts 504; the rest 502).
 * Request thread, r->pool.
 */
#ifndef GW_RESPONSE_H
#define GW_RESPONSE_H

#include "gw_exchange.h"
#include "gw_map.h"

/** Pass a 1xx on; ignored where the client cannot take one (HTTP/1.0). */
void gw_response_interim(request_rec *r, const gw_mapped *m,
                         const gw_url *answered, const gw_res_head *head);

/** Fill r's status and fields: hop-by-hop dropped, URLs mapped back. */
void gw_response_head(request_rec *r, const gw_mapped *m,
                      const gw_url *answered, const gw_res_head *head);

/** Fill r for a 101 that was found right: as gw_response_head(), and Upgrade
 * and Connection are ours. */
void gw_response_switch(request_rec *r, const gw_mapped *m,
                        const gw_url *answered, const gw_res_head *head,
                        const char *protocol);
/** Send it, past the filters of the request. */
void gw_response_switch_send(request_rec *r);

/** Set GATEWAY_* in r->subprocess_env for access logs. */
void gw_response_env(request_rec *r, const gw_result *result);

/**
 * The status for a failure, with a line in the error log.
 * @param begun  some of the response went out: it can only be cut
 */
int gw_response_failed(request_rec *r, const gw_mapped *m,
                       const gw_result *result, apr_status_t body_error,
                       int begun);

/** Say in Proxy-Status (RFC 9209) of the answer to come that the gateway made
 * it. @param type  of section 2.3; a literal */
void gw_response_proxy_status(request_rec *r, const char *type);

#endif
