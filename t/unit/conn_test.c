#include "gw_conn.c"

#include "tap.h"
#include "peer.h"
#include "certs.h"

static apr_pool_t *pool;
static gw_resolver *resolver;
static cert ca, mine;
static char ca_file[] = "/tmp/gw_conn_caXXXXXX";

/* --- servers ------------------------------------------------------------ */

static void serve_echo(peer *p, int fd, int nth)
{
    char buf[4096];
    ssize_t n;

    while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
        send(fd, buf, (size_t)n, MSG_NOSIGNAL);
    }
    close(fd);
}

/* Accepts and says nothing until the client goes. */
static void serve_silence(peer *p, int fd, int nth)
{
    peer_drain(fd);
    close(fd);
}

/* Does what the test tells it, byte by byte, by *baton. */
typedef struct orders orders;
struct orders {
    int fd;                     /* atomic: of the connection, once there */
    int done;                   /* atomic: the test lets it end */
};

static void serve_orders(peer *p, int fd, int nth)
{
    orders *o = p->baton;

    __atomic_store_n(&o->fd, fd, __ATOMIC_SEQ_CST);
    await(__atomic_load_n(&o->done, __ATOMIC_SEQ_CST));
}

/* TLS; a ticket and then a byte, each when the test wants it. */
typedef struct tls_orders tls_orders;
struct tls_orders {
    SSL_CTX *ctx;
    int step;                   /* atomic */
    int reached;                /* atomic */
};

static void wait_step(tls_orders *o, int n)
{
    __atomic_store_n(&o->reached, n, __ATOMIC_SEQ_CST);
    await(__atomic_load_n(&o->step, __ATOMIC_SEQ_CST) >= n);
}

static void serve_tls(peer *p, int fd, int nth)
{
    tls_orders *o = p->baton;
    SSL *ssl = cert_accept(o->ctx, fd);

    if (ssl) {
        wait_step(o, 1);
        SSL_new_session_ticket(ssl);
        SSL_do_handshake(ssl);
        wait_step(o, 2);
        cert_say(ssl, "x");
        wait_step(o, 3);
        SSL_free(ssl);
    }
    close(fd);
}

/* --- origins ------------------------------------------------------------ */

static gw_origin origin_of(gw_addrset *set, int port, gw_tls_ctx *tls)
{
    gw_origin o;

    memset(&o, 0, sizeof(o));
    o.key = o.name = tls ? "https://b.example" : "http://b.example";
    o.host = "b.example";
    o.port = port;
    o.keepalive = 1;
    o.tls = tls;
    o.literal = set;
    return o;
}

static gw_addrset *addrs(const char *a, const char *b)
{
    gw_addrset *one = gw_addrset_literal(a);
    gw_addrset *two = b ? gw_addrset_literal(b) : NULL;
    gw_addrset *set = calloc(1, sizeof(*set) + 2 * sizeof(gw_addr));

    set->refs = 1;
    set->n = b ? 2 : 1;
    set->addrs[0] = one->addrs[0];
    gw_addrset_release(&one);
    if (two) {
        set->addrs[1] = two->addrs[0];
        gw_addrset_release(&two);
    }
    return set;
}

static gw_conn_opts opts = { GW_SEC(5), GW_SEC(5), 0, 0, 0 };

static apr_status_t step(gw_conn *conn, const gw_conn_opts *o,
                         test_waker *waker)
{
    return gw_conn_open(conn, resolver, o, &waker->w, NULL);
}

/* Drive to READY or failure, waiting only by its wants. */
static apr_status_t open_conn(gw_conn *conn, const gw_conn_opts *o)
{
    test_waker waker;
    apr_status_t rv;
    gw_wants w;

    test_waker_init(&waker);
    while ((rv = step(conn, o, &waker)) == APR_EAGAIN) {
        gw_wants_reset(&w);
        gw_conn_wants(conn, 1, &w);
        if (!wait_for(&w, &waker)) {
            diag("nothing came of the wants in state %d", conn->state);
            break;
        }
    }
    test_waker_done(&waker);
    return rv;
}

static apr_status_t fill(gw_conn *conn)
{
    apr_status_t rv;
    gw_wants w;

    while ((rv = gw_conn_fill(conn)) == APR_EAGAIN) {
        gw_wants_reset(&w);
        gw_conn_wants(conn, 1, &w);
        if (!wait_for(&w, NULL)) {
            break;
        }
    }
    return rv;
}

