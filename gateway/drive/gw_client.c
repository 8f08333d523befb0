#include "gw_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <apr_portable.h>
#include <util_filter.h>

#include "gw_client_tunnel.h"
#include "gw_clock.h"
#include "gw_member.h"
#include "gw_request.h"
#include "gw_response.h"

extern module AP_MODULE_DECLARE_DATA gateway_module;
APLOG_USE_MODULE(gateway);

static gw_client *client_of(gw_host *h)
{
    return (gw_client *)h;
}

/* -- request body ------------------------------------------------------ */

static apr_status_t fetch(gw_client *c)
{
    request_rec *r = c->r;
    apr_status_t rv;

    rv = ap_get_brigade(r->input_filters, c->in, AP_MODE_READBYTES,
                        APR_NONBLOCK_READ, GW_IO_SIZE);
    if (APR_STATUS_IS_EOF(rv)) {
        /* Only an EOS bucket says that a body is complete. */
        rv = APR_INCOMPLETE;
    }
    if (rv != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(rv)) {
        c->in_error = rv;
        return rv;
    }
    return APR_BRIGADE_EMPTY(c->in) ? APR_EAGAIN : APR_SUCCESS;
}

static apr_status_t count(gw_client *c, apr_size_t len)
{
    c->taken += len;
    if (c->limit >= 0 && c->taken > c->limit) {
        c->in_error = APR_ENOSPC;
        return APR_ENOSPC;
    }
    return APR_SUCCESS;
}

/* The first bucket's bytes; the bucket stays until the next call. */
static apr_status_t first_bytes(gw_client *c, const char **pdata,
                                apr_size_t *plen)
{
    while (!APR_BRIGADE_EMPTY(c->in)) {
        apr_bucket *b = APR_BRIGADE_FIRST(c->in);
        apr_status_t rv;

        if (APR_BUCKET_IS_EOS(b)) {
            c->in_eos = 1;
            apr_brigade_cleanup(c->in);
            return APR_EOF;
        }
        if (APR_BUCKET_IS_METADATA(b)) {
            apr_bucket_delete(b);
            continue;
        }
        /* What a filter gave is there, or is what it waits for itself. */
        rv = apr_bucket_read(b, pdata, plen, APR_BLOCK_READ);
        if (rv != APR_SUCCESS) {
            c->in_error = rv;
            return rv;
        }
        if (*plen) {
            return count(c, *plen);
        }
        apr_bucket_delete(b);
    }
    return APR_EAGAIN;
}

static apr_status_t client_read_body(gw_host *h, const char **pdata,
                                     apr_size_t *plen)
{
    gw_client *c = client_of(h);
    apr_status_t rv;

    if (c->in_eos) {
        return APR_EOF;
    }
    if (!APR_BRIGADE_EMPTY(c->in)) {
        apr_bucket_delete(APR_BRIGADE_FIRST(c->in));
    }
    rv = first_bytes(c, pdata, plen);
    while (APR_STATUS_IS_EAGAIN(rv) && APR_BRIGADE_EMPTY(c->in)) {
        rv = fetch(c);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        rv = first_bytes(c, pdata, plen);
    }
    return rv;
}

/* -- response ---------------------------------------------------------- */

const gw_url *gw_client_answered_by(const gw_client *c)
{
    return c->cluster ? c->cluster->target->url : c->mapped->match.route->url;
}

static void client_interim(gw_host *h, const gw_res_head *head)
{
    gw_client *c = client_of(h);

    gw_response_interim(c->r, c->mapped, gw_client_answered_by(c), head);
}

/* Nothing more can be sent to the client. */
static apr_status_t aborted(gw_client *c)
{
    c->dropped = c->ignore_abort;
    return c->dropped ? APR_SUCCESS : APR_ECONNABORTED;
}

static apr_status_t client_head(gw_host *h, const gw_res_head *head)
{
    gw_client *c = client_of(h);

    gw_response_head(c->r, c->mapped, gw_client_answered_by(c), head);
    if (c->cluster) {
        gw_cluster_head(c->cluster);
    }
    if (c->expects_body && !c->in_eos && !c->r->connection->master) {
        /* Nobody may read the rest of the body. Said in a field: when the
         * connection itself is marked the core does not chunk. */
        apr_table_setn(c->r->headers_out, "Connection", "close");
    }
    return c->r->connection->aborted ? aborted(c) : APR_SUCCESS;
}

/* What a content filter that failed still holds are bytes of a backend's
 * connection, which ends before the filter: it must not see more. */
static void leave_filters(gw_client *c)
{
    c->failed = 1;
    if (!c->r->main) {
        c->r->output_filters = c->r->proto_output_filters;
    }
}

/* A filter's failure is no client that left, unless it says so. */
static apr_status_t pass(gw_client *c)
{
    apr_status_t rv;

    if (c->dropped) {
        apr_brigade_cleanup(c->out);
        return APR_SUCCESS;
    }
    c->begun = 1;
    rv = ap_pass_brigade(c->r->output_filters, c->out);
    apr_brigade_cleanup(c->out);
    if (c->r->connection->aborted || APR_STATUS_IS_ECONNRESET(rv)
        || APR_STATUS_IS_EPIPE(rv)) {
        rv = APR_ECONNABORTED;
    }
    if (rv != APR_SUCCESS) {
        leave_filters(c);
    }
    return APR_STATUS_IS_ECONNABORTED(rv) ? aborted(c) : rv;
}

