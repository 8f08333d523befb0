#include "gw_front.h"

#include <stdlib.h>

#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mpm_common.h>
#include <apr_portable.h>
#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_drive_event.h"
#include "gw_event_conf.h"
#include "gw_front_private.h"
#include "gw_lane.h"
#include "gw_log.h"
#include "gw_status.h"

extern module AP_MODULE_DECLARE_DATA gateway_module;
APLOG_USE_MODULE(gateway);

/* A stray blocking call in a loop costs this much and fails. Not 0: mod_ssl
 * spins then. */
#define LOOP_SOCKET_TIMEOUT 1000

/* How many steps in a row one connection may make before others have a turn:
 * pipelined requests, mostly. */
#define STEPS_MAX 16

/* How long an idle connection waits for one more request when the child is to
 * end: what is on its way must not be lost. */
#define STOP_GRACE GW_SEC(2)

/* Idle connections closed in one tick when the MPM accepts no more. */
#define SHED_MAX 64

static const char *const state_names[] = {
    "ARRIVES", "READ", "RIDE", "HELP", "WRITE", "CLOSE", "LINGER", "GRAVE",
    "GONE"
};

gw_front *gw_front_of(const conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &gateway_module);
}

void gw_front_transit(gw_front *f, gw_front_state to, const char *why)
{
    ap_log_cerror(APLOG_MARK, APLOG_TRACE4, 0, f->c, "front: [%s] -- %s --> "
                  "[%s]", state_names[f->state], why, state_names[to]);
    if (f->idle) {
        APR_RING_REMOVE(f, idles);
        f->station->nidle--;
        f->idle = 0;
    }
    f->state = to;
    f->since = gw_now();
}

/* --- who owns it -------------------------------------------------------- */

static void set_owner(gw_front *f, gw_owner owner, apr_thread_t *thread,
                      gw_post *post)
{
    const gw_post *p = gw_post_take(f->engine, post);
    conn_rec *c = f->c;

    f->owner = owner;
    f->post = p;
    c->current_thread = thread;
    c->id = p->id;
    c->sbh = gw_front_passed(f) ? p->sbh : NULL;
}

static void own_by_loop(gw_front *f)
{
    set_owner(f, GW_OWNER_LOOP, f->station->thread, &f->station->post);
    gw_front_in_mode(f->in, GW_IN_LOOP);
    gw_front_out_mode(f->out, GW_OUT_LOOP);
    apr_socket_timeout_set(f->socket, LOOP_SOCKET_TIMEOUT);
}

static void own_by_helper(gw_front *f, gw_helper *helper)
{
    set_owner(f, GW_OWNER_HELPER, helper->thread,
              &f->engine->helper_posts[helper->index]);
    gw_front_in_mode(f->in, GW_IN_HELPER);
    gw_front_out_mode(f->out, GW_OUT_PASS);
    apr_socket_timeout_set(f->socket, f->server->timeout);
}

void gw_front_keep_socket(gw_front *f)
{
    if (f->owner == GW_OWNER_LOOP) {
        apr_socket_timeout_set(f->socket, LOOP_SOCKET_TIMEOUT);
    }
}

int gw_front_passed(gw_front *f)
{
    if (!f->passed) {
        int status = *(volatile unsigned char *)&f->ws->status;

        f->passed = __atomic_load_n(f->epoch, __ATOMIC_ACQUIRE)
                        != f->epoch_then
                    || status == SERVER_READY || status == SERVER_DEAD
                    || (gw_engine_stops(f->engine)
                        && gw_now() - f->adopted_at > GW_SEC(1));
    }
    return f->passed;
}

/* The slot of a loop shows a request only while one runs. */
void gw_front_rest_slot(gw_front *f)
{
    ap_sb_handle_t *sbh = f->owner == GW_OWNER_LOOP && f->passed
        ? f->post->sbh : f->c->sbh;

    if (sbh) {
        ap_update_child_status(sbh, SERVER_DEAD, NULL);
    }
}