/* A connection to a serve_orders() peer; *pfd is its other end. */
static gw_conn *ordered(peer *p, gw_origin *origin, int *pfd)
{
    orders *o = p->baton;
    gw_conn *conn;

    *origin = origin_of(addrs("127.0.0.1", NULL), p->port, NULL);
    conn = gw_conn_create(origin, NULL);
    if (open_conn(conn, &opts) != APR_SUCCESS
        || !await(__atomic_load_n(&o->fd, __ATOMIC_SEQ_CST))) {
        bail_out("no connection: %s", conn->why);
    }
    *pfd = o->fd;
    return conn;
}

static void end_orders(peer *p, gw_conn **pconn, gw_origin *origin)
{
    orders *o = p->baton;

    gw_conn_destroy(pconn);
    __atomic_store_n(&o->done, 1, __ATOMIC_SEQ_CST);
    peer_stop(p);
    gw_addrset_release(&origin->literal);
}

/* --- towards READY ------------------------------------------------------ */

static void test_echo(void)
{
    peer *p = peer_start(serve_echo, NULL);
    gw_origin origin = origin_of(addrs("127.0.0.1", NULL), p->port, NULL);
    gw_conn *conn = gw_conn_create(&origin, NULL);
    gw_conn *second = gw_conn_create(&origin, NULL);
    char want[40];
    gw_wants w;

    ok(second->id > conn->id, "ids are unique");
    gw_conn_destroy(&second);
    ok(!second, "destroyed is NULL");
    is_int(open_conn(conn, &opts), APR_SUCCESS, "opened");
    is_int(conn->state, GW_CONN_READY, "READY");
    snprintf(want, sizeof(want), "127.0.0.1:%d", p->port);
    is_str(conn->addr, want, "address as text");
    ok(gw_conn_fill(conn) == APR_EAGAIN && gw_conn_fill(conn) == APR_EAGAIN
       && !conn->in.size, "nothing to read, and no memory held for it");
    gw_bufq_put(&conn->out, "hello", 5);
    gw_wants_reset(&w);
    gw_conn_wants(conn, 0, &w);
    is_int(w.fds[0].events, GW_WANT_WRITE, "wants to write");
    is_int(gw_conn_flush(conn), APR_SUCCESS, "flush");
    is_int(gw_bufq_len(&conn->out), 0, "all gone");
    is_int(gw_conn_flush(conn), APR_SUCCESS, "nothing to flush");
    gw_wants_reset(&w);
    gw_conn_wants(conn, 1, &w);
    is_int(w.fds[0].events, GW_WANT_READ, "wants to read");
    is_int(fill(conn), APR_SUCCESS, "fill");
    is_mem(gw_bufq_data(&conn->in), gw_bufq_len(&conn->in), "hello", 5,
           "the echo");
    ok(conn->sent == 5 && conn->received == 5, "counted");
    gw_conn_begin(conn, NULL);
    ok(conn->sent == 0 && conn->received == 0, "counted anew");
    gw_conn_destroy(&conn);
    gw_addrset_release(&origin.literal);
    peer_stop(p);
}

static void check_fail(gw_conn *conn, const gw_conn_opts *o, gw_fail fail,
                       const char *why, const char *label)
{
    ok(open_conn(conn, o) != APR_SUCCESS, "%s: fails", label);
    is_int(conn->fail, fail, "%s: class %s", label, gw_fail_name(fail));
    if (!ok(strstr(conn->why, why), "%s: says so", label)) {
        diag("%s", conn->why);
    }
    is_int(conn->state, GW_CONN_CLOSED, "%s: CLOSED", label);
    is_int(conn->fd, -1, "%s: no descriptor left", label);
}

static void test_refused(void)
{
    int dead, port = peer_dead_port(&dead);
    gw_origin origin = origin_of(addrs("127.0.0.1", NULL), port, NULL);
    gw_conn *conn = gw_conn_create(&origin, NULL);
    char want[60];

    snprintf(want, sizeof(want), "connect to 127.0.0.1:%d refused", port);
    check_fail(conn, &opts, GW_FAIL_REFUSED, want, "refused");
    gw_conn_destroy(&conn);
    gw_addrset_release(&origin.literal);
    close(dead);
}

