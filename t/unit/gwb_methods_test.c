/**
 * The balancing methods: shares by weight and in slow starts, load, the
 * hash's stability, and that each finds the only usable member of many.
 */
#include <math.h>
#include <pthread.h>

#include <apr_general.h>

#include "gwb_average.h"
#include "gwb_fake.h"
#include "tap.h"

#define KEYS 20000

static const char *const methods[] = {
    "byrequests", "bytraffic", "bybusyness", "leasttime", "hash", "random"
};
#define METHODS (sizeof(methods) / sizeof(*methods))

/** |got - want| as part of want. */
static double off(double got, double want)
{
    return fabs(got - want) / want;
}

static void set_weights(cluster *c, const unsigned *weights)
{
    unsigned i;

    for (i = 0; i < c->n; i++) {
        c->records[i].weight = weights[i];
    }
}

/** Largest deviation of the counts from the weights, as part of each. */
static double deviation(const cluster *c, const unsigned *counts)
{
    double most = 0;
    double weights = 0;
    double all = 0;
    unsigned i;

    for (i = 0; i < c->n; i++) {
        weights += c->records[i].weight;
        all += counts[i];
    }
    for (i = 0; i < c->n; i++) {
        double d = off(counts[i], all * c->records[i].weight / weights);

        most = d > most ? d : most;
    }
    return most;
}

static void test_table(void)
{
    unsigned m;

    for (m = 0; m < METHODS; m++) {
        ok(gwb_method_find(methods[m]) == gwb_methods[m].ops, "%s is there",
           methods[m]);
    }
    ok(gwb_methods[METHODS].name == NULL, "and no more");
    ok(gwb_method_find("heartbeat") == NULL, "another is not");
    /* fixed for ever: all machines must agree, also across versions */
    ok(gwb_hash("http://m1", 9) == APR_UINT64_C(0x779880c2c2168e4a),
       "a known hash");
    ok(gwb_hash("", 0) == APR_UINT64_C(0xf52a15e9a9b5e89b), "of nothing");
}

/* -- shares --------------------------------------------------------------- */

static void test_equal(void)
{
    unsigned counts[5];
    unsigned m;

    for (m = 0; m < METHODS; m++) {
        cluster c;

        fake_init(&c, 5);
        fake_build(&c, methods[m]);
        is_int(fake_count(&c, 50000, counts), 0, "%s: all picked",
               methods[m]);
        ok(deviation(&c, counts) < (strcmp(methods[m], "hash") ? 0.04 : 0.25),
           "%s: equal shares within %.3f", methods[m],
           deviation(&c, counts));
        fake_free(&c);
    }
}

static void test_weights(void)
{
    static const unsigned weights[] = { 100, 200, 350, 1000 };
    static const char *const by[] = { "byrequests", "bybusyness",
                                      "bytraffic", "random" };
    unsigned counts[4];
    unsigned m;

    for (m = 0; m < 4; m++) {
        cluster c;

        fake_init(&c, 4);
        set_weights(&c, weights);
        fake_build(&c, by[m]);
        fake_count(&c, 66000, counts);
        ok(deviation(&c, counts) < (m ? 0.05 : 0.001),
           "%s: shares by weight within %.4f", by[m], deviation(&c, counts));
        fake_free(&c);
    }
}

static void test_smooth(void)
{
    static const unsigned weights[] = { 500, 100, 100 };
    cluster c;
    int last[7];
    unsigned i;
    unsigned run = 0;
    unsigned longest = 0;
    unsigned same = 0;

    fake_init(&c, 3);
    set_weights(&c, weights);
    fake_build(&c, "byrequests");
    for (i = 0; i < 7 * 50; i++) {
        int at = fake_pick(&c);

        run = i && at == last[(i - 1) % 7] ? run + 1 : 1;
        longest = run > longest ? run : longest;
        same += i >= 7 && at == last[i % 7];
        last[i % 7] = at;
    }
    ok(longest <= 4, "5 1 1: never more than 4 in a row, %u", longest);
    is_int(same, 7 * 49, "the same turns again and again");
    fake_free(&c);

    fake_init(&c, 2);
    fake_build(&c, "byrequests");
    last[0] = fake_pick(&c);
    for (i = 0, same = 0; i < 100; i++) {
        last[1] = fake_pick(&c);
        same += last[1] == last[0];
        last[0] = last[1];
    }
    is_int(same, 0, "two equal ones take turns");
    fake_free(&c);
}

