/**
 * gw_cluster: the picker of a request whose route points to a balancer:
 * gw_picker for the exchange, over the balancer module's provider.
 *
 * Lives in r->pool, owned by the request, used by the thread that drives it.
 * From gw_cluster_begin() on gw_cluster_end() must be called once.
 */
#ifndef GW_CLUSTER_H
#define GW_CLUSTER_H

#include <httpd.h>

#include "gw_map.h"
#include "gw_pick.h"
#include "mod_gateway.h"

typedef struct gw_cluster gw_cluster;
struct gw_cluster {
    gw_picker base;
    /* const after begin */
    request_rec *r;
    const gateway_balancer_provider *provider;
    gateway_selection *selection;
    const gateway_limits *limits;
    int keep_host;              /* GatewayPreserveHost: not the member's */
    /* of the attempt */
    const gateway_target *target;
};

/** Offer the functions of targets for run time; in register_hooks. */
void gw_cluster_register(void);

/** Begin to serve r by route's balancer; waker is borrowed until the end. */
gw_cluster *gw_cluster_begin(request_rec *r, const gw_route *route,
                             gw_waker *waker);

/** The response's fields are in r->headers_out. */
void gw_cluster_head(gw_cluster *cluster);

/** The request is over. */
void gw_cluster_end(gw_cluster *cluster);

#endif