static void test_next_address(void)
{
    peer *p = peer_start(serve_echo, NULL);
    gw_origin origin = origin_of(addrs("127.0.0.2", "127.0.0.1"), p->port,
                                 NULL);
    gw_conn *conn = gw_conn_create(&origin, NULL);

    is_int(open_conn(conn, &opts), APR_SUCCESS,
           "the first address refuses, the second does it");
    ok(strstr(conn->addr, "127.0.0.1:") == conn->addr, "that one is named");
    gw_conn_destroy(&conn);
    gw_addrset_release(&origin.literal);
    origin = origin_of(addrs("127.0.0.2", "127.0.0.3"), p->port, NULL);
    conn = gw_conn_create(&origin, NULL);
    check_fail(conn, &opts, GW_FAIL_REFUSED, "refused (address 2 of 2)",
               "both refuse");
    is_str(gw_conn_tried(conn, pool),
           apr_psprintf(pool, "127.0.0.2:%d, 127.0.0.3:%d", p->port, p->port),
           "both were tried");
    gw_conn_destroy(&conn);
    gw_addrset_release(&origin.literal);
    peer_stop(p);
}

static apr_uint64_t serial_of(gw_conn *conn)
{
    gw_wants w;

    gw_wants_reset(&w);
    gw_conn_wants(conn, 1, &w);
    return w.nfds ? w.fds[0].serial : 0;
}

/* A driver that remembers descriptors must know one socket from the next. */
static void test_serials(void)
{
    peer *p = peer_start(serve_echo, NULL);
    gw_origin origin = origin_of(addrs("127.0.0.2", "127.0.0.1"), p->port,
                                 NULL);
    gw_conn *conn = gw_conn_create(&origin, NULL);
    apr_uint64_t serial, before = last_serial;
    int fd;

    open_conn(conn, &opts);
    fd = conn->fd;
    serial = serial_of(conn);
    ok(serial == before + 2, "each address tried is a socket of its own");
    is_str(gw_conn_tried(conn, pool),
           apr_psprintf(pool, "127.0.0.2:%d, 127.0.0.1:%d", p->port, p->port),
           "and is known to have been");
    is_int(serial_of(conn), serial, "which keeps its serial");
    gw_conn_destroy(&conn);
    conn = gw_conn_create(&origin, NULL);
    open_conn(conn, &opts);
    ok(conn->fd != fd || serial_of(conn) > serial,
       "a later socket of the same number has another one");
    gw_conn_destroy(&conn);
    gw_addrset_release(&origin.literal);
    peer_stop(p);
}

/* A listener whose queue is full: SYNs are dropped. */
static void test_connect_timeout(void)
{
    gw_conn_opts quick = opts;
    int port, lfd = peer_listen(0, &port), i;
    gw_origin origin = origin_of(addrs("127.0.0.1", "127.0.0.2"), port,
                                 NULL);
    gw_origin alone = origin_of(addrs("127.0.0.1", NULL), port, NULL);
    gw_conn *conns[6], *conn;
    gw_time begun;

    for (i = 0; i < 6; i++) {
        test_waker none;

        test_waker_init(&none);
        conns[i] = gw_conn_create(&alone, NULL);
        (void)step(conns[i], &opts, &none);
        test_waker_done(&none);
    }
    quick.connect_timeout = GW_MSEC(120);
    conn = gw_conn_create(&alone, NULL);
    begun = gw_now();
    check_fail(conn, &quick, GW_FAIL_CONNECT_TIMEOUT,
               "not answered within 120 ms", "connect timeout");
    ok(gw_now() - begun >= GW_MSEC(120) && gw_now() - begun < GW_SEC(3),
       "in time");
    gw_conn_destroy(&conn);
    conn = gw_conn_create(&origin, NULL);
    check_fail(conn, &quick, GW_FAIL_REFUSED, "connect to 127.0.0.2:",
               "timeout, then refused: the last counts");
    gw_conn_destroy(&conn);
    for (i = 0; i < 6; i++) {
        gw_conn_destroy(&conns[i]);
    }
    gw_addrset_release(&origin.literal);
    gw_addrset_release(&alone.literal);
    close(lfd);
}

