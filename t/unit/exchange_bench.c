/**
 * What a small request costs between the driver and the sockets: exchange,
 * pool, connection and codec for 1 KB on a pooled connection, less the
 * system calls that no gateway can do without. Client and backend are in the
 * same thread: no waiting is measured.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "gw_addrset.h"
#include "gw_exchange.h"
#include "gw_pool.h"
#include "gw_sock.h"

#define BLOCKS 21               /* the first is to warm up; the best counts */
#define REQUESTS 6400           /* in each */
#define CROWD 64                /* in flight at once, in the second run */
#define NS_MAX 12000            /* twice the goal: for slow machines */
#define BODY 1024

static apr_pool_t *mem;
static char answer[BODY + 512];
static size_t answer_len;
static int backends[CROWD];     /* accepted sockets, */
static int fronts[CROWD];       /* in the order in which these connected */
static int nbackends;

/* --- ports -------------------------------------------------------------- */

typedef struct bench_host bench_host;
struct bench_host {
    gw_host base;               /* first */
    long bytes;
};

static apr_status_t no_body(gw_host *h, const char **pdata, apr_size_t *plen)
{
    return APR_EOF;
}

static void no_interim(gw_host *h, const gw_res_head *head)
{
}

static apr_status_t take_head(gw_host *h, const gw_res_head *head)
{
    return APR_SUCCESS;
}

static apr_status_t take_body(gw_host *h, const char *data, apr_size_t len,
                              apr_size_t *pn)
{
    ((bench_host *)h)->bytes += (long)len;
    *pn = len;
    return APR_SUCCESS;
}

static apr_status_t no_flush(gw_host *h)
{
    return APR_SUCCESS;
}

static void no_wants(gw_host *h, int body, int writing, gw_wants *w)
{
}

static const gw_host_ops host_ops = {
    no_body, no_interim, take_head, take_body, no_flush, no_wants
};

static apr_status_t arm(gw_waker *w)
{
    return APR_SUCCESS;
}

static void wake(gw_waker *w)
{
}

static int warnings_only(void *baton, int level)
{
    return level <= GW_LOG_WARN;
}

static void print(void *baton, const char *file, int line, int level,
                  apr_status_t rv, const char *text)
{
    fprintf(stderr, "# %s\n", text);
}

static const gw_logger logger = { warnings_only, print, NULL };

/* --- the backend -------------------------------------------------------- */

static int listen_on(int *port)
{
    struct sockaddr_in sin;
    socklen_t len = sizeof(sin);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0
        || listen(fd, CROWD) < 0
        || getsockname(fd, (struct sockaddr *)&sin, &len) < 0) {
        return -1;
    }
    *port = ntohs(sin.sin_port);
    return fd;
}

static void make_answer(void)
{
    answer_len = (size_t)apr_snprintf(answer, sizeof(answer),
        "HTTP/1.1 200 OK\r\nServer: nginx/1.26.3\r\n"
        "Date: Mon, 01 Jan 2035 10:00:00 GMT\r\n"
        "Content-Type: text/html\r\nContent-Length: %d\r\n"
        "Last-Modified: Sun, 31 Dec 2034 09:00:00 GMT\r\n"
        "Connection: keep-alive\r\nETag: \"67f3a0b1-400\"\r\n"
        "Accept-Ranges: bytes\r\n\r\n", BODY);
    memset(answer + answer_len, 'x', BODY);
    answer_len += BODY;
}

/* Which of the accepted sockets is the other end of this one? */
static int backend_of(int fd, int lfd)
{
    int on = 1;
    int i;

    for (i = 0; i < nbackends; i++) {
        if (fronts[i] == fd) {
            return backends[i];
        }
    }
    if (nbackends == CROWD) {
        return -1;
    }
    fronts[nbackends] = fd;
    backends[nbackends] = accept(lfd, NULL, NULL);
    setsockopt(backends[nbackends], IPPROTO_TCP, TCP_NODELAY, &on,
               sizeof(on));
    return backends[nbackends++];
}

