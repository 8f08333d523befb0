/**
 * bytraffic: fewest bytes of late for its weight, of two drawn by weight.
 * Older bytes count less and less, so that a member that was away is not
 * flooded to catch up.
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
    return gwb_draw_load(now, i, now->traffic(now->baton, i));
}

static int pick(void *table, unsigned n, const gateway_lb_now *now)
{
    return gwb_draw_two(table, now, cost);
}

const gateway_lbmethod gwb_method_traffic = { build, pick };