static void count_ride(gw_front *f, int counted)
{
    if (f->counted != counted) {
        f->counted = counted;
        __atomic_add_fetch(&f->engine->row->riding, counted ? 1 : -1,
                           __ATOMIC_RELAXED);
    }
}

/* --- requests ----------------------------------------------------------- */

/* The waker of a ride: any thread. */
static void wake(void *baton)
{
    gw_front *f = baton;

    gw_loop_post(&f->task);
}

void gw_front_suspend(gw_front *f, gw_ride *ride)
{
    f->ride = ride;
    f->r = ride->r;
    f->server = ride->r->server;
    f->adopt = f->owner == GW_OWNER_WORKER;
}

void gw_front_ask(gw_front *f, request_rec *r, gw_help help, const char *why)
{
    f->r = r;
    f->server = r->server;
    f->help = help;
    f->why = why;
}

static void begin_ride(gw_front *f)
{
    gw_front_out_hold_eor(f->out, gw_lane_of_end() != NULL);
    gw_poll_divert(&f->ride->poll, wake, f);
    gw_ride_uncount(f->ride);
    count_ride(f, 1);
    gw_front_rest_slot(f);
    gw_front_transit(f, GW_FRONT_RIDE, "request");
}

/* Log, end the response, queue the end of the request. The thread that owns
 * the connection; r may be gone afterwards. */
static void end_request(gw_front *f, int status)
{
    request_rec *r = f->r;

    f->r = NULL;
    f->ride = NULL;
    gw_status_end(f, r);
    if (status == OK || status == DONE) {
        ap_finalize_request_protocol(r);
    }
    else {
        r->status = HTTP_OK;
        ap_die(status, r);
    }
    ap_process_request_after_handler(r);
}

static void want_nothing(gw_front *f)
{
    gw_wants nothing;

    gw_wants_reset(&nothing);
    gw_task_want(&f->task, &nothing);
}

void gw_front_ask_helper(gw_front *f, gw_help help, const char *why)
{
    want_nothing(f);
    gw_front_rest_slot(f);
    f->help = help;
    __atomic_store_n(&f->helped, 0, __ATOMIC_RELAXED);
    gw_front_transit(f, GW_FRONT_HELP, why);
    gw_helpers_give(f->engine->helpers, &f->job);
}

/* What ap_run_process_connection() left behind, in a loop. */
static void look_at_result(gw_front *f)
{
    if (f->c->cs->state != CONN_STATE_SUSPENDED) {
        gw_front_transit(f, GW_FRONT_WRITE, "answered");
    }
    else if (f->help != GW_HELP_NONE) {
        gw_front_ask_helper(f, f->help, f->why);
    }
    else if (f->ride) {
        begin_ride(f);
    }
    else {
        ap_log_cerror(APLOG_MARK, APLOG_ERR, 0, f->c, GWNO(02070) "a handler "
                      "of another module suspended the request; that works "
                      "only where GatewayEvent is Off: closing");
        gw_front_close_now(f, "suspended by another module");
    }
}

/* A whole head is there. */
static void process(gw_front *f)
{
    conn_rec *c = f->c;
    const char *why = gw_lane_of_process();

    if (why) {
        f->why = why;
        gw_front_ask_helper(f, GW_HELP_CONNECTION, why);
        return;
    }
    own_by_loop(f);
    gw_front_out_hold_eor(f->out, gw_lane_of_end() != NULL);
    gw_front_in_next(f->in);
    f->help = GW_HELP_NONE;
    f->why = NULL;
    c->cs->state = CONN_STATE_READ_REQUEST_LINE;
    ap_run_process_connection(c);
    look_at_result(f);
}

