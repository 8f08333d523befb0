#include "gw_inflight.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <apr_errno.h>
#include <apr_md5.h>
#include "gw_clock.h"

/* Of this layout, so that a module of another version, loaded at a restart,
 * does not read it. */
#define LAYOUT 0x67770002u

/* Cells of different columns do not share cache lines. */
#define LINE 64
#define CELLS_PER_LINE ((unsigned)(LINE / sizeof(apr_uint32_t)))

/* Far more than any server has, and the size stays well inside 64 bits. */
#define ROWS_MAX 1000000
#define COLUMNS_MAX 1000000

/* How often two who took the last place at the same moment try again. Each
 * time they wait for different spans, so that one of them gets it. */
#define ENTER_TRIES 12

/* A cell is two numbers: what its process has in use, and above these bits the
 * gauges of run time that it holds. More in use than descriptors can be; of
 * gauges so few that threads which count at once never go beyond the bits. */
#define USE_BITS 20
#define USES ((1u << USE_BITS) - 1)
#define HOLD (1u << USE_BITS)
#define HOLDS_MAX 2000

/* A column's id when it has no key. */
#define NO_KEY 0                    /* no search has to go on behind it */
#define GONE 1                      /* it does */

/* The parent is done with a column within microseconds, unless something has
 * stopped it altogether. */
#define GATE_MAX GW_MSEC(100)

/* Between two log lines about those who were turned away. */
#define TELL_EVERY GW_SEC(1)

typedef struct shared shared;
struct shared {
    apr_uint32_t layout;
    apr_uint32_t rows;
    apr_uint32_t columns;
    apr_uint32_t stride;            /* cells from column to column */
    apr_uint32_t top;               /* atomic: rows that were ever used */
    apr_uint32_t generation;        /* atomic, of the configuration */
    apr_uint32_t closed;            /* atomic: the parent takes one back */
};

typedef struct process process;
struct process {
    apr_uint32_t pid;               /* atomic; 0: a free row */
    apr_uint32_t generation;        /* atomic: of its configuration; 0: it
                                       has not said yet */
    apr_uint32_t asking;            /* atomic: threads that look for a column
                                       of run time */
};

typedef struct column column;
struct column {
    apr_uint64_t id;                /* atomic, of the key, or why there is
                                       none */
    apr_uint32_t generation;        /* atomic: last asked for in; 0: none */
    apr_uint32_t touched;           /* atomic: its cells were ever used */
    apr_uint64_t refused;           /* atomic, all three */
    apr_uint64_t told;              /* of them, in log lines */
    gw_time told_at;
};

struct gw_inflight {
    /* shared with all processes */
    shared *head;
    column *columns;
    process *processes;             /* one for each row */
    apr_uint32_t *cells;            /* column after column, row after row */
    /* this process's: const once it claimed a row */
    apr_uint32_t generation;        /* of its configuration */
    apr_uint32_t *own;              /* its cell of column 0, or NULL */
    apr_size_t own_step;            /* from column to column */
    int alone;                      /* own is not among the shared cells */
    unsigned row;
};

struct gw_gauge {
    gw_inflight *table;
    column *column;
    apr_uint32_t *cells;
    apr_size_t index;
};

/* --- the memory --------------------------------------------------------- */

static apr_size_t lines(apr_size_t n)
{
    return (n + LINE - 1) / LINE * LINE;
}

static apr_size_t stride_of(unsigned rows)
{
    return (rows + CELLS_PER_LINE - 1) / CELLS_PER_LINE * CELLS_PER_LINE;
}

/* APR keeps a few bytes of its own before what it gives. */
static shared *head_of(apr_shm_t *shm)
{
    apr_uintptr_t at = (apr_uintptr_t)apr_shm_baseaddr_get(shm);

    return (shared *)lines(at);
}

static void place(gw_inflight *t, shared *head, unsigned rows,
                  unsigned columns)
{
    char *at = (char *)head;

    t->head = head;
    at += lines(sizeof(shared));
    t->columns = (column *)at;
    at += lines(sizeof(column) * columns);
    t->processes = (process *)at;
    at += lines(sizeof(process) * rows);
    t->cells = (apr_uint32_t *)at;
}

