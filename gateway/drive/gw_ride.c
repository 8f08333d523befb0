#include "gw_ride.h"

#include <http_log.h>

#include "gw_child.h"
#include "gw_client_tunnel.h"
#include "gw_clock.h"
#include "gw_limit.h"
#include "gw_request.h"
#include "gw_response.h"
#include "gw_rlog.h"
#include "mod_gateway.h"

extern module AP_MODULE_DECLARE_DATA gateway_module;
APLOG_USE_MODULE(gateway);

static int unreachable(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, GWNO(00200) "this child "
                  "cannot reach backends, GW00001 said why when it began");
    gw_response_proxy_status(r, "proxy_internal_error");
    apr_table_setn(r->subprocess_env, GATEWAY_ENV_REASON,
                   gw_fail_name(GW_FAIL_INTERNAL));
    return HTTP_SERVICE_UNAVAILABLE;
}

/* Who chooses the backend, and what that bounds. */
static void set_picker(gw_ride *ride, gw_exchange_params *params)
{
    const gw_route *route = ride->m->match.route;
    gw_client *client = ride->client;
    const gateway_limits *limits;

    params->deadline = GW_NEVER;
    if (!route->balancer) {
        gw_pick_single_init(&ride->single, route->origin, &route->conn);
        params->picker = &ride->single.base;
        return;
    }
    client->cluster = gw_cluster_begin(ride->r, route, params->waker);
    limits = client->cluster->limits;
    params->picker = &client->cluster->base;
    params->deadline = gw_deadline(gw_now(), limits->deadline);
    params->replay_max = limits->retry_buffer;
}

gw_ride *gw_ride_begin(request_rec *r, const gw_mapped *m,
                       const gw_ride_params *rp, int *pstatus)
{
    gw_exchange_params params = { 0 };
    gw_ride *ride;

    params.net = gw_child_net();
    if (!params.net) {
        *pstatus = unreachable(r);
        return NULL;
    }
    ride = apr_pcalloc(r->pool, sizeof(*ride));
    ride->r = r;
    ride->m = m;
    gw_poll_init(&ride->poll);
    params.head = gw_request_head(r, m);
    ride->client = gw_client_create(r, m,
                                    params.head->framing != GW_BODY_NONE);
    if (!rp->uncounted) {
        if (!gw_limit_enter(r, m, params.head, &ride->refused)) {
            return ride;
        }
        ride->counted = 1;
    }
    ride->host = rp->host ? rp->host(ride, rp->baton) : &ride->client->host;
    params.host = ride->host;
    params.waker = &ride->poll.waker;
    params.home = rp->home;
    set_picker(ride, &params);
    params.logger = gw_rlog(r);
    params.client_timeout = r->server->timeout;
    ride->x = gw_exchange_create(r->pool, &params);
    return ride;
}

apr_status_t gw_ride_wait(gw_ride *ride, gw_time until)
{
    gw_client *client = ride->client;
    gw_wants wants;

    while (ride->x && gw_exchange_step(ride->x, &wants) != APR_SUCCESS) {
        int events;

        if (gw_now() >= until) {
            return APR_TIMEUP;
        }
        gw_wants_until(&wants, until);
        gw_child_stop_wants(&wants);
        ride->poll.half = client->tunnel;
        events = gw_poll_wait(&ride->poll, &wants, client->fd);
        if (gw_child_stops()) {
            /* The server closes the clients' sockets, too. */
            gw_exchange_cancel(ride->x, GW_FAIL_CLIENT,
                               "the server stops without waiting");
        }
        else if (gw_client_left(client, events)) {
            gw_exchange_cancel(ride->x, GW_FAIL_CLIENT,
                               "the client left while it waited");
        }
    }
    return APR_SUCCESS;
}

void gw_ride_uncount(gw_ride *ride)
{
    if (ride->counted) {
        ride->counted = 0;
        gw_limit_leave(ride->r, ride->m);
    }
}

static int conclude(gw_ride *ride, const gw_result *result)
{
    gw_client *client = ride->client;
    request_rec *r = ride->r;
    int status;

    gw_response_env(r, result);
    if (client->cluster) {
        gw_cluster_end(client->cluster);
    }
    if (client->tunnel) {
        return gw_client_tunnel_end(client, result);
    }
    if (result->fail == GW_OK) {
        return gw_client_end(client);
    }
    status = gw_response_failed(r, ride->m, result, client->in_error,
                                client->begun);
    if (!client->begun) {
        return status;
    }
    gw_client_truncate(client);
    return OK;
}

int gw_ride_end(gw_ride *ride)
{
    int rv = conclude(ride, ride->x ? gw_exchange_result(ride->x)
                      : &ride->refused);

    /* a balancer's queue knows the waker until conclude() has left it */
    gw_poll_close(&ride->poll);
    gw_ride_uncount(ride);
    return rv;
}
