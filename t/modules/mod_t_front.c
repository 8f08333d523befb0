/**
 * mod_t_front: the two filters of gateway/event in a real httpd, for
 * t/gateway/event_filters.t. A worker thread owns each connection as a loop
 * of the gateway would: edge-triggered events, filters in LOOP mode, core
 * called only with a whole head; mod_gateway itself is not loaded.
 *
 *     SetHandler t-front
 *     /sum     reads the body; answers its length, MD5, trailer X-T
 *              ?helper: after 1000 bytes a thread that may wait reads on
 *     /big?N   N bytes; ?N&flush with FLUSH buckets; ?N&all without waiting
 *              for room; &hold: the end of the request is held back; &pass:
 *              as a thread that may wait
 *     /pipe    a bucket that a loop must refuse
 *     /tunnel  101, then an echo
 *     TFrontSpy On    spies between these filters and their neighbours
 *
 * What must not be is logged as an error (the harness sees those): a call
 * that took over SLOW, a blocking or SPECULATIVE read below the input filter,
 * any read there for a request without a body, an end of request that ran too
 * early, brigades that core would wait for.
 */
#define gateway_module t_front_module

#include "gw_headscan.c"
#include "gw_front_in.c"
#include "gw_front_out.c"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <apr_md5.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <ap_mpm.h>
#include <http_connection.h>
#include <http_protocol.h>

#define SLOW apr_time_from_msec(1000)
#define IDLE_MSEC 8000
#define TICK_MSEC 100

typedef struct {
    conn_rec *c;
    gw_front_in *in;
    gw_front_out *out;
    int poll;                   /* epoll */
    int ended;                  /* ends of requests that ran */
    int below;                  /* calls below the input filter */
} owned;

static int spy;

#define complain(o, ...) \
    ap_log_cerror(APLOG_MARK, APLOG_ERR, 0, (o)->c, "t-front: " __VA_ARGS__)
#define tell(o, ...) \
    ap_log_cerror(APLOG_MARK, APLOG_INFO, 0, (o)->c, "t-front: " __VA_ARGS__)

/* A call that a loop makes must not wait. */
#define TIMED(o, call)                                                  \
    do {                                                                \
        apr_time_t began_ = apr_time_now();                             \
        call;                                                           \
        if (apr_time_now() - began_ > SLOW) {                           \
            complain(o, "slow: %s", #call);                             \
        }                                                               \
    } while (0)

static owned *owned_of(conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &t_front_module);
}

/* --- spies -------------------------------------------------------------- */

static ap_filter_rec_t *spy_in;
static ap_filter_rec_t *spy_out;

static apr_status_t watch_input(ap_filter_t *f, apr_bucket_brigade *bb,
                                ap_input_mode_t mode, apr_read_type_e block,
                                apr_off_t want)
{
    owned *o = f->ctx;

    o->below++;
    if (o->in->mode == GW_IN_LOOP && block != APR_NONBLOCK_READ) {
        complain(o, "a blocking read, mode %d", mode);
    }
    if (o->in->mode != GW_IN_PASS && mode == AP_MODE_SPECULATIVE) {
        complain(o, "a speculative read");
    }
    return ap_get_brigade(f->next, bb, mode, block, want);
}

static apr_status_t watch_output(ap_filter_t *f, apr_bucket_brigade *bb)
{
    owned *o = f->ctx;
    apr_bucket *e;
    apr_off_t len = 0;

    if (o->out->mode == GW_OUT_LOOP) {
        if (o->c->data_in_output_filters) {
            complain(o, "core is not empty");
        }
        for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb);
             e = APR_BUCKET_NEXT(e)) {
            if (APR_BUCKET_IS_FLUSH(e) || AP_BUCKET_IS_EOR(e)
                || e->length == (apr_size_t)-1) {
                complain(o, "core gets a bucket of type %s", e->type->name);
            }
            len += e->length;
        }
        if (len > GW_FRONT_PASS) {
            complain(o, "core gets %" APR_OFF_T_FMT " bytes", len);
        }
    }
    return ap_pass_brigade(f->next, bb);
}

/* --- the loop ----------------------------------------------------------- */

static int wait_for_event(owned *o)
{
    struct epoll_event e;
    int state = 0;
    int n = 0;
    int i;

    for (i = 0; i < IDLE_MSEC / TICK_MSEC && state != AP_MPMQ_STOPPING
         && (n == 0 || (n < 0 && errno == EINTR)); i++) {
        n = epoll_wait(o->poll, &e, 1, TICK_MSEC);
        ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    }
    return n > 0;
}

