/**
 * byrequests: members take turns by weight, spread as evenly as can be
 * (a a b a, not a a a b). The turns are laid down once per table; a pick takes
 * the next one with a single atomic addition. Each child begins at another
 * place, so that children do not all send their first requests to the same
 * member.
 */
#include "gwb_draw.h"
#include "gwb_method_each.h"

/* Turns of the longest schedule, and steps to make one. Weights that need
 * more (1000 members of as many different weights) take turns by points of a
 * low-discrepancy sequence instead: as exact, a little less even. */
#define TURNS_MAX       16384
#define STEPS_MAX       (1024 * 1024)
/* Turns skipped for members that may not be used, before all are asked. */
#define SKIPS_MAX       32
/* 2^64 divided by the golden ratio: its multiples fill a circle evenly. */
#define GOLDEN          APR_UINT64_C(0x9e3779b97f4a7c15)

typedef struct {
    apr_uint64_t next;          /* atomic */
    unsigned turns;             /* 0: no schedule */
    const unsigned *order;      /* who has each turn */
    const gwb_draw *draw;
} schedule;

static unsigned divisor(unsigned a, unsigned b)
{
    while (b) {
        unsigned rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/** Turns until each had exactly its part; 0 when a schedule takes too long. */
static unsigned count_turns(const gwb_draw *draw)
{
    unsigned common = 0;
    apr_uint64_t turns;
    unsigned i;

    for (i = 0; i < draw->n; i++) {
        common = divisor(draw->weight[i], common);
    }
    turns = draw->end[draw->n - 1] / common;
    return turns <= TURNS_MAX && turns * draw->n <= STEPS_MAX
           ? (unsigned)turns : 0;
}

/**
 * Each turn everybody earns his weight, and the richest gets the turn and
 * pays for it what all have earned.
 */
static const unsigned *lay_down(apr_pool_t *pool, const gwb_draw *draw,
                                unsigned turns)
{
    unsigned *order = apr_palloc(pool, turns * sizeof(*order));
    apr_int64_t *earned = apr_pcalloc(pool, draw->n * sizeof(*earned));
    unsigned turn;

    if (order == NULL || earned == NULL) {
        return NULL;
    }
    for (turn = 0; turn < turns; turn++) {
        unsigned best = 0;
        unsigned i;

        for (i = 0; i < draw->n; i++) {
            earned[i] += draw->weight[i];
            if (earned[i] > earned[best]) {
                best = i;
            }
        }
        earned[best] -= (apr_int64_t)draw->end[draw->n - 1];
        order[turn] = best;
    }
    return order;
}

static void *build(apr_pool_t *pool, const gateway_lb_member *members,
                   unsigned n, apr_uint64_t seed)
{
    schedule *s = apr_pcalloc(pool, sizeof(*s));
    const gwb_draw *draw = gwb_draw_build(pool, members, n);

    if (s == NULL || draw == NULL) {
        return NULL;
    }
    s->draw = draw;
    s->turns = count_turns(draw);
    if (s->turns) {
        s->order = lay_down(pool, draw, s->turns);
        if (s->order == NULL) {
            return NULL;
        }
    }
    /* half of the range is left until the count begins again at 0, where
     * the turns do not fit together */
    s->next = gwb_mix(seed) >> 1;
    return s;
}

static unsigned take_turn(schedule *s)
{
    apr_uint64_t turn = __atomic_fetch_add(&s->next, 1, __ATOMIC_RELAXED);

    return s->turns ? s->order[turn % s->turns]
                    : gwb_draw_at(s->draw, turn * GOLDEN);
}

static int pick(void *table, unsigned n, const gateway_lb_now *now)
{
    schedule *s = table;
    apr_uint64_t state = now->random;
    int skips;

    /* A turn that cannot be used is lost, not given to the next in order:
     * so the others share it by their weights. */
    for (skips = 0; skips <= SKIPS_MAX; skips++) {
        unsigned i = take_turn(s);

        if (gwb_draw_accept(now, &state, i)) {
            return (int)i;
        }
    }
    return gwb_draw_scan(s->draw, now, &state, -1);
}

const gateway_lbmethod gwb_method_requests = { build, pick };
