#include "gw_x_private.h"

#include "gw_clock.h"
#include "gw_upgrade.h"

static gw_run not_taken(gw_exchange *x, apr_status_t rv)
{
    if (APR_STATUS_IS_ECONNABORTED(rv)) {
        gw_x_set_fail(x, GW_FAIL_CLIENT, "the client is gone");
    }
    else {
        gw_x_set_fail(x, GW_FAIL_INTERNAL, "an output filter failed");
    }
    return GW_RUN_FAILED;
}

/* 100 concerns only a client that asked; others pass on (RFC 9110 15.2). */
static void interim(gw_exchange *x, const gw_res_head *head)
{
    if (head->status == 100) {
        if (x->req != GW_REQ_EXPECT) {
            return;
        }
        x->client_at = x->now;
        gw_x_req_transit(x, GW_REQ_BODY, "the backend says 100");
    }
    x->interim_sent = 1;
    x->p.host->ops->interim(x->p.host, head);
    x->now = gw_now();
}

static gw_run final_head(gw_exchange *x, const gw_res_head *head)
{
    apr_status_t rv;

    x->result.status = head->status;
    x->result.ttfb = x->now - x->leased;
    if (x->req == GW_REQ_EXPECT) {
        gw_x_req_transit(x, GW_REQ_BROKEN, "answered instead of a 100");
    }
    if (gw_x_leaves_for(x, head->status)) {
        gw_x_set_fail(x, GW_FAIL_STATUS, "a status to try another one for");
        return GW_RUN_FAILED;
    }
    rv = x->p.host->ops->head(x->p.host, head);
    if (rv != APR_SUCCESS) {
        return not_taken(x, rv);
    }
    x->result.delivered = 1;
    x->unflushed = 1;
    gw_x_res_transit(x, GW_RES_BODY, "final head");
    return GW_RUN_MOVED;
}

/* Only a true answer to what was asked opens a way around HTTP. */
static gw_run switched(gw_exchange *x, const gw_res_head *head)
{
    const char *why = "101 that nobody asked for";
    apr_status_t rv;

    x->result.status = head->status;
    x->result.ttfb = gw_now() - x->leased;
    if (x->upgrade) {
        why = x->req != GW_REQ_CLOSED ? "101 before the request was sent"
            : gw_upgrade_refused(x->attempt_pool, head, x->p.head->headers,
                                 x->upgrade);
    }
    if (why) {
        gw_x_set_fail(x, GW_FAIL_JUNK, why);
        return GW_RUN_FAILED;
    }
    if (x->p.picker->ops->opened) {
        x->p.picker->ops->opened(x->p.picker);
    }
    rv = x->p.host->ops->tunnel(x->p.host, head, x->upgrade);
    if (rv != APR_SUCCESS) {
        return not_taken(x, rv);
    }
    x->result.delivered = 1;
    gw_x_res_transit(x, GW_RES_SWITCHED, x->upgrade);
    return GW_RUN_MOVED;
}

static gw_run read_head(gw_exchange *x)
{
    gw_res_head *head;
    apr_status_t rv;

    rv = x->stream->ops->read_head(x->stream, x->attempt_pool, &head);
    if (APR_STATUS_IS_EAGAIN(rv)) {
        return GW_RUN_BLOCKED;
    }
    if (rv != APR_SUCCESS) {
        gw_x_stream_failed(x);
        return GW_RUN_FAILED;
    }
    if (head->status == 101) {
        return switched(x, head);
    }
    if (gw_msg_is_interim(head)) {
        gw_x_note_progress(x);
        if (x->req < GW_REQ_CLOSED) {
            /* Its time is bounded once the backend has the whole request. */
            x->head_begun = 0;
        }
        interim(x, head);
        gw_x_forget_heads(x);
        return GW_RUN_MOVED;
    }
    x->head_begun = 0;
    return final_head(x, head);
}

/* A client may leave as soon as it has counted all bytes of a body. That is
 * no failure, and the backend's connection is sound. */
static gw_run write_failed(gw_exchange *x, apr_status_t rv)
{
    apr_status_t more = x->stream->ops->read_body(x->stream, &x->out,
                                                  &x->out_len);

    x->out_len = 0;
    if (!APR_STATUS_IS_EOF(more) || !APR_STATUS_IS_ECONNABORTED(rv)) {
        return not_taken(x, rv);
    }
    gw_x_res_transit(x, GW_RES_CLOSED, "complete, and the client left");
    return GW_RUN_MOVED;
}

static gw_run pass_out(gw_exchange *x)
{
    apr_size_t n = 0;
    apr_status_t rv;

    rv = x->p.host->ops->write_body(x->p.host, x->out, x->out_len, &n);
    if (APR_STATUS_IS_EAGAIN(rv)) {
        x->out_blocked = 1;
        return GW_RUN_BLOCKED;
    }
    if (rv != APR_SUCCESS) {
        return write_failed(x, rv);
    }
    x->out_blocked = 0;
    x->out += n;
    x->out_len -= n;
    x->unflushed = 1;
    x->turn_res -= (apr_ssize_t)n;
    /* A driver may block in the write: the backend is not to blame. */
    x->recv_at = x->now = gw_now();
    return GW_RUN_MOVED;
}

static gw_run read_body(gw_exchange *x)
{
    apr_status_t rv;

    if (x->out_len) {
        return pass_out(x);
    }
    rv = x->stream->ops->read_body(x->stream, &x->out, &x->out_len);
    if (APR_STATUS_IS_EOF(rv)) {
        x->out_len = 0;
        gw_x_res_transit(x, GW_RES_CLOSED, "response complete");
        return GW_RUN_MOVED;
    }
    if (APR_STATUS_IS_EAGAIN(rv)) {
        x->out_len = 0;
        return GW_RUN_BLOCKED;
    }
    if (rv != APR_SUCCESS) {
        x->out_len = 0;
        gw_x_stream_failed(x);
        return GW_RUN_FAILED;
    }
    return GW_RUN_MOVED;
}

/* The backend pauses: what came so far must not wait for more. */
static gw_run flush(gw_exchange *x)
{
    apr_status_t rv;

    if (x->res != GW_RES_BODY || !x->unflushed || x->out_blocked
        || x->turn_res <= 0) {
        return GW_RUN_BLOCKED;
    }
    x->unflushed = 0;
    rv = x->p.host->ops->flush(x->p.host);
    x->now = gw_now();
    return rv == APR_SUCCESS ? GW_RUN_BLOCKED : not_taken(x, rv);
}

gw_run gw_x_run_response(gw_exchange *x)
{
    gw_run made = GW_RUN_BLOCKED;

    while (x->res < GW_RES_CLOSED && x->turn_res > 0) {
        gw_run run = x->res == GW_RES_HEAD ? read_head(x) : read_body(x);

        if (run == GW_RUN_FAILED) {
            return run;
        }
        if (run == GW_RUN_BLOCKED) {
            break;
        }
        made = run;
    }
    if (flush(x) == GW_RUN_FAILED) {
        return GW_RUN_FAILED;
    }
    return made;
}
