#include "gw_status.h"

#include <unistd.h>

#include <ap_mpm.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <mod_status.h>
#include <mpm_common.h>
#include <apr_optional_hooks.h>

#include "gw_clock.h"
#include "gw_event_conf.h"
#include "gw_front.h"
#include "gw_log.h"
#include "mod_gateway.h"

extern module AP_MODULE_DECLARE_DATA gateway_module;
APLOG_USE_MODULE(gateway);

/* Kept in the process across restarts, which unload this module. */
#define RETAINED_KEY "mod_gateway.tally"

/* Children of old generations drain beside those of the new one; and some
 * that come when others have not quite gone. */
#define ROWS_SPARE 16

/* Over which a loop's share of time is measured. */
#define SHARE_SPAN GW_SEC(1)

/* Helpers that are all busy for less than this are no news. */
#define FULL_SPAN GW_MSEC(100)

/* Between two lines about busy helpers, of all processes. */
#define TELL_EVERY GW_SEC(10)

#if GW_EVENT_LOOPS_MAX > GW_TALLY_LOOPS
#error "each loop needs a place of its own"
#endif

typedef struct {
    apr_shm_t *shm;
} retained;

/* The parent's; const in children. */
static gw_tally *tally;

/* Where there is no table, or no row left. */
static gw_tally_row alone;

/* Written by child_init before there are other threads. */
static gw_tally_row *own = &alone;

/* Of mod_logio; NULL without it. Written by child_init, likewise. */
static APR_OPTIONAL_FN_TYPE(ap_logio_get_last_bytes) *logio_last_bytes;

gw_tally_row *gw_status_row(void)
{
    return own;
}

/* --- the table ---------------------------------------------------------- */

static gw_tally *find_table(server_rec *s)
{
    retained *kept = ap_retained_data_get(RETAINED_KEY);
    int daemons = 1;
    apr_status_t rv;

    if (!kept) {
        kept = ap_retained_data_create(RETAINED_KEY, sizeof(*kept));
    }
    if (kept->shm && gw_tally_attach(kept->shm)) {
        return gw_tally_attach(kept->shm);
    }
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &daemons);
    rv = gw_tally_create(s->process->pool, 2 * (unsigned)daemons + ROWS_SPARE,
                         &kept->shm);
    if (rv != APR_SUCCESS) {
        kept->shm = NULL;
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s, GWNO(02090) "no shared "
                     "memory for the numbers that mod_status shows: each "
                     "child knows its own only");
        return NULL;
    }
    return gw_tally_attach(kept->shm);
}

void gw_status_share(server_rec *s)
{
    tally = find_table(s);
    if (tally) {
        gw_tally_sweep(tally);
    }
}

void gw_status_child_init(server_rec *s)
{
    gw_tally_row *row = tally
        ? gw_tally_claim(tally, (apr_uint32_t)getpid()) : NULL;

    logio_last_bytes = APR_RETRIEVE_OPTIONAL_FN(ap_logio_get_last_bytes);
    if (row) {
        own = row;
    }
    else if (tally) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, GWNO(02091) "more "
                     "children than mod_status has room for: it does not see "
                     "this one");
    }
}

static void child_status(server_rec *s, pid_t pid, ap_generation_t gen,
                         int slot, mpm_child_status state)
{
    if (state == MPM_CHILD_EXITED && tally) {
        gw_tally_release(tally, (apr_uint32_t)pid);
    }
}

/* The scoreboard begins anew, too. */
static int pre_mpm(apr_pool_t *p, ap_scoreboard_e sb_type)
{
    if (tally) {
        gw_tally_clear(tally);
    }
    return OK;
}

/* --- what a child notes ------------------------------------------------- */

static void note_share(gw_station *st, const gw_loop_stats *stats,
                       gw_time now)
{
    gw_time span = now - st->share_since;

    if (st->share_since && span < SHARE_SPAN) {
        return;
    }
    if (st->share_since) {
        gw_tally_note_busy(own, st->index, (apr_uint32_t)(
            (stats->busy - st->share_busy) * 1000 / span));
    }
    st->share_since = now;
    st->share_busy = stats->busy;
}

static void note_times(const gw_station *st)
{
#ifdef HAVE_TIMES
    if (ap_extended_status && st->post.sbh) {
        times(&ap_get_scoreboard_worker(st->post.sbh)->times);
    }
#endif
}

