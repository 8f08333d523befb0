/**
 * gw_lane_rules: which directives may make a request wait, by their names and
 * arguments.
 *
 * Pure functions over text, called once at start, in one thread.
 */
#ifndef GW_LANE_RULES_H
#define GW_LANE_RULES_H

#include <apr_pools.h>

#include "gw_lane_hooks.h"
#include "gw_routes.h"

/** Where a directive stands, and what else decides. */
typedef struct gw_lane_place gw_lane_place;
struct gw_lane_place {
    apr_pool_t *pool;
    const gw_lane_hooks *hooks;
    const gw_routes *routes;    /* of the server, or NULL */
    int excludes;               /* one of them is an exclusion */
    int in_section;             /* <Location>, <Gateway> or <If> */
    int late;                   /* <If> or <Gateway>: what applies is not known
                                   before the hooks run */
};

/** What a directive means for the requests of its section. */
typedef struct gw_lane_verdict gw_lane_verdict;
struct gw_lane_verdict {
    const char *why;            /* not in a loop, because of this; or NULL */
    const char *end;            /* the end of a request may wait; or NULL */
    const char *piped;          /* a log is a program; or NULL */
    int bits;                   /* GW_LANE_* of gw_lane_conf.h */
};

/** Judge one directive. */
void gw_lane_judge(const gw_lane_place *place, const char *name,
                   const char *args, gw_lane_verdict *verdict);

#endif
