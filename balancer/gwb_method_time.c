/**
 * leasttime: least mean time to the first byte, times the requests in flight
 * and this one, for its weight; of two drawn by weight.
 */
#include "gwb_draw.h"
#include "gwb_method_each.h"

/* One pick in this many takes its first draw unseen: a member that was slow
 * once gets a chance to show that it no longer is. */
#define EXPLORE         32

static void *build(apr_pool_t *pool, const gateway_lb_member *members,
                   unsigned n, apr_uint64_t seed)
{
    return gwb_draw_build(pool, members, n);
}

static double cost(const gateway_lb_now *now, unsigned i, unsigned other)
{
    gw_time ttfb = now->ttfb(now->baton, i);

    /* unknown: as good as the other, neither shunned nor flooded */
    if (ttfb <= 0) {
        ttfb = now->ttfb(now->baton, other);
    }
    return (gwb_draw_load(now, i, now->busy(now->baton, i)) + 1)
           * (double)(ttfb > 0 ? ttfb : 1);
}

static int pick(void *table, unsigned n, const gateway_lb_now *now)
{
    apr_uint64_t state = ~now->random;

    if (gwb_random(&state) % EXPLORE == 0) {
        return gwb_draw_one(table, now);
    }
    return gwb_draw_two(table, now, cost);
}

const gateway_lbmethod gwb_method_time = { build, pick };
