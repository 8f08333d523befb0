/**
 * gw_routes: see gw_routes.h.
 *
 * A trie whose edges, (node, segment) -> node, live in one hash table with
 * open addressing: a lookup costs one probe per path segment and stops at the
 * first segment that no prefix has. Each node has two ends, "plain" for a
 * prefix without a final '/' and "slash" for one with it.
 */
#include <string.h>

#include <apr_fnmatch.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include "gw_routes.h"

/* A lookup probes an edge table that is at most half full. */
#define EDGES_MIN 16

typedef struct route_node route_node;
struct route_node {
    const gw_route *plain;      /* wins among prefixes that end here */
    const gw_route *slash;      /* ... that end here with a '/' */
};

typedef struct route_edge route_edge;
struct route_edge {
    apr_uint32_t hash;
    apr_uint32_t from;          /* node */
    apr_uint32_t to;            /* node; 0: the slot is free (no edge leads to
                                   the root) */
    apr_uint32_t len;
    const char *segment;
};

struct gw_routes {
    /* const after gw_routes_build() */
    gw_route_order order;
    gw_route *const *rules;
    int nrules;
    route_node *nodes;
    apr_uint32_t nnodes;
    route_edge *edges;
    apr_uint32_t mask;          /* slots of edges - 1 */
    const gw_route **patterns;  /* in file order */
    int npatterns;
    gw_regex_match *regex_match;
};

/** A walk over the segments of a path. */
typedef struct path_walk path_walk;
struct path_walk {
    const char *path;
    apr_size_t at;              /* of the next byte to look at */
    apr_size_t segment;         /* of the last segment read */
};

/** Skip a run of '/'. @return 1 if there was one */
static int walk_slashes(path_walk *w)
{
    apr_size_t start = w->at;

    while (w->path[w->at] == '/') {
        ++w->at;
    }
    return w->at > start;
}

/** Read up to the next '/' or the end. @return the segment's length */
static apr_size_t walk_segment(path_walk *w)
{
    w->segment = w->at;
    while (w->path[w->at] != '\0' && w->path[w->at] != '/') {
        ++w->at;
    }
    return w->at - w->segment;
}

/** FNV-1a with a final mix, since the low bits choose the slot. */
static apr_uint32_t edge_hash(apr_uint32_t from, const char *s,
                              apr_size_t len)
{
    apr_uint32_t h = 2166136261u ^ (from * 2654435761u);
    apr_size_t i;

    for (i = 0; i < len; ++i) {
        h = (h ^ (unsigned char)s[i]) * 16777619u;
    }
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    return h ^ (h >> 13);
}

/** The slot of an edge, or the free one where it belongs. */
static route_edge *edge_slot(const gw_routes *t, apr_uint32_t from,
                             const char *s, apr_size_t len)
{
    apr_uint32_t hash = edge_hash(from, s, len);
    apr_uint32_t i = hash & t->mask;

    for (;;) {
        route_edge *e = &t->edges[i];

        if (e->to == 0
            || (e->hash == hash && e->from == from && e->len == len
                && memcmp(e->segment, s, len) == 0)) {
            return e;
        }
        i = (i + 1) & t->mask;
    }
}

/** The node behind a segment, made when it does not exist yet. */
static apr_uint32_t node_below(gw_routes *t, apr_uint32_t from,
                               const char *s, apr_size_t len)
{
    route_edge *e = edge_slot(t, from, s, len);

    if (e->to == 0) {
        e->hash = edge_hash(from, s, len);
        e->from = from;
        e->to = t->nnodes++;
        e->segment = s;
        e->len = (apr_uint32_t)len;
    }
    return e->to;
}

/** Of two rules with the same prefix, does the later one win? */
static int takes_over(const gw_routes *t, const gw_route *held,
                      const gw_route *rule)
{
    return held == NULL
           || (t->order == GW_ORDER_LONGEST && rule->exclude
               && !held->exclude);
}

