/**
 * hash: a key's own member, as long as that may be used.
 *
 * A ring: each member has points on a circle, as many as its weight asks for,
 * at places that follow from its name alone; a key belongs to the member of
 * the next point. When a member goes, its keys go to others and no other key
 * moves; every gateway machine finds the same member without talking to the
 * others. A member that has more than 1.25 times its part of the requests in
 * flight sends new ones on along the circle.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "gwb_draw.h"
#include "gwb_method_each.h"

/* Points of a member of weight 1: members' parts of the keys differ by 8 %
 * (standard deviation, 1/sqrt(160)). */
#define POINTS          160
#define WEIGHT_ONE      100
/* More points in all would only cost memory and time to sort them (2 MB). */
#define POINTS_MAX      262144
/* A point is a place in the upper bits and a member's rank below. */
#define RANK_BITS       20
#define RANK_MASK       ((1u << RANK_BITS) - 1)

/* Points walked over before everybody is looked at once. */
#define WALK_MAX        128
/* Members whose load is looked at again by a pick: the sum of all is never
 * older than n / LOOKS_MAX picks, and exact up to so many members. */
#define LOOKS_MAX       8

typedef struct {
    const gateway_lb_member *members;
    unsigned n;
    const unsigned *member_of;          /* rank by name -> index */
    const apr_uint64_t *points;         /* sorted */
    unsigned npoints;
    /* load as seen last; all atomic, each sum follows its parts */
    apr_uint32_t look;
    apr_uint32_t *busy;
    apr_uint32_t *weight;               /* 0: not usable */
    apr_uint64_t all_busy;
    apr_uint64_t all_weight;
} ring;

static int compare_members(const void *a, const void *b)
{
    const gateway_lb_member *const *left = a;
    const gateway_lb_member *const *right = b;

    if ((*left)->hash != (*right)->hash) {
        return (*left)->hash < (*right)->hash ? -1 : 1;
    }
    return strcmp((*left)->name, (*right)->name);
}

static unsigned points_of(const gateway_lb_member *member, unsigned halvings)
{
    apr_uint64_t n = (apr_uint64_t)member->weight * POINTS / WEIGHT_ONE;

    n >>= halvings;
    return n ? (unsigned)n : 1;
}

/**
 * How many points each gets. All are halved together until they are few
 * enough: a member's points are then the first half of what they were, so
 * that even this moves keys only where points were given up.
 */
static unsigned count_points(const gateway_lb_member *members, unsigned n,
                             unsigned *phalvings)
{
    apr_uint64_t sum;

    *phalvings = 0;
    do {
        unsigned i;

        sum = 0;
        for (i = 0; i < n; i++) {
            sum += points_of(&members[i], *phalvings);
        }
    } while (sum > POINTS_MAX && sum > n && ++*phalvings);
    return (unsigned)sum;
}

/** Order members by name: where two points meet, all machines agree. */
static const unsigned *rank(apr_pool_t *pool,
                            const gateway_lb_member *members, unsigned n)
{
    unsigned *member_of = apr_palloc(pool, n * sizeof(*member_of));
    const gateway_lb_member **sorted = apr_palloc(pool,
                                                  n * sizeof(*sorted));
    unsigned i;

    if (member_of == NULL || sorted == NULL) {
        return NULL;
    }
    for (i = 0; i < n; i++) {
        sorted[i] = &members[i];
    }
    qsort(sorted, n, sizeof(*sorted), compare_members);
    for (i = 0; i < n; i++) {
        member_of[i] = (unsigned)(sorted[i] - members);
    }
    return member_of;
}

/** Sort n places, which are spread evenly: each goes to the bucket of its
 * upper bits, about one to each, and is then at most a few steps away. */
static void sort_points(apr_uint64_t *to, const apr_uint64_t *from,
                        unsigned n, unsigned *bucket, unsigned bits)
{
    unsigned at = 0;
    unsigned i;

    for (i = 0; i < n; i++) {
        bucket[from[i] >> (64 - bits)]++;
    }
    for (i = 0; i < 1u << bits; i++) {
        unsigned here = bucket[i];

        bucket[i] = at;
        at += here;
    }
    for (i = 0; i < n; i++) {
        to[bucket[from[i] >> (64 - bits)]++] = from[i];
    }
    for (i = 1; i < n; i++) {
        apr_uint64_t point = to[i];
        unsigned k = i;

        while (k > 0 && to[k - 1] > point) {
            to[k] = to[k - 1];
            k--;
        }
        to[k] = point;
    }
}

/** All points, in the order of the members. */
static void make_points(const ring *r, apr_uint64_t *points,
                        unsigned halvings)
{
    unsigned i;

    for (i = 0; i < r->n; i++) {
        const gateway_lb_member *member = &r->members[r->member_of[i]];
        apr_uint64_t state = member->hash;
        unsigned left;

        for (left = points_of(member, halvings); left > 0; left--) {
            *points++ = (gwb_random(&state) & ~(apr_uint64_t)RANK_MASK) | i;
        }
    }
}

