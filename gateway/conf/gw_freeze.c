/**
 * gw_freeze: turns what the directives left into immutable tables.
 *
 * One thread, once per reading of the configuration, before any child
 * exists. Rules are copied for each virtual host, since the same rule of the
 * main server may have other options there; a virtual host that changes
 * nothing shares the main server's table.
 */
#include <string.h>

#include <ap_listen.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_main.h>

#include <apr_hash.h>
#include <apr_md5.h>
#include <apr_network_io.h>
#include <apr_strings.h>

#include "gw_backend.h"
#include "gw_conf_private.h"
#include "gw_keys.h"
#include "gw_log.h"
#include "gw_member.h"
#include "gw_path.h"
#include "gw_upgrade.h"

APLOG_USE_MODULE(gateway);

/* Longest wait for one address of a backend when nothing else is said: two
 * lost SYNs are repeated after 1 and 3 seconds, a third after 7. */
#define CONNECT_TIMEOUT_DEFAULT GW_SEC(10)

/* Names of backends in one start-up warning. */
#define NAMES_MAX 5

/** What is to be logged at each start. */
typedef struct gw_notice gw_notice;
struct gw_notice {
    int level;
    const char *text;
};

/** The origins that one GatewaySSLVerify none is for. */
typedef struct unverified unverified;
struct unverified {
    const char *names;
    int count;
};

typedef struct freeze freeze;
struct freeze {
    apr_pool_t *pconf;
    apr_pool_t *ptemp;
    apr_array_header_t *notices;    /* gw_notice */
    apr_hash_t *origins;            /* key -> gw_origin * */
    apr_hash_t *unverified;         /* verify_where -> unverified * */
    /* of the server at hand */
    const server_rec *server;
    const gw_server_conf *conf;
    const gw_ssl_conf *ssl;         /* the server's default */
    gw_time timeout;
};

/** A backend as it was written, by a rule or a member. */
typedef struct written written;
struct written {
    const gw_url *url;
    const gw_keys *keys;
    const char *where;
};

/** Everything that decides how a rule's connections are made. */
typedef struct effective effective;
struct effective {
    gw_keys keys;
    gw_ssl_conf ssl;
};

static int __attribute__((format(printf, 3, 4)))
fail(const freeze *f, const char *where, const char *fmt, ...)
{
    va_list ap;
    const char *text;

    va_start(ap, fmt);
    text = apr_pvsprintf(f->ptemp, fmt, ap);
    va_end(ap);
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, f->server,
                 GWNO(00300) "Configuration error at %s: %s", where, text);
    return HTTP_INTERNAL_SERVER_ERROR;
}

static void __attribute__((format(printf, 3, 4)))
notice(const freeze *f, int level, const char *fmt, ...)
{
    gw_notice *n = apr_array_push(f->notices);
    va_list ap;

    va_start(ap, fmt);
    n->level = level;
    n->text = apr_pvsprintf(f->pconf, fmt, ap);
    va_end(ap);
}

/** The options for a URL: sections and GatewaySet, then its own keys. */
static void overlay(const freeze *f, const gw_url *url, const gw_keys *own,
                    effective *e)
{
    const char *text = gw_url_text(f->ptemp, url);
    char *path = NULL;
    int i;

    gw_keys_init(&e->keys);
    e->ssl = *f->ssl;
    if (gw_path_decode(f->ptemp, url->path, &path, NULL) != GW_PATH_OK) {
        path = apr_pstrdup(f->ptemp, url->path);
    }
    if (*path == '\0') {
        path = apr_pstrdup(f->ptemp, "/");
        text = apr_pstrcat(f->ptemp, text, "/", NULL);
    }
    for (i = 0; i < f->conf->overlays->nelts; ++i) {
        gw_overlay *o = APR_ARRAY_IDX(f->conf->overlays, i, gw_overlay *);

        if (gw_section_matches(o->section, url, path, text)) {
            o->used = 1;
            gw_keys_overlay(&e->keys, o->keys);
            if (o->ssl != NULL) {
                gw_ssl_conf_overlay(&e->ssl, o->ssl);
            }
        }
    }
    gw_keys_overlay(&e->keys, own);
}

