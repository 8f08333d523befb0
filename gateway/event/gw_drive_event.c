#include "gw_drive_event.h"

#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_drive_block.h"
#include "gw_event_conf.h"
#include "gw_lane.h"
#include "gw_log.h"
#include "gw_upgrade.h"
#include "mod_gateway.h"

extern module AP_MODULE_DECLARE_DATA gateway_module;
APLOG_USE_MODULE(gateway);

/* How long the first request of a connection is waited for in the worker. An
 * adopted connection that serves one request costs about twice as much CPU as
 * one that stays; a worker held this long costs less than that. */
#define FIRST_WAIT GW_MSEC(50)

/* How often in a row a response is read up to GW_FRONT_OUT_HIGH and sent: a
 * fast client of a fast backend leaves others their turn. */
#define TURNS_MAX 16

/* A route whose answers take longer than this on average is not waited for. */
#define SLOW_PACE GW_MSEC(25)

/* --- the client side, in a loop ------------------------------------------ */

/* The client of the ride, but what is written waits in the front's filter:
 * when much of it waits, the exchange has to wait, too. */
typedef struct side side;
struct side {
    gw_host host;
    gw_host *client;
    gw_front *front;
    int full;                   /* something was not taken */
    int tunnel;
};

static side *side_of(gw_host *h)
{
    return (side *)h;
}

static int in_loop(const side *s)
{
    return s->front->owner == GW_OWNER_LOOP;
}

static apr_status_t side_read_body(gw_host *h, const char **pdata,
                                   apr_size_t *plen)
{
    gw_host *client = side_of(h)->client;

    return client->ops->read_body(client, pdata, plen);
}

static void side_interim(gw_host *h, const gw_res_head *head)
{
    gw_host *client = side_of(h)->client;

    client->ops->interim(client, head);
}

static apr_status_t side_head(gw_host *h, const gw_res_head *head)
{
    gw_host *client = side_of(h)->client;

    return client->ops->head(client, head);
}

static apr_status_t side_write_body(gw_host *h, const char *data,
                                    apr_size_t len, apr_size_t *pn)
{
    side *s = side_of(h);
    apr_status_t rv = APR_EAGAIN;

    *pn = 0;
    if (!in_loop(s) || gw_front_out_len(s->front->out) < GW_FRONT_OUT_HIGH) {
        rv = s->client->ops->write_body(s->client, data, len, pn);
    }
    s->full = APR_STATUS_IS_EAGAIN(rv);
    return rv;
}

/* What a tunnel has written is sent after each step of a loop. */
static apr_status_t side_flush(gw_host *h)
{
    side *s = side_of(h);

    return s->tunnel && in_loop(s) ? APR_SUCCESS
                                   : s->client->ops->flush(s->client);
}

static apr_status_t side_tunnel(gw_host *h, const gw_res_head *head,
                                const char *protocol)
{
    side *s = side_of(h);
    apr_status_t rv = s->client->ops->tunnel(s->client, head, protocol);

    if (rv == APR_SUCCESS) {
        gw_front_late_rest(&s->front->late);
        s->tunnel = 1;
        __atomic_add_fetch(&s->front->engine->row->tunnels, 1,
                           __ATOMIC_RELAXED);
    }
    return rv;
}

static apr_status_t side_shutdown(gw_host *h)
{
    side *s = side_of(h);

    if (in_loop(s)) {
        apr_status_t rv = gw_front_out_send(s->front->out);

        if (APR_STATUS_IS_EAGAIN(rv) || rv == APR_INCOMPLETE) {
            s->full = 1;
            return APR_EAGAIN;
        }
    }
    return s->client->ops->shutdown(s->client);
}

static void side_wants(gw_host *h, int body, int writing, gw_wants *w)
{
    side *s = side_of(h);

    s->client->ops->wants(s->client, body, writing, w);
    if (body) {
        gw_wants_until(w, gw_front_late_until(&s->front->late));
    }
}

static const gw_host_ops side_ops = {
    side_read_body,
    side_interim,
    side_head,
    side_write_body,
    side_flush,
    side_wants,
    side_tunnel,
    side_shutdown
};

static gw_host *make_side(gw_ride *ride, void *front)
{
    side *s = apr_pcalloc(ride->r->pool, sizeof(*s));

    s->host.ops = &side_ops;
    s->client = &ride->client->host;
    s->front = front;
    return &s->host;
}

/* --- which lane --------------------------------------------------------- */

static void set_lane(request_rec *r, const char *lane, const char *why)
{
    const char *text = why ? apr_pstrcat(r->pool, lane, " (", why, ")", NULL)
                           : lane;
#ifdef GW_DEBUG
    gw_front *f = gw_front_of(r->connection);

    if (f) {
        apr_snprintf(f->last, sizeof(f->last), "%s, %s", text,
                     r->the_request ? r->the_request : "being read");
    }
#endif

    apr_table_setn(r->subprocess_env, GATEWAY_ENV_LANE, text);
}