static void test_unix(void)
{
    char dir[] = "/tmp/gw_conn_testXXXXXX";
    char name[60];
    struct sockaddr_un sun;
    int lfd = socket(AF_UNIX, SOCK_STREAM, 0), i, n = 0;
    gw_origin origin;
    gw_conn *conns[4], *conn;
    gw_conn_opts quick = opts;
    test_waker none;
    gw_wants w;

    if (!mkdtemp(dir)) {
        bail_out("mkdtemp");
    }
    snprintf(name, sizeof(name), "%s/s", dir);
    origin = origin_of(gw_addrset_unix(name), 0, NULL);
    conn = gw_conn_create(&origin, NULL);
    check_fail(conn, &opts, GW_FAIL_REFUSED, "failed: No such file",
               "no UNIX socket");
    ok(strstr(conn->why, name), "its path is named");
    gw_conn_destroy(&conn);
    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    memcpy(sun.sun_path, name, strlen(name));
    if (bind(lfd, (struct sockaddr *)&sun, sizeof(sun)) < 0
        || listen(lfd, 0) < 0) {
        bail_out("bind");
    }
    test_waker_init(&none);
    do {
        conns[n] = gw_conn_create(&origin, NULL);
    } while (step(conns[n], &opts, &none) == APR_SUCCESS && ++n < 4);
    conn = conns[n];
    is_int(conn->state, GW_CONN_CONNECTING, "UNIX queue full: still at it");
    gw_wants_reset(&w);
    gw_conn_wants(conn, 1, &w);
    ok(w.nfds == 0 && w.deadline < gw_now() + GW_MSEC(100),
       "tries again soon, with nothing to poll");
    for (i = 0; i < n; i++) {
        close(accept(lfd, NULL, NULL));
    }
    is_int(open_conn(conn, &opts), APR_SUCCESS, "then it gets through");
    quick.connect_timeout = GW_MSEC(50);
    gw_conn_destroy(&conn);
    for (i = 0; i < n; i++) {
        gw_conn_destroy(&conns[i]);
    }
    for (n = 0; n < 4; n++) {
        conns[n] = gw_conn_create(&origin, NULL);
        if (step(conns[n], &quick, &none) == APR_EAGAIN) {
            break;
        }
    }
    check_fail(conns[n], &quick, GW_FAIL_CONNECT_TIMEOUT, "within 50 ms",
               "UNIX queue stays full");
    for (i = 0; i <= n; i++) {
        gw_conn_destroy(&conns[i]);
    }
    test_waker_done(&none);
    gw_addrset_release(&origin.literal);
    close(lfd);
    unlink(name);
    rmdir(dir);
}

static void test_names(void)
{
    peer *p = peer_start(serve_echo, NULL);
    gw_origin origin = origin_of(NULL, p->port, NULL);
    gw_conn *conn = gw_conn_create(&origin, NULL);
    test_waker waker;
    gw_wants w;
    apr_status_t rv;

    origin.host = "b.gw-test.example";
    is_int(open_conn(conn, &opts), APR_SUCCESS, "a name of the hosts file");
    ok(strstr(conn->addr, "127.0.0.1:") == conn->addr, "its address");
    gw_conn_destroy(&conn);

    origin.host = "nobody.gw-test.example";
    conn = gw_conn_create(&origin, NULL);
    test_waker_init(&waker);
    rv = step(conn, &opts, &waker);
    if (rv == APR_EAGAIN) {
        gw_wants_reset(&w);
        gw_conn_wants(conn, 1, &w);
        ok(w.wakeup && w.nfds == 0, "RESOLVING waits for a wake-up");
    }
    gw_conn_destroy(&conn);
    test_waker_done(&waker);
    conn = gw_conn_create(&origin, NULL);
    check_fail(conn, &opts, GW_FAIL_RESOLVE, "the name nobody.gw-test",
               "a name that cannot be resolved");
    gw_conn_destroy(&conn);
    peer_stop(p);
}

/* --- TLS ---------------------------------------------------------------- */

static gw_tls_ctx *client_ctx(const char *name)
{
    gw_tls_params params = { 1, ca_file, NULL, name, name, 0 };
    gw_tls_ctx *ctx;
    const char *err;

    if (gw_tls_ctx_create(pool, &params, &ctx, &err) != APR_SUCCESS) {
        bail_out("%s", err);
    }
    return ctx;
}