void gw_status_tick(gw_station *st)
{
    gw_loop_stats stats;
    int busy, waiting;

    note_times(st);
    gw_loop_stats_get(st->loop, &stats);
    note_share(st, &stats, gw_now());
    gw_tally_note_step(own, stats.longest);
    if (st->index == 0 && st->engine->helpers) {
        gw_helpers_counts(st->engine->helpers, &busy, &waiting);
        __atomic_store_n(&own->helping, busy, __ATOMIC_RELAXED);
        __atomic_store_n(&own->queued, waiting, __ATOMIC_RELAXED);
    }
}

void gw_status_full(gw_engine *engine, const conn_rec *c)
{
    gw_time since = gw_helpers_full_since(engine->helpers);
    gw_time now = gw_now();
    int busy, waiting;

    if (!since || now - since < FULL_SPAN
        || (tally && !gw_tally_may_tell(tally, now, TELL_EVERY))) {
        return;
    }
    gw_helpers_counts(engine->helpers, &busy, &waiting);
    ap_log_cerror(APLOG_MARK, APLOG_WARNING, 0, c, GWNO(02092) "all %d helper "
                  "threads of this child are busy, for %" APR_INT64_T_FMT
                  " ms, and %d requests wait for one: until that changes new "
                  "connections stay with the workers of the MPM. "
                  "%%{" GATEWAY_ENV_LANE "}e in the access log tells what "
                  "needs helpers; if it cannot be spared raise "
                  "GatewayHelpers", busy, (now - since) / 1000, waiting);
}

void gw_status_end(const gw_front *f, request_rec *r)
{
    worker_score *ws = ap_extended_status
        ? ap_get_scoreboard_worker(f->post->sbh) : NULL;

    if (ws) {
        ws->start_time = r->request_time;
        if (!f->c->sbh) {
            ap_time_process_request(f->post->sbh, STOP_PREQUEST);
        }
    }
}

static const char *lane_of(const request_rec *r)
{
    const request_rec *last = r;
    const char *lane;

    while (last->next) {
        last = last->next;
    }
    lane = apr_table_get(last->subprocess_env, GATEWAY_ENV_LANE);
    return lane || last == r ? lane : apr_table_get(r->subprocess_env,
                                                    GATEWAY_ENV_LANE);
}

static void count_lane(const request_rec *r)
{
    const char *lane = lane_of(r);

    if (lane) {
        __atomic_add_fetch(lane[0] == 'i' ? &own->inlined
                           : lane[0] == 'h' ? &own->helped : &own->blocked,
                           1, __ATOMIC_RELAXED);
    }
}

static void count_request(worker_score *ws, request_rec *r)
{
    apr_off_t bytes = logio_last_bytes ? logio_last_bytes(r->connection)
        : r->header_only ? 0 : r->bytes_sent;

    ws->access_count++;
    ws->my_access_count++;
    ws->conn_count++;
    ws->bytes_served += bytes;
    ws->my_bytes_served += bytes;
    ws->conn_bytes += bytes;
}

/* Core counts behind this hook, where c->sbh is not NULL. For a loop it must
 * not: it asks for the CPU time of the process with each request, and the
 * kernel adds up all threads for that; the tick does. For a helper it is done
 * in its place where the worker may still write to c->sbh. */
static int log_transaction(request_rec *r)
{
    const gw_front *f = gw_front_of(r->connection);

    count_lane(r);
    if (!ap_extended_status || !f || !f->adopted || !f->post
        || !f->post->sbh) {
        return DECLINED;
    }
    if (f->owner == GW_OWNER_LOOP) {
        count_request(ap_get_scoreboard_worker(f->post->sbh), r);
        r->connection->sbh = NULL;
    }
    else if (!r->connection->sbh) {
        ap_increment_counts(f->post->sbh, r);
    }
    return DECLINED;
}

/* --- the page ----------------------------------------------------------- */

static double percent(apr_uint64_t permille, int parts)
{
    return parts > 0 ? (double)permille / 10 / parts : 0;
}

static void show_auto(request_rec *r, const gw_tally_sum *sum)
{
    const gw_tally_row *of = &sum->of;

    ap_rprintf(r, "GatewayLoops: %d\n", of->loops);
    ap_rprintf(r, "GatewayLoopsBusy: %.1f\n", percent(sum->busy, of->loops));
    ap_rprintf(r, "GatewayLoopsBusiest: %.1f\n", percent(sum->busiest, 1));
    ap_rprintf(r, "GatewayLongestStepMs: %.3f\n", of->longest / 1000.0);
    ap_rprintf(r, "GatewayConnsAdopted: %d\n", of->adopted);
    ap_rprintf(r, "GatewayConnsSuspended: %d\n", of->riding);
    ap_rprintf(r, "GatewayConnsTurnedAway: %" APR_UINT64_T_FMT "\n",
               of->turned_away);
    ap_rprintf(r, "GatewayTunnels: %d\n", of->tunnels);
    ap_rprintf(r, "GatewayHelpers: %d\n", of->helpers);
    ap_rprintf(r, "GatewayHelpersBusy: %d\n", of->helping);
    ap_rprintf(r, "GatewayHelpersQueue: %d\n", of->queued);
    ap_rprintf(r, "GatewayRequestsInline: %" APR_UINT64_T_FMT "\n",
               of->inlined);
    ap_rprintf(r, "GatewayRequestsHelper: %" APR_UINT64_T_FMT "\n",
               of->helped);
    ap_rprintf(r, "GatewayRequestsBlocking: %" APR_UINT64_T_FMT "\n",
               of->blocked);
}

