#include "gwb_report.h"

#include <http_log.h>

#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_log.h"
#include "gwb_average.h"

APLOG_USE_MODULE(gateway_balancer);

/* A status of retryon= from here on speaks against the member; below it
 * something is wrong with the request, or what it asks for. */
#define SICK_STATUS 500

int gwb_report_is_free(gw_fail fail)
{
    switch (fail) {
    case GW_FAIL_RESOLVE:
    case GW_FAIL_RESOLVE_TIMEOUT:
    case GW_FAIL_REFUSED:
    case GW_FAIL_CONNECT_TIMEOUT:
    case GW_FAIL_TLS:
    case GW_FAIL_CERT:
    case GW_FAIL_TLS_TIMEOUT:
    case GW_FAIL_BUSY:
        return 1;
    default:
        return 0;
    }
}

gwb_says gwb_report_says(const gwb_params *params,
                         const gateway_attempt *attempt)
{
    switch (attempt->fail) {
    case GW_OK:
    case GW_FAIL_STATUS:
        if (gwb_codes_have(&params->fail_on_status, attempt->status)) {
            return GWB_SAYS_OUT;
        }
        return attempt->status >= SICK_STATUS
               && gwb_codes_have(&params->retry_status, attempt->status)
               ? GWB_SAYS_SICK : GWB_SAYS_WELL;
    case GW_FAIL_RESET:
        /* a kept connection that had died says nothing new */
        return attempt->reused ? GWB_SAYS_NOTHING : GWB_SAYS_SICK;
    case GW_FAIL_TIMEOUT:
        return params->fail_on_timeout ? GWB_SAYS_OUT : GWB_SAYS_SICK;
    case GW_FAIL_BUSY:              /* full is not sick */
    case GW_FAIL_CLIENT:
    case GW_FAIL_CLIENT_TIMEOUT:
    case GW_FAIL_TOO_LARGE:
    case GW_FAIL_DEADLINE:
    case GW_FAIL_UNAVAILABLE:
    case GW_FAIL_QUEUE:
    case GW_FAIL_INTERNAL:
        return GWB_SAYS_NOTHING;
    default:
        return GWB_SAYS_SICK;
    }
}

static void count(gwb_record *rec, const gateway_attempt *attempt,
                  gwb_says says, gw_time now)
{
    apr_uint64_t sent = (apr_uint64_t)attempt->sent;
    apr_uint64_t received = (apr_uint64_t)attempt->received;

    gwb_add(&rec->sent, sent);
    gwb_add(&rec->received, received);
    gwb_average_add_traffic(rec, sent + received, now);
    if (says == GWB_SAYS_WELL && attempt->ttfb > 0) {
        gwb_average_add_ttfb(rec, attempt->ttfb);
    }
    if (says == GWB_SAYS_SICK || says == GWB_SAYS_OUT) {
        gwb_add(&rec->errors, 1);
    }
}

/** An attempt failed. */
static void sick(request_rec *r, gwb_view *view, unsigned index, int at_once,
                 const gateway_attempt *attempt, gw_time now)
{
    const gateway_balancer *b = view->group->balancer;
    gwb_record *rec = view->table->members[index].rec;
    gwb_health_params health = *gwb_group_health(view, index);
    gwb_select_params params = view->group->select;
    char status[24] = "";

    if (at_once) {
        health.fails = 1;
    }
    params.health = &health;
    if (!gwb_select_failure(view->table, &params, index, now)) {
        return;
    }
    if (attempt->status != 0) {
        apr_snprintf(status, sizeof(status), ", status %d", attempt->status);
    }
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, GWNO(01020)
                  "balancer://%s: %s gets no requests for %d ms: failure %u "
                  "in a row (%s%s)", b->name, rec->url,
                  (int)((gwb_load(&rec->ejected_until) - now) / 1000),
                  health.fails, gw_fail_name(attempt->fail), status);
}

static void well(request_rec *r, gwb_view *view, unsigned index, gw_time now)
{
    const gwb_health_params *health = gwb_group_health(view, index);
    gwb_record *rec = view->table->members[index].rec;

    if (gwb_health_success(rec, health, now)) {
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r, GWNO(01021)
                      "balancer://%s: %s answers again, its share grows for "
                      "%d ms", view->group->balancer->name, rec->url,
                      (int)(health->slow_start / 1000));
    }
}

void gwb_report(request_rec *r, gwb_view *view, unsigned index, int trial,
                const gateway_attempt *attempt)
{
    const gwb_member *member = &view->table->members[index];
    gwb_says says = gwb_report_says(&view->group->balancer->params, attempt);
    gw_time now = gw_now();

    if (gwb_load(&member->rec->id) != member->id) {
        return;         /* the slot is another member's now */
    }
    count(member->rec, attempt, says, now);
    switch (says) {
    case GWB_SAYS_NOTHING:
        if (trial) {
            gwb_health_release(member->rec);
        }
        break;
    case GWB_SAYS_WELL:
        well(r, view, index, now);
        break;
    default:
        sick(r, view, index, says == GWB_SAYS_OUT, attempt, now);
        break;
    }
}

void gwb_report_opened(request_rec *r, gwb_view *view, unsigned index)
{
    const gwb_member *member = &view->table->members[index];

    if (gwb_load(&member->rec->id) == member->id) {
        well(r, view, index, gw_now());
    }
}
