#include "gw_pool.h"

#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <apr_tables.h>
#include "gw_h1_stream.h"
#include "gw_sock.h"
#include "tap.h"
#include "peer.h"
#include "certs.h"

static apr_pool_t *mem;
static gw_conn_opts plain = { .connect_timeout = GW_SEC(5),
                              .timeout = GW_SEC(5), .queue = 100 };
static gw_time shift;               /* of the clock, forward */

static gw_time shifted(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return GW_SEC(ts.tv_sec) + ts.tv_nsec / 1000
           + __atomic_load_n(&shift, __ATOMIC_SEQ_CST);
}

static void later(gw_time span)
{
    __atomic_add_fetch(&shift, span, __ATOMIC_SEQ_CST);
}

/* --- the backend -------------------------------------------------------- */

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define OK_2 OK_HEAD "Content-Length: 2\r\n\r\nok"

/* What the backend does after each request head. */
typedef struct script script;
struct script {
    pthread_mutex_t lock;       /* guards the next two */
    const char *answer;
    enum {
        GO_ON,                  /* serve the next request */
        FIN,                    /* close in both directions */
        RST,
        HALF,                   /* close the sending side only */
        HOLD,                   /* wait for the test, then close */
        DEAF                    /* neither read nor answer until then */
    } then;
    int after;                  /* milliseconds until that; atomic */
    SSL_CTX *tls;
    int late_ticket;            /* one follows each answer */
    const char *surplus;        /* follows it in a TLS record of its own, in
                                   the same packet */
    int release;                /* atomic: HOLD and DEAF end */
    int head_len;               /* atomic: of the last request */
};

enum { HEAD_MAX = 200000 };

static void set_script(script *s, const char *answer, int then)
{
    pthread_mutex_lock(&s->lock);
    s->answer = answer;
    s->then = then;
    pthread_mutex_unlock(&s->lock);
}

static const char *get_script(script *s, int *then)
{
    const char *answer;

    pthread_mutex_lock(&s->lock);
    answer = s->answer;
    *then = s->then;
    pthread_mutex_unlock(&s->lock);
    return answer;
}

static void act(script *s, int fd, int then)
{
    poll(NULL, 0, __atomic_load_n(&s->after, __ATOMIC_SEQ_CST));
    switch (then) {
    case RST:
        peer_reset(fd);
        return;
    case HALF:
        shutdown(fd, SHUT_WR);
        peer_drain(fd);
        break;
    case HOLD:
    case DEAF:
        await(__atomic_load_n(&s->release, __ATOMIC_SEQ_CST));
        break;
    default:
        break;
    }
    close(fd);
}

static void serve_tls(script *s, int fd)
{
    SSL *ssl = cert_accept(s->tls, fd);
    char head[4096];
    int then = GO_ON, on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    while (ssl && then == GO_ON && cert_hear_head(ssl, head, sizeof(head))) {
        on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
        cert_say(ssl, get_script(s, &then));
        if (s->surplus) {
            cert_say(ssl, s->surplus);
        }
        on = 0;
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
        if (s->late_ticket) {
            poll(NULL, 0, 20);
            SSL_new_session_ticket(ssl);
            SSL_do_handshake(ssl);
        }
    }
    SSL_free(ssl);
    close(fd);
}

static void serve(peer *p, int fd, int nth)
{
    script *s = p->baton;
    char *head;
    int n, then;

    if (s->tls) {
        serve_tls(s, fd);
        return;
    }
    head = malloc(HEAD_MAX);
    get_script(s, &then);
    while (then != DEAF) {
        n = peer_hear_head(fd, head, HEAD_MAX);
        if (!n) {
            break;
        }
        __atomic_store_n(&s->head_len, n, __ATOMIC_SEQ_CST);
        peer_say(fd, get_script(s, &then));
        if (then != GO_ON) {
            break;
        }
    }
    free(head);
    act(s, fd, then);
}

/* --- one client --------------------------------------------------------- */

typedef struct client client;
struct client {
    script script;
    peer *p;
    gw_origin origin;
    gw_pool *pool;
    test_waker waker;
    char body[300000];
    apr_size_t body_len;
};

static void set_origin(gw_origin *o, int port, gw_tls_ctx *tls)
{
    memset(o, 0, sizeof(*o));
    o->key = o->name = tls ? "https://b.example" : "http://b.example";
    o->host = "b.example";
    o->port = port;
    o->tls = tls;
    o->literal = gw_addrset_literal("127.0.0.1");
}

static gw_pool *new_pool(int idle_max)
{
    gw_pool_params params = { NULL, NULL, idle_max };
    gw_pool *pool;

    if (gw_pool_create(mem, &params, &pool) != APR_SUCCESS) {
        bail_out("no pool");
    }
    return pool;
}

static client *begin_tls(const char *answer, int then, SSL_CTX *tls,
                         gw_tls_ctx *ctx)
{
    client *c = calloc(1, sizeof(*c));

    pthread_mutex_init(&c->script.lock, NULL);
    set_script(&c->script, answer, then);
    c->script.tls = tls;
    c->p = peer_start(serve, &c->script);
    set_origin(&c->origin, c->p->port, ctx);
    c->pool = new_pool(0);
    test_waker_init(&c->waker);
    return c;
}

static client *begin(const char *answer, int then)
{
    return begin_tls(answer, then, NULL, NULL);
}

static void end(client *c)
{
    int idle, leased;

    gw_pool_counts(c->pool, &idle, &leased);
    is_int(leased, 0, "none in use at the end");
    gw_pool_destroy(&c->pool);
    __atomic_store_n(&c->script.release, 1, __ATOMIC_SEQ_CST);
    peer_stop(c->p);
    gw_addrset_release(&c->origin.literal);
    test_waker_done(&c->waker);
    pthread_mutex_destroy(&c->script.lock);
    free(c);
}

static int idle_of(gw_pool *pool)
{
    int idle, leased;

    gw_pool_counts(pool, &idle, &leased);
    return idle;
}

static gw_stream *lease(client *c, const gw_conn_opts *opts, int fresh)
{
    gw_lease l = { &c->origin, opts, NULL, &c->waker.w, fresh };
    gw_net *net = gw_pool_net(c->pool);
    gw_stream *s = NULL;

    if (net->lease(net, &l, &s) != APR_SUCCESS) {
        bail_out("no lease");
    }
    return s;
}