/* Until no more than most bytes wait. @return the client takes them */
static int drain(owned *o, apr_off_t most)
{
    apr_status_t rv = APR_SUCCESS;

    while (rv != APR_SUCCESS || gw_front_out_len(o->out) > most
           || (!most && (gw_front_out_ends(o->out)
                         || o->c->data_in_output_filters))) {
        apr_off_t before = gw_front_out_len(o->out);
        int was = o->ended;

        TIMED(o, rv = gw_front_out_send(o->out));
        if (rv == APR_EINPROGRESS) {
            if (!o->out->hold || gw_front_out_len(o->out)
                || o->c->data_in_output_filters) {
                complain(o, "an end is due too early");
            }
            gw_front_out_end(o->out);
            if (o->ended != was + 1) {
                complain(o, "not the end: %d, %d", was, o->ended);
            }
            tell(o, "an end was held back");
        }
        else if (APR_STATUS_IS_EAGAIN(rv)) {
            if (gw_front_out_len(o->out) <= most && most) {
                break;
            }
            if (!wait_for_event(o)) {
                return 0;
            }
        }
        else if (rv == APR_INCOMPLETE) {
            if (before - gw_front_out_len(o->out)
                > GW_FRONT_SEND + GW_FRONT_PASS) {
                complain(o, "too much in one call");
            }
            tell(o, "a call had its share");
        }
        else if (rv != APR_SUCCESS) {
            if (!o->c->aborted) {
                complain(o, "not aborted");
            }
            gw_front_out_drop(o->out);
            return 0;
        }
    }
    return 1;
}

/* What it remembers of the last request would close an idle connection. */
static void drop_reqtimeout(conn_rec *c)
{
    ap_filter_t *f = c->input_filters;

    while (f && strcmp(f->frec->name, "reqtimeout") != 0) {
        f = f->next;
    }
    if (f) {
        ap_remove_input_filter(f);
    }
}

static void serve(owned *o, gw_in_mode mode)
{
    conn_rec *c = o->c;
    request_rec *r;
    int before = o->below;

    gw_front_in_mode(o->in, mode);
    gw_front_in_next(o->in);
    c->keepalive = AP_CONN_UNKNOWN;
    TIMED(o, r = ap_read_request(c));
    if (r && r->status == HTTP_OK) {
        int has_body = r->method_number == M_POST || r->uri[1] == 't';

        ap_process_async_request(r);
        if (!has_body && mode == GW_IN_LOOP && o->below != before) {
            complain(o, "a head was whole and more was read");
        }
    }
    gw_front_in_mode(o->in, GW_IN_LOOP);
    gw_front_out_mode(o->out, GW_OUT_LOOP);
    drain(o, 0);
    gw_front_out_hold_eor(o->out, 0);
}

/* @return what ended the connection, or NULL: a head is there */
static const char *await_head(owned *o, gw_head_state *phead)
{
    for (;;) {
        int drained;

        TIMED(o, *phead = gw_front_in_fill(o->in, &drained));
        if (!drain(o, 0)) {
            return "gone";
        }
        switch (*phead) {
        case GW_HEAD_NONE:
        case GW_HEAD_PART:
            break;
        case GW_HEAD_BROKEN:
            return "broken";
        case GW_HEAD_EOF:
            return gw_front_in_len(o->in) ? NULL : "EOF";
        default:
            return NULL;
        }
        if (drained && !wait_for_event(o)) {
            return "idle";
        }
    }
}

static const char *run_loop(owned *o)
{
    const char *why = NULL;
    gw_head_state head;

    while (!why) {
        why = await_head(o, &head);
        if (!why) {
            if (head == GW_HEAD_LONG) {
                tell(o, "a long head");
            }
            serve(o, head == GW_HEAD_LONG ? GW_IN_HELPER : GW_IN_LOOP);
            if (o->c->aborted) {
                why = "aborted";
            }
            else if (o->c->keepalive != AP_CONN_KEEPALIVE) {
                why = "close";
            }
        }
    }
    return why;
}

static int process_connection(conn_rec *c)
{
    owned *o = owned_of(c);
    struct epoll_event e = { EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                             { 0 } };
    int fd;

    if (!o || apr_os_sock_get(&fd, ap_get_conn_socket(c)) != APR_SUCCESS) {
        return DECLINED;
    }
    o->poll = epoll_create1(EPOLL_CLOEXEC);
    if (o->poll < 0 || epoll_ctl(o->poll, EPOLL_CTL_ADD, fd, &e) < 0) {
        complain(o, "no epoll");
        return DECLINED;
    }
    drop_reqtimeout(c);
    gw_front_in_mode(o->in, GW_IN_LOOP);
    gw_front_out_mode(o->out, GW_OUT_LOOP);
    tell(o, "end of the connection: %s", run_loop(o));
    close(o->poll);
    gw_front_in_mode(o->in, GW_IN_PASS);
    gw_front_out_mode(o->out, GW_OUT_PASS);
    if (c->cs) {
        c->cs->state = CONN_STATE_LINGER;
    }
    c->keepalive = AP_CONN_CLOSE;
    return DONE;
}

