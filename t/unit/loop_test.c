/**
 * gw_loop: events, timers, wake-ups and ends of tasks.
 *
 * Most tests turn the loop round by round in the main thread, so that what
 * falls into one round is known; those of posts run it in a thread. System
 * calls that are to be saved are counted.
 */
#define GW_DEBUG 1

#include <sys/epoll.h>
#include <sys/types.h>
#include <unistd.h>

static int t_epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev);
static ssize_t t_write(int fd, const void *data, size_t len);

#define epoll_ctl t_epoll_ctl
#define write t_write
#include "gw_loop.c"
#undef epoll_ctl
#undef write

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "tap.h"

static int ctls;                    /* epoll_ctl() calls */
static int writes;                  /* atomic: of write(), by the loop */

static int t_epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev)
{
    ctls++;
    return epoll_ctl(epfd, op, fd, ev);
}

static ssize_t t_write(int fd, const void *data, size_t len)
{
    __atomic_add_fetch(&writes, 1, __ATOMIC_SEQ_CST);
    return write(fd, data, len);
}

/* --- a task that writes down what it is run for ------------------------- */

typedef struct probe probe;
struct probe {
    gw_task task;               /* first */
    int runs;
    unsigned events;            /* of the last run */
    unsigned all;               /* of all runs */
    int order;                  /* the how-manieth run of all probes */
    int done;
    void (*then)(probe *p);     /* what it does in run(), or NULL */
    probe *other;
    int fd;
};

static int order;

static void probe_run(gw_task *task, unsigned events)
{
    probe *p = (probe *)task;

    p->runs++;
    p->events = events;
    p->all |= events;
    p->order = ++order;
    if (p->then) {
        p->then(p);
    }
}

static void probe_done(gw_task *task)
{
    ((probe *)task)->done++;
}

static void probe_init(probe *p, gw_loop *loop)
{
    memset(p, 0, sizeof(*p));
    gw_task_init(&p->task, loop, probe_run);
}

static gw_loop *new_loop(void)
{
    gw_loop_params params;
    gw_loop *loop;

    memset(&params, 0, sizeof(params));
    if (gw_loop_create(&params, &loop) != APR_SUCCESS) {
        bail_out("no loop");
    }
    return loop;
}

static probe nudger;

/* A round that does not sleep, whatever there is. */
static void turn(gw_loop *loop)
{
    if (!nudger.task.loop || nudger.task.loop != loop) {
        probe_init(&nudger, loop);
    }
    gw_loop_post(&nudger.task);
    one_round(loop);
}

static void end_probe(probe *p)
{
    gw_task_end(&p->task, probe_done);
}

static void end_loop(gw_loop *loop)
{
    nudger.task.loop = NULL;
    gw_loop_destroy(&loop);
}

static void make_pair(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0) {
        bail_out("no socketpair");
    }
}

static void put(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        bail_out("no room in a socket");
    }
}

static void drain(int fd)
{
    char buf[256];

    while (read(fd, buf, sizeof(buf)) > 0) {
        /* thrown away */
    }
}

static gw_wants wants_of(int fd, apr_uint64_t serial, int events)
{
    gw_wants w;

    gw_wants_reset(&w);
    if (fd >= 0) {
        gw_wants_socket(&w, fd, serial, events);
    }
    return w;
}

static apr_status_t want(probe *p, int fd, apr_uint64_t serial, int events)
{
    gw_wants w = wants_of(fd, serial, events);

    return gw_task_want(&p->task, &w);
}

/* --- wants -------------------------------------------------------------- */

static void test_wants(void)
{
    gw_wants w;

    gw_wants_reset(&w);
    gw_wants_fd(&w, 5, GW_WANT_READ);
    gw_wants_socket(&w, 6, 77, GW_WANT_READ);
    is_int(w.fds[0].serial, 0, "a plain descriptor has no serial");
    is_int(w.fds[1].serial, 77, "a socket has its own");
    gw_wants_fd(&w, 6, GW_WANT_WRITE);
    is_int(w.fds[1].serial, 77, "and keeps it when merged with a plain one");
    gw_wants_socket(&w, 5, 78, GW_WANT_WRITE);
    ok(w.fds[0].serial == 78 && w.nfds == 2, "which gets one from the merge");
    is_int(w.fds[0].events, GW_WANT_READ | GW_WANT_WRITE, "with both events");
}

/* --- the home descriptor ------------------------------------------------ */

