/*
 * Names to addresses against a DNS server inside this program.
 * getaddrinfo is replaced, so that the machine's own names do not matter.
 */
#include <netdb.h>

static int test_getaddrinfo(const char *name, const char *service,
                            const struct addrinfo *hints,
                            struct addrinfo **list);
static void test_freeaddrinfo(struct addrinfo *list);

#define getaddrinfo test_getaddrinfo
#define freeaddrinfo test_freeaddrinfo
#include "../../gateway/net/gw_confirm.c"
#include "../../gateway/net/gw_resolve.c"
#include "tap.h"
#include "dns_server.h"

#include <stdio.h>
#include <arpa/inet.h>
#include <apr_general.h>
#include <apr_strings.h>

/* --- getaddrinfo ------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int calls;
    int hanging;            /* calls that hang now */
    int let_go;
} sys = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0 };

static struct sockaddr_in mdns_sin;
static struct addrinfo mdns_info;

static int test_getaddrinfo(const char *name, const char *service,
                            const struct addrinfo *hints,
                            struct addrinfo **list)
{
    int rv = EAI_NONAME;

    pthread_mutex_lock(&sys.lock);
    sys.calls++;
    if (!strncmp(name, "hang", 4)) {
        sys.hanging++;
        pthread_cond_broadcast(&sys.changed);
        while (!sys.let_go) {
            pthread_cond_wait(&sys.changed, &sys.lock);
        }
        sys.hanging--;
        pthread_cond_broadcast(&sys.changed);
    }
    if (!strcmp(name, "printer.local")) {
        *list = &mdns_info;
        rv = 0;
    }
    pthread_mutex_unlock(&sys.lock);
    return rv;
}

static void test_freeaddrinfo(struct addrinfo *list)
{
}

static int sys_calls(void)
{
    int n;

    pthread_mutex_lock(&sys.lock);
    n = sys.calls;
    pthread_mutex_unlock(&sys.lock);
    return n;
}

static int sys_hanging(void)
{
    int n;

    pthread_mutex_lock(&sys.lock);
    n = sys.hanging;
    pthread_mutex_unlock(&sys.lock);
    return n;
}

static void sys_await_hanging(int n)
{
    pthread_mutex_lock(&sys.lock);
    while (sys.hanging != n) {
        pthread_cond_wait(&sys.changed, &sys.lock);
    }
    pthread_mutex_unlock(&sys.lock);
}

static void sys_let_go(int let_go)
{
    pthread_mutex_lock(&sys.lock);
    sys.let_go = let_go;
    pthread_cond_broadcast(&sys.changed);
    pthread_mutex_unlock(&sys.lock);
}

/* --- log, files, wakers ------------------------------------------------ */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static int log_last_answer, log_again, log_warnings;

static int log_enabled(void *baton, int level)
{
    return level <= GW_LOG_INFO;
}

static void log_print(void *baton, const char *file, int line, int level,
                      apr_status_t rv, const char *text)
{
    pthread_mutex_lock(&log_lock);
    log_last_answer += strstr(text, "going on with the last answer") != NULL;
    log_again += strstr(text, "resolves again") != NULL;
    log_warnings += level <= GW_LOG_WARN;
    pthread_mutex_unlock(&log_lock);
}

static const gw_logger test_logger = { log_enabled, log_print, NULL };

static int logged(const int *count)
{
    int n;

    pthread_mutex_lock(&log_lock);
    n = *count;
    pthread_mutex_unlock(&log_lock);
    return n;
}

static char resolv_path[64], hosts_path[64];

static void write_file(const char *path, const char *text)
{
    char tmp[96];
    FILE *file;

    apr_snprintf(tmp, sizeof(tmp), "%s.new", path);
    file = fopen(tmp, "w");
    if (file) {
        fputs(text, file);
        fclose(file);
        rename(tmp, path);
    }
}

static void write_resolv(const server *s)
{
    char text[128];

    apr_snprintf(text, sizeof(text), "# comment\nsearch\n"
                 "nameserver 127.0.0.1:%d\noptions ndots:1\n", s->port);
    write_file(resolv_path, text);
}

