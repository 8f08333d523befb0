/**
 * gw_inflight: counting over processes that come, go and are killed.
 *
 * Children are forked as an MPM does; what they tell comes back over shared
 * memory of the test's own.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_inflight.h"

/* Another process, played by the test: what it does just before a cell of
 * this one grows, and just after one shrinks. */
static void peer_before_add(void);
static void peer_after_sub(void);

#define __atomic_add_fetch(p, n, order) \
    (peer_before_add(), __sync_add_and_fetch((p), (n)))
#define __atomic_sub_fetch(p, n, order) \
    ((void)__sync_sub_and_fetch((p), (n)), peer_after_sub())
#include "gw_inflight.c"
#undef __atomic_add_fetch
#undef __atomic_sub_fetch

#include "tap.h"

#define CHILDREN 6
#define KEYS 40

static apr_pool_t *mem;

/* What parent and children tell each other; all atomic. */
static struct board {
    unsigned go;                /* the number of the round */
    unsigned done;              /* children that ended it */
    unsigned won;               /* that were let in */
    unsigned inside;
    unsigned most;              /* that were ever inside */
    unsigned entered;
    unsigned ready;
    unsigned wrong;
    unsigned key[KEYS];          /* somebody is in its only place */
} *board;

static unsigned get(unsigned *p)
{
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static void set(unsigned *p, unsigned value)
{
    __atomic_store_n(p, value, __ATOMIC_SEQ_CST);
}

static void add(unsigned *p, unsigned n)
{
    __atomic_add_fetch(p, n, __ATOMIC_SEQ_CST);
}

static void wait_for(unsigned *p, unsigned value)
{
    while (get(p) != value) {
        sched_yield();
    }
}

static gw_inflight *table_of(apr_pool_t *p, unsigned rows, unsigned columns)
{
    apr_shm_t *shm;

    if (gw_inflight_create(p, rows, columns, &shm) != APR_SUCCESS) {
        return NULL;
    }
    return gw_inflight_attach(p, shm);
}

typedef void job(gw_inflight *t, const gw_gauge *g, unsigned arg);

/* A child that claims a row and works. */
static pid_t start(gw_inflight *t, const gw_gauge *g, job *work, unsigned arg)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        gw_inflight_claim(t, mem);
        work(t, g, arg);
        _exit(0);
    }
    return pid;
}

/* What an MPM does when a child ended. */
static unsigned reap(gw_inflight *t, pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        /* again */
    }
    return gw_inflight_release(t, (apr_uint32_t)pid);
}

static unsigned rows_taken(gw_inflight *t)
{
    unsigned i, n = 0;

    for (i = 0; i < t->head->rows; i++) {
        n += t->processes[i].pid != 0;
    }
    return n;
}

/* --- two at the same moment --------------------------------------------- */

static struct {
    apr_uint32_t *cell;         /* NULL: does nothing */
    int collide;                /* so often it adds itself too late to be
                                   seen, and then takes that back */
    int stay;                   /* the last time it stays in */
} peer;

static void peer_before_add(void)
{
    if (peer.cell && peer.collide > 0) {
        *peer.cell = 1;
    }
}

static void peer_after_sub(void)
{
    if (peer.cell && peer.collide > 0) {
        peer.collide--;
        *peer.cell = peer.stay && !peer.collide;
    }
}

static void test_collision(void)
{
    gw_inflight *t = table_of(mem, 2, 2);
    gw_gauge *g = gw_inflight_gauge(t, mem, "g");

    gw_inflight_claim(t, mem);
    raise_top(t, 2);
    peer.cell = &g->cells[1];
    peer.collide = 3;
    is_int(gw_inflight_enter(g, 1), 1,
           "the other one backs off: this one gets it, if late");
    is_int(peer.collide, 0, "with the fourth try");
    gw_inflight_leave(g);
    peer.collide = 3;
    peer.stay = 1;
    is_int(gw_inflight_enter(g, 1), 0, "the other one stays: not this one");
    is_int(gw_inflight_count(g), 1, "only that one is in");
    peer.collide = 1000;
    peer.stay = 0;
    *peer.cell = 0;
    is_int(gw_inflight_enter(g, 1), 0, "it ends, whatever others do");
    peer.cell = NULL;
    gw_inflight_release(t, (apr_uint32_t)getpid());
}

