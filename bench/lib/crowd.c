/*
 * Thousands of clients at once, each with a connection of its own.
 *
 *     crowd MODE COUNT RAMP_MS TIMEOUT_MS PORT PATH
 *
 * MODE  requests   each sends one GET and takes the answer
 *       idle       the same, and then keeps its connection
 *       tunnels    each opens a WebSocket (RFC 6455), its accept verified
 *
 * Client i starts at i * RAMP / COUNT, from one of 16 source addresses
 * (127.0.1.1 to .16), so that no address runs out of ports. What is not done
 * TIMEOUT after its start has failed. Then "BENCH name value" lines follow:
 * ok, failures by kind, statuses, latency from the start (of the connect) in
 * us, and how long all of it took; then, for idle and tunnels, "READY". From
 * then on lines on standard input are obeyed:
 *     echo     a message over each tunnel, and its echo awaited
 *     quit     all are closed, tunnels as the protocol wants; also at the end
 *              of input
 * each answered with BENCH lines and "READY". One thread, epoll.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#define EVENTS 512
#define IN_MAX 4096
#define SOURCES 16
#define SLICE_MS 10             /* an echo round is spread: see echo_all() */
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

typedef enum { REQUESTS, IDLE, TUNNELS } crowd_mode;

typedef enum {
    NOT_YET, CONNECTING, ASKED, HELD, ECHOED, CLOSING, OVER
} client_state;

enum {
    F_CONNECT, F_CLOSED, F_RESET, F_STATUS, F_FRAMING, F_ACCEPT, F_ECHO,
    F_TIMEOUT, FAILURES
};
static const char *const failure_name[FAILURES] = {
    "connect", "closed", "reset", "status", "framing", "accept", "echo",
    "timeout"
};

typedef struct client client;
struct client {
    int fd;
    client_state state;
    int64_t start;
    size_t len;
    char *in;           /* while something is awaited */
    char key[25];
};

static crowd_mode mode;
static int count, port;
static int64_t ramp, timeout;
static const char *path;
static client *clients;
static int ep, started, waiting;
static unsigned long ok, failures[FAILURES], statuses[600], lost_later;
static uint32_t *latency;
static int nlatency;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void over(client *c)
{
    close(c->fd);
    c->fd = -1;
    free(c->in);
    c->in = NULL;
    c->state = OVER;
}

static void failed(client *c, int kind)
{
    if (c->state == HELD) {
        lost_later++;
    }
    else {
        if (c->state == CLOSING && kind == F_CLOSED) {
            ok++;
        }
        else {
            failures[kind]++;
        }
        waiting--;
    }
    over(c);
}

static void succeeded(client *c, client_state next)
{
    ok++;
    waiting--;
    latency[nlatency++] = (uint32_t)(now_us() - c->start);
    free(c->in);
    c->in = NULL;
    c->len = 0;
    if (next == OVER) {
        over(c);
    }
    else {
        c->state = next;
    }
}

static void send_all(client *c, const void *data, size_t len)
{
    /* Small, and the socket's buffer is empty. */
    if (send(c->fd, data, len, MSG_NOSIGNAL) != (ssize_t)len) {
        failed(c, F_RESET);
    }
}

static void ask(client *c)
{
    char out[1024];
    unsigned char raw[16];
    size_t i;
    int n;

    n = snprintf(out, sizeof(out), "GET %s HTTP/1.1\r\n"
                 "Host: 127.0.0.1:%d\r\n", path, port);
    if (mode == TUNNELS) {
        for (i = 0; i < sizeof(raw); i++) {
            raw[i] = (unsigned char)random();
        }
        EVP_EncodeBlock((unsigned char *)c->key, raw, sizeof(raw));
        n += snprintf(out + n, sizeof(out) - (size_t)n, "Upgrade: websocket"
                      "\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
                      "\r\nSec-WebSocket-Key: %s\r\n", c->key);
    }
    n += snprintf(out + n, sizeof(out) - (size_t)n, "\r\n");
    c->state = ASKED;
    send_all(c, out, (size_t)n);
}

static void start(client *c, int i)
{
    struct sockaddr_in at = { 0 };
    struct epoll_event ev = { 0 };
    int one = 1;

    waiting++;
    c->start = now_us();
    c->state = CONNECTING;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) {
        die("socket");
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(0x7f000101U + (unsigned)(i % SOURCES));
    if (bind(c->fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
        die("bind");
    }
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons((unsigned short)port);
    if (connect(c->fd, (struct sockaddr *)&at, sizeof(at)) < 0
        && errno != EINPROGRESS) {
        failed(c, F_CONNECT);
        return;
    }
    ev.events = EPOLLIN | EPOLLOUT | EPOLLET;
    ev.data.ptr = c;
    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev);
}

