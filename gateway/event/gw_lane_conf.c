#include "gw_lane_conf.h"

#include <string.h>
#include <strings.h>

#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <apr_strings.h>

#include "gw_lane_rules.h"
#include "gw_log.h"
#include "gw_where.h"

APLOG_USE_MODULE(gateway);

/* Which requests a directive is about. */
typedef enum {
    ABOUT_SERVER,
    ABOUT_SECTIONS,             /* see walk.sections */
    ABOUT_FILES                 /* never ours */
} about;

/* The way down the tree; copied at each level. */
typedef struct walk walk;
struct walk {
    gw_lane_conf *conf;
    apr_pool_t *pconf;
    server_rec *main_server;
    server_rec *s;
    gw_lane_place place;
    about about;
    apr_array_header_t *sections;   /* ap_conf_vector_t *: one, or those that
                                       cannot be told apart */
    int *plocations;            /* of s, seen so far */
};

/* --- setting marks ------------------------------------------------------- */

/* Servers may share the structure that is there: it is copied. */
static void mark_section(const walk *w, ap_conf_vector_t *section,
                         const char *why, int bits)
{
    gw_dir_conf *dir = ap_get_module_config(section, &gateway_module);

    dir = dir ? apr_pmemdup(w->pconf, dir, sizeof(*dir))
              : gw_conf_create_dir(w->pconf, NULL);
    dir->lane = dir->lane ? dir->lane : why;
    dir->lane_bits |= bits;
    ap_set_module_config(section, &gateway_module, dir);
}

/* Virtual hosts were merged with the main server before. */
static void mark_server(const walk *w, const char *why, int bits)
{
    server_rec *s;

    mark_section(w, w->s->lookup_defaults, why, bits);
    for (s = w->s == w->main_server ? w->s->next : NULL; s; s = s->next) {
        mark_section(w, s->lookup_defaults, why, bits);
    }
}

static void mark(const walk *w, const ap_directive_t *node, const char *why,
                 int bits)
{
    int i;

    if ((!why && !bits) || w->about == ABOUT_FILES) {
        return;
    }
    if (why) {
        ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, w->s, GWNO(02044)
                     "%s:%d: %s %s: requests here are not for an event loop "
                     "(%s)", node->filename, node->line_num, node->directive,
                     node->args, why);
    }
    if (w->about == ABOUT_SERVER) {
        mark_server(w, why, bits);
        return;
    }
    for (i = 0; i < w->sections->nelts; i++) {
        mark_section(w, APR_ARRAY_IDX(w->sections, i, ap_conf_vector_t *),
                     why, bits);
    }
    bits |= why ? GW_LANE_DIFFERS : 0;
    mark_server(w, NULL, bits << GW_LANE_ELSEWHERE);
}

/* --- finding sections again ---------------------------------------------- */