/* --- one process -------------------------------------------------------- */

static void test_alone(void)
{
    gw_inflight *t = table_of(mem, 4, 8);
    gw_gauge *a, *b;

    gw_inflight_begin(t);
    a = gw_inflight_gauge(t, mem, "http://a");
    b = gw_inflight_gauge(t, mem, "http://b");
    ok(gw_inflight_enter(a, 1) && gw_inflight_enter(a, 1),
       "who has no row is not limited");
    is_int(gw_inflight_count(a), 0, "nor counted");
    gw_inflight_leave(a);
    is_int(gw_inflight_claim(t, mem), APR_SUCCESS, "a row");
    is_int(gw_inflight_enter(a, 2), 1, "one");
    is_int(gw_inflight_enter(a, 2), 1, "two");
    is_int(gw_inflight_enter(a, 2), 0, "not three");
    is_int(gw_inflight_count(a), 2, "two are counted");
    is_int(gw_inflight_enter(a, 3), 1, "three, where three may");
    is_int(gw_inflight_enter(a, 0), 1, "and without a limit");
    is_int(gw_inflight_count(a), 4, "all are counted");
    is_int(gw_inflight_enter(b, 1), 1, "another key");
    is_int(gw_inflight_count(b), 1, "counts for itself");
    gw_inflight_leave(a);
    gw_inflight_leave(a);
    is_int(gw_inflight_enter(a, 2), 0, "still two");
    gw_inflight_leave(a);
    is_int(gw_inflight_enter(a, 2), 1, "one left");
    is_int(gw_inflight_release(t, (apr_uint32_t)getpid()), 3,
           "what is released was in use");
    is_int(gw_inflight_count(a) + gw_inflight_count(b), 0, "all is back");
    ok(gw_inflight_enter(NULL, 1) && gw_inflight_enter(NULL, 1),
       "no gauge, no limit");
    gw_inflight_leave(NULL);
    is_int(gw_inflight_count(NULL), 0, "nor a count");
}

static void test_sizes(void)
{
    apr_shm_t *shm;

    is_int(gw_inflight_create(mem, 0, 1, &shm), APR_EINVAL, "no rows");
    is_int(gw_inflight_create(mem, 1, 0, &shm), APR_EINVAL, "no columns");
    is_int(gw_inflight_create(mem, ROWS_MAX + 1, 1, &shm), APR_EINVAL,
           "too many rows");
    is_int(gw_inflight_create(mem, 17, 3, &shm), APR_SUCCESS, "17 x 3");
    ok((apr_uintptr_t)head_of(shm) % LINE == 0, "begins at a cache line");
    ok((char *)head_of(shm) + lines(sizeof(shared))
       + lines(3 * sizeof(column)) + lines(17 * sizeof(process)) + 3 * 32 * 4
       <= (char *)apr_shm_baseaddr_get(shm) + apr_shm_size_get(shm),
       "ends inside");
    head_of(shm)->layout++;
    ok(!gw_inflight_attach(mem, shm), "another layout is not read");
}

/* --- columns ------------------------------------------------------------ */

static void test_columns(void)
{
    gw_inflight *t = table_of(mem, 2, 3);
    gw_gauge *a, *b, *c;

    gw_inflight_begin(t);
    a = gw_inflight_gauge(t, mem, "a");
    b = gw_inflight_gauge(t, mem, "b");
    ok(a->column != b->column, "two keys, two columns");
    ok(gw_inflight_gauge(t, mem, "a")->column == a->column, "found again");
    c = gw_inflight_gauge(t, mem, "c");
    ok(c && !gw_inflight_gauge(t, mem, "d"), "three, and not four");
    gw_inflight_begin(t);
    gw_inflight_gauge(t, mem, "b");
    ok(gw_inflight_gauge(t, mem, "b")->column == b->column,
       "the same after a restart");
    a->table->cells[a->index * t->head->stride] = 1;    /* in use */
    t->head->top = 1;
    ok(gw_inflight_gauge(t, mem, "d")->column == c->column,
       "a new key gets the column of one that nobody asked for or uses");
    ok(!gw_inflight_gauge(t, mem, "e"), "no other one");
    a->table->cells[a->index * t->head->stride] = 0;
    gw_inflight_claim(t, mem);
    ok(!gw_inflight_hold(t, mem, "e"), "a child takes none from a key");
    gw_inflight_release(t, (apr_uint32_t)getpid());
    t->own = NULL;
    ok(gw_inflight_gauge(t, mem, "e")->column == a->column,
       "the parent does");
}

