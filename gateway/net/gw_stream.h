/**
 * gw_stream: one exchange's use of a backend connection; the port between
 * gw_exchange and everything that can carry HTTP messages.
 *
 * gw_pool implements it over pooled HTTP/1.1 connections; unit tests
 * implement it with a script; HTTP/2 enters here, with several streams on one
 * connection. A stream is owned by the attempt that leased it until it is
 * released; one thread at a time, which may change between calls. No call
 * blocks. Every call that returns neither APR_SUCCESS, APR_EAGAIN nor
 * APR_EOF has set stream->fail and stream->why.
 */
#ifndef GW_STREAM_H
#define GW_STREAM_H

#include <apr_pools.h>
#include "gw_log.h"
#include "gw_msg.h"
#include "gw_origin.h"

typedef struct gw_stream gw_stream;
typedef struct gw_stream_ops gw_stream_ops;
typedef struct gw_net gw_net;

struct gw_stream {
    /* const after the lease */
    const gw_stream_ops *ops;
    const gw_origin *origin;
    /* the driving thread */
    gw_fail fail;
    const char *why;            /* for the log; lives as long as the stream */
    int reused;                 /* the connection served before */
    char addr[120];             /* peer as text, "" before it is known */
    const char *tls;            /* "TLSv1.3", or NULL */
    gw_time connect_time;       /* spent until open; 0 when reused */
};

struct gw_stream_ops {
    /**
     * Go on until requests can be sent: connection slot, name, connect (each
     * address in turn), TLS.
     * @return APR_SUCCESS, APR_EAGAIN (wants() tells), or failed: RESOLVE,
     *         REFUSED, CONNECT_TIMEOUT, TLS, TLS_TIMEOUT, BUSY, INTERNAL
     */
    apr_status_t (*open)(gw_stream *s);

    /** Put the head into the send queue. APR_SUCCESS, or failed: INTERNAL. */
    apr_status_t (*send_head)(gw_stream *s, const gw_req_head *head);
    /** Body bytes into the send queue; APR_EAGAIN when full. */
    apr_status_t (*send)(gw_stream *s, const char *data, apr_size_t len,
                         apr_size_t *pn);
    /** End of the request body; APR_EAGAIN when full. */
    apr_status_t (*send_end)(gw_stream *s);
    /**
     * Write the queue out.
     * @return APR_SUCCESS all written; APR_EAGAIN; or failed: RESET (the
     *         response may still be readable), SEND_TIMEOUT
     */
    apr_status_t (*flush)(gw_stream *s);

    /**
     * Next head, interim or final, allocated in pool. APR_SUCCESS,
     * APR_EAGAIN, or failed: RESET, JUNK, LIMIT, TRUNCATED. (A TLS error
     * after the handshake is a RESET or TRUNCATED: unlike TLS, something
     * was sent.)
     */
    apr_status_t (*read_head)(gw_stream *s, apr_pool_t *pool,
                              gw_res_head **phead);
    /**
     * Body bytes, valid until the next call. APR_SUCCESS with *plen > 0,
     * APR_EAGAIN, APR_EOF complete, or failed.
     */
    apr_status_t (*read_body)(gw_stream *s, const char **pdata,
                              apr_size_t *plen);

    /**
     * Add what the stream now waits for.
     * @param reading  the exchange wants response bytes
     * Whether bytes are waiting to be written, or the open is under way, the
     * stream knows itself. Deadlines inside open() are the stream's own,
     * those of the exchange (first byte, between bytes) are added by it.
     */
    void (*wants)(gw_stream *s, int reading, gw_wants *w);

    /** Bytes sent and received since the lease. Any response byte seen? */
    void (*counts)(gw_stream *s, apr_off_t *psent, apr_off_t *precv);

    /** All peers that open() tried, in order, ", " between; the last one is
     * addr. In pool; "" when none is known. */
    const char *(*tried)(gw_stream *s, apr_pool_t *pool);

    /**
     * End of use; frees the stream, NULLs the pointer.
     * @param keep  the exchange ended well: the connection may be pooled if
     *              all of security.md 21 holds; 0: close it now
     */
    void (*release)(gw_stream **ps, int keep);
};

/*
 * Behind a 101 (read_head() gave it, to an upgrade that was asked for) the
 * stream is a pipe of bytes: send() puts them into the queue, flush() writes
 * it out and never fails with SEND_TIMEOUT, read_body() gives those of the
 * backend until APR_EOF, when it ended its side. After send_end() flush() also
 * tells the backend, behind the last byte, that no more will come. counts()
 * goes on; the stream is not kept.
 */

/** A request for a stream. */
typedef struct gw_lease gw_lease;
struct gw_lease {
    gw_origin *origin;          /* borrowed for the stream's life */
    const gw_conn_opts *opts;   /* likewise */
    const gw_logger *logger;    /* likewise */
    gw_waker *waker;            /* likewise */
    int fresh;                  /* 1: never a reused connection */
    int home;                   /* 1 + the number of the loop that drives it,
                                   0: no loop does. Connections last used
                                   from the same home are preferred */
};

/** Where streams come from. */
struct gw_net {
    /** A new stream, to be opened. APR_SUCCESS or APR_ENOMEM. */
    apr_status_t (*lease)(gw_net *net, const gw_lease *lease,
                          gw_stream **ps);
};

#endif
