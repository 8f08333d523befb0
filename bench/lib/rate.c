/*
 * Requests at a constant rate over kept-alive connections.
 *
 *     rate [-c connections] [-s seconds] [-k requests] [-e] PORT PATH RATE
 *
 * Request i is due at i / RATE seconds whatever became of those before it. It
 * goes out on the connection that has been idle longest; when all are busy it
 * waits, and its latency still counts from when it was due: a server that
 * stalls cannot make the load stop with it (coordinated omission). What could
 * not be sent until GRACE after the end counts with the latency it has got by
 * then.
 *
 * -k N: N requests on a connection, the last with Connection: close; 0 (the
 * default) keeps it. -e: a line for each error:
 *     ERROR seconds-since-1970 kind requests-served-before idle-us age-us id
 * with the time it showed, how long the connection was idle before the
 * request, and how long ago the request was sent. Each request carries its
 * number in X-Request-Id; an answer that has such a field must repeat it.
 *
 * Prints "BENCH name value" lines: counts, errors by kind, latencies in us.
 * One thread, epoll; ends with SIGTERM as if the time were over.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define HEAD_MAX 8192
#define CONNECTIONS_MAX 16384
#define SAMPLES_MAX 20000000L
#define GRACE 2000000000LL      /* ns for what is late at the end */
#define TIMEOUT 10000000000LL   /* ns until a request counts as timed out */
#define RETRY 5000000LL         /* ns until a failed connect is tried again */

typedef enum { DOWN, CONNECTING, IDLE, BUSY } conn_state;

enum {
    E_CONNECT,      /* no connection */
    E_STALE,        /* a kept connection ended before any byte of an answer */
    E_LOST,         /* as before, the first request of its connection */
    E_CUT,          /* an answer ended too early */
    E_STATUS,       /* not 200 */
    E_FRAMING,      /* no answer that can be understood */
    E_MIXED,        /* somebody else's answer */
    E_TIMEOUT,
    ERRORS
};
static const char *const error_name[ERRORS] = {
    "connect", "stale", "lost", "cut", "status", "framing", "mixed",
    "timeout"
};

typedef struct conn conn;
struct conn {
    int fd;
    conn_state state;
    unsigned served;        /* answers on this connection */
    unsigned sent;
    long id;                /* of the request under way */
    int64_t due;            /* when it should have been sent */
    int64_t sent_at;
    int64_t since;          /* IDLE: since when; DOWN: when to try again */
    int64_t idle;           /* how long it was idle before this request */
    size_t len;             /* of head[] */
    long long left;         /* bytes of the body to come; -1: in the head */
    int close;
    conn *next;             /* in the line of the idle, longest first */
    char head[HEAD_MAX + 1];
};

static int port;
static const char *path;
static double rate;
static double seconds = 2;
static int nconns = 64;
static unsigned per_conn;
static int tell;

static int ep, timer;
static conn *conns;
static conn *idle_first, *idle_last;
static volatile sig_atomic_t stop;

