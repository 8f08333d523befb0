#include "gw_tunnel.h"

#include <string.h>

#include "gw_clock.h"

typedef enum {
    WAITS,                      /* for its source or its sink, or is closed */
    MOVES,
    BREAKS                      /* the tunnel has ended */
} outcome;

static outcome end(gw_tunnel *t, gw_fail fail, const char *why)
{
    t->ended = 1;
    t->fail = fail;
    t->why = why;
    return BREAKS;
}

static outcome client_broke(gw_tunnel *t)
{
    return end(t, GW_FAIL_CLIENT, "the client broke off");
}

static apr_off_t stream_sent(const gw_tunnel *t)
{
    apr_off_t sent, received;

    t->stream->ops->counts(t->stream, &sent, &received);
    return sent;
}

apr_off_t gw_tunnel_sent(const gw_tunnel *t)
{
    return stream_sent(t) - t->sent_before;
}

static void took(gw_tunnel_way *way, apr_size_t n)
{
    way->data += n;
    way->len -= n;
    way->turn -= n < way->turn ? n : way->turn;
    way->unflushed = 1;
}

/* -- client to backend ------------------------------------------------- */

/* Nothing more can be sent; what the backend says may explain why. */
static outcome close_up(gw_tunnel *t)
{
    t->up.state = GW_WAY_CLOSED;
    t->up.len = 0;
    t->up.unflushed = 0;
    return WAITS;
}

static outcome flush_up(gw_tunnel *t)
{
    apr_status_t rv = t->stream->ops->flush(t->stream);

    if (APR_STATUS_IS_EAGAIN(rv)) {
        return WAITS;
    }
    if (rv != APR_SUCCESS) {
        return close_up(t);
    }
    t->up.unflushed = 0;
    return MOVES;
}

static outcome send_up(gw_tunnel *t)
{
    gw_tunnel_way *up = &t->up;
    apr_size_t n = 0;
    apr_status_t rv;

    rv = t->stream->ops->send(t->stream, up->data, up->len, &n);
    if (APR_STATUS_IS_EAGAIN(rv)) {
        return flush_up(t);
    }
    if (rv != APR_SUCCESS) {
        return close_up(t);
    }
    took(up, n);
    return MOVES;
}

static outcome fetch_up(gw_tunnel *t)
{
    gw_tunnel_way *up = &t->up;
    apr_status_t rv = t->host->ops->read_body(t->host, &up->data, &up->len);

    if (rv == APR_SUCCESS) {
        t->moved_at = gw_now();
        return MOVES;
    }
    up->len = 0;
    if (APR_STATUS_IS_EAGAIN(rv)) {
        return WAITS;
    }
    if (!APR_STATUS_IS_EOF(rv)) {
        return client_broke(t);
    }
    if (t->stream->ops->send_end(t->stream) != APR_SUCCESS) {
        return close_up(t);
    }
    up->state = GW_WAY_ENDS;
    up->unflushed = 1;
    return MOVES;
}

static outcome run_up(gw_tunnel *t)
{
    outcome made = MOVES;

    while (t->up.state == GW_WAY_OPEN && t->up.turn && made == MOVES) {
        made = t->up.len ? send_up(t) : fetch_up(t);
    }
    if (made != BREAKS && t->up.unflushed && flush_up(t) == MOVES
        && t->up.state == GW_WAY_ENDS) {
        close_up(t);
    }
    return made;
}

/* -- backend to client ------------------------------------------------- */

/* What the client side said about bytes given to it. */
static outcome taken(gw_tunnel *t, apr_status_t rv)
{
    if (APR_STATUS_IS_EAGAIN(rv)) {
        t->down.blocked = 1;
        return WAITS;
    }
    return rv == APR_SUCCESS ? MOVES : client_broke(t);
}

static outcome send_down(gw_tunnel *t)
{
    gw_tunnel_way *down = &t->down;
    apr_size_t n = 0;
    outcome made;

    made = taken(t, t->host->ops->write_body(t->host, down->data, down->len,
                                             &n));
    if (made == MOVES) {
        down->blocked = 0;
        took(down, n);
        t->moved_at = gw_now();
    }
    return made;
}

