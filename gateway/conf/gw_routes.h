/**
 * gw_routes: the immutable table that finds the route of a path.
 *
 * Built once per virtual host at the end of configuration from rules in file
 * order, then read by all threads without a lock. A trie over path segments
 * finds the longest prefix in time that grows with the path, not with the
 * number of rules; patterns (regexes, wildcards) are tried only where they
 * could win. Needs APR only; regexes are matched by a callback.
 *
 * Which rule wins (order GW_ORDER_LONGEST):
 *   1. patterns declared before the winning prefix, first in file order;
 *   2. the longest prefix; of equal ones an exclusion, else the first;
 *      an exclusion wins over every prefix that is not longer than it;
 *   3. patterns declared after it only when no prefix matches.
 * GW_ORDER_FILE: the first rule of the file that matches.
 * A prefix matches a path that equals it or goes on behind a '/' (or begins
 * with it when the prefix ends in '/'); runs of '/' in the path are one. A
 * path that does not begin with '/' ("*") matches no rule.
 */
#ifndef GW_ROUTES_H
#define GW_ROUTES_H

#include <apr_pools.h>
#include "gw_reverse.h"
#include "gw_origin.h"
#include "mod_gateway.h"

typedef enum {
    GW_ROUTE_PREFIX,
    GW_ROUTE_REGEX,             /* ap_regex_t in regex */
    GW_ROUTE_WILDCARD           /* fnmatch pattern in prefix */
} gw_route_kind;

typedef enum {
    GW_ORDER_LONGEST,
    GW_ORDER_FILE
} gw_route_order;

/** Most captures of a pattern route, $0..$9. */
#define GW_CAPTURES_MAX 10

typedef struct gw_route gw_route;
struct gw_route {
    /* const after freeze */
    gw_route_kind kind;
    const char *prefix;         /* prefix, regex source or pattern, as
                                   written; decoded path form */
    void *regex;
    int exclude;                /* "!" */
    int order;                  /* place in the configuration */
    const char *where;          /* "file:line" */
    const char *name;           /* "/app", for logs and people */

    const gw_url *url;          /* NULL with exclude */
    int backrefs;               /* url's path or query holds $0..$9 */
    const char *destination;    /* scheme://authority of url, for people */
    gw_origin *origin;          /* NULL with a balancer, like conn */
    gw_conn_opts conn;
    gateway_balancer *balancer; /* of balancer://name */
    const gw_gauge *inflight;   /* requests to origin or balancer now, in all
                                   processes; NULL: not counted */
    int nocanon;
    int noquery;                /* accepted; see docs/directives.md */
    int reverse;                /* imply reverse mapping (default) */
    gw_reverse_rule implied;    /* with reverse */
    gw_time *pace;              /* what is behind it is atomic, each child's
                                   own: how long answers took lately */
};

typedef struct gw_match gw_match;
struct gw_match {
    const gw_route *route;
    apr_size_t tail;            /* where the path's rest begins */
    int ncaptures;              /* pattern routes */
    struct {
        int so, eo;             /* offsets in the path, -1 when unset */
    } captures[GW_CAPTURES_MAX];
};

/** Does the regex of route match path? Fills the captures. */
typedef int gw_regex_match(const gw_route *route, const char *path,
                           gw_match *match);

typedef struct gw_routes gw_routes;

/**
 * Build the table; routes are borrowed and live at least as long as pool.
 * @param rules  in file order
 */
gw_routes *gw_routes_build(apr_pool_t *pool, gw_route *const *rules,
                           int nrules, gw_route_order order,
                           gw_regex_match *regex_match);

/**
 * Find the winning rule of a checked path (gw_path_decode).
 * @return 1 and *match (an exclusion too: look at route->exclude), 0 none
 */
int gw_routes_find(const gw_routes *table, const char *path,
                   gw_match *match);

/**
 * Rules that can never win (same prefix twice, behind a prefix of equal
 * length that excludes, in file order behind a covering one): calls report
 * for each with the rule that wins instead; for start-up notices.
 */
void gw_routes_unreachable(const gw_routes *table, apr_pool_t *ptemp,
                           void (*report)(void *baton, const gw_route *never,
                                          const gw_route *winner),
                           void *baton);

#endif
