#include "gw_h1_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include "gw_clock.h"
#include "gw_conn.h"

/* The largest request head sent: more than httpd accepts with its defaults
 * (100 fields and a request line of 8190 bytes each). */
#define HEAD_OUT_MAX ((apr_size_t)1024 * 1024)

typedef struct h1_stream h1_stream;
struct h1_stream {
    gw_stream s;                /* first: the port is the stream */
    /* const after the lease */
    gw_pool *pool;
    gw_lease lease;
    /* the driving thread */
    enum {
        NEW,                    /* nothing */
        IN_LINE,                /* waits for its turn */
        AT_WORK                 /* has a turn, and conn once it went on */
    } phase;
    gw_turn turn;
    gw_turn_state turn_state;   /* while in line */
    gw_time line_since;
    gw_time line_deadline;
    gw_conn *conn;
    int shed;                   /* made room for a socket once already */
    gw_time stuck_since;        /* bytes wait to be sent, none moved; or 0 */
    apr_off_t moved;            /* sent + received at that time */
    int keepalive;              /* of the final head */
    enum {
        OPEN,
        ENDS,                   /* send_end() in a tunnel: when out is empty */
        ENDED                   /* and the backend was told */
    } end;
    char why[600];
};

static apr_status_t failed(h1_stream *h, gw_fail fail, apr_status_t rv)
{
    h->s.fail = fail;
    h->s.why = h->why;
    return rv;
}

static apr_status_t conn_failed(h1_stream *h, apr_status_t rv)
{
    apr_cpystrn(h->why, h->conn->why, sizeof(h->why));
    return failed(h, h->conn->fail, rv);
}

/* --- open --------------------------------------------------------------- */

/* The limit that is in the way. */
static const char *limit_of(const h1_stream *h, int *pmax)
{
    const gw_conn_opts *opts = h->lease.opts;
    const gw_gauge *busy = h->lease.origin->busy;

    if (!opts->maxperchild
        || (opts->max && gw_inflight_count(busy) >= (unsigned)opts->max)) {
        *pmax = opts->max;
        return "max";
    }
    *pmax = opts->maxperchild;
    return "maxperchild";
}

static apr_status_t line_is_full(h1_stream *h)
{
    int queue = h->lease.opts->queue;
    int max;
    const char *limit = limit_of(h, &max);

    if (queue) {
        apr_snprintf(h->why, sizeof(h->why), "%d requests, as many as queue "
                     "allows, wait already for the %d connections that %s "
                     "allows to %s", queue, max, limit, h->s.origin->name);
    }
    else {
        apr_snprintf(h->why, sizeof(h->why), "all %d connections that %s "
                     "allows to %s are in use, and queue=0 lets nobody wait",
                     max, limit, h->s.origin->name);
    }
    return failed(h, GW_FAIL_BUSY, APR_ENOSPC);
}

static apr_status_t no_turn(h1_stream *h, const char *why, apr_status_t rv)
{
    apr_cpystrn(h->why, why, sizeof(h->why));
    return failed(h, GW_FAIL_INTERNAL, rv);
}

static apr_status_t stand_in_line(h1_stream *h)
{
    const gw_lease *lease = &h->lease;
    apr_status_t rv;

    if (lease->waker) {
        rv = lease->waker->arm(lease->waker);
        if (rv != APR_SUCCESS) {
            return no_turn(h, "no means to wait for a connection", rv);
        }
    }
    rv = gw_pool_enter(h->pool, lease->origin, &h->turn);
    if (rv == APR_EAGAIN) {
        gw_time span = lease->opts->queue_timeout;

        h->phase = IN_LINE;
        h->turn_state = gw_pool_look(h->pool, lease->origin, &h->turn);
        h->line_since = gw_now();
        h->line_deadline = gw_deadline(h->line_since, span ? span
                                       : lease->opts->connect_timeout);
    }
    return rv == APR_ENOSPC ? line_is_full(h) : rv;
}

static apr_status_t take_turn(h1_stream *h)
{
    apr_status_t rv;

    h->turn.opts = h->lease.opts;
    h->turn.waker = h->lease.waker;
    rv = gw_pool_try(h->pool, h->lease.origin, &h->turn);
    if (rv == APR_EAGAIN) {
        rv = stand_in_line(h);
    }
    if (rv == APR_SUCCESS) {
        h->phase = AT_WORK;
    }
    return rv == APR_ENOMEM ? no_turn(h, "out of memory", rv) : rv;
}