static void test_home(void)
{
    gw_loop *loop = new_loop();
    gw_loop_stats stats;
    int fds[2];
    probe p;

    make_pair(fds);
    probe_init(&p, loop);
    is_int(gw_task_watch(&p.task, fds[0]), APR_SUCCESS, "watched");
    gw_loop_stats_get(loop, &stats);
    is_int(stats.tasks, 1, "and counted");
    turn(loop);
    is_int(p.events, GW_EVENT_WRITE, "what is ready already is told");
    turn(loop);
    is_int(p.runs, 1, "once");
    put(fds[1], "x");
    turn(loop);
    ok(p.runs == 2 && (p.events & GW_EVENT_READ), "then: readable");
    turn(loop);
    is_int(p.runs, 2, "once, though nobody has read");
    put(fds[1], "y");
    close(fds[1]);
    turn(loop);
    ok(p.runs == 3 && (p.events & GW_EVENT_READ)
       && (p.events & GW_EVENT_HUP), "more bytes and the end: one run");
    gw_task_unwatch(&p.task);
    gw_loop_stats_get(loop, &stats);
    is_int(stats.tasks, 0, "unwatched and no more counted");
    turn(loop);
    is_int(p.runs, 3, "and not run any more");
    is_int(gw_task_watch(&p.task, fds[0]), APR_SUCCESS, "watched again");
    turn(loop);
    is_int(p.runs, 4, "and told anew");
    end_probe(&p);
    turn(loop);
    is_int(p.done, 1, "the end");
    close(fds[0]);
    end_loop(loop);
}

static void test_half_close(void)
{
    gw_loop *loop = new_loop();
    int fds[2];
    probe p;

    make_pair(fds);
    probe_init(&p, loop);
    gw_task_watch(&p.task, fds[0]);
    turn(loop);
    shutdown(fds[1], SHUT_WR);
    turn(loop);
    ok(p.events & GW_EVENT_HUP, "a half close is told");
    end_probe(&p);
    turn(loop);
    close(fds[0]);
    close(fds[1]);
    end_loop(loop);
}

static void test_bad_fds(void)
{
    gw_loop *loop = new_loop();
    int file = open("/dev/null", O_RDONLY);
    char name[] = "/tmp/gw_loop_test.XXXXXX";
    int regular = mkstemp(name);
    int high, fds[2];
    probe p;

    unlink(name);
    probe_init(&p, loop);
    close(file);
    is_int(gw_task_watch(&p.task, file), EBADF, "no descriptor at all");
    is_int(p.task.home, -1, "is not the home then");
    is_int(want(&p, regular, 0, GW_WANT_READ), EPERM, "a file cannot be "
           "waited for");
    is_int(p.task.nfds, 0, "and is not remembered");
    make_pair(fds);
    high = fcntl(fds[0], F_DUPFD, 900);
    is_int(gw_task_watch(&p.task, high), APR_SUCCESS, "a high descriptor");
    turn(loop);
    is_int(p.events, GW_EVENT_WRITE, "finds room in the table");
    end_probe(&p);
    turn(loop);
    close(high);
    close(fds[0]);
    close(fds[1]);
    close(regular);
    end_loop(loop);
}

/* --- wanted descriptors ------------------------------------------------- */

static void test_plain_fd(void)
{
    gw_loop *loop = new_loop();
    int fds[2];
    probe p;

    make_pair(fds);
    probe_init(&p, loop);
    want(&p, fds[0], 0, GW_WANT_READ);
    turn(loop);
    is_int(p.runs, 0, "nothing to read: no run");
    put(fds[1], "x");
    turn(loop);
    is_int(p.events, GW_EVENT_WANTED, "something to read");
    want(&p, fds[0], 0, GW_WANT_READ);
    turn(loop);
    is_int(p.runs, 2, "wanted again without reading: told again");
    want(&p, -1, 0, 0);
    put(fds[1], "x");
    turn(loop);
    is_int(p.runs, 2, "not wanted: not told");
    is_int(loop->places[fds[0]].registered, 0, "nor registered");
    want(&p, fds[0], 0, GW_WANT_WRITE);
    turn(loop);
    is_int(p.runs, 3, "writable");
    want(&p, -1, 0, 0);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    while (write(fds[0], "0123456789abcdef", 16) > 0) {
        /* until it is full */
    }
    want(&p, fds[0], 0, GW_WANT_WRITE);
    turn(loop);
    is_int(p.runs, 3, "readable but full: who wants to write is not run");
    drain(fds[1]);
    turn(loop);
    is_int(p.runs, 4, "until there is room");
    end_probe(&p);
    turn(loop);
    close(fds[0]);
    close(fds[1]);
    end_loop(loop);
}