static int backend_answers(int fd, int lfd)
{
    int peer = backend_of(fd, lfd);
    char buf[4096];

    return recv(peer, buf, sizeof(buf), 0) > 0
           && send(peer, answer, answer_len, MSG_NOSIGNAL)
              == (ssize_t)answer_len;
}

/* --- the bench ---------------------------------------------------------- */

static apr_int64_t cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (apr_int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void make_head(gw_req_head *head)
{
    memset(head, 0, sizeof(*head));
    head->method = "GET";
    head->target = "/static/files/1k.html?version=17";
    head->host = "www.example.com";
    head->minor = 1;
    head->idempotent = 1;
    head->headers = apr_table_make(mem, 16);
    apr_table_addn(head->headers, "User-Agent",
                   "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101");
    apr_table_addn(head->headers, "Accept", "text/html,*/*;q=0.8");
    apr_table_addn(head->headers, "Accept-Language", "en-US,en;q=0.5");
    apr_table_addn(head->headers, "Accept-Encoding", "gzip, deflate, br");
    apr_table_addn(head->headers, "Cookie",
                   "session=0123456789abcdef0123456789abcdef");
    apr_table_addn(head->headers, "X-Forwarded-For", "192.0.2.17");
    apr_table_addn(head->headers, "X-Forwarded-Proto", "https");
    apr_table_addn(head->headers, "X-Forwarded-Host", "www.example.com");
    apr_table_addn(head->headers, "X-Forwarded-Port", "443");
    apr_table_addn(head->headers, "Via", "1.1 gw-7f3a");
}

typedef struct request request;
struct request {
    apr_pool_t *pool;
    gw_exchange *x;
    gw_wants wants;
    gw_conn *conn;              /* of the bare ones */
};

/* All send, then the backend answers them, then all receive: the order in
 * which a loop meets them. */
static int crowd_of(request *r, int n, const gw_exchange_params *params,
                    int lfd)
{
    int good = 1;
    int i;

    for (i = 0; i < n; i++) {
        r[i].x = gw_exchange_create(r[i].pool, params);
        good &= gw_exchange_step(r[i].x, &r[i].wants) == APR_EAGAIN
                && r[i].wants.nfds == 1;
    }
    for (i = 0; i < n && good; i++) {
        good &= backend_answers(r[i].wants.fds[0].fd, lfd);
    }
    for (i = 0; i < n && good; i++) {
        while (gw_exchange_step(r[i].x, &r[i].wants) == APR_EAGAIN) {
            /* all that is missing is there */
        }
        good &= gw_exchange_result(r[i].x)->fail == GW_OK;
        apr_pool_clear(r[i].pool);
    }
    return good;
}

/* The same bytes over the same sockets, with bare calls. */
static int bare_crowd(request *r, int n, gw_bufq *out, int lfd)
{
    char buf[16384];
    int good = 1;
    int i;

    for (i = 0; i < n; i++) {
        good &= recv(r[i].conn->fd, buf, 1, MSG_PEEK | MSG_DONTWAIT) < 0
                && send(r[i].conn->fd, gw_bufq_data(out), gw_bufq_len(out),
                        MSG_NOSIGNAL) == (ssize_t)gw_bufq_len(out);
    }
    for (i = 0; i < n && good; i++) {
        good &= backend_answers(r[i].conn->fd, lfd);
    }
    for (i = 0; i < n && good; i++) {
        good &= recv(r[i].conn->fd, buf, sizeof(buf), 0)
                == (ssize_t)answer_len;
    }
    return good;
}

typedef struct bench bench;
struct bench {
    request r[CROWD];
    int n;                      /* of them are used */
    int lfd;
    gw_exchange_params params;
    gw_pool *pool;
    gw_origin *origin;
    gw_bufq out;                /* the head as bytes */
    apr_int64_t all, bare;      /* ns per request */
};

static int bare_block(bench *b)
{
    int good = 1;
    int i;

    for (i = 0; i < b->n; i++) {
        b->r[i].conn = gw_pool_take(b->pool, b->origin, GW_SEC(60), 0);
        good &= b->r[i].conn != NULL;
    }
    for (i = 0; i < REQUESTS && good; i += b->n) {
        good = bare_crowd(b->r, b->n, &b->out, b->lfd);
    }
    for (i = 0; i < b->n && good; i++) {
        gw_pool_put(b->pool, b->origin, b->r[i].conn, GW_SEC(60));
    }
    return good;
}

static int exchange_block(bench *b)
{
    int good = 1;
    int i;

    for (i = 0; i < REQUESTS && good; i += b->n) {
        good = crowd_of(b->r, b->n, &b->params, b->lfd);
    }
    return good;
}

static void note(apr_int64_t *best, apr_int64_t begin)
{
    apr_int64_t ns = (cpu_ns() - begin) / REQUESTS;

    if (!*best || ns < *best) {
        *best = ns;
    }
}

/* Blocks of both kinds in turn, so that whatever else the machine does slows
 * both down. */
static int run(bench *b)
{
    gw_h1 h1;
    int good;
    int i;

    gw_bufq_init(&b->out, 65536);
    gw_h1_init(&h1, NULL);
    gw_h1_start(&h1, b->params.head, &b->out);
    for (i = 0; i < b->n; i++) {
        apr_pool_create(&b->r[i].pool, mem);
    }
    good = exchange_block(b);
    for (i = 1; i < BLOCKS && good; i++) {
        apr_int64_t begin = cpu_ns();

        good = exchange_block(b);
        note(&b->all, begin);
        begin = cpu_ns();
        good &= bare_block(b);
        note(&b->bare, begin);
    }
    gw_bufq_free(&b->out);
    return good;
}

static int measure(gw_origin *origin, int n, int lfd)
{
    gw_conn_opts opts = { .connect_timeout = GW_SEC(5),
                          .timeout = GW_SEC(60) };
    bench_host host = { { &host_ops }, 0 };
    gw_waker waker = { arm, wake };
    gw_pool_params pool_params;
    gw_pick_single single;
    gw_req_head head;
    bench b;
    long ns;
    int good;

    memset(&b, 0, sizeof(b));
    memset(&pool_params, 0, sizeof(pool_params));
    gw_pool_create(mem, &pool_params, &b.pool);
    make_head(&head);
    gw_pick_single_init(&single, origin, &opts);
    b.n = n;
    b.lfd = lfd;
    b.origin = origin;
    b.params.host = &host.base;
    b.params.picker = &single.base;
    b.params.net = gw_pool_net(b.pool);
    b.params.waker = &waker;
    b.params.logger = &logger;
    b.params.head = &head;
    b.params.client_timeout = GW_SEC(60);
    b.params.deadline = GW_NEVER;
    good = run(&b) && host.bytes == BLOCKS * (long)REQUESTS * BODY;
    gw_pool_destroy(&b.pool);
    while (nbackends) {
        close(backends[--nbackends]);
    }
    if (!good) {
        printf("not ok - a request failed\n");
        return 0;
    }
    ns = (long)(b.all - b.bare);
    printf("# %d at once: %ld ns per request, %ld of them for send, recv and "
           "peek\n", n, (long)b.all, (long)b.bare);
    printf("%sok - exchange, pool, connection and codec: %ld ns\n",
           ns < NS_MAX ? "" : "not ", ns);
    return ns < NS_MAX;
}

int main(void)
{
    gw_origin origin;
    int lfd, good;

    apr_initialize();
    apr_pool_create(&mem, NULL);
    make_answer();
    memset(&origin, 0, sizeof(origin));
    origin.key = origin.name = "http://127.0.0.1";
    origin.host = "127.0.0.1";
    origin.literal = gw_addrset_literal("127.0.0.1");
    lfd = listen_on(&origin.port);
    good = lfd >= 0 && measure(&origin, 1, lfd);
    good &= measure(&origin, CROWD, lfd);
    gw_addrset_release(&origin.literal);
    close(lfd);
    apr_pool_destroy(mem);
    apr_terminate();
    printf("1..2\n");
    return good ? 0 : 1;
}
