#include "gwb_average.h"

#define HALF_LIFE       GW_SEC(10)
/* The sum is brought up to date this often at most: more would only make
 * processors take the record from each other. */
#define DECAY_STEP      GW_MSEC(250)
/* Halvings that leave nothing of 64 bits. */
#define HALVINGS_MAX    64
/* A new time weighs 1/8: one slow answer is forgotten after a few, and three
 * in a row are noticed. */
#define TTFB_WEIGHT     8

/** What is left of 1 after a span: 2^(-span / HALF_LIFE), within 1 %. */
static double left_after(gw_time span)
{
    double part;
    double left;

    if (span <= 0) {
        return 1;
    }
    if (span / HALF_LIFE >= HALVINGS_MAX) {
        return 0;
    }
    /* the parabola through 2^0, 2^-0.5 and 2^-1 */
    part = (double)(span % HALF_LIFE) / HALF_LIFE;
    left = 1 - 0.67157 * part + 0.17157 * part * part;
    return left / (double)((apr_uint64_t)1 << (span / HALF_LIFE));
}

double gwb_average_traffic(const gwb_record *rec, gw_time now)
{
    return (double)gwb_load(&rec->traffic)
           * left_after(now - gwb_load(&rec->traffic_at));
}

void gwb_average_add_traffic(gwb_record *rec, apr_uint64_t bytes, gw_time now)
{
    apr_int64_t at = gwb_load(&rec->traffic_at);

    if (now - at >= DECAY_STEP
        && __atomic_compare_exchange_n(&rec->traffic_at, &at, now, 0,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        double left = left_after(now - at);
        apr_uint64_t old = gwb_load(&rec->traffic);

        /* what others add meanwhile stays: only the loss is subtracted */
        __atomic_sub_fetch(&rec->traffic,
                           old - (apr_uint64_t)((double)old * left),
                           __ATOMIC_ACQ_REL);
    }
    gwb_add(&rec->traffic, bytes);
}

void gwb_average_add_ttfb(gwb_record *rec, gw_time ttfb)
{
    apr_int64_t old = gwb_load(&rec->ttfb);
    apr_int64_t new = old == 0 ? ttfb : old + (ttfb - old) / TTFB_WEIGHT;

    __atomic_compare_exchange_n(&rec->ttfb, &old, new, 0, __ATOMIC_ACQ_REL,
                                __ATOMIC_ACQUIRE);
}