static int wait_stream(gw_stream *s, int reading, test_waker *waker)
{
    gw_wants w;

    gw_wants_reset(&w);
    s->ops->wants(s, reading, &w);
    return wait_for(&w, waker);
}

static apr_status_t open_stream(gw_stream *s, test_waker *waker)
{
    apr_status_t rv;

    while ((rv = s->ops->open(s)) == APR_EAGAIN
           && wait_stream(s, 1, waker)) {
        /* again */
    }
    return rv;
}

static gw_req_head get_head(void)
{
    gw_req_head h;

    memset(&h, 0, sizeof(h));
    h.method = "GET";
    h.target = "/x";
    h.host = "b.example";
    h.headers = apr_table_make(mem, 1);
    h.minor = 1;
    h.idempotent = 1;
    return h;
}

static apr_status_t flush_all(gw_stream *s)
{
    apr_status_t rv;

    while ((rv = s->ops->flush(s)) == APR_EAGAIN
           && wait_stream(s, 0, NULL)) {
        /* again */
    }
    return rv;
}

static apr_status_t read_head(gw_stream *s, gw_res_head **phead)
{
    apr_status_t rv;

    *phead = NULL;
    while ((rv = s->ops->read_head(s, mem, phead)) == APR_EAGAIN
           && wait_stream(s, 1, NULL)) {
        /* again */
    }
    return rv;
}

/* The whole body; APR_EOF when it was complete. */
static apr_status_t read_body(client *c, gw_stream *s)
{
    apr_status_t rv;

    c->body_len = 0;
    for (;;) {
        const char *data;
        apr_size_t len = 0;

        rv = s->ops->read_body(s, &data, &len);
        if (rv == APR_SUCCESS && c->body_len + len <= sizeof(c->body)) {
            memcpy(c->body + c->body_len, data, len);
            c->body_len += len;
        }
        else if (rv != APR_EAGAIN || !wait_stream(s, 1, NULL)) {
            return rv;
        }
    }
}

/* Send a GET on s and read the answer to its end. */
static apr_status_t talk(client *c, gw_stream *s)
{
    gw_req_head head = get_head();
    gw_res_head *res;
    apr_status_t rv = s->ops->send_head(s, &head);

    if (rv == APR_SUCCESS) {
        rv = s->ops->send_end(s);
    }
    if (rv == APR_SUCCESS) {
        rv = flush_all(s);
    }
    if (rv == APR_SUCCESS) {
        rv = read_head(s, &res);
    }
    return rv == APR_SUCCESS ? read_body(c, s) : rv;
}

/* One exchange; 1 reused, 0 on a new connection, -1 it failed. */
static int fetch(client *c, const gw_conn_opts *opts)
{
    gw_stream *s = lease(c, opts, 0);
    apr_status_t rv = open_stream(s, &c->waker);
    int reused = s->reused;

    if (rv == APR_SUCCESS) {
        rv = talk(c, s);
    }
    if (rv != APR_EOF) {
        diag("fetch: %d, %s", rv, s->why);
        reused = -1;
    }
    s->ops->release(&s, rv == APR_EOF);
    return reused;
}

/* --- reuse -------------------------------------------------------------- */

static void test_reuse(void)
{
    client *c = begin(OK_2, GO_ON);
    gw_stream *s = lease(c, &plain, 0);
    apr_off_t sent, received;
    char want[40];
    int i, all = 1;

    is_str(s->addr, "", "no address yet");
    s->ops->counts(s, &sent, &received);
    ok(!sent && !received, "nothing counted yet");
    is_int(open_stream(s, &c->waker), APR_SUCCESS, "opened");
    snprintf(want, sizeof(want), "127.0.0.1:%d", c->p->port);
    is_str(s->addr, want, "the peer");
    ok(!s->reused && s->connect_time > 0 && !s->tls, "a new connection");
    is_int(talk(c, s), APR_EOF, "an exchange");
    is_mem(c->body, c->body_len, "ok", 2, "its body");
    s->ops->counts(s, &sent, &received);
    ok(sent > 30 && received == (apr_off_t)strlen(OK_2), "counted");
    s->ops->release(&s, 1);
    ok(!s, "released is NULL");
    is_int(idle_of(c->pool), 1, "one idle");
    for (i = 0; i < 20; i++) {
        all &= fetch(c, &plain) == 1;
    }
    ok(all, "20 more on the same connection");
    poll(NULL, 0, 5);
    is_int(peer_accepted(c->p), 1, "the backend saw one");
    s = lease(c, &plain, 0);
    open_stream(s, &c->waker);
    ok(s->reused && !s->connect_time, "reused: no connect time");
    s->ops->counts(s, &sent, &received);
    ok(!sent && !received, "counted from the lease on");
    s->ops->release(&s, 1);
    is_int(idle_of(c->pool), 1, "never used, still good");
    end(c);
}

static void test_fresh(void)
{
    client *c = begin(OK_2, GO_ON);
    gw_stream *s;

    fetch(c, &plain);
    s = lease(c, &plain, 1);
    open_stream(s, &c->waker);
    is_int(s->reused, 0, "fresh= takes none of the idle ones");
    s->ops->release(&s, 1);
    is_int(idle_of(c->pool), 2, "and is pooled afterwards");
    end(c);
}

/* The last one in is the first out. */
static void test_lifo(void)
{
    client *c = begin(OK_2, GO_ON);
    gw_stream *a = lease(c, &plain, 0), *b = lease(c, &plain, 0);
    gw_conn *one, *two;

    open_stream(a, &c->waker);
    open_stream(b, &c->waker);
    talk(c, a);
    talk(c, b);
    a->ops->release(&a, 1);
    one = gw_pool_take(c->pool, &c->origin, GW_SEC(9), 0);
    ok(one != NULL, "the first");
    gw_pool_put(c->pool, &c->origin, one, GW_SEC(9));
    b->ops->release(&b, 1);
    two = gw_pool_take(c->pool, &c->origin, GW_SEC(9), 0);
    ok(two && two != one, "the second is taken first");
    ok(gw_pool_take(c->pool, &c->origin, GW_SEC(9), 0) == one, "then it");
    ok(!gw_pool_take(c->pool, &c->origin, GW_SEC(9), 0), "then none");
    gw_conn_destroy(&one);
    gw_conn_destroy(&two);
    end(c);
}