typedef struct test_waker test_waker;
struct test_waker {
    gw_waker waker;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int armed, woken;
};

static apr_status_t waker_arm(gw_waker *waker)
{
    ((test_waker *)waker)->armed++;
    return APR_SUCCESS;
}

static void waker_wake(gw_waker *waker)
{
    test_waker *w = (test_waker *)waker;

    pthread_mutex_lock(&w->lock);
    w->woken++;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
}

static void waker_init(test_waker *w)
{
    memset(w, 0, sizeof(*w));
    w->waker.arm = waker_arm;
    w->waker.wake = waker_wake;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->cond, NULL);
}

static int waker_woken(test_waker *w)
{
    int n;

    pthread_mutex_lock(&w->lock);
    n = w->woken;
    pthread_mutex_unlock(&w->lock);
    return n;
}

/* @return 0 when no wake-up came for 5 s */
static int waker_await(test_waker *w, int n)
{
    struct timespec ts;
    int rv = 0;

    clock_gettime(CLOCK_REALTIME, &ts);
    ts.tv_sec += 5;
    pthread_mutex_lock(&w->lock);
    while (w->woken < n && !rv) {
        rv = pthread_cond_timedwait(&w->cond, &w->lock, &ts);
    }
    pthread_mutex_unlock(&w->lock);
    return !rv;
}

/* --- helpers ----------------------------------------------------------- */

static apr_pool_t *pool;
static server dns;
static gw_resolver *resolver;

static gw_resolver_params test_params(void)
{
    gw_resolver_params p;

    memset(&p, 0, sizeof(p));
    p.resolv_conf = resolv_path;
    p.hosts_file = hosts_path;
    p.ttl_min = GW_MSEC(1);
    p.ttl_max = GW_SEC(60);
    p.hosts_ttl = GW_SEC(60);
    p.negative_ttl = GW_MSEC(100);
    p.timeout = GW_MSEC(500);
    return p;
}

static void start(const gw_resolver_params *p)
{
    apr_status_t rv = gw_resolver_create(pool, p, &resolver);

    if (rv != APR_SUCCESS) {
        diag("no resolver: %d", rv);
        exit(1);
    }
}

/* Addresses as text in the set's order, or the status; waits. */
static const char *resolve(const char *name)
{
    static char text[2048];
    gw_lookup *lookup = NULL;
    gw_addrset *set = NULL;
    test_waker w;
    apr_status_t rv;

    waker_init(&w);
    rv = gw_resolve(resolver, name, &w.waker, &set, &lookup);
    if (rv == APR_EAGAIN) {
        if (!waker_await(&w, 1)) {
            gw_lookup_cancel(&lookup);
            return "never";
        }
        rv = gw_lookup_result(&lookup, &set);
    }
    if (rv != APR_SUCCESS) {
        return rv == APR_ENOENT ? "enoent"
            : rv == APR_EGENERAL ? "egeneral"
            : rv == APR_TIMEUP ? "timeup" : "?";
    }
    gw_addrset_text(set, text, sizeof(text));
    gw_addrset_release(&set);
    return text;
}

/* What a lookup has that must do with what there is. */
static const char *expired(const char *name)
{
    static char text[2048];
    gw_lookup *lookup = NULL;
    gw_addrset *set = NULL;
    test_waker w;
    apr_status_t rv;

    waker_init(&w);
    rv = gw_resolve(resolver, name, &w.waker, &set, &lookup);
    if (rv != APR_EAGAIN) {
        gw_addrset_release(&set);
        return "at once";
    }
    rv = gw_lookup_expire(&lookup, &set);
    if (lookup || rv != APR_SUCCESS) {
        return !lookup && !set && rv == APR_TIMEUP ? "timeup" : "?";
    }
    gw_addrset_text(set, text, sizeof(text));
    gw_addrset_release(&set);
    return text;
}