static apr_status_t client_write_body(gw_host *h, const char *data,
                                      apr_size_t len, apr_size_t *pn)
{
    gw_client *c = client_of(h);

    APR_BRIGADE_INSERT_TAIL(c->out, apr_bucket_transient_create(
                                data, len, c->out->bucket_alloc));
    *pn = len;
    return pass(c);
}

static apr_status_t client_flush(gw_host *h)
{
    gw_client *c = client_of(h);

    APR_BRIGADE_INSERT_TAIL(c->out,
                            apr_bucket_flush_create(c->out->bucket_alloc));
    return pass(c);
}

static void client_wants(gw_host *h, int body, int writing, gw_wants *w)
{
    gw_client *c = client_of(h);
    int events = (body ? GW_WANT_READ : 0) | (writing ? GW_WANT_WRITE : 0);

    if (c->deaf && !events) {
        return;
    }
    if (!c->is_socket) {
        gw_wants_until(w, gw_now() + GW_CLIENT_TICK);
    }
    if (c->is_socket || (events && c->fd >= 0)) {
        gw_wants_fd(w, c->fd, events);
    }
}

static const gw_host_ops client_ops = {
    client_read_body,
    client_interim,
    client_head,
    client_write_body,
    client_flush,
    client_wants,
    gw_client_tunnel,
    NULL
};

/* A stream of HTTP/2 has no socket that tells whether the client left, but
 * something to poll for its body. */
static void find_fd(gw_client *client)
{
    conn_rec *c = client->r->connection;
    apr_pollfd_t pfd = { 0 };

    client->fd = -1;
    if (ap_get_pollfd_from_conn(c, &pfd, NULL) != APR_SUCCESS) {
        return;
    }
    if (pfd.desc_type == APR_POLL_SOCKET
        && apr_os_sock_get(&client->fd, pfd.desc.s) == APR_SUCCESS) {
        client->is_socket = !c->master;
    }
    else if (pfd.desc_type == APR_POLL_FILE
             && apr_os_file_get(&client->fd, pfd.desc.f) != APR_SUCCESS) {
        client->fd = -1;
    }
}

gw_client *gw_client_create(request_rec *r, const gw_mapped *m,
                            int expects_body)
{
    gw_client *c = apr_pcalloc(r->pool, sizeof(*c));
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;

    c->host.ops = &client_ops;
    c->r = r;
    c->mapped = m;
    find_fd(c);
    c->expects_body = expects_body;
    c->ignore_abort = gw_conf_of_request(r)->ignore_abort == 1;
    c->limit = gw_request_limit(r);
    c->in = apr_brigade_create(r->pool, alloc);
    c->out = apr_brigade_create(r->pool, alloc);
    return c;
}

/* In a tunnel who has ended one side has not left. */
static int gone_events(const gw_client *c)
{
    if (!c->tunnel) {
        return POLLRDHUP | POLLHUP | POLLERR | POLLNVAL;
    }
    return POLLERR | POLLNVAL | (c->out_ended ? 0 : POLLHUP);
}

static int hung_up(const gw_client *c, int revents)
{
    if (c->r->connection->aborted
        || (c->r->connection->master && c->r->connection->master->aborted)) {
        return 1;
    }
    return c->is_socket && (revents & gone_events(c));
}

int gw_client_left(gw_client *c, int revents)
{
    if (!hung_up(c, revents)) {
        return 0;
    }
    c->deaf = c->ignore_abort && !c->tunnel;
    return !c->deaf;
}

int gw_client_end(gw_client *c)
{
    apr_status_t rv;

    APR_BRIGADE_INSERT_TAIL(c->out,
                            apr_bucket_eos_create(c->out->bucket_alloc));
    rv = pass(c);
    if (rv == APR_SUCCESS || APR_STATUS_IS_ECONNABORTED(rv)) {
        return OK;
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, c->r, GWNO(00151) "an output "
                  "filter failed at the end of the response");
    c->r->connection->keepalive = AP_CONN_CLOSE;
    return AP_FILTER_ERROR;
}

/*
 * A client of HTTP/1.0, or of a response that only the close delimits, can
 * see a truncation by a reset alone.
 */
void gw_client_reset(conn_rec *c, int fd)
{
    struct linger hard = { 1, 0 };

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    c->aborted = 1;
}

void gw_client_truncate(gw_client *c)
{
    request_rec *r = c->r;
    apr_bucket_alloc_t *alloc = c->out->bucket_alloc;
    int reset = c->is_socket && r->sent_bodyct && !r->chunked
                && !apr_table_get(r->headers_out, "Content-Length");

    r->connection->keepalive = AP_CONN_CLOSE;
    if (r->connection->aborted || r->eos_sent || (c->failed && r->main)) {
        /* Nobody is there, a filter has put an answer of its own in its
         * place, or the way to the page that it is a part of is closed. */
        return;
    }
    if (reset) {
        /* A reset overtakes what waits inside the server. */
        client_flush(&c->host);
    }
    APR_BRIGADE_INSERT_TAIL(c->out, ap_bucket_error_create(
                                HTTP_BAD_GATEWAY, NULL, r->pool, alloc));
    APR_BRIGADE_INSERT_TAIL(c->out, apr_bucket_eos_create(alloc));
    pass(c);
    if (reset && c->late) {
        c->reset_due = 1;
    }
    else if (reset) {
        gw_client_reset(r->connection, c->fd);
    }
}
