#include "gw_client_tunnel.h"

#include <sys/socket.h>

#include <http_core.h>
#include <http_protocol.h>
#include <http_ssl.h>
#include <util_filter.h>

#include "gw_clock.h"
#include "gw_response.h"

/* Bytes given to the output filters at a time: core waits for the client
 * once it holds FlushMaxThreshold, 64 KB. */
#define WRITE_MAX 32768

static gw_client *client_of(gw_host *h)
{
    return (gw_client *)h;
}

static conn_rec *conn_of(const gw_client *c)
{
    return c->r->connection;
}

/* -- from the client --------------------------------------------------- */

/* The first bucket's bytes; the bucket stays until the next call. A stream of
 * HTTP/2 begins with an EOS, for the request that has no body. */
static apr_status_t first_bytes(gw_client *c, const char **pdata,
                                apr_size_t *plen)
{
    while (!APR_BRIGADE_EMPTY(c->in)) {
        apr_bucket *b = APR_BRIGADE_FIRST(c->in);
        apr_status_t rv;

        if (!APR_BUCKET_IS_METADATA(b)) {
            rv = apr_bucket_read(b, pdata, plen, APR_NONBLOCK_READ);
            if (rv != APR_SUCCESS || *plen) {
                return rv;
            }
        }
        apr_bucket_delete(b);
    }
    return APR_EAGAIN;
}

static apr_status_t fetch(gw_client *c)
{
    apr_status_t rv;

    rv = ap_get_brigade(conn_of(c)->input_filters, c->in, AP_MODE_READBYTES,
                        APR_NONBLOCK_READ, GW_IO_SIZE);
    if (rv == APR_SUCCESS && APR_BRIGADE_EMPTY(c->in)) {
        rv = APR_EAGAIN;
    }
    c->in_eos = APR_STATUS_IS_EOF(rv);
    return rv;
}

static apr_status_t tunnel_read(gw_host *h, const char **pdata,
                                apr_size_t *plen)
{
    gw_client *c = client_of(h);
    apr_status_t rv = APR_SUCCESS;

    if (!APR_BRIGADE_EMPTY(c->in)) {
        apr_bucket_delete(APR_BRIGADE_FIRST(c->in));
    }
    do {
        *plen = 0;
        rv = first_bytes(c, pdata, plen);
        if (!APR_STATUS_IS_EAGAIN(rv) || !APR_BRIGADE_EMPTY(c->in)) {
            return rv;
        }
        rv = c->in_eos ? APR_EOF : fetch(c);
    } while (rv == APR_SUCCESS);
    return rv;
}

/* -- to the client ----------------------------------------------------- */

/*
 * A bucket that says nothing: mod_ssl sends the bytes that it collects when
 * anything but bytes follows. A FLUSH would make core wait.
 */
static apr_status_t mark_read(apr_bucket *b, const char **pdata,
                              apr_size_t *plen, apr_read_type_e block)
{
    *pdata = NULL;
    *plen = 0;
    return APR_SUCCESS;
}

static const apr_bucket_type_t mark_type = {
    "GW_MARK", 5, APR_BUCKET_METADATA,
    apr_bucket_destroy_noop,
    mark_read,
    apr_bucket_setaside_noop,
    apr_bucket_split_notimpl,
    apr_bucket_simple_copy
};

static apr_bucket *mark_create(apr_bucket_alloc_t *alloc)
{
    apr_bucket *b = apr_bucket_alloc(sizeof(*b), alloc);

    APR_BUCKET_INIT(b);
    b->free = apr_bucket_free;
    b->list = alloc;
    b->type = &mark_type;
    b->length = 0;
    b->start = 0;
    b->data = NULL;
    return b;
}

/* Core alone knows how to send what it held back, without waiting. */
static apr_status_t push(gw_client *c)
{
    ap_filter_t *core = conn_of(c)->output_filters;
    apr_status_t rv;

    if (conn_of(c)->master) {
        return APR_SUCCESS;
    }
    while (core->next) {
        core = core->next;
    }
    rv = core->frec->filter_func.out_func(core, NULL);
    if (conn_of(c)->aborted || rv != APR_SUCCESS) {
        return APR_ECONNABORTED;
    }
    return conn_of(c)->data_in_output_filters ? APR_EAGAIN : APR_SUCCESS;
}

