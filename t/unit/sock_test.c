#include "gw_sock.c"

#include "tap.h"
#include "peer.h"

static gw_addr addr_of(const char *ip)
{
    gw_addrset *set = gw_addrset_literal(ip);
    gw_addr addr = set->addrs[0];

    gw_addrset_release(&set);
    return addr;
}

/* A connected pair: *pfd is gw_sock's, the result the other end. */
static int pair(int *pfd)
{
    gw_addr addr = addr_of("127.0.0.1");
    int port, lfd = peer_listen(8, &port), fd;
    apr_status_t rv = gw_sock_connect(&addr, port, 1, pfd);

    if (rv != APR_SUCCESS && rv != APR_EINPROGRESS) {
        bail_out("connect: %d", rv);
    }
    fd = accept(lfd, NULL, NULL);
    peer_timeouts(fd);
    close(lfd);
    return fd;
}

static int int_opt(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    getsockopt(fd, level, name, &value, &len);
    return value;
}

static void test_connect(void)
{
    gw_addr addr = addr_of("127.0.0.1");
    int fd = -1, other = pair(&fd), dead, port;
    apr_status_t rv;

    is_int(gw_sock_connected(fd), APR_SUCCESS, "connected");
    is_int(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK, "non-blocking");
    is_int(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC, "close on exec");
    ok(int_opt(fd, IPPROTO_TCP, TCP_NODELAY) > 0, "TCP_NODELAY");
    ok(int_opt(fd, SOL_SOCKET, SO_KEEPALIVE) > 0, "SO_KEEPALIVE as asked");
    gw_sock_close(&fd);
    is_int(fd, -1, "closed is -1");
    gw_sock_close(&fd);
    close(other);

    port = peer_dead_port(&dead);
    rv = gw_sock_connect(&addr, port, 0, &fd);
    if (rv == APR_EINPROGRESS) {
        ok(int_opt(fd, SOL_SOCKET, SO_KEEPALIVE) == 0, "no SO_KEEPALIVE");
        rv = gw_sock_connected(fd);
    }
    is_int(rv, ECONNREFUSED, "nobody listens: refused");
    gw_sock_close(&fd);
    close(dead);
}

static void test_connect_pending(void)
{
    gw_addr addr = addr_of("127.0.0.1");
    int port, lfd = peer_listen(0, &port), fds[8], i;
    apr_status_t rv = APR_SUCCESS;

    /* a full accept queue: the kernel lets further SYNs wait */
    for (i = 0; i < 8; i++) {
        rv = gw_sock_connect(&addr, port, 0, &fds[i]);
    }
    is_int(rv, APR_EINPROGRESS, "connect under way");
    is_int(gw_sock_connected(fds[7]), APR_EINPROGRESS,
           "asked too early, it is not taken for connected");
    for (i = 0; i < 8; i++) {
        gw_sock_close(&fds[i]);
    }
    close(lfd);
}

/* With the client's port bound to the very port it connects to, TCP makes a
 * connection of the socket with itself. */
static void test_connect_self(void)
{
    struct sockaddr_in sin;
    int one, port = peer_dead_port(&one);

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sin.sin_port = htons((apr_uint16_t)port);
    is_int(connect(one, (struct sockaddr *)&sin, sizeof(sin)), 0,
           "a socket can connect to itself");
    is_int(gw_sock_connected(one), ECONNREFUSED, "that counts as refused");
    close(one);
}

