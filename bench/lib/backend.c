/*
 * A backend that can be slow: for what nginx cannot do.
 *
 *     backend NAME PORT [ADDRESS]
 *
 * What a request gets is said by its query:
 *     delay=MS    the answer comes after so many milliseconds
 *     size=N      N bytes of body, byte i is 'a' + i % 26
 *     chunked=1   in chunks
 * Without size= the body is "NAME LENGTH SUM\n", LENGTH bytes of a request
 * body (Content-Length or chunked) and their sum as 32 bits. X-Request-Id is
 * sent back, X-Backend says NAME. "Upgrade: websocket" gets a 101 (RFC 6455)
 * and then each text or binary frame back, pings are answered, close is
 * closed. /stats answers with numbers: connections, waiting (for their
 * delay), most_waiting (since the last look), tunnels, requests.
 *
 * One thread, epoll; ends with SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
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
#define IN_MAX 32768
#define FRAME_MAX 16384
#define PIECE 65536
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

typedef enum {
    HEAD,           /* in the head of a request, or before it */
    BODY,           /* in a body; left bytes of it, or of a chunk, to come */
    CHUNK_LINE,     /* before the length of a chunk */
    CHUNK_END,      /* before the line end behind a chunk */
    TRAILER,        /* behind the last chunk */
    WAIT,           /* until the delay is over */
    SEND,           /* an answer is on its way */
    TUNNEL
} peer_state;

typedef struct peer peer;
struct peer {
    int fd;
    peer_state state;
    int chunked, close, head_only, reply_chunked;
    int writing;            /* EPOLLOUT is asked for */
    long delay;
    long long size;         /* of the answer; -1: the short one */
    long long left;
    unsigned long long length;
    uint32_t sum;
    char id[64];
    char *in;               /* IN_MAX + 1 while something is in it */
    size_t len;
    char *out;              /* malloc'ed, what is to be sent before the body */
    size_t out_len, out_at;
    long long body_at;      /* of size */
    int64_t due;
    peer *next, *before;    /* in the line of those who wait, by due */
};

static const char *name;
static int ep;
static peer *first, *last;
static volatile sig_atomic_t stop;
static unsigned long connections, waiting, most_waiting, tunnels, requests;
static char letters[PIECE + 26];

static void on_term(int sig)
{
    stop = 1;
}

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

static void watch(peer *p, int op, int writing)
{
    struct epoll_event ev = { 0 };

    ev.events = EPOLLIN | (writing ? EPOLLOUT : 0);
    ev.data.ptr = p;
    p->writing = writing;
    epoll_ctl(ep, op, p->fd, &ev);
}

/* --- those who wait ------------------------------------------------------ */

static void wait_add(peer *p)
{
    peer *at = last;

    p->due = now_us() + p->delay * 1000;
    while (at && at->due > p->due) {
        at = at->before;
    }
    p->before = at;
    p->next = at ? at->next : first;
    *(at ? &at->next : &first) = p;
    *(p->next ? &p->next->before : &last) = p;
    p->state = WAIT;
    if (++waiting > most_waiting) {
        most_waiting = waiting;
    }
}

static void wait_remove(peer *p)
{
    *(p->before ? &p->before->next : &first) = p->next;
    *(p->next ? &p->next->before : &last) = p->before;
    waiting--;
}

static void end_peer(peer *p)
{
    if (p->state == WAIT) {
        wait_remove(p);
    }
    if (p->state == TUNNEL) {
        tunnels--;
    }
    connections--;
    close(p->fd);
    free(p->in);
    free(p->out);
    free(p);
}

/* --- what is sent -------------------------------------------------------- */

static void out_add(peer *p, const void *data, size_t len)
{
    if (p->out_at == p->out_len) {
        p->out_at = p->out_len = 0;
    }
    p->out = realloc(p->out, p->out_len + len + 1);
    if (!p->out) {
        die("realloc");
    }
    memcpy(p->out + p->out_len, data, len);
    p->out_len += len;
}

static void out_text(peer *p, const char *text)
{
    out_add(p, text, strlen(text));
}

/* The next piece of the body, into out. */
static void out_body(peer *p)
{
    char line[32];
    long long n = p->size - p->body_at;

    n = n > PIECE ? PIECE : n;
    if (p->reply_chunked) {
        snprintf(line, sizeof(line), "%llx\r\n", n);
        out_text(p, line);
    }
    out_add(p, letters + p->body_at % 26, (size_t)n);
    if (p->reply_chunked) {
        out_text(p, "\r\n");
    }
    p->body_at += n;
    if (p->reply_chunked && p->body_at == p->size) {
        out_text(p, "0\r\n\r\n");
    }
}