static void take_home(client *c, gw_conn **all, int n, int home, int want,
                      const char *label)
{
    gw_conn *conn = gw_pool_take(c->pool, &c->origin, GW_SEC(9), home);
    int got = -1, i;

    for (i = 0; i < n; i++) {
        got = conn && all[i] == conn ? i : got;
    }
    is_int(got, want, "%s", label);
    if (conn) {
        gw_pool_put(c->pool, &c->origin, conn, GW_SEC(9));
    }
}

/* One that the same loop used last, where it is registered, is worth more
 * than a younger one. */
static void test_homes(void)
{
    client *c = begin(OK_2, GO_ON);
    gw_stream *s[GW_POOL_NEAR + 2];
    gw_conn *all[GW_POOL_NEAR + 2], *conn;
    int n = GW_POOL_NEAR + 2;
    int i;

    for (i = 0; i < n; i++) {
        gw_lease l = { &c->origin, &plain, NULL, &c->waker.w, 0, i + 1 };

        gw_pool_net(c->pool)->lease(gw_pool_net(c->pool), &l, &s[i]);
        open_stream(s[i], &c->waker);
        talk(c, s[i]);
    }
    for (i = 0; i < n; i++) {
        s[i]->ops->release(&s[i], 1);
        conn = gw_pool_take(c->pool, &c->origin, GW_SEC(9), i + 1);
        all[i] = conn;
        is_int(conn->home, i + 1, "a connection knows who used it");
        gw_pool_put(c->pool, &c->origin, conn, GW_SEC(9));
    }
    /* the youngest is all[9]; all[2] is the eighth, all[1] the ninth */
    take_home(c, all, n, n, n - 1, "the youngest, of this home");
    take_home(c, all, n, 3, 2, "one of this home, the eighth youngest");
    take_home(c, all, n, 3, 2, "which is the youngest now");
    take_home(c, all, n, 2, 2, "one behind the eighth is too far away");
    take_home(c, all, n, 99, 2, "none of this home: the youngest");
    for (i = 0; i < n; i++) {
        all[i]->idle_max = 0;
    }
    conn = gw_pool_take(c->pool, &c->origin, GW_SEC(9), 5);
    ok(!conn && idle_of(c->pool) == 0, "none that is past its time");
    end(c);
}

static void not_reused(const char *answer, int then,
                       const gw_conn_opts *opts, const char *label)
{
    client *c = begin(answer, then);

    is_int(fetch(c, opts), 0, "%s: served", label);
    poll(NULL, 0, 20);
    set_script(&c->script, OK_2, GO_ON);
    is_int(fetch(c, opts), 0, "%s: the next has another connection", label);
    is_int(await(peer_accepted(c->p) == 2), 1, "%s: two in all", label);
    end(c);
}

static void test_not_reused(void)
{
    gw_conn_opts once = plain;
    client *c;
    gw_stream *s;

    not_reused(OK_HEAD "Connection: Close\r\nContent-Length: 2\r\n\r\nok",
               GO_ON, &plain, "Connection: close");
    not_reused("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", GO_ON,
               &plain, "HTTP/1.0");
    not_reused(OK_HEAD "\r\nto the end", FIN, &plain, "close-delimited");
    not_reused(OK_2 "x", GO_ON, &plain, "surplus byte");
    not_reused(OK_2, FIN, &plain, "FIN afterwards");
    not_reused(OK_2, RST, &plain, "RST afterwards");
    not_reused(OK_2, HALF, &plain, "half closed afterwards");
    not_reused(OK_HEAD "Keep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok",
               GO_ON, &plain, "Keep-Alive: timeout=1");
    once.disablereuse = 1;
    not_reused(OK_2, GO_ON, &once, "disablereuse");
    c = begin(OK_2, GO_ON);
    fetch(c, &once);
    is_int(idle_of(c->pool), 0, "disablereuse: none is kept");
    end(c);

    c = begin(OK_2, GO_ON);
    s = lease(c, &plain, 0);
    open_stream(s, &c->waker);
    talk(c, s);
    s->ops->release(&s, 0);
    is_int(idle_of(c->pool), 0, "release without keep closes");
    end(c);
}

/* A response that came before the request was written. */
static void test_unfinished_request(void)
{
    client *c = begin(OK_2, HOLD);
    gw_stream *s = lease(c, &plain, 0);
    gw_req_head head = get_head();
    gw_res_head *res;
    apr_size_t n;

    head.method = "POST";
    head.framing = GW_BODY_LENGTH;
    head.length = 10;
    open_stream(s, &c->waker);
    is_int(s->ops->send_head(s, &head), APR_SUCCESS, "POST");
    is_int(s->ops->send(s, "12345", 5, &n), APR_SUCCESS, "half of its body");
    flush_all(s);
    is_int(read_head(s, &res), APR_SUCCESS, "early response");
    is_int(read_body(c, s), APR_EOF, "whole");
    s->ops->release(&s, 1);
    is_int(idle_of(c->pool), 0, "not pooled");
    end(c);
}

static void test_ages(void)
{
    gw_conn_opts brief = plain;
    client *c = begin(OK_2, GO_ON);

    is_int(gw_h1_stream_idle_time(0, -1), GW_SEC(55), "55 s by default");
    is_int(gw_h1_stream_idle_time(GW_SEC(9), -1), GW_SEC(9), "ttl");
    is_int(gw_h1_stream_idle_time(GW_SEC(90), -1), GW_SEC(90),
           "ttl over the default");
    is_int(gw_h1_stream_idle_time(0, 5), GW_SEC(4), "the backend's - 1 s");
    is_int(gw_h1_stream_idle_time(GW_SEC(2), 5), GW_SEC(2), "the lesser");
    is_int(gw_h1_stream_idle_time(0, 1), 0, "1 s: none");
    is_int(gw_h1_stream_idle_time(0, 0), 0, "0 s: none");

    fetch(c, &plain);
    later(GW_SEC(54));
    is_int(fetch(c, &plain), 1, "used after 54 s");
    later(GW_SEC(56));
    is_int(fetch(c, &plain), 0, "not after 56");
    later(GW_SEC(5));
    brief.ttl = GW_SEC(3);
    is_int(fetch(c, &brief), 0, "too old for a rule with ttl=3");
    is_int(idle_of(c->pool), 2, "but kept for the other rule");
    later(GW_SEC(4));
    gw_pool_expire(c->pool);
    is_int(idle_of(c->pool), 1, "expire: the brief one goes");
    is_int(fetch(c, &plain), 1, "the other is used");
    later(GW_SEC(60));
    gw_pool_expire(c->pool);
    is_int(idle_of(c->pool), 0, "expire: all gone");
    end(c);
}