static gw_time min_time(gw_time a, gw_time b)
{
    return a < b ? a : b;
}

static int or_default(int value, int standard)
{
    return value == GW_UNSET ? standard : value;
}

static void set_conn_opts(const freeze *f, gw_conn_opts *conn,
                          const gw_keys *k)
{
    conn->timeout = k->timeout == GW_UNSET ? f->timeout : k->timeout;
    conn->connect_timeout = k->connect_timeout == GW_UNSET
                            ? min_time(conn->timeout, CONNECT_TIMEOUT_DEFAULT)
                            : k->connect_timeout;
    conn->ttl = k->ttl == GW_UNSET ? 0 : k->ttl;
    conn->maxperchild = or_default(k->maxperchild, 0);
    conn->max = or_default(k->max, 0);
    conn->queue = or_default(k->queue, GW_QUEUE_DEFAULT);
    conn->queue_timeout = k->queue_timeout == GW_UNSET
                          ? conn->connect_timeout : k->queue_timeout;
    conn->disablereuse = or_default(k->disablereuse, 0);
    conn->upgrade = k->upgrade ? k->upgrade : GW_UPGRADE_WEBSOCKET;
    conn->tunnel_timeout = k->tunnel_timeout == GW_UNSET
                           ? GW_TUNNEL_IDLE_DEFAULT : k->tunnel_timeout;
}

static const char *or_none(const char *s)
{
    return s ? s : "-";
}

static void set_tls_params(const gw_url *url, const effective *e,
                           gw_tls_params *tls)
{
    const gw_keys *k = &e->keys;
    gw_addrset *ip;

    memset(tls, 0, sizeof(*tls));
    tls->verify = or_default(e->ssl.verify, 1);
    if (tls->verify) {
        tls->ca_file = e->ssl.ca_file;
        tls->ca_path = e->ssl.ca_path;
    }
    tls->sni = k->sni ? k->sni : url->host_is_ip ? NULL : url->host;
    tls->name = k->verifyname ? k->verifyname : url->host;
    ip = gw_addrset_literal(tls->name);
    tls->name_is_ip = ip != NULL;
    gw_addrset_release(&ip);
}

/** Keep a backend whose certificate nobody looks at for the warning. */
static void note_unverified(freeze *f, const gw_origin *origin,
                            const gw_ssl_conf *ssl)
{
    const char *where = or_none(ssl->verify_where);
    unverified *u = apr_hash_get(f->unverified, where, APR_HASH_KEY_STRING);

    if (u == NULL) {
        u = apr_pcalloc(f->ptemp, sizeof(*u));
        u->names = "";
        apr_hash_set(f->unverified, where, APR_HASH_KEY_STRING, u);
        if (ssl->ca_file != NULL || ssl->ca_path != NULL) {
            notice(f, APLOG_NOTICE, GWNO(00305) "GatewaySSLVerify none at %s "
                   "leaves the CA certificates given at %s without effect",
                   where, or_none(ssl->ca_where));
        }
    }
    if (u->count++ < NAMES_MAX) {
        u->names = apr_pstrcat(f->ptemp, u->names, *u->names ? ", " : "",
                               origin->name, NULL);
    }
}

static void set_identity(const gw_url *url, const effective *e,
                         gw_identity *id)
{
    memset(id, 0, sizeof(*id));
    id->keepalive = or_default(e->keys.keepalive, 0);
    id->tls = strcmp(url->scheme, "https") == 0;
    if (id->tls) {
        set_tls_params(url, e, &id->params);
    }
}

/** A new origin; f->origins does not have it yet. */
static int make_origin(freeze *f, const written *b, const effective *e,
                       const gw_identity *id, gw_origin **porigin)
{
    const char *where = b->where;
    const char *why;
    gw_origin *o = gw_backend_origin(f->pconf, b->url, id, &why);

    if (o == NULL) {
        if (id->params.ca_file || id->params.ca_path) {
            where = e->ssl.ca_where;
        }
        return fail(f, where, "%s", why);
    }
    if (id->tls && !id->params.verify) {
        note_unverified(f, o, &e->ssl);
    }
    apr_hash_set(f->origins, o->key, APR_HASH_KEY_STRING, o);
    *porigin = o;
    return OK;
}

