#include "gw_cluster.h"

#include <string.h>

#include <apr_strings.h>

#include "gw_child.h"
#include "gw_member.h"

static gw_cluster *cluster_of(gw_picker *picker)
{
    return (gw_cluster *)picker;
}

/* A member's path without the slash that the rest of the target brings. */
static const char *prefix_of(apr_pool_t *pool, const gateway_target *target)
{
    const char *path = target->url->path;
    apr_size_t len = strlen(path);

    if (!len || path[len - 1] != '/') {
        return path;
    }
    return apr_pstrmemdup(pool, path, len - 1);
}

static apr_status_t cluster_pick(gw_picker *picker, gw_choice *choice,
                                 gw_time *puntil, const char **pwhy)
{
    gw_cluster *c = cluster_of(picker);
    const gateway_target *target;
    apr_status_t rv;

    rv = c->provider->pick(c->selection, &target, puntil, pwhy);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    c->target = target;
    choice->origin = target->origin;
    choice->opts = &target->conn;
    choice->host = c->keep_host ? NULL : target->authority;
    choice->prefix = prefix_of(c->r->pool, target);
    return APR_SUCCESS;
}

static int cluster_others(gw_picker *picker)
{
    gw_cluster *c = cluster_of(picker);

    return c->provider->others(c->selection);
}

static int cluster_retry_status(gw_picker *picker, int status)
{
    gw_cluster *c = cluster_of(picker);

    return c->provider->retry_status(c->selection, status);
}

static int cluster_pay(gw_picker *picker, gw_fail fail)
{
    gw_cluster *c = cluster_of(picker);

    return c->provider->pay(c->selection, fail);
}

static void cluster_report(gw_picker *picker, const gw_choice *choice,
                           const gw_attempt_report *report)
{
    gw_cluster *c = cluster_of(picker);
    gateway_attempt attempt;

    attempt.fail = report->fail;
    attempt.status = report->status;
    attempt.reused = report->reused;
    attempt.connect_time = report->connect_time;
    attempt.ttfb = report->ttfb;
    attempt.sent = report->sent;
    attempt.received = report->received;
    c->provider->report(c->selection, &attempt);
}

static void cluster_opened(gw_picker *picker)
{
    gw_cluster *c = cluster_of(picker);

    c->provider->opened(c->selection);
}

static const gw_picker_ops cluster_ops = {
    cluster_pick,
    cluster_others,
    cluster_retry_status,
    cluster_pay,
    cluster_report,
    cluster_opened
};

static unsigned move_on(unsigned retry_on)
{
    return (retry_on & GATEWAY_RETRY_CONNECT ? GW_MOVE_CONNECT : 0)
           | (retry_on & GATEWAY_RETRY_TLS ? GW_MOVE_TLS : 0)
           | (retry_on & GATEWAY_RETRY_RESET ? GW_MOVE_RESET : 0)
           | (retry_on & GATEWAY_RETRY_TIMEOUT ? GW_MOVE_TIMEOUT : 0)
           | (retry_on & GATEWAY_RETRY_STATUS ? GW_MOVE_STATUS : 0);
}

gw_cluster *gw_cluster_begin(request_rec *r, const gw_route *route,
                             gw_waker *waker)
{
    gw_cluster *c = apr_pcalloc(r->pool, sizeof(*c));

    c->base.ops = &cluster_ops;
    c->r = r;
    c->provider = gw_member_provider();
    c->keep_host = gw_conf_of_request(r)->preserve_host == 1;
    c->selection = c->provider->begin(route->balancer, r, waker, &c->limits);
    c->base.attempts_max = c->limits->attempts_max;
    c->base.move_on = move_on(c->limits->retry_on);
    c->base.queues = 1;
    return c;
}

void gw_cluster_head(gw_cluster *c)
{
    c->provider->head(c->selection, c->r);
}

void gw_cluster_end(gw_cluster *c)
{
    c->provider->end(c->selection, c->r);
}

static apr_status_t forget(void *origin)
{
    gw_child_forget(origin);
    return APR_SUCCESS;
}

static gateway_target *gateway_target_new(apr_pool_t *pool,
                                          const gateway_target *like,
                                          const char *url, int named,
                                          const char **perr)
{
    gateway_target *target = gw_member_new(pool, like, url, named, perr);

    if (target) {
        apr_pool_pre_cleanup_register(pool, target->origin, forget);
    }
    return target;
}

void gw_cluster_register(void)
{
    APR_REGISTER_OPTIONAL_FN(gateway_target_new);
}