static void test_cached(void)
{
    gw_loop *loop = new_loop();
    int fds[2];
    probe p;

    make_pair(fds);
    probe_init(&p, loop);
    ctls = 0;
    want(&p, fds[0], 7, GW_WANT_READ);
    is_int(ctls, 1, "a socket is registered");
    put(fds[1], "x");
    turn(loop);
    is_int(p.events, GW_EVENT_WANTED, "and heard of");
    want(&p, -1, 0, 0);
    is_int(ctls, 1, "stays registered when it is not wanted");
    put(fds[1], "x");
    turn(loop);
    is_int(p.runs, 1, "but is not heard of");
    drain(fds[0]);
    want(&p, fds[0], 7, GW_WANT_READ);
    is_int(ctls, 1, "wanted again: no call");
    turn(loop);
    is_int(p.runs, 1, "and no stale event");
    put(fds[1], "x");
    turn(loop);
    is_int(p.runs, 2, "only new ones");
    want(&p, fds[0], 7, GW_WANT_WRITE);
    is_int(ctls, 3, "to write is one more event to be registered for");
    turn(loop);
    is_int(p.runs, 3, "told at once");
    want(&p, fds[0], 7, GW_WANT_READ);
    want(&p, fds[0], 7, GW_WANT_READ | GW_WANT_WRITE);
    is_int(ctls, 3, "and once is enough");
    end_probe(&p);
    turn(loop);
    close(fds[0]);
    close(fds[1]);
    end_loop(loop);
}

/* Another loop uses the connection now. */
static void test_strays(void)
{
    gw_loop *loop = new_loop();
    int fds[2];
    probe p;

    make_pair(fds);
    probe_init(&p, loop);
    want(&p, fds[0], 7, GW_WANT_READ);
    want(&p, -1, 0, 0);
    ctls = 0;
    put(fds[1], "x");
    turn(loop);
    is_int(ctls, 0, "one event that nobody wants is borne");
    want(&p, fds[0], 7, GW_WANT_READ);
    want(&p, -1, 0, 0);
    put(fds[1], "x");
    turn(loop);
    is_int(ctls, 0, "one more, too, when it was wanted in between");
    put(fds[1], "x");
    turn(loop);
    is_int(ctls, 1, "the second ends the registration");
    put(fds[1], "x");
    turn(loop);
    is_int(ctls, 1, "there is no third");
    want(&p, fds[0], 7, GW_WANT_READ);
    turn(loop);
    ok(ctls == 2 && p.runs == 1, "wanted again: registered, and told");
    end_probe(&p);
    turn(loop);
    close(fds[0]);
    close(fds[1]);
    end_loop(loop);
}

static void test_number_reused(void)
{
    gw_loop *loop = new_loop();
    int a[2], b[2];
    probe old, new;

    make_pair(a);
    make_pair(b);
    probe_init(&old, loop);
    probe_init(&new, loop);
    want(&old, a[0], 1, GW_WANT_READ);
    if (dup2(b[0], a[0]) < 0) {
        bail_out("no dup2");
    }
    close(b[0]);
    want(&new, a[0], 2, GW_WANT_READ);
    put(b[1], "x");
    turn(loop);
    is_int(new.runs, 1, "another socket of the same number is registered");
    is_int(old.runs, 0, "and the first one's task hears nothing");
    want(&old, -1, 0, 0);
    drain(a[0]);
    put(b[1], "x");
    turn(loop);
    is_int(new.runs, 2, "whose letting go takes nothing from the new one");
    end_probe(&old);
    end_probe(&new);
    turn(loop);
    close(a[0]);
    close(a[1]);
    close(b[1]);
    end_loop(loop);
}

/* Closed by its user before the loop was told, and the number is a client's
 * now. */
static void test_number_of_home(void)
{
    gw_loop *loop = new_loop();
    int a[2], b[2];
    probe old, new;

    make_pair(a);
    make_pair(b);
    probe_init(&old, loop);
    probe_init(&new, loop);
    want(&old, a[0], 0, GW_WANT_READ);
    if (dup2(b[0], a[0]) < 0) {
        bail_out("no dup2");
    }
    close(b[0]);
    gw_task_watch(&new.task, a[0]);
    turn(loop);
    want(&old, -1, 0, 0);
    put(b[1], "x");
    turn(loop);
    ok(new.events & GW_EVENT_READ, "a home descriptor survives that its "
       "number was another's");
    is_int(old.runs, 0, "which hears nothing");
    end_probe(&old);
    end_probe(&new);
    turn(loop);
    close(a[0]);
    close(a[1]);
    close(b[1]);
    end_loop(loop);
}

