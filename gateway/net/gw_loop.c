#include "gw_loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#ifdef GW_DEBUG
#include <time.h>
#include <sys/resource.h>
#endif
#include "gw_clock.h"
#include "gw_log.h"

/* Events of one epoll_wait(): what more are ready come in the next round,
 * behind the tasks of this one. */
#define BATCH 256

/* Descriptors and timers that the tables have room for at first. */
#define TABLE_FIRST 256

/* So many events of a socket that nobody wants end its registration. */
#define STRAYS_MAX 2

/* A run() longer than this is a fault: everybody else waits for it. */
#define STEP_MAX GW_MSEC(10)

APR_RING_HEAD(gw_task_ring, gw_task);
typedef struct gw_task_ring gw_task_ring;

/* What is known of a descriptor. */
typedef struct place place;
struct place {
    gw_task *task;              /* who waits for it, NULL: nobody */
    apr_uint64_t serial;        /* of the socket that is registered */
    unsigned char registered;   /* GW_WANT_*, 0: not */
    unsigned char wanted;       /* GW_WANT_* of the task */
    unsigned char is_home;      /* of the task */
    unsigned char strays;       /* events since it was wanted */
};

struct gw_loop {
    /* const after creation */
    gw_loop_params params;
    int epoll;
    int wake_fd;
    /* the loop's thread */
    place *places;              /* by descriptor */
    int nplaces;
    gw_task **timers;           /* a heap, the soonest first */
    int ntimers;
    int timers_size;
    gw_task_ring ready;         /* run in the next round */
    gw_task_ring running;       /* run in this one */
    gw_task_ring dead;          /* ended, done() is due */
    gw_time now;                /* when last looked at the clock */
    gw_time next_tick;
    gw_loop_stats stats;        /* atomic: others read it */
    struct epoll_event batch[BATCH];
    pthread_mutex_t lock;
    /* guarded by lock */
    gw_task_ring posts;
    int asleep;                 /* a post must write to wake_fd */
    int stopping;
};