static void test_expire_closed(void)
{
    client *c = begin(OK_2, GO_ON), *d = begin(OK_2, FIN);
    gw_pool *own = d->pool;

    /* two origins in one pool: one goes on, the other closes */
    d->pool = c->pool;
    fetch(c, &plain);
    __atomic_store_n(&d->script.after, 30, __ATOMIC_SEQ_CST);
    fetch(d, &plain);
    is_int(idle_of(c->pool), 2, "both idle");
    gw_pool_expire(c->pool);
    await((gw_pool_expire(c->pool), idle_of(c->pool) == 1));
    is_int(idle_of(c->pool), 1, "the closed one was noticed");
    is_int(fetch(c, &plain), 1, "the other is used");
    d->pool = own;
    end(c);
    end(d);
}

static void test_bounds(void)
{
    client *c = begin(OK_2, GO_ON);
    gw_stream *s[4];
    int i;

    gw_pool_destroy(&c->pool);
    c->pool = new_pool(2);
    for (i = 0; i < 4; i++) {
        s[i] = lease(c, &plain, 0);
        open_stream(s[i], &c->waker);
    }
    for (i = 0; i < 4; i++) {
        talk(c, s[i]);
        s[i]->ops->release(&s[i], 1);
    }
    is_int(idle_of(c->pool), 2, "idle_max of an origin");
    end(c);
}

/* --- descriptors run out ------------------------------------------------ */

static void test_shed(void)
{
    client *c = begin(OK_2, GO_ON), *d = begin(OK_2, GO_ON);
    gw_pool *own = d->pool;
    struct rlimit old, low;
    int fds[1024], n = 0;
    gw_stream *s;

    d->pool = c->pool;
    fetch(c, &plain);
    getrlimit(RLIMIT_NOFILE, &old);
    low = old;
    low.rlim_cur = 128;
    setrlimit(RLIMIT_NOFILE, &low);
    while (n < 1024 && (fds[n] = dup(0)) >= 0) {
        n++;
    }
    s = lease(d, &plain, 0);
    is_int(open_stream(s, &d->waker), APR_SUCCESS,
           "EMFILE: an idle connection makes room");
    is_int(idle_of(c->pool), 0, "that one is closed");
    is_int(s->fail, GW_OK, "no trace of the failure");
    s->ops->release(&s, 0);
    poll(NULL, 0, 50);
    while (n < 1024 && (fds[n] = dup(0)) >= 0) {
        n++;
    }
    s = lease(d, &plain, 0);
    ok(open_stream(s, &d->waker) != APR_SUCCESS, "EMFILE and none idle");
    is_int(s->fail, GW_FAIL_INTERNAL, "class internal");
    ok(strstr(s->why, "Too many open files"), "%s", s->why);
    s->ops->release(&s, 0);
    while (n > 0) {
        close(fds[--n]);
    }
    setrlimit(RLIMIT_NOFILE, &old);
    d->pool = own;
    end(c);
    end(d);
}

/* --- maxperchild -------------------------------------------------------- */

static void test_line(void)
{
    gw_conn_opts two = plain, three = plain;
    client *c = begin(OK_2, GO_ON);
    test_waker wakers[3];
    gw_stream *a, *b, *w[3], *free_pass;
    int i;

    two.maxperchild = 2;
    three.maxperchild = 3;
    a = lease(c, &two, 0);
    b = lease(c, &two, 0);
    ok(open_stream(a, &c->waker) == APR_SUCCESS
       && open_stream(b, &c->waker) == APR_SUCCESS, "two may");
    for (i = 0; i < 3; i++) {
        gw_lease l = { &c->origin, &two, NULL, NULL, 0 };
        gw_net *net = gw_pool_net(c->pool);

        test_waker_init(&wakers[i]);
        l.waker = &wakers[i].w;
        net->lease(net, &l, &w[i]);
        is_int(w[i]->ops->open(w[i]), APR_EAGAIN, "%d waits", i);
    }
    is_int(wakers[0].arms, 1, "its waker was armed");
    free_pass = lease(c, &three, 0);
    is_int(open_stream(free_pass, &c->waker), APR_SUCCESS,
           "a rule with maxperchild=3 need not wait");
    free_pass->ops->release(&free_pass, 1);
    is_int(wakers[0].wakes, 0, "back at two: nobody is woken");
    /* the second in line leaves */
    w[1]->ops->release(&w[1], 0);
    a->ops->release(&a, 1);
    is_int(wakers[0].wakes, 1, "the first in line is woken");
    is_int(wakers[2].wakes, 0, "the last is not");
    is_int(w[2]->ops->open(w[2]), APR_EAGAIN, "and must not go on");
    is_int(open_stream(w[0], &wakers[0]), APR_SUCCESS, "the first may");
    is_int(w[0]->reused, 1, "with the connection that came free");
    /* granted, but leaves without having noticed */
    b->ops->release(&b, 1);
    is_int(wakers[2].wakes, 1, "now the last");
    w[2]->ops->release(&w[2], 0);
    a = lease(c, &two, 0);
    is_int(open_stream(a, &c->waker), APR_SUCCESS,
           "its turn was given back");
    is_int(wakers[1].wakes, 0, "who left was never woken");
    a->ops->release(&a, 1);
    w[0]->ops->release(&w[0], 1);
    for (i = 0; i < 3; i++) {
        test_waker_done(&wakers[i]);
    }
    end(c);
}

