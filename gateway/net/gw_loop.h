/**
 * gw_loop: a thread that waits for many machines at once: epoll, timers and
 * wake-ups.
 *
 * What it runs are tasks. A task belongs to one loop for its whole life; its
 * run() is called by that loop's thread only, one task at a time, for a set
 * of GW_EVENT_* that is never empty. It must not block. Spurious runs are
 * normal: events of an epoll batch may be stale.
 *
 * A task has a home descriptor that is watched for good (the client's), a
 * few others that it waits for now (the wants of a machine), and a deadline.
 * All are registered edge-triggered: who waits has tried in this thread and
 * seen EAGAIN; what another thread tried does not count, its event may have
 * come and gone. A descriptor of the wants with a serial (see
 * gw_wants_socket()) stays registered when nobody wants it, so that the next
 * request on the same backend connection costs no system call.
 *
 * The loop never allocates for a task: what it needs is in the gw_task, in
 * tables indexed by descriptor, and in a heap of timers that grows.
 *
 * Threads: gw_loop_post(), gw_loop_stop() and gw_loop_stats_get() any;
 * everything else the loop's, or the owner's when gw_loop_run() has returned.
 * gw_task_init() is called by whoever makes the task, before its first post.
 */
#ifndef GW_LOOP_H
#define GW_LOOP_H

#include <stddef.h>     /* before APR: its rings use offsetof then */
#include <apr_ring.h>

#include "gw_wants.h"

typedef struct gw_loop gw_loop;
typedef struct gw_task gw_task;

enum {
    GW_EVENT_READ = 1,      /* the home descriptor: readable */
    GW_EVENT_WRITE = 2,     /* writable */
    GW_EVENT_HUP = 4,       /* the peer closed its side, or an error */
    GW_EVENT_WANTED = 8,    /* one of the descriptors wanted */
    GW_EVENT_TIMER = 16,    /* the deadline came */
    GW_EVENT_POST = 32      /* gw_loop_post(), or gw_task_again() */
};

struct gw_task {
    /* const after gw_task_init() */
    gw_loop *loop;
    void (*run)(gw_task *task, unsigned events);
    /** What it is doing, for the line about a step that took too long; set
     * after gw_task_init() by who can tell. Also asked once the task ended,
     * before its done(). */
    const char *(*describe)(gw_task *task);
    /* the loop's thread */
    int home;               /* descriptor, -1: none */
    int fds[GW_WANTS_FDS];
    int nfds;
    gw_time due;            /* GW_NEVER: no deadline */
    gw_time timer_at;       /* what the heap holds; not later than due */
    int timer_place;        /* in the heap, -1: not there */
    unsigned events;        /* to be delivered in this round */
    int ended;
    void (*done)(gw_task *task);
    APR_RING_ENTRY(gw_task) ready;      /* while it has events, or ended */
    /* guarded by the loop's lock */
    int posted;
    APR_RING_ENTRY(gw_task) post;
};

typedef struct gw_loop_params gw_loop_params;
struct gw_loop_params {
    /** Called by the loop's thread about every tick_interval; NULL: never. */
    void (*tick)(gw_loop *loop, void *baton);
    gw_time tick_interval;
    void *baton;
};

/** What a loop did, for mod_status; not exact while it runs. */
typedef struct gw_loop_stats gw_loop_stats;
struct gw_loop_stats {
    apr_uint64_t rounds;        /* epoll_wait calls */
    apr_uint64_t runs;          /* of tasks */
    apr_uint32_t tasks;         /* with a home descriptor now */
    gw_time busy;               /* time spent outside epoll_wait */
    gw_time longest;            /* of one run, since the start */
};

/** APR_SUCCESS, or why not (EMFILE, ENOMEM). malloc'ed. */
apr_status_t gw_loop_create(const gw_loop_params *params, gw_loop **ploop);
/** After gw_loop_run() has returned and all tasks ended; calls the done() of
 * those that ended since. */
void gw_loop_destroy(gw_loop **ploop);

/** The body of the loop's thread; returns after gw_loop_stop(). */
void gw_loop_run(gw_loop *loop);
/** Any thread; what was posted before is still run. */
void gw_loop_stop(gw_loop *loop);

/** What it did so far. */
void gw_loop_stats_get(const gw_loop *loop, gw_loop_stats *stats);

/** Make a task of loop; nothing is registered yet. */
void gw_task_init(gw_task *task, gw_loop *loop,
                  void (*run)(gw_task *task, unsigned events));

/** Any thread: run the task soon with GW_EVENT_POST. Posts of a task that has
 * not run yet are merged. What the caller wrote before is visible to run().
 * Must not be called once gw_task_end() was. */
void gw_loop_post(gw_task *task);

/** Watch fd as the home descriptor. APR_SUCCESS, or why not. */
apr_status_t gw_task_watch(gw_task *task, int fd);

/**
 * Wait for what a machine wants, instead of what was wanted before: its
 * descriptors (the home descriptor among them is left alone), its deadline.
 * A deadline that has come makes the task run in the next round.
 * APR_SUCCESS, or why a descriptor could not be registered.
 */
apr_status_t gw_task_want(gw_task *task, const gw_wants *wants);

/** Only a deadline, GW_NEVER for none; descriptors stay as they are. Cheap to
 * move back: the heap is touched only when it comes sooner. Gone once it was
 * delivered. */
void gw_task_until(gw_task *task, gw_time deadline);

/** Run once more in the next round, which comes without waiting: others get
 * their turn in between. */
void gw_task_again(gw_task *task);

/** Unwatch the home descriptor (before it is closed, or goes to somebody
 * else); what was wanted is forgotten, too. */
void gw_task_unwatch(gw_task *task);

/**
 * The task ends: nothing runs it any more; done, which may free it, is called
 * by the loop when no event of the current batch can refer to it.
 */
void gw_task_end(gw_task *task, void (*done)(gw_task *task));

#endif