static void reach(tls_orders *o, int n)
{
    __atomic_store_n(&o->step, n, __ATOMIC_SEQ_CST);
    await(__atomic_load_n(&o->reached, __ATOMIC_SEQ_CST) > n);
}

static void test_tls_idle(void)
{
    tls_orders o = { cert_server(&mine), 0, 0 };
    peer *p = peer_start(serve_tls, &o);
    gw_origin origin = origin_of(addrs("127.0.0.1", NULL), p->port,
                                 client_ctx("b.example"));
    gw_conn *conn = gw_conn_create(&origin, NULL);

    is_int(open_conn(conn, &opts), APR_SUCCESS, "TLS: opened");
    is_str(gw_tls_version(conn->tls), "TLSv1.3", "TLS 1.3");
    is_int(gw_conn_alive(conn), 1, "alive with the tickets of the handshake");
    reach(&o, 1);
    is_int(await(!gw_sock_idle_alive(conn->fd)), 1, "a ticket came in");
    is_int(gw_conn_alive(conn), 1, "alive still");
    is_int(gw_sock_idle_alive(conn->fd), 1, "the ticket was taken");
    reach(&o, 2);
    await(!gw_sock_idle_alive(conn->fd));
    is_int(gw_conn_alive(conn), 0, "a byte of content: not alive");
    gw_conn_destroy(&conn);
    __atomic_store_n(&o.step, 3, __ATOMIC_SEQ_CST);
    peer_stop(p);
    gw_addrset_release(&origin.literal);
    SSL_CTX_free(o.ctx);
}

static void test_tls_failures(void)
{
    tls_orders o = { cert_server(&mine), 9, 0 };
    peer *p = peer_start(serve_tls, &o);
    gw_origin origin = origin_of(addrs("127.0.0.1", "127.0.0.1"), p->port,
                                 client_ctx("c.example"));
    gw_conn *conn = gw_conn_create(&origin, NULL);
    gw_conn_opts quick = opts;

    check_fail(conn, &opts, GW_FAIL_CERT,
               "certificate of c.example rejected: ", "TLS: wrong name");
    is_int(peer_accepted(p), 1, "no further address is tried after that");
    gw_conn_destroy(&conn);
    peer_stop(p);
    gw_addrset_release(&origin.literal);
    SSL_CTX_free(o.ctx);

    p = peer_start(serve_silence, NULL);
    origin = origin_of(addrs("127.0.0.1", NULL), p->port,
                       client_ctx("b.example"));
    conn = gw_conn_create(&origin, NULL);
    quick.connect_timeout = GW_MSEC(100);
    check_fail(conn, &quick, GW_FAIL_TLS_TIMEOUT, "not done within 100 ms",
               "TLS: no answer");
    gw_conn_destroy(&conn);
    peer_stop(p);
    gw_addrset_release(&origin.literal);
}

/* --- READY -------------------------------------------------------------- */

static void test_ends(void)
{
    orders o = { 0, 0 };
    peer *p = peer_start(serve_orders, &o);
    gw_origin origin;
    int fd;
    gw_conn *conn = ordered(p, &origin, &fd);
    gw_wants w;

    peer_say(fd, "bye");
    shutdown(fd, SHUT_WR);
    is_int(fill(conn), APR_SUCCESS, "FIN: what came before it");
    is_int(fill(conn), APR_EOF, "FIN: the end");
    ok(conn->peer_closed && conn->peer_clean, "a clean end");
    is_int(gw_conn_fill(conn), APR_EOF, "and stays so");
    gw_wants_reset(&w);
    gw_conn_wants(conn, 1, &w);
    ok(gw_wants_nothing(&w), "nothing to read for");
    gw_bufq_put(&conn->out, "x", 1);
    is_int(gw_conn_flush(conn), APR_SUCCESS, "half closed: can be written");
    is_int(gw_conn_alive(conn), 0, "but is no more alive");
    is_int(gw_conn_reusable(conn), 0, "nor reusable");
    close(fd);
    end_orders(p, &conn, &origin);
}