static void count(apr_uint64_t *counter)
{
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

static void set_time(gw_time *to, gw_time value)
{
    __atomic_store_n(to, value, __ATOMIC_RELAXED);
}

/* The task runs in the next round, or in this one when it is still due. */
static void mark(gw_task *task, unsigned events)
{
    if (!task->events) {
        APR_RING_INSERT_TAIL(&task->loop->ready, task, gw_task, ready);
    }
    task->events |= events;
}

/* --- timers ------------------------------------------------------------- */

static void timer_put(gw_loop *loop, int at, gw_task *task)
{
    loop->timers[at] = task;
    task->timer_place = at;
}

static void timer_up(gw_loop *loop, int at, gw_task *task)
{
    while (at > 0) {
        int parent = (at - 1) / 2;

        if (loop->timers[parent]->timer_at <= task->timer_at) {
            break;
        }
        timer_put(loop, at, loop->timers[parent]);
        at = parent;
    }
    timer_put(loop, at, task);
}

static void timer_down(gw_loop *loop, int at, gw_task *task)
{
    int child;

    while ((child = 2 * at + 1) < loop->ntimers) {
        if (child + 1 < loop->ntimers
            && loop->timers[child + 1]->timer_at
               < loop->timers[child]->timer_at) {
            child++;
        }
        if (task->timer_at <= loop->timers[child]->timer_at) {
            break;
        }
        timer_put(loop, at, loop->timers[child]);
        at = child;
    }
    timer_put(loop, at, task);
}

static void timer_remove(gw_loop *loop, gw_task *task)
{
    int at = task->timer_place;
    gw_task *last;

    if (at < 0) {
        return;
    }
    task->timer_place = -1;
    last = loop->timers[--loop->ntimers];
    if (last == task) {
        return;
    }
    if (last->timer_at < task->timer_at) {
        timer_up(loop, at, last);
    }
    else {
        timer_down(loop, at, last);
    }
}

static int timers_grow(gw_loop *loop)
{
    int size = loop->timers_size ? loop->timers_size * 2 : TABLE_FIRST;
    gw_task **timers = realloc(loop->timers, (size_t)size * sizeof(*timers));

    if (!timers) {
        return 0;
    }
    loop->timers = timers;
    loop->timers_size = size;
    return 1;
}

static void timer_add(gw_loop *loop, gw_task *task)
{
    if (loop->ntimers == loop->timers_size && !timers_grow(loop)) {
        /* runs round after round then, and looks at the clock itself */
        mark(task, GW_EVENT_TIMER);
        return;
    }
    task->timer_at = task->due;
    timer_up(loop, loop->ntimers++, task);
}

void gw_task_until(gw_task *task, gw_time deadline)
{
    task->due = deadline;
    if (deadline == GW_NEVER) {
        return;
    }
    if (task->timer_place < 0) {
        timer_add(task->loop, task);
    }
    else if (deadline < task->timer_at) {
        task->timer_at = deadline;
        timer_up(task->loop, task->timer_place, task);
    }
}

static void expire(gw_loop *loop, gw_time now)
{
    while (loop->ntimers && loop->timers[0]->timer_at <= now) {
        gw_task *task = loop->timers[0];

        if (task->due > now && task->due != GW_NEVER) {
            task->timer_at = task->due;
            timer_down(loop, 0, task);
            continue;
        }
        timer_remove(loop, task);
        if (task->due <= now) {
            task->due = GW_NEVER;
            mark(task, GW_EVENT_TIMER);
        }
    }
}

/* --- descriptors -------------------------------------------------------- */

static place *place_of(gw_loop *loop, int fd)
{
    int n = loop->nplaces ? loop->nplaces : TABLE_FIRST;
    place *places;

    if (fd < loop->nplaces) {
        return &loop->places[fd];
    }
    while (n <= fd) {
        n *= 2;
    }
    places = realloc(loop->places, (size_t)n * sizeof(*places));
    if (!places) {
        return NULL;
    }
    memset(places + loop->nplaces, 0,
           (size_t)(n - loop->nplaces) * sizeof(*places));
    loop->places = places;
    loop->nplaces = n;
    return &places[fd];
}

/* Tells at once what is ready already, when added as when changed. */
static apr_status_t enroll(gw_loop *loop, int fd, place *at, int events)
{
    struct epoll_event ev;

    memset(&ev, 0, sizeof(ev));
    ev.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    if (events & GW_WANT_WRITE) {
        /* not for all: a UNIX socket reports it with each read of the peer */
        ev.events |= EPOLLOUT;
    }
    ev.data.fd = fd;
    at->registered = 0;
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &ev) < 0
        && (errno != EEXIST
            || epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &ev) < 0)) {
        return errno;
    }
    at->registered = (unsigned char)(events | GW_WANT_READ);
    return APR_SUCCESS;
}

/* Whoever closed it, or gave its number to another socket: the kernel has
 * forgotten it then. */
static void drop(gw_loop *loop, int fd, place *at)
{
    struct epoll_event ev;

    memset(&ev, 0, sizeof(ev));
    (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, &ev);
    at->registered = 0;
}

/* An event that nobody waits for. One may be late; more come when another
 * loop uses the connection now, and would wake this one each time. */
static void stray(gw_loop *loop, int fd, place *at)
{
    if (++at->strays >= STRAYS_MAX) {
        drop(loop, fd, at);
        at->serial = 0;
    }
}

static void let_go(gw_task *task, int fd)
{
    place *at = &task->loop->places[fd];

    if (at->task != task) {
        return;
    }
    at->task = NULL;
    if (!at->serial) {
        drop(task->loop, fd, at);
    }
}

static void want_nothing(gw_task *task)
{
    while (task->nfds) {
        let_go(task, task->fds[--task->nfds]);
    }
}

static int is_wanted(const gw_wants *wants, int fd)
{
    int i;

    for (i = 0; i < wants->nfds; i++) {
        if (wants->fds[i].fd == fd) {
            return 1;
        }
    }
    return 0;
}

static apr_status_t want_fd(gw_task *task, int fd, apr_uint64_t serial,
                            int events)
{
    place *at = place_of(task->loop, fd);
    apr_status_t rv = APR_SUCCESS;

    if (!at) {
        return APR_ENOMEM;
    }
    if (!serial || serial != at->serial || (events & ~at->registered)) {
        rv = enroll(task->loop, fd, at, events);
        at->serial = rv == APR_SUCCESS ? serial : 0;
    }
    if (rv == APR_SUCCESS) {
        at->task = task;
        at->wanted = (unsigned char)events;
        at->is_home = 0;
        at->strays = 0;
        task->fds[task->nfds++] = fd;
    }
    return rv;
}

