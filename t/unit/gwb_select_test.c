/**
 * Who gets the next attempt: the order of sets, spares and standbys,
 * sessions, tried and full members, trials, recovery, and threads that pick
 * while records change.
 */
#include <pthread.h>

#include <apr_general.h>

#include "gwb_fake.h"
#include "tap.h"

#define PICKS 400

/** The members that get requests now, as letters of their indexes; "-" for
 * nobody, "full" when all are. */
static const char *who(cluster *c)
{
    static char text[64];
    int full = 0;
    int seen[32] = { 0 };
    char *t = text;
    unsigned i;

    for (i = 0; i < PICKS; i++) {
        int at = fake_pick(c);

        if (at >= 0) {
            seen[at] = 1;
        }
        full |= at == -2;
    }
    for (i = 0; i < c->n && i < 32; i++) {
        if (seen[i]) {
            *t++ = (char)('a' + i);
        }
    }
    *t = '\0';
    return t > text ? text : full ? "full" : "-";
}

static void check_fail(cluster *c, unsigned i)
{
    gwb_store(&c->records[i].check_failed, 1);
}

static void test_plain(void)
{
    cluster c;

    fake_init(&c, 0);
    fake_build(&c, "byrequests");
    is_str(who(&c), "-", "nobody there");
    fake_free(&c);

    fake_init(&c, 4);
    fake_build(&c, "byrequests");
    is_str(who(&c), "abcd", "all take part");
    c.records[0].flags = GWB_DISABLED;
    is_str(who(&c), "bcd", "D takes nothing");
    c.records[0].flags = GWB_STOPPED;
    is_str(who(&c), "bcd", "S takes nothing");
    c.records[0].flags = GWB_DRAINING;
    is_str(who(&c), "bcd", "N takes nothing without a session");
    c.records[0].flags = 0;
    check_fail(&c, 1);
    is_str(who(&c), "acd", "C takes nothing");
    fake_eject(&c, 2);
    is_str(who(&c), "ad", "ejected ones take nothing");
    c.records[2].flags = GWB_IGNORE;
    is_str(who(&c), "acd", "but with I");
    c.records[3].id = 999;
    is_str(who(&c), "ac", "a slot given to another member is not used");
    c.records[3].id = 103;
    c.records[3].used = 0;
    is_str(who(&c), "ac", "nor a free one");
    fake_free(&c);
}

static void test_lbsets(void)
{
    cluster c;

    fake_init(&c, 4);
    c.records[2].lbset = c.records[3].lbset = 1;
    fake_build(&c, "byrequests");
    is_str(who(&c), "ab", "the lower set alone");
    fake_eject(&c, 0);
    is_str(who(&c), "b", "as long as one of it works");
    check_fail(&c, 1);
    is_str(who(&c), "cd", "then the next");
    c.records[2].flags = c.records[3].flags = GWB_DISABLED;
    c.params.force_recovery = 0;
    is_str(who(&c), "-", "then nobody");
    fake_free(&c);
}

/** a b c normal, d e f spares, g standby; h standby of the next set. */
static void with_spares(cluster *c)
{
    fake_init(c, 8);
    c->records[3].flags = GWB_SPARE;
    c->records[4].flags = GWB_SPARE;
    c->records[5].flags = GWB_SPARE;
    c->records[6].flags = GWB_STANDBY;
    c->records[7].flags = GWB_STANDBY;
    c->records[7].lbset = 1;
    fake_build(c, "byrequests");
}

static void test_spares(void)
{
    cluster c;

    with_spares(&c);
    is_str(who(&c), "abc", "spares and standbys rest");
    fake_eject(&c, 0);
    is_str(who(&c), "bcd", "one spare for one ejected");
    c.records[1].flags = GWB_DRAINING;
    is_str(who(&c), "cde", "draining ones are replaced, too");
    c.records[3].flags |= GWB_DISABLED;
    is_str(who(&c), "cef", "an unusable spare takes nobody's place");
    check_fail(&c, 2);
    is_str(who(&c), "ef", "spares are enough without any normal one");
    c.records[4].flags |= GWB_STOPPED;
    c.records[5].flags |= GWB_STOPPED;
    is_str(who(&c), "g", "then the standby");
    c.records[6].flags |= GWB_STOPPED;
    is_str(who(&c), "h", "then the next set's, without normal ones");
    c.records[1].flags = 0;
    is_str(who(&c), "b", "a normal one is back: alone again");
    fake_free(&c);
}