static void ask_all(gw_inflight *t, const gw_gauge *g, unsigned arg)
{
    apr_pool_t *p;
    unsigned i;

    apr_pool_create(&p, NULL);
    add(&board->ready, 1);
    wait_for(&board->go, 1);
    for (i = 0; i < arg; i++) {
        gw_gauge *mine = gw_inflight_hold(t, p, apr_psprintf(p, "k%u", i));

        gw_inflight_enter(mine, 0);
    }
    add(&board->done, 1);
    wait_for(&board->go, 2);
}

/* Children that meet new keys at once agree about their columns. */
static void test_columns_at_once(void)
{
    gw_inflight *t = table_of(mem, CHILDREN, 128);
    pid_t pids[CHILDREN];
    int i, wrong = 0;

    memset(board, 0, sizeof(*board));
    for (i = 0; i < CHILDREN; i++) {
        pids[i] = start(t, NULL, ask_all, 100);
    }
    wait_for(&board->ready, CHILDREN);
    set(&board->go, 1);
    wait_for(&board->done, CHILDREN);
    for (i = 0; i < 100; i++) {
        gw_gauge *g = gw_inflight_gauge(t, mem, apr_psprintf(mem, "k%d", i));

        wrong += gw_inflight_count(g) != CHILDREN;
    }
    is_int(wrong, 0, "each key has one column, whoever made it");
    set(&board->go, 2);
    for (i = 0; i < CHILDREN; i++) {
        is_int(reap(t, pids[i]), 100, "child %d had all of them", i);
    }
}

/* --- columns that come and go ------------------------------------------- */

static unsigned columns_taken(const gw_inflight *t)
{
    unsigned i, n = 0;

    for (i = 0; i < t->head->columns; i++) {
        n += t->columns[i].id > GONE;
    }
    return n;
}

static apr_pool_t *sub_pool(void)
{
    apr_pool_t *p;

    apr_pool_create(&p, mem);
    return p;
}

static void test_hold(void)
{
    gw_inflight *t = table_of(mem, 2, 4);
    apr_pool_t *p = sub_pool(), *q = sub_pool();
    gw_gauge *conf, *g, *same;

    gw_inflight_begin(t);
    conf = gw_inflight_gauge(t, mem, "conf");
    ok(!gw_inflight_hold(t, p, "x"), "who has no row holds nothing");
    gw_inflight_claim(t, mem);
    g = gw_inflight_hold(t, p, "x");
    same = gw_inflight_hold(t, q, "x");
    ok(g && same && same->column == g->column, "held twice");
    ok(gw_inflight_hold(t, p, "conf")->column == conf->column,
       "what the configuration has can be held too");
    is_int(gw_inflight_count(g), 0, "to hold is not to use");
    is_int(gw_inflight_enter(g, 1), 1, "one");
    is_int(gw_inflight_enter(same, 1), 0, "not two");
    is_int(gw_inflight_count(g), 1, "one is in use");
    apr_pool_destroy(p);
    is_int(gw_inflight_tidy(t), 0, "another one holds it");
    apr_pool_destroy(q);
    is_int(gw_inflight_tidy(t), 0, "it is still in use");
    p = sub_pool();
    same = gw_inflight_hold(t, p, "x");
    gw_inflight_leave(same);
    is_int(gw_inflight_tidy(t), 0, "held again");
    apr_pool_destroy(p);
    is_int(gw_inflight_tidy(t), 1, "nobody needs it");
    is_int(columns_taken(t), 1, "that of the configuration stays");
    is_int(gw_inflight_tidy(t), 0, "nothing is taken back twice");
    gw_inflight_release(t, (apr_uint32_t)getpid());
}

