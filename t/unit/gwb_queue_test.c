/* The line of those who wait: order, lanes, who is woken, threads that leave
 * it. */
#include <pthread.h>
#include <string.h>

#include <apr_general.h>

#include "gwb_queue.h"
#include "tap.h"

#define THREADS 4
#define ROUNDS 2000

/** A waker that counts. */
typedef struct {
    gw_waker waker;
    int woken;
} counter;

static void count(gw_waker *waker)
{
    __atomic_add_fetch(&((counter *)waker)->woken, 1, __ATOMIC_RELAXED);
}

static gwb_queue queue;
static counter counters[8];
static gwb_waiter waiters[8];

static void join(int i, apr_uint32_t lane)
{
    counters[i].waker.wake = count;
    counters[i].woken = 0;
    waiters[i].waker = &counters[i].waker;
    waiters[i].lane = lane;
    gwb_queue_join(&queue, &waiters[i], 0);
}

/** Who was woken since the last time, as a number of digits. */
static int woken(void)
{
    int set = 0;
    int i;

    for (i = 0; i < 8; ++i) {
        if (counters[i].woken) {
            set = set * 10 + i + 1;
        }
        counters[i].woken = 0;
    }
    return set;
}

static void test_order(void)
{
    is_int(gwb_queue_is_first(&queue, NULL, 0), 1, "nobody is there");
    join(0, 0);
    join(1, 0);
    join(2, 7);
    join(3, 7);
    join(4, 9);
    is_int(gwb_queue_length(&queue), 5, "five wait");
    is_int(gwb_queue_is_first(&queue, &waiters[0], 0), 1, "first");
    is_int(gwb_queue_is_first(&queue, &waiters[1], 0), 0, "second");
    is_int(gwb_queue_is_first(&queue, &waiters[2], 7), 1, "first of a lane");
    is_int(gwb_queue_is_first(&queue, &waiters[3], 7), 0, "second of it");
    is_int(gwb_queue_is_first(&queue, NULL, 0), 0, "a newcomer");
    is_int(gwb_queue_is_first(&queue, NULL, 7), 0, "one of that lane");
    is_int(gwb_queue_is_first(&queue, NULL, 8), 1, "one of its own lane");
    gwb_queue_wake(&queue);
    is_int(woken(), 135, "the first of each lane is woken");
    gwb_queue_leave(&queue, &waiters[1]);
    woken();
    gwb_queue_leave(&queue, &waiters[0]);
    is_int(woken(), 35, "who leaves wakes the others");
    is_int(gwb_queue_is_first(&queue, NULL, 0), 1, "that lane is empty");
    gwb_queue_leave(&queue, &waiters[0]);
    is_int(gwb_queue_length(&queue), 3, "leaving twice is harmless");
    gwb_queue_leave(&queue, &waiters[2]);
    is_int(woken(), 45, "the next of the lane is first");
    gwb_queue_join(&queue, &waiters[2], 1);
    is_int(gwb_queue_is_first(&queue, &waiters[2], 7), 1, "back, and first");
    is_int(gwb_queue_is_first(&queue, &waiters[3], 7), 0, "before the next");
    gwb_queue_leave(&queue, &waiters[2]);
    gwb_queue_leave(&queue, &waiters[3]);
    gwb_queue_leave(&queue, &waiters[4]);
    is_int(gwb_queue_length(&queue), 0, "empty again");
    woken();
    gwb_queue_wake(&queue);
    is_int(woken(), 0, "nobody is woken who has left");
}

static void *worker(void *data)
{
    counter c = { { NULL, count }, 0 };
    int i;

    for (i = 0; i < ROUNDS; ++i) {
        gwb_waiter w;

        memset(&w, 0, sizeof(w));
        w.waker = &c.waker;
        w.lane = (apr_uint32_t)i % 3;
        gwb_queue_join(&queue, &w, i % 5 == 0);
        gwb_queue_is_first(&queue, &w, w.lane);
        gwb_queue_wake(&queue);
        gwb_queue_leave(&queue, &w);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    int i;

    for (i = 0; i < THREADS; ++i) {
        pthread_create(&threads[i], NULL, worker, NULL);
    }
    for (i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
    }
    is_int(gwb_queue_length(&queue), 0, "threads come and go");
    is_int(gwb_queue_is_first(&queue, NULL, 0), 1, "nobody is left");
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    is_int(gwb_queue_init(&queue, pool), APR_SUCCESS, "made");
    test_order();
    test_threads();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