static void finish_ride(gw_front *f)
{
    gw_ride *ride = f->ride;
    int unread = ride->x && gw_exchange_result(ride->x)->request_unread;
    int status;

    own_by_loop(f);
    ride->client->late = 1;
    status = gw_drive_end(f);
    f->reset = ride->client->reset_due;
    count_ride(f, 0);
    want_nothing(f);
    if (ride->client->expects_body && f->drained) {
        f->drained = gw_front_in_drained(f->in);
    }
    if (unread) {
        /* core would read the rest, and wait for it */
        f->c->keepalive = AP_CONN_CLOSE;
    }
    if (status != OK && gw_lane_has_error_document(f->r, status)) {
        f->help_status = status;
        gw_front_ask_helper(f, GW_HELP_DIE, "error document");
        return;
    }
    end_request(f, status);
    gw_front_transit(f, GW_FRONT_WRITE, "answered");
}

/* --- the helper's side -------------------------------------------------- */

static void serve(gw_front *f)
{
    request_rec *r = f->r;
    int status = ap_run_quick_handler(r, 0);

    if (status == DECLINED) {
        status = ap_process_request_internal(r);
        if (status == OK) {
            status = ap_invoke_handler(r);
        }
    }
    if (status == SUSPENDED) {
        f->c->cs->state = CONN_STATE_SUSPENDED;
        return;
    }
    end_request(f, status);
}

static void help(gw_front *f)
{
    int status;

    f->c->cs->state = CONN_STATE_READ_REQUEST_LINE;
    switch (f->help) {
    case GW_HELP_CONNECTION:
        gw_front_in_next(f->in);
        ap_run_process_connection(f->c);
        break;
    case GW_HELP_REQUEST:
        serve(f);
        break;
    case GW_HELP_BLOCK:
        end_request(f, gw_drive_blocked(f->r, f->why));
        break;
    case GW_HELP_HANDLER:
        status = ap_run_handler(f->r);
        end_request(f, status == DECLINED ? HTTP_INTERNAL_SERVER_ERROR
                    : status);
        break;
    case GW_HELP_DIE:
        end_request(f, f->help_status);
        break;
    case GW_HELP_END:
        gw_front_out_end(f->out);
        break;
    case GW_HELP_DROP:
        gw_front_out_drop(f->out);
        break;
    default:
        break;
    }
}

/* What cleans up after a handler may wait as the handler did: the ends of
 * requests stay with helpers. */
static void end_here(gw_front *f)
{
    while (gw_front_out_ends(f->out) && !gw_front_out_len(f->out)
           && !f->c->data_in_output_filters) {
        gw_front_out_end(f->out);
    }
}

static void run_job(gw_job *job, gw_helper *helper)
{
    gw_front *f = gw_front_of_job(job);

    own_by_helper(f, helper);
    gw_front_out_hold_eor(f->out, 1);
    help(f);
    end_here(f);
    gw_front_rest_slot(f);
    f->c->sbh = NULL;
    __atomic_store_n(&f->helped, 1, __ATOMIC_RELEASE);
    gw_loop_post(&f->task);
}

/* --- steps, in the loop: 1 when there may be more to do ------------------ */

static int step_arrives(gw_front *f)
{
    apr_status_t rv;

    gw_front_late_add(&f->late, f->c);
    own_by_loop(f);
    rv = gw_task_watch(&f->task, f->fd);
    if (rv != APR_SUCCESS) {
        ap_log_cerror(APLOG_MARK, APLOG_ERR, rv, f->c, GWNO(02071) "no room "
                      "in the event loop: closing");
        gw_front_close_now(f, "cannot be watched");
    }
    else if (f->ride) {
        gw_front_late_body(&f->late, f->r);
        begin_ride(f);
    }
    else {
        /* a first request has no time to wait for its first byte */
        gw_front_late_head(&f->late, 0);
        gw_front_transit(f, GW_FRONT_READ, "adopted");
    }
    return 1;
}

/* The client takes nothing: not for ever. */
static gw_time write_deadline(gw_front *f)
{
    apr_off_t waiting = gw_front_out_len(f->out);

    if (waiting != f->waiting) {
        f->waiting = waiting;
        f->since = gw_now();
    }
    return gw_deadline(f->since, f->server->timeout);
}

