/**
 * gw_request: from the client's request to the head for the backend.
 *
 * Builds what is sent once per request, and refuses what must not be sent at
 * all. Request thread; everything lives in r->pool and belongs to the request.
 */
#ifndef GW_REQUEST_H
#define GW_REQUEST_H

#include "gw_map.h"
#include "gw_msg.h"

/**
 * Requests that the gateway answers itself: TRACE unless allowed, CONNECT,
 * Max-Forwards of OPTIONS and TRACE used up, a request that went round in a
 * loop, a body over LimitRequestBody.
 * @return DECLINED to go on, else the handler's answer
 */
int gw_request_check(request_rec *r);

/**
 * What the client says of itself (X-Forwarded-*, Forwarded), before hooks of
 * the configuration may add to it: values are told apart by their address.
 * Call when the route is found; gw_request_head() sends what came later.
 * @return NULL when it says nothing
 */
const apr_table_t *gw_request_client_fields(request_rec *r);

/** The head; GW_BODY_NONE when r has no body to send. */
gw_req_head *gw_request_head(request_rec *r, const gw_mapped *m);

/** Bytes the body may have, -1 for no limit: LimitRequestBody where the
 * configuration sets it. */
apr_off_t gw_request_limit(const request_rec *r);

#endif
