/* Unit tests of what health checks do without httpd: when they come, what
 * results in a row mean, and the threads that run them. */
#include "gwb_crew.c"
#include "gwb_check_rules.c"

#include <apr_general.h>

#include "tap.h"

#define NOW GW_SEC(1000)
#define SCATTER APR_UINT64_C(0x9e3779b97f4a7c15)

/* httpd's own is apr's, and remembers the thread. */
apr_status_t ap_thread_create(apr_thread_t **thread, apr_threadattr_t *attr,
                              apr_thread_start_t func, void *data,
                              apr_pool_t *pool);

static int threads_wanted = -1;     /* that may be had; -1: any */

apr_status_t ap_thread_create(apr_thread_t **thread, apr_threadattr_t *attr,
                              apr_thread_start_t func, void *data,
                              apr_pool_t *pool)
{
    if (threads_wanted == 0) {
        return APR_EAGAIN;
    }
    threads_wanted -= threads_wanted > 0;
    return apr_thread_create(thread, attr, func, data, pool);
}

/* -- rules --------------------------------------------------------------- */

static const gwb_health_params health = {
    3, GW_SEC(1), GW_SEC(30), GW_NEVER, GW_SEC(60), GW_SEC(10)
};

/* One check from begin to end, as the checking child does it. */
typedef struct {
    gwb_record rec;
    int passes;
    int fails;
    gw_time seen;
    gw_time now;
} checked;

static gwb_check_change check(checked *c, int passed, int status)
{
    gwb_check_result result = { passed, status, 0 };

    gwb_check_begin(&c->rec, &c->seen);
    c->now += GW_MSEC(100);
    result.now = c->now;
    return gwb_check_count(&c->rec, c->passes, c->fails, c->seen, &result);
}

static void test_rows(void)
{
    checked c = { { 0 }, 2, 3, 0, NOW };

    is_int(check(&c, 1, 200), GWB_CHECK_SAME, "well and well");
    is_int(c.rec.check_passes, 1, "... counted");
    is_int(check(&c, 0, 503), GWB_CHECK_SAME, "one failure of three");
    is_int(check(&c, 0, 0), GWB_CHECK_SAME, "two");
    is_int(check(&c, 1, 200), GWB_CHECK_SAME, "a good one in between");
    is_int(c.rec.check_fails, 0, "... and none in a row");
    is_int(check(&c, 0, 503), GWB_CHECK_SAME, "one again");
    is_int(check(&c, 0, 503), GWB_CHECK_SAME, "two again");
    is_int(c.rec.check_failed, 0, "still in use");
    is_int(check(&c, 0, 500), GWB_CHECK_WENT_DOWN, "three in a row: down");
    is_int(c.rec.check_failed, 1, "... for all");
    is_int(c.rec.check_status, 500, "... with the last status");
    ok(c.rec.check_at == c.now, "... and when it was");
    is_int(check(&c, 0, 0), GWB_CHECK_SAME, "a fourth changes nothing");
    is_int(c.rec.check_fails, 4, "... but is counted");
    is_int(check(&c, 1, 200), GWB_CHECK_SAME, "one good one of two");
    is_int(check(&c, 0, 503), GWB_CHECK_SAME, "a failure in between");
    is_int(check(&c, 1, 200), GWB_CHECK_SAME, "one again");
    is_int(c.rec.check_failed, 1, "still down");
    is_int(check(&c, 1, 204), GWB_CHECK_CAME_UP, "two in a row: up");
    is_int(c.rec.check_failed, 0, "... for all");
    ok(gwb_health_share(&c.rec, &health, c.now) < 1000,
       "... with a slow start");
    is_int(check(&c, 1, 200), GWB_CHECK_SAME, "and stays up");
    is_int(gwb_health_share(&c.rec, &health, c.now + GW_SEC(11)), 1000,
           "the slow start ends, further checks do not begin it anew");
}

static void test_begin_down(void)
{
    checked c = { { 0 }, 1, 1, 0, NOW };

    c.rec.check_failed = 1;     /* status=+C */
    is_int(check(&c, 0, 0), GWB_CHECK_SAME, "not well from the start");
    is_int(check(&c, 1, 200), GWB_CHECK_CAME_UP, "until it is");
}

