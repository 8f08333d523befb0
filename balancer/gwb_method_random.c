/**
 * random: drawn by weight, nothing else looked at.
 */
#include "gwb_draw.h"
#include "gwb_method_each.h"

static void *build(apr_pool_t *pool, const gateway_lb_member *members,
                   unsigned n, apr_uint64_t seed)
{
    return gwb_draw_build(pool, members, n);
}

static int pick(void *table, unsigned n, const gateway_lb_now *now)
{
    return gwb_draw_one(table, now);
}

const gateway_lbmethod gwb_method_random = { build, pick };
