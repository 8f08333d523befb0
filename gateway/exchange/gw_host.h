/**
 * gw_host: the client side of an exchange, as a port.
 *
 * Implemented by a driver (request_rec behind it), by health checks and by
 * unit tests. Borrowed by the exchange for its life; called only by the
 * thread that steps it.
 */
#ifndef GW_HOST_H
#define GW_HOST_H

#include "gw_msg.h"
#include "gw_wants.h"

typedef struct gw_host gw_host;
typedef struct gw_host_ops gw_host_ops;

struct gw_host {
    const gw_host_ops *ops;
};

struct gw_host_ops {
    /**
     * Bytes of the request body, valid until the next call.
     * @return APR_SUCCESS with *plen > 0; APR_EAGAIN; APR_EOF complete;
     *         APR_TIMEUP too slow; APR_ENOSPC over the body limit;
     *         any other: the body is malformed or the client is gone
     */
    apr_status_t (*read_body)(gw_host *h, const char **pdata,
                              apr_size_t *plen);
    /** Pass an interim response on; failures are the client's own. */
    void (*interim)(gw_host *h, const gw_res_head *head);
    /** Take the final head. APR_SUCCESS, APR_ECONNABORTED: the client is
     * gone; any other: something on the way to it failed. */
    apr_status_t (*head)(gw_host *h, const gw_res_head *head);
    /** Take body bytes: APR_SUCCESS (*pn taken), APR_EAGAIN, or as head. */
    apr_status_t (*write_body)(gw_host *h, const char *data,
                               apr_size_t len, apr_size_t *pn);
    /** The backend pauses: what was taken must reach the client now. */
    apr_status_t (*flush)(gw_host *h);
    /**
     * Add what the client side waits for.
     * @param body     the exchange waits for request body bytes
     * @param writing  it waits to write response bytes
     */
    void (*wants)(gw_host *h, int body, int writing, gw_wants *w);

    /*
     * Tunnels; NULL for a host whose request never asks for another protocol
     * (gw_req_head.upgrade).
     */
    /**
     * Take the 101, which was found right, and become a pipe of bytes:
     * read_body() gives what the client sends from now on, without a limit,
     * until APR_EOF when it ended its side; write_body() and flush() carry
     * bytes to it as they are, and never wait where that can be helped. Not
     * before this call may a byte behind the request's head be read.
     * @param protocol  what Upgrade says
     * @return as head
     */
    apr_status_t (*tunnel)(gw_host *h, const gw_res_head *head,
                           const char *protocol);
    /**
     * Nothing more will be written: end our side, behind the last byte.
     * @return APR_SUCCESS; APR_EAGAIN bytes are still on their way;
     *         APR_ENOTIMPL it cannot be ended by half, the tunnel is over; as
     *         head
     */
    apr_status_t (*shutdown)(gw_host *h);
};

#endif
