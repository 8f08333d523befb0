#include "gw_limit.h"

#include <string.h>

#include <http_log.h>
#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_inflight.h"

/* A stream of HTTP/2 has a thread of mod_http2's, of which H2MaxWorkers says
 * how many there are; further streams wait for one. */
static int holds_mpm_thread(const request_rec *r)
{
    return r->connection->master == NULL;
}

int gw_limit_enter(request_rec *r, const gw_mapped *m,
                   const gw_req_head *head, gw_result *refused)
{
    int max = gw_conf_of_server(r->server)->inflight_max;
    const gw_route *route = m->match.route;

    if (!holds_mpm_thread(r)
        || gw_inflight_enter(route->inflight, (unsigned)max)) {
        return 1;
    }
    memset(refused, 0, sizeof(*refused));
    refused->fail = GW_FAIL_BUSY;
    refused->why = apr_psprintf(r->pool, "%d requests, as many as "
                                "GatewayMaxInFlight allows, are under way "
                                "to it", max);
    refused->addrs = "";
    refused->addr = "";
    refused->ttfb = -1;
    refused->request_unread = head->framing != GW_BODY_NONE;
    return 0;
}

void gw_limit_leave(const request_rec *r, const gw_mapped *m)
{
    if (holds_mpm_thread(r)) {
        gw_inflight_leave(m->match.route->inflight);
    }
}

int gw_limit_level(request_rec *r, const gw_mapped *m, const char **pmore)
{
    apr_uint64_t more;

    *pmore = "";
    if (!gw_inflight_refused(m->match.route->inflight, gw_now(), &more)) {
        return APLOG_INFO;
    }
    if (more) {
        *pmore = apr_psprintf(r->pool, ", %" APR_UINT64_T_FMT " more since "
                              "the last warning", more);
    }
    return APLOG_WARNING;
}
