#include "gw_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include "gw_clock.h"
#include "gw_sock.h"

/* Empty lines before a head and a read's worth of body behind it. */
#define IN_SLACK GW_IO_SIZE

/* How soon to try a UNIX socket again whose listen queue was full; the kernel
 * has no event for that. */
#define QUEUE_FULL_WAIT GW_MSEC(10)

#define CONN_FMT "conn %" APR_UINT64_T_FMT " %s"
#define CONN_ARG(c) (c)->id, (c)->origin->name

/* Sockets are numbered in the order of their creation; atomic. */
static apr_uint64_t last_serial;

static const char *const state_names[] = {
    "NEW", "RESOLVING", "CONNECTING", "SECURING", "READY", "CLOSED"
};

static void drop_transport(gw_conn *conn)
{
    if (conn->lookup) {
        gw_lookup_cancel(&conn->lookup);
    }
    if (conn->tls) {
        gw_tls_destroy(&conn->tls);
    }
    gw_sock_close(&conn->fd);
}

static void transit(gw_conn *conn, gw_conn_state to, const char *why)
{
    gw_log(conn->logger, GW_LOG_TRACE2, APR_SUCCESS,
           CONN_FMT ": [%s] -- %s --> [%s]", CONN_ARG(conn),
           state_names[conn->state], why, state_names[to]);
    conn->state = to;
    if (to == GW_CONN_CLOSED) {
        drop_transport(conn);
    }
}

static apr_status_t give_up(gw_conn *conn, gw_fail fail, apr_status_t rv)
{
    conn->fail = fail;
    transit(conn, GW_CONN_CLOSED, conn->why);
    return rv;
}

gw_conn *gw_conn_create(const gw_origin *origin, const gw_h1_limits *limits)
{
    static apr_uint64_t last_id;
    gw_conn *conn = calloc(1, sizeof(*conn));

    if (!conn) {
        return NULL;
    }
    conn->origin = origin;
    conn->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    conn->fd = -1;
    conn->read_size = GW_IO_SIZE;
    conn->read_events = GW_WANT_READ;
    conn->write_events = GW_WANT_WRITE;
    gw_h1_init(&conn->h1, limits);
    gw_bufq_init(&conn->in, conn->h1.limits.line + conn->h1.limits.head
                 + IN_SLACK);
    gw_bufq_init(&conn->out, GW_CONN_OUT_MAX);
    APR_RING_ELEM_INIT(conn, link);
    APR_RING_ELEM_INIT(conn, lru);
    return conn;
}

void gw_conn_destroy(gw_conn **pconn)
{
    gw_conn *conn = *pconn;

    *pconn = NULL;
    if (!conn) {
        return;
    }
    if (conn->state == GW_CONN_READY && conn->tls) {
        gw_tls_shutdown(conn->tls);
    }
    if (conn->state != GW_CONN_CLOSED) {
        transit(conn, GW_CONN_CLOSED, "end of use");
    }
    gw_bufq_free(&conn->in);
    gw_bufq_free(&conn->out);
    if (conn->addrs) {
        gw_addrset_release(&conn->addrs);
    }
    free(conn);
}

void gw_conn_begin(gw_conn *conn, const gw_logger *logger)
{
    conn->logger = logger;
    conn->sent = conn->received = 0;
    conn->fail = GW_OK;
    conn->why[0] = '\0';
}

void gw_conn_rest(gw_conn *conn)
{
    conn->logger = NULL;
    conn->read_size = GW_IO_SIZE;
    gw_bufq_free(&conn->in);
    gw_bufq_free(&conn->out);
}

/* --- towards READY ------------------------------------------------------ */

/* @param limit  how long a lookup may take */
static apr_status_t resolved(gw_conn *conn, apr_status_t rv, gw_time limit)
{
    const char *host = conn->origin->host;

    if (rv == APR_SUCCESS) {
        conn->step_deadline = 0;
        transit(conn, GW_CONN_CONNECTING, "addresses known");
        return APR_SUCCESS;
    }
    if (rv == APR_EAGAIN) {
        if (conn->state == GW_CONN_NEW) {
            conn->step_deadline = gw_deadline(gw_now(), limit);
            transit(conn, GW_CONN_RESOLVING, "lookup begun");
        }
        return APR_EAGAIN;
    }
    apr_snprintf(conn->why, sizeof(conn->why), rv == APR_ENOENT
                 ? "the name %s does not exist or has no address"
                 : rv == APR_TIMEUP
                 ? "the name %s could not be resolved: no answer from the "
                   "name servers in time"
                 : "the name %s could not be resolved: no usable answer from "
                   "the name servers", host);
    return give_up(conn, rv == APR_TIMEUP ? GW_FAIL_RESOLVE_TIMEOUT
                   : GW_FAIL_RESOLVE, rv);
}

