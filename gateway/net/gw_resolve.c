#include "gw_resolve.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <apr_ring.h>
#include "gw_clock.h"
#include "gw_confirm.h"
#include "gw_dns.h"
#include "gw_log.h"
#include "gw_names.h"

/* How often files are looked at and the tick is called. */
#define HOUSEKEEPING GW_SEC(1)

/* A getaddrinfo that is nearly done may finish at the end of the child. */
#define CONFIRM_PATIENCE GW_MSEC(50)

/* Who has a query; c-ares and helpers cannot be made to give one back. */
typedef enum {
    AT_DNS,
    AT_NOBODY,                  /* waits for a free helper */
    AT_HELPER
} query_at;

/* One question for one name; resolver thread only. */
typedef struct query query;
struct query {
    APR_RING_ENTRY(query) link; /* in resolver->active or ->orphans */
    gw_resolver *resolver;
    gw_name *name;              /* NULL: orphan, its time is over */
    query_at at;
    gw_time deadline;
    apr_status_t rv;            /* DNS's verdict, while a helper asks */
    const char *why;
};

APR_RING_HEAD(queries, query);

struct gw_resolver {
    gw_resolver_params params;  /* const after init, defaults filled in */
    int wake_fds[2];            /* const until destroyed */
    pthread_t thread;
    /* resolver thread */
    gw_dns *dns;
    gw_confirm *confirm;
    struct queries active;      /* in order of their deadlines */
    struct queries orphans;
    gw_time housekeeping;       /* next time */
    pthread_mutex_t lock;
    /* guarded by lock */
    int refs;                   /* the owner's and one per lookup */
    int stopping;
    int signalled;              /* a byte is in the pipe */
    int full;                   /* logged that no name could go */
    gw_names *names;
    APR_RING_HEAD(, gw_name) todo;
};

static void unref(gw_resolver *r)
{
    int refs;

    pthread_mutex_lock(&r->lock);
    refs = --r->refs;
    pthread_mutex_unlock(&r->lock);
    if (!refs) {
        pthread_mutex_destroy(&r->lock);
        gw_names_destroy(&r->names);
        free(r);
    }
}

/* Under the lock. A full pipe wakes as well as an empty one. */
static void signal_thread(gw_resolver *r)
{
    if (!r->signalled) {
        r->signalled = 1;
        while (write(r->wake_fds[1], "", 1) < 0 && errno == EINTR) {
            continue;
        }
    }
}

static void on_confirm(void *baton)
{
    gw_resolver *r = baton;

    pthread_mutex_lock(&r->lock);
    signal_thread(r);
    pthread_mutex_unlock(&r->lock);
}

/* --- the cache; all under the lock ------------------------------------- */

static void name_queue(gw_resolver *r, gw_name *name)
{
    if (!name->busy) {
        name->busy = 1;
        APR_RING_INSERT_TAIL(&r->todo, name, gw_name, todo);
        signal_thread(r);
    }
}

/* What the cache says now; a query is queued where it has grown old. */
static apr_status_t name_ask(gw_resolver *r, gw_name *name, gw_addrset **pset)
{
    gw_time now = gw_now();
    int fresh = now < name->expires;

    if (!fresh) {
        name_queue(r, name);
    }
    if (name->set && (name->failing
                      || now < name->expires + r->params.stale_max)) {
        *pset = gw_addrset_ref(name->set);
        return APR_SUCCESS;
    }
    return fresh && !name->set ? name->rv : APR_EAGAIN;
}

/* End a lookup; it belongs to its caller alone from here on. */
static void lookup_end(gw_lookup *lookup, apr_status_t rv, gw_addrset *set)
{
    APR_RING_REMOVE(lookup, link);
    lookup->done = 1;
    lookup->rv = set ? APR_SUCCESS : rv;
    lookup->set = set ? gw_addrset_ref(set) : NULL;
    lookup->waker->wake(lookup->waker);
}

static void waiters_end(gw_name *name, apr_status_t rv)
{
    while (!APR_RING_EMPTY(&name->waiters, gw_lookup, link)) {
        lookup_end(APR_RING_FIRST(&name->waiters), rv, name->set);
    }
}

/* --- answers; resolver thread ------------------------------------------ */

