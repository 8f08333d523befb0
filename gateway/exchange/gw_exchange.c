#include "gw_x_private.h"

#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_retry.h"

static const char *const state_names[] = {
    "PICK", "OPEN", "TALK", "TUNNEL", "DONE", "FAILED"
};
static const char *const req_names[] = {
    "HEAD", "EXPECT", "BODY", "END", "FLUSH", "CLOSED", "BROKEN"
};
static const char *const res_names[] = {
    "HEAD", "BODY", "CLOSED", "SWITCHED"
};

const char *gw_exchange_state(const gw_exchange *x)
{
    if (x->state != GW_X_TALK) {
        return state_names[x->state];
    }
    return apr_pstrcat(x->pool, "TALK ", req_names[x->req], "/",
                       res_names[x->res], NULL);
}

static void transit(gw_exchange *x, gw_x_state to, const char *why)
{
    gw_log(x->p.logger, GW_LOG_TRACE2, 0, "exchange: [%s] -- %s --> [%s]",
           state_names[x->state], why, state_names[to]);
    x->state = to;
}

void gw_x_req_transit(gw_exchange *x, gw_req_state to, const char *why)
{
    gw_log(x->p.logger, GW_LOG_TRACE4, 0, "request: [%s] -- %s --> [%s]",
           req_names[x->req], why, req_names[to]);
    x->req = to;
    x->waits_client = 0;
}

void gw_x_res_transit(gw_exchange *x, gw_res_state to, const char *why)
{
    gw_log(x->p.logger, GW_LOG_TRACE4, 0, "response: [%s] -- %s --> [%s]",
           res_names[x->res], why, res_names[to]);
    x->res = to;
}

void gw_x_set_fail(gw_exchange *x, gw_fail fail, const char *why)
{
    if (x->result.fail == GW_OK) {
        x->result.fail = fail;
        x->result.why = apr_pstrdup(x->pool, why ? why : "");
    }
}

void gw_x_forget_heads(gw_exchange *x)
{
    if (x->attempt_pool != x->pool) {
        apr_pool_clear(x->attempt_pool);
        return;
    }
    apr_pool_create(&x->attempt_pool, x->pool);
    apr_pool_tag(x->attempt_pool, "gw_attempt");
}

void gw_x_stream_failed(gw_exchange *x)
{
    gw_fail fail = x->stream->fail;

    gw_x_set_fail(x, fail == GW_OK ? GW_FAIL_INTERNAL : fail, x->stream->why);
}

/* -- attempts ---------------------------------------------------------- */

static void note_addr(gw_exchange *x)
{
    const char *tried = x->stream->ops->tried(x->stream, x->pool);

    if (!*tried) {
        return;
    }
    x->result.addr = apr_pstrdup(x->pool, x->stream->addr);
    x->result.addrs = *x->result.addrs
        ? apr_pstrcat(x->pool, x->result.addrs, ", ", tried, NULL) : tried;
}

static void note_stream_counts(gw_exchange *x)
{
    x->stream->ops->counts(x->stream, &x->result.sent, &x->result.received);
}

static void note_stream(gw_exchange *x)
{
    note_addr(x);
    x->result.reused = x->stream->reused;
    x->result.tls = x->stream->tls;
    x->result.connect_time = x->stream->connect_time;
    note_stream_counts(x);
}

static void report(gw_exchange *x, gw_fail fail)
{
    gw_attempt_report r;

    r.fail = x->result.tunnel ? GW_OK : fail;
    r.status = x->result.status;
    r.reused = x->result.reused;
    r.connect_time = x->result.connect_time;
    r.ttfb = x->result.ttfb;
    r.sent = x->result.sent;
    r.received = x->result.received;
    x->p.picker->ops->report(x->p.picker, &x->choice, &r);
}

