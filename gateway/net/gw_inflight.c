#include "gw_inflight.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <apr_errno.h>
#include <apr_md5.h>

/* Of this layout, so that a module of another version, loaded at a restart,
 * does not read it. */
#define LAYOUT 0x67770001u

/* Cells of different columns do not share cache lines. */
#define LINE 64
#define CELLS_PER_LINE ((unsigned)(LINE / sizeof(apr_uint32_t)))

/* Far more than any server has, and the size stays well inside 64 bits. */
#define ROWS_MAX 1000000
#define COLUMNS_MAX 1000000

/* How often two who took the last place at the same moment try again. Each
 * time they wait for different spans, so that one of them gets it. */
#define ENTER_TRIES 12

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
};

typedef struct column column;
struct column {
    apr_uint64_t id;                /* atomic, of the key; 0: free */
    apr_uint32_t generation;        /* atomic: last asked for in */
    apr_uint64_t refused;           /* atomic, all three */
    apr_uint64_t told;              /* of them, in log lines */
    gw_time told_at;
};

struct gw_inflight {
    /* shared with all processes */
    shared *head;
    column *columns;
    apr_uint32_t *pids;             /* atomic; 0: a free row */
    apr_uint32_t *cells;            /* column after column, row after row */
    /* this process's: const once it claimed a row */
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
    t->pids = (apr_uint32_t *)at;
    at += lines(sizeof(apr_uint32_t) * rows);
    t->cells = (apr_uint32_t *)at;
}

apr_status_t gw_inflight_create(apr_pool_t *pool, unsigned rows,
                                unsigned columns, apr_shm_t **pshm)
{
    apr_size_t stride = stride_of(rows);
    apr_size_t size = LINE + lines(sizeof(shared))
                      + lines(sizeof(column) * columns)
                      + lines(sizeof(apr_uint32_t) * rows)
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
    return t;
}

/* --- sums --------------------------------------------------------------- */

static unsigned sum(const gw_inflight *t, const apr_uint32_t *cells)
{
    unsigned top = __atomic_load_n(&t->head->top, __ATOMIC_SEQ_CST);
    unsigned n = 0;
    unsigned i;

    for (i = 0; i < top; i++) {
        n += __atomic_load_n(&cells[i], __ATOMIC_SEQ_CST);
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
    return id ? id : 1;
}

/* Everybody looks in the same order from where the id says, and no column
 * becomes free again; so all find, or make, the same one. */
static column *find(gw_inflight *t, apr_uint64_t id)
{
    apr_uint32_t n = t->head->columns;
    apr_uint32_t i = (apr_uint32_t)(id % n);
    apr_uint32_t k;

    for (k = 0; k < n; k++, i = i + 1 < n ? i + 1 : 0) {
        column *c = &t->columns[i];
        apr_uint64_t seen = __atomic_load_n(&c->id, __ATOMIC_ACQUIRE);

        if (!seen && __atomic_compare_exchange_n(&c->id, &seen, id, 0,
                                                 __ATOMIC_ACQ_REL,
                                                 __ATOMIC_ACQUIRE)) {
            return c;
        }
        if (seen == id) {
            return c;
        }
    }
    return NULL;
}

static apr_uint32_t *cells_of(const gw_inflight *t, const column *c)
{
    return t->cells + (apr_size_t)(c - t->columns) * t->head->stride;
}

static apr_uint32_t generation_of(const gw_inflight *t)
{
    return __atomic_load_n(&t->head->generation, __ATOMIC_ACQUIRE);
}

/* The table is full: take the column of a key that the configuration has no
 * longer and that nobody uses. A draining child that comes back to that key
 * counts for the new one then, until it ends. */
static column *recycle(gw_inflight *t, apr_uint64_t id)
{
    apr_uint32_t now = generation_of(t);
    apr_uint32_t i;

    for (i = 0; i < t->head->columns; i++) {
        column *c = &t->columns[i];

        if (__atomic_load_n(&c->generation, __ATOMIC_ACQUIRE) != now
            && !sum(t, cells_of(t, c))) {
            __atomic_store_n(&c->told,
                             __atomic_load_n(&c->refused, __ATOMIC_ACQUIRE),
                             __ATOMIC_RELEASE);
            __atomic_store_n(&c->id, id, __ATOMIC_RELEASE);
            return c;
        }
    }
    return NULL;
}

void gw_inflight_begin(gw_inflight *table)
{
    __atomic_add_fetch(&table->head->generation, 1, __ATOMIC_ACQ_REL);
}

gw_gauge *gw_inflight_gauge(gw_inflight *table, apr_pool_t *pool,
                            const char *key)
{
    apr_uint64_t id = id_of(key);
    column *c = find(table, id);
    gw_gauge *g;

    if (!c && !table->own) {
        c = recycle(table, id);
    }
    if (!c) {
        return NULL;
    }
    __atomic_store_n(&c->generation, generation_of(table), __ATOMIC_RELEASE);
    g = apr_palloc(pool, sizeof(*g));
    g->table = table;
    g->column = c;
    g->cells = cells_of(table, c);
    g->index = (apr_size_t)(c - table->columns);
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

        if (__atomic_compare_exchange_n(&t->pids[i], &none, pid, 0,
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
    table->own_step = table->head->stride;
    table->own = table->cells + table->row;
    return APR_SUCCESS;
}

static unsigned clear_row(gw_inflight *t, unsigned row)
{
    unsigned n = 0;
    unsigned i;

    for (i = 0; i < t->head->columns; i++) {
        /* the cells of a free column were never touched: nor are they now,
         * so that their memory need not exist */
        if (__atomic_load_n(&t->columns[i].id, __ATOMIC_ACQUIRE)) {
            n += __atomic_exchange_n(&t->cells[(apr_size_t)i
                                               * t->head->stride + row], 0,
                                     __ATOMIC_SEQ_CST);
        }
    }
    __atomic_store_n(&t->pids[row], 0, __ATOMIC_SEQ_CST);
    return n;
}

unsigned gw_inflight_release(gw_inflight *table, apr_uint32_t pid)
{
    unsigned top = __atomic_load_n(&table->head->top, __ATOMIC_SEQ_CST);
    unsigned i;

    for (i = 0; i < top; i++) {
        if (__atomic_load_n(&table->pids[i], __ATOMIC_SEQ_CST) == pid) {
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
        apr_uint32_t pid = __atomic_load_n(&table->pids[i],
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
