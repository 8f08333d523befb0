#include "gwb_serve.h"

#include <string.h>

#include <httpd.h>
#include <http_log.h>
#include <http_protocol.h>

#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_log.h"
#include "gwb_budget.h"
#include "gwb_cmds.h"
#include "gwb_group.h"
#include "gwb_method.h"
#include "gwb_report.h"

APLOG_USE_MODULE(gateway_balancer);

/* Places that come free in other processes are seen this soon. */
#define QUEUE_TICK      GW_MSEC(5)
/* Who is not first is woken by those before; this is for safety. */
#define QUEUE_SAFETY    GW_SEC(1)

/* Further attempts when maxattempts= does not say. */
#define ATTEMPTS_DEFAULT 3

struct gateway_selection {
    /* const after begin */
    const gateway_balancer *b;
    gwb_group *group;
    request_rec *r;
    gateway_limits limits;
    const char *session_name;   /* cookie or parameter, NULL: no session */
    const char *own;            /* value of our own cookie, as it came */
    /* the choice */
    gwb_view *view;             /* NULL without memory */
    apr_array_header_t *held;   /* gwb_view *, of earlier attempts */
    apr_array_header_t *tried;  /* apr_uint32_t, ids */
    gwb_want want;
    int picked;                 /* index is valid */
    int under_way;              /* report() is due */
    unsigned index;
    int trial;
    int route_changed;
    /* the queue */
    gwb_waiter waiter;
    gw_time until;              /* 0: has not waited for this attempt */
    int bounced;                /* the last of tried had no place left */
    int armed;
};

static gateway_balancer *serve_find(server_rec *s, const char *name)
{
    return gwb_conf_find(s, name);
}

static void serve_each_target(gateway_balancer *b,
                              void (*fn)(void *baton,
                                         const gateway_target *target),
                              void *baton)
{
    gwb_view *view = b->group ? gwb_group_view(b->group) : NULL;
    int i;

    if (view != NULL) {
        for (i = 0; i < (int)view->table->n; ++i) {
            fn(baton, view->table->members[i].target);
        }
        gwb_group_release(&view);
    }
    for (i = 0; i < b->members->nelts; ++i) {
        const gwb_member_conf *m = APR_ARRAY_IDX(b->members, i,
                                                 gwb_member_conf *);

        /* backends call themselves by the name that they are asked for */
        if (b->group == NULL || m->names != GWB_NAMES_NONE) {
            fn(baton, m->target);
        }
    }
}

/* --- sessions ------------------------------------------------------------ */

/** The client's own path, with its ";params". */
static const char *client_path(request_rec *r)
{
    return apr_pstrmemdup(r->pool, r->unparsed_uri,
                          strcspn(r->unparsed_uri, "?"));
}

static void read_session(gateway_selection *sel)
{
    request_rec *r = sel->r;
    const gwb_sticky *sticky = &sel->b->params.sticky;
    const char *cookies = apr_table_get(r->headers_in, "Cookie");
    const gwb_member *member;
    const char *session;

    if (sticky->own != NULL) {
        sel->own = gwb_sticky_own(r->pool, sticky, cookies);
        member = sel->own && sel->view
                 ? apr_hash_get(sel->view->by_cookie, sel->own,
                                APR_HASH_KEY_STRING) : NULL;
        if (member != NULL) {
            sel->session_name = sticky->own;
            sel->want.sticky_id = (int)member->id;
        }
        return;
    }
    if (sticky->cookie == NULL && sticky->param == NULL) {
        return;
    }
    session = gwb_sticky_session(r->pool, sticky, cookies, client_path(r),
                                 r->args, &sel->session_name);
    if (session != NULL) {
        sel->want.route = gwb_sticky_route(r->pool, sticky, session);
    }
}

static void read_hash_key(gateway_selection *sel)
{
    const char *err = NULL;
    const char *key;

    if (sel->b->params.hash_key == NULL) {
        return;
    }
    key = ap_expr_str_exec(sel->r, sel->b->params.hash_key, &err);
    if (err != NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, sel->r, GWNO(01030)
                      "balancer://%s: hashkey= cannot be evaluated: %s",
                      sel->b->name, err);
        return;
    }
    if (key != NULL && *key != '\0') {
        sel->want.has_key = 1;
        sel->want.key = gwb_hash(key, strlen(key));
    }
}

