#include "gw_x_private.h"

#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_upgrade.h"

/* The backend stopped reading. What it says may still explain why, so the
 * response side goes on alone (security.md 22). */
static gw_run broken(gw_exchange *x)
{
    x->recv_at = x->now;
    gw_x_req_transit(x, GW_REQ_BROKEN, x->stream->why);
    return GW_RUN_MOVED;
}

/* The head for the backend that was chosen. */
static gw_req_head head_for(gw_exchange *x)
{
    gw_req_head head = *x->p.head;

    if (x->choice.host) {
        head.host = x->choice.host;
    }
    head.upgrade = NULL;
    if (x->p.head->upgrade) {
        head.upgrade = gw_upgrade_choose(x->attempt_pool, x->p.head->upgrade,
                                         x->choice.opts->upgrade);
    }
    if (x->choice.opts->disablereuse && !head.upgrade) {
        head.connection = "close";
    }
    if (*x->choice.prefix) {
        head.target = apr_pstrcat(x->attempt_pool, x->choice.prefix,
                                  head.target, NULL);
    }
    return head;
}

static gw_run send_head(gw_exchange *x)
{
    gw_req_head for_choice = head_for(x);
    const gw_req_head *head = &for_choice;

    if (x->stream->ops->send_head(x->stream, head) != APR_SUCCESS) {
        gw_x_stream_failed(x);
        return GW_RUN_FAILED;
    }
    x->upgrade = head->upgrade ? apr_pstrdup(x->pool, head->upgrade) : NULL;
    if (head->framing == GW_BODY_NONE) {
        gw_x_req_transit(x, GW_REQ_END, "no body");
    }
    else if (head->expect && !x->interim_sent) {
        x->expect_until = x->now + GW_EXPECT_WAIT;
        gw_x_req_transit(x, GW_REQ_EXPECT, "client waits for a 100");
    }
    else {
        gw_x_req_transit(x, GW_REQ_BODY, "head queued");
    }
    return GW_RUN_MOVED;
}

/* A backend that does not answer an expectation gets the body anyway. */
static gw_run expect_over(gw_exchange *x)
{
    static const gw_res_head go_on = {
        100, 1, "Continue", NULL, 0, -1
    };

    if (x->now < x->expect_until) {
        return GW_RUN_BLOCKED;
    }
    x->interim_sent = 1;
    x->p.host->ops->interim(x->p.host, &go_on);
    x->client_at = x->now = gw_now();
    gw_x_req_transit(x, GW_REQ_BODY, "no 100 from the backend in time");
    return GW_RUN_MOVED;
}

static gw_run client_failed(gw_exchange *x, apr_status_t rv)
{
    if (APR_STATUS_IS_TIMEUP(rv)) {
        gw_x_set_fail(x, GW_FAIL_CLIENT_TIMEOUT,
                      "the client stopped sending its body");
    }
    else if (rv == APR_ENOSPC) {
        gw_x_set_fail(x, GW_FAIL_TOO_LARGE,
                      "the request body is over LimitRequestBody");
    }
    else {
        gw_x_set_fail(x, GW_FAIL_CLIENT,
                      "the client's body ended early or is malformed");
    }
    return GW_RUN_FAILED;
}

/* Remember bytes for another attempt while they fit; a method that may not
 * be repeated needs none. */
static void keep(gw_exchange *x)
{
    x->taken = 1;
    if (!x->kept_all) {
        return;
    }
    if (!x->p.head->idempotent
        || gw_bufq_put(&x->kept, x->body, x->body_len) != APR_SUCCESS) {
        x->kept_all = 0;
        gw_bufq_free(&x->kept);
        return;
    }
    x->replayed += x->body_len;
}