static int is_one_of(const char *word, const char *const *words)
{
    int i;

    for (i = 0; words[i]; i++) {
        if (strcasecmp(word, words[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static void add_section(walk *w, ap_conf_vector_t *section)
{
    w->about = ABOUT_SECTIONS;
    APR_ARRAY_PUSH(w->sections, ap_conf_vector_t *) = section;
}

/* Locations of a server stand in the order of the configuration, behind those
 * of the main server. One that is not where it should be is not used: the
 * whole server is marked instead. */
static void enter_location(walk *w, const ap_directive_t *node)
{
    const core_server_config *own
        = ap_get_core_module_config(w->s->module_config);
    const core_server_config *main_conf
        = ap_get_core_module_config(w->main_server->module_config);
    int at = (*w->plocations)++;
    const char *args = node->args;
    const char *path = ap_getword_conf(w->pconf, &args);
    apr_size_t len;
    const core_dir_config *core;

    if (w->s != w->main_server) {
        at += main_conf->sec_url->nelts;
    }
    if (at >= own->sec_url->nelts) {
        return;
    }
    core = ap_get_core_module_config(APR_ARRAY_IDX(own->sec_url, at,
                                                   ap_conf_vector_t *));
    if (strcmp(path, "~") == 0) {
        path = ap_getword_conf(w->pconf, &args);
    }
    len = core && core->d ? strlen(core->d) : 0;
    if (!len || strncmp(path, core->d, len) != 0
        || (path[len] && path[len] != '>')) {
        return;
    }
    add_section(w, APR_ARRAY_IDX(own->sec_url, at, ap_conf_vector_t *));
}

static void enter_gateway(walk *w, const ap_directive_t *node)
{
    const apr_array_header_t *sections = gw_conf_of_server(w->s)->sections;
    const char *where = apr_psprintf(w->pconf, "%s:%d", node->filename,
                                     node->line_num);
    int i;

    for (i = 0; i < sections->nelts; i++) {
        const gw_section *section = APR_ARRAY_IDX(sections, i, gw_section *);

        if (strcmp(section->where, where) == 0) {
            add_section(w, section->dir);
        }
    }
    w->place.late = 1;
}

static int is_server(const server_rec *s, const ap_directive_t *node)
{
    return s->defn_name && strcmp(s->defn_name, node->filename) == 0
           && s->defn_line_number == (unsigned)node->line_num;
}

/* --- walking ------------------------------------------------------------- */

static void walk_nodes(const walk *w, const ap_directive_t *node);

/* A table of routes is asked where a rewrite leads. */
static void ask_routes(walk *w)
{
    const gw_server_conf *conf = gw_conf_of_server(w->s);
    int i;

    w->place.routes = conf->routes;
    w->place.excludes = 0;
    for (i = 0; i < conf->rules->nelts; i++) {
        const gw_route *route = APR_ARRAY_IDX(conf->rules, i, gw_route *);

        w->place.excludes |= route->exclude;
    }
}

static void walk_server(walk *w, server_rec *s, const ap_directive_t *nodes)
{
    int locations = 0;

    w->s = s;
    w->plocations = &locations;
    ask_routes(w);
    walk_nodes(w, nodes);
}

/* Several servers can come from one line: a macro, a file included twice. */
static void enter_server(const walk *outer, const ap_directive_t *node)
{
    server_rec *s;

    for (s = outer->main_server->next; s; s = s->next) {
        if (is_server(s, node)) {
            walk inner = *outer;

            walk_server(&inner, s, node->first_child);
        }
    }
}

static void enter(const walk *outer, const ap_directive_t *node)
{
    static const char *const locations[] = {
        "<Location", "<LocationMatch", NULL
    };
    static const char *const files[] = {
        "<Directory", "<DirectoryMatch", "<Files", "<FilesMatch", "<Proxy",
        "<ProxyMatch", NULL
    };
    static const char *const conditions[] = {
        "<If", "<ElseIf", "<Else", NULL
    };
    walk w = *outer;

    if (strcasecmp(node->directive, "<VirtualHost") == 0) {
        enter_server(outer, node);
        return;
    }
    w.sections = apr_array_copy(w.pconf, outer->sections);
    if (is_one_of(node->directive, locations)) {
        enter_location(&w, node);
        w.place.in_section = 1;
    }
    else if (strcasecmp(node->directive, "<Gateway") == 0) {
        enter_gateway(&w, node);
        w.place.in_section = 1;
    }
    else if (is_one_of(node->directive, files)) {
        w.about = ABOUT_FILES;
    }
    else if (is_one_of(node->directive, conditions)) {
        w.place.late = w.place.in_section = 1;
    }
    walk_nodes(&w, node->first_child);
}

static void look_at(const walk *w, const ap_directive_t *node)
{
    gw_lane_verdict verdict;

    gw_lane_judge(&w->place, node->directive, node->args ? node->args : "",
                  &verdict);
    mark(w, node, verdict.why, verdict.bits);
    if (verdict.end && !w->conf->end) {
        w->conf->end = verdict.end;
    }
    if (verdict.piped && !w->conf->piped) {
        w->conf->piped = verdict.piped;
    }
}

static void walk_nodes(const walk *w, const ap_directive_t *node)
{
    for (; node; node = node->next) {
        look_at(w, node);
        if (*node->directive == '<') {
            enter(w, node);     /* an empty one is counted, too */
        }
    }
}

/* --- <Gateway> sections -------------------------------------------------- */

/* Whatever the path is that is asked for there. */
static int may_apply(const gw_section *section, const gw_route *route)
{
    if (section->parsed && !section->wildcard) {
        return gw_section_matches(section, route->url, section->parsed->path,
                                  route->destination);
    }
    return 1;
}

static gw_lane_mark *mark_of(gw_lane_conf *conf, apr_pool_t *pconf,
                             const gw_route *route)
{
    gw_lane_mark *m;

    if (!conf->routes) {
        conf->routes = apr_hash_make(pconf);
    }
    m = apr_hash_get(conf->routes, &route, sizeof(route));
    if (!m) {
        m = apr_pcalloc(pconf, sizeof(*m));
        apr_hash_set(conf->routes, apr_pmemdup(pconf, &route, sizeof(route)),
                     sizeof(route), m);
    }
    return m;
}

static void mark_route(gw_lane_conf *conf, apr_pool_t *pconf,
                       const gw_route *route, const apr_array_header_t *all)
{
    int i;

    for (i = 0; i < all->nelts; i++) {
        const gw_section *section = APR_ARRAY_IDX(all, i, gw_section *);
        const gw_dir_conf *dir = ap_get_module_config(section->dir,
                                                      &gateway_module);

        if (dir && (dir->lane || dir->lane_bits)
            && may_apply(section, route)) {
            gw_lane_mark *m = mark_of(conf, pconf, route);

            m->why = m->why ? m->why : dir->lane;
            m->bits |= dir->lane_bits;
        }
    }
}

static void mark_routes(gw_lane_conf *conf, apr_pool_t *pconf,
                        server_rec *main_server)
{
    server_rec *s;
    server_rec *t;
    int i;

    for (s = main_server; s; s = s->next) {
        const apr_array_header_t *routes = gw_conf_of_server(s)->frozen;

        for (i = 0; routes && i < routes->nelts; i++) {
            const gw_route *route = APR_ARRAY_IDX(routes, i, gw_route *);

            for (t = route->exclude ? NULL : main_server; t; t = t->next) {
                mark_route(conf, pconf, route,
                           gw_conf_of_server(t)->sections);
            }
        }
    }
}

void gw_lane_conf_read(gw_lane_conf *conf, apr_pool_t *pconf,
                       server_rec *main_server, const gw_lane_hooks *hooks)
{
    walk w = { conf, pconf, main_server };

    memset(conf, 0, sizeof(*conf));
    w.place.pool = pconf;
    w.place.hooks = hooks;
    w.about = ABOUT_SERVER;
    w.sections = apr_array_make(pconf, 1, sizeof(ap_conf_vector_t *));
    walk_server(&w, main_server, ap_conftree);
    mark_routes(conf, pconf, main_server);
}
