/**
 * peer.h: what the unit tests of gateway/net talk to: servers on loopback
 * that run a function per connection, and the poll loop that drives a
 * machine by its wants.
 *
 * Owner: the program that includes it, after tap.h; all functions are static.
 * A peer's accept thread starts one thread per connection; peer_stop() ends
 * and joins them all, and is called from the thread that called
 * peer_start(). Reads in them give up after ten seconds, so that a test that
 * fails does not hang.
 */
#ifndef GW_T_PEER_H
#define GW_T_PEER_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "gw_clock.h"
#include "gw_resolve.h"
#include "gw_wants.h"

#define PEER_CONNS_MAX 2048

typedef struct peer peer;
struct peer {
    int port;                   /* of 127.0.0.1 */
    void (*serve)(peer *p, int fd, int nth);
    void *baton;
    int accepted;               /* atomic */
    int lfd;
    pthread_t acceptor;
    pthread_t threads[PEER_CONNS_MAX];
    int fds[PEER_CONNS_MAX];
    int seen[PEER_CONNS_MAX];
};

typedef struct peer_conn peer_conn;
struct peer_conn {
    peer *p;
    int nth;
};

static TAP_UNUSED void peer_timeouts(int fd)
{
    struct timeval tv = { 10, 0 };

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

/** A socket listening on 127.0.0.1 (any port) with this backlog. */
static TAP_UNUSED int peer_listen(int backlog, int *port)
{
    struct sockaddr_in sin;
    socklen_t len = sizeof(sin);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0
        || listen(fd, backlog) < 0
        || getsockname(fd, (struct sockaddr *)&sin, &len) < 0) {
        bail_out("no listening socket: %s", strerror(errno));
    }
    *port = ntohs(sin.sin_port);
    return fd;
}

/** A port of 127.0.0.1 that nobody listens on: bound, but not listening. */
static TAP_UNUSED int peer_dead_port(int *pfd)
{
    struct sockaddr_in sin;
    socklen_t len = sizeof(sin);

    *pfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(*pfd, (struct sockaddr *)&sin, sizeof(sin)) < 0
        || getsockname(*pfd, (struct sockaddr *)&sin, &len) < 0) {
        bail_out("no port: %s", strerror(errno));
    }
    return ntohs(sin.sin_port);
}

static TAP_UNUSED void *peer_serve(void *data)
{
    peer_conn *c = data;
    peer *p = c->p;
    int nth = c->nth;

    free(c);
    p->serve(p, p->fds[nth], nth);
    /* the descriptor is closed by serve(), by peer_close() */
    return NULL;
}