/* 1: all is gone; 0: the socket is full; -1: the peer is gone. */
static int flush_peer(peer *p)
{
    for (;;) {
        ssize_t n;

        if (p->out_at == p->out_len) {
            if (p->state != SEND || p->head_only || p->body_at >= p->size) {
                free(p->out);
                p->out = NULL;
                p->out_at = p->out_len = 0;
                break;
            }
            out_body(p);
        }
        n = send(p->fd, p->out + p->out_at, p->out_len - p->out_at,
                 MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN) {
                return -1;
            }
            if (!p->writing) {
                watch(p, EPOLL_CTL_MOD, 1);
            }
            return 0;
        }
        p->out_at += (size_t)n;
    }
    if (p->writing) {
        watch(p, EPOLL_CTL_MOD, 0);
    }
    return 1;
}

static void begin_answer(peer *p)
{
    char head[512];
    char body[128] = "";

    if (p->size < 0) {
        snprintf(body, sizeof(body), "%s %llu %u\n", name, p->length, p->sum);
    }
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nX-Backend: %s\r\n"
             "Content-Type: text/plain\r\n%s%s%s", name,
             p->id[0] ? "X-Request-Id: " : "", p->id, p->id[0] ? "\r\n" : "");
    out_text(p, head);
    p->reply_chunked = p->reply_chunked && p->size >= 0;
    if (p->reply_chunked) {
        out_text(p, "Transfer-Encoding: chunked\r\n");
    }
    else {
        snprintf(head, sizeof(head), "Content-Length: %lld\r\n",
                 p->size < 0 ? (long long)strlen(body) : p->size);
        out_text(p, head);
    }
    out_text(p, p->close ? "Connection: close\r\n\r\n" : "\r\n");
    if (p->reply_chunked && p->size == 0 && !p->head_only) {
        out_text(p, "0\r\n\r\n");
    }
    if (!p->head_only) {
        out_text(p, body);
    }
    p->state = SEND;
}

static void begin_stats(peer *p)
{
    char all[512], body[256];

    snprintf(body, sizeof(body), "{\"connections\": %lu, \"waiting\": %lu, "
             "\"most_waiting\": %lu, \"tunnels\": %lu, \"requests\": %lu}\n",
             connections, waiting, most_waiting, tunnels, requests);
    most_waiting = waiting;
    snprintf(all, sizeof(all), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n"
             "\r\n%s", strlen(body), body);
    out_text(p, all);
    p->size = -1;
    p->state = SEND;
}

/* --- WebSockets ---------------------------------------------------------- */

static int begin_tunnel(peer *p, const char *key, size_t len)
{
    unsigned char digest[SHA_DIGEST_LENGTH];
    unsigned char accept[4 * SHA_DIGEST_LENGTH];
    char text[256];
    int n;

    if (len != 24) {
        return 0;
    }
    n = snprintf(text, sizeof(text), "%.*s" GUID, (int)len, key);
    SHA1((unsigned char *)text, (size_t)n, digest);
    EVP_EncodeBlock(accept, digest, sizeof(digest));
    snprintf(text, sizeof(text), "HTTP/1.1 101 Switching Protocols\r\n"
             "Upgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\nX-Backend: %s\r\n\r\n", accept,
             name);
    out_text(p, text);
    p->state = TUNNEL;
    tunnels++;
    return 1;
}

/* Answers one whole frame at the start of what came; bytes used, 0: not
 * whole, -1: end the peer. */
static long frame(peer *p)
{
    unsigned char *in = (unsigned char *)p->in;
    unsigned char head[4];
    size_t len, at = 2, i;
    int op;

    if (p->len < 2) {
        return 0;
    }
    op = in[0] & 15;
    len = in[1] & 127;
    if (!(in[1] & 128) || len == 127) {
        return -1;
    }
    if (len == 126) {
        if (p->len < 4) {
            return 0;
        }
        len = (size_t)in[2] << 8 | in[3];
        at = 4;
    }
    if (len > FRAME_MAX) {
        return -1;
    }
    if (p->len < at + 4 + len) {
        return 0;
    }
    for (i = 0; i < len; i++) {
        in[at + 4 + i] ^= in[at + i % 4];
    }
    head[0] = (unsigned char)(128 | (op == 9 ? 10 : op));
    head[1] = (unsigned char)(len < 126 ? len : 126);
    head[2] = (unsigned char)(len >> 8);
    head[3] = (unsigned char)len;
    if (op != 10) {
        out_add(p, head, len < 126 ? 2 : 4);
        out_add(p, in + at + 4, len);
    }
    if (op == 8) {
        p->close = 1;
    }
    return (long)(at + 4 + len);
}

