#include "gw_front_late.h"

#include <strings.h>

#include <apr_buckets.h>
#include <http_core.h>
#include <http_log.h>
#include <util_filter.h>

#include "gw_clock.h"

APLOG_USE_MODULE(gateway);

/* A blocking read does not wait for less: poll(2) counts milliseconds. */
#define LEAST_WAIT GW_MSEC(1)

static ap_filter_rec_t *input_filter;

/* --- the filter --------------------------------------------------------- */

/* The line that mod_reqtimeout writes, under its own LogLevel: scripts that
 * read logs look for it. */
static void tell(gw_front_late *late)
{
    if (!late->told) {
        late->told = 1;
        ap_log_cerror(__FILE__, __LINE__,
                      gw_reqtimeout_module()->module_index, APLOG_INFO, 0,
                      late->c, APLOGNO(01382) "Request %s read timeout",
                      late->what);
    }
}

/* As with mod_reqtimeout: no further request, and little patience with what
 * may still come while the connection closes. */
static apr_status_t is_late(gw_front_late *late)
{
    tell(late);
    apr_table_setn(late->c->notes, "short-lingering-close", "1");
    late->c->keepalive = AP_CONN_CLOSE;
    return APR_TIMEUP;
}

static void count(gw_front_late *late, apr_bucket_brigade *bb,
                  ap_input_mode_t mode, apr_status_t rv)
{
    apr_bucket *e;

    if (rv != APR_SUCCESS || mode == AP_MODE_SPECULATIVE) {
        return;
    }
    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb);
         e = APR_BUCKET_NEXT(e)) {
        if (e->length != (apr_size_t)-1) {
            late->bytes += (apr_off_t)e->length;
        }
    }
}

/* A read that may wait, but no longer than the client has time. */
static apr_status_t read_in_time(gw_front_late *late, ap_filter_t *below,
                                 apr_bucket_brigade *bb,
                                 ap_input_mode_t mode, apr_off_t want,
                                 gw_time left)
{
    apr_socket_t *socket = ap_get_conn_socket(late->c);
    apr_interval_time_t timeout = -1;
    apr_status_t rv;
    int shorter;

    apr_socket_timeout_get(socket, &timeout);
    shorter = timeout < 0 || left < timeout;
    if (shorter) {
        apr_socket_timeout_set(socket, left > LEAST_WAIT ? left : LEAST_WAIT);
    }
    rv = ap_get_brigade(below, bb, mode, APR_BLOCK_READ, want);
    if (shorter) {
        apr_socket_timeout_set(socket, timeout);
    }
    count(late, bb, mode, rv);
    return shorter && APR_STATUS_IS_TIMEUP(rv) ? is_late(late) : rv;
}

static apr_status_t on_input(ap_filter_t *f, apr_bucket_brigade *bb,
                             ap_input_mode_t mode, apr_read_type_e block,
                             apr_off_t want)
{
    gw_front_late *late = f->ctx;
    gw_time left = GW_NEVER;
    apr_status_t rv;

    if (mode == AP_MODE_INIT) {
        /* reads nothing, and comes when the body may long be there */
        return ap_get_brigade(f->next, bb, mode, block, want);
    }
    if (late->stage) {
        gw_time now = gw_now();

        late->begin = late->begin ? late->begin : now;
        left = gw_front_late_until(late) - now;
    }
    if (left <= 0) {
        return is_late(late);
    }
    if (late->over) {
        return APR_TIMEUP;
    }
    if (block == APR_BLOCK_READ && late->stage) {
        return read_in_time(late, f->next, bb, mode, want, left);
    }
    rv = ap_get_brigade(f->next, bb, mode, block, want);
    count(late, bb, mode, rv);
    return rv;
}

/* --- for the owner ------------------------------------------------------ */

void gw_front_late_register(void)
{
    input_filter = ap_register_input_filter("GW_FRONT_LATE", on_input, NULL,
                                            AP_FTYPE_CONNECTION + 8);
}

static void drop_reqtimeout(conn_rec *c)
{
    ap_filter_t *f;

    for (f = c->input_filters; f; f = f->next) {
        if (strcasecmp(f->frec->name, "reqtimeout") == 0) {
            ap_remove_input_filter(f);
            return;
        }
    }
}

void gw_front_late_add(gw_front_late *late, conn_rec *c)
{
    const gw_reqtimeout *limits = gw_reqtimeout_of(c->base_server);

    late->c = c;
    late->limits = gw_reqtimeout_looks(limits) ? limits : NULL;
    drop_reqtimeout(c);
    ap_add_input_filter_handle(input_filter, late, NULL, c);
}

/* Nothing runs where nothing is limited. */
static void start(gw_front_late *late, const gw_reqtimeout_stage *stage,
                  const char *what)
{
    late->stage = stage->first ? stage : NULL;
    late->what = what;
    late->begin = 0;
    late->bytes = 0;
}

void gw_front_late_head(gw_front_late *late, apr_size_t came)
{
    if (late->limits && late->stage != &late->limits->header) {
        start(late, &late->limits->header, "header");
        late->begin = gw_now();
        late->bytes = (apr_off_t)came;
    }
}

void gw_front_late_body(gw_front_late *late, const request_rec *r)
{
    const gw_reqtimeout *limits = late->limits;

    if (limits && r->server != late->c->base_server) {
        limits = gw_reqtimeout_of(r->server);
    }
    late->stage = NULL;
    if (limits && r->method_number != M_CONNECT) {
        start(late, &limits->body, "body");
    }
}

void gw_front_late_rest(gw_front_late *late)
{
    late->stage = NULL;
}

void gw_front_late_over(gw_front_late *late)
{
    late->over = 1;
}

gw_time gw_front_late_until(const gw_front_late *late)
{
    return late->stage && late->begin
        ? gw_reqtimeout_until(late->stage, late->begin, late->bytes)
        : GW_NEVER;
}
