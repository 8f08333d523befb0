#include "gw_pool.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <apr_thread_mutex.h>
#include "gw_addrset.h"
#include "gw_clock.h"
#include "gw_h1_stream.h"

/* Idle connections per origin: more than that were never of use at once. */
#define IDLE_MAX_DEFAULT 256

/* Idle connections looked at by one poll(2) of gw_pool_expire(). */
#define EXPIRE_BATCH 256

APR_RING_HEAD(gw_conn_ring, gw_conn);
APR_RING_HEAD(gw_turn_ring, gw_turn);
typedef struct gw_conn_ring gw_conn_ring;

/* What the pool knows of one origin; guarded by pool->lock. */
typedef struct gw_slot gw_slot;
struct gw_slot {
    APR_RING_ENTRY(gw_slot) link;
    gw_origin *origin;
    gw_conn_ring idle;              /* youngest first */
    int nidle;
    int leased;                     /* turns granted */
    struct gw_turn_ring line;       /* first come, first served */
    int nline;
    int nshared;                    /* of them with a max */
};
APR_RING_HEAD(gw_slot_ring, gw_slot);

struct gw_pool {
    gw_net net;                     /* first: the port is the pool */
    /* const after creation */
    gw_pool_params params;
    gw_h1_limits limits;
    int idle_total_max;
    apr_thread_mutex_t *lock;
    /* guarded by lock */
    struct gw_slot_ring slots;
    gw_conn_ring lru;               /* all idle ones, oldest first */
    int nidle;
    int nleased;
};

static void lock(gw_pool *pool)
{
    apr_thread_mutex_lock(pool->lock);
}

static void unlock(gw_pool *pool)
{
    apr_thread_mutex_unlock(pool->lock);
}

/* --- under the lock ----------------------------------------------------- */

static gw_slot *slot_of(gw_pool *pool, gw_origin *origin)
{
    gw_slot *slot = origin->slot;

    if (slot) {
        return slot;
    }
    slot = calloc(1, sizeof(*slot));
    if (!slot) {
        return NULL;
    }
    slot->origin = origin;
    APR_RING_INIT(&slot->idle, gw_conn, link);
    APR_RING_INIT(&slot->line, gw_turn, link);
    APR_RING_INSERT_TAIL(&pool->slots, slot, gw_slot, link);
    origin->slot = slot;
    return slot;
}

static void idle_add(gw_pool *pool, gw_slot *slot, gw_conn *conn)
{
    APR_RING_INSERT_HEAD(&slot->idle, conn, gw_conn, link);
    APR_RING_INSERT_TAIL(&pool->lru, conn, gw_conn, lru);
    slot->nidle++;
    pool->nidle++;
}

static void idle_remove(gw_pool *pool, gw_conn *conn)
{
    gw_slot *slot = conn->origin->slot;

    APR_RING_REMOVE(conn, link);
    APR_RING_REMOVE(conn, lru);
    slot->nidle--;
    pool->nidle--;
}

/* The connection to close so that one more may rest, or NULL. */
static gw_conn *one_too_many(gw_pool *pool, gw_slot *slot)
{
    gw_conn *conn = NULL;

    if (slot->nidle > pool->params.idle_max) {
        conn = APR_RING_LAST(&slot->idle);
    }
    else if (pool->nidle > pool->idle_total_max) {
        conn = APR_RING_FIRST(&pool->lru);
    }
    if (conn) {
        idle_remove(pool, conn);
    }
    return conn;
}

static int has_room(const gw_slot *slot, const gw_turn *turn)
{
    int max = turn->opts->maxperchild;

    return !max || slot->leased < max;
}

/* Give the turn if its max allows one more in all processes. */
static int grant(gw_pool *pool, gw_slot *slot, gw_turn *turn)
{
    if (!gw_inflight_enter(slot->origin->busy, (unsigned)turn->opts->max)) {
        return 0;
    }
    turn->granted = 1;
    slot->leased++;
    pool->nleased++;
    return 1;
}

static void wake(gw_turn *turn)
{
    if (turn->waker) {
        turn->waker->wake(turn->waker);
    }
}

static void step_in(gw_slot *slot, gw_turn *turn)
{
    APR_RING_INSERT_TAIL(&slot->line, turn, gw_turn, link);
    slot->nline++;
    if (turn->opts->max && !slot->nshared++) {
        gw_inflight_enter(slot->origin->lookouts, 0);
    }
}

static void step_out(gw_slot *slot, gw_turn *turn)
{
    APR_RING_REMOVE(turn, link);
    slot->nline--;
    if (turn->opts->max && !--slot->nshared) {
        gw_inflight_leave(slot->origin->lookouts);
    }
}