static int accept_is_right(const client *c)
{
    unsigned char digest[SHA_DIGEST_LENGTH];
    char want[4 * SHA_DIGEST_LENGTH], text[80];
    const char *have = strcasestr(c->in, "\r\nSec-WebSocket-Accept:");
    int n = snprintf(text, sizeof(text), "%s" GUID, c->key);

    SHA1((unsigned char *)text, (size_t)n, digest);
    EVP_EncodeBlock((unsigned char *)want, digest, sizeof(digest));
    if (!have) {
        return 0;
    }
    have += 23;
    have += strspn(have, " ");
    return strcspn(have, "\r") == strlen(want)
        && !strncmp(have, want, strlen(want));
}

/* What has come of an answer. */
static void look_at_answer(client *c)
{
    char *end = strstr(c->in, "\r\n\r\n");
    const char *field;
    int status = 0;

    if (!end) {
        if (c->len == IN_MAX) {
            failed(c, F_FRAMING);
        }
        return;
    }
    if (sscanf(c->in, "HTTP/1.1 %3d", &status) != 1 || status > 599) {
        failed(c, F_FRAMING);
        return;
    }
    if (status != (mode == TUNNELS ? 101 : 200)) {
        statuses[status]++;
        failed(c, F_STATUS);
        return;
    }
    if (mode == TUNNELS) {
        if (accept_is_right(c)) {
            succeeded(c, HELD);
        }
        else {
            failed(c, F_ACCEPT);
        }
        return;
    }
    field = strcasestr(c->in, "\r\nContent-Length:");
    if (!field || field > end) {
        failed(c, F_FRAMING);
    }
    else if (c->len == (size_t)(end + 4 - c->in)
             + strtoul(field + 17, NULL, 10)) {
        succeeded(c, mode == IDLE ? HELD : OVER);
    }
}

/* The echo of "hello" with the number of the client behind it. */
static void look_at_echo(client *c)
{
    char want[16];
    int n = snprintf(want, sizeof(want), "%c%chello%06d", 0x81, 11,
                     (int)(c - clients));

    if (c->len < (size_t)n) {
        return;
    }
    if (c->len == (size_t)n && !memcmp(c->in, want, (size_t)n)) {
        succeeded(c, HELD);
    }
    else {
        failed(c, F_ECHO);
    }
}

/* 0: nothing more is there. */
static int readable(client *c)
{
    ssize_t n;

    if (!c->in) {
        c->in = malloc(IN_MAX + 1);
        if (!c->in) {
            die("malloc");
        }
    }
    n = recv(c->fd, c->in + c->len, IN_MAX - c->len, 0);
    if (n < 0 && errno == EAGAIN) {
        if (!c->len) {
            free(c->in);
            c->in = NULL;
        }
        return 0;
    }
    if (n <= 0) {
        failed(c, n == 0 ? F_CLOSED : F_RESET);
        return 0;
    }
    c->len += (size_t)n;
    c->in[c->len] = '\0';
    if (c->state == ASKED) {
        look_at_answer(c);
    }
    else if (c->state == ECHOED) {
        look_at_echo(c);
    }
    else if (c->state == HELD) {
        failed(c, F_FRAMING);
    }
    else {
        c->len = 0;
    }
    return c->state != OVER;
}

static void event(client *c, unsigned what)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (c->state == CONNECTING) {
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error) {
            failed(c, F_CONNECT);
        }
        else if (what & EPOLLOUT) {
            ask(c);
        }
    }
    if (c->state != OVER && c->state != CONNECTING
        && what & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        while (readable(c)) {
        }
    }
}

static void turn(int ms)
{
    struct epoll_event ev[EVENTS];
    int i, n = epoll_wait(ep, ev, EVENTS, ms);

    for (i = 0; i < n; i++) {
        event(ev[i].data.ptr, ev[i].events);
    }
}

/* Those that take too long; not more often than each 50 ms. */
static void give_up(void)
{
    static int64_t last;
    int64_t now = now_us();
    int i;

    if (now - last < 50000) {
        return;
    }
    last = now;
    for (i = 0; i < started; i++) {
        client *c = &clients[i];

        if ((c->state == CONNECTING || c->state == ASKED
             || c->state == ECHOED || c->state == CLOSING)
            && now - c->start > timeout) {
            failed(c, F_TIMEOUT);
        }
    }
}