/** Its origin, made or found, and the options of its connections. */
static int freeze_backend(freeze *f, const written *b, effective *e,
                          gw_identity *id, gw_origin **porigin,
                          gw_conn_opts *conn)
{
    const char *key;

    overlay(f, b->url, b->keys, e);
    set_conn_opts(f, conn, &e->keys);
    set_identity(b->url, e, id);
    key = gw_backend_key(f->ptemp, b->url, id);
    *porigin = apr_hash_get(f->origins, key, APR_HASH_KEY_STRING);
    return *porigin ? OK : make_origin(f, b, e, id, porigin);
}

/** A rule that points to a balancer knows no origin: members do. */
static int freeze_balancer(freeze *f, gw_rule *rule)
{
    gw_route *route = &rule->route;
    const gateway_balancer_provider *provider = gw_member_provider();

    route->reverse = rule->implies && or_default(rule->keys.reverse, 1);
    route->destination = gw_url_origin(f->pconf, route->url);
    route->balancer = provider->find((server_rec *)f->server,
                                     route->url->host);
    if (route->balancer == NULL) {
        return fail(f, route->where, "there is no <Gateway balancer://%s> "
                    "with a GatewayMember", route->url->host);
    }
    return OK;
}

static int freeze_rule(freeze *f, gw_rule *rule)
{
    gw_route *route = &rule->route;
    written b = { route->url, &rule->keys, route->where };
    gw_identity id;
    effective e;
    int rv;

    if (route->exclude) {
        return OK;
    }
    if (gw_member_is_balancer(route->url)) {
        return freeze_balancer(f, rule);
    }
    rv = freeze_backend(f, &b, &e, &id, &route->origin, &route->conn);
    route->destination = route->origin ? route->origin->name : NULL;
    route->reverse = rule->implies && or_default(e.keys.reverse, 1);
    return rv;
}

/** What the members of balancers were read into. */
static int freeze_targets(freeze *f)
{
    int i;

    for (i = 0; i < f->conf->targets->nelts; ++i) {
        gateway_target *t = APR_ARRAY_IDX(f->conf->targets, i,
                                          gateway_target *);
        written b = { t->url, &t->keys, t->where };
        effective e;
        int rv = freeze_backend(f, &b, &e, &t->identity, &t->origin,
                                &t->conn);

        if (t->keys.queue == GW_UNSET) {
            /* who finds it full goes to another one, or waits for any */
            t->conn.queue = 0;
        }
        if (rv != OK) {
            return rv;
        }
    }
    return OK;
}

/**
 * The server's rules, each a copy that belongs to it. A rule of the virtual
 * host replaces one of the main server for the same path: else an exclusion
 * there, for one, could not be taken back here.
 */
static apr_array_header_t *own_copies(const freeze *f)
{
    const apr_array_header_t *all = f->conf->rules;
    apr_array_header_t *rules = apr_array_make(f->pconf, all->nelts + 1,
                                               sizeof(gw_route *));
    apr_hash_t *own = apr_hash_make(f->ptemp);
    int i;

    for (i = 0; i < all->nelts; ++i) {
        const gw_rule *from = (const gw_rule *)
                              APR_ARRAY_IDX(all, i, const gw_route *);
        const char *key = apr_psprintf(f->ptemp, "%d %s",
                                       (int)from->route.kind,
                                       from->route.prefix);
        gw_rule *rule;

        if (i < f->conf->own_rules) {
            apr_hash_set(own, key, APR_HASH_KEY_STRING, from);
        }
        else if (apr_hash_get(own, key, APR_HASH_KEY_STRING) != NULL) {
            continue;
        }
        rule = apr_pmemdup(f->pconf, from, sizeof(*from));
        rule->route.order = rules->nelts;
        APR_ARRAY_PUSH(rules, gw_route *) = &rule->route;
    }
    return rules;
}