/** Eight children of one server, each with its own table. */
static void test_server_wide(void)
{
    static const unsigned weights[] = { 100, 300, 150, 1234, 777 };
    unsigned total[5] = { 0 };
    unsigned firsts[5] = { 0 };
    cluster c;
    unsigned child;
    unsigned i;

    fake_init(&c, 5);
    set_weights(&c, weights);
    for (child = 0; child < 8; child++) {
        unsigned counts[5];

        fake_build(&c, "byrequests");
        fake_count(&c, 3000 + 777 * child, counts);
        for (i = 0; i < 5; i++) {
            total[i] += counts[i];
        }
    }
    ok(deviation(&c, total) < 0.02, "shares over 8 children within %.4f",
       deviation(&c, total));
    for (i = 0; i < 5; i++) {
        c.records[i].weight = 100;
    }
    for (child = 0; child < 1000; child++) {
        fake_build(&c, "byrequests");
        firsts[fake_pick(&c)]++;
    }
    ok(deviation(&c, firsts) < 0.25, "children begin anywhere: %.3f",
       deviation(&c, firsts));
    fake_free(&c);
}

static void test_long_schedules(void)
{
    unsigned counts[1000];
    cluster c;
    unsigned i;

    /* too many different weights for a schedule */
    fake_init(&c, 1000);
    for (i = 0; i < 1000; i++) {
        c.records[i].weight = 1000 + i * 7;
    }
    fake_build(&c, "byrequests");
    fake_count(&c, 2000000, counts);
    ok(deviation(&c, counts) < 0.02, "1000 weights: shares within %.4f",
       deviation(&c, counts));
    fake_free(&c);
}

static void test_one_down(void)
{
    static const char *const by[] = { "byrequests", "random", "bybusyness" };
    unsigned counts[4];
    unsigned m;

    for (m = 0; m < 3; m++) {
        cluster c;
        double d;

        fake_init(&c, 4);
        fake_build(&c, by[m]);
        c.records[1].flags = GWB_DISABLED;
        fake_count(&c, 30000, counts);
        is_int(counts[1], 0, "%s: nothing for the one that is down", by[m]);
        counts[1] = 10000;
        d = deviation(&c, counts);
        ok(d < (m ? 0.05 : 0.02), "%s: the others share its part: %.4f",
           by[m], d);
        fake_free(&c);
    }
}

static void test_slow_start(void)
{
    unsigned counts[3];
    unsigned m;

    for (m = 0; m < METHODS; m++) {
        cluster c;
        double want = 30000.0 * 0.3 / 2.3;

        fake_init(&c, 3);
        gwb_health_slow_start(&c.records[0], c.now);
        c.now += GW_SEC(3);
        fake_build(&c, methods[m]);
        fake_count(&c, 30000, counts);
        if (strcmp(methods[m], "hash") == 0) {
            ok(off(counts[0], 10000) < 0.25, "hash: no slow start, %u",
               counts[0]);
        }
        else {
            ok(off(counts[0], want) < 0.12,
               "%s: %u in a slow start at 0.3, should be %.0f", methods[m],
               counts[0], want);
        }
        c.records[1].flags = c.records[2].flags = GWB_DISABLED;
        is_int(fake_count(&c, 200, counts), 0,
               "%s: the only one takes all, slow start or not", methods[m]);
        fake_free(&c);
    }
}

/** Under load a slow starter that is idle must not be flooded. */
static void test_slow_start_loaded(void)
{
    static const char *const by[] = { "bybusyness", "leasttime",
                                      "bytraffic" };
    unsigned counts[2];
    unsigned m;

    for (m = 0; m < 3; m++) {
        cluster c;

        fake_init(&c, 2);
        gwb_health_slow_start(&c.records[0], c.now);
        c.now += GW_SEC(1);
        c.targets[1].busy = 50;
        c.records[1].ttfb = GW_MSEC(20);
        c.records[1].traffic = 1000000;
        c.records[1].traffic_at = c.now;
        fake_build(&c, by[m]);
        fake_count(&c, 20000, counts);
        ok(counts[0] < 20000 / 4, "%s: idle at share 0.1 beside a busy one:"
           " %u of 20000", by[m], counts[0]);
        fake_free(&c);
    }
}