static int64_t begin, last_answer;
static long issued, done, lines_told;
static unsigned long errors[ERRORS];
static unsigned long long bytes;
static uint32_t *latency, *lag;
static long nlatency, nlag;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void on_term(int sig)
{
    stop = 1;
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void sample(uint32_t *to, long *n, int64_t ns)
{
    if (*n < SAMPLES_MAX) {
        to[(*n)++] = (uint32_t)(ns < 0 ? 0 : ns / 1000);
    }
}

static void failed(conn *c, int kind, int64_t now)
{
    struct timespec t;

    errors[kind]++;
    if (!tell || lines_told++ > 10000) {
        return;
    }
    clock_gettime(CLOCK_REALTIME, &t);
    printf("ERROR %lld.%06ld %s %u %lld %lld %ld\n", (long long)t.tv_sec,
           t.tv_nsec / 1000, error_name[kind], c->served,
           (long long)(c->idle / 1000), (long long)((now - c->sent_at) / 1000),
           c->id);
    fflush(stdout);
}

static void idle_add(conn *c, int64_t now)
{
    c->state = IDLE;
    c->since = now;
    c->next = NULL;
    if (idle_last) {
        idle_last->next = c;
    }
    else {
        idle_first = c;
    }
    idle_last = c;
}

static void idle_remove(conn *c)
{
    conn **at = &idle_first;
    conn *before = NULL;

    while (*at && *at != c) {
        before = *at;
        at = &before->next;
    }
    if (*at) {
        *at = c->next;
        if (idle_last == c) {
            idle_last = before;
        }
    }
}

static void connect_one(conn *c, int64_t now)
{
    struct sockaddr_in to = { 0 };
    struct epoll_event ev = { 0 };
    int one = 1;

    c->len = 0;
    c->served = c->sent = 0;
    c->close = 0;
    c->sent_at = now;
    c->idle = 0;
    c->id = -1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) {
        die("socket");
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    to.sin_family = AF_INET;
    to.sin_port = htons((unsigned short)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->state = CONNECTING;
    if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0
        && errno != EINPROGRESS) {
        close(c->fd);
        failed(c, E_CONNECT, now);
        c->state = DOWN;
        c->since = now + RETRY;
        return;
    }
    ev.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    ev.data.ptr = c;
    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev);
}

static void disconnect(conn *c, int64_t now)
{
    if (c->state == IDLE) {
        idle_remove(c);
    }
    close(c->fd);
    c->state = DOWN;
    c->since = now;
}

static void broken(conn *c, int kind, int64_t now)
{
    failed(c, kind, now);
    disconnect(c, now);
}

static void send_one(conn *c, int64_t due, int64_t now)
{
    char out[1024];
    int last = per_conn && c->sent + 1 >= per_conn;
    int n;

    c->id = issued;
    n = snprintf(out, sizeof(out), "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                 "X-Request-Id: %ld\r\n%s\r\n", path, port, c->id,
                 last ? "Connection: close\r\n" : "");
    c->idle = now - c->since;
    c->state = BUSY;
    c->due = due;
    c->sent_at = now;
    c->sent++;
    c->len = 0;
    c->left = -1;
    sample(lag, &nlag, now - due);
    if (send(c->fd, out, (size_t)n, MSG_NOSIGNAL) != n) {
        broken(c, c->served ? E_STALE : E_LOST, now);
    }
}

/* A request that is due for each idle connection; the rest waits. */
static void send_due(int64_t now, int64_t end)
{
    while (idle_first) {
        int64_t due = begin + (int64_t)((double)issued * 1e9 / rate);
        conn *c = idle_first;

        if (due > now || due >= end) {
            return;
        }
        idle_remove(c);
        send_one(c, due, now);
        issued++;
    }
}

static void answered(conn *c, int64_t now)
{
    sample(latency, &nlatency, now - c->due);
    done++;
    last_answer = now;
    c->served++;
    if (c->close || (per_conn && c->sent >= per_conn)) {
        disconnect(c, now);
        connect_one(c, now);
    }
    else {
        idle_add(c, now);
    }
}

/* 0, or the error. */
static int look_at_head(conn *c, char *end)
{
    const char *field;
    int status = 0;

    *end = '\0';
    if (sscanf(c->head, "HTTP/1.1 %3d", &status) != 1) {
        return E_FRAMING;
    }
    field = strcasestr(c->head, "\r\nContent-Length:");
    if (!field) {
        return E_FRAMING;
    }
    c->left = strtoll(field + 17, NULL, 10);
    c->left -= (long long)(c->len - (size_t)(end + 4 - c->head));
    field = strcasestr(c->head, "\r\nX-Request-Id:");
    if (field && strtol(field + 15, NULL, 10) != c->id) {
        return E_MIXED;
    }
    c->close = strcasestr(c->head, "\r\nConnection: close") != NULL;
    if (status != 200) {
        return E_STATUS;
    }
    return c->left < 0 ? E_FRAMING : 0;
}