static void report_never(void *baton, const gw_route *never,
                         const gw_route *winner)
{
    const freeze *f = baton;

    /* an inherited rule is reported where it stands */
    if (f->server->is_virtual && never->order >= f->conf->own_rules) {
        return;
    }
    notice(f, APLOG_NOTICE, GWNO(00303) "the rule for %s at %s can never "
           "match: the one for %s at %s always wins", never->name,
           never->where, winner->name, winner->where);
}

static int regex_match(const gw_route *route, const char *path,
                       gw_match *match)
{
    ap_regmatch_t groups[GW_CAPTURES_MAX];
    int i;

    if (ap_regexec(route->regex, path, GW_CAPTURES_MAX, groups, 0) != 0) {
        return 0;
    }
    for (i = 0; i < GW_CAPTURES_MAX; ++i) {
        match->captures[i].so = groups[i].rm_so;
        match->captures[i].eo = groups[i].rm_eo;
    }
    match->ncaptures = GW_CAPTURES_MAX;
    return 1;
}

static int freeze_routes(freeze *f, gw_server_conf *conf)
{
    apr_array_header_t *rules = own_copies(f);
    int i;

    if (apr_is_empty_array(rules)) {
        return OK;
    }
    for (i = 0; i < rules->nelts; ++i) {
        gw_route *route = APR_ARRAY_IDX(rules, i, gw_route *);
        int rv = freeze_rule(f, (gw_rule *)route);

        if (rv != OK) {
            return rv;
        }
    }
    conf->routes = gw_routes_build(f->pconf, (gw_route *const *)rules->elts,
                                   rules->nelts,
                                   conf->pass_order == GW_ORDER_FILE
                                   ? GW_ORDER_FILE : GW_ORDER_LONGEST,
                                   regex_match);
    conf->frozen = rules;
    gw_routes_unreachable(conf->routes, f->ptemp, report_never, f);
    return OK;
}

/**
 * A name for Via that stays the same over restarts and in all children, and
 * that no other gateway in a row has: not one of the same name on another
 * machine or port, nor another virtual host here.
 */
static const char *make_pseudonym(const freeze *f, int number)
{
    char host[APRMAXHOSTLEN + 1] = "";
    unsigned char digest[APR_MD5_DIGESTSIZE];
    const ap_listen_rec *l;
    const char *text;

    apr_gethostname(host, sizeof(host), f->ptemp);
    text = apr_psprintf(f->ptemp, "%s %s %d %s:%u %s:%d", host,
                        ap_server_root, number,
                        or_none(f->server->defn_name),
                        f->server->defn_line_number,
                        or_none(f->server->server_hostname),
                        (int)f->server->port);
    for (l = ap_listeners; l != NULL; l = l->next) {
        char ip[64] = "";

        if (l->bind_addr != NULL) {
            apr_sockaddr_ip_getbuf(ip, sizeof(ip), l->bind_addr);
            text = apr_psprintf(f->ptemp, "%s %s:%d", text, ip,
                                (int)l->bind_addr->port);
        }
    }
    apr_md5(digest, text, strlen(text));
    return apr_psprintf(f->pconf, "gw-%02x%02x%02x%02x", digest[0],
                        digest[1], digest[2], digest[3]);
}

static int same_ssl(const gw_ssl_conf *a, const gw_ssl_conf *b)
{
    return a->verify == b->verify && a->ca_file == b->ca_file
           && a->ca_path == b->ca_path;
}

static const gw_ssl_conf *default_ssl(const server_rec *s)
{
    const gw_dir_conf *dir = ap_get_module_config(s->lookup_defaults,
                                                  &gateway_module);

    return &dir->ssl;
}

/** Would the virtual host's table be the main server's? */
static int adds_nothing(const freeze *f, const gw_server_conf *conf,
                        const server_rec *main_server)
{
    const gw_server_conf *base = gw_conf_of_server(main_server);

    return conf->own_rules == 0
           && conf->overlays->nelts == base->overlays->nelts
           && conf->pass_order == base->pass_order
           && f->timeout == (base->timeout == GW_UNSET ? main_server->timeout
                                                       : base->timeout)
           && same_ssl(f->ssl, default_ssl(main_server));
}

