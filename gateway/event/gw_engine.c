#include "gw_engine.h"

#include <signal.h>
#include <stdlib.h>

#include <ap_mpm.h>
#include <http_log.h>

#include "gw_child.h"
#include "gw_clock.h"
#include "gw_event_conf.h"
#include "gw_front.h"
#include "gw_log.h"
#include "gw_status.h"

extern module AP_MODULE_DECLARE_DATA gateway_module;
APLOG_USE_MODULE(gateway);

/* How often a station looks for idle connections to shed, and whether the
 * child is to end. */
#define TICK GW_MSEC(100)

/* How long a child that ends gracefully waits for connections that httpd has
 * lost sight of: for a request and its answer. */
#define LAST_WAIT GW_SEC(60)

/* Written by child_init before any other thread looks, and by the cleanup of
 * pchild after they ended. */
static gw_engine *of_child;

gw_engine *gw_engine_of_child(void)
{
    return of_child;
}

static int mpm_says(int code)
{
    int n = 0;

    return ap_mpm_query(code, &n) == APR_SUCCESS ? n : 0;
}

/* --- threads ------------------------------------------------------------ */

static void tick(gw_loop *loop, void *baton)
{
    gw_front_tick(baton);
    gw_status_tick(baton);
}

/* Returns instead of calling apr_thread_exit(), which would wait for a lock
 * that the thread that joins it may hold. */
static void *APR_THREAD_FUNC station_main(apr_thread_t *thread, void *data)
{
    gw_station *station = data;
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    station->thread = thread;
    gw_loop_run(station->loop);
    return NULL;
}

static apr_status_t make_post(gw_engine *engine, gw_post *post, int rank)
{
    post->rank = rank;
    return apr_pool_create(&post->pool, engine->pool);
}

static apr_status_t start_station(gw_engine *engine, int index)
{
    gw_station *station = &engine->stations[index];
    gw_loop_params params = { 0 };
    apr_status_t rv;

    station->engine = engine;
    station->index = index;
    APR_RING_INIT(&station->idle, gw_front, idles);
    params.tick = tick;
    params.tick_interval = TICK;
    params.baton = station;
    rv = make_post(engine, &station->post, index);
    if (rv == APR_SUCCESS) {
        rv = gw_loop_create(&params, &station->loop);
    }
    if (rv == APR_SUCCESS) {
        rv = ap_thread_create(&station->join, NULL, station_main, station,
                              engine->pool);
        if (rv != APR_SUCCESS) {
            gw_loop_destroy(&station->loop);
        }
    }
    return rv;
}

static apr_status_t start_threads(gw_engine *engine)
{
    int loops = gw_event_loops(engine->s);
    int helpers = gw_event_helpers(engine->s, engine->workers);
    apr_status_t rv = APR_SUCCESS;
    int i;

    engine->stations = apr_pcalloc(engine->pool, sizeof(*engine->stations)
                                   * (apr_size_t)loops);
    engine->helper_posts = apr_pcalloc(
        engine->pool, sizeof(*engine->helper_posts) * (apr_size_t)helpers);
    for (i = 0; i < helpers && rv == APR_SUCCESS; i++) {
        rv = make_post(engine, &engine->helper_posts[i], loops + i);
    }
    while (rv == APR_SUCCESS && engine->nstations < loops) {
        rv = start_station(engine, engine->nstations);
        if (rv == APR_SUCCESS) {
            engine->nstations++;
        }
    }
    return rv == APR_SUCCESS
        ? gw_helpers_start(engine->pool, helpers, engine, &engine->helpers)
        : rv;
}

/* --- start and stop ----------------------------------------------------- */

/* Helpers first: they post to loops. */
static void end_threads(gw_engine *engine)
{
    apr_status_t rv;
    int i, joined;

    apr_thread_mutex_lock(engine->lock);
    joined = engine->joined;
    engine->joined = 1;
    apr_thread_mutex_unlock(engine->lock);
    if (joined) {
        return;
    }
    if (engine->helpers) {
        gw_helpers_stop(engine->helpers);
    }
    for (i = 0; i < engine->nstations; i++) {
        gw_loop_stop(engine->stations[i].loop);
    }
    for (i = 0; i < engine->nstations; i++) {
        apr_thread_join(&rv, engine->stations[i].join);
    }
}

static void set_threads(gw_engine *engine, int loops, int helpers)
{
    __atomic_store_n(&engine->row->loops, loops, __ATOMIC_RELAXED);
    __atomic_store_n(&engine->row->helpers, helpers, __ATOMIC_RELAXED);
}

/* Of a graceful end: nobody else waits for these. */
static void wait_for_fronts(gw_engine *engine)
{
    gw_time until = gw_now() + LAST_WAIT;

    apr_thread_mutex_lock(engine->lock);
    while (gw_engine_stops(engine) && !gw_child_stops()
           && !APR_RING_EMPTY(&engine->fronts, gw_front, link)
           && gw_now() < until) {
        apr_thread_cond_timedwait(engine->empty, engine->lock, TICK);
    }
    apr_thread_mutex_unlock(engine->lock);
}

/* The destructor of worker_key: a thread of the MPM ends, in the order that
 * the header gives. */
static void worker_ends(void *data)
{
    gw_engine *engine = data;

    wait_for_fronts(engine);
    if (gw_child_stops()) {
        end_threads(engine);
    }
}

