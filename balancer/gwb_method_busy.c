/**
 * bybusyness: fewest requests in flight for its weight, of two drawn by
 * weight. Two are enough to keep all equally busy, and gateways that know
 * the same numbers do not all run to the same member.
 */
#include "gwb_draw.h"
#include "gwb_method_each.h"

static void *build(apr_pool_t *pool, const gateway_lb_member *members,
                   unsigned n, apr_uint64_t seed)
{
    return gwb_draw_build(pool, members, n);
}

static double cost(const gateway_lb_now *now, unsigned i, unsigned other)
{
    return gwb_draw_load(now, i, now->busy(now->baton, i));
}

static int pick(void *table, unsigned n, const gateway_lb_now *now)
{
    return gwb_draw_two(table, now, cost);
}

const gateway_lbmethod gwb_method_busy = { build, pick };
