#include "gw_front_out.h"

#include <apr_buckets.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_request.h>
#include <util_filter.h>

#include "gw_log.h"

APLOG_USE_MODULE(gateway);

/* Of so many bytes core writes what it can at once, in every 2.4; fewer (the
 * limit is 4096) it may only keep, until it is called with nothing. */
#define WRITTEN_AT_ONCE 16384

struct gw_front_out {
    conn_rec *c;                /* const after gw_front_out_add() */
    ap_filter_t *f;             /* const */
    apr_size_t pass_max;        /* const; bytes given to core at a time */
    gw_out_mode mode;
    int hold;                   /* ends of requests */
    int ends;                   /* EORs in queue */
    apr_off_t len;              /* data in queue */
    apr_bucket_brigade *queue;
    apr_bucket_brigade *pass;   /* on its way to core; empty between calls */
    apr_pool_t *aside;          /* of files in queue and core; or NULL */
};

static ap_filter_rec_t *output_filter;

/* --- the queue ---------------------------------------------------------- */

static apr_pool_t *aside_pool(gw_front_out *out)
{
    if (!out->aside) {
        apr_pool_create(&out->aside, out->c->pool);
        apr_pool_tag(out->aside, "gw_front_out");
    }
    return out->aside;
}

/* Make a bucket outlive the call that brought it. */
static apr_status_t set_aside(gw_front_out *out, apr_bucket *e)
{
    int in_memory = APR_BUCKET_IS_HEAP(e) || APR_BUCKET_IS_TRANSIENT(e)
        || APR_BUCKET_IS_IMMORTAL(e) || APR_BUCKET_IS_POOL(e)
        || APR_BUCKET_IS_METADATA(e);
    apr_pool_t *pool = in_memory ? out->c->pool : aside_pool(out);
    apr_status_t rv = apr_bucket_setaside(e, pool);
    const char *data;
    apr_size_t len;

    if (rv != APR_ENOTIMPL || APR_BUCKET_IS_METADATA(e)) {
        return rv == APR_ENOTIMPL ? APR_SUCCESS : rv;
    }
    rv = apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ);
    return rv == APR_SUCCESS ? apr_bucket_setaside(e, pool) : rv;
}

static void enqueue(gw_front_out *out, apr_bucket *e)
{
    APR_BUCKET_REMOVE(e);
    APR_BRIGADE_INSERT_TAIL(out->queue, e);
    if (AP_BUCKET_IS_EOR(e)) {
        out->ends++;
    }
    else if (!APR_BUCKET_IS_METADATA(e)) {
        out->len += (apr_off_t)e->length;
    }
}

static apr_bucket *dequeue(gw_front_out *out)
{
    apr_bucket *e = APR_BRIGADE_FIRST(out->queue);

    APR_BUCKET_REMOVE(e);
    if (AP_BUCKET_IS_EOR(e)) {
        out->ends--;
    }
    else if (!APR_BUCKET_IS_METADATA(e)) {
        out->len -= (apr_off_t)e->length;
    }
    return e;
}

/* An end of a request that this thread may have to leave to another. */
static int is_held_end(const gw_front_out *out, const apr_bucket *e)
{
    return out->hold && AP_BUCKET_IS_EOR(e);
}

/* The client will not get it; the ends of its requests are due all the same.
 */
static apr_status_t gone(gw_front_out *out, apr_bucket_brigade *bb)
{
    while (!APR_BRIGADE_EMPTY(bb)) {
        apr_bucket *e = APR_BRIGADE_FIRST(bb);

        if (is_held_end(out, e)) {
            enqueue(out, e);
        }
        else {
            apr_bucket_delete(e);
        }
    }
    return APR_ECONNABORTED;
}

