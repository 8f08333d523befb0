/**
 * mod_gateway_balancer: the public contract of mod_gateway_balancer.so:
 * balancing methods, and the administration of balancers.
 *
 * A method is a provider of GATEWAY_LBMETHOD_GROUP under the name that
 * lbmethod= takes; other modules can bring more. It is pure policy: it sees
 * members as an array and picks an index.
 */
#ifndef MOD_GATEWAY_BALANCER_H
#define MOD_GATEWAY_BALANCER_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "gw_base.h"

#define GATEWAY_LBMETHOD_GROUP      "gateway-lbmethod"
#define GATEWAY_LBMETHOD_VERSION    "1"

/** One member as a method sees it; const while the table lives. */
typedef struct gateway_lb_member gateway_lb_member;
struct gateway_lb_member {
    const char *name;           /* URL */
    apr_uint64_t hash;          /* of the name; the same on every machine */
    unsigned weight;            /* hundredths: loadfactor=1 is 100 */
};

/** The members in this moment, for one pick. All callbacks are cheap and may
 * be called by any thread. */
typedef struct gateway_lb_now gateway_lb_now;
struct gateway_lb_now {
    void *baton;
    /** May member i be picked for this request? */
    int (*usable)(void *baton, unsigned i);
    /** Share of its weight that it takes now, 1..1000 thousandths: less than
     * 1000 while it starts slowly. */
    unsigned (*share)(void *baton, unsigned i);
    /** Requests in flight in all children. */
    unsigned (*busy)(void *baton, unsigned i);
    /** Bytes both ways of late (decays by half in 10 s). */
    double (*traffic)(void *baton, unsigned i);
    /** Mean time to the first byte of late, 0: unknown. */
    gw_time (*ttfb)(void *baton, unsigned i);
    int has_key;                /* hash methods: key is valid */
    apr_uint64_t key;           /* hash of the request's hashkey= */
    apr_uint64_t random;        /* fresh for each pick, uniform */
};

typedef struct gateway_lbmethod gateway_lbmethod;
struct gateway_lbmethod {
    /**
     * Build what picks need from members 0..n-1; called again for a new
     * table whenever members or weights change. Lives in pool.
     * @param seed  different in each child, for a random offset
     */
    void *(*build)(apr_pool_t *pool, const gateway_lb_member *members,
                   unsigned n, apr_uint64_t seed);
    /**
     * Pick a usable member in at most O(log n) when most are usable.
     * Many threads call it on one table at once: what it changes is atomic.
     * @return its index, or -1 when none is usable
     */
    int (*pick)(void *table, unsigned n, const gateway_lb_now *now);
};

#endif
