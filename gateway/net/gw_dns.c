#include "gw_dns.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
/* newer ones would have other functions, which older ones lack */
#define CARES_NO_DEPRECATED
#include <arpa/nameser.h>
#include <ares.h>
#include <apr_ring.h>
#include <apr_strings.h>
#include "gw_log.h"

#define SYSTEM_RESOLV_CONF "/etc/resolv.conf"
#define SYSTEM_HOSTS       "/etc/hosts"

/* Rounds over all servers; the wait doubles in the second. */
#define TRIES 2
/* A server's wait, ms: within what resolvers commonly use. */
#define TRY_MIN 20
#define TRY_MAX 2000

/* nameserver lines with ports: bytes read of a line, and of all servers. */
#define LINE_SIZE    256
#define SERVERS_SIZE 1024

/* Enough of a file to see that it is not what it was. */
typedef struct fingerprint fingerprint;
struct fingerprint {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime;
};

typedef struct question question;
struct question {
    APR_RING_ENTRY(question) link;
    gw_dns *dns;
    gw_dns_done *done;
    void *baton;
    int srv;                    /* for SRV records */
    char name[];
};

APR_RING_HEAD(questions, question);

struct gw_dns {
    const char *resolv_conf;    /* const after init; NULL: the system's */
    const char *hosts_file;
    int try_ms;
    struct questions asked;     /* c-ares has them */
    struct questions again;     /* taken back by a rebuild */
    ares_channel hosts;
    ares_channel servers;
    int rebuilding;
    int outdated;               /* the last rebuild failed */
    fingerprint seen_resolv, seen_hosts;
    int nsocks;
    struct {
        ares_socket_t fd;
        short events;
    } socks[GW_DNS_FDS];
};

/* --- channels ---------------------------------------------------------- */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_status;