static int freeze_server(freeze *f, server_rec *s, server_rec *main_server,
                         int number)
{
    gw_server_conf *conf = gw_conf_of_server(s);
    int rv;

    if (s != main_server && conf == gw_conf_of_server(main_server)) {
        /* no directive of ours in there: httpd shares the main server's */
        conf = apr_pmemdup(f->pconf, conf, sizeof(*conf));
        conf->own_rules = 0;
        conf->targets = apr_array_make(f->pconf, 1, sizeof(gateway_target *));
        ap_set_module_config(s->module_config, &gateway_module, conf);
    }
    if (s == main_server) {
        conf->own_rules = conf->rules->nelts;
    }
    f->server = s;
    f->conf = conf;
    f->ssl = default_ssl(s);
    f->timeout = conf->timeout == GW_UNSET ? s->timeout : conf->timeout;
    conf->pseudonym = make_pseudonym(f, number);
    rv = freeze_targets(f);
    if (rv != OK) {
        return rv;
    }
    if (s != main_server && adds_nothing(f, conf, main_server)) {
        conf->routes = gw_conf_of_server(main_server)->routes;
        return OK;
    }
    return freeze_routes(f, conf);
}

/** Sections and GatewaySet that no rule wanted. */
static int check_overlays(freeze *f, server_rec *s)
{
    int i;

    f->server = s;
    f->conf = gw_conf_of_server(s);
    for (i = 0; i < f->conf->overlays->nelts; ++i) {
        gw_overlay *o = APR_ARRAY_IDX(f->conf->overlays, i, gw_overlay *);

        if (o->used) {
            continue;
        }
        if (o->ssl == NULL) {
            return fail(f, o->section->where, "GatewaySet %s matches the URL "
                        "of no GatewayPass: correct the URL or remove it",
                        o->section->url);
        }
        o->used = 1;
        if (!o->section->wildcard) {
            notice(f, APLOG_NOTICE, GWNO(00306) "<Gateway %s> at %s matches "
                   "the URL of no GatewayPass", o->section->url,
                   o->section->where);
        }
    }
    return OK;
}

static void warn_unverified(freeze *f)
{
    apr_hash_index_t *hi;

    for (hi = apr_hash_first(f->ptemp, f->unverified); hi != NULL;
         hi = apr_hash_next(hi)) {
        const unverified *u = apr_hash_this_val(hi);
        const char *more = u->count > NAMES_MAX
                           ? apr_psprintf(f->ptemp, " and %d more",
                                          u->count - NAMES_MAX) : "";

        notice(f, APLOG_WARNING, GWNO(00304) "GatewaySSLVerify none at %s: "
               "anyone between here and %s%s can pose as the backend",
               (const char *)apr_hash_this_key(hi), u->names, more);
    }
}

int gw_conf_freeze(apr_pool_t *pconf, apr_pool_t *ptemp,
                   server_rec *main_server)
{
    gw_server_conf *main_conf = gw_conf_of_server(main_server);
    freeze f = { pconf, ptemp };
    server_rec *s;
    int number = 0;
    int rv = OK;

    f.notices = apr_array_make(pconf, 4, sizeof(gw_notice));
    f.origins = apr_hash_make(pconf);
    f.unverified = apr_hash_make(ptemp);
    for (s = main_server; s != NULL && rv == OK; s = s->next) {
        rv = freeze_server(&f, s, main_server, number++);
    }
    for (s = main_server; s != NULL && rv == OK; s = s->next) {
        rv = check_overlays(&f, s);
    }
    if (rv == OK) {
        warn_unverified(&f);
        main_conf->notices = f.notices;
        main_conf->origins = f.origins;
    }
    return rv;
}

void gw_conf_announce(apr_pool_t *ptemp, server_rec *main_server)
{
    const gw_server_conf *conf = gw_conf_of_server(main_server);
    int i;

    for (i = 0; conf->notices && i < conf->notices->nelts; ++i) {
        const gw_notice *n = &APR_ARRAY_IDX(conf->notices, i, gw_notice);

        ap_log_error(APLOG_MARK, n->level, 0, main_server, "%s", n->text);
    }
}