static void show_sums(request_rec *r, const gw_tally_sum *sum)
{
    const gw_tally_row *of = &sum->of;

    ap_rprintf(r, "<dl>\n<dt>Connections: %d adopted, %d of them suspended in "
               "a request, %d tunnels; not adopted because helpers were busy: "
               "%" APR_UINT64_T_FMT "</dt>\n", of->adopted, of->riding,
               of->tunnels, of->turned_away);
    ap_rprintf(r, "<dt>Loops: %d, %.1f %% busy, the busiest %.1f %%; longest "
               "step %.3f ms</dt>\n", of->loops,
               percent(sum->busy, of->loops), percent(sum->busiest, 1),
               of->longest / 1000.0);
    ap_rprintf(r, "<dt>Helpers: %d, %d of them busy, %d requests wait for "
               "one</dt>\n", of->helpers, of->helping, of->queued);
    ap_rprintf(r, "<dt>Requests by lane: %" APR_UINT64_T_FMT " inline, %"
               APR_UINT64_T_FMT " helper, %" APR_UINT64_T_FMT
               " blocking</dt>\n</dl>\n", of->inlined, of->helped,
               of->blocked);
}

static apr_uint32_t busy_of(const gw_tally_row *row)
{
    apr_uint32_t n = 0;
    int i;

    for (i = 0; i < GW_TALLY_LOOPS; i++) {
        n += row->busy[i];
    }
    return n;
}

static void show_row(request_rec *r, const gw_tally_row *row)
{
    ap_rprintf(r, "<tr><td>%u</td><td>%d</td><td>%.1f</td><td>%.3f</td>"
               "<td>%d</td><td>%d</td><td>%d</td><td>%" APR_UINT64_T_FMT
               "</td>", row->pid, row->loops,
               percent(busy_of(row), row->loops), row->longest / 1000.0,
               row->adopted, row->riding, row->tunnels, row->turned_away);
    ap_rprintf(r, "<td>%d</td><td>%d</td><td>%d</td><td>%" APR_UINT64_T_FMT
               "</td><td>%" APR_UINT64_T_FMT "</td><td>%" APR_UINT64_T_FMT
               "</td></tr>\n", row->helpers, row->helping, row->queued,
               row->inlined, row->helped, row->blocked);
}

static void show_table(request_rec *r)
{
    gw_tally_row row;
    unsigned i;

    ap_rputs("<table border=\"0\"><tr><th rowspan=\"2\">PID</th>"
             "<th colspan=\"3\">Loops</th><th colspan=\"4\">Connections</th>"
             "<th colspan=\"3\">Helpers</th><th colspan=\"3\">Requests</th>"
             "</tr>\n<tr><th>total</th><th>busy %</th><th>longest ms</th>"
             "<th>adopted</th><th>suspended</th><th>tunnels</th>"
             "<th>turned away</th><th>total</th><th>busy</th><th>queue</th>"
             "<th>inline</th><th>helper</th><th>blocking</th></tr>\n", r);
    for (i = 0; gw_tally_get(tally, i, &row); i++) {
        show_row(r, &row);
    }
    ap_rputs("</table>\n", r);
}

static int status_hook(request_rec *r, int flags)
{
    gw_tally_sum sum;

    if (!tally) {
        return DECLINED;
    }
    gw_tally_add_up(tally, &sum);
    if (flags & AP_STATUS_SHORT) {
        show_auto(r, &sum);
        return OK;
    }
    ap_rputs("<hr />\n<h2>mod_gateway</h2>\n", r);
    show_sums(r, &sum);
    if (!(flags & AP_STATUS_NOTABLE)) {
        show_table(r);
    }
    return OK;
}

void gw_status_register(void)
{
    APR_OPTIONAL_HOOK(ap, status_hook, status_hook, NULL, NULL,
                      APR_HOOK_MIDDLE);
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_mpm(pre_mpm, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_log_transaction(log_transaction, NULL, NULL,
                            APR_HOOK_REALLY_LAST);
}