apr_status_t gw_task_want(gw_task *task, const gw_wants *wants)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < task->nfds; i++) {
        if (!is_wanted(wants, task->fds[i])) {
            let_go(task, task->fds[i]);
        }
    }
    task->nfds = 0;
    for (i = 0; i < wants->nfds; i++) {
        if (wants->fds[i].fd != task->home && rv == APR_SUCCESS) {
            rv = want_fd(task, wants->fds[i].fd, wants->fds[i].serial,
                         wants->fds[i].events);
        }
    }
    gw_task_until(task, wants->deadline);
    return rv;
}

static void count_tasks(gw_loop *loop, int change)
{
    __atomic_store_n(&loop->stats.tasks,
                     loop->stats.tasks + (apr_uint32_t)change,
                     __ATOMIC_RELAXED);
}

apr_status_t gw_task_watch(gw_task *task, int fd)
{
    place *at = place_of(task->loop, fd);
    apr_status_t rv;

    if (!at) {
        return APR_ENOMEM;
    }
    rv = enroll(task->loop, fd, at, GW_WANT_READ | GW_WANT_WRITE);
    if (rv == APR_SUCCESS) {
        at->task = task;
        at->serial = 0;
        at->is_home = 1;
        task->home = fd;
        count_tasks(task->loop, 1);
    }
    return rv;
}

void gw_task_unwatch(gw_task *task)
{
    want_nothing(task);
    if (task->home >= 0) {
        let_go(task, task->home);
        task->home = -1;
        count_tasks(task->loop, -1);
    }
}

static unsigned home_events(unsigned events)
{
    return (events & EPOLLIN ? GW_EVENT_READ : 0u)
           | (events & EPOLLOUT ? GW_EVENT_WRITE : 0u)
           | (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)
              ? GW_EVENT_HUP : 0u);
}

static int is_of_use(const place *at, unsigned events)
{
    return (events & (EPOLLHUP | EPOLLERR))
           || ((events & (EPOLLIN | EPOLLRDHUP))
               && (at->wanted & GW_WANT_READ))
           || ((events & EPOLLOUT) && (at->wanted & GW_WANT_WRITE));
}

/* All events of a batch are given to their tasks before the first one runs:
 * what a task closes or takes over cannot be mistaken. */
static void dispatch(gw_loop *loop, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        int fd = loop->batch[i].data.fd;
        unsigned events = loop->batch[i].events;
        place *at = fd < loop->nplaces ? &loop->places[fd] : NULL;

        if (!at || !at->task) {
            if (at && at->registered) {
                stray(loop, fd, at);
            }
            continue;
        }
        if (at->is_home) {
            mark(at->task, home_events(events));
        }
        else if (is_of_use(at, events)) {
            mark(at->task, GW_EVENT_WANTED);
        }
    }
}

/* --- tasks -------------------------------------------------------------- */

void gw_task_init(gw_task *task, gw_loop *loop,
                  void (*run)(gw_task *task, unsigned events))
{
    memset(task, 0, sizeof(*task));
    task->loop = loop;
    task->run = run;
    task->home = -1;
    task->due = GW_NEVER;
    task->timer_place = -1;
    APR_RING_ELEM_INIT(task, ready);
    APR_RING_ELEM_INIT(task, post);
}

void gw_task_again(gw_task *task)
{
    mark(task, GW_EVENT_POST);
}

static void withdraw_post(gw_loop *loop, gw_task *task)
{
    pthread_mutex_lock(&loop->lock);
    if (task->posted) {
        task->posted = 0;
        APR_RING_REMOVE(task, post);
    }
    pthread_mutex_unlock(&loop->lock);
}

void gw_task_end(gw_task *task, void (*done)(gw_task *task))
{
    gw_loop *loop = task->loop;

    gw_task_unwatch(task);
    timer_remove(loop, task);
    withdraw_post(loop, task);
    if (task->events) {
        task->events = 0;
        APR_RING_REMOVE(task, ready);
    }
    task->ended = 1;
    task->done = done;
    APR_RING_INSERT_TAIL(&loop->dead, task, gw_task, ready);
}

static void bury(gw_loop *loop)
{
    while (!APR_RING_EMPTY(&loop->dead, gw_task, ready)) {
        gw_task *task = APR_RING_FIRST(&loop->dead);

        APR_RING_REMOVE(task, ready);
        task->done(task);
    }
}