/* -- load ----------------------------------------------------------------- */

static void test_busy(void)
{
    static const unsigned weights[] = { 100, 100, 200, 400 };
    cluster c;
    unsigned i;
    double most = 0;

    fake_init(&c, 4);
    set_weights(&c, weights);
    fake_build(&c, "bybusyness");
    /* nothing ever ends */
    for (i = 0; i < 8000; i++) {
        c.targets[fake_pick(&c)].busy++;
    }
    for (i = 0; i < 4; i++) {
        double d = off(c.targets[i].busy, 8000.0 * weights[i] / 800);

        most = d > most ? d : most;
    }
    ok(most < 0.02, "bybusyness: in flight by weight within %.4f", most);
    c.targets[0].busy = 0;
    i = 0;
    while (fake_pick(&c) != 0 && i < 100) {
        i++;
    }
    ok(i < 60, "an idle one is found soon");
    fake_free(&c);
}

static void test_traffic(void)
{
    cluster c;
    unsigned i;
    double most = 0;
    apr_uint64_t all = 0;

    fake_init(&c, 3);
    c.records[2].weight = 200;
    fake_build(&c, "bytraffic");
    for (i = 0; i < 40000; i++) {
        int at = fake_pick(&c);
        apr_uint64_t bytes = gwb_random(&c.random) % (at ? 1000 : 5000);

        gwb_average_add_traffic(&c.records[at], bytes, c.now);
        c.records[at].sent += bytes;
        all += bytes;
        c.now += GW_MSEC(1);
    }
    for (i = 0; i < 3; i++) {
        double d = off((double)c.records[i].sent,
                       (double)all * c.records[i].weight / 400);

        most = d > most ? d : most;
    }
    ok(most < 0.05, "bytraffic: bytes by weight within %.4f, whatever the"
       " size of a request", most);
    fake_free(&c);
}

static void test_average(void)
{
    gwb_record rec;
    gw_time now = GW_SEC(1000);
    int i;

    memset(&rec, 0, sizeof(rec));
    gwb_average_add_traffic(&rec, 1000000, now);
    ok(off(gwb_average_traffic(&rec, now), 1000000) < 0.001, "all of it");
    ok(off(gwb_average_traffic(&rec, now + GW_SEC(10)), 500000) < 0.001,
       "half after 10 s");
    ok(off(gwb_average_traffic(&rec, now + GW_SEC(5)), 707107) < 0.01,
       "and in between");
    ok(off(gwb_average_traffic(&rec, now + GW_SEC(35)), 88388) < 0.01,
       "and later");
    ok(gwb_average_traffic(&rec, now + GW_SEC(100000)) < 1,
       "nothing in the end");
    ok(gwb_average_traffic(&rec, now - GW_SEC(10)) < 1000001,
       "a clock that went back does no harm");
    for (i = 0; i < 1000; i++) {
        now += GW_MSEC(10);
        gwb_average_add_traffic(&rec, 0, now);
    }
    ok(off(gwb_average_traffic(&rec, now), 500000) < 0.03,
       "the same in small steps: %.0f", gwb_average_traffic(&rec, now));
    gwb_average_add_ttfb(&rec, 8000);
    is_int(rec.ttfb, 8000, "first time to the first byte");
    gwb_average_add_ttfb(&rec, 16000);
    is_int(rec.ttfb, 9000, "an eighth of the way");
}

