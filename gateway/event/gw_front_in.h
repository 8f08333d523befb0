/**
 * gw_front_in: what comes from a client whose connection a loop may own: an
 * input filter between HTTP and whatever is below it (mod_ssl, core).
 *
 * Added to every connection that may be adopted; passes through until it is
 * owned. Then it holds the bytes that were read ahead: the loop reads without
 * blocking until a whole request head is there, and only then is the request
 * read by httpd's core, which therefore never waits. Never uses SPECULATIVE
 * reads below it: with mod_ssl they see only what an earlier one left.
 *
 * A chunked body is held back at its last chunk until the trailers are
 * complete, because core reads those with blocking calls. In a loop nothing
 * blocks: a blocking read that finds nothing is answered APR_TIMEUP, a look at
 * what is pipelined (SPECULATIVE) sees only what was read ahead.
 *
 * After a 101 the same filter serves the tunnel: READBYTES gives what was read
 * ahead, then what is below.
 *
 * Memory: GW_FRONT_HEAD_MAX bytes and one read, at most doubled by what
 * buckets waste, however small the pieces are that a client sends.
 *
 * Owned by the connection, lives in c->pool; used by the thread that owns the
 * connection. core may remove the filter after an unusable request: nothing
 * may assume that it is still in the chain (c->keepalive is CLOSE then).
 */
#ifndef GW_FRONT_IN_H
#define GW_FRONT_IN_H

#include <httpd.h>

/** Bytes of a head that are read ahead; a longer one is left to a helper
 * thread, which may wait for its rest (LimitRequest* decide there). Also the
 * bytes of a last chunk with trailers that are held back; with more, core
 * refuses the body. */
#define GW_FRONT_HEAD_MAX 65536

typedef enum {
    GW_IN_PASS,             /* not owned: as if the filter were not there */
    GW_IN_LOOP,             /* by a loop: nothing blocks */
    GW_IN_HELPER            /* by a thread that may wait */
} gw_in_mode;

typedef enum {
    GW_HEAD_NONE,           /* nothing but blank lines came so far: EAGAIN */
    GW_HEAD_PART,           /* a part of a head, then EAGAIN */
    GW_HEAD_WHOLE,          /* a head is complete: core can read it */
    GW_HEAD_LONG,           /* over GW_FRONT_HEAD_MAX, all pushed back */
    GW_HEAD_EOF,            /* the client closed; an unfinished head, if any,
                               is there to be read */
    GW_HEAD_BROKEN          /* a reset, a TLS error */
} gw_head_state;

typedef struct gw_front_in gw_front_in;

/** Register the filter; in register_hooks. */
void gw_front_in_register(void);

/** Add the filter to c; in pre_connection. */
gw_front_in *gw_front_in_add(conn_rec *c);

/** Who reads from now on. What was read ahead stays. */
void gw_front_in_mode(gw_front_in *in, gw_in_mode mode);

/**
 * Loop thread, between requests: read what has come until a head is whole.
 * A first line without a version (HTTP/0.9) is a whole head. TLS may answer
 * (handshake, key update): look whether the output filter has something.
 * @param pdrained  out: see gw_front_in_drained(); as it was when a whole head
 *                  was there without a read
 */
gw_head_state gw_front_in_fill(gw_front_in *in, int *pdrained);

/** A head is about to be read by core, or was: the scan starts anew with what
 * is left, and no body is held back any more. Call before each request, and
 * when a tunnel begins. */
void gw_front_in_next(gw_front_in *in);

/** The request that core has read has a chunked body: its framing follows.
 * Before any of it was read, whoever reads it: the driver may change. */
void gw_front_in_chunked(gw_front_in *in);

/** Bytes read ahead and not consumed. */
apr_size_t gw_front_in_len(const gw_front_in *in);

/** Is there, as far as the last read told, nothing below before the socket's
 * next event? Of a head, a body or a tunnel. An event makes it untrue until
 * the next read. When it is 0, more may sit in TLS or core, and no event will
 * tell. */
int gw_front_in_drained(const gw_front_in *in);

#endif
