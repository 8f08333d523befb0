/**
 * gw_origin: a backend as a connection sees it: scheme, host and port or
 * UNIX socket, TLS identity.
 *
 * Made and interned by gateway/conf at configuration time (two rules with
 * the same identity share one), or at run time for a balancer's member. What
 * belongs to a rule (timeouts, ttl, limits) is not here but in
 * gw_conn_opts, so that options of rules never leak into each other.
 * Const after creation but for slot, which belongs to the child's gw_pool.
 */
#ifndef GW_ORIGIN_H
#define GW_ORIGIN_H

#include "gw_inflight.h"
#include "gw_resolve.h"
#include "gw_tls.h"

typedef struct gw_origin gw_origin;
struct gw_origin {
    /* const after creation */
    const char *key;            /* identity as text, unique */
    const char *name;           /* scheme://host:port for logs and people */
    const char *host;           /* name or IP literal without brackets */
    int port;
    const char *socket;         /* UNIX socket path, or NULL */
    int keepalive;              /* SO_KEEPALIVE */
    gw_tls_ctx *tls;            /* NULL: plain */
    gw_addrset *literal;        /* host is an IP literal or a UNIX socket:
                                   the addresses, no lookup; else NULL */
    const gw_gauge *busy;       /* connections in use in all processes; NULL:
                                   not counted, max of the opts does not
                                   hold */
    const gw_gauge *lookouts;   /* processes that wait for one; may be NULL */
    /* guarded by the gw_pool of this process */
    void *slot;
};

/** What a rule asks of its connections. */
typedef struct gw_conn_opts gw_conn_opts;
struct gw_conn_opts {
    gw_time connect_timeout;    /* per address tried, TLS handshake too */
    gw_time timeout;            /* without progress on reads and writes */
    gw_time ttl;                /* most idle time before reuse; 0: default */
    int maxperchild;            /* connections in use at once; 0: no limit */
    int disablereuse;           /* close after the response */
    int max;                    /* the same, in all processes; 0: no limit */
    int queue;                  /* most who wait for one in this process */
    gw_time queue_timeout;      /* and how long; 0: connect_timeout */
    const char *upgrade;        /* protocols that may be asked for, see
                                   gw_upgrade.h; NULL: none */
    gw_time tunnel_timeout;     /* without a byte in either direction */
};

/** Idle time when neither ttl= nor the backend's Keep-Alive says: below the
 * 60 s that most servers close at. */
#define GW_IDLE_DEFAULT GW_SEC(55)

/** Idle time of a tunnel when tunneltimeout= does not say. */
#define GW_TUNNEL_IDLE_DEFAULT GW_SEC(3600)

/** Most who wait in a process when queue= does not say: more than a child has
 * threads, so that time bounds the line rather than its length. */
#define GW_QUEUE_DEFAULT 100

#endif