static void test_half_open_spare(void)
{
    cluster c;

    with_spares(&c);
    fake_eject(&c, 0);
    c.now = c.records[0].ejected_until;
    is_str(who(&c), "abcd", "the spare stays until the trial succeeded");
    ok(c.records[0].trial_until > c.now, "which is under way");
    is_str(who(&c), "bcd", "once");
    gwb_health_success(&c.records[0], &c.health, c.now);
    is_str(who(&c), "abc", "then it rests");
    fake_free(&c);
}

static void test_many_spares(void)
{
    unsigned counts[300];
    cluster c;
    unsigned i;
    unsigned spares = 0;

    fake_init(&c, 300);
    for (i = 200; i < 300; i++) {
        c.records[i].flags = i < 299 ? GWB_SPARE : GWB_STANDBY;
    }
    fake_build(&c, "byrequests");
    fake_count(&c, 300, counts);
    for (i = 0; i < 50; i++) {
        c.records[i].flags = GWB_DISABLED;
    }
    c.now += GW_MSEC(1);
    is_int(fake_count(&c, 5000, counts), 0, "many members: all picked");
    for (i = 200; i < 299; i++) {
        spares += counts[i] > 0;
    }
    is_int(spares, 50, "50 spares for 50");
    is_int(counts[299], 0, "no standby");
    for (i = 0; i < 50; i++) {
        c.records[i].flags = 0;
    }
    c.now += GW_MSEC(1);
    fake_count(&c, 300, counts);
    for (i = 0; i < 200; i++) {
        c.records[i].flags = GWB_DISABLED;
    }
    /* in the same millisecond: the count that is kept says 0 */
    is_int(fake_count(&c, 500, counts), 0, "nobody lost by an old count");
    is_int(counts[299], 0, "nor is a standby used for a spare");
    fake_free(&c);
}

static void test_tried(void)
{
    cluster c;
    gwb_want want;

    with_spares(&c);
    fake_tried(&c, 0);
    is_str(who(&c), "bcd", "a spare for a tried one");
    fake_tried(&c, 1);
    fake_tried(&c, 2);
    is_str(who(&c), "def", "for this request");
    fake_tried(&c, 3);
    fake_tried(&c, 4);
    fake_tried(&c, 5);
    is_str(who(&c), "g", "then a standby");
    fake_tried(&c, 6);
    is_str(who(&c), "h", "then the next set");
    want = fake_want(&c);
    is_int(gwb_select_left(c.table, &c.params, &want), 1, "one is left");
    fake_tried(&c, 7);
    is_str(who(&c), "-", "never the same again");
    want = fake_want(&c);
    is_int(gwb_select_left(c.table, &c.params, &want), 0, "nobody is left");
    is_int(c.records[0].ejected_until, 0, "no reason to recover anybody");
    c.ntried = 0;
    want = fake_want(&c);
    is_int(gwb_select_left(c.table, &c.params, &want), GWB_LEFT_MAX,
           "others are left");
    fake_free(&c);
}

static void test_every_order(void)
{
    static const char *const methods[] = {
        "byrequests", "bytraffic", "bybusyness", "leasttime", "hash",
        "random"
    };
    unsigned m;

    for (m = 0; m < sizeof(methods) / sizeof(*methods); m++) {
        cluster c;
        unsigned requests;
        unsigned wrong = 0;

        fake_init(&c, 7);
        fake_build(&c, methods[m]);
        for (requests = 0; requests < 500; requests++) {
            unsigned seen = 0;
            int at;

            c.ntried = 0;
            while ((at = fake_pick(&c)) >= 0) {
                wrong += (seen >> at) & 1;
                seen |= 1u << at;
                fake_tried(&c, (unsigned)at);
            }
            wrong += seen != 0x7f;
        }
        is_int(wrong, 0, "%s: each member once, then nobody", methods[m]);
        fake_free(&c);
    }
}