/* What the cache says at once. */
static const char *at_once(const char *name)
{
    static char text[2048];
    gw_addrset *set = NULL;
    apr_status_t rv = gw_resolve(resolver, name, NULL, &set, NULL);

    if (rv != APR_SUCCESS) {
        return rv == APR_ENOENT ? "enoent"
            : rv == APR_EAGAIN ? "eagain"
            : rv == APR_TIMEUP ? "timeup" : "egeneral";
    }
    gw_addrset_text(set, text, sizeof(text));
    gw_addrset_release(&set);
    return text;
}

/* Until the cache says want, 3 s at most; asks again and again. */
static int becomes(const char *name, const char *want)
{
    int i;

    for (i = 0; i < 300; i++) {
        if (!strcmp(at_once(name), want)) {
            return 1;
        }
        apr_sleep(10000);
    }
    diag("%s is still %s", name, at_once(name));
    return 0;
}

/* --- tests ------------------------------------------------------------- */

static const char *text_of(const gw_addrset *set, int i, int port)
{
    static char text[256];

    gw_addr_text(&set->addrs[i], port, text, sizeof(text));
    return text;
}

static void test_basic(void)
{
    gw_resolver_params p = test_params();

    zone(&dns, "one.test", "192.0.2.1", 300, 0);
    zone(&dns, "six.test", "2001:db8::6", 300, 0);
    zone(&dns, "many.test", "192.0.2.1 192.0.2.2 192.0.2.3", 300, 0);
    zone(&dns, "both.test", "192.0.2.1 2001:db8::6", 300, 0);
    zone(&dns, "warm.test", "192.0.2.9", 300, 0);
    start(&p);
    is_str(resolve("one.test"), "192.0.2.1", "an A record");
    is_str(at_once("one.test"), "192.0.2.1", "then from the cache");
    is_str(at_once("ONE.Test"), "192.0.2.1", "in any case of letters");
    is_int(asked(&dns, "one.test"), 1, "one question");
    is_str(resolve("six.test"), "2001:db8::6", "an AAAA record");
    ok(strlen(resolve("many.test")) == strlen("192.0.2.1, ") * 3 - 2,
       "three addresses");
    ok(strstr(resolve("both.test"), "192.0.2.1")
       && strstr(resolve("both.test"), "2001:db8::6"), "both families");
    is_str(at_once("warm.test"), "eagain", "nothing yet without a waker");
    ok(becomes("warm.test", "192.0.2.9"), "but the cache gets warm");
    is_str(resolve("10.1.2.3"), "10.1.2.3", "a literal needs no lookup");
    gw_resolver_destroy(&resolver);
    ok(!resolver, "destroyed");
}

static void test_names(void)
{
    gw_resolver_params p = test_params();
    char name[400];

    start(&p);
    memset(name, 'a', sizeof(name));
    name[399] = '\0';
    is_str(at_once(""), "enoent", "an empty name");
    is_str(at_once(name), "enoent", "a name too long");
    is_str(at_once("a b"), "enoent", "a name with a space");
    is_str(at_once("a\nb"), "enoent", "a name with a control byte");
    name[200] = '\0';
    is_str(resolve(name), "enoent", "a label too long");
    is_str(resolve("a..b"), "enoent", "an empty label");
    gw_resolver_destroy(&resolver);
}

static void test_ttl(void)
{
    gw_resolver_params p = test_params();

    p.ttl_max = GW_MSEC(80);
    zone(&dns, "move.test", "192.0.2.1", 300, 0);
    zone(&dns, "zero.test", "192.0.2.1", 0, 0);
    start(&p);
    is_str(resolve("move.test"), "192.0.2.1", "before it moves");
    zone(&dns, "move.test", "192.0.2.2", 300, 0);
    is_str(at_once("move.test"), "192.0.2.1", "within the TTL as before");
    is_int(asked(&dns, "move.test"), 1, "without a question");
    apr_sleep(100000);
    behave(&dns, 0, 50);
    is_str(at_once("move.test"), "192.0.2.1",
           "after the TTL the old answer at once");
    ok(becomes("move.test", "192.0.2.2"), "and the new one behind it");
    is_int(asked(&dns, "move.test"), 2, "for one more question");
    behave(&dns, 0, 0);
    gw_resolver_destroy(&resolver);

    p.ttl_min = GW_MSEC(50);
    start(&p);
    is_str(resolve("zero.test"), "192.0.2.1", "a TTL of 0");
    (void)at_once("zero.test");
    is_int(asked(&dns, "zero.test"), 1, "is raised to the least");
    apr_sleep(60000);
    (void)at_once("zero.test");
    apr_sleep(50000);
    is_int(asked(&dns, "zero.test"), 2, "and not taken for a hosts answer");
    gw_resolver_destroy(&resolver);
}