static void eject(checked *c)
{
    c->rec.failures = 2;
    is_int(gwb_health_failure(&c->rec, &health, c->now, 0), 1, "ejected");
}

static void test_ejection(void)
{
    checked c = { { 0 }, 2, 2, 0, NOW };

    check(&c, 1, 200);
    check(&c, 1, 200);
    check(&c, 1, 200);
    eject(&c);
    is_int(check(&c, 1, 200), GWB_CHECK_SAME,
           "what passed before the ejection does not count");
    is_int(gwb_health_state(&c.rec, c.now), GWB_EJECTED, "... still ejected");
    is_int(check(&c, 1, 200), GWB_CHECK_CLEARED, "two after it end it");
    is_int(gwb_health_state(&c.rec, c.now), GWB_USABLE, "... usable");
    is_int(c.rec.ejections, 0, "... the next ejection is a short one");
    ok(gwb_health_share(&c.rec, &health, c.now) < 1000,
       "... with a slow start");
    is_int(check(&c, 1, 200), GWB_CHECK_SAME, "and then nothing more");
}

static void test_ejected_meanwhile(void)
{
    checked c = { { 0 }, 1, 1, 0, NOW };
    gwb_check_result passed = { 1, 200, NOW };

    gwb_check_begin(&c.rec, &c.seen);
    eject(&c);
    is_int(gwb_check_count(&c.rec, 1, 1, c.seen, &passed), GWB_CHECK_SAME,
           "a check that began before an ejection does not end it");
    is_int(check(&c, 1, 200), GWB_CHECK_CLEARED, "the next one does");

    eject(&c);
    gwb_check_begin(&c.rec, &c.seen);
    c.rec.ejected_until += GW_SEC(2);   /* its trial failed meanwhile */
    is_int(gwb_check_count(&c.rec, 1, 1, c.seen, &passed), GWB_CHECK_SAME,
           "nor one that began before a trial failed");
    is_int(check(&c, 0, 0), GWB_CHECK_WENT_DOWN, "down and ejected");
    is_int(check(&c, 1, 200), GWB_CHECK_CAME_UP, "up ends both");
    is_int(gwb_health_state(&c.rec, c.now), GWB_USABLE, "... usable");
}

static void test_pause(void)
{
    gw_time least = GW_NEVER;
    gw_time most = 0;
    apr_uint64_t i;

    for (i = 0; i < 100000; i++) {
        gw_time t = gwb_check_pause(GW_SEC(30), 0,
                                    i * SCATTER);

        least = t < least ? t : least;
        most = t > most ? t : most;
    }
    ok(least >= GW_SEC(27) && least < GW_MSEC(27010), "27 s at least");
    ok(most <= GW_SEC(33) && most > GW_MSEC(32990), "33 s at most");
    for (least = GW_NEVER, most = 0, i = 0; i < 100000; i++) {
        gw_time t = gwb_check_pause(GW_SEC(30), 1, i * SCATTER);

        least = t < least ? t : least;
        most = t > most ? t : most;
    }
    ok(least >= GW_MSEC(4500) && most <= GW_MSEC(5500),
       "5 s while it is down");
    ok(gwb_check_pause(GW_SEC(2), 1, 0) == GW_MSEC(1800),
       "or its interval, if that is less");
    ok(gwb_check_pause(GW_MSEC(100), 0, ~APR_UINT64_C(0)) >= GW_MSEC(90),
       "the shortest interval");
}