static void report_good(gw_name *name, const gw_addrset *set)
{
    char text[512];

    if (!name->failing && (!name->set || gw_addrset_equal(name->set, set))) {
        return;
    }
    gw_addrset_text(set, text, sizeof(text));
    if (name->failing) {
        gw_log(NULL, GW_LOG_NOTICE, 0, GWNO(00602) "name %s: resolves again: "
               "%s", name->text, text);
    }
    else {
        gw_log(NULL, GW_LOG_INFO, 0, GWNO(00603) "name %s: now %s", name->text,
               text);
    }
}

static void report_bad(gw_name *name, const char *why)
{
    char text[512];

    if (name->failing) {
        gw_log(NULL, GW_LOG_DEBUG, 0, GWNO(00604) "name %s: still %s",
               name->text, why);
        return;
    }
    if (!name->set) {
        gw_log(NULL, GW_LOG_INFO, 0, GWNO(00605) "name %s: %s", name->text,
               why);
        return;
    }
    gw_addrset_text(name->set, text, sizeof(text));
    gw_log(NULL, GW_LOG_WARN, 0, GWNO(00606) "name %s: %s; going on with the "
           "last answer (%s)", name->text, why, text);
}

/*
 * The one place where a query's end changes its name. Takes the set over.
 * Only this thread writes set and failing: no lock to read them for the log.
 */
static void settle(gw_resolver *r, gw_name *name, gw_addrset *set, gw_time ttl,
                   apr_status_t rv, const char *why)
{
    if (set) {
        report_good(name, set);
    }
    else {
        report_bad(name, why);
    }
    pthread_mutex_lock(&r->lock);
    name->busy = 0;
    name->failing = !set;
    name->rv = rv;
    name->expires = gw_deadline(gw_now(), set ? ttl : r->params.negative_ttl);
    if (set) {
        gw_addrset_release(&name->set);
        name->set = set;
    }
    waiters_end(name, rv);
    pthread_mutex_unlock(&r->lock);
}

static void query_free(query *q)
{
    APR_RING_REMOVE(q, link);
    free(q);
}

static void query_end(query *q, gw_addrset *set, gw_time ttl,
                      apr_status_t rv, const char *why)
{
    gw_name *name = q->name;
    gw_resolver *r = q->resolver;

    query_free(q);
    settle(r, name, set, ttl, rv, why);
}

static gw_time clamp_ttl(const gw_resolver *r, const gw_dns_answer *answer)
{
    if (answer->hosts) {
        return r->params.hosts_ttl;
    }
    return answer->ttl < r->params.ttl_min ? r->params.ttl_min
        : answer->ttl > r->params.ttl_max ? r->params.ttl_max
        : answer->ttl;
}

static void on_answer(void *baton, const gw_dns_answer *answer)
{
    query *q = baton;
    gw_addrset *set = answer->set;
    int unknown = answer->rv == APR_ENOENT
        || (answer->rv == APR_ECONNREFUSED && q->name && !q->name->set);

    if (!q->name) {
        gw_addrset_release(&set);
        query_free(q);
    }
    else if (set) {
        query_end(q, set, clamp_ttl(q->resolver, answer), APR_SUCCESS, "");
    }
    else if (unknown) {
        /* another source of nsswitch.conf may know it */
        q->at = AT_NOBODY;
        q->rv = answer->rv == APR_ENOENT ? APR_ENOENT : APR_EGENERAL;
        q->why = answer->why;
    }
    else {
        query_end(q, NULL, 0, answer->rv == APR_EINVAL ? APR_ENOENT
                  : answer->rv == APR_TIMEUP ? APR_TIMEUP : APR_EGENERAL,
                  answer->why);
    }
}

/* --- the thread -------------------------------------------------------- */

static void ask_dns(gw_resolver *r, gw_name *name)
{
    query *q = calloc(1, sizeof(*q));

    if (!q) {
        settle(r, name, NULL, 0, APR_EGENERAL, "out of memory");
        return;
    }
    q->resolver = r;
    q->name = name;
    q->deadline = gw_deadline(gw_now(), r->params.timeout);
    APR_RING_INSERT_TAIL(&r->active, q, query, link);
    gw_dns_ask(r->dns, name->text, on_answer, q);
}

static gw_name *next_todo(gw_resolver *r)
{
    gw_name *name = NULL;

    pthread_mutex_lock(&r->lock);
    if (!r->stopping && !APR_RING_EMPTY(&r->todo, gw_name, todo)) {
        name = APR_RING_FIRST(&r->todo);
        APR_RING_REMOVE(name, todo);
    }
    pthread_mutex_unlock(&r->lock);
    return name;
}

