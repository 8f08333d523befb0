/**
 * gw_front_out: what goes to a client whose connection a loop may own: an
 * output filter directly above core (AP_FTYPE_NETWORK - 1).
 *
 * Added to every connection that may be adopted; passes through until it is
 * owned by a loop. Then it keeps everything itself and gives core at most
 * GW_FRONT_PASS bytes at a time, only into an empty core and without FLUSH
 * buckets, so that core never polls. Back pressure is read from its length.
 *
 * The end of a request (EOR: access log, cleanups of r->pool) may have to run
 * on a thread that may wait: gw_front_out_hold_eor() makes the filter stop in
 * front of it when all before it is gone. It never reaches core while a loop
 * sends; what a helper has passed on is held too when nothing follows it.
 *
 * Buckets of unknown length (pipes, sockets) would have to be waited for: in a
 * loop they are refused. Which requests a loop serves must prevent them.
 *
 * Owned by the connection, lives in c->pool; used by the thread that owns the
 * connection.
 */
#ifndef GW_FRONT_OUT_H
#define GW_FRONT_OUT_H

#include <httpd.h>

/** Bytes given to core at a time: it polls beyond 64 KB. */
#define GW_FRONT_PASS 49152

/** Bytes sent in one call: 1 ms over a fast loopback. */
#define GW_FRONT_SEND (1024 * 1024)

/** With more than this waiting the backend is not read from. */
#define GW_FRONT_OUT_HIGH 65536

typedef enum {
    GW_OUT_PASS,            /* not owned, or owned by a helper thread: what
                               waits here goes first, core may block */
    GW_OUT_LOOP
} gw_out_mode;

typedef struct gw_front_out gw_front_out;

/** Register the filter; in register_hooks. */
void gw_front_out_register(void);

/** Add the filter to c; in pre_connection. */
gw_front_out *gw_front_out_add(conn_rec *c);

/** Who writes from now on. What waits here stays, until the next brigade
 * comes (GW_OUT_PASS) or gw_front_out_send(). */
void gw_front_out_mode(gw_front_out *out, gw_out_mode mode);

/** Bytes that wait here (not in core). */
apr_off_t gw_front_out_len(const gw_front_out *out);

/** Ends of requests that wait here. */
int gw_front_out_ends(const gw_front_out *out);

/** Hold (1) or do not hold (0) the ends of requests back. */
void gw_front_out_hold_eor(gw_front_out *out, int hold);

/**
 * Loop thread: send what can be sent now, what core has kept of a helper's
 * response included; at most GW_FRONT_SEND in one call, for others' sake.
 * @return APR_SUCCESS all is gone, of core too; APR_EAGAIN the socket is full;
 *         APR_INCOMPLETE there is more, which the socket may take: call again
 *         when others had their turn;
 *         APR_EINPROGRESS an end of request is held back and due: give it to
 *         a thread that may wait, for gw_front_out_end(), and then send again;
 *         any other: the client is gone (c->aborted is set)
 */
apr_status_t gw_front_out_send(gw_front_out *out);

/** Destroy the EOR bucket that is held back and due, in the calling thread. */
void gw_front_out_end(gw_front_out *out);

/** Drop everything; the EORs among it are destroyed here, in the calling
 * thread. */
void gw_front_out_drop(gw_front_out *out);

#endif