static void test_full(void)
{
    cluster c;

    with_spares(&c);
    c.records[7].flags |= GWB_DISABLED;
    c.targets[0].max = c.targets[1].max = c.targets[2].max = 5;
    c.targets[0].busy = 5;
    is_str(who(&c), "bc", "full ones are skipped");
    c.targets[1].busy = 6;
    c.targets[2].busy = 4;
    is_str(who(&c), "c", "one has a place left");
    c.targets[2].busy = 5;
    is_str(who(&c), "full", "full is not sick: no spare, no standby");
    c.targets[1].busy = 4;
    is_str(who(&c), "b", "a place is free");
    fake_tried(&c, 1);
    is_str(who(&c), "d", "tried, its spare steps in");
    c.ntried = 0;
    c.targets[1].busy = 5;
    fake_eject(&c, 1);
    is_str(who(&c), "d", "one ejected, two full: a spare");
    c.targets[3].max = c.targets[3].busy = 1;
    is_str(who(&c), "full", "which may be full, too");
    c.records[7].flags = 0;
    fake_build(&c, "byrequests");
    is_str(who(&c), "h", "the next set before waiting");
    c.targets[7].max = c.targets[7].busy = 1;
    is_str(who(&c), "full", "and then waiting");
    c.params.busy = NULL;
    is_str(who(&c), "acd", "no limits at all");
    fake_free(&c);
}

/* -- sessions ------------------------------------------------------------- */

static gwb_pick routed_pick(cluster *c, const char *route)
{
    gwb_want want = fake_want(c);

    want.route = route;
    return gwb_select(c->table, &c->params, &want);
}

/** Where the session of a route goes, and whether that is a change. */
static const char *routed(cluster *c, const char *route)
{
    static char text[32];
    gwb_pick pick = routed_pick(c, route);
    int at = fake_picked(c, pick);

    if (at < 0) {
        return at == -2 ? "full" : "-";
    }
    apr_snprintf(text, sizeof(text), "%c%s", 'a' + at,
                 pick.route_changed ? " changed" : "");
    return text;
}

static void test_sticky(void)
{
    cluster c;
    int i;
    int right = 0;

    fake_init(&c, 6);
    c.records[4].flags = GWB_STANDBY;
    c.records[5].lbset = 3;
    fake_build(&c, "byrequests");
    for (i = 0; i < 20; i++) {
        right += strcmp(routed(&c, "r2"), "c") == 0;
    }
    is_int(right, 20, "a session stays");
    is_str(routed(&c, "r4"), "e", "with a standby as well");
    is_str(routed(&c, "r5"), "f", "and in another set");
    c.records[2].flags = GWB_DRAINING;
    is_str(routed(&c, "r2"), "c", "a draining member keeps its sessions");
    c.records[2].flags = GWB_DISABLED;
    ok(strstr(routed(&c, "r2"), "changed"), "a disabled one does not");
    c.records[2].flags = GWB_STOPPED;
    ok(strstr(routed(&c, "r2"), "changed"), "nor a stopped one");
    c.records[2].flags = 0;
    fake_tried(&c, 2);
    ok(strstr(routed(&c, "r2"), "changed"), "nor one that was tried");
    c.ntried = 0;
    ok(strstr(routed(&c, "unknown"), "changed"), "an unknown route changes");
    ok(!strstr(routed(&c, ""), "changed"), "an empty one is none");
    ok(!strstr(routed(&c, NULL), "changed"), "none is none");
    fake_free(&c);
}

static void test_redirect(void)
{
    cluster c;

    fake_init(&c, 5);
    apr_cpystrn(c.records[0].redirect, "r1", GWB_ROUTE_MAX);
    apr_cpystrn(c.records[1].redirect, "r2", GWB_ROUTE_MAX);
    apr_cpystrn(c.records[2].redirect, "r0", GWB_ROUTE_MAX);
    fake_build(&c, "byrequests");
    is_str(routed(&c, "r0"), "a", "usable: no redirect");
    fake_eject(&c, 0);
    is_str(routed(&c, "r0"), "b changed", "else there");
    fake_eject(&c, 1);
    is_str(routed(&c, "r0"), "c changed", "and on");
    fake_eject(&c, 2);
    ok(strpbrk(routed(&c, "r0"), "de"), "around the circle: anybody");
    c.params.no_failover = 1;
    is_str(routed(&c, "r0"), "-", "unless nofailover");
    is_str(routed(&c, "r3"), "d", "a usable one with nofailover");
    ok(strpbrk(routed(&c, "elsewhere"), "de"),
       "nofailover is for routes of this balancer");
    fake_free(&c);
}