/* Why nobody but the calling thread can answer r; NULL: a loop can. */
static const char *must_block(request_rec *r, const gw_front *f)
{
    const conn_rec *c = r->connection;

    if (c->master) {
        return "HTTP/2";
    }
    if (!f) {
        return "MPM";
    }
    if (!ap_is_initial_req(r)) {
        return "subrequest";
    }
    if (gw_event_lane_of(gw_conf_of_request(r)) == GW_EVENT_LANE_OFF) {
        return "GatewayEvent Off";
    }
    return gw_lane_of_exchange(r);
}

/* On a helper the connection's own clock tells how long a body may take. One
 * request may be answered in the middle of another: a subrequest. */
static int block_here(gw_front *f, request_rec *r, const gw_mapped *m)
{
    gw_ride_params params = { 0 };
    gw_ride *outer = f->ride;
    int status;

    params.host = make_side;
    params.baton = f;
    f->ride = gw_ride_begin(r, m, &params, &status);
    if (f->ride) {
        gw_ride_wait(f->ride, GW_NEVER);
        status = gw_drive_end(f);
    }
    f->ride = outer;
    return status;
}

static int block(request_rec *r, const gw_mapped *m, const char *why)
{
    gw_front *f = gw_front_of(r->connection);

    set_lane(r, "blocking", why);
    return f && f->adopted ? block_here(f, r, m) : gw_drive_block(r, m);
}

int gw_drive_blocked(request_rec *r, const char *why)
{
    return block(r, gw_map_of(r), why);
}

/* A chunked body is read by the thread that began it: its end is held back
 * from core in a loop. */
static int is_chunked(const request_rec *r)
{
    return apr_table_get(r->headers_in, "Transfer-Encoding") != NULL;
}

static gw_ride *begin(gw_front *f, request_rec *r, const gw_mapped *m,
                      int *pstatus)
{
    gw_ride_params params = { 0 };

    params.host = make_side;
    params.baton = f;
    params.home = f->adopted ? 1 + f->station->index : 0;
    params.uncounted = 1;
    if (is_chunked(r)) {
        gw_front_in_chunked(f->in);
    }
    return gw_ride_begin(r, m, &params, pstatus);
}

/* Let a loop go on with it. */
static int hand_over(gw_front *f, request_rec *r, const gw_mapped *m,
                     const char *why)
{
    gw_ride *ride;
    int status;

    set_lane(r, why ? "helper" : "inline", why);
    ride = begin(f, r, m, &status);
    if (!ride) {
        return status;
    }
    gw_front_suspend(f, ride);
    return SUSPENDED;
}

/* --- in a worker of the MPM --------------------------------------------- */

/* How long to wait here before a loop takes over. */
static gw_time first_wait(gw_engine *engine, const gw_route *route)
{
    int waiting = __atomic_load_n(&engine->waiting, __ATOMIC_RELAXED);

    if (__atomic_load_n(route->pace, __ATOMIC_RELAXED) > SLOW_PACE
        || 2 * waiting >= engine->workers) {
        return 0;
    }
    return FIRST_WAIT;
}

/* An average over about the last eight answers. */
static void note_pace(const gw_route *route, const gw_result *result)
{
    gw_time pace = __atomic_load_n(route->pace, __ATOMIC_RELAXED);

    if (result->fail == GW_OK) {
        pace += (result->total - pace) / 8;
        __atomic_store_n(route->pace, pace, __ATOMIC_RELAXED);
    }
}

static int end_here(gw_front *f, gw_ride *ride)
{
    note_pace(ride->m->match.route, gw_exchange_result(ride->x));
    set_lane(ride->r, "blocking", "first request");
    return gw_ride_end(ride);
}

static int drive_first(gw_front *f, request_rec *r, const gw_mapped *m,
                       gw_time span)
{
    gw_engine *engine = f->engine;
    gw_ride *ride;
    apr_status_t rv;
    int status;

    ride = begin(f, r, m, &status);
    if (!ride) {
        return status;
    }
    __atomic_add_fetch(&engine->waiting, 1, __ATOMIC_RELAXED);
    rv = gw_ride_wait(ride, gw_now() + span);
    __atomic_sub_fetch(&engine->waiting, 1, __ATOMIC_RELAXED);
    if (rv == APR_SUCCESS) {
        return end_here(f, ride);
    }
    set_lane(r, "helper", "slow");
    gw_front_suspend(f, ride);
    return SUSPENDED;
}

static int drive_in_worker(gw_front *f, request_rec *r, const gw_mapped *m)
{
    gw_time span;

    if (!gw_engine_has_room(f->engine, f)) {
        return block(r, m, "helpers busy");
    }
    if (r->connection->keepalives) {
        return hand_over(f, r, m, "second request");
    }
    span = is_chunked(r) ? 0 : first_wait(f->engine, m->match.route);
    return span ? drive_first(f, r, m, span) : hand_over(f, r, m, "slow");
}

/* --- entries ------------------------------------------------------------ */