/* Workers and the listener have ended. */
static apr_status_t engine_stop(void *data)
{
    gw_engine *engine = data;
    int i;

    of_child = NULL;
    set_threads(engine, 0, 0);
    end_threads(engine);
    while (!APR_RING_EMPTY(&engine->fronts, gw_front, link)) {
        gw_front_abandon(APR_RING_FIRST(&engine->fronts));
    }
    for (i = 0; i < engine->nstations; i++) {
        gw_loop_destroy(&engine->stations[i].loop);
    }
    return APR_SUCCESS;
}

int gw_engine_is_wanted(const server_rec *s)
{
    int found = 0;

    for (; s && !found; s = s->next) {
        found = gw_conf_of_server(s)->routes != NULL;
    }
    return found && mpm_says(AP_MPMQ_IS_ASYNC);
}

static gw_engine *make_engine(apr_pool_t *pchild, server_rec *s)
{
    gw_engine *engine = apr_pcalloc(pchild, sizeof(*engine));

    engine->s = s;
    engine->child = -1;
    engine->thread_limit = mpm_says(AP_MPMQ_HARD_LIMIT_THREADS);
    engine->process_limit = mpm_says(AP_MPMQ_HARD_LIMIT_DAEMONS);
    engine->workers = mpm_says(AP_MPMQ_MAX_THREADS);
    engine->epochs = apr_pcalloc(pchild, sizeof(*engine->epochs)
                                 * (apr_size_t)engine->thread_limit);
    engine->row = gw_status_row();
    APR_RING_INIT(&engine->fronts, gw_front, link);
    if (apr_pool_create_ex(&engine->pool, pchild, NULL, NULL) != APR_SUCCESS
        || apr_thread_cond_create(&engine->empty, pchild) != APR_SUCCESS
        || apr_threadkey_private_create(&engine->worker_key, worker_ends,
                                        pchild) != APR_SUCCESS
        || apr_thread_mutex_create(&engine->lock, APR_THREAD_MUTEX_DEFAULT,
                                   pchild) != APR_SUCCESS) {
        return NULL;
    }
    apr_pool_tag(engine->pool, "gw_engine");
    return engine;
}

void gw_engine_start(apr_pool_t *pchild, server_rec *s)
{
    gw_engine *engine;
    apr_status_t rv = APR_ENOMEM;

    if (!gw_engine_is_wanted(s)) {
        return;
    }
    engine = make_engine(pchild, s);
    if (engine) {
        /* Before module cleanups, which may end what the threads use. */
        apr_pool_pre_cleanup_register(pchild, engine, engine_stop);
        rv = start_threads(engine);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s, GWNO(02060) "the event "
                     "engine did not start: every request to a backend "
                     "holds a thread in this child; is a limit on threads, "
                     "descriptors or memory reached?");
        if (engine) {
            apr_pool_cleanup_run(pchild, engine, engine_stop);
        }
        return;
    }
    set_threads(engine, engine->nstations,
                gw_event_helpers(s, engine->workers));
    of_child = engine;
}

void gw_engine_stopping(int graceful)
{
    gw_engine *engine = of_child;

    if (engine && !__atomic_exchange_n(&engine->stops, 1, __ATOMIC_ACQ_REL)) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, engine->s, GWNO(02061) "the "
                     "child ends %s", graceful ? "gracefully: a connection in "
                     "a loop may make one more request" : "at once");
    }
}

int gw_engine_stops(const gw_engine *engine)
{
    return __atomic_load_n(&engine->stops, __ATOMIC_ACQUIRE);
}

/* --- for connections ---------------------------------------------------- */

gw_station *gw_engine_station(gw_engine *engine)
{
    unsigned turn = __atomic_fetch_add(&engine->turn, 1, __ATOMIC_RELAXED);

    return &engine->stations[turn % (unsigned)engine->nstations];
}

int gw_engine_has_room(gw_engine *engine, gw_front *front)
{
    if (!gw_helpers_full_since(engine->helpers)) {
        return 1;
    }
    if (!front->turned_away) {
        front->turned_away = 1;
        __atomic_add_fetch(&engine->row->turned_away, 1, __ATOMIC_RELAXED);
    }
    gw_status_full(engine, front->c);
    return 0;
}

void gw_engine_worker_begins(gw_engine *engine, const conn_rec *c)
{
    int child = (int)(c->id / engine->thread_limit);
    worker_score *first, *ws;

    if (__atomic_load_n(&engine->child, __ATOMIC_RELAXED) < 0) {
        __atomic_store_n(&engine->child, child, __ATOMIC_RELAXED);
    }
    ws = ap_get_scoreboard_worker(c->sbh);
    first = ap_get_scoreboard_worker_from_indexes(child, 0);
    if (ws && first && ws >= first && ws < first + engine->thread_limit) {
        __atomic_add_fetch(&engine->epochs[ws - first], 1, __ATOMIC_RELEASE);
    }
}

void gw_engine_worker_gives(gw_engine *engine)
{
    apr_threadkey_private_set(engine, engine->worker_key);
}

const gw_post *gw_post_take(gw_engine *engine, gw_post *post)
{
    int child, slot;

    if (post->taken) {
        return post;
    }
    post->taken = 1;
    child = __atomic_load_n(&engine->child, __ATOMIC_RELAXED);
    slot = engine->workers + post->rank;
    if (slot < engine->thread_limit) {
        ap_create_sb_handle(&post->sbh, post->pool, child, slot);
        post->id = (long)child * engine->thread_limit + slot;
    }
    else {
        /* beyond those of all processes' slots */
        post->id = (long)engine->process_limit * engine->thread_limit
                   + (long)child * (engine->nstations + 1024) + post->rank;
    }
    return post;
}
