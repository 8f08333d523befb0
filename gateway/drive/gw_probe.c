#include "gw_probe.h"

#include <poll.h>
#include <string.h>

#include <apr_strings.h>

#include "gw_child.h"
#include "gw_clock.h"
#include "gw_exchange.h"
#include "gw_member.h"
#include "gw_path.h"
#include "gw_poll.h"

/* The client side of a probe. */
typedef struct probe_host probe_host;
struct probe_host {
    gw_host host;           /* first */
    apr_pool_t *pool;
    gateway_probe *probe;
    char *body;
    apr_size_t len;
};

static apr_status_t host_read_body(gw_host *h, const char **pdata,
                                   apr_size_t *plen)
{
    return APR_EOF;
}

static void host_interim(gw_host *h, const gw_res_head *head)
{
}

static apr_status_t host_head(gw_host *h, const gw_res_head *head)
{
    probe_host *p = (probe_host *)h;

    p->probe->response = apr_table_clone(p->pool, head->headers);
    return APR_SUCCESS;
}

static apr_status_t host_write_body(gw_host *h, const char *data,
                                    apr_size_t len, apr_size_t *pn)
{
    probe_host *p = (probe_host *)h;
    apr_size_t room = p->probe->body_max - p->len;
    apr_size_t n = len < room ? len : room;

    if (n) {
        memcpy(p->body + p->len, data, n);
        p->len += n;
    }
    *pn = len;
    return APR_SUCCESS;
}

static apr_status_t host_flush(gw_host *h)
{
    return APR_SUCCESS;
}

static void host_wants(gw_host *h, int body, int writing, gw_wants *w)
{
}

static const gw_host_ops host_ops = {
    host_read_body,
    host_interim,
    host_head,
    host_write_body,
    host_flush,
    host_wants
};

/* A target with the probe's port, each connection its own. */
typedef struct {
    gw_origin origin;
    gw_conn_opts opts;
} probed;

static apr_table_t *fields_of(apr_pool_t *pool, const gateway_probe *probe)
{
    apr_table_t *t = apr_table_make(pool, 4);
    const char *const *h = probe->headers;

    while (h && h[0] && h[1]) {
        apr_table_add(t, h[0], h[1]);
        h += 2;
    }
    return t;
}

/** Wait, unless nobody wants the answer any more.
 * @return 0: the probe shall end now */
static int wait_for(gw_poll *p, gw_wants *w, int stop_fd)
{
    struct pollfd stop = { stop_fd, POLLIN, 0 };

    if (stop_fd <= 0) {
        gw_poll_wait(p, w, -1);
        return 1;
    }
    gw_wants_fd(w, stop_fd, GW_WANT_READ);
    gw_poll_wait(p, w, -1);
    return poll(&stop, 1, 0) == 0;
}

/** The member's path and the probe's, which may be a query alone. */
static const char *target_of(apr_pool_t *pool, const char *base,
                             const char *more)
{
    const char *joined;

    if (!more || *more != '?') {
        joined = gw_path_join(pool, base, more ? more : "");
        return *joined ? joined : "/";
    }
    return apr_pstrcat(pool, *base ? base : "/", more, NULL);
}

static void fill_head(apr_pool_t *pool, const gateway_target *target,
                      const gateway_probe *probe, gw_req_head *head)
{
    memset(head, 0, sizeof(*head));
    head->method = probe->method;
    head->target = target_of(pool, target->url->path, probe->path);
    head->host = probe->host ? probe->host : target->authority;
    head->headers = fields_of(pool, probe);
    head->connection = "close";
    head->minor = probe->minor;
}

/* A lease that is opened and ended: can one connect at all? */
static void run_tcp(apr_pool_t *pool, probed *to, gateway_probe *probe,
                    gw_net *net, gw_poll *poll)
{
    gw_time deadline = gw_deadline(gw_now(), probe->timeout);
    gw_lease lease = { &to->origin, &to->opts, NULL, &poll->waker, 1 };
    gw_stream *stream;
    apr_status_t rv;
    gw_wants w;

    if (net->lease(net, &lease, &stream) != APR_SUCCESS) {
        probe->fail = GW_FAIL_INTERNAL;
        return;
    }
    rv = stream->ops->open(stream);
    while (APR_STATUS_IS_EAGAIN(rv) && gw_now() < deadline) {
        gw_wants_reset(&w);
        gw_wants_until(&w, deadline);
        stream->ops->wants(stream, 0, &w);
        if (!wait_for(poll, &w, probe->stop_fd)) {
            break;
        }
        rv = stream->ops->open(stream);
    }
    if (APR_STATUS_IS_EAGAIN(rv)) {
        probe->fail = GW_FAIL_CONNECT_TIMEOUT;
        probe->why = "no connection in time";
    }
    else if (rv != APR_SUCCESS) {
        probe->fail = stream->fail;
        probe->why = apr_pstrdup(pool, stream->why);
    }
    stream->ops->release(&stream, 0);
}

static void run_http(apr_pool_t *pool, const gateway_target *target,
                     probed *to, gateway_probe *probe, gw_net *net,
                     gw_poll *poll)
{
    probe_host host = { { &host_ops }, pool, probe, NULL, 0 };
    gw_exchange_params params = { 0 };
    gw_pick_single picker;
    gw_exchange *x;
    gw_req_head head;
    gw_wants w;

    host.body = apr_pcalloc(pool, probe->body_max + 1);
    fill_head(pool, target, probe, &head);
    gw_pick_single_init(&picker, &to->origin, &to->opts);
    params.host = &host.host;
    params.picker = &picker.base;
    params.net = net;
    params.waker = &poll->waker;
    params.head = &head;
    params.deadline = gw_deadline(gw_now(), probe->timeout);
    x = gw_exchange_create(pool, &params);
    while (gw_exchange_step(x, &w) != APR_SUCCESS) {
        if (!wait_for(poll, &w, probe->stop_fd)) {
            gw_exchange_cancel(x, GW_FAIL_CLIENT, "the check was stopped");
        }
    }
    probe->fail = gw_exchange_result(x)->fail;
    probe->why = gw_exchange_result(x)->why;
    probe->status = gw_exchange_result(x)->status;
    probe->body = host.body;
}

static void gateway_probe_run(apr_pool_t *pool, const gateway_target *target,
                              gateway_probe *probe)
{
    gw_net *net = gw_child_net();
    gw_time began = gw_now();
    gw_poll poll;
    probed to;

    probe->fail = GW_OK;
    probe->why = "";
    probe->body = "";
    probe->status = 0;
    probe->response = NULL;
    if (!net) {
        probe->fail = GW_FAIL_INTERNAL;
        probe->why = "this child cannot connect";
        return;
    }
    to.origin = *target->origin;
    to.origin.slot = NULL;
    to.origin.port = probe->port ? probe->port : to.origin.port;
    to.opts = target->conn;
    to.opts.disablereuse = 1;
    /* a full member is not a sick one */
    to.opts.maxperchild = 0;
    to.opts.max = 0;
    to.origin.busy = NULL;
    gw_poll_init(&poll);
    if (!strcmp(probe->method, "TCP")) {
        run_tcp(pool, &to, probe, net, &poll);
    }
    else {
        run_http(pool, target, &to, probe, net, &poll);
    }
    gw_poll_close(&poll);
    gw_child_forget(&to.origin);
    probe->took = gw_now() - began;
}

void gw_probe_register(void)
{
    APR_REGISTER_OPTIONAL_FN(gateway_probe_run);
}