static void test_time(void)
{
    unsigned counts[3];
    cluster c;

    fake_init(&c, 3);
    fake_build(&c, "leasttime");
    c.records[0].ttfb = GW_MSEC(1);
    c.records[1].ttfb = GW_MSEC(10);
    c.records[2].ttfb = GW_MSEC(10);
    fake_count(&c, 9000, counts);
    ok(counts[0] > 5700, "leasttime: the fast one gets most, %u of 9000",
       counts[0]);
    ok(counts[1] > 100 && counts[2] > 100, "the slow ones get some");
    c.targets[0].busy = 30;
    fake_count(&c, 9000, counts);
    ok(counts[0] < 500, "the fast one is busy: %u of 9000", counts[0]);
    c.targets[0].busy = 0;
    c.records[0].ttfb = 0;
    fake_count(&c, 9000, counts);
    ok(off(counts[0], 3000) < 0.1, "unknown: as good as others, %u of 9000",
       counts[0]);
    fake_free(&c);

    fake_init(&c, 2);
    fake_build(&c, "leasttime");
    c.records[0].ttfb = GW_SEC(60);
    c.records[1].ttfb = GW_MSEC(1);
    fake_count(&c, 10000, counts);
    ok(counts[0] > 50, "a very slow one is looked at again: %u of 10000",
       counts[0]);
    fake_free(&c);
}

/* -- hash ----------------------------------------------------------------- */

/** The URL of each key's member. */
static void map_keys(cluster *c, const char **urls)
{
    unsigned k;

    for (k = 0; k < KEYS; k++) {
        gwb_want want = fake_want(c);
        char key[32];
        gwb_pick pick;

        apr_snprintf(key, sizeof(key), "user-%u", k);
        want.has_key = 1;
        want.key = gwb_hash(key, strlen(key));
        pick = gwb_select(c->table, &c->params, &want);
        urls[k] = pick.verdict == GWB_PICKED
                  ? c->table->members[pick.index].rec->url : "";
    }
}

static const char *before[KEYS];
static const char *after[KEYS];

/** Keys that moved; *pfrom: those whose member was `url`. */
static unsigned moved(const char *url, unsigned *pfrom)
{
    unsigned n = 0;
    unsigned k;

    *pfrom = 0;
    for (k = 0; k < KEYS; k++) {
        if (strcmp(before[k], after[k]) != 0) {
            n++;
            *pfrom += strcmp(before[k], url) == 0;
        }
    }
    return n;
}

static void test_hash_removal(unsigned n)
{
    cluster c;
    unsigned from;
    unsigned away;
    unsigned down;

    fake_init(&c, n);
    fake_build(&c, "hash");
    map_keys(&c, before);
    c.records[n / 2].flags = GWB_DISABLED;
    map_keys(&c, after);
    down = moved(c.records[n / 2].url, &from);
    is_int(down, from, "hash, %u members, one down: only its keys move", n);
    ok(down > 0 && off(down, (double)KEYS / n) < 0.5,
       "about 1/%u of them: %u of %u", n, down, KEYS);
    c.records[n / 2].used = 0;
    fake_build(&c, "hash");
    map_keys(&c, after);
    away = moved(c.records[n / 2].url, &from);
    is_int(away, from, "taken out of the table: only its keys move");
    is_int(away, down, "the same");
    c.records[n / 2].used = 1;
    c.records[n / 2].flags = 0;
    fake_build(&c, "hash");
    map_keys(&c, after);
    is_int(moved("", &from), 0, "back again: all as before");
    fake_free(&c);
}

static void test_hash_spread(void)
{
    unsigned counts[10] = { 0 };
    unsigned heirs[10] = { 0 };
    cluster c;
    unsigned k;
    unsigned most = 0;
    unsigned others = 0;

    fake_init(&c, 10);
    fake_build(&c, "hash");
    map_keys(&c, before);
    c.records[3].flags = GWB_DISABLED;
    map_keys(&c, after);
    for (k = 0; k < KEYS; k++) {
        counts[before[k][8] - '0']++;
        if (before[k][8] == '3') {
            heirs[after[k][8] - '0']++;
        }
    }
    ok(deviation(&c, counts) < 0.3, "keys are spread within %.3f",
       deviation(&c, counts));
    for (k = 0; k < 10; k++) {
        others += heirs[k] > 0;
        most = heirs[k] > most ? heirs[k] : most;
    }
    is_int(others, 9, "keys of the one that is down go to all others");
    ok(most < counts[3] / 3, "to none too many: %u of %u", most, counts[3]);
    fake_free(&c);
}

