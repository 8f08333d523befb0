/*
 * A backend for fault drills: small, fast, and able to misbehave on demand.
 *
 *     member PORT NAME DIR
 *
 * Answers "NAME id=N" to any request whose target holds id=N. The id of each
 * POST goes to DIR/NAME.posts, one a line, before it is answered: so many
 * times it was executed. The first letter of DIR/NAME.mode says how to behave
 * (looked at every 20 ms): o well, g answers garbage, c closes what it
 * accepts, e answers 500 to everything. One thread, epoll; ends with SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 16384
#define EVENTS 256

typedef struct peer peer;
struct peer {
    int fd;
    size_t len;
    char in[REQUEST_MAX + 1];
};

static const char *name;
static char mode_file[4096];
static int posts;
static char mode = 'o';

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void look_at_mode(void)
{
    static struct timespec last;
    struct timespec now;
    char c;
    int fd;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec == last.tv_sec && now.tv_nsec - last.tv_nsec < 20000000) {
        return;
    }
    last = now;
    fd = open(mode_file, O_RDONLY);
    if (fd >= 0) {
        if (read(fd, &c, 1) == 1) {
            mode = c;
        }
        close(fd);
    }
}

static int listen_on(int port)
{
    struct sockaddr_in to = { 0 };
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    to.sin_family = AF_INET;
    to.sin_port = htons((unsigned short)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0
        || listen(fd, 1024) < 0) {
        die("listen");
    }
    return fd;
}

static void add(int ep, int fd, void *data)
{
    struct epoll_event ev = { 0 };

    ev.events = EPOLLIN;
    ev.data.ptr = data;
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static void accept_all(int ep, int listener)
{
    int one = 1;
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        peer *p;

        if (mode == 'c') {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        p = calloc(1, sizeof(*p));
        p->fd = fd;
        add(ep, fd, p);
    }
}

static void end_peer(peer *p)
{
    close(p->fd);
    free(p);
}

static void note_post(const char *id)
{
    char line[32];
    int n = snprintf(line, sizeof(line), "%.20s\n", id);

    if (write(posts, line, (size_t)n) != n) {
        die("write");
    }
}

/* Length of the first whole request, or 0. */
static size_t whole(const peer *p)
{
    const char *end = strstr(p->in, "\r\n\r\n");
    const char *field;
    size_t need;

    if (!end) {
        return 0;
    }
    need = (size_t)(end - p->in) + 4;
    field = strcasestr(p->in, "\r\nContent-Length:");
    if (field && field < end) {
        need += strtoul(field + 17, NULL, 10);
    }
    return p->len >= need ? need : 0;
}

static int answer(peer *p)
{
    char id[24] = "-";
    char body[128];
    char out[512];
    const char *at = strstr(p->in, "id=");
    int n;

    if (at) {
        size_t len = strspn(at + 3, "0123456789");

        snprintf(id, sizeof(id), "%.*s", (int)(len < 20 ? len : 20), at + 3);
    }
    if (!strncmp(p->in, "POST ", 5)) {
        note_post(id);
    }
    n = snprintf(body, sizeof(body), "%s id=%s\n", name, id);
    if (mode == 'g') {
        n = snprintf(out, sizeof(out), "@#!garbage %s\r\n\r\n", id);
    }
    else {
        n = snprintf(out, sizeof(out), "HTTP/1.1 %s\r\nContent-Length: %d\r\n"
                     "Content-Type: text/plain\r\n\r\n%s",
                     mode == 'e' ? "500 Drill" : "200 OK", n, body);
    }
    return send(p->fd, out, (size_t)n, MSG_NOSIGNAL) == n;
}

/* Serve what has come; 0 when the peer is to be ended. */
static int serve(peer *p)
{
    ssize_t n = recv(p->fd, p->in + p->len, REQUEST_MAX - p->len, 0);
    size_t used;

    if (n < 0 && errno == EAGAIN) {
        return 1;
    }
    if (n <= 0) {
        return 0;
    }
    p->len += (size_t)n;
    p->in[p->len] = '\0';
    while ((used = whole(p))) {
        if (!answer(p)) {
            return 0;
        }
        memmove(p->in, p->in + used, p->len - used + 1);
        p->len -= used;
    }
    return p->len < REQUEST_MAX;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    char file[4096];
    int listener;
    int ep;

    if (argc != 4) {
        fprintf(stderr, "usage: member PORT NAME DIR\n");
        return 2;
    }
    name = argv[2];
    snprintf(mode_file, sizeof(mode_file), "%s/%s.mode", argv[3], name);
    snprintf(file, sizeof(file), "%s/%s.posts", argv[3], name);
    posts = open(file, O_WRONLY | O_APPEND | O_CREAT, 0644);
    if (posts < 0) {
        die(file);
    }
    listener = listen_on(atoi(argv[1]));
    ep = epoll_create1(0);
    add(ep, listener, NULL);
    for (;;) {
        int i;
        int n = epoll_wait(ep, events, EVENTS, 20);

        look_at_mode();
        for (i = 0; i < n; i++) {
            if (!events[i].data.ptr) {
                accept_all(ep, listener);
            }
            else if (!serve(events[i].data.ptr)) {
                end_peer(events[i].data.ptr);
            }
        }
    }
}