/* A pooled connection changes its user before the old one says what it wants
 * now. */
static void test_handed_over(void)
{
    gw_loop *loop = new_loop();
    int fds[2];
    probe a, b;

    make_pair(fds);
    probe_init(&a, loop);
    probe_init(&b, loop);
    want(&a, fds[0], 5, GW_WANT_READ);
    ctls = 0;
    want(&b, fds[0], 5, GW_WANT_READ);
    want(&a, -1, 0, 0);
    is_int(ctls, 0, "handed over without a call");
    put(fds[1], "x");
    turn(loop);
    ok(a.runs == 0 && b.runs == 1, "its events go to the new user");
    end_probe(&a);
    end_probe(&b);
    turn(loop);
    close(fds[0]);
    close(fds[1]);
    end_loop(loop);
}

static void test_home_is_left_alone(void)
{
    gw_loop *loop = new_loop();
    gw_wants w;
    int fds[2], pipes[2];
    probe p;

    make_pair(fds);
    make_pair(pipes);
    probe_init(&p, loop);
    gw_task_watch(&p.task, fds[0]);
    turn(loop);
    ctls = 0;
    w = wants_of(fds[0], 0, GW_WANT_READ);
    gw_wants_fd(&w, pipes[0], GW_WANT_READ);
    gw_task_want(&p.task, &w);
    is_int(ctls, 1, "the home descriptor among the wants costs nothing");
    put(fds[1], "x");
    turn(loop);
    ok((p.events & GW_EVENT_READ) && !(p.events & GW_EVENT_WANTED),
       "and reports as what it is");
    want(&p, -1, 0, 0);
    put(fds[1], "x");
    turn(loop);
    ok(p.events & GW_EVENT_READ, "wanted or not");
    end_probe(&p);
    turn(loop);
    close(fds[0]);
    close(fds[1]);
    close(pipes[0]);
    close(pipes[1]);
    end_loop(loop);
}

static void test_merging(void)
{
    gw_loop *loop = new_loop();
    int fds[2], pipes[2];
    probe p;

    make_pair(fds);
    make_pair(pipes);
    probe_init(&p, loop);
    gw_task_watch(&p.task, fds[0]);
    turn(loop);
    want(&p, pipes[0], 3, GW_WANT_READ);
    put(fds[1], "x");
    put(pipes[1], "x");
    gw_task_until(&p.task, gw_now());
    gw_loop_post(&p.task);
    gw_loop_post(&p.task);
    p.runs = 0;
    turn(loop);
    is_int(p.runs, 1, "all that happens in one round is one run");
    is_int(p.events, GW_EVENT_READ | GW_EVENT_WRITE | GW_EVENT_WANTED
           | GW_EVENT_TIMER | GW_EVENT_POST, "with all of it");
    end_probe(&p);
    turn(loop);
    close(fds[0]);
    close(fds[1]);
    close(pipes[0]);
    close(pipes[1]);
    end_loop(loop);
}

/* --- timers ------------------------------------------------------------- */

static gw_time fake = GW_SEC(1000);

static gw_time fake_now(void)
{
    return fake;
}

static void at(gw_loop *loop, gw_time t)
{
    fake = t;
    turn(loop);
}

static void test_timer(void)
{
    gw_loop *loop = new_loop();
    gw_wants w;
    probe p;

    gw_clock_override(fake_now);
    probe_init(&p, loop);
    gw_task_until(&p.task, fake + 100);
    at(loop, fake + 99);
    is_int(p.runs, 0, "before its deadline a task is not run");
    at(loop, fake + 1);
    ok(p.runs == 1 && p.events == GW_EVENT_TIMER, "at its deadline it is");
    at(loop, fake + 1000);
    is_int(p.runs, 1, "once");

    gw_task_until(&p.task, fake + 100);
    gw_task_until(&p.task, fake + 500);
    is_int(p.task.timer_at, fake + 100, "later: the heap is not touched");
    at(loop, fake + 100);
    is_int(p.runs, 1, "the early entry is no deadline");
    is_int(p.task.timer_at, fake + 400, "it moves to the one that counts");
    gw_task_until(&p.task, fake + 50);
    at(loop, fake + 50);
    is_int(p.runs, 2, "sooner: moved at once");

    gw_task_until(&p.task, fake + 100);
    gw_task_until(&p.task, GW_NEVER);
    at(loop, fake + 100);
    is_int(p.runs, 2, "none any more: not run");
    is_int(p.task.timer_place, -1, "and the entry is gone");

    gw_task_until(&p.task, fake - 5);
    is_int(patience(loop), 0, "a deadline that has passed lets nobody sleep");
    turn(loop);
    is_int(p.runs, 3, "runs in the next round");
    w = wants_of(-1, 0, 0);
    gw_wants_until(&w, fake + 10);
    gw_task_want(&p.task, &w);
    at(loop, fake + 10);
    is_int(p.runs, 4, "the deadline of the wants is the task's");
    gw_task_until(&p.task, fake + GW_MSEC(1500));
    is_int(patience(loop), 1500, "so long may the loop sleep");
    end_probe(&p);
    turn(loop);
    is_int(loop->ntimers, 0, "a task that ends takes its timer along");
    gw_clock_override(NULL);
    end_loop(loop);
}