static void test_shared_route(void)
{
    cluster c;

    fake_init(&c, 4);
    apr_cpystrn(c.records[3].route, "r1", GWB_ROUTE_MAX);
    fake_build(&c, "byrequests");
    is_str(routed(&c, "r1"), "b", "the first of two with one route");
    fake_eject(&c, 1);
    is_str(routed(&c, "r1"), "d", "the second is no change");
    fake_free(&c);
}

static void test_no_failover(void)
{
    cluster c;
    gwb_want want;

    fake_init(&c, 3);
    c.params.no_failover = 1;
    fake_build(&c, "byrequests");
    is_str(who(&c), "abc", "nofailover: others as ever");
    fake_eject(&c, 1);
    is_str(routed(&c, "r1"), "-", "ejected: no failover");
    gwb_health_clear(&c.records[1]);
    want = fake_want(&c);
    want.route = "r1";
    is_int(gwb_select_left(c.table, &c.params, &want), 1, "one could");
    fake_tried(&c, 1);
    want = fake_want(&c);
    want.route = "r1";
    is_int(gwb_select_left(c.table, &c.params, &want), 0,
           "nobody else could");
    is_str(routed(&c, "r1"), "-", "and nobody does");
    want.route = NULL;
    is_int(gwb_select_left(c.table, &c.params, &want), 2,
           "without a session they could");
    fake_free(&c);
}

static void test_sticky_full(void)
{
    cluster c;

    fake_init(&c, 3);
    apr_cpystrn(c.records[1].redirect, "r2", GWB_ROUTE_MAX);
    fake_build(&c, "byrequests");
    c.targets[1].max = c.targets[1].busy = 3;
    is_str(routed(&c, "r1"), "full", "a session waits for its member");
    c.targets[1].busy = 2;
    is_str(routed(&c, "r1"), "b", "until there is a place");
    fake_free(&c);
}

static void test_own_cookie(void)
{
    cluster c;
    gwb_want want;
    gwb_pick pick;

    fake_init(&c, 4);
    fake_build(&c, "byrequests");
    want = fake_want(&c);
    want.sticky_id = 102;
    pick = gwb_select(c.table, &c.params, &want);
    is_int(fake_picked(&c, pick), 2, "the member of the cookie");
    ok(!pick.route_changed, "is no change");
    fake_eject(&c, 2);
    pick = gwb_select(c.table, &c.params, &want);
    ok(fake_picked(&c, pick) >= 0 && fake_picked(&c, pick) != 2,
       "ejected: another one");
    ok(pick.route_changed, "is a change");
    c.params.no_failover = 1;
    pick = gwb_select(c.table, &c.params, &want);
    is_int(fake_picked(&c, pick), -1, "nofailover holds for it");
    want.sticky_id = 7;
    pick = gwb_select(c.table, &c.params, &want);
    ok(fake_picked(&c, pick) >= 0, "a member that is gone: anybody");
    fake_free(&c);
}

/* -- health --------------------------------------------------------------- */

static void test_trial(void)
{
    cluster c;
    unsigned counts[3];
    int trials = 0;
    int i;

    fake_init(&c, 3);
    fake_build(&c, "byrequests");
    fake_eject(&c, 1);
    is_str(who(&c), "ac", "ejected");
    c.now += GW_SEC(1);
    for (i = 0; i < 100; i++) {
        gwb_want want = fake_want(&c);
        gwb_pick pick = gwb_select(c.table, &c.params, &want);

        trials += pick.trial;
        is_int(pick.trial, fake_picked(&c, pick) == 1, "only it is a trial")
            || (i = 100);
    }
    is_int(trials, 1, "half open: one trial");
    is_int(gwb_health_success(&c.records[1], &c.health, c.now), 1, "passed");
    c.now += GW_SEC(5);
    fake_count(&c, 9000, counts);
    ok(counts[1] > 1600 && counts[1] < 2000,
       "half way through the slow start: %u of 9000", counts[1]);
    c.now += GW_SEC(6);
    fake_count(&c, 9000, counts);
    is_int(counts[1], 3000, "then its whole part");
    fake_free(&c);
}