static int step_ride(gw_front *f)
{
    gw_wants wants;

    if (gw_drive_step(f, &wants) == APR_SUCCESS) {
        finish_ride(f);
        return 1;
    }
    if (gw_front_out_len(f->out)) {
        gw_time until = write_deadline(f);

        if (until <= gw_now()) {
            f->c->aborted = 1;
            return 1;
        }
        gw_wants_until(&wants, until);
    }
    if (gw_task_want(&f->task, &wants) != APR_SUCCESS) {
        f->c->aborted = 1;
        return 1;
    }
    return 0;
}

static int step_help(gw_front *f)
{
    gw_help help_was = f->help;

    if (!__atomic_load_n(&f->helped, __ATOMIC_ACQUIRE)) {
        return 0;
    }
    own_by_loop(f);
    f->help = GW_HELP_NONE;
    if (help_was == GW_HELP_DROP) {
        gw_front_transit(f, GW_FRONT_GRAVE, "dropped");
    }
    else if (help_was == GW_HELP_CONNECTION || help_was == GW_HELP_REQUEST) {
        look_at_result(f);
    }
    else {
        gw_front_transit(f, GW_FRONT_WRITE, "helped");
    }
    return 1;
}

static int step_write(gw_front *f)
{
    apr_status_t rv = gw_front_out_send(f->out);
    gw_time until;

    if (rv == APR_EINPROGRESS) {
        gw_front_ask_helper(f, GW_HELP_END, "end of the request");
        return 0;
    }
    if (rv == APR_INCOMPLETE) {
        gw_task_again(&f->task);
        return 0;
    }
    if (APR_STATUS_IS_EAGAIN(rv)) {
        until = write_deadline(f);
        if (until > gw_now()) {
            gw_task_until(&f->task, until);
            return 0;
        }
        rv = APR_TIMEUP;
    }
    gw_front_rest_slot(f);
    if (f->reset && rv == APR_SUCCESS) {
        gw_client_reset(f->c, f->fd);
    }
    if (rv != APR_SUCCESS || f->c->aborted) {
        gw_front_close_now(f, "the client is gone or takes nothing");
    }
    else if (f->c->cs->state == CONN_STATE_LINGER
             || f->c->keepalive != AP_CONN_KEEPALIVE) {
        gw_front_close(f, "no further request");
    }
    else {
        gw_front_late_rest(&f->late);
        gw_front_transit(f, GW_FRONT_READ, "sent");
    }
    return 1;
}

static gw_time keep_alive(const gw_front *f)
{
    const server_rec *s = f->server->keep_alive_timeout_set
        ? f->server : f->c->base_server;

    return s->keep_alive_timeout;
}

static void become_idle(gw_front *f)
{
    if (!f->idle) {
        APR_RING_INSERT_TAIL(&f->station->idle, f, gw_front, idles);
        f->station->nidle++;
        f->idle = 1;
        f->since = gw_now();
    }
}

static void no_more_idle(gw_front *f)
{
    if (f->idle) {
        gw_front_transit(f, GW_FRONT_READ, "a head begins");
    }
}

/* A first request has no keep-alive to wait by. */
static gw_time idle_until(const gw_front *f)
{
    gw_time span = f->c->keepalives ? keep_alive(f) : GW_NEVER;

    if (gw_engine_stops(f->engine) && span > STOP_GRACE) {
        span = STOP_GRACE;
    }
    return gw_deadline(f->since, span);
}

/* Timeout for what comes next, RequestReadTimeout for all. */
static gw_time head_until(gw_front *f)
{
    apr_size_t len = gw_front_in_len(f->in);

    if (len != f->came) {
        f->came = len;
        f->since = gw_now();
    }
    return gw_earlier(gw_deadline(f->since, f->c->base_server->timeout),
                      gw_front_late_until(&f->late));
}

/* Nothing, or a part of a head, is there: wait, but not for ever. */
static int wait_for_head(gw_front *f, int part)
{
    int due = part || !f->c->keepalives;
    gw_time until = GW_NEVER;

    if (part) {
        no_more_idle(f);
        gw_front_late_head(&f->late, gw_front_in_len(f->in));
    }
    else {
        become_idle(f);
        until = idle_until(f);
    }
    if (due) {
        until = gw_earlier(until, head_until(f));
    }
    if (until > gw_now()) {
        gw_task_until(&f->task, until);
        return 0;
    }
    if (due) {
        /* core answers: its next read says that time is up */
        gw_front_late_over(&f->late);
        process(f);
    }
    else {
        gw_front_close_idle(f, "idle for too long");
    }
    return 1;
}