static void test_stale(void)
{
    gw_resolver_params p = test_params();

    p.ttl_max = GW_MSEC(20);
    p.stale_max = GW_MSEC(40);
    p.timeout = GW_MSEC(60);
    zone(&dns, "rare.test", "192.0.2.1", 300, 0);
    start(&p);
    is_str(resolve("rare.test"), "192.0.2.1", "a name rarely used");
    zone(&dns, "rare.test", "192.0.2.2", 300, 0);
    apr_sleep(80000);
    is_str(resolve("rare.test"), "192.0.2.2", "too old: waits for the new");
    apr_sleep(80000);
    behave(&dns, 1, 0);
    is_str(at_once("rare.test"), "eagain", "too old again, server dead");
    is_str(expired("rare.test"), "192.0.2.2", "the old one in a hurry");
    is_str(expired("never.test"), "timeup", "there may be none");
    is_str(resolve("rare.test"), "192.0.2.2", "the old one in the end");
    apr_sleep(200000);
    is_str(at_once("rare.test"), "192.0.2.2", "and at once from then on");
    behave(&dns, 0, 0);
    gw_resolver_destroy(&resolver);
}

#define JOINED 10

static void test_joined(void)
{
    gw_resolver_params p = test_params();
    gw_lookup *lookups[JOINED];
    gw_addrset *set = NULL;
    test_waker w, other;
    int i, good = 0;

    /* no question is repeated because the machine paused */
    p.timeout = GW_SEC(10);
    zone(&dns, "slow.test", "192.0.2.1", 300, 0);
    behave(&dns, 0, 40);
    start(&p);
    waker_init(&w);
    waker_init(&other);
    for (i = 0; i < JOINED; i++) {
        is_int(gw_resolve(resolver, "slow.test", i ? &w.waker : &other.waker,
                          &set, &lookups[i]), APR_EAGAIN, "pending");
    }
    is_int(gw_lookup_result(&lookups[5], &set), APR_EAGAIN, "not done yet");
    ok(w.armed == JOINED - 1 && other.armed == 1, "wakers were armed");
    gw_lookup_cancel(&lookups[0]);
    ok(!lookups[0], "one is cancelled");
    ok(waker_await(&w, JOINED - 1), "the others are woken");
    for (i = 1; i < JOINED; i++) {
        good += gw_lookup_result(&lookups[i], &set) == APR_SUCCESS
            && set->n == 1 && !lookups[i];
        gw_addrset_release(&set);
    }
    is_int(good, JOINED - 1, "all with the answer");
    is_int(asked(&dns, "slow.test"), 1, "of one question");
    apr_sleep(20000);
    is_int(waker_woken(&other), 0, "the cancelled one was never woken");

    (void)gw_resolve(resolver, "nope.test", &w.waker, &set, &lookups[0]);
    ok(waker_await(&w, JOINED), "another ends");
    gw_lookup_cancel(&lookups[0]);
    gw_lookup_cancel(&lookups[0]);
    ok(!lookups[0], "a finished lookup can be cancelled, twice even");
    behave(&dns, 0, 0);
    gw_resolver_destroy(&resolver);
}