static void test_reset(void)
{
    orders o = { 0, 0 };
    peer *p = peer_start(serve_orders, &o);
    gw_origin origin;
    int fd;
    gw_conn *conn = ordered(p, &origin, &fd);

    peer_reset(fd);
    is_int(fill(conn), APR_ECONNRESET, "RST");
    ok(conn->peer_closed && !conn->peer_clean, "not a clean end");
    is_int(conn->fail, GW_FAIL_RESET, "class reset");
    ok(strstr(conn->why, "read from 127.0.0.1:")
       && strstr(conn->why, "failed: Connection reset"), "%s", conn->why);
    end_orders(p, &conn, &origin);
}

/* 413 and RST while the request is still on its way. */
static void test_write_fails(void)
{
    static char chunk[60000];
    orders o = { 0, 0 };
    peer *p = peer_start(serve_orders, &o);
    gw_origin origin;
    int fd, n = 0;
    gw_conn *conn = ordered(p, &origin, &fd);
    apr_status_t rv;
    gw_wants w;

    do {
        gw_bufq_put(&conn->out, chunk, sizeof(chunk));
        rv = gw_conn_flush(conn);
    } while (rv == APR_SUCCESS);
    is_int(rv, APR_EAGAIN, "the backend does not read");
    peer_say(fd, "413");
    close(fd);
    do {
        rv = gw_conn_flush(conn);
    } while (rv == APR_EAGAIN && n++ < 1000 && poll(NULL, 0, 2) == 0);
    ok(rv != APR_SUCCESS && rv != APR_EAGAIN, "writing fails");
    is_int(conn->fail, GW_FAIL_RESET, "class reset");
    ok(strstr(conn->why, "write to 127.0.0.1:"), "%s", conn->why);
    gw_wants_reset(&w);
    gw_conn_wants(conn, 1, &w);
    is_int(w.fds[0].events, GW_WANT_READ, "waits only for reading now");
    is_int(fill(conn), APR_SUCCESS, "and the response is there");
    is_mem(gw_bufq_data(&conn->in), gw_bufq_len(&conn->in), "413", 3,
           "all of it");
    is_int(gw_conn_reusable(conn), 0, "not reusable");
    end_orders(p, &conn, &origin);
}

static void *say_much(void *data)
{
    char buf[65536];
    int i;

    memset(buf, 'x', sizeof(buf));
    for (i = 0; i < 32; i++) {
        if (send(*(int *)data, buf, sizeof(buf), MSG_NOSIGNAL) < 0) {
            break;
        }
    }
    return NULL;
}

static void test_reads_grow(void)
{
    orders o = { 0, 0 };
    peer *p = peer_start(serve_orders, &o);
    gw_origin origin;
    int fd, i;
    gw_conn *conn = ordered(p, &origin, &fd);
    pthread_t thread;
    apr_size_t first;
    apr_status_t rv;

    pthread_create(&thread, NULL, say_much, &fd);
    poll(NULL, 0, 50);
    rv = fill(conn);
    first = gw_bufq_len(&conn->in);
    ok(rv == APR_SUCCESS && first <= GW_IO_SIZE, "a head: small reads");
    conn->h1.res = GW_H1_LENGTH;
    for (i = 0; i < 10; i++) {
        gw_bufq_skip(&conn->in, gw_bufq_len(&conn->in));
        poll(NULL, 0, 2);
        fill(conn);
    }
    ok(conn->read_size == GW_CONN_READ_MAX, "a body: large ones");
    ok(conn->in.size <= conn->in.limit, "within the limit");
    while ((rv = fill(conn)) == APR_SUCCESS) {
        /* until the queue is full */
    }
    is_int(rv, APR_ENOSPC, "a full queue is an error, not an endless wait");
    is_int(conn->fail, GW_FAIL_LIMIT, "class limit");
    ok(gw_bufq_len(&conn->in) == conn->in.limit, "nothing lost");
    gw_conn_rest(conn);
    ok(!conn->in.data && !conn->out.data, "rested: no buffers");
    shutdown(fd, SHUT_RDWR);
    gw_conn_destroy(&conn);
    pthread_join(thread, NULL);
    close(fd);
    end_orders(p, &conn, &origin);
}