static apr_status_t begin(gw_conn *conn, gw_resolver *resolver,
                          gw_waker *waker, gw_time limit)
{
    conn->connect_started = gw_now();
    if (conn->origin->literal) {
        conn->addrs = gw_addrset_ref(conn->origin->literal);
        return resolved(conn, APR_SUCCESS, limit);
    }
    return resolved(conn, gw_resolve(resolver, conn->origin->host, waker,
                                     &conn->addrs, &conn->lookup), limit);
}

static apr_status_t resolving(gw_conn *conn, gw_time limit)
{
    apr_status_t rv = gw_lookup_result(&conn->lookup, &conn->addrs);

    if (rv == APR_EAGAIN && gw_now() >= conn->step_deadline) {
        rv = gw_lookup_expire(&conn->lookup, &conn->addrs);
    }
    return resolved(conn, rv, limit);
}

static gw_fail connect_fail(apr_status_t rv)
{
    switch (rv) {
    case APR_TIMEUP:
    case ETIMEDOUT:
        return GW_FAIL_CONNECT_TIMEOUT;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
        return GW_FAIL_INTERNAL;
    default:
        return GW_FAIL_REFUSED;
    }
}

static void explain_connect(gw_conn *conn, apr_status_t rv, gw_time limit)
{
    char text[128];

    if (rv == ECONNREFUSED) {
        apr_cpystrn(text, "refused", sizeof(text));
    }
    else if (rv == APR_TIMEUP) {
        apr_snprintf(text, sizeof(text), "not answered within %"
                     APR_INT64_T_FMT " ms", (apr_int64_t)(limit / 1000));
    }
    else {
        char err[100];

        apr_snprintf(text, sizeof(text), "failed: %s",
                     apr_strerror(rv, err, sizeof(err)));
    }
    if (conn->addrs->n > 1) {
        apr_snprintf(conn->why, sizeof(conn->why),
                     "connect to %s %s (address %d of %d)", conn->addr, text,
                     conn->next_addr + 1, conn->addrs->n);
    }
    else {
        apr_snprintf(conn->why, sizeof(conn->why), "connect to %s %s",
                     conn->addr, text);
    }
}

/* One try of the address under way: begin it, or see how it went. */
static apr_status_t try_address(gw_conn *conn, gw_time limit)
{
    const gw_origin *origin = conn->origin;
    const gw_addr *addr = &conn->addrs->addrs[conn->next_addr];
    apr_status_t rv;

    if (conn->fd >= 0) {
        return gw_sock_connected(conn->fd);
    }
    if (!conn->step_deadline) {
        conn->step_deadline = gw_deadline(gw_now(), limit);
        gw_addr_text(addr, origin->port, conn->addr, sizeof(conn->addr));
    }
    conn->serial = __atomic_add_fetch(&last_serial, 1, __ATOMIC_RELAXED);
    rv = gw_sock_connect(addr, origin->port, origin->keepalive, &conn->fd);
    if (rv == APR_EINPROGRESS) {
        /* on loopback it is done by now, and a poll saved */
        rv = gw_sock_connected(conn->fd);
    }
    return rv;
}

static apr_status_t connecting(gw_conn *conn, gw_time limit)
{
    apr_status_t rv = APR_ENOENT;

    while (conn->next_addr < conn->addrs->n) {
        rv = try_address(conn, limit);
        if (rv == APR_SUCCESS) {
            conn->step_deadline = 0;
            conn->quiet = !conn->origin->tls;
            transit(conn, conn->origin->tls ? GW_CONN_SECURING
                    : GW_CONN_READY, "connected");
            return APR_SUCCESS;
        }
        if (rv == APR_EINPROGRESS || rv == APR_EAGAIN) {
            if (gw_now() < conn->step_deadline) {
                return APR_EAGAIN;
            }
            rv = APR_TIMEUP;
        }
        gw_sock_close(&conn->fd);
        explain_connect(conn, rv, limit);
        if (rv == EMFILE || rv == ENFILE) {
            break;
        }
        gw_log(conn->logger, GW_LOG_DEBUG, APR_SUCCESS,
               GWNO(00700) CONN_FMT ": %s", CONN_ARG(conn), conn->why);
        conn->next_addr++;
        conn->step_deadline = 0;
    }
    return give_up(conn, connect_fail(rv), rv);
}