/* Members come and go: their keys are never seen again. */
static void test_months(void)
{
    gw_inflight *t = table_of(mem, 2, 24);
    apr_pool_t *pools[8] = { NULL };
    unsigned i, none = 0, wrong = 0, most = 0;
    gw_gauge *conf, *g;

    gw_inflight_begin(t);
    conf = gw_inflight_gauge(t, mem, "conf");
    gw_inflight_claim(t, mem);
    gw_inflight_enter(conf, 0);
    for (i = 0; i < 20000; i++) {
        apr_pool_t **p = &pools[i % 8];

        if (*p) {
            apr_pool_destroy(*p);
        }
        *p = sub_pool();
        g = gw_inflight_hold(t, *p, apr_psprintf(*p, "k%u", i));
        none += !g;
        wrong += gw_inflight_enter(g, 1) != 1 || gw_inflight_enter(g, 1);
        gw_inflight_leave(g);
        if (i % 7 == 0) {
            gw_inflight_tidy(t);
        }
        most = columns_taken(t) > most ? columns_taken(t) : most;
    }
    is_int(none, 0, "20000 keys, one after the other: each has a column");
    is_int(wrong, 0, "that nobody else counts in");
    ok(most <= 16, "of %u at most", most);
    for (i = 0; i < 8; i++) {
        apr_pool_destroy(pools[i]);
    }
    gw_inflight_tidy(t);
    is_int(columns_taken(t), 1, "all are back but that of the configuration");
    is_int(gw_inflight_count(conf), 1, "which counted on");
    wrong = 0;
    for (i = 0; i < 24; i++) {
        wrong += t->columns[i].id == GONE;
    }
    is_int(wrong, 0, "behind the last key of a run nothing is looked at");
    gw_inflight_release(t, (apr_uint32_t)getpid());
}

static void test_told(void)
{
    gw_inflight *t = table_of(mem, 1, 1);
    apr_pool_t *p = sub_pool();
    apr_uint64_t more;
    gw_gauge *g;

    gw_inflight_begin(t);
    gw_inflight_claim(t, mem);
    g = gw_inflight_hold(t, p, "a");
    gw_inflight_refused(g, GW_SEC(5), &more);
    gw_inflight_refused(g, GW_SEC(5), &more);
    apr_pool_destroy(p);
    is_int(gw_inflight_tidy(t), 1, "taken back");
    p = sub_pool();
    g = gw_inflight_hold(t, p, "b");
    gw_inflight_refused(g, GW_SEC(9), &more);
    is_int(more, 0, "those turned away before were another key's");
    apr_pool_destroy(p);
    gw_inflight_release(t, (apr_uint32_t)getpid());
}

static void hold_key(gw_inflight *t, const gw_gauge *g, unsigned arg)
{
    gw_inflight_hold(t, mem, apr_psprintf(mem, "k%u", arg));
    add(&board->ready, 1);
    wait_for(&board->go, arg);
}

/* A child that drains holds what it made, and what its configuration has. */
static void test_draining(void)
{
    gw_inflight *t = table_of(mem, 3, 4);
    apr_pool_t *p = sub_pool();
    pid_t old, killed;

    memset(board, 0, sizeof(*board));
    gw_inflight_begin(t);
    gw_inflight_gauge(t, mem, "conf");
    old = start(t, NULL, hold_key, 1);
    killed = start(t, NULL, hold_key, 2);
    wait_for(&board->ready, 2);
    gw_inflight_begin(t);
    gw_inflight_gauge(t, mem, "conf2");
    gw_inflight_claim(t, mem);
    gw_inflight_hold(t, p, "k1");
    is_int(gw_inflight_tidy(t), 0, "an old child is there");
    kill(killed, SIGKILL);
    reap(t, killed);
    is_int(gw_inflight_tidy(t), 1, "what a killed one held is free");
    apr_pool_destroy(p);
    is_int(gw_inflight_tidy(t), 0, "the new child lets go: not the old one");
    set(&board->go, 1);
    reap(t, old);
    is_int(gw_inflight_tidy(t), 2,
           "its key is free, and that of its configuration");
    is_int(columns_taken(t), 1, "the new configuration's stays");
    gw_inflight_release(t, (apr_uint32_t)getpid());
}

