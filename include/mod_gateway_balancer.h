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

#include <apr_optional.h>
#include <apr_pools.h>
#include <apr_tables.h>

#include "gw_base.h"

struct server_rec;

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

/* -- administration --------------------------------------------------------
 *
 * Optional functions for the request threads of a child (a manager page, a
 * test). They change the shared records at once, all children go by them with
 * their next request; each change is logged with who asked for it. Changes
 * outlive a graceful restart, with GatewayBalancerPersist On any stop.
 */

/** A member now. */
typedef struct gateway_member_info gateway_member_info;
struct gateway_member_info {
    const char *url;
    const char *route, *redirect;   /* "" for none */
    unsigned weight;            /* hundredths */
    unsigned lbset;
    const char *status;         /* letters as status= takes them, with E and
                                   C; "" when there is nothing to say */
    int usable;                 /* takes new requests */
    int from_file;              /* 0: added at run time */
    int removed;                /* at run time, though the configuration has
                                   it: all other fields are old */
    gw_time ejected_for;        /* E: still so long, 0: a trial is due */
    unsigned failures;          /* in a row */
    unsigned share;             /* of its weight, thousandths: slow start */
    unsigned busy, max;         /* requests in flight; max= or 0 */
    apr_uint64_t elected, errors, sent, received;
    gw_time ttfb;               /* mean time to the first byte, 0: unknown */
    int check_status;           /* of the last health check, 0: none */
};

/** A balancer now. */
typedef struct gateway_balancer_info gateway_balancer_info;
struct gateway_balancer_info {
    const char *name;           /* without balancer:// */
    const char *method;
    unsigned places;            /* for members to be added */
    unsigned waiting;           /* requests in the queue */
    apr_uint64_t refused;       /* that found it full */
    apr_uint64_t gave_up;       /* that waited too long */
    apr_array_header_t *members;    /* gateway_member_info */
};

/** The balancers that a server sees: gateway_balancer_info, in pool. */
APR_DECLARE_OPTIONAL_FN(apr_array_header_t *, gateway_balancer_list,
                        (apr_pool_t *pool, struct server_rec *s));

/**
 * Change settings of a member: loadfactor, lbset, route, redirect (an empty
 * value takes these two away), status.
 * @param words  key=value ..., NULL; all or none of them happen
 * @param who    for the log
 * @return NULL, or one sentence in pool
 */
APR_DECLARE_OPTIONAL_FN(const char *, gateway_member_set,
                        (apr_pool_t *pool, struct server_rec *s,
                         const char *balancer, const char *url,
                         const char *const *words, const char *who));

/**
 * Add a member, or one again that was removed. Its connections are made like
 * those of the first configured member of the same scheme.
 * @param words  as above, or NULL
 */
APR_DECLARE_OPTIONAL_FN(const char *, gateway_member_add,
                        (apr_pool_t *pool, struct server_rec *s,
                         const char *balancer, const char *url,
                         const char *const *words, const char *who));

/** Remove a member that takes no new requests (status N, D or S) and has none
 * left. */
APR_DECLARE_OPTIONAL_FN(const char *, gateway_member_remove,
                        (apr_pool_t *pool, struct server_rec *s,
                         const char *balancer, const char *url,
                         const char *who));

#endif