static void take_confirmed(gw_resolver *r)
{
    gw_addrset *set;
    void *tag;

    while (gw_confirm_take(r->confirm, &tag, &set)) {
        query *q = tag;

        if (q->name) {
            query_end(q, set, r->params.hosts_ttl, q->rv, q->why);
        }
        else {
            gw_addrset_release(&set);
            query_free(q);
        }
    }
}

static void start_confirms(gw_resolver *r)
{
    query *q = APR_RING_FIRST(&r->active);

    while (q != APR_RING_SENTINEL(&r->active, query, link)) {
        query *next = APR_RING_NEXT(q, link);
        apr_status_t rv;

        if (q->at == AT_NOBODY) {
            rv = gw_confirm_start(r->confirm, q->name->text, q);
            if (rv == APR_SUCCESS) {
                q->at = AT_HELPER;
            }
            else if (APR_STATUS_IS_EAGAIN(rv)) {
                return;
            }
            else {
                query_end(q, NULL, 0, q->rv, q->why);
            }
        }
        q = next;
    }
}

/* Answer for those whose time is over; the query ends when whoever has it
 * gives it back. */
static void expire_queries(gw_resolver *r)
{
    gw_time now = gw_now();

    while (!APR_RING_EMPTY(&r->active, query, link)) {
        query *q = APR_RING_FIRST(&r->active);
        gw_name *name = q->name;

        if (q->deadline > now) {
            return;
        }
        if (q->at != AT_DNS) {
            settle(r, name, NULL, 0, q->rv, q->why);
        }
        else {
            settle(r, name, NULL, 0, APR_TIMEUP, "no answer in time");
        }
        if (q->at == AT_NOBODY) {
            query_free(q);
            continue;
        }
        q->name = NULL;
        APR_RING_REMOVE(q, link);
        APR_RING_INSERT_TAIL(&r->orphans, q, query, link);
    }
}

/* New files may say otherwise of every name. */
static void expire_names(gw_resolver *r)
{
    pthread_mutex_lock(&r->lock);
    gw_names_expire(r->names);
    pthread_mutex_unlock(&r->lock);
}

static void housekeep(gw_resolver *r)
{
    gw_time now = gw_now();

    if (now < r->housekeeping) {
        return;
    }
    r->housekeeping = now + HOUSEKEEPING;
    if (gw_dns_refresh(r->dns)) {
        gw_log(NULL, GW_LOG_INFO, 0, GWNO(00607) "resolv.conf or the hosts "
               "file changed: names are resolved anew");
        expire_names(r);
    }
    if (r->params.tick) {
        r->params.tick(r->params.baton);
    }
}

static int wait_ms(gw_resolver *r)
{
    gw_time until = r->housekeeping;

    if (!APR_RING_EMPTY(&r->active, query, link)) {
        until = gw_earlier(until, APR_RING_FIRST(&r->active)->deadline);
    }
    return gw_dns_timeout(r->dns, gw_poll_ms(gw_now(), until));
}

/* @return 0 when the thread shall end */
static int drain_signal(gw_resolver *r)
{
    char bytes[8];
    int stopping;

    pthread_mutex_lock(&r->lock);
    while (read(r->wake_fds[0], bytes, sizeof(bytes)) > 0) {
        continue;
    }
    r->signalled = 0;
    stopping = r->stopping;
    pthread_mutex_unlock(&r->lock);
    return !stopping;
}

static void *run(void *arg)
{
    gw_resolver *r = arg;
    struct pollfd fds[GW_DNS_FDS + 1];

    do {
        gw_name *name;
        int n;

        while ((name = next_todo(r))) {
            ask_dns(r, name);
        }
        take_confirmed(r);
        start_confirms(r);
        expire_queries(r);
        housekeep(r);
        n = gw_dns_pollfds(r->dns, fds + 1);
        fds[0].fd = r->wake_fds[0];
        fds[0].events = POLLIN;
        if (poll(fds, (nfds_t)n + 1, wait_ms(r)) <= 0) {
            n = 0;
        }
        gw_dns_process(r->dns, fds + 1, n);
    } while (drain_signal(r));
    return NULL;
}

/* --- life -------------------------------------------------------------- */