int gw_drive(request_rec *r, const gw_mapped *m)
{
    gw_front *f = gw_front_of(r->connection);
    const char *why = must_block(r, f);

    if (f && f->owner == GW_OWNER_LOOP) {
        if (!why) {
            return hand_over(f, r, m, NULL);
        }
        gw_front_ask(f, r, GW_HELP_BLOCK, why);
        return SUSPENDED;
    }
    if (why) {
        return block(r, m, why);
    }
    return f->owner == GW_OWNER_HELPER ? hand_over(f, r, m, f->why)
                                       : drive_in_worker(f, r, m);
}

/*
 * An internal redirect. That of an error document, while a loop owns the
 * connection, could not be foreseen: core refused what it read. Whose handler
 * answers is not known: the server's own page has to do.
 */
static int redirected(const gw_front *f, const request_rec *r)
{
    int status = r->prev ? r->prev->status : HTTP_OK;

    return f->owner == GW_OWNER_LOOP && ap_is_HTTP_ERROR(status) ? status
                                                                 : DECLINED;
}

int gw_drive_other(request_rec *r)
{
    gw_front *f = gw_front_of(r->connection);

    if (!f || f->owner != GW_OWNER_LOOP || !ap_is_initial_req(r)) {
        return DECLINED;
    }
    set_lane(r, "helper", "handler");
    gw_front_ask(f, r, GW_HELP_HANDLER, "handler");
    return SUSPENDED;
}

/* A session of HTTP/2 would hold a helper; whom it is offered may ignore it
 * (RFC 9110 7.8). */
static void ignore_h2c(request_rec *r)
{
    const char *upgrade = apr_table_get(r->headers_in, "Upgrade");
    const char *others;

    if (!ap_find_token(r->pool, upgrade, "h2c")) {
        return;
    }
    others = gw_upgrade_offer(r->pool, r->method, "upgrade", upgrade);
    if (others) {
        apr_table_setn(r->headers_in, "Upgrade", others);
    }
    else {
        apr_table_unset(r->headers_in, "Upgrade");
    }
}

void gw_drive_read(request_rec *r, conn_rec *c)
{
    const gw_front *f = gw_front_of(c);

    if (f && f->adopted) {
        int loop = f->owner == GW_OWNER_LOOP;

        set_lane(r, loop ? "inline" : "helper", loop ? NULL : f->why);
    }
}

int gw_drive_quick(request_rec *r, int lookup)
{
    gw_front *f = gw_front_of(r->connection);
    const char *why;

    if (lookup || !f || !f->adopted) {
        return DECLINED;
    }
    if (!ap_is_initial_req(r)) {
        return redirected(f, r);
    }
    f->server = r->server;
    gw_front_late_body(&f->late, r);
    if (f->owner != GW_OWNER_LOOP) {
        if (f->why) {
            set_lane(r, "helper", f->why);
        }
        return DECLINED;
    }
    gw_front_keep_socket(f);
    ignore_h2c(r);
    why = gw_lane_of_request(r);
    if (!why) {
        /* a hook may refuse it before its lane is chosen */
        set_lane(r, "inline", NULL);
        return DECLINED;
    }
    gw_front_ask(f, r, GW_HELP_REQUEST, why);
    return SUSPENDED;
}

/* Is the client gone, as far as it matters? Who ends one side of a tunnel
 * may still read. */
static int left(const gw_front *f)
{
    return (f->c->aborted
            || (f->hung_up && !side_of(f->ride->host)->tunnel))
           && gw_conf_of_request(f->r)->ignore_abort != 1;
}

/* Send what waits. @return may the exchange write again? */
static int send_out(gw_front *f, gw_wants *wants)
{
    apr_status_t rv = gw_front_out_send(f->out);

    if (rv == APR_INCOMPLETE) {
        gw_wants_until(wants, gw_now());
    }
    return rv == APR_SUCCESS
           || (gw_front_out_len(f->out) < GW_FRONT_OUT_HIGH
               && !side_of(f->ride->host)->tunnel);
}

apr_status_t gw_drive_step(gw_front *f, gw_wants *wants)
{
    gw_ride *ride = f->ride;
    side *s;
    int turns;

    if (!ride->x) {
        return APR_SUCCESS;
    }
    s = side_of(ride->host);
    for (turns = 1; ; turns++) {
        int was_aborted = f->c->aborted;

        if (left(f)) {
            gw_exchange_cancel(ride->x, GW_FAIL_CLIENT,
                               "the client left while it waited");
        }
        s->full = 0;
        if (gw_exchange_step(ride->x, wants) == APR_SUCCESS) {
            return APR_SUCCESS;
        }
        if (!(send_out(f, wants) && s->full)
            && (was_aborted || !f->c->aborted)) {
            return APR_EAGAIN;
        }
        if (turns >= TURNS_MAX) {
            gw_wants_until(wants, gw_now());
            return APR_EAGAIN;
        }
    }
}

int gw_drive_end(gw_front *f)
{
    gw_ride *ride = f->ride;

    if (ride->x) {
        note_pace(ride->m->match.route, gw_exchange_result(ride->x));
        if (side_of(ride->host)->tunnel) {
            __atomic_sub_fetch(&f->engine->row->tunnels, 1, __ATOMIC_RELAXED);
        }
    }
    return gw_ride_end(ride);
}