static void test_hash_weights(void)
{
    static const unsigned weights[] = { 100, 200, 300, 400 };
    unsigned counts[4];
    cluster c;
    unsigned from;
    unsigned all;

    fake_init(&c, 4);
    set_weights(&c, weights);
    fake_build(&c, "hash");
    fake_count(&c, 50000, counts);
    ok(deviation(&c, counts) < 0.25, "hash: shares by weight within %.3f",
       deviation(&c, counts));
    map_keys(&c, before);
    c.records[3].weight = 200;
    fake_build(&c, "hash");
    map_keys(&c, after);
    all = moved(c.records[3].url, &from);
    ok(from > 0, "less weight: keys move");
    is_int(all, from, "only its own");
    fake_free(&c);
}

/** Another machine: other order, other slots, other seed, other load. */
static void test_two_machines(void)
{
    cluster a;
    cluster b;
    unsigned i;
    unsigned from;

    fake_init(&a, 20);
    fake_init(&b, 20);
    b.random = 4711;
    for (i = 0; i < 20; i++) {
        apr_snprintf(b.records[i].url, GWB_URL_MAX, "http://m%u",
                     (i * 7 + 3) % 20);
        b.records[i].id = b.members[i].id = 500 + i;
    }
    fake_build(&a, "hash");
    fake_build(&b, "hash");
    map_keys(&a, before);
    map_keys(&b, after);
    is_int(moved("", &from), 0, "two machines agree on all keys");
    a.records[5].flags = GWB_DISABLED;
    for (i = 0; strcmp(b.records[i].url, "http://m5") != 0; i++) {
    }
    b.records[i].flags = GWB_DISABLED;
    map_keys(&a, before);
    map_keys(&b, after);
    is_int(moved("", &from), 0, "and when one is down");
    fake_free(&a);
    fake_free(&b);
}

static int always(void *baton, unsigned i)
{
    return 1;
}

static unsigned nothing(void *baton, unsigned i)
{
    return 0;
}

/** Points that meet: the order of configuration must not decide. */
static void test_hash_collision(void)
{
    gateway_lb_member one[] = { { "b", 5, 100 }, { "a", 5, 100 } };
    gateway_lb_member other[] = { { "a", 5, 100 }, { "b", 5, 100 } };
    const gateway_lbmethod *hash = gwb_method_find("hash");
    gateway_lb_now now;
    apr_pool_t *pool;
    void *left;
    void *right;
    int same = 0;

    apr_pool_create(&pool, NULL);
    memset(&now, 0, sizeof(now));
    now.usable = always;
    now.busy = nothing;
    now.has_key = 1;
    left = hash->build(pool, one, 2, 1);
    right = hash->build(pool, other, 2, 2);
    for (now.key = 0; now.key < 100; now.key++) {
        same += strcmp(one[hash->pick(left, 2, &now)].name,
                       other[hash->pick(right, 2, &now)].name) == 0;
    }
    is_int(same, 100, "names of one hash: machines agree all the same");
    apr_pool_destroy(pool);
}

static void test_hash_overflow(void)
{
    cluster c;
    unsigned i;
    unsigned most = 0;
    int home;
    gwb_want want;

    fake_init(&c, 10);
    fake_build(&c, "hash");
    want = fake_want(&c);
    want.has_key = 1;
    want.key = gwb_hash("hot", 3);
    home = fake_picked(&c, gwb_select(c.table, &c.params, &want));
    /* one key, nothing ever ends */
    for (i = 0; i < 1000; i++) {
        want.random = gwb_random(&c.random);
        c.targets[fake_picked(&c, gwb_select(c.table, &c.params,
                                             &want))].busy++;
    }
    for (i = 0; i < 10; i++) {
        most = c.targets[i].busy > most ? c.targets[i].busy : most;
    }
    ok(most >= 120 && most <= 130,
       "a hot key fills nobody beyond 1.25 times the mean: %u of 1000",
       most);
    is_int(most, c.targets[home].busy, "its own member has the most");
    for (i = 0; i < 10; i++) {
        c.targets[i].busy = 100;
    }
    for (i = 0; i < 20; i++) {
        gwb_select(c.table, &c.params, &want);
    }
    is_int(fake_picked(&c, gwb_select(c.table, &c.params, &want)), home,
           "equal load: its own member");
    fake_free(&c);
}

