/**
 * What it costs to count a request over all processes: enter and leave with
 * 16 and with 400 children, alone and while others count too. Fails when it
 * costs more than a request could bear.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <apr_general.h>

#include "gw_clock.h"
#include "gw_inflight.h"

#define ROUNDS 200000
#define NS_MAX 20000            /* a fifth of the cheapest proxied request */

static apr_pool_t *mem;

/* Children that only have a row, or also count as fast as they can. */
static void start(gw_inflight *t, const gw_gauge *g, int n, int busy,
                  pid_t *pids)
{
    int fds[2], i;
    char c;

    if (pipe(fds) < 0) {
        return;
    }
    for (i = 0; i < n; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            gw_inflight_claim(t, mem);
            while (write(fds[1], "x", 1) == 1 && !(busy && i == 0)) {
                pause();
            }
            for (;;) {
                gw_inflight_enter(g, 100000);
                gw_inflight_leave(g);
            }
        }
    }
    for (i = 0; i < n && read(fds[0], &c, 1) == 1; i++) {
        /* until all have one */
    }
    close(fds[0]);
    close(fds[1]);
}

static int measure(int rows, unsigned max, int busy)
{
    pid_t pids[512];
    apr_shm_t *shm;
    gw_inflight *t;
    gw_gauge *g;
    gw_time begin;
    long ns;
    int i;

    gw_inflight_create(mem, (unsigned)rows, 512, &shm);
    t = gw_inflight_attach(mem, shm);
    g = gw_inflight_gauge(t, mem, "http://backend");
    start(t, g, rows - 1, busy, pids);
    gw_inflight_claim(t, mem);
    begin = gw_now();
    for (i = 0; i < ROUNDS; i++) {
        gw_inflight_enter(g, max);
        gw_inflight_leave(g);
    }
    ns = (long)((gw_now() - begin) * 1000 / ROUNDS);
    printf("# %3d rows, %s%s: %ld ns\n", rows,
           max ? "limit" : "no limit", busy ? ", another one busy" : "", ns);
    for (i = 0; i < rows - 1; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    return ns <= NS_MAX;
}

int main(void)
{
    static const int rows[] = { 16, 400 };
    int i, failed = 0;

    apr_initialize();
    apr_pool_create(&mem, NULL);
    for (i = 0; i < 2; i++) {
        failed += !measure(rows[i], 0, 0);
        failed += !measure(rows[i], 100000, 0);
        failed += !measure(rows[i], 100000, 1);
    }
    apr_terminate();
    return failed != 0;
}