static void add_prefix(gw_routes *t, const gw_route *rule)
{
    path_walk w = { rule->prefix, 0, 0 };
    apr_uint32_t node = 0;
    const gw_route **end = &t->nodes[0].plain;

    while (walk_slashes(&w)) {
        apr_size_t len = walk_segment(&w);

        if (len == 0) {
            end = &t->nodes[node].slash;
            break;
        }
        node = node_below(t, node, w.path + w.segment, len);
        end = &t->nodes[node].plain;
    }
    if (takes_over(t, *end, rule)) {
        *end = rule;
    }
}

/** Segments of all prefixes: the most edges the trie can need. */
static apr_uint32_t count_segments(gw_route *const *rules, int nrules,
                                   int *pnpatterns)
{
    apr_uint32_t n = 0;
    int i;

    *pnpatterns = 0;
    for (i = 0; i < nrules; ++i) {
        path_walk w = { rules[i]->prefix, 0, 0 };

        if (rules[i]->kind != GW_ROUTE_PREFIX) {
            ++*pnpatterns;
            continue;
        }
        while (walk_slashes(&w) && walk_segment(&w) > 0) {
            ++n;
        }
    }
    return n;
}

gw_routes *gw_routes_build(apr_pool_t *pool, gw_route *const *rules,
                           int nrules, gw_route_order order,
                           gw_regex_match *regex_match)
{
    gw_routes *t = apr_pcalloc(pool, sizeof(*t));
    apr_uint32_t slots = EDGES_MIN;
    apr_uint32_t segments;
    int npatterns;
    int i;

    segments = count_segments(rules, nrules, &npatterns);
    while (slots < 2 * segments) {
        slots *= 2;
    }
    t->order = order;
    t->rules = apr_pmemdup(pool, rules, sizeof(*rules) * (apr_size_t)nrules);
    t->nrules = nrules;
    t->nodes = apr_pcalloc(pool, sizeof(*t->nodes) * (segments + 1));
    t->nnodes = 1;
    t->edges = apr_pcalloc(pool, sizeof(*t->edges) * slots);
    t->mask = slots - 1;
    t->patterns = apr_pcalloc(pool, sizeof(*t->patterns)
                                    * ((apr_size_t)npatterns + 1));
    t->regex_match = regex_match;

    for (i = 0; i < nrules; ++i) {
        if (rules[i]->kind == GW_ROUTE_PREFIX) {
            add_prefix(t, rules[i]);
        }
        else {
            t->patterns[t->npatterns++] = rules[i];
        }
    }
    return t;
}

/** Keep rule as the best so far if it is better than what match holds. */
static void consider(const gw_routes *t, const gw_route *rule,
                     apr_size_t tail, gw_match *match)
{
    if (rule == NULL) {
        return;
    }
    /* the walk meets longer prefixes later */
    if (match->route == NULL || t->order == GW_ORDER_LONGEST
        || rule->order < match->route->order) {
        match->route = rule;
        match->tail = tail;
    }
}

static void find_prefix(const gw_routes *t, const char *path,
                        gw_match *match)
{
    path_walk w = { path, 0, 0 };
    apr_uint32_t node = 0;

    while (walk_slashes(&w)) {
        apr_size_t len;
        const route_edge *e;

        consider(t, t->nodes[node].slash, w.at, match);
        len = walk_segment(&w);
        if (len == 0) {
            break;
        }
        e = edge_slot(t, node, path + w.segment, len);
        if (e->to == 0) {
            break;
        }
        node = e->to;
        consider(t, t->nodes[node].plain, w.at, match);
    }
}

static int pattern_matches(const gw_routes *t, const gw_route *rule,
                           const char *path, gw_match *match)
{
    match->ncaptures = 0;
    if (rule->kind == GW_ROUTE_WILDCARD) {
        /* as <Location> reads wildcards: none of them takes a '/' */
        return apr_fnmatch(rule->prefix, path, APR_FNM_PATHNAME)
               == APR_SUCCESS;
    }
    return t->regex_match(rule, path, match);
}

