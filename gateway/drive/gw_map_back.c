#include "gw_map_back.h"

#include <string.h>

#include <http_core.h>
#include <http_protocol.h>
#include <apr_strings.h>

#include "gw_member.h"
#include "gw_path.h"

/* Host and port of the front as this client sees them. */
static void fill_front(request_rec *r, gw_reverse *rev)
{
    const char *host = apr_table_get(r->headers_in, "Host");
    const char *name = NULL;
    int port = 0;

    rev->scheme = ap_http_scheme(r);
    if (!host || !gw_url_split_hostport(r->pool, gw_str_of(host), &name,
                                        &port)) {
        name = r->server->server_hostname;
        port = ap_get_server_port(r);
    }
    rev->host = name ? name : "localhost";
    rev->port = port ? port : ap_default_port(r);
}

static int same_path(const char *a, const char *b)
{
    apr_size_t len = strlen(a);
    apr_size_t other = strlen(b);

    while (len && a[len - 1] == '/') {
        len--;
    }
    while (other && b[other - 1] == '/') {
        other--;
    }
    return len == other && strncmp(a, b, len) == 0;
}

/* Does rule map the very URL of a route that has a mapping of its own? Then it
 * was written for another route to the same backend. */
static int is_of_another(const gw_reverse_rule *rule, const gw_route *route)
{
    const gw_url *a = rule->backend;
    const gw_url *b = route->url;

    return route->reverse && a && a->port == b->port
           && strcmp(rule->front, route->implied.front) != 0
           && strcmp(a->scheme, b->scheme) == 0
           && strcmp(a->host, b->host) == 0
           && strcmp(a->socket ? a->socket : "",
                     b->socket ? b->socket : "") == 0
           && same_path(a->path, b->path);
}

/* A rule for a balancer is one for each of its members. */
typedef struct {
    apr_array_header_t *rules;
    const gw_reverse_rule *rule;
} expansion;

static void add_member(void *baton, const gateway_target *target)
{
    expansion *e = baton;
    apr_pool_t *pool = e->rules->pool;
    gw_reverse_rule *rule = apr_pmemdup(pool, e->rule, sizeof(*rule));
    gw_url *url = apr_pmemdup(pool, target->url, sizeof(*url));

    url->path = gw_path_join(pool, url->path, e->rule->backend->path);
    rule->backend = url;
    APR_ARRAY_PUSH(e->rules, const gw_reverse_rule *) = rule;
}

static void add_rule(const server_rec *s, apr_array_header_t *rules,
                     const gw_reverse_rule *rule)
{
    expansion e = { rules, rule };
    const gateway_balancer_provider *provider;
    gateway_balancer *balancer;

    if (!rule->backend || !gw_member_is_balancer(rule->backend)) {
        APR_ARRAY_PUSH(rules, const gw_reverse_rule *) = rule;
        return;
    }
    provider = gw_member_provider();
    balancer = provider->find((server_rec *)s, rule->backend->host);
    if (balancer) {
        provider->each_target(balancer, add_member, &e);
    }
}

static void add_rules(const server_rec *s, apr_array_header_t *rules,
                      const apr_array_header_t *more, const gw_route *route)
{
    int i;

    for (i = 0; more && i < more->nelts; i++) {
        const gw_reverse_rule *rule = APR_ARRAY_IDX(
            more, i, const gw_reverse_rule *);

        if (!route || !is_of_another(rule, route)) {
            add_rule(s, rules, rule);
        }
    }
}

/* A backend that is told the front's own name says its own paths under it. */
static const gw_reverse_rule *own_name_rule(request_rec *r,
                                            const gw_route *route)
{
    gw_reverse_rule *rule = apr_pcalloc(r->pool, sizeof(*rule));

    rule->path_only = *route->url->path ? route->url->path : "/";
    rule->front = route->implied.front;
    return rule;
}

/* Rules that can map this request: written ones first, inner sections
 * first, then what the route implies. */
static void fill_rules(request_rec *r, const gw_mapped *m,
                       const gw_url *answered, gw_reverse *rev)
{
    const gw_dir_conf *dir = gw_conf_of_request(r);
    const gw_server_conf *server = gw_conf_of_server(r->server);
    const gw_route *route = m->match.route;
    apr_array_header_t *rules;

    rules = apr_array_make(r->pool, 4, sizeof(gw_reverse_rule *));
    add_rules(r->server, rules, dir->reverse, NULL);
    add_rules(r->server, rules, server->reverse, route);
    if (route->reverse) {
        add_rule(r->server, rules, &route->implied);
    }
    if (route->reverse && dir->preserve_host == 1) {
        add_rule(r->server, rules, own_name_rule(r, route));
    }
    rev->rules = (const gw_reverse_rule *const *)rules->elts;
    rev->nrules = rules->nelts;
    rev->origin = answered;
}

void gw_map_back(request_rec *r, const gw_mapped *m, const gw_url *answered)
{
    gw_reverse rev;

    fill_rules(r, m, answered, &rev);
    fill_front(r, &rev);
    gw_reverse_headers(r->pool, &rev, r->headers_out);
}