static void test_first(void)
{
    gwb_record rec = { 0 };
    gw_time most = 0;
    apr_uint64_t i;

    for (i = 0; i < 1000; i++) {
        gw_time t = gwb_check_first(&rec, GW_SEC(30), NOW, i * SCATTER);

        most = t > most ? t : most;
    }
    ok(most > NOW + GW_MSEC(500) && most <= NOW + GW_SEC(1),
       "never checked: within a second");
    ok(gwb_check_first(&rec, GW_MSEC(200), NOW, ~APR_UINT64_C(0))
       <= NOW + GW_MSEC(200), "or within its interval");
    rec.check_at = NOW - GW_SEC(10);
    ok(gwb_check_first(&rec, GW_SEC(30), NOW, 0) == NOW + GW_SEC(20),
       "checked 10 s ago by another child: 20 s from now");
    rec.check_failed = 1;
    ok(gwb_check_first(&rec, GW_SEC(30), NOW, 0) == NOW,
       "unless it is down");
    rec.check_failed = 0;
    rec.check_at = NOW - GW_SEC(3600);
    ok(gwb_check_first(&rec, GW_SEC(30), NOW, 0) == NOW, "long ago: at once");
    rec.check_at = NOW + GW_SEC(3600);
    ok(gwb_check_first(&rec, GW_SEC(30), NOW, 0) == NOW,
       "at a time that is yet to come: of another start of the machine");
}

static void test_is_down(void)
{
    gwb_record rec = { 0 };

    is_int(gwb_check_is_down(&rec), 0, "neither");
    rec.ejected_until = NOW;
    is_int(gwb_check_is_down(&rec), 1, "ejected, or half open");
    rec.ejected_until = 0;
    rec.check_failed = 1;
    is_int(gwb_check_is_down(&rec), 1, "by checks");
}

/* -- the crew ------------------------------------------------------------ */

#define JOBS 40

