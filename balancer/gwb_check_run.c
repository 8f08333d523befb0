#include "gwb_check_run.h"

#include <http_log.h>

#include <apr_optional.h>
#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_log.h"
#include "gwb_check_judge.h"
#include "gwb_check_rules.h"

APLOG_USE_MODULE(gateway_balancer);

/* Of the body, for hc('body'). */
#define BODY_MAX        65536
#define USER_AGENT      "mod_gateway (health check)"

/** One check while it runs. */
typedef struct running running;
struct running {
    gwb_crew *crew;
    gwb_check *check;
    apr_pool_t *pool;
    const gwb_member *member;
    const gwb_check_params *params;
    gateway_probe probe;
};

void gwb_check_init(gwb_check *check, gwb_group *group, apr_uint32_t id)
{
    static const gwb_check none;

    *check = none;
    check->group = group;
    check->id = id;
}

const gwb_check_params *gwb_check_params_of(const gwb_view *view,
                                            unsigned index)
{
    const gwb_member_conf *conf = view->confs[index];

    if (conf == NULL) {
        conf = gwb_shm_like(view->group->balancer,
                            view->table->members[index].rec->url);
    }
    return &conf->check;
}

void gwb_check_schedule(gwb_check *check, const gwb_record *rec,
                        const gwb_check_params *params, gw_time now)
{
    check->due = gwb_check_first(rec, params->interval, now,
                                 gwb_group_random(check->group));
}

/** Name, value, ..., NULL; who asks is told unless the configuration says
 * something else. */
static const char *const *make_headers(apr_pool_t *pool,
                                       const gwb_check_params *params)
{
    const apr_array_header_t *given = params->headers;
    int n = given ? given->nelts : 0;
    const char **headers = apr_pcalloc(pool, (n + 3) * sizeof(*headers));
    int named = 0;
    int i;

    for (i = 0; i < n; ++i) {
        headers[i] = APR_ARRAY_IDX(given, i, const char *);
        named |= i % 2 == 0 && strcasecmp(headers[i], "User-Agent") == 0;
    }
    if (!named) {
        headers[n] = "User-Agent";
        headers[n + 1] = USER_AGENT;
    }
    return headers;
}

static const char *method_name(gwb_check_method method)
{
    switch (method) {
    case GWB_CHECK_OPTIONS:
        return "OPTIONS";
    case GWB_CHECK_HEAD:
        return "HEAD";
    case GWB_CHECK_GET:
        return "GET";
    default:
        return "TCP";
    }
}

static void ask(running *run)
{
    APR_OPTIONAL_FN_TYPE(gateway_probe_run) *probe_run
        = APR_RETRIEVE_OPTIONAL_FN(gateway_probe_run);
    const gwb_check_params *params = run->params;
    gateway_probe *probe = &run->probe;

    probe->method = method_name(params->method);
    probe->minor = params->minor;
    probe->path = params->uri;
    probe->host = params->host;
    probe->headers = make_headers(run->pool, params);
    probe->port = params->port;
    probe->timeout = params->timeout;
    probe->body_max = params->expr ? BODY_MAX : 0;
    probe->stop_fd = gwb_crew_stop_fd(run->crew);
    probe_run(run->pool, run->member->target, probe);
}

static void log_change(const running *run, gwb_check_change change,
                       const char *why)
{
    static const struct {
        const char *from;
        const char *to;
    } states[] = {
        { "", "" },
        { "IN USE", "CHECK FAILED" },
        { "CHECK FAILED", "IN USE" },
        { "EJECTED", "IN USE" }
    };
    const gateway_balancer *b = run->check->group->balancer;
    const gwb_record *rec = run->member->rec;
    int down = change == GWB_CHECK_WENT_DOWN;
    int n = (int)(down ? gwb_load(&rec->check_fails)
                       : gwb_load(&rec->check_passes));

    if (change == GWB_CHECK_SAME) {
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, b->server, GWNO(01301)
                 "balancer://%s member %s: [%s] -- %s %s: %s (%d %s in a "
                 "row) --> [%s]", b->name, rec->url, states[change].from,
                 run->probe.method,
                 run->params->uri ? run->params->uri : "", why, n,
                 down ? "failed" : "passed", states[change].to);
}

static void conclude(running *run)
{
    const gateway_balancer *b = run->check->group->balancer;
    gwb_record *rec = run->member->rec;
    gwb_check_result result = { 0, run->probe.status, gw_now() };
    gwb_check_change change;
    const char *why = "";

    result.passed = gwb_check_judge(run->pool, b->server, run->params,
                                    &run->probe, &why);
    if (!result.passed) {
        ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, b->server, GWNO(01302)
                     "balancer://%s member %s: check failed: %s", b->name,
                     rec->url, why);
    }
    /* its slot may have been given to another member meanwhile */
    if (gwb_load(&rec->used) != GWB_SLOT_USED
        || gwb_load(&rec->id) != run->check->id) {
        return;
    }
    change = gwb_check_count(rec, run->params->passes, run->params->fails,
                             run->check->seen, &result);
    log_change(run, change, why);
}

/** Check it now; it is a member. */
static void check_now(running *run)
{
    gwb_record *rec = run->member->rec;

    if (gwb_load(&rec->flags) & GWB_STOPPED) {
        return;
    }
    gwb_check_begin(rec, &run->check->seen);
    ask(run);
    if (!gwb_crew_stopped(run->crew)) {
        conclude(run);
    }
}

static void check_member(gwb_crew *crew, gwb_check *check, gwb_view *view,
                         apr_pool_t *pool)
{
    int index = gwb_table_by_id(view->table, check->id);
    gw_time began = gw_now();
    running run = { crew, check, pool, NULL, NULL, { 0 } };

    /* one that is gone is due again, until the duty has seen that */
    if (index < 0) {
        return;
    }
    run.member = &view->table->members[index];
    run.params = gwb_check_params_of(view, (unsigned)index);
    check_now(&run);
    check->due = began
        + gwb_check_pause(run.params->interval,
                          gwb_check_is_down(run.member->rec),
                          gwb_group_random(check->group));
}

void gwb_check_run(gwb_crew *crew, gwb_job *job)
{
    gwb_check *check = (gwb_check *)job;
    gwb_view *view = gwb_group_view(check->group);
    apr_pool_t *pool = NULL;

    if (view != NULL
        && apr_pool_create_unmanaged_ex(&pool, NULL, NULL) == APR_SUCCESS) {
        check_member(crew, check, view, pool);
        apr_pool_destroy(pool);
    }
    gwb_group_release(&view);
    gwb_store(&check->busy, 0);
}