static int place_points(apr_pool_t *pool, ring *r)
{
    unsigned halvings;
    unsigned n = count_points(r->members, r->n, &halvings);
    unsigned bits = 1;
    apr_uint64_t *points = apr_palloc(pool, n * sizeof(*points));
    apr_uint64_t *draft;
    unsigned *bucket;
    apr_pool_t *scratch;

    while (1u << bits < n) {
        bits++;
    }
    if (apr_pool_create(&scratch, pool) != APR_SUCCESS) {
        return 0;
    }
    draft = apr_palloc(scratch, n * sizeof(*draft));
    bucket = apr_pcalloc(scratch, ((apr_size_t)1 << bits) * sizeof(*bucket));
    if (points && draft && bucket) {
        make_points(r, draft, halvings);
        sort_points(points, draft, n, bucket, bits);
    }
    else {
        points = NULL;
    }
    apr_pool_destroy(scratch);
    r->points = points;
    r->npoints = n;
    return points != NULL;
}

static void *build(apr_pool_t *pool, const gateway_lb_member *members,
                   unsigned n, apr_uint64_t seed)
{
    ring *r = apr_pcalloc(pool, sizeof(*r));

    if (r == NULL || n == 0 || n > RANK_MASK) {
        return NULL;
    }
    r->n = n;
    r->members = apr_pmemdup(pool, members, n * sizeof(*members));
    r->member_of = rank(pool, r->members, n);
    r->busy = apr_pcalloc(pool, n * sizeof(*r->busy));
    r->weight = apr_pcalloc(pool, n * sizeof(*r->weight));
    if (r->members == NULL || r->member_of == NULL || r->busy == NULL
        || r->weight == NULL || !place_points(pool, r)) {
        return NULL;
    }
    return r;
}

/** Index of the first point at or behind a place, around the circle. */
static unsigned find_point(const ring *r, apr_uint64_t place)
{
    unsigned low = 0;
    unsigned high = r->npoints;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (r->points[middle] < place) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low == r->npoints ? 0 : low;
}

/** Replace a part of a sum; modulo 2^64, so that falling works as well. */
static void see(apr_uint32_t *part, apr_uint64_t *sum, apr_uint32_t value)
{
    apr_uint32_t old = __atomic_exchange_n(part, value, __ATOMIC_RELAXED);

    if (old != value) {
        __atomic_add_fetch(sum, (apr_uint64_t)value - old, __ATOMIC_RELAXED);
    }
}

/** Look at the next few members' load. */
static void look_around(ring *r, const gateway_lb_now *now)
{
    unsigned looks = r->n < LOOKS_MAX ? r->n : LOOKS_MAX;
    unsigned at = __atomic_fetch_add(&r->look, looks, __ATOMIC_RELAXED);

    while (looks-- > 0) {
        unsigned i = at++ % r->n;
        int usable = now->usable(now->baton, i);

        see(&r->weight[i], &r->all_weight,
            usable ? r->members[i].weight : 0);
        see(&r->busy[i], &r->all_busy, usable ? now->busy(now->baton, i) : 0);
    }
}

/** Would i, with this request, still have at most 1.25 times its part of the
 * load, rounded up? */
static int has_room(ring *r, const gateway_lb_now *now, unsigned i)
{
    unsigned busy = now->busy(now->baton, i);
    apr_uint64_t all;
    apr_uint64_t weight;

    if (busy == 0) {
        return 1;
    }
    look_around(r, now);
    all = __atomic_load_n(&r->all_busy, __ATOMIC_RELAXED) + 1;
    weight = 4 * __atomic_load_n(&r->all_weight, __ATOMIC_RELAXED);
    if (weight == 0) {
        return 1;
    }
    return (5 * all * r->members[i].weight + weight - 1) / weight
           >= (apr_uint64_t)busy + 1;
}

/** Everybody usable takes part; who has the highest number for this key wins.
 * The same on every machine, and the keys are spread. */
static int scan(const ring *r, const gateway_lb_now *now, apr_uint64_t key)
{
    apr_uint64_t most = 0;
    int chosen = -1;
    unsigned i;

    for (i = 0; i < r->n; i++) {
        apr_uint64_t number = gwb_mix(key ^ r->members[i].hash);

        if ((chosen < 0 || number > most) && now->usable(now->baton, i)) {
            most = number;
            chosen = (int)i;
        }
    }
    return chosen;
}

static int pick(void *table, unsigned n, const gateway_lb_now *now)
{
    ring *r = table;
    apr_uint64_t key = gwb_mix(now->has_key ? now->key : now->random);
    unsigned at = find_point(r, key & ~(apr_uint64_t)RANK_MASK);
    int first = -1;
    int steps;

    for (steps = 0; steps < WALK_MAX; steps++) {
        unsigned i = r->member_of[r->points[at] & RANK_MASK];

        at = at + 1 == r->npoints ? 0 : at + 1;
        if ((int)i == first || !now->usable(now->baton, i)) {
            continue;
        }
        if (has_room(r, now, i)) {
            return (int)i;
        }
        if (first < 0) {
            first = (int)i;
        }
    }
    return first >= 0 ? first : scan(r, now, key);
}

const gateway_lbmethod gwb_method_hash = { build, pick };
