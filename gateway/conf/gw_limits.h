/**
 * gw_limits: what of the configuration is counted over all processes.
 *
 * Connections of each origin (for max=), and the requests in flight of each
 * origin or balancer (for GatewayMaxInFlight). The parent's only thread, in
 * post_config after the freeze and before it forks; what this sets in
 * origins, routes and server configurations is const afterwards.
 */
#ifndef GW_LIMITS_H
#define GW_LIMITS_H

#include "gw_conf.h"
#include "gw_inflight.h"

/** Columns that the configuration needs now. */
unsigned gw_limits_columns(server_rec *main_server);

/**
 * Give every origin and route its gauges.
 * @return how many limits do not hold for want of a column
 */
unsigned gw_limits_share(gw_inflight *table, apr_pool_t *pconf,
                         server_rec *main_server);

/** Turn each server's GatewayMaxInFlight into a number.
 * @param threads  that serve requests, in all processes */
void gw_limits_cap(server_rec *main_server, int threads);

#endif