#define MANY 5000

static unsigned seed = 12345;

static unsigned roll(unsigned n)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 8) % n;
}

static void test_many_timers(void)
{
    gw_loop *loop = new_loop();
    probe *p = calloc(MANY, sizeof(*p));
    gw_time *due = calloc(MANY, sizeof(*due));
    gw_time begin = fake;
    int i, wrong = 0, ran = 0, ended = 0;

    gw_clock_override(fake_now);
    for (i = 0; i < MANY; i++) {
        probe_init(&p[i], loop);
        gw_task_until(&p[i].task, begin + 1 + roll(1000));
        if (roll(2)) {
            gw_task_until(&p[i].task, begin + 1 + roll(1000));
        }
        due[i] = p[i].task.due;
        if (roll(8) == 0) {
            end_probe(&p[i]);
        }
    }
    while (fake < begin + 1001) {
        at(loop, fake + 7);
        for (i = 0; i < MANY; i++) {
            int runs = due[i] <= fake && !p[i].task.ended;

            wrong += p[i].runs != runs;
        }
        if (!roll(4)) {
            i = (int)roll(MANY);
            if (!p[i].task.ended && !p[i].runs) {
                end_probe(&p[i]);
            }
        }
    }
    for (i = 0; i < MANY; i++) {
        ran += p[i].runs;
        ended += p[i].task.ended && !p[i].runs;
    }
    is_int(ran + ended, MANY, "each of many timers came, once");
    ok(ran > MANY / 2 && ended > MANY / 20, "with some that were ended");
    is_int(wrong, 0, "none was early, late or of a task that ended");
    is_int(loop->ntimers, 0, "the heap is empty");
    gw_clock_override(NULL);
    for (i = 0; i < MANY; i++) {
        if (!p[i].task.ended) {
            end_probe(&p[i]);
        }
    }
    turn(loop);
    free(p);
    free(due);
    end_loop(loop);
}

/* What fills the place of a removed timer may be sooner than those above. */
static void test_timer_removed(void)
{
    /* as they lie in the heap: the last is put below 100, for 101 */
    static const int after[] = {
        1, 100, 2, 101, 102, 200, 3, 103, 104, 105, 106, 300, 302, 301, 4
    };
    enum { N = sizeof(after) / sizeof(after[0]), REMOVED = 3 };
    gw_loop *loop = new_loop();
    probe p[N];
    int i, wrong = 0;

    gw_clock_override(fake_now);
    for (i = 0; i < N; i++) {
        probe_init(&p[i], loop);
        gw_task_until(&p[i].task, fake + after[i]);
    }
    end_probe(&p[REMOVED]);
    at(loop, fake + 10);
    for (i = 0; i < N; i++) {
        wrong += p[i].runs != (after[i] <= 10);
    }
    is_int(wrong, 0, "with one timer removed, no other is late or early");
    for (i = 0; i < N; i++) {
        if (i != REMOVED) {
            end_probe(&p[i]);
        }
    }
    turn(loop);
    gw_clock_override(NULL);
    end_loop(loop);
}

static void test_timer_order(void)
{
    gw_loop *loop = new_loop();
    probe p[3];
    int i;

    gw_clock_override(fake_now);
    for (i = 0; i < 3; i++) {
        probe_init(&p[i], loop);
        gw_task_until(&p[i].task, fake + 30 - 10 * i);
    }
    at(loop, fake + 100);
    ok(p[2].order < p[1].order && p[1].order < p[0].order,
       "those of one round come in the order of their deadlines");
    for (i = 0; i < 3; i++) {
        end_probe(&p[i]);
    }
    turn(loop);
    gw_clock_override(NULL);
    end_loop(loop);
}