/* --- wake-ups ----------------------------------------------------------- */

/* The counter is never read: with EPOLLET each write is an event. */
static void write_wake(gw_loop *loop)
{
    static const apr_uint64_t one = 1;
    ssize_t n;

    do {
        n = write(loop->wake_fd, &one, sizeof(one));
    } while (n < 0 && errno == EINTR);
}

void gw_loop_post(gw_task *task)
{
    gw_loop *loop = task->loop;
    int wake;

    pthread_mutex_lock(&loop->lock);
    if (!task->posted) {
        task->posted = 1;
        APR_RING_INSERT_TAIL(&loop->posts, task, gw_task, post);
    }
    wake = loop->asleep;
    loop->asleep = 0;
    pthread_mutex_unlock(&loop->lock);
    if (wake) {
        write_wake(loop);
    }
}

void gw_loop_stop(gw_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->stopping = 1;
    loop->asleep = 0;
    pthread_mutex_unlock(&loop->lock);
    write_wake(loop);
}

/* May the loop sleep? From now on a post writes to wake_fd. */
static int lie_down(gw_loop *loop)
{
    int quiet;

    pthread_mutex_lock(&loop->lock);
    quiet = !loop->stopping && APR_RING_EMPTY(&loop->posts, gw_task, post);
    loop->asleep = quiet;
    pthread_mutex_unlock(&loop->lock);
    return quiet;
}

/* Give what was posted to the tasks. @return the loop is to stop */
static int take_posts(gw_loop *loop)
{
    int stopping;

    pthread_mutex_lock(&loop->lock);
    loop->asleep = 0;
    while (!APR_RING_EMPTY(&loop->posts, gw_task, post)) {
        gw_task *task = APR_RING_FIRST(&loop->posts);

        APR_RING_REMOVE(task, post);
        task->posted = 0;
        mark(task, GW_EVENT_POST);
    }
    stopping = loop->stopping;
    pthread_mutex_unlock(&loop->lock);
    return stopping;
}

/* --- the loop ----------------------------------------------------------- */

#ifdef GW_DEBUG

/* What a thread has used: a step that waited has switched of its own will,
 * one that only lost the processor to others has not. */
typedef struct usage usage;
struct usage {
    gw_time cpu;
    long waits;
};

static usage usage_now(void)
{
    struct timespec ts = { 0, 0 };
    struct rusage ru;
    usage u;

    memset(&ru, 0, sizeof(ru));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    getrusage(RUSAGE_THREAD, &ru);
    u.cpu = GW_SEC(ts.tv_sec) + ts.tv_nsec / 1000;
    u.waits = ru.ru_nvcsw;
    return u;
}

static const char *describe(gw_task *task)
{
    return task->describe ? task->describe(task) : "a task";
}

static void judge(gw_task *task, gw_time took, const usage *before)
{
    usage after;

    if (took <= STEP_MAX) {
        return;
    }
    after = usage_now();
    after.cpu -= before->cpu;
    after.waits -= before->waits;
    if (after.cpu <= STEP_MAX && !after.waits) {
        return;
    }
    gw_log(NULL, GW_LOG_ERR, APR_SUCCESS, GWNO(02000) "a step of an event "
           "loop took %" APR_INT64_T_FMT " ms (%" APR_INT64_T_FMT " ms of "
           "CPU time, waited %ld times), all others wait meanwhile: %s",
           (apr_int64_t)(took / 1000), (apr_int64_t)(after.cpu / 1000),
           after.waits, describe(task));
}

#endif

static void run_one(gw_loop *loop, gw_task *task)
{
    unsigned events = task->events;
    gw_time begun = loop->now;
#ifdef GW_DEBUG
    usage before = usage_now();
#endif

    task->events = 0;
    /* a step asks about 15 times, which is 2 % of a small request */
    gw_clock_hold(begun);
    task->run(task, events);
    gw_clock_hold(0);
    loop->now = gw_now();
    count(&loop->stats.runs);
    if (loop->now - begun > loop->stats.longest) {
        set_time(&loop->stats.longest, loop->now - begun);
    }
#ifdef GW_DEBUG
    judge(task, loop->now - begun, &before);
#endif
}

/* Those that are ready now; who becomes ready meanwhile runs in the next
 * round. */
