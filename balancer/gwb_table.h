/**
 * gwb_table: an immutable view of a balancer's members for picking.
 *
 * Built from the shared records whenever their generation changes, by
 * whoever notices first in a child; picks of other threads go on with the
 * table they hold a reference of. Sorted by lbset; each set has the method's
 * own tables, one of normal members and spares, one of standbys. Owns its
 * pool; refcounted (atomic).
 */
#ifndef GWB_TABLE_H
#define GWB_TABLE_H

#include <apr_pools.h>

#include "gwb_health.h"
#include "gwb_record.h"
#include "mod_gateway.h"
#include "mod_gateway_balancer.h"

/** One member. Its record is shared memory, the rest const. */
typedef struct gwb_member gwb_member;
struct gwb_member {
    gwb_record *rec;
    const gateway_target *target;
    apr_uint32_t id;            /* as rec->id when the table was built: a slot
                                   that was given away since is not used */
    const gwb_health_params *health;    /* its own, or NULL: those of
                                           gwb_select_params */
    /* copies that gwb_table_build() makes, "" for none */
    const char *route;
    const char *redirect;
};

typedef struct gwb_set gwb_set;
struct gwb_set {
    unsigned lbset;
    unsigned first;             /* of its members in table->members: normal
                                   ones, then spares, then standbys */
    unsigned normals;
    unsigned spares;
    unsigned standbys;
    void *active;               /* method's table of normals and spares */
    void *standby;              /* method's table of standbys, or NULL */
    apr_uint64_t missing;       /* atomic, gwb_select's: how many normals
                                   were unusable, and when */
};

typedef struct gwb_table gwb_table;
struct gwb_table {
    apr_uint32_t refs;          /* atomic */
    apr_pool_t *pool;
    apr_uint32_t generation;
    const gateway_lbmethod *method;
    unsigned n;
    gwb_member *members;        /* n, in the order of the sets */
    unsigned nsets;
    gwb_set *sets;
    /* indexes, const: of all by id; of those with a route by that */
    const unsigned *by_id;
    const unsigned *by_route;
    unsigned nroutes;
};

/**
 * Build a table of the used records; their flags H and R, lbset, weight and
 * route are as they are now, whatever changes later needs a new table. The
 * other flags are looked at by each pick.
 * @param members  in any order; copied; route and redirect are not looked at
 * @param seed     different in each child and for each table
 * @return one reference for the caller, or NULL without memory
 */
gwb_table *gwb_table_build(const gwb_member *members, unsigned n,
                           const gateway_lbmethod *method,
                           apr_uint32_t generation, apr_uint64_t seed);
gwb_table *gwb_table_ref(gwb_table *table);
/** NULLs the pointer. */
void gwb_table_release(gwb_table **ptable);

/** Index of the member with this route, or whose id is this; -1. When several
 * have the route, the first in the order of the sets. */
int gwb_table_by_route(const gwb_table *table, const char *route);
int gwb_table_by_id(const gwb_table *table, apr_uint32_t id);

/** All members with a route: places first..first+n-1 of by_route.
 * @return n */
unsigned gwb_table_routed(const gwb_table *table, const char *route,
                          unsigned *pfirst);

#endif
