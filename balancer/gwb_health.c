#include "gwb_health.h"

/* A slow start begins with this share, in thousandths: with less, a member
 * under little load would see no request at all for seconds. */
#define SHARE_FIRST     10
#define SHARE_FULL      1000

/* Doublings beyond this reach no new time: 1 us << 40 is 12 days. */
#define DOUBLINGS_MAX   40

static int ignores_errors(const gwb_record *rec)
{
    return (gwb_load(&rec->flags) & GWB_IGNORE) != 0;
}

gwb_state gwb_health_state(const gwb_record *rec, gw_time now)
{
    gw_time until = gwb_load(&rec->ejected_until);

    if (until == 0 || ignores_errors(rec)) {
        return GWB_USABLE;
    }
    return now < until ? GWB_EJECTED : GWB_HALF_OPEN;
}

int gwb_health_claimable(const gwb_record *rec, gw_time now)
{
    return gwb_health_state(rec, now) == GWB_HALF_OPEN
           && gwb_load(&rec->trial_until) <= now;
}

/** Change a time field of the record for everybody at once.
 * @return 1 when it was old until now */
static int change(apr_int64_t *field, gw_time old, gw_time new)
{
    return __atomic_compare_exchange_n(field, &old, new, 0, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

int gwb_health_claim(gwb_record *rec, const gwb_health_params *params,
                     gw_time now)
{
    gw_time held = gwb_load(&rec->trial_until);

    if (held > now || gwb_health_state(rec, now) != GWB_HALF_OPEN) {
        return 0;
    }
    return change(&rec->trial_until, held, now + params->trial_max);
}

void gwb_health_release(gwb_record *rec)
{
    gwb_store(&rec->trial_until, 0);
}

int gwb_health_success(gwb_record *rec, const gwb_health_params *params,
                       gw_time now)
{
    gw_time until = gwb_load(&rec->ejected_until);

    if (until == 0) {
        /* the usual case writes nothing: the record stays in the caches of
         * all processors */
        if (gwb_load(&rec->failures) != 0) {
            gwb_store(&rec->failures, 0);
        }
        return 0;
    }
    if (now < until || gwb_load(&rec->trial_until) == 0
        || !change(&rec->ejected_until, until, 0)) {
        return 0;
    }
    gwb_store(&rec->slow_since, now);
    gwb_store(&rec->failures, 0);
    gwb_store(&rec->ejections, 0);
    gwb_store(&rec->trial_until, 0);
    return 1;
}

/** How long the next ejection lasts. */
static gw_time ejection_time(const gwb_record *rec,
                             const gwb_health_params *params)
{
    apr_uint32_t doublings = gwb_load(&rec->ejections);
    gw_time span = params->eject_min;

    if (params->retry_fixed != GW_NEVER) {
        return params->retry_fixed;
    }
    if (doublings > DOUBLINGS_MAX) {
        doublings = DOUBLINGS_MAX;
    }
    while (doublings-- > 0 && span < params->eject_max) {
        span *= 2;
    }
    return span < params->eject_max ? span : params->eject_max;
}

/** Eject it unless somebody else changed its state meanwhile. */
static int eject(gwb_record *rec, const gwb_health_params *params,
                 gw_time until, gw_time now)
{
    if (!change(&rec->ejected_until, until,
                now + ejection_time(rec, params))) {
        return 0;
    }
    gwb_add(&rec->ejections, 1);
    gwb_store(&rec->trial_until, 0);
    gwb_store(&rec->failures, 0);
    gwb_store(&rec->slow_since, 0);
    /* measured before, it says nothing about the member afterwards, and a
     * bad value would keep its trial away for long */
    gwb_store(&rec->ttfb, 0);
    return 1;
}

int gwb_health_failure(gwb_record *rec, const gwb_health_params *params,
                       gw_time now, int last)
{
    gw_time until = gwb_load(&rec->ejected_until);
    int never = params->retry_fixed == 0 || ignores_errors(rec);

    if (until == 0) {
        unsigned failures = gwb_add(&rec->failures, 1);

        return failures >= params->fails && !last && !never
               && eject(rec, params, 0, now);
    }
    if (now < until || gwb_load(&rec->trial_until) == 0) {
        return 0;
    }
    if (last || never) {
        gwb_health_release(rec);
        return 0;
    }
    return eject(rec, params, until, now);
}

void gwb_health_clear(gwb_record *rec)
{
    gwb_store(&rec->failures, 0);
    gwb_store(&rec->ejections, 0);
    gwb_store(&rec->trial_until, 0);
    gwb_store(&rec->ejected_until, 0);
}

void gwb_health_slow_start(gwb_record *rec, gw_time now)
{
    gwb_store(&rec->slow_since, now);
}

unsigned gwb_health_share(const gwb_record *rec,
                          const gwb_health_params *params, gw_time now)
{
    gw_time since = gwb_load(&rec->slow_since);
    gw_time share;

    /* since after now: the record is from before the machine's last start */
    if (since == 0 || since > now || now - since >= params->slow_start) {
        return SHARE_FULL;
    }
    share = (now - since) * SHARE_FULL / params->slow_start;
    return share < SHARE_FIRST ? SHARE_FIRST : (unsigned)share;
}