static apr_status_t securing(gw_conn *conn, gw_time limit)
{
    apr_status_t rv;

    if (!conn->tls) {
        conn->tls = gw_tls_create(conn->origin->tls, conn->fd);
        if (!conn->tls) {
            apr_cpystrn(conn->why, "out of memory for TLS",
                        sizeof(conn->why));
            return give_up(conn, GW_FAIL_INTERNAL, APR_ENOMEM);
        }
        conn->step_deadline = gw_deadline(gw_now(), limit);
    }
    rv = gw_tls_handshake(conn->tls, &conn->read_events);
    if (rv == APR_SUCCESS) {
        conn->read_events = GW_WANT_READ;
        transit(conn, GW_CONN_READY, "TLS handshake done");
        return APR_SUCCESS;
    }
    if (rv != APR_EAGAIN) {
        apr_cpystrn(conn->why, gw_tls_why(conn->tls), sizeof(conn->why));
        return give_up(conn, gw_tls_rejected(conn->tls) ? GW_FAIL_CERT
                       : GW_FAIL_TLS, rv);
    }
    if (gw_now() < conn->step_deadline) {
        return APR_EAGAIN;
    }
    apr_snprintf(conn->why, sizeof(conn->why), "TLS handshake with %s not "
                 "done within %" APR_INT64_T_FMT " ms", conn->addr,
                 (apr_int64_t)(limit / 1000));
    return give_up(conn, GW_FAIL_TLS_TIMEOUT, APR_TIMEUP);
}

const char *gw_conn_tried(const gw_conn *conn, apr_pool_t *pool)
{
    const char *tried = "";
    char addr[sizeof(conn->addr)];
    int i;

    if (!*conn->addr) {
        return tried;
    }
    for (i = 0; i < conn->addrs->n && i <= conn->next_addr; i++) {
        gw_addr_text(&conn->addrs->addrs[i], conn->origin->port, addr,
                     sizeof(addr));
        tried = apr_pstrcat(pool, tried, i ? ", " : "", addr, NULL);
    }
    return tried;
}

static void log_ready(const gw_conn *conn)
{
    gw_log(conn->logger, GW_LOG_DEBUG, APR_SUCCESS,
           GWNO(00701) CONN_FMT ": connected to %s in %" APR_INT64_T_FMT
           " us%s%s%s", CONN_ARG(conn), conn->addr,
           (apr_int64_t)(gw_now() - conn->connect_started),
           conn->tls ? ", " : "", conn->tls ? gw_tls_version(conn->tls) : "",
           conn->tls && gw_tls_resumed(conn->tls) ? " resumed" : "");
}

apr_status_t gw_conn_open(gw_conn *conn, gw_resolver *resolver,
                          const gw_conn_opts *opts, gw_waker *waker,
                          const gw_logger *logger)
{
    gw_time limit = opts->connect_timeout;
    apr_status_t rv = APR_SUCCESS;

    conn->logger = logger;
    while (rv == APR_SUCCESS && conn->state != GW_CONN_READY) {
        switch (conn->state) {
        case GW_CONN_NEW:
            rv = begin(conn, resolver, waker, limit);
            break;
        case GW_CONN_RESOLVING:
            rv = resolving(conn, limit);
            break;
        case GW_CONN_CONNECTING:
            rv = connecting(conn, limit);
            break;
        case GW_CONN_SECURING:
            rv = securing(conn, limit);
            break;
        default:
            return APR_EGENERAL;
        }
        if (conn->state == GW_CONN_READY) {
            log_ready(conn);
        }
    }
    return rv;
}

/* --- READY -------------------------------------------------------------- */

static void explain_io(gw_conn *conn, const char *what, apr_status_t rv)
{
    char err[200];

    if (conn->tls && *gw_tls_why(conn->tls)) {
        apr_snprintf(conn->why, sizeof(conn->why), "%s %s failed: %s", what,
                     conn->addr, gw_tls_why(conn->tls));
    }
    else {
        apr_snprintf(conn->why, sizeof(conn->why), "%s %s failed: %s", what,
                     conn->addr, apr_strerror(rv, err, sizeof(err)));
    }
    conn->fail = GW_FAIL_RESET;
}

static int in_body(const gw_conn *conn)
{
    return conn->h1.res == GW_H1_LENGTH || conn->h1.res == GW_H1_CHUNKED
           || conn->h1.res == GW_H1_CLOSE || conn->h1.res == GW_H1_TUNNEL;
}

static apr_status_t in_is_full(gw_conn *conn)
{
    apr_cpystrn(conn->why, "no room for more of the response",
                sizeof(conn->why));
    conn->fail = GW_FAIL_LIMIT;
    return APR_ENOSPC;
}

