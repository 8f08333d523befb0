/**
 * gw_dns: one name to addresses through c-ares, hosts file first.
 *
 * Two c-ares channels: one that only reads the hosts file and one that only
 * asks DNS, because c-ares does not say where an answer came from and the
 * two have different lifetimes in the cache. Both are rebuilt when
 * resolv.conf or the hosts file changes; names being asked for are asked
 * again, unseen by the caller.
 *
 * Owned by gw_resolve and used by its thread only; no locks. Callbacks may
 * come from inside any function that takes the gw_dns, gw_dns_ask() included.
 */
#ifndef GW_DNS_H
#define GW_DNS_H

#include <poll.h>
#include "gw_addrset.h"

typedef struct gw_dns gw_dns;

typedef struct gw_dns_answer gw_dns_answer;
struct gw_dns_answer {
    gw_addrset *set;    /* a reference for the callee; NULL: rv says why, or
                           it was a question for SRV records */
    const unsigned char *srv;   /* the whole message that answers that,
                                   borrowed; NULL: rv says why */
    int srv_len;
    gw_time ttl;        /* as DNS has it, 0 included */
    int hosts;          /* from the hosts file; ttl means nothing */
    apr_status_t rv;    /* APR_ENOENT the name or its addresses do not exist,
                           APR_EINVAL it cannot exist, APR_ECONNREFUSED no
                           server there, APR_TIMEUP no answer, APR_EGENERAL
                           no usable one */
    const char *why;    /* for logs; static */
};

typedef void gw_dns_done(void *baton, const gw_dns_answer *answer);

/**
 * @param pool         for copies of the paths; must outlive the gw_dns
 * @param resolv_conf  NULL: the system's. Otherwise its nameserver lines may
 *                     have ports: 127.0.0.1:5353, [::1]:5353
 * @param hosts_file   NULL: the system's
 * @param timeout      of one name in all; a server has a fifth of it
 */
apr_status_t gw_dns_create(apr_pool_t *pool, const char *resolv_conf,
                           const char *hosts_file, gw_time timeout,
                           gw_dns **pdns);
/** Ends all questions with APR_EGENERAL. */
void gw_dns_destroy(gw_dns **pdns);

/** Ask; done is called exactly once, possibly before this returns. name is
 * copied. */
void gw_dns_ask(gw_dns *dns, const char *name, gw_dns_done *done,
                void *baton);

/** The same for SRV records, which only DNS has. */
void gw_dns_ask_srv(gw_dns *dns, const char *name, gw_dns_done *done,
                    void *baton);

/** Most sockets polled: a UDP and a TCP one to each of 32 servers. */
#define GW_DNS_FDS 64

/** What to poll for; fds has room for GW_DNS_FDS. @return how many */
int gw_dns_pollfds(const gw_dns *dns, struct pollfd *fds);
/** Milliseconds until gw_dns_process() is due, at most limit. */
int gw_dns_timeout(const gw_dns *dns, int limit);
/** Read answers, send again what timed out. n may be 0. */
void gw_dns_process(gw_dns *dns, const struct pollfd *fds, int n);

/** Look at resolv.conf and the hosts file. @return 1 when one changed (the
 * channels are new then), else 0 */
int gw_dns_refresh(gw_dns *dns);

#endif