/** The only member that its session lets it use now, 0: any. */
static apr_uint32_t bound_to(const gateway_selection *sel)
{
    int index = -1;

    if (sel->want.sticky_id >= 0) {
        return (apr_uint32_t)sel->want.sticky_id;
    }
    if (sel->want.route != NULL && sel->view != NULL) {
        index = gwb_table_by_route(sel->view->table, sel->want.route);
    }
    return index < 0 ? 0 : sel->view->table->members[index].id;
}

/* --- begin --------------------------------------------------------------- */

static int attempts_max(const gateway_selection *sel)
{
    int others = sel->view ? (int)sel->view->table->n - 1 : 0;
    int most = sel->b->params.max_attempts;

    if (most == GWB_UNSET) {
        most = others < ATTEMPTS_DEFAULT ? others : ATTEMPTS_DEFAULT;
    }
    return most > 0 ? most : 0;
}

static gateway_selection *serve_begin(gateway_balancer *b, request_rec *r,
                                      gw_waker *waker,
                                      const gateway_limits **plimits)
{
    gateway_selection *sel = apr_pcalloc(r->pool, sizeof(*sel));

    sel->b = b;
    sel->group = b->group;
    sel->r = r;
    sel->waiter.waker = waker;
    sel->want.sticky_id = -1;
    sel->tried = apr_array_make(r->pool, 4, sizeof(apr_uint32_t));
    sel->held = apr_array_make(r->pool, 2, sizeof(gwb_view *));
    sel->limits.retry_on = b->params.retry_on;
    sel->limits.deadline = b->params.deadline;
    sel->limits.retry_buffer = b->params.retry_buffer;
    *plimits = &sel->limits;
    if (sel->group == NULL) {
        return sel;         /* logged in child_init */
    }
    sel->view = gwb_group_view(sel->group);
    sel->limits.attempts_max = attempts_max(sel);
    gwb_budget_request(&sel->group->shm->front->head, gw_now());
    read_session(sel);
    read_hash_key(sel);
    return sel;
}

/* --- pick ---------------------------------------------------------------- */

/** Go on with the present members; what attempts use stays until the end. */
static void refresh(gateway_selection *sel)
{
    gwb_view *now = gwb_group_view(sel->group);

    if (now == sel->view || now == NULL) {
        gwb_group_release(&now);
        return;
    }
    if (sel->picked) {
        APR_ARRAY_PUSH(sel->held, gwb_view *) = sel->view;
    }
    else {
        gwb_group_release(&sel->view);
    }
    sel->view = now;
    sel->picked = 0;
}

static void update_want(gateway_selection *sel)
{
    sel->want.now = gw_now();
    sel->want.random = gwb_group_random(sel->group);
    sel->want.tried = (const apr_uint32_t *)sel->tried->elts;
    sel->want.ntried = (unsigned)sel->tried->nelts;
}

/** For the logs and for response headers that use them. */
static void set_env(gateway_selection *sel)
{
    apr_table_t *env = sel->r->subprocess_env;
    const gwb_member *member = &sel->view->table->members[sel->index];
    int sticky = sel->b->params.sticky.cookie || sel->b->params.sticky.param
                 || sel->b->params.sticky.own;
    const char *url = apr_pstrdup(sel->r->pool, member->rec->url);

    apr_table_setn(env, "BALANCER_NAME",
                   apr_pstrcat(sel->r->pool, "balancer://", sel->b->name,
                               NULL));
    apr_table_setn(env, "BALANCER_WORKER_NAME", url);
    apr_table_setn(env, GATEWAY_ENV_MEMBER, url);
    if (*member->route != '\0') {
        apr_table_set(env, "BALANCER_WORKER_ROUTE", member->route);
    }
    else {
        apr_table_unset(env, "BALANCER_WORKER_ROUTE");
    }
    if (sel->session_name != NULL) {
        apr_table_set(env, "BALANCER_SESSION_STICKY", sel->session_name);
    }
    if (sel->want.route != NULL) {
        apr_table_set(env, "BALANCER_SESSION_ROUTE", sel->want.route);
    }
    if (sel->route_changed
        || (sticky && sel->want.route == NULL && sel->want.sticky_id < 0
            && (*member->route != '\0' || sel->b->params.sticky.own))) {
        apr_table_setn(env, "BALANCER_ROUTE_CHANGED", "1");
    }
    else {
        apr_table_unset(env, "BALANCER_ROUTE_CHANGED");
    }
}