static void test_recovery(void)
{
    cluster c;

    fake_init(&c, 3);
    fake_build(&c, "byrequests");
    fake_eject(&c, 0);
    fake_eject(&c, 1);
    fake_eject(&c, 2);
    c.params.force_recovery = 0;
    is_str(who(&c), "-", "all are ejected");
    c.params.force_recovery = 1;
    is_str(who(&c), "abc", "forcerecovery");
    is_int(gwb_health_state(&c.records[1], c.now), GWB_USABLE, "for all");
    fake_eject(&c, 0);
    fake_eject(&c, 1);
    fake_tried(&c, 2);
    is_str(who(&c), "-", "one works but was tried: no recovery");
    c.ntried = 0;
    c.targets[2].max = c.targets[2].busy = 1;
    is_str(who(&c), "full", "one works but is full: no recovery");
    c.targets[2].max = 0;
    fake_eject(&c, 2);
    c.params.no_failover = 1;
    is_str(routed(&c, "r1"), "b", "recovery for a session with nofailover");
    c.records[0].flags = c.records[1].flags = c.records[2].flags
        = GWB_DISABLED;
    is_str(who(&c), "-", "the administration's word counts");
    fake_free(&c);
}

static int fail_at(cluster *c, unsigned i)
{
    return gwb_select_failure(c->table, &c->params,
                              (unsigned)gwb_table_by_id(c->table,
                                                        c->records[i].id),
                              c->now);
}

static void test_last(void)
{
    cluster c;
    int i;
    int ejected = 0;

    fake_init(&c, 3);
    fake_build(&c, "byrequests");
    c.records[2].flags = GWB_DRAINING;
    for (i = 0; i < 3; i++) {
        ejected += fail_at(&c, 0);
    }
    is_int(ejected, 1, "one of two is ejected");
    for (i = 0; i < 30; i++) {
        ejected += fail_at(&c, 1);
    }
    is_int(ejected, 1, "the last usable one never, a draining one does not"
           " count");
    is_str(who(&c), "b", "it goes on");
    c.records[2].flags = 0;
    is_int(fail_at(&c, 1), 1, "when another one is back, it is");
    ok(gwb_select_is_last(c.table, &c.params, 2, c.now), "is_last");
    ok(!gwb_select_is_last(c.table, &c.params, 1, c.now), "not the ejected");
    fake_free(&c);
}

/** A third party's method that answers nonsense. */
static int answer;

static void *any_build(apr_pool_t *pool, const gateway_lb_member *members,
                       unsigned n, apr_uint64_t seed)
{
    return pool;
}

static int any_pick(void *table, unsigned n, const gateway_lb_now *now)
{
    return answer;
}

static void test_bad_method(void)
{
    static const gateway_lbmethod bad = { any_build, any_pick };
    cluster c;

    fake_init(&c, 3);
    c.table = gwb_table_build(c.members, 3, &bad, 1, 1);
    answer = 77;
    is_int(fake_pick(&c), -1, "an index out of range is nobody");
    answer = 1;
    is_int(fake_pick(&c), 1, "a good one is taken");
    c.records[1].flags = GWB_DISABLED;
    is_int(fake_pick(&c), 0, "an unusable one is replaced");
    fake_free(&c);
}

/* -- threads -------------------------------------------------------------- */

#define THREADS 6
#define ROUNDS  4000

static cluster shared;
static gwb_table *current;
static pthread_mutex_t current_lock = PTHREAD_MUTEX_INITIALIZER;
static int done;
static unsigned bad_picks;
static unsigned nobody;

static gwb_table *hold(void)
{
    gwb_table *table;

    pthread_mutex_lock(&current_lock);
    table = gwb_table_ref(current);
    pthread_mutex_unlock(&current_lock);
    return table;
}

