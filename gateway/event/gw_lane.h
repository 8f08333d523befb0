/**
 * gw_lane: which lane may serve a request: what is provably safe in a loop.
 *
 * Trust comes from white lists of hooks (by the file that registered them)
 * and filters (by name). What is not on them is run by a thread that may
 * wait. "Measured fast" is never a reason.
 *
 * gw_lane_init() runs once, in post_config; everything else is const
 * afterwards and may be called by any thread.
 *
 * Reasons are short words for GATEWAY_LANE and mod_status: "auth",
 * "hook mod_x.c", "filter NAME", "handler", "upgrade", "error document",
 * "GatewayEvent Helper", the name of a directive such as "Require host".
 *
 * What reads the next request, gw_lane_of_process(), is a matter of the
 * modules alone. ErrorDocuments of statuses that core finds while it reads
 * (400, 414, ...) cannot be foreseen: a driver has to catch their internal
 * redirect.
 */
#ifndef GW_LANE_H
#define GW_LANE_H

#include <httpd.h>

/** Look at what is registered and configured. Real start only. */
void gw_lane_init(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *main);

/** Why no request head may be read in a loop (hooks of the time before
 * quick_handler); NULL: it may. */
const char *gw_lane_of_process(void);

/** Why the end of a request (log_transaction hooks, pool cleanups) must not
 * run in a loop; NULL: it may. */
const char *gw_lane_of_end(void);

/**
 * In quick_handler, before anything else has looked at r: why its hooks must
 * not run in a loop; NULL: they may. Walks the configuration on a copy of r;
 * r itself is not changed, but for the cache of that walk, which saves core
 * the same work. Requests that no route of ours takes are "handler"; those
 * that offer a protocol other than WebSocket "upgrade", h2c too: drop such an
 * offer before, where it must not be taken up.
 */
const char *gw_lane_of_request(request_rec *r);

/** In the handler, with all filters in place: why the exchange must be driven
 * by a thread that may wait (filters, subrequests); NULL: a loop may. */
const char *gw_lane_of_exchange(request_rec *r);

/** Would the page for this status come from an ErrorDocument with a path or a
 * URL? A text needs nobody else. */
int gw_lane_has_error_document(request_rec *r, int status);

#endif