static void test_negative(void)
{
    gw_resolver_params p = test_params();
    int calls = sys_calls();

    zone(&dns, "gone.test", NULL, 0, NXDOMAIN);
    zone(&dns, "empty.test", NULL, 0, 0);
    zone(&dns, "printer.local", NULL, 0, NXDOMAIN);
    start(&p);
    is_str(resolve("gone.test"), "enoent", "a name that is not there");
    is_int(sys_calls() - calls, 1, "confirmed by getaddrinfo");
    is_str(at_once("gone.test"), "enoent", "stays so for a while");
    is_int(asked(&dns, "gone.test"), 1, "without another question");
    is_int(sys_calls() - calls, 1, "or confirmation");
    zone(&dns, "gone.test", "192.0.2.1", 300, 0);
    apr_sleep(120000);
    is_str(resolve("gone.test"), "192.0.2.1", "asked for again later");
    is_str(resolve("empty.test"), "enoent", "a name without addresses");
    is_int(sys_calls() - calls, 2, "confirmed too");
    is_str(resolve("printer.local"), "192.0.2.77",
           "a name that only getaddrinfo knows");
    is_str(at_once("printer.local"), "192.0.2.77", "is cached");
    is_int(sys_calls() - calls, 3, "after one call");
    gw_resolver_destroy(&resolver);
}

static void test_hosts(void)
{
    gw_resolver_params p = test_params();
    int before = asked(&dns, "one.test");

    write_file(hosts_path, "127.0.0.1 localhost\n192.0.2.50 only.hosts "
               "Alias.hosts\n2001:db8::50 only.hosts\n"
               "192.0.2.51 one.test\n");
    start(&p);
    ok(strstr(resolve("only.hosts"), "192.0.2.50")
       && strstr(resolve("only.hosts"), "2001:db8::50"),
       "a name of the hosts file, both families");
    is_str(resolve("alias.hosts"), "192.0.2.50", "an alias");
    is_str(resolve("one.test"), "192.0.2.51", "goes before DNS");
    is_int(asked(&dns, "one.test"), before, "which is not asked");
    is_str(resolve("localhost"), "127.0.0.1", "localhost");
    is_str(resolve("new.hosts"), "enoent", "a name not in it");

    write_file(hosts_path, "192.0.2.60 only.hosts\n192.0.2.61 new.hosts\n");
    ok(becomes("only.hosts", "192.0.2.60"), "the file changes: new address");
    is_str(resolve("new.hosts"), "192.0.2.61", "and new name");
    gw_resolver_destroy(&resolver);
    write_file(hosts_path, "");
}

static void test_dead(void)
{
    gw_resolver_params p = test_params();
    int last, again;

    p.ttl_max = GW_MSEC(30);
    p.negative_ttl = GW_MSEC(30);
    p.timeout = GW_MSEC(60);
    zone(&dns, "keep.test", "192.0.2.1", 300, 0);
    start(&p);
    last = logged(&log_last_answer);
    again = logged(&log_again);
    is_str(resolve("keep.test"), "192.0.2.1", "while the server lives");
    behave(&dns, 1, 0);
    apr_sleep(40000);
    is_str(at_once("keep.test"), "192.0.2.1", "dead: the last answer");
    apr_sleep(100000);
    is_str(at_once("keep.test"), "192.0.2.1", "goes on");
    apr_sleep(200000);
    is_str(at_once("keep.test"), "192.0.2.1", "and on");
    is_int(logged(&log_last_answer) - last, 1, "logged once");
    is_str(resolve("never.test"), "timeup", "a new name fails");
    is_str(at_once("never.test"), "timeup", "for a while");
    behave(&dns, 0, 0);
    zone(&dns, "keep.test", "192.0.2.2", 300, 0);
    ok(becomes("keep.test", "192.0.2.2"), "alive again: a new answer");
    is_int(logged(&log_again) - again, 1, "logged too");
    zone(&dns, "keep.test", NULL, 0, SERVFAIL);
    apr_sleep(40000);
    (void)at_once("keep.test");
    apr_sleep(100000);
    is_str(at_once("keep.test"), "192.0.2.2", "kept over SERVFAIL");
    zone(&dns, "keep.test", NULL, 0, NXDOMAIN);
    (void)at_once("keep.test");
    apr_sleep(100000);
    is_str(at_once("keep.test"), "192.0.2.2", "kept over NXDOMAIN");
    is_int(logged(&log_last_answer) - last, 2, "logged once more");
    gw_resolver_destroy(&resolver);
}