static void test_hash_without_key(void)
{
    unsigned counts[4];
    cluster c;

    fake_init(&c, 4);
    fake_build(&c, "hash");
    fake_count(&c, 20000, counts);
    ok(deviation(&c, counts) < 0.25, "requests without a key are spread");
    fake_free(&c);
}

/* -- many ----------------------------------------------------------------- */

static void test_needle(void)
{
    unsigned counts[1000];
    unsigned m;

    for (m = 0; m < METHODS; m++) {
        cluster c;
        unsigned i;

        fake_init(&c, 1000);
        fake_build(&c, methods[m]);
        for (i = 0; i < 1000; i++) {
            c.records[i].flags = i == 613 ? 0 : GWB_DISABLED;
        }
        is_int(fake_count(&c, 500, counts), 0,
               "%s: finds the only one of 1000", methods[m]);
        c.records[5].flags = 0;
        c.records[900].flags = 0;
        fake_count(&c, 3000, counts);
        ok(counts[5] && counts[613] && counts[900],
           "%s: each of three of 1000: %u %u %u", methods[m], counts[5],
           counts[613], counts[900]);
        c.records[5].flags = c.records[613].flags = c.records[900].flags
            = GWB_DISABLED;
        is_int(fake_pick(&c), -1, "%s: nobody of 1000", methods[m]);
        fake_free(&c);
    }
}

/* -- threads -------------------------------------------------------------- */

#define THREADS 4
#define PICKS   20000

static cluster shared;
static unsigned shared_counts[5];
static unsigned shared_lost;

static void *pick_many(void *baton)
{
    apr_uint64_t random = (apr_uint64_t)(size_t)baton;
    unsigned i;

    for (i = 0; i < PICKS; i++) {
        gwb_want want = { NULL, -1, 0, 0, 0, 0, NULL, 0 };
        gwb_pick pick;
        gwb_record *rec;

        want.random = gwb_random(&random);
        want.key = gwb_random(&random);
        want.has_key = 1;
        want.now = GW_SEC(1000) + GW_MSEC(i);
        pick = gwb_select(shared.table, &shared.params, &want);
        if (pick.verdict != GWB_PICKED) {
            __atomic_add_fetch(&shared_lost, 1, __ATOMIC_RELAXED);
            continue;
        }
        rec = shared.table->members[pick.index].rec;
        __atomic_add_fetch(&shared_counts[rec - shared.records], 1,
                           __ATOMIC_RELAXED);
        gwb_average_add_traffic(rec, 1000, want.now);
        gwb_average_add_ttfb(rec, GW_MSEC(5));
        gwb_add(&rec->elected, 1);
    }
    return NULL;
}

static void test_threads(void)
{
    unsigned m;

    for (m = 0; m < METHODS; m++) {
        pthread_t threads[THREADS];
        size_t i;

        fake_init(&shared, 5);
        memset(shared_counts, 0, sizeof(shared_counts));
        fake_build(&shared, methods[m]);
        for (i = 0; i < THREADS; i++) {
            pthread_create(&threads[i], NULL, pick_many, (void *)(i + 1));
        }
        for (i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
        }
        is_int(shared_lost, 0, "%s: %d threads always find one", methods[m],
               THREADS);
        ok(deviation(&shared, shared_counts)
           < (strcmp(methods[m], "byrequests") ? 0.25 : 0.0001),
           "%s: shares within %.4f", methods[m],
           deviation(&shared, shared_counts));
        fake_free(&shared);
    }
}

int main(void)
{
    apr_initialize();
    test_table();
    test_equal();
    test_weights();
    test_smooth();
    test_server_wide();
    test_long_schedules();
    test_one_down();
    test_slow_start();
    test_slow_start_loaded();
    test_busy();
    test_traffic();
    test_average();
    test_time();
    test_hash_removal(2);
    test_hash_removal(10);
    test_hash_removal(200);
    test_hash_spread();
    test_hash_weights();
    test_two_machines();
    test_hash_collision();
    test_hash_overflow();
    test_hash_without_key();
    test_needle();
    test_threads();
    return done_testing();
}
