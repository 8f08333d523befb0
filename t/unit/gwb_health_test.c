/**
 * Passive health of a member: ejection, the trial, slow start, and that
 * threads agree on each of them.
 */
#include <pthread.h>

#include "gwb_fake.h"
#include "tap.h"

#define THREADS 8
#define ROUNDS  2000

static gwb_record fresh(void)
{
    gwb_record rec;

    memset(&rec, 0, sizeof(rec));
    rec.used = 1;
    rec.weight = 100;
    return rec;
}

static void fail_times(gwb_record *rec, const gwb_health_params *params,
                       gw_time now, int times)
{
    while (times-- > 0) {
        gwb_health_failure(rec, params, now, 0);
    }
}

static void test_ejection(void)
{
    gwb_health_params p = fake_health;
    gwb_record rec = fresh();
    gw_time now = GW_SEC(100);

    is_int(gwb_health_state(&rec, now), GWB_USABLE, "usable at first");
    is_int(gwb_health_failure(&rec, &p, now, 0), 0, "first failure");
    is_int(gwb_health_failure(&rec, &p, now, 0), 0, "second");
    is_int(gwb_health_success(&rec, &p, now), 0, "a success ends no ejection");
    is_int(gwb_health_failure(&rec, &p, now, 0), 0, "counted from new");
    is_int(gwb_health_failure(&rec, &p, now, 0), 0, "second from new");
    is_int(gwb_health_failure(&rec, &p, now, 0), 1, "third in a row ejects");
    is_int(gwb_health_state(&rec, now), GWB_EJECTED, "ejected");
    is_int(gwb_health_state(&rec, now + GW_SEC(1) - 1), GWB_EJECTED,
           "for a second");
    is_int(gwb_health_state(&rec, now + GW_SEC(1)), GWB_HALF_OPEN,
           "then half open");
    is_int(gwb_health_success(&rec, &p, now + 5), 0,
           "a late success while ejected changes nothing");
    is_int(gwb_health_failure(&rec, &p, now + 5, 0), 0,
           "nor does a late failure");
    is_int(rec.ejected_until, now + GW_SEC(1), "the time stays");
    is_int(rec.ejections, 1, "one ejection");
    is_int(rec.ttfb, 0, "nothing is known of its speed");
}

static void test_trial(void)
{
    gwb_health_params p = fake_health;
    gwb_record rec = fresh();
    gw_time now = GW_SEC(100);

    is_int(gwb_health_claim(&rec, &p, now), 0, "no trial while usable");
    fail_times(&rec, &p, now, 3);
    is_int(gwb_health_claim(&rec, &p, now), 0, "no trial while ejected");
    now += GW_SEC(1);
    is_int(gwb_health_failure(&rec, &p, now, 0), 0,
           "half open: who has no claim decides nothing (failure)");
    is_int(gwb_health_success(&rec, &p, now), 0, "... (success)");
    is_int(gwb_health_state(&rec, now), GWB_HALF_OPEN, "still half open");
    ok(gwb_health_claimable(&rec, now), "claimable");
    is_int(gwb_health_claim(&rec, &p, now), 1, "claimed");
    ok(!gwb_health_claimable(&rec, now), "no longer claimable");
    is_int(gwb_health_claim(&rec, &p, now), 0, "once");
    is_int(gwb_health_claim(&rec, &p, now + p.trial_max - 1), 0, "for long");
    is_int(gwb_health_claim(&rec, &p, now + p.trial_max), 1,
           "but not for ever");
    gwb_health_release(&rec);
    is_int(gwb_health_claim(&rec, &p, now), 1, "a claim given back");
    is_int(gwb_health_success(&rec, &p, now), 1, "the trial succeeds");
    is_int(gwb_health_state(&rec, now), GWB_USABLE, "usable");
    is_int(rec.ejections, 0, "the next ejection is short again");
    is_int(rec.trial_until, 0, "no claim is left");
    ok(gwb_health_share(&rec, &p, now) < 1000, "and starts slowly");
}

static void test_doubling(void)
{
    static const int seconds[] = { 1, 2, 4, 8, 16, 30, 30 };
    gwb_health_params p = fake_health;
    gwb_record rec = fresh();
    gw_time now = GW_SEC(100);
    unsigned i;

    fail_times(&rec, &p, now, 3);
    for (i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
        is_int(rec.ejected_until - now, GW_SEC(seconds[i]),
               "ejection %u lasts %d s", i + 1, seconds[i]);
        now = rec.ejected_until;
        gwb_health_claim(&rec, &p, now);
        is_int(gwb_health_failure(&rec, &p, now, 0), 1, "trial fails");
    }
    rec.ejections = 4000000000u;
    now = rec.ejected_until;
    gwb_health_claim(&rec, &p, now);
    gwb_health_failure(&rec, &p, now, 0);
    is_int(rec.ejected_until - now, GW_SEC(30), "no overflow");
}