static int step_read(gw_front *f)
{
    gw_head_state head = f->drained && !gw_front_in_len(f->in)
        ? GW_HEAD_NONE : gw_front_in_fill(f->in, &f->drained);

    switch (head) {
    case GW_HEAD_WHOLE:
        process(f);
        return 1;
    case GW_HEAD_LONG:
        gw_front_late_head(&f->late, gw_front_in_len(f->in));
        f->why = "long head";
        gw_front_ask_helper(f, GW_HELP_CONNECTION, f->why);
        return 1;
    case GW_HEAD_EOF:
        if (gw_front_in_len(f->in)) {
            process(f);
        }
        else {
            gw_front_close_idle(f, "closed by the client");
        }
        return 1;
    case GW_HEAD_BROKEN:
        gw_front_close_now(f, "broken");
        return 1;
    default:
        return wait_for_head(f, head == GW_HEAD_PART);
    }
}

static int step(gw_front *f)
{
    switch (f->state) {
    case GW_FRONT_ARRIVES:
        return step_arrives(f);
    case GW_FRONT_READ:
        return step_read(f);
    case GW_FRONT_RIDE:
        return step_ride(f);
    case GW_FRONT_HELP:
        return step_help(f);
    case GW_FRONT_WRITE:
        return step_write(f);
    default:
        return gw_front_step_close(f);
    }
}

static void run(gw_task *task, unsigned events)
{
    gw_front *f = (gw_front *)task;
    int i;

    if (events & GW_EVENT_HUP) {
        f->hung_up = 1;
    }
    if (events & (GW_EVENT_READ | GW_EVENT_HUP)) {
        f->drained = 0;
    }
    if ((events & GW_EVENT_WRITE)
        && (f->state == GW_FRONT_RIDE || f->state == GW_FRONT_WRITE)) {
        /* the client took some of what core holds */
        f->since = gw_now();
    }
    for (i = 0; i < STEPS_MAX; i++) {
        if (!step(f)) {
            return;
        }
    }
    gw_task_again(task);
}

/* A helper may be writing to what else there is. */
static const char *describe(gw_task *task)
{
    gw_front *f = (gw_front *)task;
    const char *name = state_names[f->state];

#ifdef GW_DEBUG
    if (f->state != GW_FRONT_HELP && f->last[0]) {
        apr_snprintf(f->said, sizeof(f->said), "%s, last request: %s", name,
                     f->last);
        return f->said;
    }
#endif
    return name;
}

/* --- adoption, in the worker -------------------------------------------- */

static apr_status_t forget(void *data)
{
    free(data);
    return APR_SUCCESS;
}

static int pre_connection(conn_rec *c, void *csd)
{
    gw_engine *engine = gw_engine_of_child();
    gw_front *f;

    if (!engine || !c->cs || !c->sbh || c->master || c->outgoing) {
        return DECLINED;
    }
    gw_engine_worker_begins(engine, c);
    f = calloc(1, sizeof(*f));
    if (!f || apr_os_sock_get(&f->fd, csd) != APR_SUCCESS) {
        free(f);
        return DECLINED;
    }
    f->engine = engine;
    f->c = c;
    f->socket = csd;
    f->server = c->base_server;
    f->job.run = run_job;
    f->in = gw_front_in_add(c);
    f->out = gw_front_out_add(c);
    ap_set_module_config(c->conn_config, &gateway_module, f);
    apr_pool_cleanup_register(c->pool, f, forget, apr_pool_cleanup_null);
    return DECLINED;
}