static apr_status_t wait_in_line(h1_stream *h)
{
    const char *limit;
    int max;

    h->turn_state = gw_pool_look(h->pool, h->lease.origin, &h->turn);
    if (h->turn_state == GW_TURN_GRANTED) {
        h->phase = AT_WORK;
        return APR_SUCCESS;
    }
    if (gw_now() < h->line_deadline) {
        return APR_EAGAIN;
    }
    limit = limit_of(h, &max);
    apr_snprintf(h->why, sizeof(h->why), "all %d connections that %s allows "
                 "to %s are in use, for %" APR_INT64_T_FMT " ms now", max,
                 limit, h->s.origin->name,
                 (apr_int64_t)((gw_now() - h->line_since) / 1000));
    return failed(h, GW_FAIL_BUSY, APR_TIMEUP);
}

static gw_time ttl_of(const h1_stream *h)
{
    gw_time ttl = h->lease.opts->ttl;

    return ttl > 0 ? ttl : GW_IDLE_DEFAULT;
}

static apr_status_t get_conn(h1_stream *h)
{
    const gw_lease *lease = &h->lease;

    if (!lease->fresh && !lease->opts->disablereuse) {
        h->conn = gw_pool_take(h->pool, lease->origin, ttl_of(h),
                               lease->home);
    }
    if (h->conn) {
        h->s.reused = 1;
    }
    else {
        h->conn = gw_conn_create(lease->origin,
                                 gw_pool_params_of(h->pool)->limits);
    }
    if (!h->conn) {
        apr_cpystrn(h->why, "out of memory", sizeof(h->why));
        return failed(h, GW_FAIL_INTERNAL, APR_ENOMEM);
    }
    h->conn->home = lease->home;
    gw_conn_begin(h->conn, lease->logger);
    return APR_SUCCESS;
}

static int out_of_descriptors(apr_status_t rv)
{
    return rv == EMFILE || rv == ENFILE;
}

static apr_status_t connect_conn(h1_stream *h)
{
    const gw_lease *lease = &h->lease;
    apr_status_t rv;

    rv = gw_conn_open(h->conn, gw_pool_params_of(h->pool)->resolver,
                      lease->opts, lease->waker, lease->logger);
    apr_cpystrn(h->s.addr, h->conn->addr, sizeof(h->s.addr));
    if (rv == APR_SUCCESS) {
        if (!h->s.reused) {
            h->s.connect_time = gw_now() - h->conn->connect_started;
        }
        h->s.tls = h->conn->tls ? gw_tls_version(h->conn->tls) : NULL;
        h->conn->exchanges++;
        return APR_SUCCESS;
    }
    return rv == APR_EAGAIN ? rv : conn_failed(h, rv);
}

static apr_status_t work(h1_stream *h)
{
    apr_status_t rv = h->conn ? APR_SUCCESS : get_conn(h);

    if (rv == APR_SUCCESS) {
        rv = connect_conn(h);
    }
    return rv;
}

static apr_status_t h1_open(gw_stream *s)
{
    h1_stream *h = (h1_stream *)s;
    apr_status_t rv = APR_SUCCESS;

    if (h->phase == NEW) {
        rv = take_turn(h);
    }
    else if (h->phase == IN_LINE) {
        rv = wait_in_line(h);
    }
    if (rv == APR_SUCCESS) {
        rv = work(h);
    }
    if (out_of_descriptors(rv) && h->phase == AT_WORK && !h->shed
        && gw_pool_shed(h->pool)) {
        h->shed = 1;
        h->s.fail = GW_OK;
        gw_conn_destroy(&h->conn);
        rv = work(h);
    }
    return rv;
}

/* --- request ------------------------------------------------------------ */

static apr_status_t codec_refused(h1_stream *h, apr_status_t rv)
{
    const char *why = h->conn->h1.why;

    apr_snprintf(h->why, sizeof(h->why), "the request cannot be sent: %s",
                 rv == APR_ENOMEM || !why ? "out of memory" : why);
    return failed(h, GW_FAIL_INTERNAL, rv);
}

static int in_tunnel(const h1_stream *h)
{
    return h->conn->h1.res == GW_H1_TUNNEL;
}

static apr_status_t h1_send_head(gw_stream *s, const gw_req_head *head)
{
    h1_stream *h = (h1_stream *)s;
    gw_conn *conn = h->conn;
    apr_status_t rv;

    conn->out.limit = HEAD_OUT_MAX;
    rv = gw_h1_start(&conn->h1, head, &conn->out);
    /* after a larger one the body waits until that much has gone */
    conn->out.limit = gw_bufq_len(&conn->out) > GW_CONN_OUT_MAX
        ? gw_bufq_len(&conn->out) : GW_CONN_OUT_MAX;
    return rv == APR_SUCCESS ? rv : codec_refused(h, rv);
}