/* The first read behind a look at the socket is saved, no other one. */
static void test_quiet(void)
{
    orders o = { 0, 0 };
    peer *p = peer_start(serve_orders, &o);
    struct pollfd pfd;
    gw_origin origin;
    int fd;
    gw_conn *conn = ordered(p, &origin, &fd);

    gw_conn_fill(conn);
    is_int(gw_conn_alive(conn), 1, "nothing is there");
    peer_say(fd, "x");
    pfd.fd = conn->fd;
    pfd.events = POLLIN;
    poll(&pfd, 1, 5000);
    is_int(gw_conn_fill(conn), APR_EAGAIN, "so nothing is read");
    is_int(gw_conn_fill(conn), APR_SUCCESS, "but the next read is a true one");
    is_int(conn->received, 1, "and finds what has come");
    close(fd);
    end_orders(p, &conn, &origin);
}

static void test_alive(void)
{
    orders o = { 0, 0 };
    peer *p = peer_start(serve_orders, &o);
    gw_origin origin;
    int fd;
    gw_conn *conn = ordered(p, &origin, &fd);

    is_int(gw_conn_alive(conn), 1, "alive");
    peer_say(fd, "x");
    is_int(await(!gw_conn_alive(conn)), 1, "a surplus byte: not");
    fill(conn);
    is_int(gw_conn_alive(conn), 0, "nor when it was read");
    close(fd);
    end_orders(p, &conn, &origin);
}

/* --- log lines ---------------------------------------------------------- */

static char logged[4096];

static int log_all(void *baton, int level)
{
    return level <= GW_LOG_TRACE2;
}

static void log_print(void *baton, const char *file, int line, int level,
                      apr_status_t rv, const char *text)
{
    size_t used = strlen(logged);

    snprintf(logged + used, sizeof(logged) - used, "%s\n", text);
}

static void test_log(void)
{
    static const gw_logger logger = { log_all, log_print, NULL };
    peer *p = peer_start(serve_echo, NULL);
    gw_origin origin = origin_of(addrs("127.0.0.1", NULL), p->port, NULL);
    gw_conn *conn = gw_conn_create(&origin, NULL);
    test_waker waker;

    test_waker_init(&waker);
    while (gw_conn_open(conn, NULL, &opts, &waker.w, &logger)
           == APR_EAGAIN) {
        poll(NULL, 0, 1);
    }
    gw_conn_destroy(&conn);
    ok(strstr(logged, "http://b.example: [NEW] -- addresses known --> "
              "[CONNECTING]\n")
       && strstr(logged, "[CONNECTING] -- connected --> [READY]\n")
       && strstr(logged, "[READY] -- end of use --> [CLOSED]\n"),
       "state changes are logged");
    ok(strstr(logged, "GW00701: conn "), "so is the connect");
    test_waker_done(&waker);
    peer_stop(p);
    gw_addrset_release(&origin.literal);
}

static void make_resolver(char *hosts)
{
    gw_resolver_params params;
    static const char lines[] = "127.0.0.1 b.gw-test.example\n";
    int fd = mkstemp(hosts);

    if (fd < 0 || write(fd, lines, sizeof(lines) - 1) < 0) {
        bail_out("hosts file");
    }
    close(fd);
    memset(&params, 0, sizeof(params));
    params.hosts_file = hosts;
    params.resolv_conf = "/dev/null";
    params.timeout = GW_SEC(1);
    if (gw_resolver_create(pool, &params, &resolver) != APR_SUCCESS) {
        bail_out("no resolver");
    }
}

int main(void)
{
    static const cert_spec root = { "CA", NULL, NULL, -10, 10, 1 };
    static const cert_spec good = { "x", "DNS:b.example", NULL, -1, 9, 0 };
    char hosts[] = "/tmp/gw_conn_hostsXXXXXX";

    apr_initialize();
    apr_pool_create(&pool, NULL);
    ca = cert_make(&root, NULL);
    mine = cert_make(&good, &ca);
    cert_save(&ca, ca_file);
    make_resolver(hosts);

    test_echo();
    test_refused();
    test_next_address();
    test_serials();
    test_connect_timeout();
    test_unix();
    test_names();
    test_tls_idle();
    test_tls_failures();
    test_ends();
    test_reset();
    test_write_fails();
    test_reads_grow();
    test_quiet();
    test_alive();
    test_log();

    gw_resolver_destroy(&resolver);
    apr_pool_destroy(pool);
    cert_free(&ca);
    cert_free(&mine);
    unlink(ca_file);
    unlink(hosts);
    apr_terminate();
    return done_testing();
}