/* --- what comes ---------------------------------------------------------- */

static void used(peer *p, size_t n)
{
    p->len -= n;
    memmove(p->in, p->in + n, p->len);
    p->in[p->len] = '\0';
}

/* A field of the head at p->in, which ends at end; NULL: not there. */
static const char *field(const peer *p, const char *which, const char *end,
                         size_t *len)
{
    const char *at = strcasestr(p->in, which);

    if (!at || at >= end) {
        return NULL;
    }
    at += strlen(which);
    at += strspn(at, " ");
    *len = strcspn(at, "\r");
    return at;
}

static long long in_query(const char *target, size_t len, const char *key,
                          long long otherwise)
{
    const char *at = memmem(target, len, key, strlen(key));

    return at ? strtoll(at + strlen(key), NULL, 10) : otherwise;
}

/* A whole head came. 0: end the peer. */
static int take_head(peer *p, const char *end)
{
    const char *value;
    const char *target = strchr(p->in, ' ');
    size_t len, n;

    requests++;
    p->length = p->sum = 0;
    p->id[0] = '\0';
    p->body_at = 0;
    if (!target || target > end) {
        return 0;
    }
    n = strcspn(++target, " ");
    p->delay = (long)in_query(target, n, "delay=", 0);
    p->size = in_query(target, n, "size=", -1);
    p->reply_chunked = in_query(target, n, "chunked=", 0) > 0;
    p->head_only = !strncmp(p->in, "HEAD ", 5);
    value = field(p, "\r\nX-Request-Id:", end, &len);
    if (value && len < sizeof(p->id)) {
        memcpy(p->id, value, len);
        p->id[len] = '\0';
    }
    value = field(p, "\r\nConnection:", end, &len);
    p->close = value && !strncasecmp(value, "close", 5);
    if (n >= 6 && !memcmp(target + n - 6, "/stats", 6)) {
        begin_stats(p);
        return 1;
    }
    value = field(p, "\r\nUpgrade: websocket", end, &len);
    if (value) {
        value = field(p, "\r\nSec-WebSocket-Key:", end, &len);
        return value && begin_tunnel(p, value, len);
    }
    value = field(p, "\r\nTransfer-Encoding:", end, &len);
    p->chunked = value != NULL;
    if (p->chunked) {
        p->state = CHUNK_LINE;
        return 1;
    }
    value = field(p, "\r\nContent-Length:", end, &len);
    p->left = value ? strtoll(value, NULL, 10) : 0;
    p->state = BODY;
    return 1;
}

static void whole_request(peer *p)
{
    if (p->delay > 0) {
        wait_add(p);
    }
    else {
        begin_answer(p);
    }
}

static size_t take_body(peer *p)
{
    size_t n = (long long)p->len < p->left ? p->len : (size_t)p->left;
    size_t i;

    for (i = 0; i < n; i++) {
        p->sum += (unsigned char)p->in[i];
    }
    p->length += n;
    p->left -= (long long)n;
    return n;
}

/* Goes on with what is there; 1 when there was something to do, 0 when more
 * must come, -1 to end the peer. */
static int advance(peer *p)
{
    char *end;
    long n;

    switch (p->state) {
    case HEAD:
        end = strstr(p->in, "\r\n\r\n");
        if (!end) {
            return p->len < IN_MAX ? 0 : -1;
        }
        if (!take_head(p, end)) {
            return -1;
        }
        used(p, (size_t)(end + 4 - p->in));
        return 1;
    case BODY:
        used(p, take_body(p));
        if (p->left) {
            return 0;
        }
        if (p->chunked) {
            p->state = CHUNK_END;
        }
        else {
            whole_request(p);
        }
        return 1;
    case CHUNK_LINE:
        end = strstr(p->in, "\r\n");
        if (!end) {
            return p->len < 1024 ? 0 : -1;
        }
        p->left = strtoll(p->in, NULL, 16);
        used(p, (size_t)(end + 2 - p->in));
        p->state = p->left ? BODY : TRAILER;
        return 1;
    case CHUNK_END:
        if (p->len < 2) {
            return 0;
        }
        used(p, 2);
        p->state = CHUNK_LINE;
        return 1;
    case TRAILER:
        end = strstr(p->in, "\r\n");
        if (!end) {
            return p->len < 1024 ? 0 : -1;
        }
        n = (long)(end - p->in);
        used(p, (size_t)n + 2);
        if (n == 0) {
            whole_request(p);
        }
        return 1;
    case TUNNEL:
        n = frame(p);
        if (n > 0) {
            used(p, (size_t)n);
        }
        return n > 0 ? 1 : (int)n;
    default:
        return 0;
    }
}