static int pre_connection(conn_rec *c, void *csd)
{
    owned *o;

    if (c->master) {
        return DECLINED;
    }
    o = apr_pcalloc(c->pool, sizeof(*o));
    o->c = c;
    o->in = gw_front_in_add(c);
    o->out = gw_front_out_add(c);
    if (spy) {
        ap_add_input_filter_handle(spy_in, o, NULL, c);
        ap_add_output_filter_handle(spy_out, o, NULL, c);
    }
    ap_set_module_config(c->conn_config, &t_front_module, o);
    return DECLINED;
}

static int log_transaction(request_rec *r)
{
    owned *o = owned_of(r->connection);

    if (o) {
        o->ended++;
    }
    return DECLINED;
}

/* --- requests ----------------------------------------------------------- */

static int asked(request_rec *r, const char *word)
{
    return r->args && strstr(r->args, word) != NULL;
}

typedef struct {
    apr_md5_ctx_t md5;
    apr_off_t len;
    int again;
    int eos;
} body_sum;

static apr_status_t sum_brigade(body_sum *sum, apr_bucket_brigade *bb)
{
    apr_bucket *e;

    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb);
         e = APR_BUCKET_NEXT(e)) {
        const char *data;
        apr_size_t len;
        apr_status_t rv;

        if (APR_BUCKET_IS_EOS(e)) {
            sum->eos = 1;
        }
        if (APR_BUCKET_IS_METADATA(e)) {
            continue;
        }
        rv = apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        apr_md5_update(&sum->md5, data, len);
        sum->len += len;
    }
    return APR_SUCCESS;
}

/* A piece of the body, waited for as a loop does. */
static apr_status_t read_some(owned *o, request_rec *r,
                              apr_bucket_brigade *bb, body_sum *sum)
{
    apr_status_t rv;

    apr_brigade_cleanup(bb);
    if (o->in->mode == GW_IN_HELPER) {
        rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES,
                            APR_BLOCK_READ, 4000);
    }
    else {
        TIMED(o, rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES,
                                     APR_NONBLOCK_READ, 20000));
        if (APR_STATUS_IS_EAGAIN(rv)) {
            sum->again++;
            if (!gw_front_in_drained(o->in)) {
                complain(o, "EAGAIN and not drained");
            }
            return wait_for_event(o) ? APR_SUCCESS : APR_TIMEUP;
        }
    }
    return rv == APR_SUCCESS ? sum_brigade(sum, bb) : rv;
}

static int sum_body(owned *o, request_rec *r)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool,
                                                r->connection->bucket_alloc);
    unsigned char digest[APR_MD5_DIGESTSIZE];
    char hex[2 * APR_MD5_DIGESTSIZE + 1];
    const char *trailer;
    body_sum sum = { .eos = 0 };
    apr_status_t rv = APR_SUCCESS;
    int i;

    apr_md5_init(&sum.md5);
    if (apr_table_get(r->headers_in, "Transfer-Encoding")) {
        gw_front_in_chunked(o->in);
    }
    while (rv == APR_SUCCESS && !sum.eos) {
        rv = read_some(o, r, bb, &sum);
        if (asked(r, "helper")) {
            /* there and back again */
            gw_front_in_mode(o->in, sum.len < 1000 || sum.len > 50000
                             ? GW_IN_LOOP : GW_IN_HELPER);
        }
    }
    gw_front_in_mode(o->in, GW_IN_LOOP);
    if (rv != APR_SUCCESS) {
        tell(o, "the body ends with status %d", rv);
        r->connection->keepalive = AP_CONN_CLOSE;
        return rv == AP_FILTER_ERROR ? AP_FILTER_ERROR : HTTP_BAD_REQUEST;
    }
    apr_md5_final(digest, &sum.md5);
    for (i = 0; i < APR_MD5_DIGESTSIZE; i++) {
        apr_snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    trailer = apr_table_get(r->trailers_in, "X-T");
    ap_set_content_type(r, "text/plain");
    ap_rprintf(r, "len=%" APR_OFF_T_FMT " md5=%s again=%d trailer=%s\n",
               sum.len, hex, sum.again, trailer ? trailer : "-");
    return OK;
}