static apr_status_t refuse(gw_front_out *out, apr_bucket_brigade *bb,
                           apr_status_t rv, const char *what)
{
    ap_log_cerror(APLOG_MARK, APLOG_ERR, rv, out->c, GWNO(02020) "%s bucket "
                  "in the output of a connection that a loop owns: the "
                  "connection is closed; GatewayEvent Helper serves requests "
                  "with such filters or handlers", what);
    out->c->aborted = 1;
    gone(out, bb);
    return APR_EGENERAL;
}

/* Everything waits here, in order; FLUSH has no meaning where all is sent as
 * soon as it can be. */
static apr_status_t keep(gw_front_out *out, apr_bucket_brigade *bb)
{
    while (!APR_BRIGADE_EMPTY(bb)) {
        apr_bucket *e = APR_BRIGADE_FIRST(bb);
        apr_status_t rv;

        if (APR_BUCKET_IS_FLUSH(e)
            || (!e->length && !APR_BUCKET_IS_METADATA(e))) {
            apr_bucket_delete(e);
            continue;
        }
        if (e->length == (apr_size_t)-1) {
            return refuse(out, bb, 0, e->type->name);
        }
        rv = set_aside(out, e);
        if (rv != APR_SUCCESS) {
            return refuse(out, bb, rv, e->type->name);
        }
        enqueue(out, e);
    }
    return APR_SUCCESS;
}

/* --- core --------------------------------------------------------------- */

/* Let core go on with what it has kept: a call that cannot wait. */
static apr_status_t push_core(gw_front_out *out)
{
    ap_filter_t *f = out->f->next;

    while (f->next) {
        f = f->next;
    }
    return f->frec->filter_func.out_func(f, NULL);
}

/* What a thread that may wait has written: the queue goes first. */
static apr_status_t pass_on(gw_front_out *out, apr_bucket_brigade *bb)
{
    apr_bucket *last = APR_BRIGADE_LAST(bb);

    if (!APR_BRIGADE_EMPTY(out->queue)) {
        APR_BRIGADE_PREPEND(bb, out->queue);
        out->len = 0;
        out->ends = 0;
    }
    if (last != APR_BRIGADE_SENTINEL(bb) && is_held_end(out, last)) {
        enqueue(out, last);
    }
    return APR_BRIGADE_EMPTY(bb) ? APR_SUCCESS
        : ap_pass_brigade(out->f->next, bb);
}

static apr_status_t on_output(ap_filter_t *f, apr_bucket_brigade *bb)
{
    gw_front_out *out = f->ctx;

    if (out->mode == GW_OUT_PASS && !out->hold
        && APR_BRIGADE_EMPTY(out->queue)) {
        return ap_pass_brigade(f->next, bb);
    }
    if (out->c->aborted) {
        return gone(out, bb);
    }
    return out->mode == GW_OUT_PASS ? pass_on(out, bb) : keep(out, bb);
}

/* The next bytes for core, up to the end of a request. @return how many */
static apr_size_t fill_pass(gw_front_out *out)
{
    apr_size_t len = 0;

    while (!APR_BRIGADE_EMPTY(out->queue) && len < out->pass_max) {
        apr_bucket *e = APR_BRIGADE_FIRST(out->queue);

        if (AP_BUCKET_IS_EOR(e)) {
            break;
        }
        if (e->length > out->pass_max - len
            && !APR_BUCKET_IS_METADATA(e)) {
            apr_bucket_split(e, out->pass_max - len);
        }
        e = dequeue(out);
        len += e->length;
        APR_BRIGADE_INSERT_TAIL(out->pass, e);
    }
    return len;
}

/* Core is empty: give it the next bytes. */
static apr_status_t send_some(gw_front_out *out, apr_size_t *psent)
{
    conn_rec *c = out->c;
    apr_size_t len = fill_pass(out);
    apr_status_t rv = ap_pass_brigade(out->f->next, out->pass);

    *psent += len;
    apr_brigade_cleanup(out->pass);
    if (rv == APR_SUCCESS && c->data_in_output_filters
        && len < WRITTEN_AT_ONCE) {
        rv = push_core(out);
    }
    return rv;
}