/* Lease a stream from the origin of x->choice and begin an attempt. */
static int begin_attempt(gw_exchange *x)
{
    gw_lease lease;

    lease.origin = x->choice.origin;
    lease.opts = x->choice.opts;
    lease.logger = x->p.logger;
    lease.waker = x->p.waker;
    lease.fresh = x->fresh;
    lease.home = x->p.home;
    x->leased = x->now;
    transit(x, GW_X_OPEN, "backend chosen");
    if (x->p.net->lease(x->p.net, &lease, &x->stream) != APR_SUCCESS) {
        x->stream = NULL;
        gw_x_set_fail(x, GW_FAIL_INTERNAL, "out of memory");
        return 0;
    }
    x->result.tries++;
    x->result.addr = "";
    x->result.ttfb = -1;
    x->req = GW_REQ_HEAD;
    x->res = GW_RES_HEAD;
    x->body_len = x->out_len = x->replayed = 0;
    x->out_blocked = x->unflushed = x->waits_client = 0;
    x->seen_sent = x->seen_recv = 0;
    x->head_begun = 0;
    return 1;
}

static void end_stream(gw_exchange *x, int keep)
{
    if (x->stream) {
        note_stream(x);
        x->stream->ops->release(&x->stream, keep);
    }
}

static void note_tunnel(gw_exchange *x)
{
    const gw_tunnel *t = &x->tunnel;

    x->result.tunnel_sent = gw_tunnel_sent(t);
    x->result.tunnel_received = t->received;
    gw_log(x->p.logger, GW_LOG_INFO, 0, GWNO(00503) "%s tunnel to %s ended: "
           "%s; %" APR_OFF_T_FMT " bytes to the backend, %" APR_OFF_T_FMT
           " from it", x->result.tunnel, x->choice.origin->name,
           x->result.fail == GW_OK ? t->why : x->result.why,
           x->result.tunnel_sent, x->result.tunnel_received);
}

/* The only end. */
static void finish(gw_exchange *x)
{
    int ok = x->result.fail == GW_OK;

    if (x->state >= GW_X_DONE) {
        return;
    }
    if (x->state == GW_X_TUNNEL) {
        note_tunnel(x);
    }
    if (x->state != GW_X_PICK) {
        end_stream(x, ok);
        report(x, x->result.fail);
    }
    x->result.request_unread = x->p.head->framing != GW_BODY_NONE
                               && !x->body_eof;
    x->result.total = x->now - x->started;
    gw_bufq_free(&x->kept);
    transit(x, ok ? GW_X_DONE : GW_X_FAILED,
            ok ? "delivered" : x->result.why);
}

static gw_retry_verdict decide(gw_exchange *x, gw_fail fail)
{
    const gw_picker *picker = x->p.picker;
    gw_retry_facts f;

    f.fail = fail;
    f.reused = x->result.reused;
    f.sent = x->result.sent > 0;
    f.answered = x->result.received > 0;
    f.passed_on = x->result.delivered || x->interim_sent;
    f.idempotent = x->p.head->idempotent;
    f.body_in_hand = !x->taken || x->kept_all;
    f.replays = x->replays;
    f.moves = x->moves;
    f.moves_max = picker->attempts_max;
    f.move_on = picker->move_on;
    f.others = f.moves < f.moves_max && picker->ops->others
               && picker->ops->others(x->p.picker);
    return x->now < x->p.deadline ? gw_retry_decide(&f) : GW_RETRY_NO;
}

/* A move is a further attempt that somebody has to pay for. */
static int pay(gw_exchange *x, gw_fail fail)
{
    const gw_picker_ops *ops = x->p.picker->ops;

    if (!x->paid) {
        x->paid = ops->pay && ops->pay(x->p.picker, fail);
    }
    return x->paid;
}

int gw_x_leaves_for(gw_exchange *x, int status)
{
    const gw_picker_ops *ops = x->p.picker->ops;

    note_stream_counts(x);
    return ops->retry_status && ops->retry_status(x->p.picker, status)
           && decide(x, GW_FAIL_STATUS) == GW_RETRY_OTHER
           && pay(x, GW_FAIL_STATUS);
}

