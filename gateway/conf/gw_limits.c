/**
 * gw_limits: see gw_limits.h.
 */
#include <apr_strings.h>

#include "gw_limits.h"

/* Of the threads, in percent: so many one backend may hold, the rest is for
 * the other sites. */
#define CAP_DEFAULT 75

typedef struct walk walk;
struct walk {
    gw_inflight *table;         /* NULL: only count */
    apr_pool_t *pconf;
    unsigned columns;
    unsigned missing;
};

static const gw_gauge *gauge(walk *w, const char *what, const char *key)
{
    const gw_gauge *g;

    w->columns++;
    if (w->table == NULL) {
        return NULL;
    }
    g = gw_inflight_gauge(w->table, w->pconf,
                          apr_pstrcat(w->pconf, what, key, NULL));
    w->missing += g == NULL;
    return g;
}

static void walk_origins(walk *w, apr_hash_t *origins)
{
    apr_hash_index_t *hi;

    for (hi = apr_hash_first(w->pconf, origins); hi != NULL;
         hi = apr_hash_next(hi)) {
        gw_origin *origin = apr_hash_this_val(hi);

        origin->busy = gauge(w, GW_KEY_CONNECTIONS, origin->key);
    }
}

/** Of all counters these are the ones to do without. */
static void walk_lookouts(walk *w, apr_hash_t *origins)
{
    unsigned missing = w->missing;
    apr_hash_index_t *hi;

    for (hi = apr_hash_first(w->pconf, origins); hi != NULL;
         hi = apr_hash_next(hi)) {
        gw_origin *origin = apr_hash_this_val(hi);

        origin->lookouts = gauge(w, GW_KEY_LOOKOUTS, origin->key);
    }
    w->missing = missing;
}

/** A balancer is known by its name; those of virtual hosts that share one
 * count together. */
static void walk_routes(walk *w, const apr_array_header_t *routes)
{
    int i;

    for (i = 0; routes != NULL && i < routes->nelts; ++i) {
        gw_route *route = APR_ARRAY_IDX(routes, i, gw_route *);

        if (!route->exclude) {
            route->inflight = gauge(w, "requests ", route->balancer
                                    ? route->destination
                                    : route->origin->key);
        }
    }
}

static void walk_all(walk *w, server_rec *main_server)
{
    apr_hash_t *origins = gw_conf_of_server(main_server)->origins;
    server_rec *s;

    walk_origins(w, origins);
    for (s = main_server; s != NULL; s = s->next) {
        walk_routes(w, gw_conf_of_server(s)->frozen);
    }
    walk_lookouts(w, origins);
}

unsigned gw_limits_columns(server_rec *main_server)
{
    walk w = { NULL, main_server->process->pconf, 0, 0 };

    walk_all(&w, main_server);
    return w.columns;
}

unsigned gw_limits_share(gw_inflight *table, apr_pool_t *pconf,
                         server_rec *main_server)
{
    walk w = { table, pconf, 0, 0 };

    walk_all(&w, main_server);
    return w.missing;
}

/** Rounded up, so that even one thread may work. */
static int share_of(int threads, int percent)
{
    return (int)(((apr_int64_t)threads * percent + 99) / 100);
}

void gw_limits_cap(server_rec *main_server, int threads)
{
    server_rec *s;

    for (s = main_server; s != NULL; s = s->next) {
        gw_server_conf *conf = gw_conf_of_server(s);

        if (conf->cap == GW_UNSET) {
            conf->inflight_max = share_of(threads, CAP_DEFAULT);
        }
        else {
            conf->inflight_max = conf->cap_is_percent
                                 ? share_of(threads, conf->cap) : conf->cap;
        }
    }
}