/* Sends what is to be sent and goes on with what has come. 0: end the peer. */
static int work(peer *p)
{
    for (;;) {
        int moved = advance(p);

        if (moved < 0) {
            return 0;
        }
        if (p->state == SEND || p->out) {
            int sent = flush_peer(p);

            if (sent < 0 || (sent > 0 && p->close
                             && (p->state == SEND || p->state == TUNNEL))) {
                return 0;
            }
            if (sent > 0 && p->state == SEND) {
                p->state = HEAD;
                moved = 1;
            }
            else if (sent == 0) {
                return 1;
            }
        }
        if (!moved) {
            return 1;
        }
    }
}

/* 0: end the peer. */
static int readable(peer *p)
{
    ssize_t n;

    if (!p->in) {
        p->in = malloc(IN_MAX + 1);
        if (!p->in) {
            die("malloc");
        }
        p->in[0] = '\0';
    }
    if (p->len == IN_MAX) {
        return 1;
    }
    n = recv(p->fd, p->in + p->len, IN_MAX - p->len, 0);
    if (n < 0 && errno == EAGAIN) {
        return 1;
    }
    if (n <= 0) {
        return 0;
    }
    p->len += (size_t)n;
    p->in[p->len] = '\0';
    n = work(p);
    if (n && p->len == 0) {
        free(p->in);
        p->in = NULL;
    }
    return (int)n;
}

static void event(peer *p, unsigned what)
{
    int alive = 1;

    if (what & EPOLLOUT) {
        alive = flush_peer(p) >= 0;
        if (alive && !p->out && p->state == SEND) {
            alive = !p->close;
            p->state = HEAD;
            alive = alive && (!p->in || work(p));
        }
        else if (alive && !p->out && p->state == TUNNEL) {
            alive = !p->close && (!p->in || work(p));
        }
    }
    if (alive && what & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        alive = readable(p);
    }
    if (!alive) {
        end_peer(p);
    }
}

static void due_answers(void)
{
    int64_t now = now_us();

    while (first && first->due <= now) {
        peer *p = first;

        wait_remove(p);
        begin_answer(p);
        if (flush_peer(p) > 0) {
            p->state = HEAD;
            if (!p->close && (!p->in || work(p))) {
                continue;
            }
            end_peer(p);
        }
    }
}

static void accept_all(int listener)
{
    int one = 1;
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        peer *p = calloc(1, sizeof(*p));

        if (!p) {
            die("calloc");
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        p->fd = fd;
        connections++;
        watch(p, EPOLL_CTL_ADD, 0);
    }
}

static int listen_on(const char *address, int port)
{
    struct sockaddr_in to = { 0 };
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    to.sin_family = AF_INET;
    to.sin_port = htons((unsigned short)port);
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
        fprintf(stderr, "backend: %s is no address\n", address);
        exit(2);
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0
        || listen(fd, 4096) < 0) {
        die("listen");
    }
    return fd;
}

static void run(int listener)
{
    struct epoll_event ev[EVENTS];

    while (!stop) {
        int64_t ms = first ? (first->due - now_us() + 999) / 1000 : 1000;
        int i, n = epoll_wait(ep, ev, EVENTS, ms < 0 ? 0 : (int)ms);

        for (i = 0; i < n; i++) {
            if (ev[i].data.ptr) {
                event(ev[i].data.ptr, ev[i].events);
            }
            else {
                accept_all(listener);
            }
        }
        due_answers();
    }
}

int main(int argc, char **argv)
{
    struct epoll_event ev = { 0 };
    struct rlimit most;
    int listener;
    size_t i;

    if (argc < 3) {
        fprintf(stderr, "usage: backend NAME PORT [ADDRESS]\n");
        return 2;
    }
    name = argv[1];
    signal(SIGTERM, on_term);
    if (getrlimit(RLIMIT_NOFILE, &most) == 0) {
        most.rlim_cur = most.rlim_max;
        setrlimit(RLIMIT_NOFILE, &most);
    }
    for (i = 0; i < sizeof(letters); i++) {
        letters[i] = (char)('a' + i % 26);
    }
    listener = listen_on(argc > 3 ? argv[3] : "127.0.0.1",
                         (int)strtol(argv[2], NULL, 10));
    ep = epoll_create1(0);
    ev.events = EPOLLIN;
    epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
    run(listener);
    return 0;
}
