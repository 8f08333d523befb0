#include "gwb_check_rules.h"

/* First checks are spread over this time, not to come all at once. */
#define SPREAD          GW_SEC(1)

/* Counts that are shown; no threshold is as high. */
#define COUNT_MAX       1000000000

int gwb_check_is_down(const gwb_record *rec)
{
    return gwb_load(&rec->check_failed) || gwb_load(&rec->ejected_until) != 0;
}

static gw_time base_interval(gw_time interval, int down)
{
    return down && interval > GWB_CHECK_DOWN_INTERVAL
           ? GWB_CHECK_DOWN_INTERVAL : interval;
}

gw_time gwb_check_pause(gw_time interval, int down, apr_uint64_t random)
{
    gw_time base = base_interval(interval, down);
    gw_time tenth = base / 10;

    return base - tenth + (gw_time)(random % (apr_uint64_t)(2 * tenth + 1));
}

gw_time gwb_check_first(const gwb_record *rec, gw_time interval, gw_time now,
                        apr_uint64_t random)
{
    gw_time base = base_interval(interval, gwb_check_is_down(rec));
    gw_time last = gwb_load(&rec->check_at);
    gw_time spread = base < SPREAD ? base : SPREAD;

    /* later than now: of an earlier start of the machine */
    if (last != 0 && last <= now && last + base > now + spread) {
        return last + base;
    }
    return now + (gw_time)(random % (apr_uint64_t)(spread + 1));
}

void gwb_check_begin(gwb_record *rec, gw_time *pseen)
{
    gw_time until = gwb_load(&rec->ejected_until);

    if (until != 0 && until != *pseen) {
        /* requests failed since: what passed before says nothing now */
        gwb_store(&rec->check_passes, 0);
    }
    *pseen = until;
}

static unsigned one_more(const apr_uint32_t *count)
{
    unsigned n = gwb_load(count);

    return n < COUNT_MAX ? n + 1 : n;
}

static gwb_check_change count_pass(gwb_record *rec, int passes, gw_time seen,
                                   gw_time now)
{
    unsigned n = one_more(&rec->check_passes);
    int failed = gwb_load(&rec->check_failed) != 0;

    gwb_store(&rec->check_fails, 0);
    gwb_store(&rec->check_passes, n);
    if (n < (unsigned)passes) {
        return GWB_CHECK_SAME;
    }
    if (!failed
        && (seen == 0 || gwb_load(&rec->ejected_until) != seen)) {
        return GWB_CHECK_SAME;
    }
    /* before it is used: nobody shall see it without its slow start */
    gwb_health_slow_start(rec, now);
    gwb_health_clear(rec);
    gwb_store(&rec->check_failed, 0);
    return failed ? GWB_CHECK_CAME_UP : GWB_CHECK_CLEARED;
}

static gwb_check_change count_fail(gwb_record *rec, int fails)
{
    unsigned n = one_more(&rec->check_fails);

    gwb_store(&rec->check_passes, 0);
    gwb_store(&rec->check_fails, n);
    if (n < (unsigned)fails || gwb_load(&rec->check_failed)) {
        return GWB_CHECK_SAME;
    }
    gwb_store(&rec->check_failed, 1);
    return GWB_CHECK_WENT_DOWN;
}

gwb_check_change gwb_check_count(gwb_record *rec, int passes, int fails,
                                 gw_time seen,
                                 const gwb_check_result *result)
{
    gwb_store(&rec->check_at, result->now);
    gwb_store(&rec->check_status, (apr_uint32_t)result->status);
    return result->passed ? count_pass(rec, passes, seen, result->now)
                          : count_fail(rec, fails);
}