/* The verdict, paid for. */
static gw_retry_verdict verdict_on(gw_exchange *x)
{
    gw_retry_verdict verdict = decide(x, x->result.fail);

    if (verdict == GW_RETRY_OTHER && !pay(x, x->result.fail)) {
        verdict = GW_RETRY_NO;
    }
    x->paid = 0;
    return verdict;
}

/* Somebody else took the last slot of the choice: back to the line. Nothing
 * was tried, so nothing is counted. */
static int chosen_in_vain(gw_exchange *x)
{
    if (x->result.fail != GW_FAIL_BUSY || !x->p.picker->queues
        || x->now >= x->p.deadline) {
        return 0;
    }
    report(x, GW_FAIL_BUSY);
    x->result.tries--;
    x->result.fail = GW_OK;
    x->result.why = "";
    transit(x, GW_X_PICK, "no slot was left");
    return 1;
}

/* The attempt failed as the result says: another one, or the end. */
static void attempt_failed(gw_exchange *x)
{
    gw_retry_verdict verdict;

    end_stream(x, 0);
    if (chosen_in_vain(x)) {
        return;
    }
    verdict = verdict_on(x);
    if (verdict == GW_RETRY_NO) {
        finish(x);
        return;
    }
    gw_log(x->p.logger, GW_LOG_INFO, 0,
           GWNO(00500) "%s (%s): trying again %s", x->result.why,
           x->choice.origin->name, verdict == GW_RETRY_SAME
           ? "on a new connection" : "elsewhere");
    if (verdict == GW_RETRY_OTHER) {
        report(x, x->result.fail);
        x->moves++;
        x->fresh = 0;
        transit(x, GW_X_PICK, "another member");
    }
    else {
        x->replays++;
        x->fresh = 1;
    }
    x->result.fail = GW_OK;
    x->result.why = "";
    if (verdict == GW_RETRY_SAME && !begin_attempt(x)) {
        finish(x);
    }
}

/* -- steps ------------------------------------------------------------- */

static gw_run step_pick(gw_exchange *x, gw_wants *w)
{
    const char *why = "no backend may be used now";
    gw_time until = GW_NEVER;
    apr_status_t rv;

    rv = x->p.picker->ops->pick(x->p.picker, &x->choice, &until, &why);
    if (APR_STATUS_IS_EAGAIN(rv)) {
        gw_wants_until(w, until);
        w->wakeup = 1;
        x->p.host->ops->wants(x->p.host, 0, 0, w);
        return GW_RUN_BLOCKED;
    }
    if (rv != APR_SUCCESS) {
        gw_x_set_fail(x, rv == APR_NOTFOUND ? GW_FAIL_UNAVAILABLE
                      : GW_FAIL_QUEUE, why);
        return GW_RUN_FAILED;
    }
    return begin_attempt(x) ? GW_RUN_MOVED : GW_RUN_FAILED;
}

static gw_run step_open(gw_exchange *x, gw_wants *w)
{
    apr_status_t rv = x->stream->ops->open(x->stream);

    if (APR_STATUS_IS_EAGAIN(rv)) {
        x->stream->ops->wants(x->stream, 0, w);
        x->p.host->ops->wants(x->p.host, 0, 0, w);
        return GW_RUN_BLOCKED;
    }
    if (rv != APR_SUCCESS) {
        gw_x_stream_failed(x);
        return GW_RUN_FAILED;
    }
    x->sent_at = x->recv_at = x->client_at = x->now;
    transit(x, GW_X_TALK, x->stream->reused ? "reused" : "connected");
    return GW_RUN_MOVED;
}

void gw_x_note_progress(gw_exchange *x)
{
    apr_off_t sent, recv;

    x->stream->ops->counts(x->stream, &sent, &recv);
    if (sent != x->seen_sent) {
        x->seen_sent = sent;
        x->sent_at = x->now;
    }
    if (recv != x->seen_recv) {
        x->seen_recv = recv;
        x->recv_at = x->now;
        if (x->res == GW_RES_HEAD && !x->head_begun) {
            x->head_begun = x->recv_at;
        }
    }
}