/** Requests: pick, be busy, succeed or fail. */
static void *serve(void *baton)
{
    apr_uint64_t random = (apr_uint64_t)(size_t)baton;
    int round;

    for (round = 0; round < ROUNDS; round++) {
        gwb_table *table = hold();
        gwb_want want = { NULL, -1, 0, 0, 0, 0, NULL, 0 };
        gwb_pick pick;

        want.random = gwb_random(&random);
        want.key = gwb_random(&random);
        want.has_key = 1;
        want.now = GW_SEC(10) + GW_MSEC(round);
        want.route = round % 4 == 0 ? "r3" : NULL;
        pick = gwb_select(table, &shared.params, &want);
        if (pick.verdict == GWB_PICKED) {
            gwb_member *member = &table->members[pick.index];
            gateway_target *target = &shared.targets[member->id - 100];

            __atomic_add_fetch(&target->busy, 1, __ATOMIC_RELAXED);
            if (gwb_random(&random) % 3 == 0) {
                gwb_select_failure(table, &shared.params, pick.index,
                                   want.now);
            }
            else {
                gwb_health_success(member->rec, &shared.health, want.now);
            }
            __atomic_sub_fetch(&target->busy, 1, __ATOMIC_RELAXED);
        }
        else {
            __atomic_add_fetch(pick.verdict == GWB_NOBODY ? &nobody
                                                          : &bad_picks, 1,
                               __ATOMIC_RELAXED);
        }
        gwb_table_release(&table);
    }
    return NULL;
}

/** The administration: changes flags and builds new tables. */
static void *administer(void *baton)
{
    static const char *const methods[] = {
        "byrequests", "bytraffic", "bybusyness", "leasttime", "hash",
        "random"
    };
    apr_uint64_t random = 7;
    unsigned round = 0;

    while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
        unsigned i = 1 + gwb_random(&random) % (shared.n - 1);
        gwb_table *fresh;
        gwb_table *old;

        /* member 0 is left alone: somebody is always usable */
        gwb_store(&shared.records[i].flags, gwb_random(&random) % 64
                                            & ~(unsigned)GWB_IGNORE);
        gwb_store(&shared.records[i].weight,
                  100 + gwb_random(&random) % 900);
        gwb_store(&shared.records[i].check_failed,
                  gwb_random(&random) % 2);
        fresh = gwb_table_build(shared.members, shared.n,
                                gwb_method_find(methods[round % 6]), round,
                                gwb_random(&random));
        round++;
        pthread_mutex_lock(&current_lock);
        old = current;
        current = fresh;
        pthread_mutex_unlock(&current_lock);
        gwb_table_release(&old);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS + 1];
    size_t i;

    fake_init(&shared, 20);
    fake_build(&shared, "byrequests");
    current = gwb_table_ref(shared.table);
    for (i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, serve, (void *)(i + 1));
    }
    pthread_create(&threads[THREADS], NULL, administer, NULL);
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    __atomic_store_n(&done, 1, __ATOMIC_RELAXED);
    pthread_join(threads[THREADS], NULL);
    is_int(bad_picks, 0, "no limits: never full");
    /* the one that is left may be ejected again while we look at it */
    ok(nobody < THREADS * ROUNDS / 100, "hardly ever nobody: %u of %u",
       nobody, THREADS * ROUNDS);
    gwb_table_release(&current);
    fake_free(&shared);
}

/** Two members; all threads fail both at once, again and again. */
static void *fail_all(void *baton)
{
    cluster *c = baton;
    int round;

    for (round = 0; round < ROUNDS; round++) {
        gwb_select_failure(c->table, &c->params, round % 2, c->now);
    }
    return NULL;
}

static void test_last_threads(void)
{
    pthread_t threads[THREADS];
    cluster c;
    int i;

    fake_init(&c, 2);
    fake_build(&c, "random");
    for (i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, fail_all, &c);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    ok(gwb_health_state(&c.records[0], c.now) == GWB_USABLE
       || gwb_health_state(&c.records[1], c.now) == GWB_USABLE,
       "one of two is left, whoever fails when");
    fake_free(&c);
}

int main(void)
{
    apr_initialize();
    test_plain();
    test_lbsets();
    test_spares();
    test_half_open_spare();
    test_many_spares();
    test_tried();
    test_every_order();
    test_full();
    test_sticky();
    test_redirect();
    test_shared_route();
    test_no_failover();
    test_sticky_full();
    test_own_cookie();
    test_trial();
    test_recovery();
    test_last();
    test_bad_method();
    test_threads();
    test_last_threads();
    return done_testing();
}