static apr_status_t write_is_over(h1_stream *h)
{
    conn_failed(h, APR_ECONNRESET);
    return failed(h, GW_FAIL_RESET, APR_ECONNRESET);
}

static apr_status_t h1_send(gw_stream *s, const char *data, apr_size_t len,
                            apr_size_t *pn)
{
    h1_stream *h = (h1_stream *)s;
    gw_conn *conn = h->conn;
    apr_status_t rv;

    *pn = 0;
    if (conn->write_failed) {
        return write_is_over(h);
    }
    rv = gw_h1_send(&conn->h1, data, len, &conn->out, pn);
    return rv == APR_SUCCESS || rv == APR_EAGAIN ? rv : codec_refused(h, rv);
}

static apr_status_t h1_send_end(gw_stream *s)
{
    h1_stream *h = (h1_stream *)s;
    gw_conn *conn = h->conn;
    apr_status_t rv;

    if (conn->write_failed) {
        return write_is_over(h);
    }
    if (in_tunnel(h)) {
        h->end = h->end == OPEN ? ENDS : h->end;
        return APR_SUCCESS;
    }
    rv = gw_h1_send_end(&conn->h1, &conn->out);
    return rv == APR_SUCCESS || rv == APR_EAGAIN ? rv : codec_refused(h, rv);
}

/* When the send queue counts as stuck, given that it is not empty. Bytes in
 * either direction show that the backend lives. */
static gw_time send_deadline(h1_stream *h)
{
    apr_off_t moved = h->conn->sent + h->conn->received;

    if (!h->stuck_since || moved != h->moved) {
        h->stuck_since = gw_now();
        h->moved = moved;
    }
    return gw_deadline(h->stuck_since, h->lease.opts->timeout);
}

static apr_status_t send_blocked(h1_stream *h)
{
    if (in_tunnel(h) || gw_now() < send_deadline(h)) {
        return APR_EAGAIN;
    }
    apr_snprintf(h->why, sizeof(h->why), "%s took no bytes of the request "
                 "for %" APR_INT64_T_FMT " ms", h->conn->addr,
                 (apr_int64_t)(h->lease.opts->timeout / 1000));
    h->conn->write_failed = 1;
    return failed(h, GW_FAIL_SEND_TIMEOUT, APR_TIMEUP);
}

/* A tunnel may rest for hours: it holds no memory meanwhile. */
static apr_status_t tunnel_flushed(h1_stream *h)
{
    apr_status_t rv = APR_SUCCESS;

    gw_bufq_free(&h->conn->out);
    if (h->end == ENDS) {
        rv = gw_conn_end(h->conn);
        h->end = rv == APR_SUCCESS ? ENDED : h->end;
    }
    return rv;
}

static apr_status_t h1_flush(gw_stream *s)
{
    h1_stream *h = (h1_stream *)s;
    gw_conn *conn = h->conn;
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && gw_bufq_len(&conn->out)) {
        rv = gw_conn_flush(conn);
    }
    if (rv == APR_EAGAIN) {
        return send_blocked(h);
    }
    if (rv != APR_SUCCESS) {
        return conn_failed(h, rv);
    }
    h->stuck_since = 0;
    if (conn->out.limit > GW_CONN_OUT_MAX) {
        conn->out.limit = GW_CONN_OUT_MAX;
        gw_bufq_free(&conn->out);
    }
    return in_tunnel(h) ? tunnel_flushed(h) : APR_SUCCESS;
}

/* --- response ----------------------------------------------------------- */

/* The codec broke: its class, and whichever text says more. */
static apr_status_t response_failed(h1_stream *h, apr_status_t rv)
{
    const gw_conn *conn = h->conn;
    const char *why = conn->h1.why ? conn->h1.why : "bad response";

    if (conn->peer_closed && *conn->why) {
        apr_snprintf(h->why, sizeof(h->why), "%s: %s", why, conn->why);
    }
    else {
        apr_cpystrn(h->why, why, sizeof(h->why));
    }
    return failed(h, conn->h1.fail, rv);
}

/* The codec wants more than there is. APR_SUCCESS there is more now,
 * APR_EAGAIN, APR_EOF complete by the close, or failed. */
static apr_status_t more(h1_stream *h)
{
    gw_conn *conn = h->conn;
    apr_status_t rv = gw_conn_fill(conn);

    if (rv == APR_SUCCESS || rv == APR_EAGAIN) {
        return rv;
    }
    if (!conn->peer_closed) {
        return conn_failed(h, rv);
    }
    rv = gw_h1_peer_closed(&conn->h1, &conn->in, conn->peer_clean);
    return rv == APR_EOF ? rv : response_failed(h, rv);
}