static void test_busy(void)
{
    gw_conn_opts one = plain;
    client *c = begin(OK_2, GO_ON);
    gw_stream *a, *b;
    gw_wants w;

    one.maxperchild = 1;
    one.connect_timeout = GW_MSEC(80);
    a = lease(c, &one, 0);
    open_stream(a, &c->waker);
    b = lease(c, &one, 0);
    is_int(b->ops->open(b), APR_EAGAIN, "waits");
    gw_wants_reset(&w);
    b->ops->wants(b, 1, &w);
    ok(w.wakeup && !w.nfds && w.deadline != GW_NEVER,
       "for a wake-up and a time");
    ok(open_stream(b, &c->waker) != APR_SUCCESS, "in vain");
    is_int(b->fail, GW_FAIL_BUSY, "class busy");
    ok(strstr(b->why, "all 1 connections that maxperchild allows to "
              "http://b.example are in use, for ") == b->why, "says so: %s",
       b->why);
    b->ops->release(&b, 0);
    a->ops->release(&a, 1);
    is_int(fetch(c, &one), 1, "then it is free again");
    end(c);
}

/* --- max ---------------------------------------------------------------- */

/* Another process that uses connections of the origin. */
static pid_t start_other(gw_inflight *table, const gw_gauge *busy, int n)
{
    unsigned before = gw_inflight_count(busy);
    pid_t pid = fork();

    if (pid == 0) {
        gw_inflight_claim(table, mem);
        while (n--) {
            gw_inflight_enter(busy, 0);
        }
        for (;;) {
            pause();
        }
    }
    while (gw_inflight_count(busy) != before + (unsigned)n) {
        sched_yield();
    }
    return pid;
}

static void end_other(gw_inflight *table, pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    gw_inflight_release(table, (apr_uint32_t)pid);
}

static gw_inflight *share(client *c)
{
    apr_shm_t *shm;
    gw_inflight *table;

    gw_inflight_create(mem, 4, 4, &shm);
    table = gw_inflight_attach(mem, shm);
    c->origin.busy = gw_inflight_gauge(table, mem, "b");
    c->origin.lookouts = gw_inflight_gauge(table, mem, "l");
    gw_inflight_claim(table, mem);
    return table;
}

static gw_time wanted(gw_stream *s)
{
    gw_wants w;

    gw_wants_reset(&w);
    s->ops->wants(s, 0, &w);
    return w.deadline - gw_now();
}

static gw_stream *waiting(client *c, const gw_conn_opts *opts,
                          test_waker *waker)
{
    gw_lease l = { &c->origin, opts, NULL, &waker->w, 0 };
    gw_net *net = gw_pool_net(c->pool);
    gw_stream *s;

    test_waker_init(waker);
    net->lease(net, &l, &s);
    is_int(s->ops->open(s), APR_EAGAIN, "one waits");
    return s;
}

static void test_max(void)
{
    gw_conn_opts two = plain, three = plain;
    client *c = begin(OK_2, GO_ON);
    gw_inflight *table = share(c);
    test_waker wakers[3];
    gw_stream *a, *b, *w[3];
    pid_t other;
    int i;

    two.max = 2;
    three.max = 3;
    a = lease(c, &two, 0);
    is_int(open_stream(a, &c->waker), APR_SUCCESS, "one here");
    other = start_other(table, c->origin.busy, 1);
    is_int(gw_inflight_count(c->origin.busy), 2, "one elsewhere");
    for (i = 0; i < 3; i++) {
        w[i] = waiting(c, &two, &wakers[i]);
    }
    ok(wanted(w[0]) <= GW_POOL_TICK, "the first looks out");
    is_int(gw_inflight_count(c->origin.lookouts), 1, "and is counted, once");
    is_int(gw_pool_tick(&c->origin), GW_POOL_TICK, "every 5 ms");
    for (i = 0; i < 2 * GW_POOL_LOOKOUTS - 1; i++) {
        gw_inflight_enter(c->origin.lookouts, 0);
    }
    is_int(gw_pool_tick(&c->origin), 2 * GW_POOL_TICK,
           "more rarely where many do");
    while (--i >= 0) {
        gw_inflight_leave(c->origin.lookouts);
    }
    ok(wanted(w[1]) > GW_SEC(1), "the second need not");
    b = lease(c, &three, 0);
    is_int(open_stream(b, &c->waker), APR_SUCCESS, "a larger max");
    b->ops->release(&b, 1);
    is_int(wakers[0].wakes, 0, "still two");
    end_other(table, other);
    is_int(w[1]->ops->open(w[1]), APR_EAGAIN, "the second does not overtake");
    b = lease(c, &two, 0);
    b->ops->release(&b, 1);
    is_int(open_stream(w[0], &wakers[0]), APR_SUCCESS,
           "the first sees what the other process left");
    is_int(wakers[1].wakes, 1, "and the second is told to look out");
    is_int(w[1]->ops->open(w[1]), APR_EAGAIN, "in vain for now");
    ok(wanted(w[1]) <= GW_POOL_TICK, "but soon again");
    w[1]->ops->release(&w[1], 0);
    is_int(wakers[2].wakes, 1, "it gave up: the third is told");
    a->ops->release(&a, 1);
    is_int(wakers[2].wakes, 2, "a place of this process wakes at once");
    is_int(open_stream(w[2], &wakers[2]), APR_SUCCESS, "and is taken");
    is_int(gw_inflight_count(c->origin.busy), 2, "two again");
    w[0]->ops->release(&w[0], 1);
    w[2]->ops->release(&w[2], 1);
    is_int(gw_inflight_count(c->origin.busy), 0, "none");
    is_int(gw_inflight_count(c->origin.lookouts), 0, "nobody looks out");
    for (i = 0; i < 3; i++) {
        test_waker_done(&wakers[i]);
    }
    end(c);
}