static void test_gate(void)
{
    gw_inflight *t = table_of(mem, 2, 2);
    apr_pool_t *p = sub_pool();
    gw_time began;

    gw_inflight_begin(t);
    gw_inflight_claim(t, mem);
    gw_inflight_hold(t, p, "a");
    apr_pool_destroy(p);
    start_asking(t, &t->processes[0]);
    is_int(gw_inflight_tidy(t), 0, "while somebody asks none is taken back");
    stop_asking(&t->processes[0]);
    is_int(gw_inflight_tidy(t), 1, "afterwards it is");
    t->head->closed = 1;
    began = gw_now();
    p = sub_pool();
    ok(!gw_inflight_hold(t, p, "a"), "a parent that stands still");
    ok(gw_now() - began < GW_SEC(5), "holds nobody up for long");
    is_int(t->processes[0].asking, 0, "and nobody is left asking");
    apr_pool_destroy(p);
    gw_inflight_release(t, (apr_uint32_t)getpid());
}

/* Hold keys and let go of them, over and over; who is in a key's only place
 * is alone there. */
static void come_and_go(gw_inflight *t, const gw_gauge *unused, unsigned arg)
{
    unsigned seed = arg * 77 + 1;
    unsigned i;

    for (i = 0; i < 4000; i++) {
        apr_pool_t *p = sub_pool();
        unsigned k = (seed = seed * 1103515245u + 12345u) / 65536 % KEYS;
        gw_gauge *g = gw_inflight_hold(t, p, apr_psprintf(p, "k%u", k));

        if (g && gw_inflight_enter(g, 1)) {
            if (__atomic_exchange_n(&board->key[k], 1, __ATOMIC_SEQ_CST)) {
                add(&board->wrong, 1);
            }
            if (i % 4 == 0) {
                sched_yield();
            }
            set(&board->key[k], 0);
            gw_inflight_leave(g);
            add(&board->entered, 1);
        }
        apr_pool_destroy(p);
    }
    add(&board->done, 1);
    wait_for(&board->go, 1);
}

static void test_come_and_go(void)
{
    gw_inflight *t = table_of(mem, CHILDREN, 32);
    pid_t pids[CHILDREN];
    unsigned i, taken = 0;

    memset(board, 0, sizeof(*board));
    gw_inflight_begin(t);
    for (i = 0; i < CHILDREN; i++) {
        pids[i] = start(t, NULL, come_and_go, i);
    }
    while (get(&board->done) < CHILDREN) {
        taken += gw_inflight_tidy(t);
        sched_yield();
    }
    is_int(get(&board->wrong), 0, "a key never has two columns");
    ok(get(&board->entered) > 1000, "%u times inside", get(&board->entered));
    ok(taken > KEYS, "%u columns were taken back meanwhile", taken);
    gw_inflight_tidy(t);
    is_int(columns_taken(t), 0, "all of them in the end");
    set(&board->go, 1);
    for (i = 0; i < CHILDREN; i++) {
        is_int(reap(t, pids[i]), 0, "child %u had nothing left", i);
    }
}

/* --- rows --------------------------------------------------------------- */

static void hold(gw_inflight *t, const gw_gauge *g, unsigned n)
{
    while (n--) {
        gw_inflight_enter(g, 0);
    }
    add(&board->ready, 1);
    wait_for(&board->go, 1);
}

