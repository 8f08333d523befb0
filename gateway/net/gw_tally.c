#include "gw_tally.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* Of this layout, so that a module of another version, loaded at a restart,
 * does not read it. */
#define LAYOUT 0x67740001u

/* Far more than any server has. */
#define ROWS_MAX 1000000

/* Rows of different processes do not share cache lines. */
#define LINE 64

typedef union slot slot;
union slot {
    gw_tally_row row;
    char lines[(sizeof(gw_tally_row) + LINE - 1) / LINE * LINE];
};

struct gw_tally {
    apr_uint32_t layout;
    apr_uint32_t rows;
    gw_time told_at;            /* atomic; 0: never */
    gw_tally_row past;          /* what ended processes did; atomic */
    slot slots[1];              /* rows of them */
};

apr_status_t gw_tally_create(apr_pool_t *pool, unsigned rows,
                             apr_shm_t **pshm)
{
    apr_status_t rv;
    gw_tally *t;

    if (!rows || rows > ROWS_MAX) {
        return APR_EINVAL;
    }
    /* without a name nothing is left behind; its pages are zero */
    rv = apr_shm_create(pshm, sizeof(*t) + rows * sizeof(slot), NULL, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    t = apr_shm_baseaddr_get(*pshm);
    t->layout = LAYOUT;
    t->rows = rows;
    return APR_SUCCESS;
}

gw_tally *gw_tally_attach(apr_shm_t *shm)
{
    gw_tally *t = apr_shm_baseaddr_get(shm);

    return t->layout == LAYOUT ? t : NULL;
}

/* --- copies and sums ---------------------------------------------------- */

#define LOAD(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define STORE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define ADD(p, v) __atomic_add_fetch((p), (v), __ATOMIC_RELAXED)

static void copy_row(gw_tally_row *to, const gw_tally_row *from)
{
    int i;

    to->pid = LOAD(&from->pid);
    to->loops = LOAD(&from->loops);
    to->helpers = LOAD(&from->helpers);
    to->helping = LOAD(&from->helping);
    to->queued = LOAD(&from->queued);
    to->adopted = LOAD(&from->adopted);
    to->riding = LOAD(&from->riding);
    to->tunnels = LOAD(&from->tunnels);
    to->inlined = LOAD(&from->inlined);
    to->helped = LOAD(&from->helped);
    to->blocked = LOAD(&from->blocked);
    to->turned_away = LOAD(&from->turned_away);
    to->longest = LOAD(&from->longest);
    for (i = 0; i < GW_TALLY_LOOPS; i++) {
        to->busy[i] = LOAD(&from->busy[i]);
    }
}

static void clear_row(gw_tally_row *row)
{
    int i;

    STORE(&row->loops, 0);
    STORE(&row->helpers, 0);
    STORE(&row->helping, 0);
    STORE(&row->queued, 0);
    STORE(&row->adopted, 0);
    STORE(&row->riding, 0);
    STORE(&row->tunnels, 0);
    STORE(&row->inlined, 0);
    STORE(&row->helped, 0);
    STORE(&row->blocked, 0);
    STORE(&row->turned_away, 0);
    STORE(&row->longest, 0);
    for (i = 0; i < GW_TALLY_LOOPS; i++) {
        STORE(&row->busy[i], 0);
    }
}

static void add_row(gw_tally_sum *sum, const gw_tally_row *row)
{
    gw_tally_row *to = &sum->of;
    int i;

    to->loops += row->loops;
    to->helpers += row->helpers;
    to->helping += row->helping;
    to->queued += row->queued;
    to->adopted += row->adopted;
    to->riding += row->riding;
    to->tunnels += row->tunnels;
    to->inlined += row->inlined;
    to->helped += row->helped;
    to->blocked += row->blocked;
    to->turned_away += row->turned_away;
    if (row->longest > to->longest) {
        to->longest = row->longest;
    }
    for (i = 0; i < GW_TALLY_LOOPS; i++) {
        sum->busy += row->busy[i];
        if (row->busy[i] > sum->busiest) {
            sum->busiest = row->busy[i];
        }
    }
}

/* Of a process that has ended. */
static void keep_past(gw_tally *t, const gw_tally_row *row)
{
    ADD(&t->past.inlined, LOAD(&row->inlined));
    ADD(&t->past.helped, LOAD(&row->helped));
    ADD(&t->past.blocked, LOAD(&row->blocked));
    ADD(&t->past.turned_away, LOAD(&row->turned_away));
}

const gw_tally_row *gw_tally_get(const gw_tally *t, unsigned i,
                                 gw_tally_row *row)
{
    unsigned k;

    for (k = 0; k < t->rows; k++) {
        const gw_tally_row *from = &t->slots[k].row;

        if (__atomic_load_n(&from->pid, __ATOMIC_ACQUIRE) && !i--) {
            copy_row(row, from);
            return row;
        }
    }
    return NULL;
}

void gw_tally_add_up(const gw_tally *t, gw_tally_sum *sum)
{
    gw_tally_row row;
    unsigned i;

    memset(sum, 0, sizeof(*sum));
    copy_row(&row, &t->past);
    add_row(sum, &row);
    for (i = 0; i < t->rows; i++) {
        if (__atomic_load_n(&t->slots[i].row.pid, __ATOMIC_ACQUIRE)) {
            copy_row(&row, &t->slots[i].row);
            add_row(sum, &row);
            sum->children++;
        }
    }
}

/* --- rows --------------------------------------------------------------- */

static void free_row(gw_tally *t, gw_tally_row *row)
{
    keep_past(t, row);
    clear_row(row);
    __atomic_store_n(&row->pid, 0, __ATOMIC_RELEASE);
}

void gw_tally_release(gw_tally *t, apr_uint32_t pid)
{
    unsigned i;

    for (i = 0; i < t->rows; i++) {
        if (LOAD(&t->slots[i].row.pid) == pid) {
            free_row(t, &t->slots[i].row);
        }
    }
}

gw_tally_row *gw_tally_claim(gw_tally *t, apr_uint32_t pid)
{
    unsigned i;

    /* of an earlier process with this number whose end nobody noticed */
    gw_tally_release(t, pid);
    for (i = 0; i < t->rows; i++) {
        gw_tally_row *row = &t->slots[i].row;
        apr_uint32_t none = 0;

        if (__atomic_compare_exchange_n(&row->pid, &none, pid, 0,
                                        __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
            return row;
        }
    }
    return NULL;
}

void gw_tally_sweep(gw_tally *t)
{
    unsigned i;

    for (i = 0; i < t->rows; i++) {
        gw_tally_row *row = &t->slots[i].row;
        apr_uint32_t pid = LOAD(&row->pid);

        if (pid && kill((pid_t)pid, 0) < 0 && errno == ESRCH) {
            free_row(t, row);
        }
    }
}

void gw_tally_clear(gw_tally *t)
{
    unsigned i;

    for (i = 0; i < t->rows; i++) {
        clear_row(&t->slots[i].row);
        STORE(&t->slots[i].row.pid, 0);
    }
    clear_row(&t->past);
}

/* --- what a child notes ------------------------------------------------- */

void gw_tally_note_busy(gw_tally_row *row, int loop, apr_uint32_t permille)
{
    STORE(&row->busy[loop % GW_TALLY_LOOPS], permille);
}

void gw_tally_note_step(gw_tally_row *row, gw_time took)
{
    apr_uint32_t now = took > APR_UINT32_MAX ? APR_UINT32_MAX
                                             : (apr_uint32_t)took;
    apr_uint32_t seen = LOAD(&row->longest);

    while (seen < now
           && !__atomic_compare_exchange_n(&row->longest, &seen, now, 0,
                                           __ATOMIC_RELAXED,
                                           __ATOMIC_RELAXED)) {
        /* seen is what another loop made it */
    }
}

int gw_tally_may_tell(gw_tally *t, gw_time now, gw_time span)
{
    gw_time at = LOAD(&t->told_at);

    return (!at || now - at >= span)
           && __atomic_compare_exchange_n(&t->told_at, &at, now, 0,
                                          __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED);
}