/* GatewayEvent Always: before the first request is read. */
static int process_connection(conn_rec *c)
{
    gw_front *f = gw_front_of(c);

    if (!f || c->master || f->adopted || c->keepalives
        || f->owner != GW_OWNER_WORKER || !gw_engine_has_room(f->engine, f)
        || gw_event_lane_of(gw_conf_of_default(c->base_server))
           != GW_EVENT_LANE_ALWAYS) {
        return DECLINED;
    }
    f->adopt = 1;
    c->cs->state = CONN_STATE_SUSPENDED;
    return OK;
}

/* The last thing that the worker does with the connection but for two stores:
 * what comes after the post belongs to the loop. */
static void suspend_connection(conn_rec *c, request_rec *r)
{
    gw_front *f = gw_front_of(c);
    gw_engine *engine;
    worker_score *first;

    if (!f || !f->adopt || c->cs->state != CONN_STATE_SUSPENDED) {
        return;
    }
    engine = f->engine;
    f->adopt = 0;
    f->adopted = 1;
    f->adopted_at = gw_now();
    f->state = GW_FRONT_ARRIVES;
    f->station = gw_engine_station(engine);
    gw_task_init(&f->task, f->station->loop, run);
    f->task.describe = describe;
    ap_update_child_status(c->sbh, SERVER_BUSY_WRITE, NULL);
    f->ws = ap_get_scoreboard_worker(c->sbh);
    first = ap_get_scoreboard_worker_from_indexes(
        (int)(c->id / engine->thread_limit), 0);
    f->epoch = &engine->epochs[f->ws - first];
    f->epoch_then = __atomic_load_n(f->epoch, __ATOMIC_RELAXED);
    c->sbh = NULL;
    apr_pool_cleanup_kill(c->pool, f, forget);
    gw_engine_worker_gives(engine);
    gw_front_enlist(f);
    gw_loop_post(&f->task);
}

static void resume_connection(conn_rec *c, request_rec *r)
{
    gw_engine *engine = gw_engine_of_child();

    /* without a handle: the connection is being destroyed, in any thread */
    if (engine && c->sbh && !c->master) {
        gw_engine_worker_begins(engine, c);
    }
}

/* --- the station's tick ------------------------------------------------- */

static int is_crowded(const gw_engine *engine)
{
    int child = __atomic_load_n(&engine->child, __ATOMIC_RELAXED);
    const process_score *ps = child < 0
        ? NULL : ap_get_scoreboard_process(child);

    return ps && ps->not_accepting && !ps->quiescing;
}

/* For two ticks: a child that begins to end says so, too, just before it says
 * that it ends. */
static int stays_crowded(gw_station *station)
{
    int was = station->crowded;

    station->crowded = is_crowded(station->engine);
    return was && station->crowded;
}

static gw_front *longest_idle(gw_station *station)
{
    return APR_RING_EMPTY(&station->idle, gw_front, idles)
        ? NULL : APR_RING_FIRST(&station->idle);
}

void gw_front_tick(gw_station *station)
{
    int n = stays_crowded(station) ? SHED_MAX : 0;
    gw_front *f;

    while (n-- && (f = longest_idle(station))) {
        gw_front_close_idle(f, "the server is full");
        gw_task_again(&f->task);
    }
    if (gw_engine_stops(station->engine) && !station->told_stop) {
        station->told_stop = 1;
        for (f = longest_idle(station);
             f && f != APR_RING_SENTINEL(&station->idle, gw_front, idles);
             f = APR_RING_NEXT(f, idles)) {
            f->since = gw_now();
            gw_task_again(&f->task);
        }
    }
}

void gw_front_register(void)
{
    static const char *const before[] = { "mod_ssl.c", "mod_http2.c", NULL };

    gw_front_in_register();
    gw_front_out_register();
    gw_front_late_register();
    ap_hook_pre_connection(pre_connection, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_process_connection(process_connection, before, NULL,
                               APR_HOOK_LAST);
    ap_hook_suspend_connection(suspend_connection, NULL, NULL,
                               APR_HOOK_REALLY_LAST);
    ap_hook_resume_connection(resume_connection, NULL, NULL,
                              APR_HOOK_REALLY_FIRST);
}
