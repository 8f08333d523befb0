/* Unit tests of the election, with processes that end in every way: a seat has
 * one holder, is free when that is gone, and not for old generations. */
#include "gwb_elect.c"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_time.h>

#include "tap.h"

#define CROWD 6                 /* processes that want the same seat */
#define CROWD_MS 400

static gwb_elect *elect;
static apr_uint32_t now;        /* the generation */

/* What the processes of a crowd share. */
typedef struct {
    apr_uint32_t inside;
    apr_uint32_t meetings;
    apr_uint32_t turns;
} crowd;

static crowd *shared;

static int take(gwb_seat seat)
{
    return gwb_elect_take(elect, seat, now);
}

/** Run it in a process of its own, which has its seat when this returns.
 * @return its pid */
static pid_t fork_holder(gwb_seat seat)
{
    int ready[2];
    char c = 0;
    pid_t pid;

    if (pipe(ready) != 0) {
        bail_out("no pipe");
    }
    pid = fork();
    if (pid == 0) {
        c = (char)('0' + take(seat));
        if (write(ready[1], &c, 1) == 1) {
            pause();
        }
        _exit(0);
    }
    if (read(ready[0], &c, 1) != 1 || c != '1') {
        bail_out("the other process does not get the seat");
    }
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) != pid) {
        /* again */
    }
}

static void test_one_holder(void)
{
    pid_t pid = fork_holder(GWB_SEAT_CHECKS);

    ok(!take(GWB_SEAT_CHECKS), "taken: nobody else gets it");
    ok(take(GWB_SEAT_NAMES), "another seat is free");
    gwb_elect_leave(elect, GWB_SEAT_NAMES);
    kill(pid, SIGSTOP);
    ok(!take(GWB_SEAT_CHECKS), "one that is only stopped keeps it");
    kill(pid, SIGKILL);
    reap(pid);
    ok(take(GWB_SEAT_CHECKS), "killed: the next one gets it");
    gwb_elect_leave(elect, GWB_SEAT_CHECKS);
}

/** Killed several times in a row, and seen before it is reaped. */
static void test_killed(void)
{
    int bad = 0;
    int i;

    for (i = 0; i < 20; ++i) {
        pid_t pid = fork_holder(GWB_SEAT_CHECKS);
        apr_time_t until = apr_time_now() + apr_time_from_sec(5);
        int taken = 0;

        kill(pid, SIGKILL);
        while (!taken && apr_time_now() < until) {
            taken = take(GWB_SEAT_CHECKS);
        }
        bad += !taken;
        if (taken) {
            gwb_elect_leave(elect, GWB_SEAT_CHECKS);
        }
        reap(pid);
    }
    is_int(bad, 0, "a killed one need not be reaped first");
}

static void *hold_and_end(void *data)
{
    *(int *)data = take(GWB_SEAT_CHECKS);
    return NULL;
}

static void test_thread(void)
{
    pthread_t thread;
    int had = 0;

    pthread_create(&thread, NULL, hold_and_end, &had);
    pthread_join(thread, NULL);
    ok(had, "a thread has it");
    ok(take(GWB_SEAT_CHECKS), "and forgot to leave: free all the same");
    gwb_elect_leave(elect, GWB_SEAT_CHECKS);
    ok(take(GWB_SEAT_CHECKS), "left: to be had again");
    ok(!take(GWB_SEAT_CHECKS), "not twice");
    gwb_elect_leave(elect, GWB_SEAT_CHECKS);
}

static void test_generations(void)
{
    apr_uint32_t old = now;

    ok(gwb_elect_is_present(elect, GWB_SEAT_CHECKS, old), "the present one");
    now = gwb_elect_announce(elect, GWB_SEAT_CHECKS);
    ok(!gwb_elect_is_present(elect, GWB_SEAT_CHECKS, old),
       "a restart: an old one");
    ok(!gwb_elect_take(elect, GWB_SEAT_CHECKS, old), "... takes no seat");
    ok(take(GWB_SEAT_CHECKS), "... the new one does");
    gwb_elect_leave(elect, GWB_SEAT_CHECKS);
    ok(gwb_elect_take(elect, GWB_SEAT_NAMES, old),
       "another seat has its own generations");
    gwb_elect_leave(elect, GWB_SEAT_NAMES);
}

/** One of a crowd; now and then it dies with the seat. */
static void press(int dies)
{
    apr_time_t until = apr_time_now() + apr_time_from_msec(CROWD_MS);

    while (apr_time_now() < until) {
        if (!take(GWB_SEAT_CHECKS)) {
            continue;
        }
        if (gwb_add(&shared->inside, 1) != 1) {
            gwb_add(&shared->meetings, 1);
        }
        gwb_add(&shared->turns, 1);
        gwb_add(&shared->inside, -1);
        if (dies) {
            raise(SIGKILL);
        }
        gwb_elect_leave(elect, GWB_SEAT_CHECKS);
    }
    _exit(0);
}

static void test_crowd(void)
{
    pid_t pids[CROWD];
    int i;

    for (i = 0; i < CROWD; ++i) {
        pids[i] = fork();
        if (pids[i] == 0) {
            press(i % 2);
        }
    }
    for (i = 0; i < CROWD; ++i) {
        reap(pids[i]);
    }
    is_int(shared->meetings, 0, "a crowd: never two at once");
    ok(shared->turns > CROWD, "... and many have their turn: %u",
       shared->turns);
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        bail_out("no shared memory");
    }
    ok(gwb_elect_create(pool, &elect) == APR_SUCCESS, "seats");
    ok(!gwb_elect_take(elect, GWB_SEAT_CHECKS, 1), "for nobody yet");
    now = gwb_elect_announce(elect, GWB_SEAT_CHECKS);
    is_int(gwb_elect_announce(elect, GWB_SEAT_NAMES), now, "a first start");
    test_one_holder();
    test_killed();
    test_thread();
    test_generations();
    test_crowd();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
