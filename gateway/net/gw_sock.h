/**
 * gw_sock: non-blocking stream sockets to one address (TCP or UNIX).
 *
 * Thin, so that errno and fds appear in one unit only. The fd belongs to the
 * caller. Any thread; one at a time for an fd. SIGPIPE cannot come: sends use
 * MSG_NOSIGNAL.
 */
#ifndef GW_SOCK_H
#define GW_SOCK_H

#include "gw_resolve.h"

/**
 * Create a close-on-exec, non-blocking socket with TCP_NODELAY and begin to
 * connect. @return APR_SUCCESS connected, APR_EINPROGRESS wait for
 * GW_WANT_WRITE then gw_sock_connected(), APR_EAGAIN the listen queue of a
 * UNIX socket is full: try again in a moment, or the error. *pfd is -1 but
 * for the first two.
 */
apr_status_t gw_sock_connect(const gw_addr *addr, int port, int keepalive,
                             int *pfd);
/** Outcome of a connect under way: APR_SUCCESS, APR_EINPROGRESS not known
 * yet, or its error. A socket that connected to itself (both ends in the
 * ephemeral ports of loopback) counts as refused. */
apr_status_t gw_sock_connected(int fd);

/** APR_SUCCESS with *pn > 0, APR_EAGAIN, APR_EOF, or an error. */
apr_status_t gw_sock_read(int fd, char *buf, apr_size_t len, apr_size_t *pn);
apr_status_t gw_sock_write(int fd, const char *buf, apr_size_t len,
                           apr_size_t *pn);

/** Nothing more will be written. */
void gw_sock_end(int fd);

/** Idle and alive: nothing to read, not closed (recv MSG_PEEK). */
int gw_sock_idle_alive(int fd);

/** Close and set to -1. */
void gw_sock_close(int *pfd);

#endif