/* --- a loop that sleeps ------------------------------------------------- */

static void test_sleep(void)
{
    gw_loop *loop = new_loop();
    gw_time begin = gw_now();
    gw_time took;
    probe p;

    probe_init(&p, loop);
    gw_task_until(&p.task, begin + GW_MSEC(30));
    loop->now = begin;
    while (!p.runs) {
        one_round(loop);
    }
    took = gw_now() - begin;
    ok(took >= GW_MSEC(30), "a timer wakes a sleeping loop, not too early");
    ok(loop->stats.rounds <= 3, "which did not spin");
    ok(loop->stats.busy < took / 2, "and does not count sleep as work");
    end_probe(&p);
    turn(loop);
    end_loop(loop);
}

static int ticks;

static void on_tick(gw_loop *loop, void *baton)
{
    ticks++;
    if (ticks == 3) {
        gw_loop_stop(baton ? *(gw_loop **)baton : loop);
    }
}

static void test_tick(void)
{
    gw_loop *loop = NULL;
    gw_loop_params params = { on_tick, GW_MSEC(10), &loop };
    gw_time begin = gw_now();

    if (gw_loop_create(&params, &loop) != APR_SUCCESS) {
        bail_out("no loop");
    }
    gw_loop_run(loop);
    is_int(ticks, 3, "a loop without work ticks, and stops when told so");
    ok(gw_now() - begin >= GW_MSEC(30), "at its interval");
    gw_loop_destroy(&loop);
    ok(loop == NULL, "and is no more");
}

/* --- fairness ----------------------------------------------------------- */

static void spin(probe *p)
{
    gw_task_again(&p->task);
}

static void test_again(void)
{
    gw_loop *loop = new_loop();
    int fds[2];
    probe p, q;

    make_pair(fds);
    probe_init(&p, loop);
    probe_init(&q, loop);
    p.then = spin;
    gw_task_watch(&q.task, fds[0]);
    gw_task_again(&p.task);
    one_round(loop);
    is_int(p.runs, 1, "a task that runs again at once runs once a round");
    put(fds[1], "x");
    one_round(loop);
    ok(p.runs == 2 && (q.events & GW_EVENT_READ),
       "and events of others are heard in between");
    gw_loop_post(&q.task);
    one_round(loop);
    ok(p.runs == 3 && (q.events & GW_EVENT_POST), "posts, too");
    gw_task_until(&q.task, gw_now());
    one_round(loop);
    ok(p.runs == 4 && (q.events & GW_EVENT_TIMER), "timers, too");
    end_probe(&p);
    end_probe(&q);
    turn(loop);
    close(fds[0]);
    close(fds[1]);
    end_loop(loop);
}

/* --- ends --------------------------------------------------------------- */

static int freed;

static void free_probe(gw_task *task)
{
    freed++;
    free(task);
}

/* All that could still lead to it is there. */
static void end_entangled(probe *p)
{
    gw_loop_post(&p->task);
    gw_task_again(&p->task);
    gw_task_until(&p->task, gw_now());
    put(p->fd, "x");
    gw_task_end(&p->task, free_probe);
}

static void end_other(probe *p)
{
    if (p->other) {
        end_probe(p->other);
        p->other = NULL;
    }
}

static void test_end(void)
{
    gw_loop *loop = new_loop();
    probe *p = malloc(sizeof(*p));
    probe a, b;
    int fds[2];

    make_pair(fds);
    probe_init(p, loop);
    p->fd = fds[1];
    p->then = end_entangled;
    gw_task_watch(&p->task, fds[0]);
    turn(loop);
    is_int(freed, 1, "a task may end in its run, and is freed in the round");
    turn(loop);
    turn(loop);
    is_int(freed, 1, "nothing that was under way leads back to it");
    is_int(loop->stats.tasks, 0, "and it is not counted");

    probe_init(&a, loop);
    probe_init(&b, loop);
    a.then = end_other;
    a.other = &b;
    gw_loop_post(&a.task);
    gw_loop_post(&b.task);
    turn(loop);
    ok(a.runs == 1 && b.runs == 0 && b.done == 1,
       "a task that another one ends in the same round does not run");
    probe_init(&b, loop);
    a.other = &b;
    gw_loop_post(&b.task);
    gw_loop_post(&a.task);
    turn(loop);
    ok(b.runs == 1 && b.done == 1, "one that ran before it is ended, too");
    gw_task_end(&a.task, probe_done);
    close(fds[0]);
    close(fds[1]);
    end_loop(loop);
    is_int(a.done, 1, "who ended after the last round ends with the loop");
}