/* Jobs say when they begin and wait until they may end. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int running;
    int most_running;
    int done;
    int open;
    int order[JOBS];
    int begun;
    pthread_t last_thread;
} shop = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0,
           { 0 }, 0, 0 };

typedef struct {
    gwb_job job;
    int number;
} task;

static void run_task(gwb_crew *crew, gwb_job *job)
{
    pthread_mutex_lock(&shop.mutex);
    shop.order[shop.begun++ % JOBS] = ((task *)job)->number;
    shop.last_thread = pthread_self();
    shop.running++;
    if (shop.running > shop.most_running) {
        shop.most_running = shop.running;
    }
    pthread_cond_broadcast(&shop.changed);
    while (!shop.open) {
        pthread_cond_wait(&shop.changed, &shop.mutex);
    }
    shop.running--;
    shop.done++;
    pthread_cond_broadcast(&shop.changed);
    pthread_mutex_unlock(&shop.mutex);
}

static void open_shop(int open)
{
    pthread_mutex_lock(&shop.mutex);
    shop.open = open;
    pthread_cond_broadcast(&shop.changed);
    pthread_mutex_unlock(&shop.mutex);
}

static void wait_until(const int *count, int n)
{
    pthread_mutex_lock(&shop.mutex);
    while (*count < n) {
        pthread_cond_wait(&shop.changed, &shop.mutex);
    }
    pthread_mutex_unlock(&shop.mutex);
}

static void reset_shop(int open)
{
    shop.running = shop.most_running = shop.done = shop.begun = 0;
    open_shop(open);
}

static void give_all(gwb_crew *crew, task *tasks, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        tasks[i].number = i;
        gwb_crew_give(crew, &tasks[i].job);
    }
}

static gwb_crew *make_crew(apr_pool_t *pool, unsigned most)
{
    gwb_crew *crew = NULL;

    is_int(gwb_crew_create(pool, most, run_task, &crew), APR_SUCCESS,
           "a crew of %u", most);
    return crew;
}

static void wait_for_idle(gwb_crew *crew)
{
    unsigned idle;

    do {
        apr_thread_mutex_lock(crew->mutex);
        idle = crew->idle;
        apr_thread_mutex_unlock(crew->mutex);
        apr_thread_yield();
    } while (idle == 0);
}

static void test_crew(apr_pool_t *pool)
{
    gwb_crew *crew = make_crew(pool, 4);
    task tasks[JOBS];

    reset_shop(0);
    gwb_crew_give(crew, &tasks[0].job);
    wait_until(&shop.begun, 1);
    is_int(crew->n, 1, "one job, one thread");
    open_shop(1);
    wait_until(&shop.done, 1);
    wait_for_idle(crew);
    reset_shop(0);
    give_all(crew, tasks, JOBS);
    wait_until(&shop.running, 4);
    is_int(crew->n, 4, "many jobs: as many threads as there may be");
    open_shop(1);
    wait_until(&shop.done, JOBS);
    is_int(shop.most_running, 4, "never more at once");
    is_int(crew->n, 4, "... and none since");
    gwb_crew_join(crew);
    ok(gwb_crew_stopped(crew), "stopped");
    gwb_crew_give(crew, &tasks[0].job);
    is_int(shop.done, JOBS, "nothing begins afterwards");
}

static void test_crew_order(apr_pool_t *pool)
{
    gwb_crew *crew = make_crew(pool, 1);
    task tasks[JOBS];
    int i;

    reset_shop(1);
    give_all(crew, tasks, JOBS);
    wait_until(&shop.done, JOBS);
    for (i = 0; i < JOBS && shop.order[i] == i; i++) {
        continue;
    }
    is_int(i, JOBS, "first come, first served");
    gwb_crew_join(crew);
}

static void *stop_soon(void *data)
{
    gwb_crew_stop(data);
    open_shop(1);
    return NULL;
}

static void test_crew_stop(apr_pool_t *pool)
{
    gwb_crew *crew = make_crew(pool, 2);
    task tasks[JOBS];
    pthread_t stopper;

    reset_shop(0);
    give_all(crew, tasks, JOBS);
    wait_until(&shop.running, 2);
    ok(gwb_crew_stop_fd(crew) > 0, "there is a descriptor that tells");
    pthread_create(&stopper, NULL, stop_soon, crew);
    gwb_crew_join(crew);
    pthread_join(stopper, NULL);
    is_int(shop.done, 2, "what runs ends, what waits is dropped");
    is_int(shop.begun, 2, "... unbegun");
}

static void test_serial(apr_pool_t *pool)
{
    gwb_crew *crew = make_crew(pool, 0);
    task tasks[3];

    reset_shop(1);
    give_all(crew, tasks, 3);
    is_int(shop.done, 3, "without threads a job is done when it was given");
    ok(pthread_equal(shop.last_thread, pthread_self()), "... by this one");
    gwb_crew_stop(crew);
    give_all(crew, tasks, 3);
    is_int(shop.done, 3, "... until it is stopped");
    gwb_crew_join(crew);
}

static void test_no_threads(apr_pool_t *pool)
{
    gwb_crew *crew = make_crew(pool, 4);
    task tasks[JOBS];

    reset_shop(1);
    threads_wanted = 0;
    is_int(gwb_crew_give(crew, &tasks[0].job), APR_EAGAIN,
           "no thread can be had: it says so");
    is_int(shop.done, 1, "... and does the job itself");
    threads_wanted = 1;
    reset_shop(0);
    gwb_crew_give(crew, &tasks[0].job);
    wait_until(&shop.running, 1);
    is_int(gwb_crew_give(crew, &tasks[1].job), APR_EAGAIN,
           "no second one: it says so");
    is_int(shop.begun, 1, "... and the job waits");
    open_shop(1);
    wait_until(&shop.done, 2);
    is_int(shop.most_running, 1, "... for the first");
    threads_wanted = -1;
    gwb_crew_join(crew);
}

static void *join_now(void *data)
{
    gwb_crew_join(data);
    return NULL;
}

static void *give_one(void *data)
{
    static task t;

    gwb_crew_give(data, &t.job);
    return NULL;
}

static void test_join_waits(apr_pool_t *pool)
{
    gwb_crew *crew = make_crew(pool, 0);
    pthread_t giver, joiner;

    reset_shop(0);
    pthread_create(&giver, NULL, give_one, crew);
    wait_until(&shop.running, 1);
    pthread_create(&joiner, NULL, join_now, crew);
    while (!gwb_crew_stopped(crew)) {
        apr_thread_yield();
    }
    is_int(shop.done, 0, "a job runs while the crew ends");
    open_shop(1);
    pthread_join(joiner, NULL);
    is_int(shop.done, 1, "... which waits for it");
    pthread_join(giver, NULL);
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_rows();
    test_begin_down();
    test_ejection();
    test_ejected_meanwhile();
    test_pause();
    test_first();
    test_is_down();
    test_crew(pool);
    test_crew_order(pool);
    test_crew_stop(pool);
    test_serial(pool);
    test_no_threads(pool);
    test_join_waits(pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