/* Its answers come while the queries are moved from channel to channel. */
static void test_resolv_conf(void)
{
    gw_resolver_params p = test_params();
    gw_lookup *lookup = NULL;
    gw_addrset *set = NULL;
    test_waker w;
    server second;

    server_start(&second);
    zone(&second, "moved.test", "192.0.2.99", 300, 0);
    zone(&dns, "moved.test", "192.0.2.1", 300, 0);
    p.timeout = GW_SEC(5);
    behave(&dns, 1, 0);
    start(&p);
    waker_init(&w);
    is_int(gw_resolve(resolver, "moved.test", &w.waker, &set, &lookup),
           APR_EAGAIN, "the first server is silent");
    apr_sleep(20000);
    write_resolv(&second);
    ok(waker_await(&w, 1), "the question goes to the second");
    is_int(gw_lookup_result(&lookup, &set), APR_SUCCESS, "which answers");
    is_str(text_of(set, 0, 1), "192.0.2.99:1", "with its address");
    gw_addrset_release(&set);
    is_int(asked(&second, "moved.test"), 1, "after one question");
    behave(&dns, 0, 0);
    gw_resolver_destroy(&resolver);
    server_stop(&second);
    write_resolv(&dns);
}

static int entries(void)
{
    int n;

    pthread_mutex_lock(&resolver->lock);
    n = gw_names_count(resolver->names);
    pthread_mutex_unlock(&resolver->lock);
    return n;
}

static void test_bound(void)
{
    gw_resolver_params p = test_params();
    gw_lookup *lookups[4];
    gw_addrset *set = NULL;
    test_waker w;
    char name[32];
    int i, before, most = 0;

    p.entries_max = 4;
    start(&p);
    for (i = 0; i < 12; i++) {
        apr_snprintf(name, sizeof(name), "n%d.test", i);
        zone(&dns, name, "192.0.2.1", 300, 0);
        (void)resolve(name);
        (void)at_once("n0.test");
        most = entries() > most ? entries() : most;
    }
    is_int(most, 4, "no more names than allowed");
    is_int(asked(&dns, "n0.test"), 1, "the one in use stayed");
    (void)resolve("n1.test");
    is_int(asked(&dns, "n1.test"), 2, "the oldest had gone");

    behave(&dns, 1, 0);
    waker_init(&w);
    for (i = 0; i < 4; i++) {
        apr_snprintf(name, sizeof(name), "busy%d.test", i);
        is_int(gw_resolve(resolver, name, &w.waker, &set, &lookups[i]),
               APR_EAGAIN, "%s is asked for", name);
    }
    before = logged(&log_warnings);
    is_str(resolve("one.test"), "egeneral", "none of them makes room");
    is_str(resolve("two.test"), "egeneral", "nor for another");
    is_int(logged(&log_warnings) - before, 1, "logged once");
    for (i = 0; i < 4; i++) {
        gw_lookup_cancel(&lookups[i]);
    }
    behave(&dns, 0, 0);
    gw_resolver_destroy(&resolver);
}

static gw_time since(gw_time start)
{
    return (gw_now() - start) / 1000;
}

