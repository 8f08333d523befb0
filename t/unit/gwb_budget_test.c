/* The retry budget: a fifth of the last ten seconds' requests, a hundred at
 * least, over all threads. */
#include <pthread.h>
#include <string.h>

#include "gwb_budget.h"
#include "tap.h"

#define THREADS 4

static void requests(gwb_head *head, gw_time now, int n)
{
    while (n-- > 0) {
        gwb_budget_request(head, now);
    }
}

/** How many can be taken, of at most most. */
static int take_all(gwb_head *head, gw_time now, int most)
{
    int n = 0;

    while (n < most && gwb_budget_take(head, now)) {
        ++n;
    }
    return n;
}

static void test_amounts(void)
{
    gwb_head head;
    gw_time now = GW_SEC(1000);

    memset(&head, 0, sizeof(head));
    is_int(take_all(&head, now, 1000), 100, "without requests a hundred");
    is_int(gwb_budget_take(&head, now), 0, "what is refused costs nothing");
    requests(&head, now, 400);
    is_int(take_all(&head, now, 1000), 0, "a fifth of 400 is less");
    requests(&head, now, 600);
    is_int(take_all(&head, now, 1000), 100, "a fifth of 1000 is 200");
}

static void test_time(void)
{
    gwb_head head;
    gw_time now = GW_SEC(1000);

    memset(&head, 0, sizeof(head));
    requests(&head, now, 5000);
    is_int(take_all(&head, now, 9999), 1000, "all at once");
    now += GW_SEC(10);
    is_int(take_all(&head, now, 9999), 0, "at the turn all of it counts");
    now += GW_SEC(5);
    is_int(take_all(&head, now, 9999), 0,
           "half of 5000 requests, half of 1000 attempts");
    now += GW_MSEC(4900);
    is_int(take_all(&head, now, 9999), 90, "nearly all is forgotten");
    now += GW_MSEC(100);
    is_int(take_all(&head, now, 9999), 10, "the last window counts");
    now += GW_SEC(60);
    is_int(take_all(&head, now, 9999), 100, "after a pause it begins anew");
}

static gwb_head shared;

static void *worker(void *data)
{
    int *n = data;

    *n = take_all(&shared, GW_SEC(5), 100000);
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    int got[THREADS];
    int sum = 0;
    int i;

    requests(&shared, GW_SEC(5), 100000);
    for (i = 0; i < THREADS; ++i) {
        pthread_create(&threads[i], NULL, worker, &got[i]);
    }
    for (i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
        sum += got[i];
    }
    ok(sum <= 20000, "never more than the budget: %d", sum);
    ok(sum >= 20000 - THREADS, "and all of it: %d", sum);
}

int main(void)
{
    test_amounts();
    test_time();
    test_threads();
    return done_testing();
}