static void test_unix(void)
{
    char path[] = "/tmp/gw_sock_testXXXXXX";
    char name[64];
    struct sockaddr_un sun;
    gw_addrset *set;
    int lfd = socket(AF_UNIX, SOCK_STREAM, 0), fds[4], i, n = 0;
    apr_status_t rv = APR_SUCCESS;

    if (!mkdtemp(path)) {
        bail_out("mkdtemp");
    }
    snprintf(name, sizeof(name), "%s/s", path);
    set = gw_addrset_unix(name);
    is_int(gw_sock_connect(&set->addrs[0], 0, 1, &fds[0]), ENOENT,
           "UNIX socket that is not there");
    is_int(fds[0], -1, "fd is -1 then");
    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    memcpy(sun.sun_path, name, strlen(name));
    if (bind(lfd, (struct sockaddr *)&sun, sizeof(sun)) < 0
        || listen(lfd, 0) < 0) {
        bail_out("bind: %s", strerror(errno));
    }
    while (n < 4 && rv == APR_SUCCESS) {
        rv = gw_sock_connect(&set->addrs[0], 0, 1, &fds[n]);
        n += rv == APR_SUCCESS;
    }
    ok(n > 0, "UNIX socket: connected");
    is_int(rv, APR_EAGAIN, "its queue is full: try again");
    is_int(gw_sock_connected(fds[0]), APR_SUCCESS, "connected, asked again");
    for (i = 0; i < n; i++) {
        gw_sock_close(&fds[i]);
    }
    gw_addrset_release(&set);
    close(lfd);
    unlink(name);
    rmdir(path);
}

static void test_io(void)
{
    int fd, other = pair(&fd);
    char buf[64];
    apr_size_t n = 7, sum = 0;
    apr_status_t rv;
    char *big = calloc(1, 65536);

    is_int(gw_sock_read(fd, buf, sizeof(buf), &n), APR_EAGAIN, "no bytes");
    is_int(n, 0, "and says so");
    peer_say(other, "hello");
    is_int(await(gw_sock_read(fd, buf, sizeof(buf), &n) == APR_SUCCESS), 1,
           "read");
    is_mem(buf, n, "hello", 5, "what was sent");
    is_int(gw_sock_write(fd, "world", 5, &n), APR_SUCCESS, "write");
    is_int(n, 5, "all of it");
    is_int(recv(other, buf, sizeof(buf), 0), 5, "arrived");
    do {
        rv = gw_sock_write(fd, big, 65536, &n);
        sum += n;
    } while (rv == APR_SUCCESS && sum < 100 * 1024 * 1024);
    is_int(rv, APR_EAGAIN, "a full buffer is EAGAIN");
    free(big);
    gw_sock_close(&fd);
    close(other);
}

static void test_ends(void)
{
    int fd, other = pair(&fd);
    char c;
    apr_size_t n;
    apr_status_t rv;

    shutdown(other, SHUT_WR);
    await((rv = gw_sock_read(fd, &c, 1, &n)) != APR_EAGAIN);
    is_int(rv, APR_EOF, "FIN is EOF");
    is_int(gw_sock_write(fd, "x", 1, &n), APR_SUCCESS,
           "the other half is open");
    close(other);
    /* SIGPIPE, not ignored here, would end this program */
    await((rv = gw_sock_write(fd, "x", 1, &n)) != APR_SUCCESS);
    ok(rv == EPIPE || rv == ECONNRESET, "write to a closed one: %d", rv);
    gw_sock_close(&fd);

    other = pair(&fd);
    peer_reset(other);
    await((rv = gw_sock_read(fd, &c, 1, &n)) != APR_EAGAIN);
    is_int(rv, ECONNRESET, "RST");
    gw_sock_close(&fd);
}

static void test_alive(void)
{
    int fd, other = pair(&fd);
    char c;
    apr_size_t n;

    is_int(gw_sock_idle_alive(fd), 1, "idle and alive");
    peer_say(other, "x");
    is_int(await(!gw_sock_idle_alive(fd)), 1, "a byte: not idle");
    is_int(gw_sock_read(fd, &c, 1, &n), APR_SUCCESS, "and it is still there");
    is_int(gw_sock_idle_alive(fd), 1, "idle again");
    shutdown(other, SHUT_WR);
    is_int(await(!gw_sock_idle_alive(fd)), 1, "half closed: not alive");
    close(other);
    gw_sock_close(&fd);
}

int main(void)
{
    test_connect();
    test_connect_pending();
    test_connect_self();
    test_unix();
    test_io();
    test_ends();
    test_alive();
    return done_testing();
}