static void test_timeout(void)
{
    gw_resolver_params p = test_params();
    gw_time started;
    char text[128];

    p.timeout = GW_MSEC(150);
    behave(&dns, 1, 0);
    start(&p);
    started = gw_now();
    is_str(resolve("one.test"), "timeup", "a silent server");
    ok(since(started) >= 60 && since(started) < 1000,
       "in about the time given (%d ms)", (int)since(started));
    behave(&dns, 0, 0);
    gw_resolver_destroy(&resolver);

    write_file(resolv_path, "nameserver 127.0.0.1:9\n");
    start(&p);
    is_str(resolve("one.test"), "egeneral", "no server there");
    is_str(resolve("printer.local"), "192.0.2.77",
           "other sources are asked then");
    gw_resolver_destroy(&resolver);

    apr_snprintf(text, sizeof(text), "nameserver [::1]:9\n"
                 "nameserver 127.0.0.1:9\nnameserver 127.0.0.1:%d # third\n",
                 dns.port);
    write_file(resolv_path, text);
    start(&p);
    is_str(resolve("one.test"), "192.0.2.1", "dead servers are passed over");
    gw_resolver_destroy(&resolver);
    write_file(resolv_path, "nameserver junk\n");
    ok(gw_resolver_create(pool, &p, &resolver) != APR_SUCCESS && !resolver,
       "a server that is no address is refused");
    write_resolv(&dns);
}

static void test_destroy(void)
{
    gw_resolver_params p = test_params();
    gw_lookup *a = NULL, *b = NULL, *c = NULL;
    gw_addrset *set = NULL;
    test_waker w, woken_cancelled;
    gw_time started;

    zone(&dns, "one.test", "192.0.2.1", 300, 0);
    p.timeout = GW_SEC(10);
    start(&p);
    waker_init(&w);
    waker_init(&woken_cancelled);
    (void)resolve("one.test");
    behave(&dns, 1, 0);
    (void)gw_resolve(resolver, "a.test", &w.waker, &set, &a);
    (void)gw_resolve(resolver, "b.test", &w.waker, &set, &b);
    (void)gw_resolve(resolver, "b.test", &woken_cancelled.waker, &set, &c);
    gw_lookup_cancel(&c);
    apr_sleep(10000);
    started = gw_now();
    gw_resolver_destroy(&resolver);
    ok(since(started) < 100, "destroyed promptly (%d ms)",
       (int)since(started));
    is_int(waker_woken(&w), 2, "those who waited are woken");
    is_int(waker_woken(&woken_cancelled), 0, "one who had left is not");
    is_int(gw_lookup_result(&a, &set), APR_EGENERAL, "without an answer");
    ok(!a && !set, "the lookup is over");
    gw_lookup_cancel(&b);
    ok(!b, "another is cancelled after the end");
    behave(&dns, 0, 0);
}

static void test_hang(void)
{
    gw_resolver_params p = test_params();
    gw_lookup *lookups[6];
    gw_addrset *set = NULL;
    test_waker w;
    gw_time started;
    char name[32];
    int i;

    p.timeout = GW_MSEC(300);
    start(&p);
    waker_init(&w);
    for (i = 0; i < 6; i++) {
        apr_snprintf(name, sizeof(name), "hang%d.test", i);
        (void)gw_resolve(resolver, name, &w.waker, &set, &lookups[i]);
    }
    sys_await_hanging(GW_CONFIRM_MAX);
    apr_sleep(30000);
    is_int(sys_hanging(), GW_CONFIRM_MAX, "no more hang in getaddrinfo");
    is_str(resolve("one.test"), "192.0.2.1", "other names go on");
    ok(waker_await(&w, 6), "lookups end in time all the same");
    for (i = 0; i < 6; i++) {
        is_int(gw_lookup_result(&lookups[i], &set), APR_ENOENT,
               "as DNS had it");
    }
    started = gw_now();
    gw_resolver_destroy(&resolver);
    ok(since(started) < 200, "destroyed promptly (%d ms)",
       (int)since(started));
    sys_let_go(1);
    sys_await_hanging(0);
    apr_sleep(20000);
    sys_let_go(0);
}

static pthread_mutex_t tick_lock = PTHREAD_MUTEX_INITIALIZER;

static void count_tick(void *baton)
{
    pthread_mutex_lock(&tick_lock);
    ++*(int *)baton;
    pthread_mutex_unlock(&tick_lock);
}

static void test_tick(void)
{
    gw_resolver_params p = test_params();
    int ticks = 0;

    p.tick = count_tick;
    p.baton = &ticks;
    start(&p);
    apr_sleep(1150000);
    gw_resolver_destroy(&resolver);
    is_int(ticks, 1, "one tick in about a second");
}