/* Who waits for a place of this process only, before one that does not. */
static void test_max_mixed(void)
{
    gw_conn_opts own = plain, shared = plain;
    client *c = begin(OK_2, GO_ON);
    gw_inflight *table = share(c);
    test_waker wakers[2];
    gw_stream *a, *w[2];
    pid_t other;

    own.maxperchild = 1;
    shared.max = 2;
    a = lease(c, &plain, 0);
    open_stream(a, &c->waker);
    other = start_other(table, c->origin.busy, 1);
    w[0] = waiting(c, &own, &wakers[0]);
    ok(wanted(w[0]) > GW_SEC(1), "nothing to look out for");
    w[1] = waiting(c, &shared, &wakers[1]);
    is_int(wakers[0].wakes, 1, "now there is");
    is_int(w[0]->ops->open(w[0]), APR_EAGAIN, "not for itself");
    ok(wanted(w[0]) <= GW_POOL_TICK, "but it does look out");
    end_other(table, other);
    is_int(w[0]->ops->open(w[0]), APR_EAGAIN, "has none");
    is_int(wakers[1].wakes, 1, "and found one for the other");
    is_int(open_stream(w[1], &wakers[1]), APR_SUCCESS, "who takes it");
    w[0]->ops->release(&w[0], 0);
    w[1]->ops->release(&w[1], 0);
    a->ops->release(&a, 0);
    test_waker_done(&wakers[0]);
    test_waker_done(&wakers[1]);
    end(c);
}

static void test_queue(void)
{
    gw_conn_opts one = plain, none;
    client *c = begin(OK_2, GO_ON);
    gw_stream *a, *b, *w;
    test_waker waker;

    share(c);
    one.max = 1;
    one.queue = 1;
    one.queue_timeout = GW_MSEC(80);
    none = one;
    none.queue = 0;
    a = lease(c, &one, 0);
    open_stream(a, &c->waker);
    b = lease(c, &none, 0);
    ok(open_stream(b, &c->waker) != APR_SUCCESS, "nobody may wait");
    is_int(b->fail, GW_FAIL_BUSY, "busy");
    is_str(b->why, "all 1 connections that max allows to http://b.example "
           "are in use, and queue=0 lets nobody wait", "why");
    b->ops->release(&b, 0);
    w = waiting(c, &one, &waker);
    b = lease(c, &one, 0);
    ok(open_stream(b, &c->waker) != APR_SUCCESS, "a second may not");
    is_int(b->fail, GW_FAIL_BUSY, "busy");
    is_str(b->why, "1 requests, as many as queue allows, wait already for "
           "the 1 connections that max allows to http://b.example", "why");
    b->ops->release(&b, 0);
    later(GW_MSEC(81));
    ok(open_stream(w, &waker) != APR_SUCCESS, "the time is over");
    is_int(w->fail, GW_FAIL_BUSY, "busy");
    ok(strstr(w->why, "that max allows to http://b.example are in use, for "
              "8"), "%s", w->why);
    w->ops->release(&w, 0);
    a->ops->release(&a, 1);
    is_int(fetch(c, &one), 1, "then it is free again");
    is_int(gw_inflight_count(c->origin.busy), 0, "and not in use");
    test_waker_done(&waker);
    end(c);
}

/* --- failures ----------------------------------------------------------- */

static void fails(const char *answer, int then, gw_fail fail,
                  const char *label)
{
    client *c = begin(answer, then);
    gw_stream *s = lease(c, &plain, 0);

    open_stream(s, &c->waker);
    ok(talk(c, s) != APR_EOF, "%s: fails", label);
    is_int(s->fail, fail, "%s: %s", label, gw_fail_name(s->fail));
    ok(*s->why, "%s: %s", label, s->why);
    s->ops->release(&s, 1);
    is_int(idle_of(c->pool), 0, "%s: not pooled even if asked", label);
    end(c);
}

static void test_failures(void)
{
    fails("", FIN, GW_FAIL_RESET, "closed without an answer");
    fails("", RST, GW_FAIL_RESET, "reset without an answer");
    fails("HTTP/1.1 2", FIN, GW_FAIL_TRUNCATED, "cut in the status line");
    fails(OK_HEAD "Content-Length: 5\r\n\r\nok", FIN, GW_FAIL_TRUNCATED,
          "cut in the body");
    fails(OK_HEAD "Content-Length: 5\r\n\r\nok", RST, GW_FAIL_TRUNCATED,
          "reset in the body");
    fails(OK_HEAD "\r\nok", RST, GW_FAIL_TRUNCATED,
          "close-delimited, ended by a reset");
    fails("SSH-2.0-OpenSSH\r\n", GO_ON, GW_FAIL_JUNK, "no HTTP");
}

static void test_refused(void)
{
    client *c = begin(OK_2, GO_ON);
    int fd, alive = c->origin.port;
    gw_stream *s;

    c->origin.port = peer_dead_port(&fd);
    s = lease(c, &plain, 0);
    ok(open_stream(s, &c->waker) != APR_SUCCESS, "refused");
    is_int(s->fail, GW_FAIL_REFUSED, "class refused");
    ok(strstr(s->why, " refused"), "%s", s->why);
    ok(strstr(s->addr, "127.0.0.1:") == s->addr, "the peer is named");
    s->ops->release(&s, 0);
    c->origin.port = alive;
    close(fd);
    end(c);
}

/* A connection that dies between the check and the request. */
static void test_dies_reused(void)
{
    client *c = begin(OK_2, GO_ON);
    gw_stream *s;

    fetch(c, &plain);
    set_script(&c->script, "", FIN);
    s = lease(c, &plain, 0);
    open_stream(s, &c->waker);
    is_int(s->reused, 1, "looked alive");
    talk(c, s);
    is_int(s->fail, GW_FAIL_RESET, "reset: may be replayed");
    s->ops->release(&s, 0);
    end(c);
}

/* 413 and RST in the middle of an upload. */
static void test_early_reset(void)
{
    static char chunk[30000];
    client *c = begin("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno",
                      RST);
    gw_stream *s = lease(c, &plain, 0);
    gw_req_head head = get_head();
    gw_res_head *res;
    apr_status_t rv;
    apr_size_t n;

    __atomic_store_n(&c->script.after, 100, __ATOMIC_SEQ_CST);
    head.method = "POST";
    head.framing = GW_BODY_CHUNKED;
    open_stream(s, &c->waker);
    s->ops->send_head(s, &head);
    do {
        rv = s->ops->send(s, chunk, sizeof(chunk), &n);
        if (rv == APR_EAGAIN) {
            rv = flush_all(s);
        }
    } while (rv == APR_SUCCESS);
    is_int(s->fail, GW_FAIL_RESET, "the upload breaks: %s", s->why);
    ok(s->ops->send(s, "x", 1, &n) != APR_SUCCESS && n == 0,
       "no more can be sent");
    is_int(read_head(s, &res), APR_SUCCESS, "the answer is read");
    is_int(res ? res->status : 0, 413, "413");
    is_int(read_body(c, s), APR_EOF, "with its body");
    s->ops->release(&s, 1);
    is_int(idle_of(c->pool), 0, "not pooled");
    end(c);
}