static apr_status_t take(gateway_selection *sel, const gwb_pick *pick,
                         const gateway_target **ptarget)
{
    const gwb_member *member = &sel->view->table->members[pick->index];

    sel->picked = 1;
    sel->under_way = 1;
    sel->index = pick->index;
    sel->trial = pick->trial;
    sel->route_changed = pick->route_changed;
    APR_ARRAY_PUSH(sel->tried, apr_uint32_t) = member->id;
    gwb_add(&member->rec->elected, 1);
    set_env(sel);
    *ptarget = member->target;
    return APR_SUCCESS;
}

static void leave_queue(gateway_selection *sel)
{
    if (sel->waiter.waiting) {
        gwb_queue_leave(&sel->group->queue, &sel->waiter);
        if (sel->group->row != NULL) {
            __atomic_sub_fetch(&sel->group->row->waiting, 1,
                               __ATOMIC_ACQ_REL);
        }
    }
}

/** Is there room for one more in the line of all children? */
static int queue_has_room(const gateway_selection *sel)
{
    unsigned waiting = gwb_shm_waiting(sel->group->shm);
    unsigned here = gwb_queue_length(&sel->group->queue);

    return (waiting > here ? waiting : here)
           < (unsigned)sel->b->params.queue;
}

static apr_status_t refuse(gateway_selection *sel, const char **pwhy)
{
    gwb_add(&sel->group->shm->front->refused, 1);
    *pwhy = sel->b->params.queue == 0
        ? apr_psprintf(sel->r->pool, "all members of balancer://%s are at "
                       "their max=", sel->b->name)
        : apr_psprintf(sel->r->pool, "all members of balancer://%s are at "
                       "their max=, and %d requests wait already (queue=)",
                       sel->b->name, sel->b->params.queue);
    return APR_ENOSPC;
}

/** Wait for a member. @param span  how long at most, from now */
static apr_status_t wait_in_queue(gateway_selection *sel, gw_time span,
                                  gw_time *puntil, const char **pwhy)
{
    gw_time now = sel->want.now;

    if (!sel->waiter.waiting) {
        if (!queue_has_room(sel)) {
            return refuse(sel, pwhy);
        }
        sel->armed = sel->armed
                     || sel->waiter.waker->arm(sel->waiter.waker)
                        == APR_SUCCESS;
        sel->waiter.lane = bound_to(sel);
        gwb_queue_join(&sel->group->queue, &sel->waiter, sel->until != 0);
        if (sel->until == 0) {
            sel->waiter.since = now;
            sel->until = now + span;
        }
        if (sel->group->row != NULL) {
            gwb_add(&sel->group->row->waiting, 1);
        }
    }
    if (now >= sel->until) {
        leave_queue(sel);
        gwb_add(&sel->group->shm->front->gave_up, 1);
        *pwhy = apr_psprintf(sel->r->pool, "no member of balancer://%s "
                             "became free in %d ms", sel->b->name,
                             (int)((now - sel->waiter.since) / 1000));
        return APR_TIMEUP;
    }
    *puntil = now + QUEUE_TICK;
    if (sel->armed && !gwb_queue_is_first(&sel->group->queue, &sel->waiter,
                                          sel->waiter.lane)) {
        *puntil = now + QUEUE_SAFETY;
    }
    *puntil = gw_earlier(*puntil, sel->until);
    return APR_EAGAIN;
}

/** Nobody may be used, full or not. */
static apr_status_t nobody(gateway_selection *sel, gw_time *puntil,
                           const char **pwhy)
{
    if (sel->b->params.timeout > 0 && sel->tried->nelts == 0) {
        return wait_in_queue(sel, sel->b->params.timeout, puntil, pwhy);
    }
    leave_queue(sel);
    *pwhy = apr_psprintf(sel->r->pool, "no member of balancer://%s may be "
                         "used now%s", sel->b->name,
                         sel->tried->nelts > 0 ? " that was not tried yet"
                                               : "");
    return APR_NOTFOUND;
}

/**
 * Choose. Who found the place of its choice taken looks for another one first,
 * but not when its session binds it; then it waits like the others.
 */
