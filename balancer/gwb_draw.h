/**
 * gwb_draw: members drawn by their weights: what the methods are made of.
 *
 * The members' weights lie end to end on a line; a point of the line is a
 * member, found by bisection. Built once per table, const afterwards; any
 * thread. A draw looks at a few points and then, when most members may not be
 * used, at everybody once, so that a usable one is always found.
 */
#ifndef GWB_DRAW_H
#define GWB_DRAW_H

#include <apr_pools.h>

#include "mod_gateway_balancer.h"

typedef struct gwb_draw gwb_draw;
struct gwb_draw {
    unsigned n;
    const unsigned *weight;
    const apr_uint64_t *end;    /* of each member's part of the line */
};

/** What member i costs before that is divided by its weight, >= 0, slow
 * starts counted in; other is whom it is compared with. */
typedef double (*gwb_cost_fn)(const gateway_lb_now *now, unsigned i,
                              unsigned other);

/** Spread the bits of x: a bijection whose results look random. */
apr_uint64_t gwb_mix(apr_uint64_t x);
/** Next of a sequence of random numbers that *state begins. */
apr_uint64_t gwb_random(apr_uint64_t *state);

/** @return NULL without memory or members */
gwb_draw *gwb_draw_build(apr_pool_t *pool, const gateway_lb_member *members,
                         unsigned n);

/** The member at a point; the line is 2^64 points long. */
unsigned gwb_draw_at(const gwb_draw *draw, apr_uint64_t point);

/** May i be picked now? Says no at random to one that starts slowly. */
int gwb_draw_accept(const gateway_lb_now *now, apr_uint64_t *state,
                    unsigned i);

/** A load of i as it counts while i starts slowly: more, the less it is to
 * take. */
double gwb_draw_load(const gateway_lb_now *now, unsigned i, double load);

/** Draw from everybody who is usable but for `except` (-1: nobody), by
 * weight and share; O(n). -1 when there is none. */
int gwb_draw_scan(const gwb_draw *draw, const gateway_lb_now *now,
                  apr_uint64_t *state, int except);

/** Draw one usable member by weight and share; -1 when there is none. */
int gwb_draw_one(const gwb_draw *draw, const gateway_lb_now *now);

/** Draw two and take the one with less cost for its weight; -1 when none is
 * usable. */
int gwb_draw_two(const gwb_draw *draw, const gateway_lb_now *now,
                 gwb_cost_fn cost);

#endif