/* Who has to look for what other processes give back. */
static gw_turn *lookout(gw_slot *slot)
{
    return slot->nshared ? APR_RING_FIRST(&slot->line) : NULL;
}

static void tell_lookout(gw_slot *slot, const gw_turn *before)
{
    gw_turn *turn = lookout(slot);

    if (turn && turn != before) {
        wake(turn);
    }
}

/* Let in who fits now. Those left in the line do not fit, so that nobody who
 * comes later and fits has overtaken one of them: when one found its max in
 * use, nobody behind it with that max or a smaller one is asked. */
static void admit(gw_pool *pool, gw_slot *slot)
{
    gw_turn *before = lookout(slot);
    gw_turn *turn = APR_RING_FIRST(&slot->line);
    int full = 0;

    while (turn != APR_RING_SENTINEL(&slot->line, gw_turn, link)) {
        gw_turn *next = APR_RING_NEXT(turn, link);
        int max = turn->opts->max;

        if (has_room(slot, turn) && (!max || max > full)) {
            if (grant(pool, slot, turn)) {
                step_out(slot, turn);
                wake(turn);
            }
            else {
                full = max;
            }
        }
        turn = next;
    }
    tell_lookout(slot, before);
}

/* --- turns -------------------------------------------------------------- */

/* Only who has no limit may pass those who wait. */
static int may_pass(const gw_slot *slot, const gw_turn *turn)
{
    return !slot->nline || (!turn->opts->maxperchild && !turn->opts->max);
}

apr_status_t gw_pool_try(gw_pool *pool, gw_origin *origin, gw_turn *turn)
{
    apr_status_t rv = APR_ENOMEM;
    gw_slot *slot;

    lock(pool);
    slot = slot_of(pool, origin);
    if (slot) {
        rv = may_pass(slot, turn) && has_room(slot, turn)
             && grant(pool, slot, turn) ? APR_SUCCESS : APR_EAGAIN;
    }
    unlock(pool);
    return rv;
}

apr_status_t gw_pool_enter(gw_pool *pool, gw_origin *origin, gw_turn *turn)
{
    apr_status_t rv = APR_EAGAIN;
    gw_turn *before;
    gw_slot *slot;

    lock(pool);
    slot = slot_of(pool, origin);
    if (!slot) {
        unlock(pool);
        return APR_ENOMEM;
    }
    before = lookout(slot);
    step_in(slot, turn);
    admit(pool, slot);
    if (turn->granted) {
        rv = APR_SUCCESS;
    }
    else if (slot->nline > turn->opts->queue) {
        step_out(slot, turn);
        rv = APR_ENOSPC;
    }
    else if (!before) {
        tell_lookout(slot, turn);
    }
    unlock(pool);
    return rv;
}

gw_turn_state gw_pool_look(gw_pool *pool, gw_origin *origin, gw_turn *turn)
{
    gw_turn_state state = GW_TURN_WAITS;
    gw_slot *slot;

    lock(pool);
    slot = origin->slot;
    if (!turn->granted && turn == lookout(slot)) {
        admit(pool, slot);
    }
    if (turn->granted) {
        state = GW_TURN_GRANTED;
    }
    else if (turn == lookout(slot)) {
        state = GW_TURN_LOOKS_OUT;
    }
    unlock(pool);
    return state;
}

gw_time gw_pool_tick(const gw_origin *origin)
{
    unsigned n = gw_inflight_count(origin->lookouts);

    return n <= GW_POOL_LOOKOUTS ? GW_POOL_TICK
                                 : GW_POOL_TICK * n / GW_POOL_LOOKOUTS;
}

void gw_pool_leave(gw_pool *pool, gw_origin *origin, gw_turn *turn)
{
    gw_turn *before;
    gw_slot *slot;

    lock(pool);
    slot = origin->slot;
    if (turn->granted) {
        turn->granted = 0;
        slot->leased--;
        pool->nleased--;
        gw_inflight_leave(origin->busy);
        admit(pool, slot);
    }
    else {
        before = lookout(slot);
        step_out(slot, turn);
        tell_lookout(slot, before);
    }
    unlock(pool);
}

/* --- idle connections --------------------------------------------------- */

static int is_old(const gw_conn *conn, gw_time now, gw_time limit)
{
    return now - conn->idle_since >= limit;
}

/* The youngest one, or the youngest of the same home if that is near. */
static gw_conn *nearest(gw_slot *slot, gw_time now, gw_time ttl, int home)
{
    gw_conn *first = APR_RING_FIRST(&slot->idle);
    gw_conn *conn = first;
    int n;

    for (n = 0; n < GW_POOL_NEAR
                && conn != APR_RING_SENTINEL(&slot->idle, gw_conn, link)
                && !is_old(conn, now, ttl); n++) {
        if (conn->home == home) {
            return conn;
        }
        conn = APR_RING_NEXT(conn, link);
    }
    return first;
}