/* The whole queue is gone, of core too: no file is referred to any more. */
static void forget_aside(gw_front_out *out)
{
    if (out->aside) {
        apr_pool_destroy(out->aside);
        out->aside = NULL;
    }
}

/* @return APR_SUCCESS something was done, go on */
static apr_status_t send_step(gw_front_out *out, apr_size_t *psent)
{
    conn_rec *c = out->c;
    apr_status_t rv;

    if (c->aborted) {
        return APR_ECONNABORTED;
    }
    if (c->data_in_output_filters) {
        rv = push_core(out);
        return rv == APR_SUCCESS && c->data_in_output_filters
            ? APR_EAGAIN : rv;
    }
    if (!AP_BUCKET_IS_EOR(APR_BRIGADE_FIRST(out->queue))) {
        rv = send_some(out, psent);
        return rv == APR_SUCCESS && c->data_in_output_filters
            ? APR_EAGAIN : rv;
    }
    if (out->hold) {
        return APR_EINPROGRESS;
    }
    apr_bucket_destroy(dequeue(out));
    return APR_SUCCESS;
}

/* --- for the owner ------------------------------------------------------ */

void gw_front_out_register(void)
{
    output_filter = ap_register_output_filter("GW_FRONT_OUT", on_output, NULL,
                                              AP_FTYPE_NETWORK - 1);
}

/* Core polls beyond FlushMaxThreshold, 64 KB if the server does not say. */
static apr_size_t pass_max_of(const conn_rec *c)
{
    const core_server_config *conf
        = ap_get_core_module_config(c->base_server->module_config);
    apr_size_t most = conf->flush_max_threshold;

    if (most < 1 || most > GW_FRONT_PASS) {
        return GW_FRONT_PASS;
    }
    return most;
}

gw_front_out *gw_front_out_add(conn_rec *c)
{
    gw_front_out *out = apr_pcalloc(c->pool, sizeof(*out));

    out->c = c;
    out->mode = GW_OUT_PASS;
    out->pass_max = pass_max_of(c);
    out->queue = apr_brigade_create(c->pool, c->bucket_alloc);
    out->pass = apr_brigade_create(c->pool, c->bucket_alloc);
    out->f = ap_add_output_filter_handle(output_filter, out, NULL, c);
    return out;
}

void gw_front_out_mode(gw_front_out *out, gw_out_mode mode)
{
    out->mode = mode;
}

apr_off_t gw_front_out_len(const gw_front_out *out)
{
    return out->len;
}

int gw_front_out_ends(const gw_front_out *out)
{
    return out->ends;
}

void gw_front_out_hold_eor(gw_front_out *out, int hold)
{
    out->hold = hold;
}

apr_status_t gw_front_out_send(gw_front_out *out)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t sent = 0;

    while (rv == APR_SUCCESS
           && (out->c->aborted || out->c->data_in_output_filters
               || !APR_BRIGADE_EMPTY(out->queue))) {
        rv = sent < GW_FRONT_SEND ? send_step(out, &sent) : APR_INCOMPLETE;
    }
    if (rv == APR_SUCCESS) {
        forget_aside(out);
    }
    else if (!APR_STATUS_IS_EAGAIN(rv) && rv != APR_EINPROGRESS
             && rv != APR_INCOMPLETE) {
        out->c->aborted = 1;
    }
    return rv;
}

void gw_front_out_end(gw_front_out *out)
{
    if (!APR_BRIGADE_EMPTY(out->queue)
        && AP_BUCKET_IS_EOR(APR_BRIGADE_FIRST(out->queue))) {
        apr_bucket_destroy(dequeue(out));
    }
}

void gw_front_out_drop(gw_front_out *out)
{
    while (!APR_BRIGADE_EMPTY(out->queue)) {
        apr_bucket_destroy(dequeue(out));
    }
}