static void test_rows(void)
{
    gw_inflight *t = table_of(mem, 2, 2);
    gw_gauge *g = gw_inflight_gauge(t, mem, "g");
    pid_t one, two, three;

    memset(board, 0, sizeof(*board));
    one = start(t, g, hold, 2);
    wait_for(&board->ready, 1);
    two = start(t, g, hold, 3);
    wait_for(&board->ready, 2);
    is_int(gw_inflight_count(g), 5, "the sum of both");
    three = start(t, g, hold, 1);
    wait_for(&board->ready, 3);
    is_int(gw_inflight_count(g), 5, "who has no row is not seen");
    kill(one, SIGKILL);
    is_int(reap(t, one), 2, "what the killed one had");
    is_int(gw_inflight_count(g), 3, "is free");
    is_int(rows_taken(t), 1, "its row too");
    one = start(t, g, hold, 1);
    wait_for(&board->ready, 4);
    is_int(gw_inflight_count(g), 4, "the next child has it");
    is_int(t->head->top, 2, "no row beyond");
    kill(two, SIGKILL);
    waitpid(two, NULL, 0);
    gw_inflight_sweep(t);
    is_int(gw_inflight_count(g), 1, "a sweep finds an end that nobody told");
    set(&board->go, 1);
    reap(t, one);
    reap(t, three);
    is_int(rows_taken(t), 0, "all rows are free");
}

/* A process without a row: limited by what it and those with rows use. */
static void test_no_row(void)
{
    gw_inflight *t = table_of(mem, 1, 2);
    gw_gauge *g = gw_inflight_gauge(t, mem, "g");
    pid_t pid;

    memset(board, 0, sizeof(*board));
    pid = start(t, g, hold, 2);
    wait_for(&board->ready, 1);
    is_int(gw_inflight_claim(t, mem), APR_ENOSPC, "no row is left");
    is_int(gw_inflight_enter(g, 3), 1, "the third may");
    is_int(gw_inflight_enter(g, 3), 0, "the fourth not");
    is_int(gw_inflight_count(g), 3, "three here");
    gw_inflight_leave(g);
    is_int(gw_inflight_count(g), 2, "and two");
    set(&board->go, 1);
    reap(t, pid);
}

/* --- many at once ------------------------------------------------------- */

/* Round after round all ask for the last place at the same moment. */
static void race(gw_inflight *t, const gw_gauge *g, unsigned rounds)
{
    unsigned i;

    for (i = 1; i <= rounds; i++) {
        wait_for(&board->go, i);
        if (gw_inflight_enter(g, 1)) {
            add(&board->won, 1);
        }
        add(&board->done, 1);
    }
    wait_for(&board->go, 0);
}

static void run_race(unsigned n, unsigned rounds)
{
    gw_inflight *t = table_of(mem, n, 2);
    gw_gauge *g = gw_inflight_gauge(t, mem, "g");
    unsigned i, none = 0, several = 0;
    pid_t pids[CHILDREN];

    memset(board, 0, sizeof(*board));
    for (i = 0; i < n; i++) {
        pids[i] = start(t, g, race, rounds);
    }
    for (i = 1; i <= rounds; i++) {
        unsigned k;

        set(&board->won, 0);
        set(&board->done, 0);
        set(&board->go, i);
        wait_for(&board->done, n);
        none += get(&board->won) == 0;
        several += get(&board->won) > 1;
        /* for the next round: all cells of this column */
        for (k = 0; k < n; k++) {
            __atomic_store_n(&g->cells[k], 0, __ATOMIC_SEQ_CST);
        }
    }
    set(&board->go, 0);
    for (i = 0; i < n; i++) {
        reap(t, pids[i]);
    }
    is_int(several, 0, "%u ask %u times for one: never two get it", n,
           rounds);
    ok(none <= rounds / 100, "and somebody does (not %u times)", none);
}

/* In and out, with a look at how many are inside. */
static void turn_around(gw_inflight *t, const gw_gauge *g, unsigned rounds)
{
    unsigned i, most;

    add(&board->ready, 1);
    wait_for(&board->go, 1);
    for (i = 0; i < rounds; i++) {
        if (gw_inflight_enter(g, 3)) {
            unsigned now = __atomic_add_fetch(&board->inside, 1,
                                              __ATOMIC_SEQ_CST);

            most = get(&board->most);
            while (now > most
                   && !__atomic_compare_exchange_n(&board->most, &most, now,
                                                   0, __ATOMIC_SEQ_CST,
                                                   __ATOMIC_SEQ_CST)) {
                /* most is what another one saw */
            }
            if (i % 16 == 0) {
                sched_yield();
            }
            add(&board->entered, 1);
            add(&board->inside, (unsigned)-1);
            gw_inflight_leave(g);
        }
        else {
            sched_yield();
        }
    }
}

