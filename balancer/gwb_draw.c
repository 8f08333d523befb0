#include "gwb_draw.h"

/* Points looked at before everybody is: with half of the members usable, one
 * draw in 4,096 goes the long way. */
#define DRAWS_MAX       12
#define SHARE_FULL      1000

apr_uint64_t gwb_mix(apr_uint64_t x)
{
    x = (x ^ (x >> 30)) * APR_UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * APR_UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

apr_uint64_t gwb_random(apr_uint64_t *state)
{
    *state += APR_UINT64_C(0x9e3779b97f4a7c15);
    return gwb_mix(*state);
}

gwb_draw *gwb_draw_build(apr_pool_t *pool, const gateway_lb_member *members,
                         unsigned n)
{
    gwb_draw *draw = apr_palloc(pool, sizeof(*draw));
    unsigned *weight = apr_palloc(pool, n * sizeof(*weight));
    apr_uint64_t *end = apr_palloc(pool, n * sizeof(*end));
    apr_uint64_t sum = 0;
    unsigned i;

    if (n == 0 || draw == NULL || weight == NULL || end == NULL) {
        return NULL;
    }
    for (i = 0; i < n; i++) {
        weight[i] = members[i].weight ? members[i].weight : 1;
        sum += weight[i];
        end[i] = sum;
    }
    draw->n = n;
    draw->weight = weight;
    draw->end = end;
    return draw;
}

/** The member whose part has this place of the line, 0..end[n-1]-1. */
static unsigned at_place(const gwb_draw *draw, apr_uint64_t place)
{
    unsigned low = 0;
    unsigned high = draw->n - 1;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (draw->end[middle] > place) {
            high = middle;
        }
        else {
            low = middle + 1;
        }
    }
    return low;
}

/** A point of 2^64 on a line of another length, which is below 2^32. */
static apr_uint64_t scale(apr_uint64_t point, apr_uint64_t length)
{
    return ((point >> 32) * length) >> 32;
}

unsigned gwb_draw_at(const gwb_draw *draw, apr_uint64_t point)
{
    return at_place(draw, scale(point, draw->end[draw->n - 1]));
}

/** Like gwb_draw_at(), on the line without one member's part. */
static unsigned at_without(const gwb_draw *draw, apr_uint64_t point,
                           unsigned except)
{
    apr_uint64_t part = draw->weight[except];
    apr_uint64_t place = scale(point, draw->end[draw->n - 1] - part);

    if (place >= draw->end[except] - part) {
        place += part;
    }
    return at_place(draw, place);
}

static int share_accepts(const gateway_lb_now *now, apr_uint64_t *state,
                         unsigned i)
{
    unsigned share = now->share(now->baton, i);

    return share >= SHARE_FULL || gwb_random(state) % SHARE_FULL < share;
}

int gwb_draw_accept(const gateway_lb_now *now, apr_uint64_t *state,
                    unsigned i)
{
    return now->usable(now->baton, i) && share_accepts(now, state, i);
}

static unsigned share_of(const gateway_lb_now *now, unsigned i)
{
    unsigned share = now->share(now->baton, i);

    return share ? share : 1;
}

double gwb_draw_load(const gateway_lb_now *now, unsigned i, double load)
{
    return load * SHARE_FULL / share_of(now, i);
}

int gwb_draw_scan(const gwb_draw *draw, const gateway_lb_now *now,
                  apr_uint64_t *state, int except)
{
    apr_uint64_t sum = 0;
    int chosen = -1;
    unsigned i;

    for (i = 0; i < draw->n; i++) {
        apr_uint64_t weight;

        if ((int)i == except || !now->usable(now->baton, i)) {
            continue;
        }
        /* each newcomer takes the place with its part of the sum so far: in
         * the end everybody had the chance of its weight */
        weight = (apr_uint64_t)draw->weight[i] * share_of(now, i);
        sum += weight;
        if (gwb_random(state) % sum < weight) {
            chosen = (int)i;
        }
    }
    return chosen;
}

/** A few draws; -1 when each was refused. */
static int draw_first(const gwb_draw *draw, const gateway_lb_now *now,
                      apr_uint64_t *state)
{
    int tries;

    for (tries = 0; tries < DRAWS_MAX; tries++) {
        unsigned i = gwb_draw_at(draw, gwb_random(state));

        if (gwb_draw_accept(now, state, i)) {
            return (int)i;
        }
    }
    return -1;
}

/** Draws for a second choice. One that starts slowly is not drawn again when
 * its share refused: among two members it would be drawn each time. */
static int draw_second(const gwb_draw *draw, const gateway_lb_now *now,
                       apr_uint64_t *state, unsigned first)
{
    int tries;

    for (tries = 0; tries < DRAWS_MAX; tries++) {
        unsigned i = at_without(draw, gwb_random(state), first);

        if (now->usable(now->baton, i)) {
            return share_accepts(now, state, i) ? (int)i : -1;
        }
    }
    return -1;
}

int gwb_draw_one(const gwb_draw *draw, const gateway_lb_now *now)
{
    apr_uint64_t state = now->random;
    int i = draw_first(draw, now, &state);

    return i >= 0 ? i : gwb_draw_scan(draw, now, &state, -1);
}

/** The less loaded of two; the first drawn when they are equal. */
static int cheaper(const gwb_draw *draw, const gateway_lb_now *now,
                   gwb_cost_fn cost, unsigned a, unsigned b)
{
    /* a/wa > b/wb without dividing */
    double cost_a = cost(now, a, b) * draw->weight[b];
    double cost_b = cost(now, b, a) * draw->weight[a];

    return (int)(cost_b < cost_a ? b : a);
}

int gwb_draw_two(const gwb_draw *draw, const gateway_lb_now *now,
                 gwb_cost_fn cost)
{
    apr_uint64_t state = now->random;
    int first = draw_first(draw, now, &state);
    int second = -1;

    if (first < 0) {
        first = gwb_draw_scan(draw, now, &state, -1);
        if (first < 0) {
            return -1;
        }
        second = gwb_draw_scan(draw, now, &state, first);
        if (second >= 0 && !share_accepts(now, &state, (unsigned)second)) {
            second = -1;
        }
    }
    else if (draw->n > 1) {
        second = draw_second(draw, now, &state, (unsigned)first);
    }
    if (second < 0) {
        return first;
    }
    return cheaper(draw, now, cost, (unsigned)first, (unsigned)second);
}
