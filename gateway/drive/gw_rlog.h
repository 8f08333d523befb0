/**
 * gw_rlog: log lines of the lower layers, printed for a request.
 *
 * A gw_logger whose baton is the request_rec; lives in r->pool, used by the
 * thread that drives the request. gw_rlog_server() is the process-wide one.
 */
#ifndef GW_RLOG_H
#define GW_RLOG_H

#include <httpd.h>

#include "gw_log.h"

/** Logger of r. */
const gw_logger *gw_rlog(request_rec *r);

/** Make s the destination of lines without a request. */
void gw_rlog_server(server_rec *s);

#endif
