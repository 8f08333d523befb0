/**
 * gw_tunnel: bytes of another protocol between a client and a backend that
 * have agreed on it (101), two ways at the same time.
 *
 * Each way passes what its source gave straight to its sink, and asks for more
 * only when the sink took it all: memory stays bounded, and who does not read
 * stops who writes. Each way for itself is
 *   OPEN    bytes go
 *   ENDS    the source ended its side; what is under way goes first, then the
 *           sink is told
 *   CLOSED  [final] it was told, or cannot be written to any more
 * The tunnel ends when both ways are closed, when nothing has moved for too
 * long, when the client is gone, or when the backend's connection breaks. A
 * backend that cannot be written to any more may still have something to say:
 * only the way to it is closed then.
 *
 * Owned by the exchange that made it, within its memory; borrows the stream
 * and the host, which are in tunnel mode. One thread at a time.
 */
#ifndef GW_TUNNEL_H
#define GW_TUNNEL_H

#include "gw_host.h"
#include "gw_stream.h"

/** Most bytes that one gw_tunnel_run() moves each way: two fast peers must not
 * keep a thread from everybody else. */
#define GW_TUNNEL_TURN 262144

typedef enum {
    GW_WAY_OPEN,
    GW_WAY_ENDS,
    GW_WAY_CLOSED
} gw_way_state;

/** One of the two ways. */
typedef struct gw_tunnel_way gw_tunnel_way;
struct gw_tunnel_way {
    gw_way_state state;
    const char *data;           /* of the source, not taken by the sink yet */
    apr_size_t len;
    apr_size_t turn;            /* bytes it may still take in this run */
    int unflushed;              /* the sink took bytes since its last flush */
    int blocked;                /* the client is full (way down only) */
};

typedef struct gw_tunnel_limits gw_tunnel_limits;
struct gw_tunnel_limits {
    gw_time idle;               /* no byte either way */
    gw_time half;               /* the same, once one way is closed */
};

typedef struct gw_tunnel gw_tunnel;
struct gw_tunnel {
    /* const after begin */
    gw_stream *stream;
    gw_host *host;
    gw_tunnel_limits limits;
    apr_off_t sent_before;      /* by the stream, before the tunnel */
    /* the driving thread */
    gw_tunnel_way up;           /* client to backend */
    gw_tunnel_way down;
    gw_time moved_at;           /* the last byte, either way */
    apr_off_t seen_sent;
    apr_off_t received;         /* bytes from the backend */
    int ended;
    gw_fail fail;               /* GW_OK: both sides ended it */
    const char *why;            /* lives as long as the stream, or static */
};

/** The 101 has reached the host. */
void gw_tunnel_begin(gw_tunnel *t, gw_stream *stream, gw_host *host,
                     const gw_tunnel_limits *limits);

/** Move what can be moved. @return APR_SUCCESS it has ended, see fail and why;
 * APR_EAGAIN */
apr_status_t gw_tunnel_run(gw_tunnel *t);

/** What it waits for, after APR_EAGAIN. */
void gw_tunnel_wants(gw_tunnel *t, gw_wants *w);

/** Bytes that reached the backend, while the stream is there. */
apr_off_t gw_tunnel_sent(const gw_tunnel *t);

#endif
