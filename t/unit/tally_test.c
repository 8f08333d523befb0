/**
 * gw_tally: rows of processes that come and go, and their sums.
 */
#include <sys/wait.h>
#include <unistd.h>
#include <apr_general.h>

#include "gw_clock.h"
#include "gw_tally.c"

#include "tap.h"

#define ROWS 4
#define CHILDREN 3

static apr_pool_t *mem;

static gw_tally *make(unsigned rows)
{
    apr_shm_t *shm;

    return gw_tally_create(mem, rows, &shm) == APR_SUCCESS
        ? gw_tally_attach(shm) : NULL;
}

static void test_create(void)
{
    apr_shm_t *shm;
    gw_tally *t;

    is_int(gw_tally_create(mem, 0, &shm), APR_EINVAL, "no rows");
    is_int(gw_tally_create(mem, ROWS_MAX + 1, &shm), APR_EINVAL,
           "too many rows");
    is_int(gw_tally_create(mem, ROWS, &shm), APR_SUCCESS, "some rows");
    t = gw_tally_attach(shm);
    ok(t != NULL, "attached");
    ok(gw_tally_attach(shm) == t, "... and once more, at a restart");
    t->layout++;
    ok(!gw_tally_attach(shm), "not what another version made");
}

static void test_rows(void)
{
    gw_tally *t = make(ROWS);
    gw_tally_row *rows[ROWS];
    gw_tally_row row;
    gw_tally_sum sum;
    unsigned i;

    for (i = 0; i < ROWS; i++) {
        rows[i] = gw_tally_claim(t, 100 + i);
        ok(rows[i] != NULL, "row %u", i);
        rows[i]->adopted = 1;
        rows[i]->inlined = 10;
    }
    ok(!gw_tally_claim(t, 200), "all rows are in use");
    gw_tally_add_up(t, &sum);
    is_int(sum.children, ROWS, "children");
    is_int(sum.of.adopted, ROWS, "connections");
    is_int((long)sum.of.inlined, 10 * ROWS, "requests");

    gw_tally_release(t, 101);
    gw_tally_release(t, 999);
    gw_tally_add_up(t, &sum);
    is_int(sum.children, ROWS - 1, "one has ended");
    is_int(sum.of.adopted, ROWS - 1, "... its connections with it");
    is_int((long)sum.of.inlined, 10 * ROWS, "... what it did stays");
    ok(gw_tally_get(t, 1, &row) == &row, "the second row in use");
    is_int(row.pid, 102, "... is that of the third");
    ok(!gw_tally_get(t, ROWS - 1, &row), "no further one");

    ok(gw_tally_claim(t, 200) == rows[1], "a row is used again");
    is_int(rows[1]->adopted, 0, "... from zero");
    rows[1]->blocked = 5;
    ok(gw_tally_claim(t, 200) == rows[1], "a number that comes again");
    gw_tally_add_up(t, &sum);
    is_int((long)sum.of.blocked, 5, "... keeps what its like did");
    gw_tally_clear(t);
    gw_tally_add_up(t, &sum);
    is_int(sum.children, 0, "all is forgotten");
    is_int((long)(sum.of.inlined + sum.of.blocked), 0, "... requests, too");
}

static void test_loops(void)
{
    gw_tally *t = make(ROWS);
    gw_tally_row *a = gw_tally_claim(t, 1);
    gw_tally_row *b = gw_tally_claim(t, 2);
    gw_tally_sum sum;

    gw_tally_note_busy(a, 0, 100);
    gw_tally_note_busy(a, 1, 300);
    gw_tally_note_busy(b, GW_TALLY_LOOPS - 1, 700);
    gw_tally_note_step(a, GW_MSEC(3));
    gw_tally_note_step(a, GW_MSEC(2));
    gw_tally_note_step(b, GW_SEC(100000));
    gw_tally_add_up(t, &sum);
    is_int((long)sum.busy, 1100, "loops are added up");
    is_int((long)sum.busiest, 700, "the busiest");
    is_int((long)a->longest, GW_MSEC(3), "the longest step stays");
    ok(sum.of.longest == APR_UINT32_MAX, "... of all, within bounds");
    gw_tally_note_busy(a, 1, 0);
    gw_tally_add_up(t, &sum);
    is_int((long)sum.busy, 800, "a loop has nothing to do");
}

/* A child that adds n requests to its row, and is gone. */
static pid_t bear(gw_tally *t, int n)
{
    pid_t pid = fork();

    if (pid == 0) {
        gw_tally_row *row = gw_tally_claim(t, (apr_uint32_t)getpid());

        while (row && n--) {
            ADD(&row->helped, 1);
            ADD(&row->tunnels, 1);
        }
        _exit(row == NULL);
    }
    return pid;
}

static void test_processes(void)
{
    gw_tally *t = make(ROWS);
    gw_tally_sum sum;
    pid_t pids[CHILDREN];
    int status;
    int i;

    for (i = 0; i < CHILDREN; i++) {
        pids[i] = bear(t, 1000);
    }
    for (i = 0; i < CHILDREN; i++) {
        ok(waitpid(pids[i], &status, 0) == pids[i] && status == 0,
           "child %d", i);
    }
    gw_tally_add_up(t, &sum);
    is_int((long)sum.of.helped, 1000 * CHILDREN, "seen by the parent");
    is_int(sum.of.tunnels, 1000 * CHILDREN, "... nobody said they ended");
    gw_tally_release(t, (apr_uint32_t)pids[0]);
    gw_tally_add_up(t, &sum);
    is_int(sum.of.tunnels, 1000 * (CHILDREN - 1), "one is known to be gone");
    ok(gw_tally_claim(t, (apr_uint32_t)getpid()) != NULL, "one that lives");
    gw_tally_sweep(t);
    gw_tally_add_up(t, &sum);
    is_int(sum.children, 1, "the others are found");
    is_int(sum.of.tunnels, 0, "... what they had is gone");
    is_int((long)sum.of.helped, 1000 * CHILDREN, "... what they did is not");
}

static void test_tell(void)
{
    gw_tally *t = make(ROWS);

    ok(gw_tally_may_tell(t, GW_SEC(5), GW_SEC(10)), "the first time");
    ok(!gw_tally_may_tell(t, GW_SEC(5), GW_SEC(10)), "not at once again");
    ok(!gw_tally_may_tell(t, GW_SEC(15) - 1, GW_SEC(10)), "not too soon");
    ok(gw_tally_may_tell(t, GW_SEC(15), GW_SEC(10)), "when it is due");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&mem, NULL);
    test_create();
    test_rows();
    test_loops();
    test_processes();
    test_tell();
    apr_pool_destroy(mem);
    apr_terminate();
    return done_testing();
}
