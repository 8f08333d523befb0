#include "gw_front_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <http_config.h>
#include <http_connection.h>
#include <http_log.h>

#include "gw_clock.h"
#include "gw_lane.h"

extern module AP_MODULE_DECLARE_DATA gateway_module;
APLOG_USE_MODULE(gateway);

/* As httpd's: how long the client's rest is read before the socket closes. */
#define LINGER_TIME GW_SEC(30)
#define LINGER_SHORT GW_SEC(2)

/* How often a connection that must not be destroyed yet is looked at: the
 * worker has passed after a few microseconds, nearly always. */
#define GRAVE_TICK GW_MSEC(5)

/* Reads of the client's rest in one step. */
#define DRAIN_MAX 16

void gw_front_enlist(gw_front *f)
{
    gw_engine *engine = f->engine;

    apr_thread_mutex_lock(engine->lock);
    APR_RING_INSERT_TAIL(&engine->fronts, f, gw_front, link);
    apr_thread_mutex_unlock(engine->lock);
    __atomic_add_fetch(&engine->row->adopted, 1, __ATOMIC_RELAXED);
}

static void delist(gw_front *f)
{
    gw_engine *engine = f->engine;

    apr_thread_mutex_lock(engine->lock);
    APR_RING_REMOVE(f, link);
    if (APR_RING_EMPTY(&engine->fronts, gw_front, link)) {
        apr_thread_cond_broadcast(engine->empty);
    }
    apr_thread_mutex_unlock(engine->lock);
    __atomic_sub_fetch(&engine->row->adopted, 1, __ATOMIC_RELAXED);
}

/* In this order: the MPM looks at the state to count, and everything that
 * refers to the socket goes with the pool. */
static void destroy_connection(gw_front *f)
{
    conn_rec *c = f->c;

    c->cs->state = CONN_STATE_SUSPENDED;
    c->sbh = NULL;
    apr_socket_close(f->socket);
    apr_pool_destroy(c->pool);
}

static void freed(gw_task *task)
{
    free(task);
}

static int bury(gw_front *f, const char *why)
{
    if (f->state != GW_FRONT_GRAVE) {
        gw_front_transit(f, GW_FRONT_GRAVE, why);
    }
    if (!gw_front_passed(f)) {
        gw_task_until(&f->task, gw_now() + GRAVE_TICK);
        return 0;
    }
    gw_front_transit(f, GW_FRONT_GONE, why);
    gw_task_unwatch(&f->task);
    destroy_connection(f);
    delist(f);
    gw_task_end(&f->task, freed);
    return 0;
}

void gw_front_close_now(gw_front *f, const char *why)
{
    f->c->aborted = 1;
    f->c->keepalive = AP_CONN_CLOSE;
    f->c->cs->state = CONN_STATE_LINGER;
    if (gw_lane_of_end() && gw_front_out_ends(f->out)) {
        gw_front_ask_helper(f, GW_HELP_DROP, why);
        return;
    }
    gw_front_out_drop(f->out);
    gw_front_transit(f, GW_FRONT_GRAVE, why);
}

void gw_front_close_idle(gw_front *f, const char *why)
{
    f->brief = 1;
    gw_front_close(f, why);
}

void gw_front_close(gw_front *f, const char *why)
{
    conn_rec *c = f->c;

    if (c->aborted) {
        gw_front_close_now(f, why);
        return;
    }
    c->cs->state = CONN_STATE_LINGER;
    c->keepalive = AP_CONN_CLOSE;
    ap_prep_lingering_close(c);
    ap_shutdown_conn(c, 0);
    gw_front_rest_slot(f);
    gw_front_transit(f, GW_FRONT_CLOSE, why);
}

static gw_time linger_until(const gw_front *f)
{
    int brief = f->brief || gw_engine_stops(f->engine)
        || apr_table_get(f->c->notes, "short-lingering-close");

    return f->since + (brief ? LINGER_SHORT : LINGER_TIME);
}

static int shut(gw_front *f)
{
    if (f->c->aborted
        || apr_socket_shutdown(f->socket, APR_SHUTDOWN_WRITE)
           != APR_SUCCESS) {
        return bury(f, "cannot be shut");
    }
    gw_front_transit(f, GW_FRONT_LINGER, "shut");
    return 1;
}

static int step_closing(gw_front *f)
{
    apr_status_t rv = gw_front_out_send(f->out);
    gw_time until = gw_deadline(f->since, f->server->timeout);

    if (rv == APR_SUCCESS) {
        return shut(f);
    }
    if (APR_STATUS_IS_EAGAIN(rv) && until > gw_now()) {
        gw_task_until(&f->task, until);
        return 0;
    }
    gw_front_close_now(f, "the last bytes cannot be sent");
    return 1;
}

static int step_linger(gw_front *f)
{
    char rest[4096];
    ssize_t n = 1;
    gw_time until;
    int i;

    for (i = 0; i < DRAIN_MAX && n > 0; i++) {
        n = recv(f->fd, rest, sizeof(rest), MSG_DONTWAIT);
    }
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        return bury(f, "closed by both");
    }
    until = linger_until(f);
    if (until <= gw_now()) {
        return bury(f, "lingered for long enough");
    }
    /* the child may be told to stop in the meantime */
    gw_task_until(&f->task, gw_earlier(until, gw_now() + LINGER_SHORT));
    return n > 0;
}

int gw_front_step_close(gw_front *f)
{
    switch (f->state) {
    case GW_FRONT_CLOSE:
        return step_closing(f);
    case GW_FRONT_LINGER:
        return step_linger(f);
    case GW_FRONT_GRAVE:
        return bury(f, "over");
    default:
        return 0;
    }
}

void gw_front_abandon(gw_front *f)
{
    f->c->aborted = 1;
    f->passed = 1;
    if (f->ride) {
        if (f->ride->x) {
            gw_exchange_cancel(f->ride->x, GW_FAIL_CLIENT,
                               "the server stops without waiting");
        }
        gw_ride_end(f->ride);
    }
    gw_front_out_drop(f->out);
    destroy_connection(f);
    delist(f);
    free(f);
}
