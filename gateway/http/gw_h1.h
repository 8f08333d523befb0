/**
 * gw_h1: the client side of HTTP/1.1 (RFC 9112), bytes in and bytes out.
 *
 * One gw_h1 belongs to one backend connection and serves one exchange after
 * the other: gw_h1_start() begins one. It knows no socket: it serialises into
 * and parses out of bounded queues that the connection owns. The parser is
 * incremental (every byte border may be a read border, same result) and
 * strict; leniency only where RFC 9112 asks for it: bare LF as line end,
 * obs-fold made one SP, space before a colon removed, up to GW_BLANK_MAX
 * empty lines before the status line. One thread at a time.
 */
#ifndef GW_H1_H
#define GW_H1_H

#include <apr_pools.h>
#include "gw_base.h"
#include "gw_bufq.h"
#include "gw_chunk.h"
#include "gw_msg.h"

typedef struct gw_h1_limits gw_h1_limits;
struct gw_h1_limits {
    apr_size_t line;        /* status line bytes (GW_LINE_MAX) */
    apr_size_t field;       /* one field (GW_FIELD_MAX) */
    apr_size_t head;        /* the section (GW_HEAD_MAX) */
    int fields;             /* GW_FIELDS_MAX */
};

typedef enum {
    GW_H1_IDLE,             /* no exchange; any byte read is surplus */
    GW_H1_HEAD,             /* reading heads, interim or final */
    GW_H1_LENGTH,           /* body of a known length */
    GW_H1_CHUNKED,
    GW_H1_CLOSE,            /* body until the connection closes */
    GW_H1_TUNNEL,           /* behind a 101: bytes of another protocol */
    GW_H1_DONE,             /* response complete */
    GW_H1_BROKEN            /* never to be used again */
} gw_h1_state;

typedef struct gw_h1 gw_h1;
struct gw_h1 {
    gw_h1_limits limits;    /* const after gw_h1_init */
    gw_h1_state res;        /* response side */
    int req_done;           /* request side: all of it serialised */
    int head_request;       /* the method was HEAD */
    int http10;             /* the request spoke HTTP/1.0 */
    int upgrade_request;    /* another protocol was asked for */
    int reusable;           /* only ever cleared within an exchange */
    gw_framing framing;     /* of the request */
    apr_off_t req_left;     /* with GW_BODY_LENGTH */
    apr_off_t res_left;     /* with GW_H1_LENGTH */
    gw_chunk_reader chunk;
    apr_size_t pending;     /* body bytes given out, skipped at next read */
    /* How far the search for the end of a head has come, as offsets into
     * the queue, so that 1-byte packets do not cost quadratic time. */
    apr_size_t scanned;     /* bytes already searched */
    apr_size_t line;        /* begin of the line that is being searched */
    apr_size_t field;       /* begin of its field (earlier with obs-fold) */
    apr_size_t status_end;  /* behind the status line; 0: not yet whole */
    int fields;             /* begun so far */
    int interims;           /* of this exchange, as blanks */
    int blanks;
    gw_fail fail;           /* class of the failure, when broken */
    const char *why;        /* static text for the log, when broken */
};

/**
 * @param limits  borrowed for the call; NULL for the defaults. The queue that
 *                is read from must hold line + head bytes: one that is full
 *                without a whole head breaks with GW_FAIL_LIMIT
 */
void gw_h1_init(gw_h1 *h, const gw_h1_limits *limits);

/**
 * Begin an exchange: serialise the head into out.
 * Refuses what could split a request: method no token, target or Host with a
 * byte outside VCHAR, a field name no token, a field value with a control
 * byte, Host, Connection, Upgrade or framing among the fields, an upgrade with
 * a body. Writes Host first, then the fields in order, then Connection (and
 * Upgrade) and the framing. HTTP/1.0 with chunked
 * framing is refused, so is CONNECT, and a connection that may not be reused.
 * @return APR_SUCCESS; APR_EINVAL (h->why says what, nothing written, the
 *         connection is as good as before); APR_EAGAIN when the head does not
 *         fit into out (nothing written); APR_ENOMEM
 */
apr_status_t gw_h1_start(gw_h1 *h, const gw_req_head *head, gw_bufq *out);

/**
 * Frame body bytes into out.
 * @param pn  out: bytes of data taken
 * @return APR_SUCCESS; APR_EAGAIN out is full; APR_EINVAL more bytes than
 *         Content-Length promised
 */
apr_status_t gw_h1_send(gw_h1 *h, const char *data, apr_size_t len,
                        gw_bufq *out, apr_size_t *pn);

/**
 * End the request body; needed with GW_BODY_CHUNKED, harmless otherwise.
 * @return APR_SUCCESS; APR_EAGAIN out is full; APR_EINVAL too short (the
 *         connection cannot be used again)
 */
apr_status_t gw_h1_send_end(gw_h1 *h, gw_bufq *out);

/**
 * Parse one head from in. Interim responses are given one by one, checked
 * like final ones, CL and TE removed. 101 is GW_FAIL_JUNK unless an upgrade
 * was asked for; then the state is GW_H1_TUNNEL, whether it is the right
 * answer is for the caller to find out: gw_h1_send() and gw_h1_read_body()
 * carry the bytes of a tunnel from then on, which the close ends.
 * @param pool   the head is allocated here
 * @return APR_SUCCESS and *phead; APR_EAGAIN; APR_EGENERAL broken (fail, why)
 */
apr_status_t gw_h1_read_head(gw_h1 *h, gw_bufq *in, apr_pool_t *pool,
                             gw_res_head **phead);

/**
 * Give body bytes, inside in's memory, valid until the next call with in.
 * @return APR_SUCCESS and *plen > 0; APR_EAGAIN; APR_EOF complete;
 *         APR_EGENERAL broken
 */
apr_status_t gw_h1_read_body(gw_h1 *h, gw_bufq *in, const char **pdata,
                             apr_size_t *plen);

/**
 * The backend closed its side and in is drained: read_head or read_body gave
 * APR_EAGAIN (or APR_EOF) since the last byte came in.
 * @param clean  an orderly end (FIN; over TLS: close_notify)
 * @return APR_EOF  the response is complete, maybe by the close
 *         APR_EGENERAL  broken: RESET (no byte of a response yet), TRUNCATED
 */
apr_status_t gw_h1_peer_closed(gw_h1 *h, gw_bufq *in, int clean);

/** Any response byte seen in this exchange? (decides retries) */
int gw_h1_started(const gw_h1 *h, const gw_bufq *in);

/**
 * May the connection serve another exchange (security.md 21)? Request fully
 * written, response fully read, no surplus byte in in, keep-alive both sides.
 */
int gw_h1_reusable(const gw_h1 *h, const gw_bufq *in, const gw_bufq *out);

#endif