typedef struct {
    gw_time at;
    gw_fail fail;
    const char *why;
} limit;

static void sooner(limit *l, gw_time since, gw_time span, gw_fail fail,
                   const char *why)
{
    gw_time at = gw_deadline(since, span);

    if (at < l->at) {
        l->at = at;
        l->fail = fail;
        l->why = why;
    }
}

/* The next thing that may take too long. A backend that answers while it does
 * not read is alive. */
static limit talk_limit(const gw_exchange *x)
{
    gw_time timeout = x->choice.opts->timeout;
    gw_time alive_at = x->sent_at > x->recv_at ? x->sent_at : x->recv_at;
    limit l = { GW_NEVER, GW_OK, NULL };

    if (x->waits_client) {
        sooner(&l, x->client_at, x->p.client_timeout, GW_FAIL_CLIENT_TIMEOUT,
               "the client stopped sending its body");
    }
    else if (x->req < GW_REQ_CLOSED && x->req != GW_REQ_EXPECT) {
        sooner(&l, alive_at, timeout, GW_FAIL_SEND_TIMEOUT,
               "the backend stopped reading the request");
    }
    else if (x->req == GW_REQ_BROKEN && x->res == GW_RES_HEAD
             && x->stream->fail == GW_FAIL_SEND_TIMEOUT) {
        sooner(&l, x->sent_at, timeout, GW_FAIL_SEND_TIMEOUT,
               "the backend stopped reading the request");
    }
    if (x->req >= GW_REQ_CLOSED && !x->out_blocked) {
        sooner(&l, x->recv_at, timeout, GW_FAIL_TIMEOUT,
               x->res == GW_RES_HEAD ? "no response in time"
               : "the response body stalled");
    }
    if (x->head_begun) {
        sooner(&l, x->head_begun, timeout, GW_FAIL_TIMEOUT,
               "the response head took too long");
    }
    return l;
}

/* Both sides could go on, but others have waited long enough. */
static int turn_is_over(const gw_exchange *x)
{
    return x->turn_req <= 0 || x->turn_res <= 0;
}

static gw_run talk_blocked(gw_exchange *x, gw_wants *w)
{
    limit l;

    gw_x_note_progress(x);
    l = talk_limit(x);
    if (l.at <= x->now) {
        gw_x_set_fail(x, l.fail, l.why);
        return GW_RUN_FAILED;
    }
    gw_wants_until(w, turn_is_over(x) ? x->now : l.at);
    if (x->req == GW_REQ_EXPECT) {
        gw_wants_until(w, x->expect_until);
    }
    x->stream->ops->wants(x->stream, !x->out_blocked, w);
    x->p.host->ops->wants(x->p.host, x->waits_client, x->out_blocked, w);
    return GW_RUN_BLOCKED;
}

static gw_run begin_tunnel(gw_exchange *x)
{
    const gw_conn_opts *opts = x->choice.opts;
    gw_tunnel_limits limits;

    limits.idle = opts->tunnel_timeout ? opts->tunnel_timeout
                                       : GW_TUNNEL_IDLE_DEFAULT;
    limits.half = gw_earlier(limits.idle, opts->timeout);
    x->result.tunnel = x->upgrade;
    gw_log(x->p.logger, GW_LOG_DEBUG, 0, GWNO(00502) "%s tunnel to %s (%s)",
           x->upgrade, x->choice.origin->name, x->stream->addr);
    gw_tunnel_begin(&x->tunnel, x->stream, x->p.host, &limits);
    transit(x, GW_X_TUNNEL, x->upgrade);
    return GW_RUN_MOVED;
}

