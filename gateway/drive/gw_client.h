/**
 * gw_client: the client side of an exchange on a request_rec: gw_host for
 * drivers whose thread may wait for the client.
 *
 * Reads the body through the request's input filters, writes the response
 * through its output filters. Lives in r->pool, used by the request thread.
 * Writing may block for a slow client, which is what makes the exchange stop
 * reading from the backend (back pressure in flat memory).
 */
#ifndef GW_CLIENT_H
#define GW_CLIENT_H

#include <httpd.h>
#include <apr_buckets.h>

#include "gw_cluster.h"
#include "gw_host.h"
#include "gw_map.h"

/** How often a client without a socket of its own (an HTTP/2 stream) is looked
 * at. */
#define GW_CLIENT_TICK GW_MSEC(50)

typedef struct gw_client gw_client;
struct gw_client {
    gw_host host;
    /* const after creation */
    request_rec *r;
    const gw_mapped *mapped;
    gw_cluster *cluster;        /* NULL: a single origin */
    int fd;                     /* to poll for the client; -1: none */
    int is_socket;              /* fd is its socket: a hang-up shows there */
    int expects_body;
    int ignore_abort;           /* GatewayIgnoreClientAbort On */
    /* the request thread */
    apr_bucket_brigade *in;
    apr_bucket_brigade *out;
    apr_off_t limit;            /* body bytes allowed, -1: no limit */
    apr_off_t taken;            /* body bytes read */
    int in_eos;
    apr_status_t in_error;      /* why the body broke, for its status */
    int begun;                  /* some of the response went to filters */
    int failed;                 /* one of these failed */
    int late;                   /* what is passed on is not sent before
                                   the call returns */
    int reset_due;              /* late: when all is sent, reset it */
    int deaf;                   /* with ignore_abort: its hang-up was seen, no
                                   need to hear of it again */
    int dropped;                /* with ignore_abort: nothing can be sent to
                                   it any more */
    int tunnel;                 /* see gw_client_tunnel.h; host has other
                                   operations */
    int out_ended;              /* in a tunnel: our side was ended */
};

/** The URL of the backend that answers. */
const gw_url *gw_client_answered_by(const gw_client *client);

/** In r->pool. @param expects_body  the exchange will read r's body */
gw_client *gw_client_create(request_rec *r, const gw_mapped *m,
                            int expects_body);

/** The client closed or reset its side, as far as can be seen without
 * reading: events are poll(2)'s revents of client->fd.
 * @return 1: the exchange has to end; 0: no, or the request is to go on
 *         without it. In a tunnel one that only ended its side has not left
 */
int gw_client_left(gw_client *client, int revents);

/** End a response that was delivered whole. @return the handler's value */
int gw_client_end(gw_client *client);

/** End one that broke off, so that the client can tell. */
void gw_client_truncate(gw_client *client);

/** Make the close of its socket a reset. */
void gw_client_reset(conn_rec *c, int fd);

#endif
