/**
 * dns_server.h: a DNS server for unit tests, on a loopback port of its own.
 *
 * It answers A and AAAA questions from a small zone, late or not at all, and
 * counts what it is asked. Owner: the program that includes it. Its thread
 * runs from server_start() to server_stop(); all else may be called by any
 * thread in between.
 */
#ifndef GW_T_DNS_SERVER_H
#define GW_T_DNS_SERVER_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <apr_strings.h>
#include <apr_time.h>

#define RECORDS_MAX 64
#define PACKET_SIZE 2048

enum { DNS_A = 1, DNS_AAAA = 28, NXDOMAIN = 3, SERVFAIL = 2 };

typedef struct record record;
struct record {
    char name[64];
    const char *addrs;      /* spaces between; NULL: see rcode */
    unsigned int ttl;
    int rcode;
    int asked;              /* questions for A */
};

typedef struct server server;
struct server {
    int fd, port;
    pthread_t thread;
    pthread_mutex_t lock;
    record records[RECORDS_MAX];
    int n;
    int silent;
    int delay_ms;
    int asked;              /* questions for A of all names */
    int stop;
};

static record *find_record(server *s, const char *name)
{
    int i;

    for (i = 0; i < s->n; i++) {
        if (!strcasecmp(s->records[i].name, name)) {
            return &s->records[i];
        }
    }
    return NULL;
}

/* The zone says: these addresses from now on. */
static void zone(server *s, const char *name, const char *addrs,
                 unsigned int ttl, int rcode)
{
    record *rec;

    pthread_mutex_lock(&s->lock);
    rec = find_record(s, name);
    if (!rec) {
        rec = &s->records[s->n++];
        apr_cpystrn(rec->name, name, sizeof(rec->name));
    }
    rec->addrs = addrs;
    rec->ttl = ttl;
    rec->rcode = rcode;
    pthread_mutex_unlock(&s->lock);
}

/* Questions for the addresses of a name; -1: not in the zone. */
static int asked(server *s, const char *name)
{
    record *rec;
    int n;

    pthread_mutex_lock(&s->lock);
    rec = find_record(s, name);
    n = rec ? rec->asked : -1;
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* Say nothing, or answer after a while. */
static void behave(server *s, int silent, int delay_ms)
{
    pthread_mutex_lock(&s->lock);
    s->silent = silent;
    s->delay_ms = delay_ms;
    pthread_mutex_unlock(&s->lock);
}

/* The question's name as text; the bytes that the question takes. */
static int parse_question(const unsigned char *p, int len, char *name)
{
    int used = 12, n = 0;

    while (used < len && p[used]) {
        int label = p[used++];

        if (n + label + 1 >= 64 || used + label >= len) {
            return 0;
        }
        memcpy(name + n, p + used, label);
        n += label;
        used += label;
        name[n++] = '.';
    }
    name[n ? n - 1 : 0] = '\0';
    return used + 5 <= len ? used + 5 : 0;
}

static int add_answer(unsigned char *p, int used, int type, unsigned int ttl,
                      const char *text)
{
    unsigned char ip[16];
    int family = type == DNS_A ? AF_INET : AF_INET6;
    int size = type == DNS_A ? 4 : 16;

    if (inet_pton(family, text, ip) != 1 || used + 28 > PACKET_SIZE) {
        return used;
    }
    p[used++] = 0xc0;
    p[used++] = 12;
    p[used++] = 0;
    p[used++] = (unsigned char)type;
    p[used++] = 0;
    p[used++] = 1;
    ttl = htonl(ttl);
    memcpy(p + used, &ttl, 4);
    used += 4;
    p[used++] = 0;
    p[used++] = (unsigned char)size;
    memcpy(p + used, ip, size);
    p[7]++;
    return used + size;
}

/* Turn the query in p into its answer; 0: say nothing. */
static int make_answer(server *s, unsigned char *p, int len)
{
    char name[64], text[64];
    int used = parse_question(p, len, name);
    int type;
    const char *at;
    record *rec;

    if (!used) {
        return 0;
    }
    type = p[used - 3];
    rec = find_record(s, name);
    if (type == DNS_A) {
        s->asked++;
        if (rec) {
            rec->asked++;
        }
    }
    if (s->silent) {
        return 0;
    }
    memset(p + 6, 0, 6);
    p[2] = 0x85;
    p[3] = (unsigned char)(0x80 | (rec ? rec->rcode : NXDOMAIN));
    for (at = rec ? rec->addrs : NULL; at && *at; at += *at == ' ') {
        apr_size_t n = strcspn(at, " ");

        apr_cpystrn(text, at, n + 1);
        used = add_answer(p, used, type, rec->ttl, text);
        at += n;
    }
    return used;
}

static void *serve(void *arg)
{
    server *s = arg;
    unsigned char p[PACKET_SIZE];
    int stop = 0;

    while (!stop) {
        struct sockaddr_in from;
        socklen_t from_len = sizeof(from);
        int delay, used = 0;
        int len = (int)recvfrom(s->fd, p, sizeof(p), 0,
                                (struct sockaddr *)&from, &from_len);

        pthread_mutex_lock(&s->lock);
        if (len > 12) {
            /* the additional section (EDNS) is not echoed */
            used = make_answer(s, p, len);
        }
        delay = s->delay_ms;
        stop = s->stop;
        pthread_mutex_unlock(&s->lock);
        if (used) {
            if (delay) {
                apr_sleep(delay * 1000);
            }
            p[5] = 1;
            (void)sendto(s->fd, p, used, 0, (struct sockaddr *)&from,
                         from_len);
        }
    }
    return NULL;
}

static void server_start(server *s)
{
    struct sockaddr_in sin;
    socklen_t len = sizeof(sin);

    memset(s, 0, sizeof(*s));
    memset(&sin, 0, sizeof(sin));
    pthread_mutex_init(&s->lock, NULL);
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->fd = socket(AF_INET, SOCK_DGRAM, 0);
    bind(s->fd, (struct sockaddr *)&sin, sizeof(sin));
    getsockname(s->fd, (struct sockaddr *)&sin, &len);
    s->port = ntohs(sin.sin_port);
    pthread_create(&s->thread, NULL, serve, s);
}

static void server_stop(server *s)
{
    struct sockaddr_in sin;

    pthread_mutex_lock(&s->lock);
    s->stop = 1;
    pthread_mutex_unlock(&s->lock);
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sin.sin_port = htons((unsigned short)s->port);
    (void)sendto(s->fd, "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin));
    pthread_join(s->thread, NULL);
    close(s->fd);
}

#endif