static void library_init(void)
{
    library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

static void on_sock_state(void *data, ares_socket_t fd, int readable,
                          int writable)
{
    gw_dns *dns = data;
    short events = (short)((readable ? POLLIN : 0)
                           | (writable ? POLLOUT : 0));
    int i;

    for (i = 0; i < dns->nsocks && dns->socks[i].fd != fd; i++) {
        continue;
    }
    if (!events) {
        if (i < dns->nsocks) {
            dns->socks[i] = dns->socks[--dns->nsocks];
        }
        return;
    }
    if (i == dns->nsocks) {
        if (dns->nsocks == GW_DNS_FDS) {
            return;     /* not heard: c-ares goes on to another server */
        }
        dns->nsocks++;
    }
    dns->socks[i].fd = fd;
    dns->socks[i].events = events;
}

/* Append a "nameserver" line's address to the list that c-ares takes. */
static void add_server(const char *line, char *list, apr_size_t size)
{
    char addr[LINE_SIZE];
    apr_size_t used = strlen(list);
    const char *p = line + strspn(line, " \t");

    if (strncmp(p, "nameserver", 10) || (p[10] != ' ' && p[10] != '\t')) {
        return;
    }
    p += 10;
    p += strspn(p, " \t");
    apr_cpystrn(addr, p, sizeof(addr));
    addr[strcspn(addr, " \t\r\n#;")] = '\0';
    if (addr[0]) {
        apr_snprintf(list + used, size - used, "%s%s", used ? "," : "", addr);
    }
}

/* c-ares reads no ports in resolv.conf. */
static int set_servers(gw_dns *dns, ares_channel channel)
{
    char line[LINE_SIZE], list[SERVERS_SIZE] = "";
    FILE *file = fopen(dns->resolv_conf, "re");

    if (!file) {
        return ARES_SUCCESS;
    }
    while (fgets(line, sizeof(line), file)) {
        add_server(line, list, sizeof(list));
    }
    fclose(file);
    return list[0] ? ares_set_servers_ports_csv(channel, list)
                   : ARES_SUCCESS;
}

static int build_channel(gw_dns *dns, const char *lookups,
                         ares_channel *pchannel)
{
    struct ares_options options;
    char source[2];
    int mask = ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB
        | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
    int status;

    memset(&options, 0, sizeof(options));
    apr_cpystrn(source, lookups, sizeof(source));
    options.lookups = source;
    options.sock_state_cb = on_sock_state;
    options.sock_state_cb_data = dns;
    options.timeout = dns->try_ms;
    options.tries = TRIES;
    if (dns->resolv_conf) {
        options.resolvconf_path = (char *)dns->resolv_conf;
        mask |= ARES_OPT_RESOLVCONF;
    }
#ifdef ARES_OPT_HOSTS_FILE
    if (dns->hosts_file) {
        options.hosts_path = (char *)dns->hosts_file;
        mask |= ARES_OPT_HOSTS_FILE;
    }
#endif
#ifdef ARES_OPT_QUERY_CACHE
    /* one cache is enough, and this one would hide a name that came up */
    mask |= ARES_OPT_QUERY_CACHE;
#endif
    status = ares_init_options(pchannel, &options, mask);
    if (status != ARES_SUCCESS) {
        *pchannel = NULL;
    }
    return status;
}

/* Both channels new or none. */
static int build(gw_dns *dns, ares_channel *phosts, ares_channel *pservers)
{
    int status = build_channel(dns, "f", phosts);

    if (status != ARES_SUCCESS) {
        return status;
    }
    status = build_channel(dns, "b", pservers);
    if (status == ARES_SUCCESS && dns->resolv_conf) {
        status = set_servers(dns, *pservers);
        if (status != ARES_SUCCESS) {
            ares_destroy(*pservers);
        }
    }
    if (status != ARES_SUCCESS) {
        ares_destroy(*phosts);
    }
    return status;
}

/* --- questions --------------------------------------------------------- */

static void end(question *q, const gw_dns_answer *answer)
{
    APR_RING_REMOVE(q, link);
    q->done(q->baton, answer);
    free(q);
}

static void end_failed(question *q, int status)
{
    gw_dns_answer answer;

    memset(&answer, 0, sizeof(answer));
    answer.why = ares_strerror(status);
    switch (status) {
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
        answer.rv = APR_ENOENT;
        break;
    case ARES_EBADNAME:
    case ARES_EBADSTR:
        answer.rv = APR_EINVAL;
        break;
    case ARES_ECONNREFUSED:
        answer.rv = APR_ECONNREFUSED;
        break;
    case ARES_ETIMEOUT:
        answer.rv = APR_TIMEUP;
        break;
    default:
        answer.rv = APR_EGENERAL;
        break;
    }
    end(q, &answer);
}

/* The lowest of all records that led to the addresses (RFC 2181 5.2 has the
 * addresses alike; an alias may have a shorter life). */
static gw_time lowest_ttl(const struct ares_addrinfo *ai)
{
    const struct ares_addrinfo_node *node = ai->nodes;
    const struct ares_addrinfo_cname *cname;
    int ttl = node->ai_ttl;

    for (; node; node = node->ai_next) {
        ttl = node->ai_ttl < ttl ? node->ai_ttl : ttl;
    }
    for (cname = ai->cnames; cname; cname = cname->next) {
        ttl = cname->ttl < ttl ? cname->ttl : ttl;
    }
    return ttl > 0 ? GW_SEC(ttl) : 0;
}

static void end_found(question *q, struct ares_addrinfo *ai, int hosts)
{
    const struct ares_addrinfo_node *node;
    gw_dns_answer answer;
    int n = 0;

    memset(&answer, 0, sizeof(answer));
    for (node = ai->nodes; node; node = node->ai_next) {
        n++;
    }
    answer.set = gw_addrset_make(n);
    for (node = ai->nodes; answer.set && node; node = node->ai_next) {
        gw_addrset_add(answer.set, n, node->ai_addr);
    }
    answer.hosts = hosts;
    answer.ttl = lowest_ttl(ai);
    answer.rv = answer.set ? APR_SUCCESS : APR_EGENERAL;
    answer.why = answer.set ? "" : "out of memory";
    ares_freeaddrinfo(ai);
    end(q, &answer);
}

/* A rebuild takes back what the old channel had not answered. */
static int taken_back(question *q, int status)
{
    gw_dns *dns = q->dns;

    if (!dns->rebuilding || status != ARES_EDESTRUCTION) {
        return 0;
    }
    APR_RING_REMOVE(q, link);
    APR_RING_INSERT_TAIL(&dns->again, q, question, link);
    return 1;
}

static void on_servers(void *arg, int status, int timeouts,
                       struct ares_addrinfo *ai)
{
    question *q = arg;

    if (status == ARES_SUCCESS && ai && ai->nodes) {
        end_found(q, ai, 0);
        return;
    }
    if (ai) {
        ares_freeaddrinfo(ai);
    }
    if (!taken_back(q, status)) {
        end_failed(q, status == ARES_SUCCESS ? ARES_ENODATA : status);
    }
}

static void look_up(question *q, ares_channel channel,
                    ares_addrinfo_callback callback)
{
    struct ares_addrinfo_hints hints;

    /* both families, sorted by RFC 6724: what cannot be routed comes last */
    memset(&hints, 0, sizeof(hints));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
#ifndef ARES_OPT_HOSTS_FILE
    hints.ai_flags = q->dns->hosts_file ? ARES_AI_ENVHOSTS : 0;
#endif
    ares_getaddrinfo(channel, q->name, NULL, &hints, callback, q);
}

static void on_hosts(void *arg, int status, int timeouts,
                     struct ares_addrinfo *ai)
{
    question *q = arg;

    if (status == ARES_SUCCESS && ai && ai->nodes) {
        end_found(q, ai, 1);
        return;
    }
    if (ai) {
        ares_freeaddrinfo(ai);
    }
    look_up(q, q->dns->servers, on_servers);
}

static void on_srv(void *arg, int status, int timeouts,
                   unsigned char *message, int len)
{
    question *q = arg;
    gw_dns_answer answer;

    if (status == ARES_SUCCESS && message) {
        memset(&answer, 0, sizeof(answer));
        answer.srv = message;
        answer.srv_len = len;
        answer.why = "";
        end(q, &answer);
    }
    else if (!taken_back(q, status)) {
        end_failed(q, status == ARES_SUCCESS ? ARES_ENODATA : status);
    }
}

static void start(question *q)
{
    gw_dns *dns = q->dns;

    APR_RING_INSERT_TAIL(&dns->asked, q, question, link);
    if (q->srv) {
        ares_query(dns->servers, q->name, ns_c_in, ns_t_srv, on_srv, q);
        return;
    }
    look_up(q, dns->hosts, on_hosts);
}

static void ask(gw_dns *dns, const char *name, int srv, gw_dns_done *done,
                void *baton)
{
    apr_size_t size = strlen(name) + 1;
    question *q = calloc(1, sizeof(*q) + size);

    if (!q) {
        gw_dns_answer answer = { 0 };

        answer.rv = APR_EGENERAL;
        answer.why = "out of memory";
        done(baton, &answer);
        return;
    }
    q->dns = dns;
    q->done = done;
    q->baton = baton;
    q->srv = srv;
    memcpy(q->name, name, size);
    start(q);
}

void gw_dns_ask(gw_dns *dns, const char *name, gw_dns_done *done,
                void *baton)
{
    ask(dns, name, 0, done, baton);
}

void gw_dns_ask_srv(gw_dns *dns, const char *name, gw_dns_done *done,
                    void *baton)
{
    ask(dns, name, 1, done, baton);
}

/* --- life -------------------------------------------------------------- */

static void look_at(const char *path, fingerprint *print)
{
    struct stat st;

    memset(print, 0, sizeof(*print));
    if (!stat(path, &st)) {
        print->dev = st.st_dev;
        print->ino = st.st_ino;
        print->size = st.st_size;
        print->mtime = st.st_mtim;
    }
}

static int look_changed(const char *path, fingerprint *seen)
{
    fingerprint now;

    look_at(path, &now);
    if (now.dev == seen->dev && now.ino == seen->ino
        && now.size == seen->size && now.mtime.tv_sec == seen->mtime.tv_sec
        && now.mtime.tv_nsec == seen->mtime.tv_nsec) {
        return 0;
    }
    *seen = now;
    return 1;
}

static int files_changed(gw_dns *dns)
{
    int resolv = look_changed(dns->resolv_conf ? dns->resolv_conf
                              : SYSTEM_RESOLV_CONF, &dns->seen_resolv);
    int hosts = look_changed(dns->hosts_file ? dns->hosts_file
                             : SYSTEM_HOSTS, &dns->seen_hosts);

    return resolv || hosts;
}

apr_status_t gw_dns_create(apr_pool_t *pool, const char *resolv_conf,
                           const char *hosts_file, gw_time timeout,
                           gw_dns **pdns)
{
    gw_time try_ms = timeout / 5 / GW_MSEC(1);
    gw_dns *dns;
    int status;

    *pdns = NULL;
    pthread_once(&library_once, library_init);
    if (library_status != ARES_SUCCESS) {
        return APR_EGENERAL;
    }
    dns = apr_pcalloc(pool, sizeof(*dns));
    dns->resolv_conf = apr_pstrdup(pool, resolv_conf);
    dns->hosts_file = apr_pstrdup(pool, hosts_file);
    dns->try_ms = (int)(try_ms < TRY_MIN ? TRY_MIN
                        : try_ms > TRY_MAX ? TRY_MAX : try_ms);
    APR_RING_INIT(&dns->asked, question, link);
    APR_RING_INIT(&dns->again, question, link);
#ifndef ARES_OPT_HOSTS_FILE
    if (hosts_file) {
        /* the only way that this c-ares has; before any thread, in tests */
        setenv("CARES_HOSTS", hosts_file, 1);
    }
#endif
    files_changed(dns);
    status = build(dns, &dns->hosts, &dns->servers);
    if (status != ARES_SUCCESS) {
        gw_log(NULL, GW_LOG_ERR, 0, GWNO(00600) "name resolution cannot "
               "start with %s: %s", resolv_conf ? resolv_conf
               : SYSTEM_RESOLV_CONF, ares_strerror(status));
        return status == ARES_ENOMEM ? APR_ENOMEM : APR_EGENERAL;
    }
    *pdns = dns;
    return APR_SUCCESS;
}

void gw_dns_destroy(gw_dns **pdns)
{
    gw_dns *dns = *pdns;

    *pdns = NULL;
    if (dns) {
        ares_destroy(dns->servers);
        ares_destroy(dns->hosts);
    }
}

int gw_dns_refresh(gw_dns *dns)
{
    ares_channel hosts, servers;
    int status;

    if (!files_changed(dns) && !dns->outdated) {
        return 0;
    }
    status = build(dns, &hosts, &servers);
    if (status != ARES_SUCCESS) {
        if (!dns->outdated) {
            gw_log(NULL, GW_LOG_WARN, 0, GWNO(00601) "resolv.conf or the "
                   "hosts file changed, but cannot be used: %s; names are "
                   "resolved as before", ares_strerror(status));
        }
        dns->outdated = 1;
        return 0;
    }
    dns->outdated = 0;
    dns->rebuilding = 1;
    ares_destroy(dns->servers);
    ares_destroy(dns->hosts);
    dns->rebuilding = 0;
    dns->servers = servers;
    dns->hosts = hosts;
    while (!APR_RING_EMPTY(&dns->again, question, link)) {
        question *q = APR_RING_FIRST(&dns->again);

        APR_RING_REMOVE(q, link);
        start(q);
    }
    return 1;
}

/* --- polling ----------------------------------------------------------- */

int gw_dns_pollfds(const gw_dns *dns, struct pollfd *fds)
{
    int i;

    for (i = 0; i < dns->nsocks; i++) {
        fds[i].fd = dns->socks[i].fd;
        fds[i].events = dns->socks[i].events;
        fds[i].revents = 0;
    }
    return dns->nsocks;
}

int gw_dns_timeout(const gw_dns *dns, int limit)
{
    struct timeval max, tv, *due;
    gw_time ms;

    max.tv_sec = limit / 1000;
    max.tv_usec = (limit % 1000) * 1000;
    due = ares_timeout(dns->servers, &max, &tv);
    ms = (GW_SEC(due->tv_sec) + due->tv_usec + 999) / 1000;
    return ms < limit ? (int)ms : limit;
}

void gw_dns_process(gw_dns *dns, const struct pollfd *fds, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        int in = fds[i].revents & (POLLIN | POLLERR | POLLHUP | POLLNVAL);
        int out = fds[i].revents & (POLLOUT | POLLERR | POLLNVAL);

        if (in || out) {
            ares_process_fd(dns->servers,
                            in ? fds[i].fd : ARES_SOCKET_BAD,
                            out ? fds[i].fd : ARES_SOCKET_BAD);
        }
    }
    /* and what timed out */
    ares_process_fd(dns->servers, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}