apr_status_t gw_conn_fill(gw_conn *conn)
{
    apr_size_t want = gw_bufq_room(&conn->in);
    apr_size_t room, n;
    apr_status_t rv;
    char *to;

    if (conn->peer_closed) {
        return APR_EOF;
    }
    if (conn->quiet) {
        conn->quiet = 0;
        return APR_EAGAIN;
    }
    if (want > conn->read_size) {
        want = conn->read_size;
    }
    to = want ? gw_bufq_reserve(&conn->in, want, &room) : NULL;
    if (!to) {
        return in_is_full(conn);
    }
    rv = conn->tls
        ? gw_tls_read(conn->tls, to, room, &n, &conn->read_events)
        : gw_sock_read(conn->fd, to, room, &n);
    if (rv == APR_SUCCESS) {
        gw_bufq_commit(&conn->in, n);
        conn->received += (apr_off_t)n;
        if (n == room && in_body(conn)
            && conn->read_size < GW_CONN_READ_MAX) {
            conn->read_size *= 2;
        }
    }
    else if (rv == APR_EAGAIN) {
        if (!gw_bufq_len(&conn->in)) {
            gw_bufq_free(&conn->in);
        }
    }
    else {
        conn->peer_closed = 1;
        conn->peer_clean = rv == APR_EOF;
        if (rv != APR_EOF) {
            explain_io(conn, "read from", rv);
        }
    }
    return rv;
}

apr_status_t gw_conn_flush(gw_conn *conn)
{
    apr_size_t len = gw_bufq_len(&conn->out);
    apr_size_t n;
    apr_status_t rv;

    if (conn->write_failed) {
        return APR_ECONNRESET;
    }
    if (!len) {
        return APR_SUCCESS;
    }
    rv = conn->tls
        ? gw_tls_write(conn->tls, gw_bufq_data(&conn->out), len, &n,
                       &conn->write_events)
        : gw_sock_write(conn->fd, gw_bufq_data(&conn->out), len, &n);
    if (rv == APR_SUCCESS) {
        gw_bufq_skip(&conn->out, n);
        conn->sent += (apr_off_t)n;
    }
    else if (rv != APR_EAGAIN) {
        conn->write_failed = 1;
        explain_io(conn, "write to", rv);
    }
    return rv;
}

apr_status_t gw_conn_end(gw_conn *conn)
{
    apr_status_t rv = APR_SUCCESS;

    if (conn->tls) {
        rv = gw_tls_end(conn->tls, &conn->write_events);
    }
    else {
        gw_sock_end(conn->fd);
    }
    conn->ending = rv == APR_EAGAIN;
    return rv;
}

static void want_io(const gw_conn *conn, int events, gw_wants *w)
{
    gw_wants_socket(w, conn->fd, conn->serial, events);
}

static void ready_wants(const gw_conn *conn, int reading, gw_wants *w)
{
    if ((gw_bufq_len(&conn->out) || conn->ending) && !conn->write_failed) {
        want_io(conn, conn->tls ? conn->write_events : GW_WANT_WRITE, w);
    }
    if (reading && !conn->peer_closed) {
        want_io(conn, conn->tls ? conn->read_events : GW_WANT_READ, w);
        if (conn->tls && gw_tls_pending(conn->tls)) {
            gw_wants_until(w, gw_now());
        }
    }
}

void gw_conn_wants(const gw_conn *conn, int reading, gw_wants *w)
{
    switch (conn->state) {
    case GW_CONN_RESOLVING:
        gw_wants_until(w, conn->step_deadline);
        w->wakeup = 1;
        break;
    case GW_CONN_CONNECTING:
        gw_wants_until(w, conn->step_deadline);
        if (conn->fd >= 0) {
            want_io(conn, GW_WANT_WRITE, w);
        }
        else {
            gw_wants_until(w, gw_now() + QUEUE_FULL_WAIT);
        }
        break;
    case GW_CONN_SECURING:
        gw_wants_until(w, conn->step_deadline);
        want_io(conn, conn->read_events, w);
        break;
    case GW_CONN_READY:
        ready_wants(conn, reading, w);
        break;
    default:
        break;
    }
}

int gw_conn_alive(gw_conn *conn)
{
    apr_size_t n;
    int events;
    char c;

    if (conn->state != GW_CONN_READY || conn->peer_closed
        || conn->write_failed || gw_bufq_len(&conn->in)) {
        return 0;
    }
    if (!conn->tls || !gw_tls_buffered(conn->tls)) {
        conn->quiet = gw_sock_idle_alive(conn->fd);
    }
    if (!conn->tls || conn->quiet) {
        return conn->quiet;
    }
    /* what came may be a session ticket: OpenSSL takes it in and then says
     * EAGAIN; a byte of content is one too many */
    return gw_tls_read(conn->tls, &c, 1, &n, &events) == APR_EAGAIN;
}

int gw_conn_reusable(const gw_conn *conn)
{
    return conn->state == GW_CONN_READY && !conn->peer_closed
           && !conn->write_failed
           && !(conn->tls && gw_tls_pending(conn->tls))
           && gw_h1_reusable(&conn->h1, &conn->in, &conn->out);
}
