#include "gw_drive_block.h"

#include <http_log.h>

#include "gw_child.h"
#include "gw_client.h"
#include "gw_clock.h"
#include "gw_exchange.h"
#include "gw_limit.h"
#include "gw_poll.h"
#include "gw_request.h"
#include "gw_response.h"
#include "gw_rlog.h"
#include "mod_gateway.h"

extern module AP_MODULE_DECLARE_DATA gateway_module;
APLOG_USE_MODULE(gateway);

static void run(gw_exchange *x, gw_client *client, gw_poll *poll)
{
    gw_wants wants;

    while (gw_exchange_step(x, &wants) != APR_SUCCESS) {
        int events;

        gw_child_stop_wants(&wants);
        events = gw_poll_wait(poll, &wants, client->fd);
        if (gw_child_stops()) {
            /* The server closes the clients' sockets, too. */
            gw_exchange_cancel(x, GW_FAIL_CLIENT,
                               "the server stops without waiting");
        }
        else if (gw_client_left(client, events)) {
            gw_exchange_cancel(x, GW_FAIL_CLIENT,
                               "the client left while it waited");
        }
    }
}

static int conclude(request_rec *r, const gw_mapped *m, gw_client *client,
                    const gw_result *result)
{
    int status;

    gw_response_env(r, result);
    if (client->cluster) {
        gw_cluster_end(client->cluster);
    }
    if (result->fail == GW_OK) {
        return gw_client_end(client);
    }
    status = gw_response_failed(r, m, result, client->in_error,
                                client->begun);
    if (!client->begun) {
        return status;
    }
    gw_client_truncate(client);
    return OK;
}

/* Who chooses the backend, and what that bounds. */
static void set_picker(request_rec *r, const gw_route *route,
                       gw_pick_single *single, gw_client *client,
                       gw_exchange_params *params)
{
    const gateway_limits *limits;

    params->deadline = GW_NEVER;
    if (!route->balancer) {
        gw_pick_single_init(single, route->origin, &route->conn);
        params->picker = &single->base;
        return;
    }
    client->cluster = gw_cluster_begin(r, route, params->waker);
    limits = client->cluster->limits;
    params->picker = &client->cluster->base;
    params->deadline = gw_deadline(gw_now(), limits->deadline);
    params->replay_max = limits->retry_buffer;
}

int gw_drive_block(request_rec *r, const gw_mapped *m)
{
    gw_exchange_params params = { 0 };
    gw_pick_single single;
    gw_exchange *x;
    gw_client *client;
    const gw_req_head *head;
    gw_result refused;
    gw_poll poll;
    int rv;

    params.net = gw_child_net();
    if (!params.net) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, GWNO(00200) "this child "
                      "cannot reach backends, GW00001 said why when it began");
        gw_response_proxy_status(r, "proxy_internal_error");
        apr_table_setn(r->subprocess_env, GATEWAY_ENV_REASON,
                       gw_fail_name(GW_FAIL_INTERNAL));
        return HTTP_SERVICE_UNAVAILABLE;
    }
    head = gw_request_head(r, m);
    client = gw_client_create(r, m, head->framing != GW_BODY_NONE);
    if (!gw_limit_enter(r, m, head, &refused)) {
        return conclude(r, m, client, &refused);
    }
    params.host = &client->host;
    gw_poll_init(&poll);
    params.waker = &poll.waker;
    set_picker(r, m->match.route, &single, client, &params);
    params.logger = gw_rlog(r);
    params.head = head;
    params.client_timeout = r->server->timeout;
    x = gw_exchange_create(r->pool, &params);
    run(x, client, &poll);
    rv = conclude(r, m, client, gw_exchange_result(x));
    /* a balancer's queue knows the waker until conclude() has left it */
    gw_poll_close(&poll);
    gw_limit_leave(r, m);
    return rv;
}