static void test_fixed(void)
{
    gwb_health_params p = fake_health;
    gwb_record rec = fresh();
    gw_time now = GW_SEC(100);

    p.retry_fixed = GW_SEC(60);
    fail_times(&rec, &p, now, 3);
    is_int(rec.ejected_until - now, GW_SEC(60), "retry=60");
    now = rec.ejected_until;
    gwb_health_claim(&rec, &p, now);
    gwb_health_failure(&rec, &p, now, 0);
    is_int(rec.ejected_until - now, GW_SEC(60), "does not grow");

    rec = fresh();
    p.retry_fixed = 0;
    fail_times(&rec, &p, now, 100);
    is_int(gwb_health_state(&rec, now), GWB_USABLE, "retry=0: never ejected");

    rec = fresh();
    rec.flags = GWB_IGNORE;
    fail_times(&rec, &fake_health, now, 100);
    is_int(gwb_health_state(&rec, now), GWB_USABLE, "I: never ejected");
    rec.flags = 0;
    fail_times(&rec, &fake_health, now, 1);
    is_int(gwb_health_state(&rec, now), GWB_EJECTED, "ejected without I");
    rec.flags = GWB_IGNORE;
    is_int(gwb_health_state(&rec, now), GWB_USABLE, "I set later helps");
}

static void test_last(void)
{
    gwb_health_params p = fake_health;
    gwb_record rec = fresh();
    gw_time now = GW_SEC(100);
    int i;

    for (i = 0; i < 5; i++) {
        is_int(gwb_health_failure(&rec, &p, now, 1), 0,
               "the last one stays, failure %d", i + 1);
    }
    is_int(gwb_health_state(&rec, now), GWB_USABLE, "usable");
    is_int(gwb_health_failure(&rec, &p, now, 0), 1,
           "its failures were counted");
    now = rec.ejected_until;
    gwb_health_claim(&rec, &p, now);
    is_int(gwb_health_failure(&rec, &p, now, 1), 0,
           "a failed trial of the last one");
    is_int(gwb_health_claim(&rec, &p, now), 1, "the next may try at once");
    gwb_health_clear(&rec);
    is_int(gwb_health_state(&rec, now), GWB_USABLE, "cleared");
    is_int(gwb_health_share(&rec, &p, now), 1000, "at once, at full share");
}

static void test_slow_start(void)
{
    gwb_health_params p = fake_health;
    gwb_record rec = fresh();
    gw_time now = GW_SEC(100);
    unsigned before = 0;
    int i;

    is_int(gwb_health_share(&rec, &p, now), 1000, "no slow start at first");
    gwb_health_slow_start(&rec, now);
    is_int(gwb_health_share(&rec, &p, now), 10, "never nothing");
    is_int(gwb_health_share(&rec, &p, now + GW_SEC(5)), 500, "half way");
    for (i = 0; i <= 10000; i += 100) {
        unsigned share = gwb_health_share(&rec, &p, now + GW_MSEC(i));

        if (share < before || share > 1000) {
            break;
        }
        before = share;
    }
    is_int(i, 10100, "it only grows");
    is_int(before, 1000, "to all of it");
    is_int(gwb_health_share(&rec, &p, now - 1), 1000,
           "a record from before a reboot");
    p.slow_start = 0;
    is_int(gwb_health_share(&rec, &p, now), 1000, "slowstart=0");
}

/* -- threads -------------------------------------------------------------- */

static gwb_record shared;
static pthread_barrier_t barrier;
static unsigned claims[ROUNDS];
static unsigned ejections[ROUNDS];

/** Every round: all fail at once, then all want the trial. */
static void *race(void *baton)
{
    gw_time now = GW_SEC(100);
    int round;

    for (round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&barrier);
        __atomic_add_fetch(&ejections[round],
                           gwb_health_failure(&shared, &fake_health, now, 0),
                           __ATOMIC_RELAXED);
        pthread_barrier_wait(&barrier);
        __atomic_add_fetch(&claims[round],
                           gwb_health_claim(&shared, &fake_health,
                                            now + GW_SEC(1)),
                           __ATOMIC_RELAXED);
        if (pthread_barrier_wait(&barrier)) {
            gwb_health_clear(&shared);
        }
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    int once = 0;
    int ejected = 0;
    int i;

    shared = fresh();
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, race, NULL);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (i = 0; i < ROUNDS; i++) {
        once += claims[i] == 1;
        ejected += ejections[i] == 1;
    }
    is_int(ejected, ROUNDS, "%d threads fail: ejected once each time",
           THREADS);
    is_int(once, ROUNDS, "one of %d threads has the trial each time",
           THREADS);
}

int main(void)
{
    test_ejection();
    test_trial();
    test_doubling();
    test_fixed();
    test_last();
    test_slow_start();
    test_threads();
    return done_testing();
}