/* --- threads ------------------------------------------------------------ */

static void no_more(gw_task *task)
{
}

static pthread_t start(void *(*fn)(void *), void *baton)
{
    pthread_t t;

    if (pthread_create(&t, NULL, fn, baton)) {
        bail_out("no thread");
    }
    return t;
}

static void *loop_thread(void *baton)
{
    gw_loop_run(baton);
    return NULL;
}

#define POSTERS 4
#define POSTS 20000

typedef struct crowd crowd;
struct crowd {
    gw_task task[3];            /* first */
    int begun[3];               /* atomic: posts about to be made */
    int seen[3];                /* atomic: of begun, by the last run */
    int runs[3];
};

static crowd *the_crowd;

static void crowd_run(gw_task *task, unsigned events)
{
    long i = task - the_crowd->task;

    the_crowd->runs[i]++;
    __atomic_store_n(&the_crowd->seen[i],
                     __atomic_load_n(&the_crowd->begun[i], __ATOMIC_RELAXED),
                     __ATOMIC_RELAXED);
}

static void *poster(void *baton)
{
    crowd *c = baton;
    int i;

    for (i = 0; i < POSTS; i++) {
        __atomic_add_fetch(&c->begun[i % 3], 1, __ATOMIC_RELAXED);
        gw_loop_post(&c->task[i % 3]);
        if (i % 512 == 0) {
            poll(NULL, 0, 1);
        }
    }
    return NULL;
}

static int all_seen(crowd *c)
{
    int i;

    for (i = 0; i < 3; i++) {
        if (__atomic_load_n(&c->seen[i], __ATOMIC_RELAXED)
            != __atomic_load_n(&c->begun[i], __ATOMIC_RELAXED)) {
            return 0;
        }
    }
    return 1;
}

static void test_posts(void)
{
    gw_loop *loop = new_loop();
    pthread_t t, posters[POSTERS];
    crowd c;
    int i, n = 0;

    memset(&c, 0, sizeof(c));
    the_crowd = &c;
    for (i = 0; i < 3; i++) {
        gw_task_init(&c.task[i], loop, crowd_run);
    }
    writes = 0;
    t = start(loop_thread, loop);
    for (i = 0; i < POSTERS; i++) {
        posters[i] = start(poster, &c);
    }
    for (i = 0; i < POSTERS; i++) {
        pthread_join(posters[i], NULL);
    }
    for (i = 0; i < 2500 && !all_seen(&c); i++) {
        poll(NULL, 0, 2);
    }
    gw_loop_stop(loop);
    pthread_join(t, NULL);
    ok(all_seen(&c), "no post of %d is lost", POSTERS * POSTS);
    for (i = 0; i < 3; i++) {
        n += c.runs[i];
    }
    ok(n > 0 && n <= POSTERS * POSTS, "merged into %d runs", n);
    ok(writes <= n + 1, "with %d system calls to wake", writes);
    for (i = 0; i < 3; i++) {
        gw_task_end(&c.task[i], no_more);
    }
    end_loop(loop);
}

static void test_no_write_when_awake(void)
{
    gw_loop *loop = new_loop();
    probe p;

    probe_init(&p, loop);
    writes = 0;
    gw_loop_post(&p.task);
    one_round(loop);
    is_int(writes, 0, "a loop that is awake is woken without a call");
    ok(p.runs == 1 && p.events == GW_EVENT_POST, "and runs the task");
    end_probe(&p);
    end_loop(loop);
}

#define HOPS 20000

typedef struct player player;
struct player {
    gw_task task;               /* first */
    player *partner;
    int *hops;                  /* passed from one to the other */
    gw_loop **loops;
};

static void player_run(gw_task *task, unsigned events)
{
    player *p = (player *)task;

    if (++*p->hops >= HOPS) {
        gw_loop_stop(p->loops[0]);
        gw_loop_stop(p->loops[1]);
        return;
    }
    gw_loop_post(&p->partner->task);
}

/* Each post finds the other loop about to sleep. */
static void test_ping_pong(void)
{
    gw_loop *loops[2];
    pthread_t t[2];
    player p[2];
    int hops = 0;
    int i;

    for (i = 0; i < 2; i++) {
        loops[i] = new_loop();
        gw_task_init(&p[i].task, loops[i], player_run);
        p[i].partner = &p[1 - i];
        p[i].hops = &hops;
        p[i].loops = loops;
    }
    for (i = 0; i < 2; i++) {
        t[i] = start(loop_thread, loops[i]);
    }
    gw_loop_post(&p[0].task);
    for (i = 0; i < 2; i++) {
        pthread_join(t[i], NULL);
        gw_task_end(&p[i].task, no_more);
    }
    is_int(hops, HOPS, "two loops that wake each other lose nothing");
    end_loop(loops[0]);
    end_loop(loops[1]);
}