apr_status_t gw_inflight_create(apr_pool_t *pool, unsigned rows,
                                unsigned columns, apr_shm_t **pshm)
{
    apr_size_t stride = stride_of(rows);
    apr_size_t size = LINE + lines(sizeof(shared))
                      + lines(sizeof(column) * columns)
                      + lines(sizeof(process) * rows)
                      + sizeof(apr_uint32_t) * stride * columns;
    apr_status_t rv;
    shared *head;

    if (!rows || rows > ROWS_MAX || !columns || columns > COLUMNS_MAX) {
        return APR_EINVAL;
    }
    /* without a name nothing is left behind; its pages are zero, and none is
     * used before it is written to */
    rv = apr_shm_create(pshm, size, NULL, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    head = head_of(*pshm);
    head->layout = LAYOUT;
    head->rows = rows;
    head->columns = columns;
    head->stride = (apr_uint32_t)stride;
    return APR_SUCCESS;
}

gw_inflight *gw_inflight_attach(apr_pool_t *pool, apr_shm_t *shm)
{
    shared *head = head_of(shm);
    gw_inflight *t;

    if (head->layout != LAYOUT) {
        return NULL;
    }
    t = apr_pcalloc(pool, sizeof(*t));
    place(t, head, head->rows, head->columns);
    t->generation = __atomic_load_n(&head->generation, __ATOMIC_ACQUIRE);
    return t;
}

/* --- sums --------------------------------------------------------------- */

static unsigned sum(const gw_inflight *t, const apr_uint32_t *cells)
{
    unsigned top = __atomic_load_n(&t->head->top, __ATOMIC_SEQ_CST);
    unsigned n = 0;
    unsigned i;

    for (i = 0; i < top; i++) {
        n += __atomic_load_n(&cells[i], __ATOMIC_SEQ_CST) & USES;
    }
    return n;
}

static apr_uint32_t *own_cell(const gw_gauge *g)
{
    const gw_inflight *t = g->table;

    return t->own ? t->own + t->own_step * g->index : NULL;
}

static unsigned in_use(const gw_gauge *g)
{
    unsigned n = sum(g->table, g->cells);

    if (g->table->alone) {
        n += __atomic_load_n(own_cell(g), __ATOMIC_SEQ_CST);
    }
    return n;
}

unsigned gw_inflight_count(const gw_gauge *gauge)
{
    return gauge ? in_use(gauge) : 0;
}

/* --- columns ------------------------------------------------------------ */

/* 64 bits of a digest: of a thousand keys two are taken for one once in 10^13
 * servers. */
static apr_uint64_t id_of(const char *key)
{
    unsigned char digest[APR_MD5_DIGESTSIZE];
    apr_uint64_t id;

    apr_md5(digest, key, strlen(key));
    memcpy(&id, digest, sizeof(id));
    return id > GONE ? id : GONE + 1;
}

static apr_uint64_t id_at(const gw_inflight *t, apr_uint32_t i)
{
    return __atomic_load_n(&t->columns[i].id, __ATOMIC_ACQUIRE);
}

static apr_uint32_t after(const gw_inflight *t, apr_uint32_t i)
{
    return i + 1 < t->head->columns ? i + 1 : 0;
}

/* Everybody looks in the same order, from where the id says. */
static apr_uint32_t start_of(const gw_inflight *t, apr_uint64_t id)
{
    return (apr_uint32_t)(id % t->head->columns);
}

static column *look_up(gw_inflight *t, apr_uint64_t id)
{
    apr_uint32_t i = start_of(t, id);
    apr_uint32_t n = t->head->columns;
    apr_uint64_t seen = id_at(t, i);

    while (n-- && seen != id && seen != NO_KEY) {
        i = after(t, i);
        seen = id_at(t, i);
    }
    return seen == id ? &t->columns[i] : NULL;
}

/* The key is nowhere, or another process is just writing it. As no column
 * becomes free meanwhile, all who want a place for it take the same one. */
static column *insert(gw_inflight *t, apr_uint64_t id)
{
    apr_uint32_t i = start_of(t, id);
    apr_uint32_t n;

    for (n = t->head->columns; n; n--, i = after(t, i)) {
        column *c = &t->columns[i];
        apr_uint64_t seen = id_at(t, i);

        if (seen <= GONE) {
            __atomic_store_n(&c->touched, 1, __ATOMIC_RELEASE);
            if (__atomic_compare_exchange_n(&c->id, &seen, id, 0,
                                            __ATOMIC_ACQ_REL,
                                            __ATOMIC_ACQUIRE)) {
                return c;
            }
        }
        if (seen == id) {
            return c;
        }
    }
    return NULL;
}

static column *find(gw_inflight *t, apr_uint64_t id)
{
    column *c = look_up(t, id);

    return c ? c : insert(t, id);
}

static apr_uint32_t *cells_of(const gw_inflight *t, const column *c)
{
    return t->cells + (apr_size_t)(c - t->columns) * t->head->stride;
}

static gw_gauge *make_gauge(gw_inflight *t, apr_pool_t *pool, column *c)
{
    gw_gauge *g = apr_palloc(pool, sizeof(*g));

    g->table = t;
    g->column = c;
    g->cells = cells_of(t, c);
    g->index = (apr_size_t)(c - t->columns);
    return g;
}

/* --- columns that nobody needs ------------------------------------------ */

static int is_needed(const gw_inflight *t, const column *c)
{
    apr_uint32_t top = __atomic_load_n(&t->head->top, __ATOMIC_SEQ_CST);
    const apr_uint32_t *cells = cells_of(t, c);
    apr_uint32_t i;

    for (i = 0; i < top; i++) {
        if (__atomic_load_n(&cells[i], __ATOMIC_SEQ_CST)) {
            return 1;
        }
    }
    return 0;
}

static int somebody_asks(const gw_inflight *t)
{
    apr_uint32_t top = __atomic_load_n(&t->head->top, __ATOMIC_SEQ_CST);
    apr_uint32_t i;

    for (i = 0; i < top; i++) {
        if (__atomic_load_n(&t->processes[i].asking, __ATOMIC_SEQ_CST)) {
            return 1;
        }
    }
    return 0;
}

/* Who asks was there first, and then nothing is taken back; or sees that it
 * is closed, and waits. */
static int close_gate(gw_inflight *t)
{
    __atomic_store_n(&t->head->closed, 1, __ATOMIC_SEQ_CST);
    return !somebody_asks(t);
}

static void open_gate(gw_inflight *t)
{
    __atomic_store_n(&t->head->closed, 0, __ATOMIC_SEQ_CST);
}

static int take_back(gw_inflight *t, column *c)
{
    int taken = close_gate(t) && !is_needed(t, c);

    if (taken) {
        __atomic_store_n(&c->generation, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&c->told,
                         __atomic_load_n(&c->refused, __ATOMIC_ACQUIRE),
                         __ATOMIC_RELEASE);
        __atomic_store_n(&c->id, GONE, __ATOMIC_RELEASE);
    }
    open_gate(t);
    return taken;
}

/* Whoever looks for a key need not go beyond those that no key lies behind:
 * from its place back to where its search starts. */
static void shorten_searches(gw_inflight *t)
{
    apr_uint32_t n = t->head->columns;
    apr_int64_t reach = -1;             /* of keys behind i, as far as i */
    apr_uint32_t i = n - 1;
    apr_uint32_t k;

    if (close_gate(t)) {
        /* the first time around finds what reaches over the end */
        for (k = 0; k < 2 * n; k++, i = i ? i - 1 : n - 1) {
            apr_uint64_t id = id_at(t, i);

            if (k >= n && id == GONE && reach < 0) {
                __atomic_store_n(&t->columns[i].id, NO_KEY, __ATOMIC_RELEASE);
            }
            if (id > GONE) {
                apr_int64_t back = (i + n - start_of(t, id)) % n;

                reach = back > reach ? back : reach;
            }
            reach--;
        }
    }
    open_gate(t);
}

/* Take back the columns of keys that no configuration from this generation on
 * has. */
static unsigned take_older(gw_inflight *t, apr_uint32_t generation)
{
    unsigned n = 0;
    apr_uint32_t i;

    for (i = 0; i < t->head->columns; i++) {
        column *c = &t->columns[i];

        if (id_at(t, i) > GONE
            && __atomic_load_n(&c->generation, __ATOMIC_ACQUIRE) < generation
            && !is_needed(t, c)) {
            n += (unsigned)take_back(t, c);
        }
    }
    if (n) {
        shorten_searches(t);
    }
    return n;
}

/* The oldest configuration that a process has. */
static apr_uint32_t oldest(const gw_inflight *t)
{
    apr_uint32_t top = __atomic_load_n(&t->head->top, __ATOMIC_SEQ_CST);
    apr_uint32_t least = t->generation;
    apr_uint32_t i;

    for (i = 0; i < top; i++) {
        const process *p = &t->processes[i];
        apr_uint32_t g = __atomic_load_n(&p->generation, __ATOMIC_SEQ_CST);

        if (__atomic_load_n(&p->pid, __ATOMIC_SEQ_CST) && g < least) {
            least = g;
        }
    }
    return least;
}

unsigned gw_inflight_tidy(gw_inflight *table)
{
    return take_older(table, oldest(table));
}

/* --- gauges ------------------------------------------------------------- */

void gw_inflight_begin(gw_inflight *table)
{
    table->generation = __atomic_add_fetch(&table->head->generation, 1,
                                           __ATOMIC_ACQ_REL);
}

gw_gauge *gw_inflight_gauge(gw_inflight *table, apr_pool_t *pool,
                            const char *key)
{
    apr_uint64_t id = id_of(key);
    column *c = find(table, id);

    if (!c && take_older(table, table->generation)) {
        /* A draining child that comes back to a key of its configuration may
         * count for another one then, until it ends. */
        c = find(table, id);
    }
    if (!c) {
        return NULL;
    }
    __atomic_store_n(&c->generation, table->generation, __ATOMIC_RELEASE);
    return make_gauge(table, pool, c);
}

static apr_status_t let_go(void *gauge)
{
    __atomic_sub_fetch(own_cell(gauge), HOLD, __ATOMIC_SEQ_CST);
    return APR_SUCCESS;
}

static void stop_asking(process *p)
{
    __atomic_sub_fetch(&p->asking, 1, __ATOMIC_SEQ_CST);
}

/* From now on no column is taken back, until stop_asking(). */
static int start_asking(const gw_inflight *t, process *p)
{
    gw_time until = gw_now_unheld() + GATE_MAX;

    do {
        __atomic_add_fetch(&p->asking, 1, __ATOMIC_SEQ_CST);
        if (!__atomic_load_n(&t->head->closed, __ATOMIC_SEQ_CST)) {
            return 1;
        }
        stop_asking(p);
        sched_yield();
    } while (gw_now_unheld() < until);
    return 0;
}

gw_gauge *gw_inflight_hold(gw_inflight *table, apr_pool_t *pool,
                           const char *key)
{
    process *p = &table->processes[table->row];
    apr_uint32_t *own;
    gw_gauge *g = NULL;
    column *c;

    if (!table->own || table->alone || !start_asking(table, p)) {
        return NULL;
    }
    c = find(table, id_of(key));
    if (c) {
        g = make_gauge(table, pool, c);
        own = own_cell(g);
        if (__atomic_load_n(own, __ATOMIC_SEQ_CST) / HOLD < HOLDS_MAX) {
            __atomic_add_fetch(own, HOLD, __ATOMIC_SEQ_CST);
            apr_pool_cleanup_register(pool, g, let_go, apr_pool_cleanup_null);
        }
        else {
            g = NULL;
        }
    }
    stop_asking(p);
    return g;
}

gw_inflight *gw_inflight_of(const gw_gauge *gauge)
{
    return gauge->table;
}

/* --- rows --------------------------------------------------------------- */

static void raise_top(gw_inflight *t, apr_uint32_t top)
{
    apr_uint32_t seen = __atomic_load_n(&t->head->top, __ATOMIC_SEQ_CST);

    while (seen < top
           && !__atomic_compare_exchange_n(&t->head->top, &seen, top, 0,
                                           __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST)) {
        /* seen is what another process made it */
    }
}

static int take_row(gw_inflight *t, apr_uint32_t pid)
{
    unsigned i;

    for (i = 0; i < t->head->rows; i++) {
        apr_uint32_t none = 0;

        if (__atomic_compare_exchange_n(&t->processes[i].pid, &none, pid, 0,
                                        __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)) {
            t->row = i;
            return 1;
        }
    }
    return 0;
}

apr_status_t gw_inflight_claim(gw_inflight *table, apr_pool_t *pool)
{
    apr_uint32_t pid = (apr_uint32_t)getpid();

    /* of an earlier process with this number whose end nobody noticed */
    gw_inflight_release(table, pid);
    if (!take_row(table, pid)) {
        table->alone = 1;
        table->own_step = 1;
        table->own = apr_pcalloc(pool, sizeof(*table->own)
                                       * table->head->columns);
        return APR_ENOSPC;
    }
    raise_top(table, table->row + 1);
    __atomic_store_n(&table->processes[table->row].generation,
                     table->generation, __ATOMIC_SEQ_CST);
    table->own_step = table->head->stride;
    table->own = table->cells + table->row;
    return APR_SUCCESS;
}

static unsigned clear_row(gw_inflight *t, unsigned row)
{
    process *p = &t->processes[row];
    unsigned n = 0;
    unsigned i;

    for (i = 0; i < t->head->columns; i++) {
        /* other cells were never touched: nor are they now, so that their
         * memory need not exist */
        if (__atomic_load_n(&t->columns[i].touched, __ATOMIC_ACQUIRE)) {
            n += __atomic_exchange_n(&t->cells[(apr_size_t)i
                                               * t->head->stride + row], 0,
                                     __ATOMIC_SEQ_CST) & USES;
        }
    }
    __atomic_store_n(&p->asking, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&p->generation, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&p->pid, 0, __ATOMIC_SEQ_CST);
    return n;
}

unsigned gw_inflight_release(gw_inflight *table, apr_uint32_t pid)
{
    unsigned top = __atomic_load_n(&table->head->top, __ATOMIC_SEQ_CST);
    unsigned i;

    for (i = 0; i < top; i++) {
        if (__atomic_load_n(&table->processes[i].pid, __ATOMIC_SEQ_CST)
            == pid) {
            return clear_row(table, i);
        }
    }
    return 0;
}

void gw_inflight_sweep(gw_inflight *table)
{
    unsigned top = __atomic_load_n(&table->head->top, __ATOMIC_SEQ_CST);
    unsigned i;

    for (i = 0; i < top; i++) {
        apr_uint32_t pid = __atomic_load_n(&table->processes[i].pid,
                                           __ATOMIC_SEQ_CST);

        if (pid && kill((pid_t)pid, 0) < 0 && errno == ESRCH) {
            clear_row(table, i);
        }
    }
}

/* --- use ---------------------------------------------------------------- */

/* A moment, longer for each further try and for each higher row. */
static void step_back(const gw_gauge *g, const apr_uint32_t *own, int tries)
{
    unsigned n = (g->table->row % CELLS_PER_LINE + 1) << tries;

    while (n--) {
        __atomic_load_n(own, __ATOMIC_SEQ_CST);
    }
}

/*
 * Of those who are in, the last one to add itself added first and looked
 * then, so it saw all the others: that it stayed means that they all are no
 * more than max.
 */
int gw_inflight_enter(const gw_gauge *gauge, unsigned max)
{
    apr_uint32_t *own = gauge ? own_cell(gauge) : NULL;
    int i;

    if (!own) {
        return 1;
    }
    if (!max) {
        __atomic_add_fetch(own, 1, __ATOMIC_SEQ_CST);
        return 1;
    }
    for (i = 0; i < ENTER_TRIES && in_use(gauge) < max; i++) {
        __atomic_add_fetch(own, 1, __ATOMIC_SEQ_CST);
        if (in_use(gauge) <= max) {
            return 1;
        }
        __atomic_sub_fetch(own, 1, __ATOMIC_SEQ_CST);
        step_back(gauge, own, i);
    }
    return 0;
}

void gw_inflight_leave(const gw_gauge *gauge)
{
    apr_uint32_t *own = gauge ? own_cell(gauge) : NULL;

    if (own) {
        __atomic_sub_fetch(own, 1, __ATOMIC_SEQ_CST);
    }
}

int gw_inflight_refused(const gw_gauge *gauge, gw_time now,
                        apr_uint64_t *pmore)
{
    column *c;
    gw_time at;
    apr_uint64_t n;

    *pmore = 0;
    if (!gauge) {
        return 1;
    }
    c = gauge->column;
    n = __atomic_add_fetch(&c->refused, 1, __ATOMIC_ACQ_REL);
    at = __atomic_load_n(&c->told_at, __ATOMIC_ACQUIRE);
    if ((at && now - at < TELL_EVERY)
        || !__atomic_compare_exchange_n(&c->told_at, &at, now, 0,
                                        __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
        return 0;
    }
    *pmore = n - 1 - __atomic_exchange_n(&c->told, n, __ATOMIC_ACQ_REL);
    return 1;
}
