/**
 * gw_front_late: is the client late? An input filter next to the socket that
 * stands on adopted connections where mod_reqtimeout's stood, below mod_ssl:
 * what counts is what comes from the network.
 *
 * A connection is limited while a stage runs: the head from its first byte
 * (the owner says when), the body from the first read of it. In between
 * nothing is. When the time is up every read says APR_TIMEUP, a blocking one
 * waits no longer than that; httpd's core or the handler then answers (408)
 * or closes, and the log has mod_reqtimeout's own line.
 *
 * Part of a gw_front; used by the thread that owns the connection.
 */
#ifndef GW_FRONT_LATE_H
#define GW_FRONT_LATE_H

#include "gw_reqtimeout.h"

typedef struct gw_front_late gw_front_late;
struct gw_front_late {
    /* const once the filter is there */
    conn_rec *c;
    const gw_reqtimeout *limits;        /* NULL: this one has none */
    /* the owner */
    const gw_reqtimeout_stage *stage;   /* NULL: nothing is limited now */
    const char *what;                   /* its name for the log */
    gw_time begin;                      /* 0: with the next read */
    apr_off_t bytes;                    /* since then */
    int over;                           /* nobody waits for it any more */
    int told;
};

/** Register the filter; in register_hooks. */
void gw_front_late_register(void);

/** Put the filter in the place of mod_reqtimeout's; zeroed before. */
void gw_front_late_add(gw_front_late *late, conn_rec *c);

/** A head has begun, now. Nothing when that is known already.
 * @param came  bytes of it that are there */
void gw_front_late_head(gw_front_late *late, apr_size_t came);

/** Its body, if any, comes next. */
void gw_front_late_body(gw_front_late *late, const request_rec *r);

/** Nothing is due: between requests, in a tunnel. */
void gw_front_late_rest(gw_front_late *late);

/** The owner has lost its patience for another reason: every read to come
 * says APR_TIMEUP. */
void gw_front_late_over(gw_front_late *late);

/** Until when the client has time, GW_NEVER: for ever. */
gw_time gw_front_late_until(const gw_front_late *late);

#endif