static void begin_all(void)
{
    int64_t begin = now_us();

    while (started < count || waiting) {
        int64_t now = now_us();

        while (started < count
               && begin + ramp * started / count <= now) {
            start(&clients[started], started);
            started++;
            if (started % 64 == 0) {
                break;
            }
        }
        turn(started < count ? 1 : 20);
        give_up();
    }
}

static void echo_all(void)
{
    int i;

    for (i = 0; i < count; i++) {
        unsigned char out[32] = { 0x81, 0x80 | 11, 1, 2, 3, 4 };
        client *c = &clients[i];
        int k;

        if (c->state != HELD) {
            continue;
        }
        snprintf((char *)out + 6, 12, "hello%06u", (unsigned)i % 1000000U);
        for (k = 0; k < 11; k++) {
            out[6 + k] ^= out[2 + k % 4];
        }
        c->start = now_us();
        c->state = ECHOED;
        c->len = 0;
        waiting++;
        send_all(c, out, 17);
        /* About 10,000 in a second: a steady load, not one burst. */
        if (i % (10 * SLICE_MS) == 0) {
            int64_t until = now_us() + SLICE_MS * 1000;

            while (now_us() < until) {
                turn(1);
            }
        }
    }
    while (waiting) {
        turn(20);
        give_up();
    }
}

static void close_all(void)
{
    static const unsigned char bye[] = { 0x88, 0x82, 0, 0, 0, 0, 3, 232 };
    int i;

    for (i = 0; i < count; i++) {
        client *c = &clients[i];

        if (c->state != HELD) {
            continue;
        }
        if (mode != TUNNELS) {
            over(c);
            continue;
        }
        c->start = now_us();
        c->state = CLOSING;
        waiting++;
        send_all(c, bye, sizeof(bye));
        if (i % 64 == 0) {
            turn(0);
        }
    }
    while (waiting) {
        turn(20);
        give_up();
    }
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static uint32_t at_share(double share)
{
    int k = (int)(share * nlatency);

    return nlatency ? latency[k < nlatency ? k : nlatency - 1] : 0;
}

static void report(int64_t began)
{
    int i;

    qsort(latency, (size_t)nlatency, sizeof(*latency), by_size);
    printf("BENCH took_us %lld\nBENCH ok %lu\n",
           (long long)(now_us() - began), ok);
    for (i = 0; i < FAILURES; i++) {
        printf("BENCH failed_%s %lu\n", failure_name[i], failures[i]);
        failures[i] = 0;
    }
    for (i = 0; i < 600; i++) {
        if (statuses[i]) {
            printf("BENCH status_%d %lu\n", i, statuses[i]);
        }
        statuses[i] = 0;
    }
    printf("BENCH lost_while_idle %lu\n", lost_later);
    printf("BENCH p50_us %u\nBENCH p99_us %u\nBENCH max_us %u\n",
           at_share(0.5), at_share(0.99), at_share(1));
    ok = 0;
    nlatency = 0;
}

/* Commands, and what happens to the idle meanwhile. */
static void obey(void)
{
    char line[64];
    int64_t began;

    fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
    for (;;) {
        ssize_t n = read(0, line, sizeof(line) - 1);

        if (n < 0 && errno == EAGAIN) {
            turn(20);
            continue;
        }
        began = now_us();
        if (n > 3 && !strncmp(line, "echo", 4)) {
            echo_all();
            report(began);
        }
        else {
            close_all();
            report(began);
            return;
        }
        puts("READY");
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    struct rlimit most;
    int64_t began;

    if (argc != 7) {
        fprintf(stderr, "usage: crowd requests|idle|tunnels COUNT RAMP_MS"
                " TIMEOUT_MS PORT PATH\n");
        return 2;
    }
    mode = !strcmp(argv[1], "tunnels") ? TUNNELS
        : !strcmp(argv[1], "idle") ? IDLE : REQUESTS;
    count = (int)strtol(argv[2], NULL, 10);
    ramp = strtoll(argv[3], NULL, 10) * 1000;
    timeout = strtoll(argv[4], NULL, 10) * 1000;
    port = (int)strtol(argv[5], NULL, 10);
    path = argv[6];
    if (getrlimit(RLIMIT_NOFILE, &most) == 0) {
        most.rlim_cur = most.rlim_max;
        setrlimit(RLIMIT_NOFILE, &most);
    }
    srandom((unsigned)now_us());
    ep = epoll_create1(0);
    clients = calloc((size_t)count + 1, sizeof(*clients));
    latency = calloc((size_t)count + 1, sizeof(*latency));
    if (ep < 0 || !clients || !latency) {
        die("crowd");
    }
    began = now_us();
    begin_all();
    report(began);
    if (mode != REQUESTS) {
        puts("READY");
        fflush(stdout);
        obey();
    }
    return 0;
}
