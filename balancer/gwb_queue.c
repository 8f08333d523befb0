#include "gwb_queue.h"

apr_status_t gwb_queue_init(gwb_queue *queue, apr_pool_t *pool)
{
    APR_RING_INIT(&queue->waiters, gwb_waiter, link);
    queue->n = 0;
    return apr_thread_mutex_create(&queue->mutex, APR_THREAD_MUTEX_DEFAULT,
                                   pool);
}

unsigned gwb_queue_length(const gwb_queue *queue)
{
    return __atomic_load_n(&queue->n, __ATOMIC_ACQUIRE);
}

void gwb_queue_join(gwb_queue *queue, gwb_waiter *waiter, int first)
{
    waiter->waiting = 1;
    apr_thread_mutex_lock(queue->mutex);
    if (first) {
        APR_RING_INSERT_HEAD(&queue->waiters, waiter, gwb_waiter, link);
    }
    else {
        APR_RING_INSERT_TAIL(&queue->waiters, waiter, gwb_waiter, link);
    }
    __atomic_store_n(&queue->n, queue->n + 1, __ATOMIC_RELEASE);
    apr_thread_mutex_unlock(queue->mutex);
}

/** Nobody of its lane is before it? The lock is held. */
static int first_of_lane(gwb_queue *queue, const gwb_waiter *waiter,
                         apr_uint32_t lane)
{
    const gwb_waiter *w;

    for (w = APR_RING_FIRST(&queue->waiters);
         w != APR_RING_SENTINEL(&queue->waiters, gwb_waiter, link)
         && w != waiter;
         w = APR_RING_NEXT(w, link)) {
        if (w->lane == lane) {
            return 0;
        }
    }
    return 1;
}

static void wake_first(gwb_queue *queue)
{
    gwb_waiter *w;

    for (w = APR_RING_FIRST(&queue->waiters);
         w != APR_RING_SENTINEL(&queue->waiters, gwb_waiter, link);
         w = APR_RING_NEXT(w, link)) {
        if (first_of_lane(queue, w, w->lane)) {
            w->waker->wake(w->waker);
        }
    }
}

void gwb_queue_leave(gwb_queue *queue, gwb_waiter *waiter)
{
    if (!waiter->waiting) {
        return;
    }
    waiter->waiting = 0;
    apr_thread_mutex_lock(queue->mutex);
    APR_RING_REMOVE(waiter, link);
    __atomic_store_n(&queue->n, queue->n - 1, __ATOMIC_RELEASE);
    wake_first(queue);
    apr_thread_mutex_unlock(queue->mutex);
}

int gwb_queue_is_first(gwb_queue *queue, const gwb_waiter *waiter,
                       apr_uint32_t lane)
{
    int first;

    if (gwb_queue_length(queue) == 0) {
        return 1;
    }
    apr_thread_mutex_lock(queue->mutex);
    first = first_of_lane(queue, waiter, lane);
    apr_thread_mutex_unlock(queue->mutex);
    return first;
}

void gwb_queue_wake(gwb_queue *queue)
{
    if (gwb_queue_length(queue) == 0) {
        return;
    }
    apr_thread_mutex_lock(queue->mutex);
    wake_first(queue);
    apr_thread_mutex_unlock(queue->mutex);
}