static apr_status_t h1_read_head(gw_stream *s, apr_pool_t *pool,
                                 gw_res_head **phead)
{
    h1_stream *h = (h1_stream *)s;
    gw_conn *conn = h->conn;
    apr_status_t rv;

    do {
        rv = gw_h1_read_head(&conn->h1, &conn->in, pool, phead);
        if (rv == APR_SUCCESS) {
            if (!gw_msg_is_interim(*phead)) {
                h->keepalive = (*phead)->keepalive;
            }
            return rv;
        }
        if (rv != APR_EAGAIN) {
            return response_failed(h, rv);
        }
        rv = more(h);
    } while (rv == APR_SUCCESS);
    return rv;
}

static apr_status_t h1_read_body(gw_stream *s, const char **pdata,
                                 apr_size_t *plen)
{
    h1_stream *h = (h1_stream *)s;
    gw_conn *conn = h->conn;
    apr_status_t rv;

    do {
        rv = gw_h1_read_body(&conn->h1, &conn->in, pdata, plen);
        if (rv == APR_SUCCESS || rv == APR_EOF) {
            return rv;
        }
        if (rv != APR_EAGAIN) {
            return response_failed(h, rv);
        }
        rv = more(h);
    } while (rv == APR_SUCCESS);
    if (rv == APR_EAGAIN && in_tunnel(h)) {
        gw_bufq_free(&conn->in);
    }
    return rv;
}

/* --- the rest ----------------------------------------------------------- */

static void h1_wants(gw_stream *s, int reading, gw_wants *w)
{
    h1_stream *h = (h1_stream *)s;

    if (h->phase == IN_LINE) {
        w->wakeup = 1;
        gw_wants_until(w, h->line_deadline);
        if (h->turn_state == GW_TURN_LOOKS_OUT) {
            gw_wants_until(w, gw_now() + gw_pool_tick(h->s.origin));
        }
    }
    else if (h->conn) {
        gw_conn_wants(h->conn, reading, w);
        if (gw_bufq_len(&h->conn->out) && !h->conn->write_failed
            && !in_tunnel(h)) {
            gw_wants_until(w, send_deadline(h));
        }
    }
}

static const char *h1_tried(gw_stream *s, apr_pool_t *pool)
{
    h1_stream *h = (h1_stream *)s;

    return h->conn && !s->reused ? gw_conn_tried(h->conn, pool)
                                 : apr_pstrdup(pool, s->addr);
}

static void h1_counts(gw_stream *s, apr_off_t *psent, apr_off_t *precv)
{
    h1_stream *h = (h1_stream *)s;

    *psent = h->conn ? h->conn->sent : 0;
    *precv = h->conn ? h->conn->received : 0;
}

gw_time gw_h1_stream_idle_time(gw_time ttl, int keepalive)
{
    gw_time idle = ttl > 0 ? ttl : GW_IDLE_DEFAULT;

    if (keepalive >= 0) {
        /* the backend counts from an earlier moment than we do */
        idle = gw_earlier(idle, keepalive > 1 ? GW_SEC(keepalive - 1) : 0);
    }
    return idle;
}

static void h1_release(gw_stream **ps, int keep)
{
    h1_stream *h = (h1_stream *)*ps;
    gw_time idle = gw_h1_stream_idle_time(h->lease.opts->ttl, h->keepalive);

    *ps = NULL;
    if (h->conn && keep && idle > 0 && !h->lease.opts->disablereuse
        && gw_conn_reusable(h->conn)) {
        gw_conn_rest(h->conn);
        gw_pool_put(h->pool, h->lease.origin, h->conn, idle);
    }
    else {
        gw_conn_destroy(&h->conn);
    }
    if (h->phase != NEW) {
        gw_pool_leave(h->pool, h->lease.origin, &h->turn);
    }
    free(h);
}

static const gw_stream_ops h1_ops = {
    h1_open,
    h1_send_head,
    h1_send,
    h1_send_end,
    h1_flush,
    h1_read_head,
    h1_read_body,
    h1_wants,
    h1_counts,
    h1_tried,
    h1_release
};

gw_stream *gw_h1_stream_create(gw_pool *pool, const gw_lease *lease)
{
    h1_stream *h = calloc(1, sizeof(*h));

    if (!h) {
        return NULL;
    }
    h->s.ops = &h1_ops;
    h->s.origin = lease->origin;
    h->s.why = "";
    h->pool = pool;
    h->lease = *lease;
    h->keepalive = -1;
    APR_RING_ELEM_INIT(&h->turn, link);
    return &h->s;
}