static void test_bound(void)
{
    gw_inflight *t = table_of(mem, CHILDREN, 2);
    gw_gauge *g = gw_inflight_gauge(t, mem, "g");
    pid_t pids[CHILDREN];
    unsigned i;

    memset(board, 0, sizeof(*board));
    for (i = 0; i < CHILDREN; i++) {
        pids[i] = start(t, g, turn_around, 5000);
    }
    wait_for(&board->ready, CHILDREN);
    set(&board->go, 1);
    for (i = 0; i < CHILDREN; i++) {
        is_int(reap(t, pids[i]), 0, "child %u had nothing left", i);
    }
    is_int(get(&board->most), 3, "never more than three inside");
    ok(get(&board->entered) > CHILDREN * 1000, "%u times inside",
       get(&board->entered));
    is_int(gw_inflight_count(g), 0, "nobody in the end");
}

static void in_and_out(gw_inflight *t, const gw_gauge *g, unsigned arg)
{
    add(&board->ready, 1);
    for (;;) {
        if (gw_inflight_enter(g, 4)) {
            gw_inflight_leave(g);
        }
    }
}

/* Killed anywhere between enter and leave, over and over. */
static void test_killed(void)
{
    gw_inflight *t = table_of(mem, CHILDREN, 2);
    gw_gauge *g = gw_inflight_gauge(t, mem, "g");
    pid_t pids[CHILDREN];
    unsigned i, held = 0, kills = 100;

    memset(board, 0, sizeof(*board));
    for (i = 0; i < CHILDREN; i++) {
        pids[i] = start(t, g, in_and_out, 0);
    }
    wait_for(&board->ready, CHILDREN);
    for (i = 0; i < kills; i++) {
        pid_t *victim = &pids[i % CHILDREN];

        kill(*victim, SIGKILL);
        held += reap(t, *victim);
        *victim = start(t, g, in_and_out, 0);
        wait_for(&board->ready, CHILDREN + 1 + i);
    }
    for (i = 0; i < CHILDREN; i++) {
        kill(pids[i], SIGKILL);
        held += reap(t, pids[i]);
    }
    ok(held > 0 && held <= kills + CHILDREN,
       "%u of %u died while they were in", held, kills + CHILDREN);
    is_int(gw_inflight_count(g), 0, "nothing leaked");
    is_int(rows_taken(t), 0, "no row either");
}

/* --- those turned away -------------------------------------------------- */

static void test_refused(void)
{
    gw_inflight *t = table_of(mem, 1, 2);
    gw_gauge *g = gw_inflight_gauge(t, mem, "g");
    apr_uint64_t more = 9;

    is_int(gw_inflight_refused(g, GW_SEC(5), &more), 1, "the first is told");
    is_int(more, 0, "no others");
    is_int(gw_inflight_refused(g, GW_SEC(5) + 1, &more), 0, "not the next");
    is_int(gw_inflight_refused(g, GW_SEC(6) - 1, &more), 0, "within a second");
    is_int(gw_inflight_refused(g, GW_SEC(6), &more), 1, "then one is");
    is_int(more, 2, "with those in between");
    is_int(gw_inflight_refused(g, GW_SEC(9), &more), 1, "the next");
    is_int(more, 0, "with none");
    is_int(gw_inflight_refused(NULL, 0, &more), 1, "without a gauge: each");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&mem, NULL);
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    test_alone();
    test_collision();
    test_sizes();
    test_columns();
    test_columns_at_once();
    test_hold();
    test_months();
    test_told();
    test_draining();
    test_gate();
    test_come_and_go();
    test_rows();
    test_no_row();
    run_race(2, 2000);
    run_race(CHILDREN, 500);
    test_bound();
    test_killed();
    test_refused();
    munmap(board, sizeof(*board));
    apr_pool_destroy(mem);
    apr_terminate();
    return done_testing();
}