static void run_ready(gw_loop *loop)
{
    APR_RING_CONCAT(&loop->running, &loop->ready, gw_task, ready);
    while (!APR_RING_EMPTY(&loop->running, gw_task, ready)) {
        gw_task *task = APR_RING_FIRST(&loop->running);

        APR_RING_REMOVE(task, ready);
        run_one(loop, task);
    }
}

static void tick(gw_loop *loop)
{
    if (loop->now < loop->next_tick) {
        return;
    }
    loop->params.tick(loop, loop->params.baton);
    loop->now = gw_now();
    loop->next_tick = loop->now + loop->params.tick_interval;
}

/* How long epoll_wait() may sleep, in milliseconds; -1: for ever. */
static int patience(gw_loop *loop)
{
    gw_time until = loop->next_tick;
    int ms;

    if (!APR_RING_EMPTY(&loop->ready, gw_task, ready)) {
        return 0;
    }
    if (loop->ntimers) {
        until = gw_earlier(until, loop->timers[0]->timer_at);
    }
    ms = gw_poll_ms(loop->now, until);
    return ms && lie_down(loop) ? ms : 0;
}

/* @return the loop is to stop */
static int one_round(gw_loop *loop)
{
    int ms = patience(loop);
    int n = epoll_wait(loop->epoll, loop->batch, BATCH, ms);
    gw_time woke = gw_now();
    int stopping;

    loop->now = woke;
    dispatch(loop, n);
    stopping = take_posts(loop);
    expire(loop, woke);
    run_ready(loop);
    bury(loop);
    tick(loop);
    count(&loop->stats.rounds);
    set_time(&loop->stats.busy, loop->stats.busy + loop->now - woke);
    return stopping;
}

void gw_loop_run(gw_loop *loop)
{
    loop->now = gw_now();
    while (!one_round(loop)) {
        /* until gw_loop_stop() */
    }
}

void gw_loop_stats_get(const gw_loop *loop, gw_loop_stats *stats)
{
    const gw_loop_stats *from = &loop->stats;

    stats->rounds = __atomic_load_n(&from->rounds, __ATOMIC_RELAXED);
    stats->runs = __atomic_load_n(&from->runs, __ATOMIC_RELAXED);
    stats->tasks = __atomic_load_n(&from->tasks, __ATOMIC_RELAXED);
    stats->busy = __atomic_load_n(&from->busy, __ATOMIC_RELAXED);
    stats->longest = __atomic_load_n(&from->longest, __ATOMIC_RELAXED);
}

/* --- life --------------------------------------------------------------- */

static apr_status_t open_fds(gw_loop *loop)
{
    struct epoll_event ev;

    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0) {
        return errno;
    }
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0) {
        return errno;
    }
    memset(&ev, 0, sizeof(ev));
    ev.events = EPOLLIN | EPOLLET;
    ev.data.fd = loop->wake_fd;
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake_fd, &ev) < 0
           ? errno : APR_SUCCESS;
}

apr_status_t gw_loop_create(const gw_loop_params *params, gw_loop **ploop)
{
    gw_loop *loop = calloc(1, sizeof(*loop));
    apr_status_t rv;

    *ploop = NULL;
    if (!loop) {
        return APR_ENOMEM;
    }
    loop->params = *params;
    loop->epoll = loop->wake_fd = -1;
    loop->next_tick = params->tick ? gw_now() + params->tick_interval
                                   : GW_NEVER;
    APR_RING_INIT(&loop->ready, gw_task, ready);
    APR_RING_INIT(&loop->running, gw_task, ready);
    APR_RING_INIT(&loop->dead, gw_task, ready);
    APR_RING_INIT(&loop->posts, gw_task, post);
    pthread_mutex_init(&loop->lock, NULL);
    rv = open_fds(loop);
    if (rv == APR_SUCCESS) {
        *ploop = loop;
    }
    else {
        gw_loop_destroy(&loop);
    }
    return rv;
}

void gw_loop_destroy(gw_loop **ploop)
{
    gw_loop *loop = *ploop;

    *ploop = NULL;
    if (!loop) {
        return;
    }
    bury(loop);
    if (loop->wake_fd >= 0) {
        close(loop->wake_fd);
    }
    if (loop->epoll >= 0) {
        close(loop->epoll);
    }
    pthread_mutex_destroy(&loop->lock);
    free(loop->places);
    free(loop->timers);
    free(loop);
}