static outcome fetch_down(gw_tunnel *t)
{
    gw_tunnel_way *down = &t->down;
    apr_status_t rv;

    rv = t->stream->ops->read_body(t->stream, &down->data, &down->len);
    if (rv == APR_SUCCESS) {
        t->received += (apr_off_t)down->len;
        t->moved_at = gw_now();
        return MOVES;
    }
    down->len = 0;
    if (APR_STATUS_IS_EAGAIN(rv)) {
        return WAITS;
    }
    if (!APR_STATUS_IS_EOF(rv)) {
        return end(t, t->stream->fail, t->stream->why);
    }
    down->state = GW_WAY_ENDS;
    return MOVES;
}

/* A client that cannot be closed by half is closed whole. */
static outcome close_down(gw_tunnel *t)
{
    apr_status_t rv = t->host->ops->shutdown(t->host);

    if (rv == APR_ENOTIMPL) {
        t->down.state = GW_WAY_CLOSED;
        return end(t, GW_OK, "the backend ended it");
    }
    if (taken(t, rv) == MOVES) {
        t->down.state = GW_WAY_CLOSED;
        t->down.blocked = 0;
    }
    return t->ended ? BREAKS : WAITS;
}

static outcome flush_down(gw_tunnel *t)
{
    outcome made = taken(t, t->host->ops->flush(t->host));

    if (made == MOVES) {
        t->down.unflushed = 0;
        t->down.blocked &= t->down.len != 0;
    }
    return made;
}

static outcome pump_down(gw_tunnel *t)
{
    gw_tunnel_way *down = &t->down;
    outcome made = MOVES;

    while (down->state == GW_WAY_OPEN && down->turn && made == MOVES) {
        made = down->len ? send_down(t) : fetch_down(t);
    }
    return made;
}

static outcome run_down(gw_tunnel *t)
{
    gw_tunnel_way *down = &t->down;
    outcome made;

    do {
        made = pump_down(t);
        if (made != BREAKS && down->unflushed) {
            made = flush_down(t);
        }
        /* a sink that was full may have room now */
    } while (made == MOVES && down->blocked && down->turn);
    if (made != BREAKS && down->state == GW_WAY_ENDS && !down->unflushed) {
        made = close_down(t);
    }
    return made;
}

/* -- both -------------------------------------------------------------- */

void gw_tunnel_begin(gw_tunnel *t, gw_stream *stream, gw_host *host,
                     const gw_tunnel_limits *limits)
{
    memset(t, 0, sizeof(*t));
    t->stream = stream;
    t->host = host;
    t->limits = *limits;
    t->sent_before = t->seen_sent = stream_sent(t);
    t->moved_at = gw_now();
    t->why = "";
}

/* Bytes leave the queue to the backend in its own time. */
static void note_sent(gw_tunnel *t)
{
    apr_off_t sent = stream_sent(t);

    if (sent != t->seen_sent) {
        t->seen_sent = sent;
        t->moved_at = gw_now();
    }
}

static int is_half(const gw_tunnel *t)
{
    return t->up.state == GW_WAY_CLOSED || t->down.state == GW_WAY_CLOSED;
}

static gw_time idle_until(const gw_tunnel *t)
{
    return gw_deadline(t->moved_at, is_half(t) ? t->limits.half
                       : t->limits.idle);
}

apr_status_t gw_tunnel_run(gw_tunnel *t)
{
    t->up.turn = t->down.turn = GW_TUNNEL_TURN;
    if (run_up(t) == BREAKS || run_down(t) == BREAKS) {
        return APR_SUCCESS;
    }
    note_sent(t);
    if (t->up.state == GW_WAY_CLOSED && t->down.state == GW_WAY_CLOSED) {
        end(t, GW_OK, "both sides ended it");
    }
    else if (gw_now() >= idle_until(t)) {
        end(t, GW_FAIL_TIMEOUT, is_half(t)
            ? "one side ended it, and the other was silent for too long"
            : "no byte in either direction for as long as tunneltimeout "
              "allows");
    }
    return t->ended ? APR_SUCCESS : APR_EAGAIN;
}

void gw_tunnel_wants(gw_tunnel *t, gw_wants *w)
{
    int reads = t->down.state == GW_WAY_OPEN && !t->down.len;
    int body = t->up.state == GW_WAY_OPEN && !t->up.len;

    t->stream->ops->wants(t->stream, reads, w);
    t->host->ops->wants(t->host, body, t->down.blocked, w);
    gw_wants_until(w, idle_until(t));
    if (!t->up.turn || !t->down.turn) {
        gw_wants_until(w, gw_now());
    }
}