/* The one to use that is young enough for a caller with this ttl, or that is
 * past its own time and has to be closed. */
static gw_conn *youngest(gw_pool *pool, gw_origin *origin, gw_time now,
                         gw_time ttl, int home)
{
    gw_conn *conn = NULL;
    gw_slot *slot;

    lock(pool);
    slot = origin->slot;
    if (slot && slot->nidle) {
        conn = nearest(slot, now, ttl, home);
        if (is_old(conn, now, ttl) && !is_old(conn, now, conn->idle_max)) {
            /* may still do for a rule with a longer ttl */
            conn = NULL;
        }
        else {
            idle_remove(pool, conn);
        }
    }
    unlock(pool);
    return conn;
}

/* Has its address left the name? To ask also keeps the answer fresh while all
 * requests find a connection. Without an answer the address is as good as
 * any. */
static int has_moved(const gw_pool *pool, const gw_conn *conn)
{
    gw_addrset *set;
    int moved;

    if (conn->origin->literal || !pool->params.resolver
        || gw_resolve(pool->params.resolver, conn->origin->host, NULL, &set,
                      NULL) != APR_SUCCESS) {
        return 0;
    }
    moved = set != conn->addrs
        && !gw_addrset_has(set, &conn->addrs->addrs[conn->next_addr]);
    gw_addrset_release(&set);
    return moved;
}

gw_conn *gw_pool_take(gw_pool *pool, gw_origin *origin, gw_time ttl,
                      int home)
{
    gw_time now = gw_now();
    gw_conn *conn;

    while ((conn = youngest(pool, origin, now, ttl, home)) != NULL) {
        if (!is_old(conn, now, conn->idle_max) && gw_conn_alive(conn)
            && !has_moved(pool, conn)) {
            return conn;
        }
        gw_log(NULL, GW_LOG_TRACE2, APR_SUCCESS, "conn %" APR_UINT64_T_FMT
               " %s: not reused, too old, closed or moved by the backend",
               conn->id, conn->origin->name);
        gw_conn_destroy(&conn);
    }
    return NULL;
}

void gw_pool_put(gw_pool *pool, gw_origin *origin, gw_conn *conn,
                 gw_time idle_max)
{
    gw_conn *victim;
    gw_slot *slot;

    conn->idle_since = gw_now();
    conn->idle_max = idle_max;
    lock(pool);
    slot = origin->slot;
    idle_add(pool, slot, conn);
    victim = one_too_many(pool, slot);
    unlock(pool);
    gw_conn_destroy(&victim);
}

int gw_pool_shed(gw_pool *pool)
{
    gw_conn *conn = NULL;

    lock(pool);
    if (pool->nidle) {
        conn = APR_RING_FIRST(&pool->lru);
        idle_remove(pool, conn);
    }
    unlock(pool);
    if (!conn) {
        return 0;
    }
    gw_conn_destroy(&conn);
    return 1;
}

/* --- expiry ------------------------------------------------------------- */

static void collect(gw_pool *pool, gw_conn *conn, gw_conn_ring *to)
{
    idle_remove(pool, conn);
    APR_RING_INSERT_TAIL(to, conn, gw_conn, link);
}

/* Look at up to EXPIRE_BATCH idle connections from *pat on: those past their
 * time go to old, those with something to read to noisy. */
static void look_at_batch(gw_pool *pool, gw_conn **pat, gw_time now,
                          gw_conn_ring *old, gw_conn_ring *noisy)
{
    gw_conn *end = APR_RING_SENTINEL(&pool->lru, gw_conn, lru);
    gw_conn *seen[EXPIRE_BATCH];
    struct pollfd fds[EXPIRE_BATCH];
    gw_conn *conn = *pat;
    nfds_t i, n = 0;

    while (conn != end && n < EXPIRE_BATCH) {
        gw_conn *next = APR_RING_NEXT(conn, lru);

        if (is_old(conn, now, conn->idle_max)) {
            collect(pool, conn, old);
        }
        else {
            seen[n] = conn;
            fds[n].fd = conn->fd;
            fds[n].events = POLLIN;
            fds[n].revents = 0;
            n++;
        }
        conn = next;
    }
    *pat = conn;
    if (n && poll(fds, n, 0) > 0) {
        for (i = 0; i < n; i++) {
            if (fds[i].revents) {
                collect(pool, seen[i], noisy);
            }
        }
    }
}

static gw_conn *first_of(gw_conn_ring *ring)
{
    gw_conn *conn;

    if (APR_RING_EMPTY(ring, gw_conn, link)) {
        return NULL;
    }
    conn = APR_RING_FIRST(ring);
    APR_RING_REMOVE(conn, link);
    return conn;
}