/* Make x->body point to the next bytes: kept ones first, then the host's. */
static gw_run next_body(gw_exchange *x)
{
    apr_status_t rv;

    if (x->replayed < gw_bufq_len(&x->kept)) {
        x->body = gw_bufq_data(&x->kept) + x->replayed;
        x->body_len = gw_bufq_len(&x->kept) - x->replayed;
        x->replayed += x->body_len;
        return GW_RUN_MOVED;
    }
    if (x->body_eof) {
        gw_x_req_transit(x, GW_REQ_END, "body complete");
        return GW_RUN_MOVED;
    }
    rv = x->p.host->ops->read_body(x->p.host, &x->body, &x->body_len);
    if (APR_STATUS_IS_EOF(rv)) {
        x->body_eof = 1;
        x->body_len = 0;
        gw_x_req_transit(x, GW_REQ_END, "body complete");
        return GW_RUN_MOVED;
    }
    if (APR_STATUS_IS_EAGAIN(rv)) {
        x->body_len = 0;
        x->waits_client = 1;
        return GW_RUN_BLOCKED;
    }
    if (rv != APR_SUCCESS) {
        return client_failed(x, rv);
    }
    x->client_at = x->now;
    keep(x);
    return GW_RUN_MOVED;
}

static gw_run send_body(gw_exchange *x)
{
    apr_size_t n = 0;
    apr_status_t rv;

    x->waits_client = 0;
    if (!x->body_len) {
        return next_body(x);
    }
    rv = x->stream->ops->send(x->stream, x->body, x->body_len, &n);
    if (APR_STATUS_IS_EAGAIN(rv)) {
        return GW_RUN_BLOCKED;
    }
    if (rv != APR_SUCCESS) {
        gw_x_stream_failed(x);
        return GW_RUN_FAILED;
    }
    x->body += n;
    x->body_len -= n;
    x->turn_req -= (apr_ssize_t)n;
    return GW_RUN_MOVED;
}

static gw_run send_end(gw_exchange *x)
{
    apr_status_t rv = x->stream->ops->send_end(x->stream);

    if (APR_STATUS_IS_EAGAIN(rv)) {
        return GW_RUN_BLOCKED;
    }
    if (rv != APR_SUCCESS) {
        gw_x_stream_failed(x);
        return GW_RUN_FAILED;
    }
    gw_x_req_transit(x, GW_REQ_FLUSH, "all queued");
    return GW_RUN_MOVED;
}

/* The next thing to put into the send queue. */
static gw_run produce(gw_exchange *x)
{
    switch (x->req) {
    case GW_REQ_HEAD:
        return send_head(x);
    case GW_REQ_EXPECT:
        return expect_over(x);
    case GW_REQ_BODY:
        return send_body(x);
    case GW_REQ_END:
        return send_end(x);
    default:
        return GW_RUN_BLOCKED;
    }
}

static gw_run drain(gw_exchange *x)
{
    apr_status_t rv = x->stream->ops->flush(x->stream);

    if (APR_STATUS_IS_EAGAIN(rv)) {
        return GW_RUN_BLOCKED;
    }
    if (rv != APR_SUCCESS) {
        return broken(x);
    }
    if (x->req == GW_REQ_FLUSH) {
        x->recv_at = x->now;
        gw_x_req_transit(x, GW_REQ_CLOSED, "all sent");
    }
    return GW_RUN_MOVED;
}

gw_run gw_x_run_request(gw_exchange *x)
{
    gw_run made = GW_RUN_BLOCKED;
    gw_run run;

    while (x->req < GW_REQ_CLOSED && x->turn_req > 0) {
        run = produce(x);
        if (run == GW_RUN_FAILED) {
            return run;
        }
        if (run == GW_RUN_MOVED) {
            made = run;
            continue;
        }
        if (drain(x) != GW_RUN_MOVED) {
            break;
        }
        /* The queue is empty now: only a full one makes it worth going on. */
        if (x->req == GW_REQ_EXPECT || x->waits_client) {
            break;
        }
    }
    if (x->req == GW_REQ_BROKEN && x->stream->fail == GW_OK) {
        /* A refused expectation: the head may still be in the queue. */
        (void)x->stream->ops->flush(x->stream);
    }
    return made;
}
