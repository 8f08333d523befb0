#include "gw_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static int is_inet(int family)
{
    return family == AF_INET || family == AF_INET6;
}

static void set_port(struct sockaddr_storage *ss, int port)
{
    if (ss->ss_family == AF_INET) {
        ((struct sockaddr_in *)ss)->sin_port = htons((apr_uint16_t)port);
    }
    else if (ss->ss_family == AF_INET6) {
        ((struct sockaddr_in6 *)ss)->sin6_port = htons((apr_uint16_t)port);
    }
}

/* Failing here costs only latency or a late discovery of a dead peer. */
static void set_options(int fd, int family, int keepalive)
{
    int on = 1;

    if (is_inet(family)) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (keepalive) {
            (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        }
    }
}

static int open_socket(int family)
{
#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
#else
    int fd = socket(family, SOCK_STREAM, 0);

    if (fd >= 0
        && (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0
            || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)) {
        int err = errno;

        close(fd);
        errno = err;
        return -1;
    }
    return fd;
#endif
}

apr_status_t gw_sock_connect(const gw_addr *addr, int port, int keepalive,
                             int *pfd)
{
    struct sockaddr_storage ss;
    apr_status_t rv;

    *pfd = open_socket(addr->ss.ss_family);
    if (*pfd < 0) {
        *pfd = -1;
        return errno;
    }
    set_options(*pfd, addr->ss.ss_family, keepalive);
    memcpy(&ss, &addr->ss, sizeof(ss));
    set_port(&ss, port);
    if (connect(*pfd, (struct sockaddr *)&ss, addr->len) == 0) {
        return APR_SUCCESS;
    }
    rv = errno;
    if (rv == EINPROGRESS || rv == EINTR) {
        /* an interrupted connect goes on without us */
        return APR_EINPROGRESS;
    }
    gw_sock_close(pfd);
    return APR_STATUS_IS_EAGAIN(rv) ? APR_EAGAIN : rv;
}

/* A client port that happens to be the one it connects to, with nobody
 * listening, ends in a connection of the socket with itself. */
static int is_self(int fd)
{
    struct sockaddr_storage here, there;
    socklen_t hlen = sizeof(here), tlen = sizeof(there);

    memset(&here, 0, sizeof(here));
    memset(&there, 0, sizeof(there));
    if (getsockname(fd, (struct sockaddr *)&here, &hlen) < 0
        || !is_inet(here.ss_family)
        || getpeername(fd, (struct sockaddr *)&there, &tlen) < 0) {
        return 0;
    }
    return hlen == tlen && memcmp(&here, &there, hlen) == 0;
}

apr_status_t gw_sock_connected(int fd)
{
    struct pollfd pfd;
    int err = 0;
    socklen_t len = sizeof(err);

    pfd.fd = fd;
    pfd.events = POLLOUT;
    pfd.revents = 0;
    if (poll(&pfd, 1, 0) <= 0) {
        return APR_EINPROGRESS;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0) {
        return errno;
    }
    if (!err && is_self(fd)) {
        return ECONNREFUSED;
    }
    return err;
}

apr_status_t gw_sock_read(int fd, char *buf, apr_size_t len, apr_size_t *pn)
{
    ssize_t n;

    *pn = 0;
    do {
        n = recv(fd, buf, len, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        *pn = (apr_size_t)n;
        return APR_SUCCESS;
    }
    if (n == 0) {
        return APR_EOF;
    }
    return APR_STATUS_IS_EAGAIN(errno) ? APR_EAGAIN : errno;
}

apr_status_t gw_sock_write(int fd, const char *buf, apr_size_t len,
                           apr_size_t *pn)
{
    ssize_t n;

    *pn = 0;
    do {
        n = send(fd, buf, len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) {
        *pn = (apr_size_t)n;
        return APR_SUCCESS;
    }
    return APR_STATUS_IS_EAGAIN(errno) ? APR_EAGAIN : errno;
}

void gw_sock_end(int fd)
{
    (void)shutdown(fd, SHUT_WR);
}

int gw_sock_idle_alive(int fd)
{
    ssize_t n;
    char c;

    do {
        n = recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 && APR_STATUS_IS_EAGAIN(errno);
}

void gw_sock_close(int *pfd)
{
    if (*pfd >= 0) {
        close(*pfd);
        *pfd = -1;
    }
}
