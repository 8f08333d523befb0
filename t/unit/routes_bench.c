/**
 * What a route lookup costs with 10, 1,000 and 10,000 rules. The cost may
 * grow a little, with what the processor's caches hold; the program fails when
 * it grows as a loop over the rules would.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_routes.h"

#define PATHS 4096              /* looked up in turn, so that caches work */
#define ROUNDS 250
#define TIMES_SLOWER_MAX 10     /* from 10 to 10,000 rules; a loop: 1,000 */

static int no_regex(const gw_route *route, const char *path, gw_match *match)
{
    return 0;
}

/** Rules as people write them: some short, some nested, some final slashes. */
static gw_routes *make_table(apr_pool_t *pool, int n)
{
    gw_route **rules = apr_palloc(pool, sizeof(*rules) * (apr_size_t)n);
    int i;

    for (i = 0; i < n; ++i) {
        gw_route *route = apr_pcalloc(pool, sizeof(*route));

        route->order = i;
        route->prefix = apr_psprintf(pool, i % 3 == 0 ? "/app%d"
                                           : i % 3 == 1 ? "/team/app%d/"
                                           : "/org/team%d/app/v1", i);
        rules[i] = route;
    }
    return gw_routes_build(pool, rules, n, GW_ORDER_LONGEST, no_regex);
}

static const char *deep_path(apr_pool_t *pool, const char *path)
{
    int depth = 2 + rand() % 30;

    while (depth-- > 0) {
        path = apr_psprintf(pool, "%s/%x", path, (unsigned)rand());
    }
    return path;
}

typedef enum { HIT, DEEP_HIT, MISS, DEEP_MISS, KINDS } path_kind;

static const char *const kind_names[KINDS] = {
    "hit", "hit, deep path", "miss", "miss, deep path"
};

static const char *make_path(apr_pool_t *pool, path_kind kind, int nrules)
{
    int i = rand() % nrules;
    const char *path;

    if (kind == MISS || kind == DEEP_MISS) {
        path = apr_psprintf(pool, "/team/other%x", (unsigned)rand());
    }
    else {
        path = apr_psprintf(pool, i % 3 == 0 ? "/app%d/x"
                                  : i % 3 == 1 ? "/team/app%d/x"
                                  : "/org/team%d/app/v1/x", i);
    }
    return kind == DEEP_HIT || kind == DEEP_MISS ? deep_path(pool, path)
                                                 : path;
}

/** Nanoseconds of one lookup, the best of five runs. */
static double measure(const gw_routes *table, const char *const *paths,
                      path_kind kind)
{
    double best = 0;
    int run;

    for (run = 0; run < 5; ++run) {
        gw_time start = gw_now();
        gw_time spent;
        double ns;
        int found = 0;
        int i, round;

        for (round = 0; round < ROUNDS; ++round) {
            for (i = 0; i < PATHS; ++i) {
                gw_match match;

                found += gw_routes_find(table, paths[i], &match);
            }
        }
        spent = gw_now() - start;
        if (found != (kind == HIT || kind == DEEP_HIT ? ROUNDS * PATHS : 0)) {
            fprintf(stderr, "%s: %d found\n", kind_names[kind], found);
            exit(1);
        }
        ns = (double)spent * 1000.0 / ROUNDS / PATHS;
        best = run == 0 || ns < best ? ns : best;
    }
    return best;
}

int main(void)
{
    static const int counts[] = { 10, 1000, 10000 };
    double ns[KINDS][3];
    apr_pool_t *pool;
    int c, i, kind;
    int rv = 0;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    srand(1);
    for (c = 0; c < 3; ++c) {
        const gw_routes *table = make_table(pool, counts[c]);

        for (kind = 0; kind < KINDS; ++kind) {
            const char **paths = apr_palloc(pool, sizeof(*paths) * PATHS);

            for (i = 0; i < PATHS; ++i) {
                paths[i] = make_path(pool, (path_kind)kind, counts[c]);
            }
            ns[kind][c] = measure(table, paths, (path_kind)kind);
        }
    }
    printf("%-18s %10s %10s %10s   ns per lookup\n", "rules:", "10", "1,000",
           "10,000");
    for (kind = 0; kind < KINDS; ++kind) {
        printf("%-18s %10.1f %10.1f %10.1f\n", kind_names[kind], ns[kind][0],
               ns[kind][1], ns[kind][2]);
        if (ns[kind][2] > TIMES_SLOWER_MAX * ns[kind][0]) {
            printf("%s grows with the number of rules\n", kind_names[kind]);
            rv = 1;
        }
    }
    apr_pool_destroy(pool);
    apr_terminate();
    return rv;
}