static apr_status_t tunnel_write(gw_host *h, const char *data,
                                 apr_size_t len, apr_size_t *pn)
{
    gw_client *c = client_of(h);
    apr_bucket_alloc_t *alloc = c->out->bucket_alloc;
    apr_status_t rv = APR_SUCCESS;

    *pn = 0;
    if (conn_of(c)->data_in_output_filters) {
        rv = push(c);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    len = len < WRITE_MAX ? len : WRITE_MAX;
    APR_BRIGADE_INSERT_TAIL(c->out,
                            apr_bucket_transient_create(data, len, alloc));
    APR_BRIGADE_INSERT_TAIL(c->out, conn_of(c)->master
                            ? apr_bucket_flush_create(alloc)
                            : mark_create(alloc));
    rv = ap_pass_brigade(conn_of(c)->output_filters, c->out);
    apr_brigade_cleanup(c->out);
    if (rv != APR_SUCCESS || conn_of(c)->aborted) {
        return APR_ECONNABORTED;
    }
    *pn = len;
    return APR_SUCCESS;
}

static apr_status_t tunnel_flush(gw_host *h)
{
    return push(client_of(h));
}

/* mod_ssl and streams of HTTP/2 end both sides at once. */
static apr_status_t tunnel_shutdown(gw_host *h)
{
    gw_client *c = client_of(h);

    if (!c->is_socket || ap_ssl_conn_is_ssl(conn_of(c))) {
        return APR_ENOTIMPL;
    }
    if (shutdown(c->fd, SHUT_WR) != 0) {
        return APR_ECONNABORTED;
    }
    c->out_ended = 1;
    return APR_SUCCESS;
}

static void tunnel_wants(gw_host *h, int body, int writing, gw_wants *w)
{
    gw_client *c = client_of(h);
    int events = (body ? GW_WANT_READ : 0) | (writing ? GW_WANT_WRITE : 0);

    if (!c->is_socket) {
        gw_wants_until(w, gw_now() + GW_CLIENT_TICK);
    }
    /* With both sides ended the socket always has something to tell. */
    if (c->fd >= 0 && (events || (c->is_socket && !c->out_ended))) {
        gw_wants_fd(w, c->fd, events);
    }
}

/* -- begin and end ----------------------------------------------------- */

static const gw_host_ops tunnel_ops = {
    tunnel_read,
    NULL,
    NULL,
    tunnel_write,
    tunnel_flush,
    tunnel_wants,
    NULL,
    tunnel_shutdown
};

/* From here on nothing that knows HTTP may see a byte, or count one. */
static void leave_http(request_rec *r)
{
    conn_rec *c = r->connection;

    c->keepalive = AP_CONN_CLOSE;
    ap_remove_input_filter_byhandle(c->input_filters, "reqtimeout");
    r->input_filters = r->proto_input_filters = c->input_filters;
    r->output_filters = r->proto_output_filters = c->output_filters;
}

apr_status_t gw_client_tunnel(gw_host *h, const gw_res_head *head,
                              const char *protocol)
{
    gw_client *c = client_of(h);

    c->tunnel = 1;
    c->begun = 1;
    c->in_eos = 0;
    apr_brigade_cleanup(c->in);
    h->ops = &tunnel_ops;
    gw_response_switch(c->r, c->mapped, gw_client_answered_by(c), head,
                       protocol);
    if (c->cluster) {
        gw_cluster_head(c->cluster);
    }
    gw_response_switch_send(c->r);
    leave_http(c->r);
    return conn_of(c)->aborted ? APR_ECONNABORTED : APR_SUCCESS;
}

int gw_client_tunnel_end(gw_client *c, const gw_result *result)
{
    request_rec *r = c->r;

    r->sent_bodyct = 1;
    r->bytes_sent = result->tunnel_received;
    conn_of(c)->keepalive = AP_CONN_CLOSE;
    if (result->fail == GW_FAIL_CLIENT) {
        conn_of(c)->aborted = 1;
    }
    return OK;
}