static void test_stop(void)
{
    gw_loop *loop = new_loop();
    pthread_t t;
    probe p;

    probe_init(&p, loop);
    t = start(loop_thread, loop);
    poll(NULL, 0, 20);
    gw_loop_post(&p.task);
    gw_loop_stop(loop);
    pthread_join(t, NULL);
    is_int(p.runs, 1, "what was posted before the stop is run");
    end_probe(&p);
    end_loop(loop);
    is_int(p.done, 1, "what is left ends with the loop");

    loop = new_loop();
    gw_loop_stop(loop);
    gw_loop_run(loop);
    ok(1, "stopped before it ran: returns");
    end_loop(loop);
}

/* --- the watch on long steps -------------------------------------------- */

static char logged[1000];

static int log_enabled(void *baton, int level)
{
    return level <= GW_LOG_ERR;
}

static void log_print(void *baton, const char *file, int line, int level,
                      apr_status_t rv, const char *text)
{
    apr_cpystrn(logged, text, sizeof(logged));
}

static const gw_logger logger = { log_enabled, log_print, NULL };

static void block(probe *p)
{
    poll(NULL, 0, 15);
}

static void compute(probe *p)
{
    struct timespec ts;
    gw_time begun, now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    begun = GW_SEC(ts.tv_sec) + ts.tv_nsec / 1000;
    do {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
        now = GW_SEC(ts.tv_sec) + ts.tv_nsec / 1000;
    } while (now - begun < GW_MSEC(15));
}

static const char *what_it_does(gw_task *task)
{
    return "GET /slow, EXCHANGE";
}

static void step_of(gw_loop *loop, probe *p, void (*then)(probe *p))
{
    logged[0] = '\0';
    p->then = then;
    gw_loop_post(&p->task);
    turn(loop);
}

static void test_long_steps(void)
{
    gw_loop *loop = new_loop();
    gw_loop_stats stats;
    probe p;

    gw_log_default(&logger);
    probe_init(&p, loop);
    step_of(loop, &p, NULL);
    is_str(logged, "", "a short step is not worth a word");
    step_of(loop, &p, block);
    ok(strstr(logged, "GW02000: ") && strstr(logged, ": a task"),
       "one that waited is");
    p.task.describe = what_it_does;
    step_of(loop, &p, compute);
    ok(strstr(logged, ": GET /slow, EXCHANGE") != NULL,
       "one that computed, too, with what it was about");
    gw_loop_stats_get(loop, &stats);
    ok(stats.longest >= GW_MSEC(15), "the longest is kept");
    is_int(stats.runs, 6, "all are counted");
    is_int(stats.rounds, 3, "and their rounds");
    gw_log_default(NULL);
    end_probe(&p);
    turn(loop);
    end_loop(loop);
}

/* --- out of descriptors ------------------------------------------------- */

static void test_no_descriptors(void)
{
    gw_loop_params params;
    gw_loop *loop = (gw_loop *)&params;
    struct rlimit was, now;
    int left;

    memset(&params, 0, sizeof(params));
    getrlimit(RLIMIT_NOFILE, &was);
    for (left = 0; left < 2; left++) {
        int next = dup(0);

        close(next);
        now = was;
        now.rlim_cur = (rlim_t)(next + left);
        setrlimit(RLIMIT_NOFILE, &now);
        is_int(gw_loop_create(&params, &loop), EMFILE,
               "%d descriptors are too few", left);
        setrlimit(RLIMIT_NOFILE, &was);
        ok(loop == NULL, "and there is no loop");
    }
}

int main(void)
{
    apr_initialize();
    test_wants();
    test_home();
    test_half_close();
    test_bad_fds();
    test_plain_fd();
    test_cached();
    test_strays();
    test_number_reused();
    test_number_of_home();
    test_handed_over();
    test_home_is_left_alone();
    test_merging();
    test_timer();
    test_many_timers();
    test_timer_removed();
    test_timer_order();
    test_sleep();
    test_tick();
    test_again();
    test_end();
    test_posts();
    test_no_write_when_awake();
    test_ping_pong();
    test_stop();
    test_long_steps();
    test_no_descriptors();
    apr_terminate();
    return done_testing();
}