static int big(owned *o, request_rec *r)
{
    apr_off_t left = r->args ? apr_atoi64(r->args) : 0;
    char piece[8000];
    apr_size_t i;
    int lines = 0;

    if (asked(r, "hold")) {
        gw_front_out_hold_eor(o->out, 1);
    }
    if (asked(r, "pass")) {
        gw_front_out_mode(o->out, GW_OUT_PASS);
    }
    ap_set_content_length(r, left);
    while (left > 0) {
        int n = left < (apr_off_t)sizeof(piece) ? (int)left
            : (int)sizeof(piece);

        for (i = 0; i + 8 <= sizeof(piece); i += 8) {
            apr_snprintf(piece + i, 8, "%07d", lines++ % 10000000);
            piece[i + 7] = '\n';
        }
        if (ap_rwrite(piece, n, r) < 0) {
            return OK;
        }
        left -= n;
        if (asked(r, "flush")) {
            TIMED(o, ap_rflush(r));
        }
        if (!asked(r, "all") && o->out->mode == GW_OUT_LOOP
            && gw_front_out_len(o->out) > GW_FRONT_OUT_HIGH) {
            if (gw_front_out_len(o->out) > 2 * GW_FRONT_OUT_HIGH) {
                complain(o, "too much waits");
            }
            if (!drain(o, GW_FRONT_OUT_HIGH)) {
                return OK;
            }
        }
    }
    return OK;
}

static int pipe_bucket(owned *o, request_rec *r)
{
    conn_rec *c = r->connection;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, c->bucket_alloc);
    apr_file_t *read_end;
    apr_file_t *write_end;
    apr_status_t rv;

    if (apr_file_pipe_create(&read_end, &write_end, r->pool)
        != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_pipe_create(read_end,
                                                       c->bucket_alloc));
    TIMED(o, rv = ap_pass_brigade(c->output_filters, bb));
    tell(o, "the pipe: %d, aborted %d", rv == APR_EGENERAL, c->aborted);
    return OK;
}

static void echo(owned *o, apr_bucket_brigade *bb)
{
    conn_rec *c = o->c;
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS) {
        TIMED(o, rv = ap_get_brigade(c->input_filters, bb,
                                     AP_MODE_READBYTES, APR_NONBLOCK_READ,
                                     8192));
        if (rv == APR_SUCCESS) {
            rv = ap_pass_brigade(c->output_filters, bb);
            apr_brigade_cleanup(bb);
            if (rv == APR_SUCCESS && !drain(o, GW_FRONT_OUT_HIGH)) {
                rv = APR_ECONNABORTED;
            }
        }
        else if (APR_STATUS_IS_EAGAIN(rv)) {
            ap_fflush(c->output_filters, bb);
            if (gw_front_out_len(o->out) && !drain(o, 0)) {
                return;
            }
            rv = wait_for_event(o) ? APR_SUCCESS : APR_TIMEUP;
        }
    }
    tell(o, "the tunnel ends: %s", APR_STATUS_IS_EOF(rv) ? "EOF" : "?");
}

static int tunnel(owned *o, request_rec *r)
{
    conn_rec *c = r->connection;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, c->bucket_alloc);

    gw_front_in_next(o->in);
    ap_fputs(c->output_filters, bb, "HTTP/1.1 101 Switching Protocols\r\n"
             "Upgrade: t\r\nConnection: Upgrade\r\n\r\n");
    ap_fflush(c->output_filters, bb);
    drain(o, 0);
    echo(o, bb);
    c->keepalive = AP_CONN_CLOSE;
    r->assbackwards = 1;
    return OK;
}

static int handler(request_rec *r)
{
    owned *o = owned_of(r->connection);

    if (!r->handler || strcmp(r->handler, "t-front") != 0 || !o) {
        return DECLINED;
    }
    switch (r->uri[1]) {
    case 's':
        return sum_body(o, r);
    case 'b':
        return big(o, r);
    case 'p':
        return pipe_bucket(o, r);
    case 't':
        return tunnel(o, r);
    default:
        return HTTP_NOT_FOUND;
    }
}

/* --- the module --------------------------------------------------------- */

static const char *set_spy(cmd_parms *cmd, void *conf, int on)
{
    spy = on;
    return NULL;
}

static const command_rec commands[] = {
    AP_INIT_FLAG("TFrontSpy", set_spy, NULL, RSRC_CONF,
                 "spies beside the filters"),
    { NULL }
};

static void register_hooks(apr_pool_t *pool)
{
    gw_front_in_register();
    gw_front_out_register();
    spy_in = ap_register_input_filter("SPY_IN", watch_input, NULL,
                                      AP_FTYPE_CONNECTION + 1);
    spy_out = ap_register_output_filter("SPY_OUT", watch_output, NULL,
                                        AP_FTYPE_NETWORK - 1);
    ap_hook_pre_connection(pre_connection, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_process_connection(process_connection, NULL, NULL,
                               APR_HOOK_REALLY_FIRST);
    ap_hook_log_transaction(log_transaction, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_FIRST);
}

module AP_MODULE_DECLARE_DATA
    __attribute__((visibility("default"))) t_front_module = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    NULL,
    NULL,
    commands,
    register_hooks
};
