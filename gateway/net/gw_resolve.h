/**
 * gw_resolve: names to addresses, without ever blocking a request.
 *
 * One resolver per child with one thread of its own (all signals blocked)
 * that runs one c-ares channel. Answers live in a cache: positive ones for
 * their TTL within [ttl_min, ttl_max], answers of /etc/hosts 30 s, negative
 * ones for negative_ttl. The last good answer stays in use while a refresh
 * is under way or fails: an entry stale by less than stale_max is returned at
 * once and refreshed in the background; for an older one (a name rarely used)
 * the lookup waits, and has the last good answer if the refresh fails. A name
 * that DNS does not know is confirmed once by getaddrinfo(3) on a detached
 * helper thread (nsswitch sources such as mDNS or NIS), never on the request
 * path nor on the resolver thread. The channel is rebuilt when resolv.conf or
 * the hosts file changes.
 *
 * Threads: any may look up and cancel; resolver->lock is a leaf but for
 * waker->wake(), which only signals. Address sets are immutable and
 * refcounted (atomic), free of the resolver's life.
 *
 * The thread also calls a tick about once a second for the child's
 * housekeeping (expiry of idle connections), so that no further thread exists.
 */
#ifndef GW_RESOLVE_H
#define GW_RESOLVE_H

#include <stddef.h>     /* before APR: its rings use offsetof then */
#include <sys/socket.h>
#include <apr_pools.h>
#include "gw_wants.h"

typedef struct gw_addr gw_addr;
struct gw_addr {
    struct sockaddr_storage ss;     /* port 0; set at connect */
    socklen_t len;
};

/** Most addresses kept of one name. */
#define GW_ADDRS_MAX 32

typedef struct gw_addrset gw_addrset;
struct gw_addrset {
    apr_uint32_t refs;              /* atomic */
    int n;
    gw_addr addrs[];
};

/** From an IP literal (no brackets): 1 reference, or NULL if it is none. */
gw_addrset *gw_addrset_literal(const char *ip);
/** One UNIX socket address; NULL when path does not fit sun_path. */
gw_addrset *gw_addrset_unix(const char *path);
gw_addrset *gw_addrset_ref(gw_addrset *set);
/** Drop a reference and NULL the pointer. */
void gw_addrset_release(gw_addrset **pset);
/** "1.2.3.4:80", "[::1]:80" or "unix:/path" into buf. */
void gw_addr_text(const gw_addr *addr, int port, char *buf, apr_size_t len);

typedef struct gw_resolver gw_resolver;
typedef struct gw_lookup gw_lookup;

typedef struct gw_resolver_params gw_resolver_params;
struct gw_resolver_params {
    const char *resolv_conf;    /* NULL: the system's; tests give their own */
    const char *hosts_file;     /* NULL: the system's */
    gw_time ttl_min;            /* 0: 1 s */
    gw_time ttl_max;            /* 0: 1 h */
    gw_time hosts_ttl;          /* 0: 30 s */
    gw_time negative_ttl;       /* 0: 2 s */
    gw_time stale_max;          /* 0: 30 s */
    gw_time timeout;            /* of one lookup in all; 0: 10 s */
    int entries_max;            /* names kept; 0: 1024; oldest unused go */
    void (*tick)(void *baton);  /* may be NULL */
    void *baton;
};

/**
 * Start the resolver thread. @return APR_SUCCESS or why not (logged).
 * Call in child_init; gw_resolver_destroy() in a cleanup of pchild: it
 * joins the thread and wakes every waiter (their lookups then fail).
 */
apr_status_t gw_resolver_create(apr_pool_t *pool,
                                const gw_resolver_params *params,
                                gw_resolver **presolver);
void gw_resolver_destroy(gw_resolver **presolver);

/**
 * Look a name up.
 * @param waker   borrowed until the lookup ends or is cancelled; armed here
 *                when there is something to wait for; NULL: only warm the
 *                cache (then plookup may be NULL)
 * @param pset    out, on APR_SUCCESS: a reference for the caller
 * @param plookup out, on APR_EAGAIN: pending; poll with gw_lookup_result()
 *                after a wake-up, or gw_lookup_cancel()
 * @return APR_SUCCESS, APR_EAGAIN, or APR_ENOENT no such name or no address
 *         (negative answer still valid), APR_TIMEUP no answer in time,
 *         APR_EGENERAL no usable one
 */
apr_status_t gw_resolve(gw_resolver *resolver, const char *name,
                        gw_waker *waker, gw_addrset **pset,
                        gw_lookup **plookup);

/** State of a pending lookup, as gw_resolve(); ends it unless APR_EAGAIN. */
apr_status_t gw_lookup_result(gw_lookup **plookup, gw_addrset **pset);

/** End a pending lookup that took too long: APR_SUCCESS with the last good
 * answer, however old, or APR_TIMEUP. */
apr_status_t gw_lookup_expire(gw_lookup **plookup, gw_addrset **pset);

/** Give a pending lookup up; no wake-up comes after the return. */
void gw_lookup_cancel(gw_lookup **plookup);

#endif