static void defaults(gw_resolver_params *p)
{
    p->ttl_min = p->ttl_min ? p->ttl_min : GW_SEC(1);
    p->ttl_max = p->ttl_max ? p->ttl_max : GW_SEC(3600);
    p->hosts_ttl = p->hosts_ttl ? p->hosts_ttl : GW_SEC(30);
    p->negative_ttl = p->negative_ttl ? p->negative_ttl : GW_SEC(2);
    p->stale_max = p->stale_max ? p->stale_max : GW_SEC(30);
    p->timeout = p->timeout ? p->timeout : GW_SEC(10);
    p->entries_max = p->entries_max ? p->entries_max : 1024;
}

static int open_pipe(int fds[2])
{
    if (pipe(fds)) {
        return 0;
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
    return 1;
}

static gw_resolver *resolver_alloc(const gw_resolver_params *params)
{
    gw_resolver *r = calloc(1, sizeof(*r));

    if (!r) {
        return NULL;
    }
    r->params = *params;
    defaults(&r->params);
    r->names = gw_names_create(r->params.entries_max);
    if (!r->names || !open_pipe(r->wake_fds)) {
        gw_names_destroy(&r->names);
        free(r);
        return NULL;
    }
    r->refs = 1;
    pthread_mutex_init(&r->lock, NULL);
    APR_RING_INIT(&r->active, query, link);
    APR_RING_INIT(&r->orphans, query, link);
    APR_RING_INIT(&r->todo, gw_name, todo);
    return r;
}

/* httpd's signals are for its own threads. */
static int start_thread(gw_resolver *r)
{
    sigset_t all, before;
    int err;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = pthread_create(&r->thread, NULL, run, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
#ifdef __GLIBC__
    if (!err) {
        pthread_setname_np(r->thread, "gw-resolver");
    }
#endif
    return err;
}

/* What the thread had, once it is gone (or never came). */
static int release(gw_resolver *r)
{
    int running;
    query *q;

    /* no answer counts any more */
    APR_RING_FOREACH(q, &r->active, query, link) {
        q->name = NULL;
    }
    gw_dns_destroy(&r->dns);
    running = gw_confirm_destroy(&r->confirm, CONFIRM_PATIENCE);
    while (!APR_RING_EMPTY(&r->active, query, link)) {
        query_free(APR_RING_FIRST(&r->active));
    }
    while (!APR_RING_EMPTY(&r->orphans, query, link)) {
        query_free(APR_RING_FIRST(&r->orphans));
    }
    close(r->wake_fds[0]);
    close(r->wake_fds[1]);
    return running;
}

apr_status_t gw_resolver_create(apr_pool_t *pool,
                                const gw_resolver_params *params,
                                gw_resolver **presolver)
{
    gw_resolver *r = resolver_alloc(params);
    apr_status_t rv;

    *presolver = NULL;
    if (!r) {
        gw_log(NULL, GW_LOG_ERR, errno, GWNO(00608) "name resolution cannot "
               "start: no memory or no file descriptors left");
        return APR_ENOMEM;
    }
    rv = gw_dns_create(pool, params->resolv_conf, params->hosts_file,
                       r->params.timeout, &r->dns);
    if (rv == APR_SUCCESS) {
        rv = gw_confirm_create(on_confirm, r, &r->confirm);
    }
    if (rv == APR_SUCCESS) {
        r->housekeeping = gw_now() + HOUSEKEEPING;
        rv = start_thread(r);
        if (rv != APR_SUCCESS) {
            gw_log(NULL, GW_LOG_ERR, rv, GWNO(00609) "the resolver thread "
                   "cannot start");
        }
    }
    if (rv != APR_SUCCESS) {
        release(r);
        unref(r);
        return rv;
    }
    *presolver = r;
    return APR_SUCCESS;
}

/* A helper that hangs in getaddrinfo returns into this code one day: it must
 * not be unmapped until then. */
static void pin_code(int running)
{
    Dl_info info;

    gw_log(NULL, GW_LOG_INFO, 0, GWNO(00610) "%d getaddrinfo calls do not "
           "end; left behind", running);
    if (dladdr((void *)&gw_resolver_create, &info) && info.dli_fname) {
        (void)dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD
                     | RTLD_NODELETE);
    }
}

void gw_resolver_destroy(gw_resolver **presolver)
{
    gw_resolver *r = *presolver;
    gw_name *name;
    int running;

    *presolver = NULL;
    if (!r) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->stopping = 1;
    signal_thread(r);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    running = release(r);
    if (running) {
        pin_code(running);
    }

    pthread_mutex_lock(&r->lock);
    for (name = gw_names_next(r->names, NULL); name;
         name = gw_names_next(r->names, name)) {
        waiters_end(name, APR_EGENERAL);
    }
    pthread_mutex_unlock(&r->lock);
    unref(r);
}

/* --- lookups; any thread ----------------------------------------------- */

static apr_status_t lookup_add(gw_resolver *r, gw_name *name, gw_waker *waker,
                               gw_lookup **plookup)
{
    gw_lookup *lookup = calloc(1, sizeof(*lookup));

    if (!lookup) {
        return APR_EGENERAL;
    }
    lookup->resolver = r;
    r->refs++;
    lookup->waker = waker;
    lookup->name = name;
    APR_RING_INSERT_TAIL(&name->waiters, lookup, gw_lookup, link);
    *plookup = lookup;
    return APR_EAGAIN;
}

/* @param waker  NULL: ask only, even where the answer is to be waited for */
static apr_status_t look_up(gw_resolver *r, const char *key, gw_waker *waker,
                            gw_addrset **pset, gw_lookup **plookup)
{
    apr_status_t rv = APR_EGENERAL;
    int full = 0;
    gw_name *name;

    pthread_mutex_lock(&r->lock);
    name = r->stopping ? NULL : gw_names_use(r->names, key);
    if (name) {
        rv = name_ask(r, name, pset);
        if (rv == APR_EAGAIN && waker) {
            rv = lookup_add(r, name, waker, plookup);
        }
    }
    else if (!r->stopping && !r->full) {
        r->full = full = 1;
    }
    pthread_mutex_unlock(&r->lock);
    if (full) {
        gw_log(NULL, GW_LOG_WARN, 0, GWNO(00611) "%d names are being "
               "resolved at once: no room for %s and others (logged once)",
               r->params.entries_max, key);
    }
    return rv;
}

apr_status_t gw_resolve(gw_resolver *resolver, const char *name,
                        gw_waker *waker, gw_addrset **pset,
                        gw_lookup **plookup)
{
    char key[GW_NAME_MAX + 1];
    apr_status_t rv;

    *pset = gw_addrset_literal(name);
    if (plookup) {
        *plookup = NULL;
    }
    if (*pset) {
        return APR_SUCCESS;
    }
    if (!gw_name_key(name, key)) {
        return APR_ENOENT;
    }
    rv = look_up(resolver, key, NULL, pset, plookup);
    if (rv == APR_EAGAIN && waker) {
        /* arming may take system calls: not under the lock */
        if (waker->arm) {
            rv = waker->arm(waker);
            if (rv != APR_SUCCESS) {
                return rv;
            }
        }
        rv = look_up(resolver, key, waker, pset, plookup);
    }
    return rv;
}

static void lookup_free(gw_lookup *lookup)
{
    gw_resolver *r = lookup->resolver;

    free(lookup);
    unref(r);
}

static apr_status_t take_result(gw_lookup **plookup, gw_addrset **pset,
                                int last)
{
    gw_lookup *lookup = *plookup;
    gw_resolver *r = lookup->resolver;
    apr_status_t rv = APR_EAGAIN;
    int done;

    *pset = NULL;
    pthread_mutex_lock(&r->lock);
    if (last && !lookup->done) {
        lookup_end(lookup, APR_TIMEUP, lookup->name->set);
    }
    done = lookup->done;
    if (done) {
        rv = lookup->rv;
        *pset = lookup->set;
    }
    pthread_mutex_unlock(&r->lock);
    if (done) {
        *plookup = NULL;
        lookup_free(lookup);
    }
    return rv;
}

apr_status_t gw_lookup_result(gw_lookup **plookup, gw_addrset **pset)
{
    return take_result(plookup, pset, 0);
}

apr_status_t gw_lookup_expire(gw_lookup **plookup, gw_addrset **pset)
{
    return take_result(plookup, pset, 1);
}

void gw_lookup_cancel(gw_lookup **plookup)
{
    gw_lookup *lookup = *plookup;
    gw_resolver *r;

    *plookup = NULL;
    if (!lookup) {
        return;
    }
    r = lookup->resolver;
    pthread_mutex_lock(&r->lock);
    if (!lookup->done) {
        APR_RING_REMOVE(lookup, link);
    }
    pthread_mutex_unlock(&r->lock);
    gw_addrset_release(&lookup->set);
    lookup_free(lookup);
}