static void test_send_timeout(void)
{
    static char chunk[30000];
    gw_conn_opts quick = plain;
    client *c = begin("", DEAF);
    gw_stream *s = lease(c, &quick, 0);
    gw_req_head head = get_head();
    apr_status_t rv;
    apr_size_t n, sum = 0;
    gw_wants w;

    quick.timeout = GW_MSEC(150);
    head.method = "POST";
    head.framing = GW_BODY_LENGTH;
    head.length = 1000000000;
    open_stream(s, &c->waker);
    s->ops->send_head(s, &head);
    do {
        rv = s->ops->send(s, chunk, sizeof(chunk), &n);
        sum += n;
        if (rv == APR_EAGAIN) {
            rv = flush_all(s);
        }
    } while (rv == APR_SUCCESS);
    is_int(s->fail, GW_FAIL_SEND_TIMEOUT, "send timeout: %s", s->why);
    ok(sum < 50000000, "memory is bounded");
    gw_wants_reset(&w);
    s->ops->wants(s, 1, &w);
    ok(w.nfds == 1 && w.fds[0].events == GW_WANT_READ
       && w.deadline == GW_NEVER, "then waits for a response only");
    s->ops->release(&s, 0);
    end(c);
}

static void test_large_head(void)
{
    client *c = begin(OK_2, GO_ON);
    gw_stream *s = lease(c, &plain, 0);
    gw_req_head head = get_head();
    char value[8001];
    gw_res_head *res;
    apr_size_t n;
    int i;

    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    for (i = 0; i < 20; i++) {
        apr_table_addn(head.headers, "X-Large", value);
    }
    head.method = "PUT";
    head.framing = GW_BODY_LENGTH;
    head.length = 2;
    open_stream(s, &c->waker);
    is_int(s->ops->send_head(s, &head), APR_SUCCESS, "a head of 160 KB");
    is_int(s->ops->send(s, "x", 1, &n), APR_EAGAIN, "the body waits");
    is_int(flush_all(s), APR_SUCCESS, "flushed");
    is_int(read_head(s, &res), APR_SUCCESS, "answered");
    ok(__atomic_load_n(&c->script.head_len, __ATOMIC_SEQ_CST) > 160000,
       "it arrived");
    s->ops->release(&s, 0);
    s = lease(c, &plain, 0);
    for (i = 0; i < 200; i++) {
        apr_table_addn(head.headers, "X-Large", value);
    }
    open_stream(s, &c->waker);
    ok(s->ops->send_head(s, &head) != APR_SUCCESS, "1.7 MB do not go");
    is_int(s->fail, GW_FAIL_INTERNAL, "class internal");
    ok(strstr(s->why, "too large"), "%s", s->why);
    s->ops->release(&s, 0);
    s = lease(c, &plain, 0);
    open_stream(s, &c->waker);
    head.target = "/a b";
    ok(s->ops->send_head(s, &head) != APR_SUCCESS, "nor a space in the path");
    ok(strstr(s->why, "the request cannot be sent: "), "%s", s->why);
    s->ops->release(&s, 0);
    end(c);
}

/* A pause inside a response is waited out by the wants alone. */
static void test_large_body(void)
{
    static char answer[250100];
    client *c;
    size_t head;

    snprintf(answer, sizeof(answer), OK_HEAD "Content-Length: 250000\r\n\r\n");
    head = strlen(answer);
    memset(answer + head, 'b', 250000);
    c = begin(answer, GO_ON);
    is_int(fetch(c, &plain), 0, "a body of 250 KB");
    ok(c->body_len == 250000 && c->body[249999] == 'b', "whole");
    is_int(fetch(c, &plain), 1, "and again");
    end(c);
}

/* --- TLS ---------------------------------------------------------------- */

/* Trust in what the servers below show. */
typedef struct trust trust;
struct trust {
    cert ca;
    cert mine;
    SSL_CTX *server;
    gw_tls_ctx *ctx;
};

static void make_trust(trust *t)
{
    static const cert_spec root = { "CA", NULL, NULL, -10, 10, 1 };
    static const cert_spec good = { "x", "DNS:b.example", NULL, -1, 9, 0 };
    char file[] = "/tmp/gw_pool_caXXXXXX";
    gw_tls_params params = { 1, file, NULL, "b.example", "b.example", 0 };
    const char *err;

    t->ca = cert_make(&root, NULL);
    t->mine = cert_make(&good, &t->ca);
    t->server = cert_server(&t->mine);
    cert_save(&t->ca, file);
    if (gw_tls_ctx_create(mem, &params, &t->ctx, &err) != APR_SUCCESS) {
        bail_out("%s", err);
    }
    unlink(file);
}

static void drop_trust(trust *t)
{
    SSL_CTX_free(t->server);
    cert_free(&t->ca);
    cert_free(&t->mine);
}

static void test_tls_reuse(const trust *t)
{
    client *c = begin_tls(OK_2, GO_ON, t->server, t->ctx);
    gw_stream *s;
    gw_conn *conn;

    c->script.late_ticket = 1;
    is_int(fetch(c, &plain), 0, "TLS: an exchange");
    conn = gw_pool_take(c->pool, &c->origin, GW_SEC(9), 0);
    await(!gw_sock_idle_alive(conn->fd));
    gw_pool_put(c->pool, &c->origin, conn, GW_SEC(9));
    is_int(gw_sock_idle_alive(conn->fd), 0, "TLS: a ticket is waiting");
    gw_pool_expire(c->pool);
    is_int(idle_of(c->pool), 1, "TLS: idle still");
    is_int(gw_sock_idle_alive(conn->fd), 1, "TLS: the ticket was taken in");
    is_int(fetch(c, &plain), 1, "TLS: reused");
    s = lease(c, &plain, 0);
    open_stream(s, &c->waker);
    is_str(s->tls, "TLSv1.3", "TLS: the version");
    s->ops->release(&s, 1);
    end(c);
}

