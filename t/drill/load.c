/*
 * The load of fault drills: keep-alive clients with exact accounting.
 *
 *     load PORT PATH CONNECTIONS REQUESTS POST_PERCENT FIRST_ID
 *
 * Each request has an id of its own (FIRST_ID, FIRST_ID+1, ...); a right
 * answer is "MEMBER id=N" with that id. A GET on a kept connection that is
 * closed before any byte of an answer is sent once more on a new connection,
 * as every client does (RFC 9112 9.3.1); all else counts. Prints how many were
 * begun as a line of JSON to stderr, every 20 ms, so that faults come at the
 * share of the load that a drill names; and to stdout the sums: right answers
 * by member, answers by status, mix_up (another one's answer), lost (no
 * answer), cut, again (a GET that was sent once more), stale (a POST on a kept
 * connection that was closed meanwhile: no client can send that again), posts
 * (ids of POSTs without a right answer go to "unsure"). One thread, epoll;
 * ends when all is answered, or with SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX 65536
#define EVENTS 256
#define PROGRESS_MS 20
#define MEMBERS_MAX 16
#define UNSURE_MAX 10000

typedef struct client client;
struct client {
    int fd;
    unsigned long id;       /* 0: idle */
    int post;
    int served;             /* answers on this connection */
    int again;
    size_t len;
    char in[ANSWER_MAX + 1];
};

static int port;
static const char *path;
static unsigned long next_id, last_id, first_id;
static unsigned long post_percent;
static int ep;
static int stop;

static unsigned long right, mix_up, lost, stale, cut, again, posts_right;
static unsigned long by_status[1000];
static struct {
    char name[32];
    unsigned long n;
} members[MEMBERS_MAX];
static unsigned long unsure[UNSURE_MAX];
static int nunsure;
static int active;

static void on_term(int sig)
{
    stop = 1;
}

static void count_member(const char *name, size_t len)
{
    int i;

    for (i = 0; i < MEMBERS_MAX; i++) {
        if (!members[i].n) {
            snprintf(members[i].name, sizeof(members[i].name), "%.*s",
                     (int)len, name);
        }
        if (strlen(members[i].name) == len
            && !memcmp(members[i].name, name, len)) {
            members[i].n++;
            return;
        }
    }
}

static void not_sure(const client *c)
{
    if (c->post && nunsure < UNSURE_MAX) {
        unsure[nunsure++] = c->id;
    }
}

static void open_client(client *c)
{
    struct sockaddr_in to = { 0 };
    struct epoll_event ev = { 0 };
    int one = 1;

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_family = AF_INET;
    to.sin_port = htons((unsigned short)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
        close(c->fd);
        c->fd = -1;
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    ev.events = EPOLLIN;
    ev.data.ptr = c;
    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev);
    c->served = 0;
    c->len = 0;
}

static void close_client(client *c)
{
    if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
    c->len = 0;
}

static int send_request(client *c)
{
    char out[512];
    int n;

    if (c->post) {
        char body[32];
        int len = snprintf(body, sizeof(body), "id=%lu", c->id);

        n = snprintf(out, sizeof(out), "POST %s?id=%lu HTTP/1.1\r\n"
                     "Host: drill\r\nContent-Length: %d\r\n\r\n%s", path,
                     c->id, len, body);
    }
    else {
        n = snprintf(out, sizeof(out), "GET %s?id=%lu HTTP/1.1\r\n"
                     "Host: drill\r\n\r\n", path, c->id);
    }
    return send(c->fd, out, (size_t)n, MSG_NOSIGNAL) == n;
}

static void next_request(client *c)
{
    c->again = 0;
    while (!stop && next_id < last_id) {
        c->id = next_id++;
        c->post = (c->id * 2654435761UL >> 7) % 100 < post_percent;
        if (c->fd < 0) {
            open_client(c);
        }
        if (c->fd >= 0) {
            /* what fails shows when the answer is read */
            send_request(c);
            return;
        }
        lost++;
    }
    close_client(c);
    active--;
}

/* No whole answer came. */
static void broken(client *c)
{
    int reused = c->served > 0;
    int nothing = c->len == 0;

    close_client(c);
    if (nothing && reused && !c->post && !c->again) {
        again++;
        c->again = 1;
        open_client(c);
        if (c->fd >= 0 && send_request(c)) {
            return;
        }
    }
    if (nothing && reused && !c->again) {
        stale++;
    }
    else if (nothing) {
        lost++;
    }
    else {
        cut++;
    }
    not_sure(c);
    close_client(c);
    next_request(c);
}