/* Back among the idle ones as the oldest, its age kept. */
static void put_back(gw_pool *pool, gw_conn *conn)
{
    gw_slot *slot;

    lock(pool);
    slot = conn->origin->slot;
    APR_RING_INSERT_TAIL(&slot->idle, conn, gw_conn, link);
    APR_RING_INSERT_HEAD(&pool->lru, conn, gw_conn, lru);
    slot->nidle++;
    pool->nidle++;
    unlock(pool);
}

void gw_pool_expire(gw_pool *pool)
{
    gw_conn_ring old, noisy;
    gw_time now = gw_now();
    gw_conn *at, *conn;

    APR_RING_INIT(&old, gw_conn, link);
    APR_RING_INIT(&noisy, gw_conn, link);
    lock(pool);
    at = APR_RING_FIRST(&pool->lru);
    while (at != APR_RING_SENTINEL(&pool->lru, gw_conn, lru)) {
        look_at_batch(pool, &at, now, &old, &noisy);
    }
    unlock(pool);
    while ((conn = first_of(&old)) != NULL) {
        gw_conn_destroy(&conn);
    }
    while ((conn = first_of(&noisy)) != NULL) {
        /* over TLS it may have been a session ticket */
        if (gw_conn_alive(conn)) {
            put_back(pool, conn);
        }
        else {
            gw_conn_destroy(&conn);
        }
    }
}

void gw_pool_forget(gw_pool *pool, gw_origin *origin)
{
    gw_conn_ring closing;
    gw_slot *slot;
    gw_conn *conn;

    APR_RING_INIT(&closing, gw_conn, link);
    lock(pool);
    slot = origin->slot;
    while (slot && slot->nidle) {
        collect(pool, APR_RING_FIRST(&slot->idle), &closing);
    }
    if (slot) {
        APR_RING_REMOVE(slot, link);
        origin->slot = NULL;
    }
    unlock(pool);
    free(slot);
    while ((conn = first_of(&closing)) != NULL) {
        gw_conn_destroy(&conn);
    }
}

/* --- life --------------------------------------------------------------- */

static apr_status_t pool_lease(gw_net *net, const gw_lease *lease,
                               gw_stream **ps)
{
    *ps = gw_h1_stream_create((gw_pool *)net, lease);
    return *ps ? APR_SUCCESS : APR_ENOMEM;
}

static int half_of_descriptors(void)
{
    struct rlimit rl;

    if (getrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur == RLIM_INFINITY
        || rl.rlim_cur / 2 > INT_MAX) {
        return INT_MAX;
    }
    return (int)(rl.rlim_cur / 2);
}

apr_status_t gw_pool_create(apr_pool_t *apr_pool,
                            const gw_pool_params *params, gw_pool **ppool)
{
    gw_pool *pool = apr_pcalloc(apr_pool, sizeof(*pool));
    apr_status_t rv;

    *ppool = NULL;
    rv = apr_thread_mutex_create(&pool->lock, APR_THREAD_MUTEX_DEFAULT,
                                 apr_pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    pool->net.lease = pool_lease;
    pool->params = *params;
    if (params->limits) {
        pool->limits = *params->limits;
        pool->params.limits = &pool->limits;
    }
    if (!params->idle_max) {
        pool->params.idle_max = IDLE_MAX_DEFAULT;
    }
    pool->idle_total_max = half_of_descriptors();
    APR_RING_INIT(&pool->slots, gw_slot, link);
    APR_RING_INIT(&pool->lru, gw_conn, lru);
    *ppool = pool;
    return APR_SUCCESS;
}

void gw_pool_destroy(gw_pool **ppool)
{
    gw_pool *pool = *ppool;

    *ppool = NULL;
    if (!pool) {
        return;
    }
    if (pool->nleased) {
        gw_log(NULL, GW_LOG_ERR, APR_SUCCESS, GWNO(00750)
               "pool ends with %d connections still in use", pool->nleased);
    }
    while (gw_pool_shed(pool)) {
        /* until none is left */
    }
    while (!APR_RING_EMPTY(&pool->slots, gw_slot, link)) {
        gw_slot *slot = APR_RING_FIRST(&pool->slots);

        APR_RING_REMOVE(slot, link);
        slot->origin->slot = NULL;
        free(slot);
    }
    apr_thread_mutex_destroy(pool->lock);
}

gw_net *gw_pool_net(gw_pool *pool)
{
    return &pool->net;
}

void gw_pool_counts(gw_pool *pool, int *pidle, int *pleased)
{
    lock(pool);
    *pidle = pool->nidle;
    *pleased = pool->nleased;
    unlock(pool);
}

const gw_pool_params *gw_pool_params_of(const gw_pool *pool)
{
    return &pool->params;
}