static gw_run step_tunnel(gw_exchange *x, gw_wants *w)
{
    gw_tunnel *t = &x->tunnel;

    if (APR_STATUS_IS_EAGAIN(gw_tunnel_run(t))) {
        gw_tunnel_wants(t, w);
        return GW_RUN_BLOCKED;
    }
    if (t->fail != GW_OK) {
        gw_x_set_fail(x, t->fail, t->why);
    }
    finish(x);
    return GW_RUN_MOVED;
}

static gw_run step_talk(gw_exchange *x, gw_wants *w)
{
    gw_run sent = gw_x_run_request(x);
    gw_run got;

    if (sent == GW_RUN_FAILED) {
        return sent;
    }
    got = gw_x_run_response(x);
    if (got == GW_RUN_FAILED) {
        return got;
    }
    if (x->res == GW_RES_CLOSED) {
        finish(x);
        return GW_RUN_MOVED;
    }
    if (x->res == GW_RES_SWITCHED) {
        return begin_tunnel(x);
    }
    if (got == GW_RUN_MOVED && !turn_is_over(x)) {
        gw_x_note_progress(x);
        return got;
    }
    return talk_blocked(x, w);
}

static gw_run step(gw_exchange *x, gw_wants *w)
{
    switch (x->state) {
    case GW_X_PICK:
        return step_pick(x, w);
    case GW_X_OPEN:
        return step_open(x, w);
    case GW_X_TUNNEL:
        return step_tunnel(x, w);
    default:
        return step_talk(x, w);
    }
}

apr_status_t gw_exchange_step(gw_exchange *x, gw_wants *w)
{
    gw_wants_reset(w);
    x->now = gw_now();
    x->turn_req = x->turn_res = GW_EXCHANGE_TURN;
    while (x->state < GW_X_DONE) {
        gw_run run;

        if (x->state != GW_X_TUNNEL && x->now >= x->p.deadline) {
            gw_x_set_fail(x, GW_FAIL_DEADLINE, "the request took too long");
            run = GW_RUN_FAILED;
        }
        else {
            run = step(x, w);
        }
        if (run == GW_RUN_FAILED) {
            attempt_failed(x);
        }
        else if (run == GW_RUN_BLOCKED) {
            if (x->state != GW_X_TUNNEL) {
                gw_wants_until(w, x->p.deadline);
            }
            if (!gw_wants_nothing(w)) {
                return APR_EAGAIN;
            }
            gw_log(x->p.logger, GW_LOG_ERR, 0, GWNO(00501) "exchange stuck "
                   "in state %s, please report", gw_exchange_state(x));
            gw_x_set_fail(x, GW_FAIL_INTERNAL, "nothing to wait for");
            finish(x);
        }
    }
    return APR_SUCCESS;
}

void gw_exchange_cancel(gw_exchange *x, gw_fail fail, const char *why)
{
    if (x->state < GW_X_DONE) {
        x->now = gw_now();
        gw_x_set_fail(x, fail, why);
        finish(x);
    }
}

const gw_result *gw_exchange_result(const gw_exchange *x)
{
    return &x->result;
}

static apr_status_t exchange_cleanup(void *data)
{
    gw_exchange_cancel(data, GW_FAIL_CLIENT, "the request was dropped");
    return APR_SUCCESS;
}

gw_exchange *gw_exchange_create(apr_pool_t *pool,
                                const gw_exchange_params *params)
{
    gw_exchange *x = apr_pcalloc(pool, sizeof(*x));

    x->p = *params;
    x->pool = pool;
    x->started = gw_now();
    x->state = GW_X_PICK;
    x->result.why = "";
    x->result.addrs = "";
    x->result.addr = "";
    x->result.ttfb = -1;
    x->kept_all = 1;
    gw_bufq_init(&x->kept, params->replay_max ? params->replay_max
                           : GW_REPLAY_MAX);
    x->attempt_pool = pool;
    apr_pool_pre_cleanup_register(pool, x, exchange_cleanup);
    return x;
}