static TAP_UNUSED void *peer_accept(void *data)
{
    peer *p = data;
    sigset_t set;
    int nth = 0;

    /* for servers on OpenSSL's own sockets; the tests' main thread has no
     * such protection, so that a SIGPIPE of what is tested shows */
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    while (nth < PEER_CONNS_MAX) {
        int fd = accept4(p->lfd, NULL, NULL, SOCK_CLOEXEC);
        peer_conn *c;

        if (fd < 0) {
            if (errno == EINTR || errno == EMFILE) {
                poll(NULL, 0, 1);
                continue;
            }
            break;
        }
        peer_timeouts(fd);
        c = malloc(sizeof(*c));
        c->p = p;
        c->nth = nth;
        p->fds[nth] = fd;
        pthread_create(&p->threads[nth], NULL, peer_serve, c);
        nth++;
        __atomic_store_n(&p->accepted, nth, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static TAP_UNUSED peer *peer_start(void (*serve)(peer *, int, int),
                                   void *baton)
{
    peer *p = calloc(1, sizeof(*p));

    p->serve = serve;
    p->baton = baton;
    p->lfd = peer_listen(128, &p->port);
    pthread_create(&p->acceptor, NULL, peer_accept, p);
    return p;
}

static TAP_UNUSED int peer_accepted(const peer *p)
{
    return __atomic_load_n(&p->accepted, __ATOMIC_SEQ_CST);
}

/** Stop accepting, wait for all connections to end, free. */
static TAP_UNUSED void peer_stop(peer *p)
{
    int i;

    shutdown(p->lfd, SHUT_RDWR);
    pthread_join(p->acceptor, NULL);
    for (i = 0; i < p->accepted; i++) {
        pthread_join(p->threads[i], NULL);
    }
    close(p->lfd);
    free(p);
}

/** Close with RST. */
static TAP_UNUSED void peer_reset(int fd)
{
    struct linger l = { 1, 0 };

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    close(fd);
}

/** Blocking: all of text. */
static TAP_UNUSED int peer_say(int fd, const char *text)
{
    size_t len = strlen(text);

    return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/** Blocking: read one request head; its length, 0 at the end. */
static TAP_UNUSED int peer_hear_head(int fd, char *buf, size_t len)
{
    size_t n = 0;

    while (n < len - 1) {
        ssize_t got = recv(fd, buf + n, 1, 0);

        if (got <= 0) {
            return 0;
        }
        n += (size_t)got;
        buf[n] = '\0';
        if (n >= 4 && memcmp(buf + n - 4, "\r\n\r\n", 4) == 0) {
            return (int)n;
        }
    }
    return 0;
}

/** Read until the other side closes. */
static TAP_UNUSED void peer_drain(int fd)
{
    char buf[4096];

    while (recv(fd, buf, sizeof(buf), 0) > 0) {
        /* thrown away */
    }
}

/* --- driving ------------------------------------------------------------ */

typedef struct test_waker test_waker;
struct test_waker {
    gw_waker w;                 /* first */
    int fds[2];
    int arms;
    int wakes;                  /* atomic */
};

static TAP_UNUSED apr_status_t test_arm(gw_waker *w)
{
    ((test_waker *)w)->arms++;
    return APR_SUCCESS;
}

static TAP_UNUSED void test_wake(gw_waker *w)
{
    test_waker *t = (test_waker *)w;

    __atomic_add_fetch(&t->wakes, 1, __ATOMIC_SEQ_CST);
    if (write(t->fds[1], "w", 1) != 1) {
        return;
    }
}

static TAP_UNUSED void test_waker_init(test_waker *t)
{
    memset(t, 0, sizeof(*t));
    t->w.arm = test_arm;
    t->w.wake = test_wake;
    if (pipe(t->fds) < 0) {
        bail_out("no pipe");
    }
    fcntl(t->fds[0], F_SETFL, O_NONBLOCK);
    fcntl(t->fds[1], F_SETFL, O_NONBLOCK);
}

static TAP_UNUSED void test_waker_done(test_waker *t)
{
    close(t->fds[0]);
    close(t->fds[1]);
}

static TAP_UNUSED short poll_events(int events)
{
    return (short)((events & GW_WANT_READ ? POLLIN : 0)
                   | (events & GW_WANT_WRITE ? POLLOUT : 0));
}

/** Wait for a want, at most ten seconds. 0: nothing came in that time, or
 * nothing is wanted at all. t may be NULL. */
static TAP_UNUSED int wait_for(const gw_wants *w, test_waker *t)
{
    struct pollfd fds[GW_WANTS_FDS + 1];
    int ms = gw_poll_ms(gw_now(), w->deadline);
    char buf[64];
    int i, n;

    if (gw_wants_nothing(w)) {
        diag("stuck: nothing wanted");
        return 0;
    }
    for (i = 0; i < w->nfds; i++) {
        fds[i].fd = w->fds[i].fd;
        fds[i].events = poll_events(w->fds[i].events);
    }
    if (t) {
        fds[i].fd = t->fds[0];
        fds[i].events = POLLIN;
        i++;
    }
    n = poll(fds, (nfds_t)i, ms < 0 || ms > 10000 ? 10000 : ms);
    if (t) {
        while (read(t->fds[0], buf, sizeof(buf)) > 0) {
            /* drained */
        }
    }
    return n > 0 || (ms >= 0 && ms <= 10000);
}

/** Wait until cond holds, at most about five seconds. */
#define await(cond) \
    __extension__ ({ \
        int await_n = 0, await_ok; \
        while (!(await_ok = !!(cond)) && await_n++ < 2500) { \
            poll(NULL, 0, 2); \
        } \
        await_ok; \
    })

#endif