static gwb_pick choose(gateway_selection *sel)
{
    gwb_pick full = { GWB_ALL_FULL, 0, 0, 0 };
    gwb_pick pick;

    if (!sel->bounced) {
        return gwb_select(sel->view->table, &sel->group->select, &sel->want);
    }
    sel->bounced = 0;
    apr_array_pop(sel->tried);
    if (bound_to(sel) != 0) {
        return full;
    }
    pick = gwb_select(sel->view->table, &sel->group->select, &sel->want);
    return pick.verdict == GWB_PICKED ? pick : full;
}

static apr_status_t serve_pick(gateway_selection *sel,
                               const gateway_target **ptarget,
                               gw_time *puntil, const char **pwhy)
{
    gwb_pick pick;

    if (sel->group == NULL) {
        return APR_NOTFOUND;
    }
    refresh(sel);
    if (sel->view == NULL) {
        return APR_NOTFOUND;
    }
    update_want(sel);
    if (!gwb_queue_is_first(&sel->group->queue,
                            sel->waiter.waiting ? &sel->waiter : NULL,
                            bound_to(sel))) {
        return wait_in_queue(sel, sel->b->params.queue_timeout, puntil,
                             pwhy);
    }
    pick = choose(sel);
    switch (pick.verdict) {
    case GWB_PICKED:
        leave_queue(sel);
        return take(sel, &pick, ptarget);
    case GWB_ALL_FULL:
        return wait_in_queue(sel, sel->b->params.queue_timeout, puntil,
                             pwhy);
    default:
        return nobody(sel, puntil, pwhy);
    }
}

static int serve_others(gateway_selection *sel)
{
    if (sel->view == NULL) {
        return 0;
    }
    update_want(sel);
    return gwb_select_left(sel->view->table, &sel->group->select,
                           &sel->want) > 0;
}

static int serve_retry_status(gateway_selection *sel, int status)
{
    return gwb_codes_have(&sel->b->params.retry_status, status);
}

static int serve_pay(gateway_selection *sel, gw_fail fail)
{
    if (gwb_report_is_free(fail)) {
        return 1;
    }
    if (gwb_budget_take(&sel->group->shm->front->head, gw_now())) {
        return 1;
    }
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, sel->r, GWNO(01031)
                  "balancer://%s: not tried again elsewhere (%s): the retry "
                  "budget of %d %% of the requests is spent", sel->b->name,
                  gw_fail_name(fail), 100 / GWB_BUDGET_SHARE);
    return 0;
}

/* --- after the attempt --------------------------------------------------- */

static void serve_opened(gateway_selection *sel)
{
    if (sel->under_way) {
        gwb_report_opened(sel->r, sel->view, sel->index);
    }
}

static void serve_report(gateway_selection *sel,
                         const gateway_attempt *attempt)
{
    if (!sel->under_way) {
        return;
    }
    sel->under_way = 0;
    sel->bounced = attempt->fail == GW_FAIL_BUSY;
    if (sel->bounced) {
        gwb_add(&sel->view->table->members[sel->index].rec->elected, -1);
    }
    else {
        sel->until = 0;
    }
    gwb_report(sel->r, sel->view, sel->index, sel->trial, attempt);
    gwb_queue_wake(&sel->group->queue);
}

static void serve_head(gateway_selection *sel, request_rec *r)
{
    const char *value;

    if (!sel->picked || sel->view->cookies == NULL) {
        return;
    }
    value = sel->view->cookies[sel->index];
    if (value == NULL
        || (sel->own != NULL && gwb_sticky_same(value, sel->own))) {
        return;
    }
    apr_table_addn(r->headers_out, "Set-Cookie",
                   gwb_sticky_set_cookie(r->pool, &sel->b->params.sticky,
                                         value, "/",
                                         strcmp(ap_http_scheme(r), "https")
                                         == 0));
}

static void serve_end(gateway_selection *sel, request_rec *r)
{
    int i;

    if (sel->group == NULL) {
        return;
    }
    leave_queue(sel);
    if (sel->picked) {
        set_env(sel);
    }
    gwb_queue_wake(&sel->group->queue);
    for (i = 0; i < sel->held->nelts; ++i) {
        gwb_group_release(&APR_ARRAY_IDX(sel->held, i, gwb_view *));
    }
    gwb_group_release(&sel->view);
    sel->group = NULL;
}

const gateway_balancer_provider gwb_provider = {
    gwb_cmds_key,
    serve_find,
    serve_each_target,
    serve_begin,
    serve_pick,
    serve_others,
    serve_retry_status,
    serve_pay,
    serve_report,
    serve_head,
    serve_end,
    serve_opened
};