/* Bytes behind a response that OpenSSL has read from the socket already:
 * neither the socket nor the codec knows of them. */
static void test_tls_surplus(const trust *t)
{
    client *c = begin_tls(OK_2, GO_ON, t->server, t->ctx);

    c->script.surplus = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    is_int(fetch(c, &plain), 0, "TLS: surplus record");
    is_int(fetch(c, &plain), 0, "TLS: the next has another connection");
    is_mem(c->body, c->body_len, "ok", 2, "TLS: and its own answer");
    end(c);
}

static void test_tls_cut(const trust *t, const char *answer,
                         const char *label)
{
    client *c = begin_tls(answer, FIN, t->server, t->ctx);
    gw_stream *s = lease(c, &plain, 1);

    open_stream(s, &c->waker);
    ok(talk(c, s) != APR_EOF, "TLS: %s without close_notify", label);
    is_int(s->fail, GW_FAIL_TRUNCATED, "TLS: %s", s->why);
    s->ops->release(&s, 0);
    end(c);
}

static void test_tls(void)
{
    trust t;

    make_trust(&t);
    test_tls_reuse(&t);
    test_tls_surplus(&t);
    test_tls_cut(&t, OK_HEAD "Content-Length: 5\r\n\r\nok", "a short body");
    test_tls_cut(&t, OK_HEAD "\r\nto the end", "a close-delimited body");
    drop_trust(&t);
}

/* --- threads ------------------------------------------------------------ */

enum { WORKERS = 6, ROUNDS = 120 };

typedef struct worker worker;
struct worker {
    client *c[2];
    gw_pool *pool;
    gw_conn_opts opts;
    unsigned seed;
    int good;
    int busy;
    apr_pool_t *mem;
};

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

static apr_status_t worker_talk(gw_stream *s, worker *w)
{
    gw_req_head head;
    gw_res_head *res;
    const char *data;
    apr_size_t len;
    apr_status_t rv;

    memset(&head, 0, sizeof(head));
    head.method = "GET";
    head.target = "/x";
    head.host = "b.example";
    head.headers = apr_table_make(w->mem, 1);
    head.minor = 1;
    rv = s->ops->send_head(s, &head);
    if (rv == APR_SUCCESS) {
        rv = flush_all(s);
    }
    while (rv == APR_SUCCESS
           && (rv = s->ops->read_head(s, w->mem, &res)) == APR_EAGAIN
           && wait_stream(s, 1, NULL)) {
        rv = APR_SUCCESS;
    }
    while (rv == APR_SUCCESS || (rv == APR_EAGAIN
                                 && wait_stream(s, 1, NULL))) {
        rv = s->ops->read_body(s, &data, &len);
    }
    return rv;
}

static void worker_round(worker *w, test_waker *waker)
{
    unsigned dice = next_random(&w->seed);
    gw_lease l = { &w->c[dice % 2]->origin, &w->opts, NULL, &waker->w, 0 };
    gw_net *net = gw_pool_net(w->pool);
    gw_stream *s;
    apr_status_t rv;

    l.fresh = dice / 2 % 8 == 0;
    net->lease(net, &l, &s);
    if (dice / 16 % 16 == 0) {
        /* given up while it waits or connects */
        (void)s->ops->open(s);
        s->ops->release(&s, 0);
        w->good++;
        return;
    }
    rv = open_stream(s, waker);
    if (rv == APR_SUCCESS) {
        rv = worker_talk(s, w);
        w->good += rv == APR_EOF;
    }
    else {
        w->busy += s->fail == GW_FAIL_BUSY;
    }
    if (rv != APR_EOF) {
        diag("%d, %s: %s", rv, gw_fail_name(s->fail), s->why);
    }
    s->ops->release(&s, rv == APR_EOF && dice / 256 % 8);
}

static void *work(void *data)
{
    worker *w = data;
    test_waker waker;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        test_waker_init(&waker);
        worker_round(w, &waker);
        test_waker_done(&waker);
        apr_pool_clear(w->mem);
        if (i % 20 == 0) {
            gw_pool_expire(w->pool);
        }
    }
    return NULL;
}

static void test_threads(void)
{
    client *c = begin(OK_2, GO_ON), *d = begin(OK_2, GO_ON);
    pthread_t threads[WORKERS];
    worker w[WORKERS];
    int i, good = 0, busy = 0, idle, leased;

    for (i = 0; i < WORKERS; i++) {
        memset(&w[i], 0, sizeof(w[i]));
        w[i].c[0] = c;
        w[i].c[1] = d;
        w[i].pool = c->pool;
        w[i].opts = plain;
        w[i].opts.maxperchild = 2;
        w[i].seed = (unsigned)i + 1;
        apr_pool_create(&w[i].mem, NULL);
        pthread_create(&threads[i], NULL, work, &w[i]);
    }
    for (i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        good += w[i].good;
        busy += w[i].busy;
        apr_pool_destroy(w[i].mem);
    }
    is_int(good, WORKERS * ROUNDS, "every exchange went well");
    is_int(busy, 0, "nobody was forgotten in the line");
    gw_pool_counts(c->pool, &idle, &leased);
    is_int(leased, 0, "none in use");
    ok(idle > 0 && idle < peer_accepted(c->p) + peer_accepted(d->p),
       "some idle: %d", idle);
    end(c);
    end(d);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&mem, NULL);
    gw_clock_override(shifted);

    test_reuse();
    test_fresh();
    test_lifo();
    test_homes();
    test_not_reused();
    test_unfinished_request();
    test_ages();
    test_expire_closed();
    test_bounds();
    test_shed();
    test_line();
    test_busy();
    test_max();
    test_max_mixed();
    test_queue();
    test_failures();
    test_refused();
    test_dies_reused();
    test_early_reset();
    test_send_timeout();
    test_large_head();
    test_large_body();
    test_tls();
    test_threads();

    apr_pool_destroy(mem);
    apr_terminate();
    return done_testing();
}
