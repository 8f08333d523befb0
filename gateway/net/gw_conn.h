/**
 * gw_conn: one HTTP/1.1 connection to a backend: socket, TLS, codec, queues.
 *
 * States, and what exists in each:
 *   NEW         nothing
 *   RESOLVING   a pending gw_lookup
 *   CONNECTING  fd, connect under way (addresses left are tried in turn)
 *   SECURING    fd, TLS handshake under way
 *   READY       fd [, tls]: may carry an exchange, or carries one
 *   CLOSED      nothing; final
 * Owned by the gw_pool while idle, by the stream that leased it otherwise.
 * malloc'ed, not pool memory: it outlives requests and must give back what
 * it used. One thread at a time. It never refers to an exchange.
 */
#ifndef GW_CONN_H
#define GW_CONN_H

#include <apr_ring.h>
#include "gw_h1.h"
#include "gw_log.h"
#include "gw_origin.h"

typedef enum {
    GW_CONN_NEW,
    GW_CONN_RESOLVING,
    GW_CONN_CONNECTING,
    GW_CONN_SECURING,
    GW_CONN_READY,
    GW_CONN_CLOSED
} gw_conn_state;

typedef struct gw_conn gw_conn;
struct gw_conn {
    APR_RING_ENTRY(gw_conn) link;   /* both guarded by the pool while */
    APR_RING_ENTRY(gw_conn) lru;    /* idle */
    /* const after creation */
    const gw_origin *origin;
    apr_uint64_t id;                /* unique in the process, for logs */
    /* the owner's thread */
    gw_conn_state state;
    const gw_logger *logger;        /* borrowed from the lease, else NULL */
    int fd;
    apr_uint64_t serial;            /* of the socket behind fd */
    gw_tls *tls;
    gw_lookup *lookup;
    gw_addrset *addrs;
    int next_addr;
    char addr[120];                 /* the address in use, as text */
    gw_time step_deadline;          /* of the lookup, connect or handshake;
                                       0: the address was not tried yet */
    int home;                       /* of its last lease */
    gw_time idle_since;             /* while pooled */
    gw_time idle_max;               /* while pooled: reuse before */
    int exchanges;                  /* begun on it */
    gw_h1 h1;
    gw_bufq in;
    gw_bufq out;
    int read_events;                /* what a blocked read waits for; TLS may
                                       want to write */
    int write_events;
    int quiet;                      /* nothing was there to read just now */
    int peer_closed;                /* EOF seen */
    int peer_clean;                 /* with FIN or close_notify */
    int ending;                     /* gw_conn_end() has to be called again */
    int write_failed;               /* nothing can be sent any more, but the
                                       response may still be read */
    apr_size_t read_size;           /* of the next read; grows with a body */
    apr_off_t sent, received;       /* since the exchange began */
    gw_time connect_started;
    gw_fail fail;
    char why[512];                  /* text of the last failure */
};

/* Most bytes read ahead of a body, so that a fast backend costs few calls. */
#define GW_CONN_READ_MAX 65536
/* Request bytes waiting to be sent. */
#define GW_CONN_OUT_MAX 65536

/** New and unconnected. @param limits  of response heads, copied; NULL:
 * defaults. The read queue has room for the largest head they allow. @return
 * NULL without memory */
gw_conn *gw_conn_create(const gw_origin *origin, const gw_h1_limits *limits);
/** Close and free; pending lookup cancelled. NULLs the pointer. */
void gw_conn_destroy(gw_conn **pconn);

/**
 * Go on towards READY. As gw_stream_ops.open; waker is for the lookup.
 * A TLS failure tries no further address; a connect failure does, and the
 * last one counts. EMFILE and ENFILE come back as such: the caller may close
 * something and try with a new gw_conn.
 */
apr_status_t gw_conn_open(gw_conn *conn, gw_resolver *resolver,
                          const gw_conn_opts *opts, gw_waker *waker,
                          const gw_logger *logger);

/** The addresses that gw_conn_open() tried, in order, ", " between; in pool,
 * "" for none. */
const char *gw_conn_tried(const gw_conn *conn, apr_pool_t *pool);

/** Read once into in, write once from out: APR_SUCCESS progress (or nothing
 * to write), APR_EAGAIN, APR_EOF (read: peer_closed is set), or an error with
 * fail/why set: RESET, or LIMIT when in is full. A failed read sets
 * peer_closed but not peer_clean; a failed write leaves reading possible.
 * TLS errors count as RESET here: request bytes may have arrived.
 * The first read behind gw_conn_alive() or a plain connect says EAGAIN without
 * asking the kernel: it would follow a request that was sent this moment. An
 * in that is empty then costs no memory while the backend thinks. */
apr_status_t gw_conn_fill(gw_conn *conn);
apr_status_t gw_conn_flush(gw_conn *conn);

/** Once out is empty: tell the peer that nothing more will come (FIN, over
 * TLS close_notify); reading goes on. APR_SUCCESS, or APR_EAGAIN. */
apr_status_t gw_conn_end(gw_conn *conn);

/** Events the connection waits for now, per state. */
void gw_conn_wants(const gw_conn *conn, int reading, gw_wants *w);

/** READY, idle, nothing readable, not closed by the peer (peek). Session
 * tickets that came in the meantime are taken in. */
int gw_conn_alive(gw_conn *conn);

/** READY, the codec says reusable, and no end of the peer was seen so far;
 * gw_conn_alive() looks again before the next use. */
int gw_conn_reusable(const gw_conn *conn);

/** Give back what only an exchange needs: buffers, logger. */
void gw_conn_rest(gw_conn *conn);

/** A lease begins: counters and last failure are reset. */
void gw_conn_begin(gw_conn *conn, const gw_logger *logger);

#endif