/* What came of an answer; 1 when the connection must not be read on. */
static int take(conn *c, size_t n, int64_t now)
{
    char *end;
    int error;

    bytes += n;
    if (c->left >= 0) {
        c->left -= (long long)n;
    }
    else {
        c->len += n;
        c->head[c->len] = '\0';
        end = strstr(c->head, "\r\n\r\n");
        if (!end) {
            if (c->len == HEAD_MAX) {
                broken(c, E_FRAMING, now);
                return 1;
            }
            return 0;
        }
        error = look_at_head(c, end);
        if (error) {
            broken(c, error, now);
            return 1;
        }
    }
    if (c->left < 0) {
        broken(c, E_FRAMING, now);
        return 1;
    }
    if (c->left == 0) {
        answered(c, now);
        return c->state != IDLE;
    }
    return 0;
}

static void ended(conn *c, int64_t now)
{
    if (c->state == IDLE) {
        disconnect(c, now);
    }
    else if (c->len) {
        broken(c, E_CUT, now);
    }
    else {
        broken(c, c->served ? E_STALE : E_LOST, now);
    }
}

static void readable(conn *c, int64_t now)
{
    static char body[262144];

    for (;;) {
        char *to = c->left >= 0 && c->state == BUSY ? body : c->head + c->len;
        size_t room = to == body ? sizeof(body) : HEAD_MAX - c->len;
        ssize_t n = recv(c->fd, to, room, 0);

        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            ended(c, now);
            return;
        }
        if (c->state != BUSY) {
            broken(c, E_FRAMING, now);
            return;
        }
        if (take(c, (size_t)n, now)) {
            return;
        }
        if (c->state == IDLE) {
            c->len = 0;
            if ((size_t)n < room) {
                return;
            }
        }
    }
}

static void event(conn *c, unsigned what, int64_t now)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (c->state == CONNECTING) {
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error) {
            broken(c, E_CONNECT, now);
            c->since = now + RETRY;
        }
        else if (what & EPOLLOUT) {
            idle_add(c, now);
        }
        return;
    }
    if (c->state != DOWN && what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP
                                    | EPOLLERR)) {
        readable(c, now);
        if (c->state == IDLE && what & (EPOLLRDHUP | EPOLLHUP)) {
            /* The end came with the answer: no other event will tell. */
            ended(c, now);
        }
    }
}

/* Connections that are down, requests that take too long: every 10 ms. */
static void look_around(int64_t now, int sending)
{
    static int64_t last;
    int i;

    if (now - last < 10000000) {
        return;
    }
    last = now;
    for (i = 0; i < nconns; i++) {
        conn *c = &conns[i];

        if (c->state == DOWN && now >= c->since && sending) {
            connect_one(c, now);
        }
        else if (c->state == BUSY && now - c->sent_at > TIMEOUT) {
            broken(c, E_TIMEOUT, now);
        }
    }
}