/* --- many threads ------------------------------------------------------ */

#define HAMMERS 8
#define HAMMER_ROUNDS 1500

static void hammer_once(unsigned int *seed, test_waker *w, int *bad)
{
    gw_lookup *lookup = NULL;
    gw_addrset *set = NULL;
    char name[32];
    apr_status_t rv;
    int before = waker_woken(w);

    apr_snprintf(name, sizeof(name), "n%d.test", rand_r(seed) % 14);
    rv = gw_resolve(resolver, name, &w->waker, &set, &lookup);
    if (rv == APR_EAGAIN) {
        if (rand_r(seed) % 4 == 0) {
            gw_lookup_cancel(&lookup);
            return;
        }
        if (!waker_await(w, before + 1)) {
            ++*bad;
            gw_lookup_cancel(&lookup);
            return;
        }
        rv = gw_lookup_result(&lookup, &set);
    }
    /* n12 and n13 do not exist; the cache is smaller than the zone */
    if (rv == APR_SUCCESS ? set->n != 1
        : rv != APR_ENOENT && rv != APR_EGENERAL && rv != APR_TIMEUP) {
        ++*bad;
    }
    gw_addrset_release(&set);
}

typedef struct hammerer hammerer;
struct hammerer {
    pthread_t thread;
    unsigned int seed;
    int bad;
};

static void *hammer(void *arg)
{
    hammerer *h = arg;
    test_waker w;
    int i;

    for (i = 0; i < HAMMER_ROUNDS; i++) {
        waker_init(&w);
        hammer_once(&h->seed, &w, &h->bad);
    }
    return NULL;
}

static void test_hammer(void)
{
    gw_resolver_params p = test_params();
    hammerer hammerers[HAMMERS];
    int i, bad = 0;

    p.ttl_max = GW_MSEC(2);
    p.negative_ttl = GW_MSEC(2);
    p.entries_max = 10;
    start(&p);
    for (i = 0; i < HAMMERS; i++) {
        hammerers[i].seed = (unsigned int)i + 1;
        hammerers[i].bad = 0;
        pthread_create(&hammerers[i].thread, NULL, hammer, &hammerers[i]);
    }
    for (i = 0; i < HAMMERS; i++) {
        pthread_join(hammerers[i].thread, NULL);
        bad += hammerers[i].bad;
    }
    is_int(bad, 0, "%d threads, %d lookups each: every one ended well",
       HAMMERS, HAMMER_ROUNDS);
    ok(entries() <= 10, "the cache stayed in its bound");
    gw_resolver_destroy(&resolver);
}

int main(void)
{
    char dir[] = "/tmp/gw_resolve_test.XXXXXX";

    apr_initialize();
    apr_pool_create(&pool, NULL);
    gw_log_default(&test_logger);
    if (!mkdtemp(dir)) {
        plan_skip_all("no temporary directory");
    }
    apr_snprintf(resolv_path, sizeof(resolv_path), "%s/resolv.conf", dir);
    apr_snprintf(hosts_path, sizeof(hosts_path), "%s/hosts", dir);
    mdns_sin.sin_family = AF_INET;
    mdns_sin.sin_addr.s_addr = inet_addr("192.0.2.77");
    mdns_info.ai_family = AF_INET;
    mdns_info.ai_addr = (struct sockaddr *)&mdns_sin;
    mdns_info.ai_addrlen = sizeof(mdns_sin);
    server_start(&dns);
    write_resolv(&dns);
    write_file(hosts_path, "");

    test_basic();
    test_names();
    test_ttl();
    test_stale();
    test_joined();
    test_negative();
    test_hosts();
    test_dead();
    test_resolv_conf();
    test_bound();
    test_timeout();
    test_destroy();
    test_hang();
    test_tick();
    test_hammer();

    server_stop(&dns);
    unlink(resolv_path);
    unlink(hosts_path);
    rmdir(dir);
    apr_pool_destroy(pool);
    return done_testing();
}