int gw_routes_find(const gw_routes *t, const char *path, gw_match *match)
{
    int i;

    match->route = NULL;
    match->tail = 0;
    match->ncaptures = 0;
    if (*path != '/') {
        return 0;
    }
    find_prefix(t, path, match);

    for (i = 0; i < t->npatterns; ++i) {
        const gw_route *rule = t->patterns[i];

        if (match->route != NULL && rule->order > match->route->order) {
            break;
        }
        if (pattern_matches(t, rule, path, match)) {
            match->route = rule;
            match->tail = 0;
            return 1;
        }
    }
    match->ncaptures = 0;
    return match->route != NULL;
}

/** Does a pattern plainly match every path? Only the usual spellings. */
static int matches_all(const gw_route *rule)
{
    static const char *const all[] = {
        "^", "^/", "/", ".*", "(.*)", "^.*", "^.*$", "^(.*)", "^(.*)$",
        "^/.*", "^/.*$", "^/(.*)", "^/(.*)$", "^(/.*)", "^(/.*)$", NULL
    };
    int i;

    for (i = 0; rule->kind == GW_ROUTE_REGEX && all[i] != NULL; ++i) {
        if (strcmp(rule->prefix, all[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/** Who takes every path that the prefix rule could have? */
static const gw_route *prefix_loses_to(const gw_routes *t,
                                       const gw_route *rule,
                                       const gw_route *catch_all)
{
    gw_match match;

    if (catch_all != NULL && catch_all->order < rule->order) {
        return catch_all;
    }
    match.route = NULL;
    find_prefix(t, rule->prefix, &match);
    return match.route;
}

/** Is there a prefix rule declared after this one? */
static int prefix_follows(const gw_routes *t, const gw_route *rule)
{
    int i;

    for (i = t->nrules - 1; i >= 0 && t->rules[i] != rule; --i) {
        if (t->rules[i]->kind == GW_ROUTE_PREFIX) {
            return 1;
        }
    }
    return 0;
}

/** Who takes every path that the pattern could have? */
static const gw_route *pattern_loses_to(const gw_routes *t,
                                        const gw_route *rule,
                                        const gw_route *catch_all,
                                        apr_hash_t *seen)
{
    const gw_route *root = t->nodes[0].slash;
    const char *key = rule->prefix;
    const gw_route *same;

    same = rule->kind == GW_ROUTE_REGEX
           ? apr_hash_get(seen, key, APR_HASH_KEY_STRING) : NULL;
    if (same != NULL) {
        return same;
    }
    if (rule->kind == GW_ROUTE_REGEX) {
        apr_hash_set(seen, key, APR_HASH_KEY_STRING, rule);
    }
    if (catch_all != NULL && catch_all->order < rule->order) {
        return catch_all;
    }
    if (root == NULL || root->order > rule->order) {
        return rule;
    }
    /* "/" leaves nothing over, but a longer prefix that comes later lets the
       pattern go before it */
    return t->order == GW_ORDER_LONGEST && prefix_follows(t, rule)
           ? rule : root;
}

void gw_routes_unreachable(const gw_routes *t, apr_pool_t *ptemp,
                           void (*report)(void *baton, const gw_route *never,
                                          const gw_route *winner),
                           void *baton)
{
    apr_hash_t *seen = apr_hash_make(ptemp);
    const gw_route *catch_all = NULL;
    int i;

    for (i = 0; i < t->nrules; ++i) {
        const gw_route *rule = t->rules[i];
        const gw_route *winner;

        if (rule->kind == GW_ROUTE_PREFIX) {
            winner = prefix_loses_to(t, rule, catch_all);
        }
        else {
            winner = pattern_loses_to(t, rule, catch_all, seen);
            if (catch_all == NULL && matches_all(rule)) {
                catch_all = rule;
            }
        }
        if (winner != rule && winner != NULL) {
            report(baton, rule, winner);
        }
    }
}