static void wait_until(int64_t when)
{
    struct itimerspec t = { { 0, 0 }, { 0, 0 } };

    t.it_value.tv_sec = when / 1000000000;
    t.it_value.tv_nsec = when % 1000000000;
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static void events_once(int64_t wake)
{
    struct epoll_event ev[EVENTS];
    int64_t now = now_ns();
    int n, i;

    if (wake > now) {
        wait_until(wake);
    }
    n = epoll_wait(ep, ev, EVENTS, wake > now ? 100 : 0);
    now = now_ns();
    for (i = 0; i < n; i++) {
        if (ev[i].data.ptr) {
            event(ev[i].data.ptr, ev[i].events, now);
        }
    }
}

static int busy(void)
{
    int i, n = 0;

    for (i = 0; i < nconns; i++) {
        n += conns[i].state == BUSY;
    }
    return n;
}

static void open_all(void)
{
    int64_t limit = now_ns() + GRACE;
    int i, n;

    for (i = 0; i < nconns; i++) {
        connect_one(&conns[i], now_ns());
    }
    do {
        events_once(now_ns() + 10000000);
        for (i = 0, n = 0; i < nconns; i++) {
            n += conns[i].state == CONNECTING;
        }
    } while (n && now_ns() < limit);
}

static void run(void)
{
    int64_t end, now;
    long all;
    int i;

    open_all();
    begin = last_answer = now_ns() + 10000000;
    end = begin + (int64_t)(seconds * 1e9);
    while ((now = now_ns()) < end && !stop) {
        int64_t next = begin + (int64_t)((double)issued * 1e9 / rate);

        send_due(now, end);
        look_around(now, 1);
        events_once(idle_first ? next : now + 10000000);
    }
    if (stop) {
        end = now;
    }
    all = (long)((double)(end - begin) * rate / 1e9);
    while ((now = now_ns()) < end + GRACE && (busy() || issued < all)) {
        send_due(now, end);
        look_around(now, 1);
        events_once(now + 10000000);
    }
    /* What is still due or under way has waited at least so long. */
    now = now_ns();
    for (i = 0; i < nconns; i++) {
        if (conns[i].state == BUSY) {
            sample(latency, &nlatency, now - conns[i].due);
            broken(&conns[i], E_TIMEOUT, now);
        }
    }
    while (issued < all && nlatency < SAMPLES_MAX) {
        sample(latency, &nlatency,
               now - begin - (int64_t)((double)issued * 1e9 / rate));
        issued++;
        errors[E_TIMEOUT]++;
    }
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static void percentiles(const char *prefix, uint32_t *of, long n)
{
    static const struct {
        const char *name;
        double share;
    } at[] = {
        { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p999", 0.999 },
        { "max", 1 }
    };
    size_t i;

    qsort(of, (size_t)n, sizeof(*of), by_size);
    for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        long k = (long)(at[i].share * (double)n);

        printf("BENCH %s%s_us %u\n", prefix, at[i].name,
               n ? of[k < n ? k : n - 1] : 0);
    }
}

static void report(void)
{
    int i;

    printf("BENCH requests %ld\nBENCH issued %ld\nBENCH bytes %llu\n", done,
           issued, bytes);
    printf("BENCH duration_us %lld\n",
           (long long)((last_answer - begin) / 1000));
    for (i = 0; i < ERRORS; i++) {
        printf("BENCH error_%s %lu\n", error_name[i], errors[i]);
    }
    percentiles("", latency, nlatency);
    percentiles("lag_", lag, nlag);
}

static void arguments(int argc, char **argv)
{
    int o;

    while ((o = getopt(argc, argv, "c:s:k:e")) != -1) {
        switch (o) {
        case 'c':
            nconns = (int)strtol(optarg, NULL, 10);
            break;
        case 's':
            seconds = strtod(optarg, NULL);
            break;
        case 'k':
            per_conn = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'e':
            tell = 1;
            break;
        default:
            exit(2);
        }
    }
    if (argc - optind != 3 || nconns < 1 || nconns > CONNECTIONS_MAX) {
        fprintf(stderr, "usage: rate [-c connections] [-s seconds]"
                " [-k requests] [-e] PORT PATH RATE\n");
        exit(2);
    }
    port = (int)strtol(argv[optind], NULL, 10);
    path = argv[optind + 1];
    rate = strtod(argv[optind + 2], NULL);
    if (rate <= 0 || rate * seconds > SAMPLES_MAX) {
        fprintf(stderr, "rate: at most %ld requests\n", SAMPLES_MAX);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct epoll_event ev = { 0 };
    size_t room;

    arguments(argc, argv);
    signal(SIGTERM, on_term);
    prctl(PR_SET_TIMERSLACK, 1000);
    room = (size_t)(rate * seconds) + (size_t)nconns + 16;
    conns = calloc((size_t)nconns, sizeof(*conns));
    latency = calloc(room, sizeof(*latency));
    lag = calloc(room, sizeof(*lag));
    ep = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (!conns || !latency || !lag || ep < 0 || timer < 0) {
        die("rate");
    }
    ev.events = EPOLLIN | EPOLLET;
    epoll_ctl(ep, EPOLL_CTL_ADD, timer, &ev);
    run();
    report();
    return 0;
}
