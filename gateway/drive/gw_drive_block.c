#include "gw_drive_block.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <http_log.h>

#include "gw_child.h"
#include "gw_client.h"
#include "gw_clock.h"
#include "gw_exchange.h"
#include "gw_log.h"
#include "gw_request.h"
#include "gw_response.h"
#include "gw_rlog.h"

extern module AP_MODULE_DECLARE_DATA gateway_module;
APLOG_USE_MODULE(gateway);

/* A waker that is an eventfd, made when something first needs to wait. */
typedef struct {
    gw_waker waker;
    int fd;
} poll_waker;

static apr_status_t waker_arm(gw_waker *waker)
{
    poll_waker *pw = (poll_waker *)waker;

    if (pw->fd < 0) {
        pw->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    return pw->fd < 0 ? errno : APR_SUCCESS;
}

static void waker_wake(gw_waker *waker)
{
    eventfd_t one = 1;

    /* It can fail only when the counter is full: then it is readable. */
    (void)eventfd_write(((poll_waker *)waker)->fd, one);
}

static void waker_reset(poll_waker *pw)
{
    eventfd_t value;

    (void)eventfd_read(pw->fd, &value);
}

static void waker_close(poll_waker *pw)
{
    if (pw->fd >= 0) {
        close(pw->fd);
    }
}

static short poll_events(int events)
{
    return (short)((events & GW_WANT_READ ? POLLIN : 0)
                   | (events & GW_WANT_WRITE ? POLLOUT : 0));
}

/* Wait for the wants. @return poll's events of the client's socket */
static int wait_for(const gw_wants *w, poll_waker *pw, int client_fd)
{
    struct pollfd fds[GW_WANTS_FDS + 1];
    int client_events = 0;
    nfds_t n = 0;
    int i;

    for (i = 0; i < w->nfds; i++, n++) {
        fds[n].fd = w->fds[i].fd;
        fds[n].events = poll_events(w->fds[i].events);
        fds[n].revents = 0;
        if (fds[n].fd == client_fd) {
            fds[n].events |= POLLRDHUP;
        }
    }
    if (w->wakeup && pw->fd >= 0) {
        fds[n].fd = pw->fd;
        fds[n].events = POLLIN;
        fds[n++].revents = 0;
    }
    if (poll(fds, n, gw_poll_ms(gw_now(), w->deadline)) <= 0) {
        return 0;
    }
    while (n--) {
        if (fds[n].fd == client_fd) {
            client_events = fds[n].revents;
        }
        else if (fds[n].fd == pw->fd && fds[n].revents) {
            waker_reset(pw);
        }
    }
    return client_events;
}

static void run(gw_exchange *x, gw_client *client, poll_waker *pw)
{
    gw_wants wants;

    while (gw_exchange_step(x, &wants) != APR_SUCCESS) {
        int events = wait_for(&wants, pw, client->fd);

        if (gw_client_left(client, events)) {
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
        gw_client_end(client);
        return OK;
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
    poll_waker pw = { { waker_arm, waker_wake }, -1 };
    gw_exchange_params params = { 0 };
    gw_pick_single single;
    gw_exchange *x;
    gw_client *client;
    const gw_req_head *head;

    params.net = gw_child_net();
    if (!params.net) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    head = gw_request_head(r, m);
    client = gw_client_create(r, m, head->framing != GW_BODY_NONE);
    params.host = &client->host;
    params.waker = &pw.waker;
    set_picker(r, m->match.route, &single, client, &params);
    params.logger = gw_rlog(r);
    params.head = head;
    params.client_timeout = r->server->timeout;
    x = gw_exchange_create(r->pool, &params);
    run(x, client, &pw);
    waker_close(&pw);
    return conclude(r, m, client, gw_exchange_result(x));
}
