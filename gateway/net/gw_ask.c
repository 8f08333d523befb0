#include "gw_ask.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_dns.h"

/* The hosts file has no TTL: as often as gw_resolve looks. */
#define HOSTS_TTL   GW_SEC(30)
/* Nothing is due this long without c-ares saying so, ms. */
#define POLL_MAX    1000

typedef struct ask ask;
struct ask {
    apr_pool_t *pool;
    gw_asked *asked;
    int done;
};

static void add_address(apr_array_header_t *list, const gw_addr *addr)
{
    const void *bytes = addr->ss.ss_family == AF_INET6
        ? (const void *)&((const struct sockaddr_in6 *)&addr->ss)->sin6_addr
        : (const void *)&((const struct sockaddr_in *)&addr->ss)->sin_addr;
    char text[INET6_ADDRSTRLEN];

    if (inet_ntop(addr->ss.ss_family, bytes, text, sizeof(text))) {
        APR_ARRAY_PUSH(list, const char *) = apr_pstrdup(list->pool, text);
    }
}

static void on_answer(void *baton, const gw_dns_answer *answer)
{
    ask *a = baton;
    gw_asked *asked = a->asked;
    gw_addrset *set = answer->set;
    int i;

    a->done = 1;
    asked->rv = answer->rv;
    asked->why = apr_pstrdup(a->pool, answer->why);
    if (answer->srv) {
        asked->rv = gw_srv_parse(a->pool, answer->srv, answer->srv_len,
                                 &asked->srvs, &asked->ttl);
        asked->why = asked->rv == APR_SUCCESS ? ""
                     : APR_STATUS_IS_ENOENT(asked->rv)
                     ? "it has no usable SRV record" : "malformed answer";
    }
    else if (set) {
        asked->ttl = answer->hosts ? HOSTS_TTL : answer->ttl;
        asked->addresses = apr_array_make(a->pool, set->n,
                                          sizeof(const char *));
        for (i = 0; i < set->n; i++) {
            add_address(asked->addresses, &set->addrs[i]);
        }
        gw_addrset_release(&set);
    }
}

/** @return 0: nobody wants the answer any more */
static int wait_for(gw_dns *dns, gw_time left, int stop_fd)
{
    struct pollfd fds[GW_DNS_FDS + 1];
    int ms = (int)(left / GW_MSEC(1)) + 1;
    int n = gw_dns_pollfds(dns, fds);

    fds[n].fd = stop_fd > 0 ? stop_fd : -1;
    fds[n].events = POLLIN;
    fds[n].revents = 0;
    if (poll(fds, (nfds_t)n + 1,
             gw_dns_timeout(dns, ms < POLL_MAX ? ms : POLL_MAX)) <= 0) {
        n = 0;
        fds[0].revents = 0;
    }
    if (fds[n].revents) {
        return 0;
    }
    gw_dns_process(dns, fds, n);
    return 1;
}

void gw_ask(apr_pool_t *pool, const char *name, int srv, gw_time timeout,
            int stop_fd, gw_asked *asked)
{
    gw_time deadline = gw_deadline(gw_now(), timeout);
    ask a = { pool, asked, 0 };
    gw_dns *dns;

    memset(asked, 0, sizeof(*asked));
    asked->rv = gw_dns_create(pool, NULL, NULL, timeout, &dns);
    if (asked->rv != APR_SUCCESS) {
        asked->why = "c-ares cannot be set up";
        return;
    }
    (srv ? gw_dns_ask_srv : gw_dns_ask)(dns, name, on_answer, &a);
    while (!a.done) {
        gw_time left = deadline - gw_now();

        if (left <= 0 || !wait_for(dns, left, stop_fd)) {
            gw_dns_destroy(&dns);       /* ends the question */
            asked->rv = left <= 0 ? APR_TIMEUP : APR_EGENERAL;
            asked->why = left <= 0 ? "no answer in time" : "it was stopped";
            return;
        }
    }
    gw_dns_destroy(&dns);
}