static void judge(client *c, int status, const char *body, size_t len)
{
    char want[40];
    int n = snprintf(want, sizeof(want), " id=%lu\n", c->id);

    by_status[status]++;
    if (status != 200) {
        not_sure(c);
        return;
    }
    if (len > (size_t)n && !memcmp(body + len - n, want, (size_t)n)) {
        right++;
        posts_right += (unsigned long)c->post;
        count_member(body, len - (size_t)n);
    }
    else {
        mix_up++;
        not_sure(c);
    }
}

/* Length of the whole answer, or 0: all of them have a Content-Length. */
static size_t whole(const client *c, int *pstatus, const char **pbody)
{
    const char *end = strstr(c->in, "\r\n\r\n");
    const char *field;
    size_t len = 0;

    if (!end) {
        return 0;
    }
    field = strcasestr(c->in, "\r\nContent-Length:");
    if (field && field < end) {
        len = strtoul(field + 17, NULL, 10);
    }
    *pstatus = atoi(c->in + 9) % 1000;
    *pbody = end + 4;
    len += (size_t)(end + 4 - c->in);
    return c->len >= len ? len : 0;
}

static void read_answer(client *c)
{
    ssize_t n = recv(c->fd, c->in + c->len, ANSWER_MAX - c->len, 0);
    const char *body;
    int closes;
    int status;
    size_t len;

    if (n <= 0) {
        broken(c);
        return;
    }
    c->len += (size_t)n;
    c->in[c->len] = '\0';
    len = whole(c, &status, &body);
    if (!len) {
        return;
    }
    closes = strcasestr(c->in, "\r\nConnection: close") != NULL;
    judge(c, status, body, len - (size_t)(body - c->in));
    c->served++;
    c->len = 0;
    if (closes) {
        close_client(c);
    }
    next_request(c);
}

static void print_sums(void)
{
    int i;

    printf("{\"right\":%lu,\"posts\":%lu,\"mix_up\":%lu,\"lost\":%lu,"
           "\"stale\":%lu,\"cut\":%lu,\"again\":%lu,\"asked\":%lu,"
           "\"status\":{", right, posts_right, mix_up, lost, stale, cut,
           again, next_id - first_id);
    for (i = 0; i < 1000; i++) {
        if (by_status[i] && i != 200) {
            printf("\"%d\":%lu,", i, by_status[i]);
        }
    }
    printf("\"200\":%lu},\"members\":{", by_status[200]);
    for (i = 0; i < MEMBERS_MAX && members[i].n; i++) {
        printf("%s\"%s\":%lu", i ? "," : "", members[i].name,
               members[i].n);
    }
    printf("},\"unsure\":[");
    for (i = 0; i < nunsure; i++) {
        printf("%s%lu", i ? "," : "", unsure[i]);
    }
    printf("]}\n");
    fflush(stdout);
}

static long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    long shown = 0;
    client *clients;
    int n;
    int i;

    if (argc != 7) {
        fprintf(stderr, "usage: load PORT PATH CONNECTIONS REQUESTS "
                "POST_PERCENT FIRST_ID\n");
        return 2;
    }
    port = atoi(argv[1]);
    path = argv[2];
    active = atoi(argv[3]);
    post_percent = strtoul(argv[5], NULL, 10);
    first_id = next_id = strtoul(argv[6], NULL, 10);
    last_id = first_id + strtoul(argv[4], NULL, 10);
    signal(SIGTERM, on_term);
    ep = epoll_create1(0);
    clients = calloc((size_t)active, sizeof(*clients));
    n = active;
    for (i = 0; i < n; i++) {
        clients[i].fd = -1;
        next_request(&clients[i]);
    }
    while (active > 0) {
        n = epoll_wait(ep, events, EVENTS, PROGRESS_MS);
        for (i = 0; i < n; i++) {
            read_answer(events[i].data.ptr);
        }
        if (now_ms() - shown >= PROGRESS_MS) {
            shown = now_ms();
            fprintf(stderr, "{\"asked\":%lu}\n", next_id - first_id);
        }
    }
    print_sums();
    return 0;
}
