#include "gwb_conf.h"

#include <string.h>

#include <http_log.h>

#include <ap_provider.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "gw_log.h"

APLOG_USE_MODULE(gateway_balancer);

/* One slow start, one trial and the growing ejections of a member. */
#define EJECT_MIN       GW_SEC(1)
#define EJECT_MAX       GW_SEC(30)
#define FAILS_DEFAULT   3
#define SLOW_DEFAULT    GW_SEC(10)
/* A trial whose process died must not keep the member out for long. */
#define TRIAL_MAX       GW_SEC(30)

#define RETRY_DEFAULT   (GATEWAY_RETRY_CONNECT | GATEWAY_RETRY_TLS \
                         | GATEWAY_RETRY_RESET | GATEWAY_RETRY_TIMEOUT)
#define RETRY_BUFFER_DEFAULT 65536
#define QUEUE_DEFAULT   100
#define QUEUE_TIMEOUT_DEFAULT GW_SEC(10)

void *gwb_conf_create_server(apr_pool_t *p, server_rec *s)
{
    gwb_server_conf *conf = apr_pcalloc(p, sizeof(*conf));

    conf->balancers = apr_array_make(p, 4, sizeof(gateway_balancer *));
    conf->growth = GWB_UNSET;
    conf->persist = GWB_UNSET;
    conf->inherit = GWB_UNSET;
    gwb_check_conf_init(&conf->check, p);
    return conf;
}

void *gwb_conf_merge_server(apr_pool_t *p, void *base, void *add)
{
    gwb_server_conf *conf = apr_pmemdup(p, add, sizeof(*conf));
    const gwb_server_conf *main_conf = base;

    conf->base = main_conf;
    if (conf->growth == GWB_UNSET) {
        conf->growth = main_conf->growth;
    }
    if (conf->persist == GWB_UNSET) {
        conf->persist = main_conf->persist;
    }
    if (conf->inherit == GWB_UNSET) {
        conf->inherit = main_conf->inherit;
    }
    return conf;
}

gwb_server_conf *gwb_conf_of_server(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &gateway_balancer_module);
}

const char *gwb_conf_where(const cmd_parms *cmd)
{
    return apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename,
                        cmd->directive->line_num);
}

const char *gwb_conf_server_only(cmd_parms *cmd)
{
    const ap_directive_t *parent = cmd->directive->parent;

    /* only .htaccess files are read with a request's pool for both */
    if (cmd->pool == cmd->temp_pool) {
        return apr_psprintf(cmd->pool, "%s is not allowed in .htaccess "
                            "files: put it at server level or in "
                            "<VirtualHost>", cmd->cmd->name);
    }
    if (parent == NULL
        || strcasecmp(parent->directive, "<VirtualHost") == 0) {
        return NULL;
    }
    return apr_psprintf(cmd->pool, "%s is not allowed in %s>: put it at "
                        "server level or in <VirtualHost>", cmd->cmd->name,
                        parent->directive);
}

/** Names are compared without case, and become part of a cookie's name. */
static const char *normal_name(apr_pool_t *pool, const char *name,
                               const char **perr)
{
    char *lower = apr_pstrdup(pool, name);
    char *c;

    for (c = lower; *c != '\0'; ++c) {
        *c = (char)apr_tolower(*c);
        if (!apr_isalnum(*c) && strchr("._-", *c) == NULL) {
            break;
        }
    }
    if (*c != '\0' || c == lower || c - lower > GWB_NAME_MAX) {
        *perr = apr_psprintf(pool, "'%s' is no name of a balancer: it may "
                             "have letters, digits, '.', '_' and '-'", name);
        return NULL;
    }
    return lower;
}

static gateway_balancer *find_own(const gwb_server_conf *conf,
                                  const char *name)
{
    int i;

    for (i = 0; i < conf->balancers->nelts; ++i) {
        gateway_balancer *b = APR_ARRAY_IDX(conf->balancers, i,
                                            gateway_balancer *);

        if (strcmp(b->name, name) == 0) {
            return b;
        }
    }
    return NULL;
}

static void params_init(gwb_params *params)
{
    params->max_attempts = GWB_UNSET;
    params->sticky.separator = '.';
    params->growth = GWB_UNSET;
    params->force_recovery = 1;
    params->retry_on = RETRY_DEFAULT;
    params->retry_buffer = RETRY_BUFFER_DEFAULT;
    params->queue = QUEUE_DEFAULT;
    params->queue_timeout = QUEUE_TIMEOUT_DEFAULT;
    params->health.fails = FAILS_DEFAULT;
    params->health.eject_min = EJECT_MIN;
    params->health.eject_max = EJECT_MAX;
    params->health.retry_fixed = GW_NEVER;
    params->health.trial_max = TRIAL_MAX;
    params->health.slow_start = SLOW_DEFAULT;
}

/** In a directive of mod_gateway's: httpd makes a virtual host's configuration
 * of this module with the first directive of its own. */
static gwb_server_conf *conf_to_fill(cmd_parms *cmd)
{
    gwb_server_conf *conf = gwb_conf_of_server(cmd->server);

    if (conf == NULL) {
        conf = gwb_conf_create_server(cmd->pool, cmd->server);
        ap_set_module_config(cmd->server->module_config,
                             &gateway_balancer_module, conf);
    }
    return conf;
}

gateway_balancer *gwb_conf_balancer(cmd_parms *cmd, const char *name,
                                    const char **perr)
{
    gwb_server_conf *conf = conf_to_fill(cmd);
    gateway_balancer *b;

    name = normal_name(cmd->pool, name, perr);
    if (name == NULL) {
        return NULL;
    }
    b = find_own(conf, name);
    if (b != NULL) {
        return b;
    }
    b = apr_pcalloc(cmd->pool, sizeof(*b));
    b->name = name;
    b->server = cmd->server;
    b->where = gwb_conf_where(cmd);
    b->given = apr_hash_make(cmd->pool);
    b->members = apr_array_make(cmd->pool, 8, sizeof(gwb_member_conf *));
    params_init(&b->params);
    APR_ARRAY_PUSH(conf->balancers, gateway_balancer *) = b;
    return b;
}

gateway_balancer *gwb_conf_find(const server_rec *s, const char *name)
{
    const gwb_server_conf *conf = gwb_conf_of_server(s);
    gateway_balancer *b = find_own(conf, name);

    if (b == NULL && conf->base != NULL && conf->inherit != 0) {
        b = find_own(conf->base, name);
    }
    return b && b->members->nelts > 0 ? b : NULL;
}

/** Has s a configuration of its own, or shares it the main server's? */
static int is_own(const server_rec *s, const server_rec *main_server)
{
    return s == main_server
           || gwb_conf_of_server(s) != gwb_conf_of_server(main_server);
}

int gwb_conf_each(server_rec *main_server,
                  int (*fn)(gateway_balancer *balancer, void *baton),
                  void *baton)
{
    server_rec *s;
    int rv = OK;
    int i;

    for (s = main_server; s != NULL && rv == OK; s = s->next) {
        const gwb_server_conf *conf = gwb_conf_of_server(s);

        for (i = 0; is_own(s, main_server) && rv == OK
                    && i < conf->balancers->nelts; ++i) {
            rv = fn(APR_ARRAY_IDX(conf->balancers, i, gateway_balancer *),
                    baton);
        }
    }
    return rv;
}

/* --- the freeze --------------------------------------------------------- */

typedef struct freeze freeze;
struct freeze {
    apr_pool_t *pconf;
    apr_pool_t *ptemp;
    server_rec *main_server;
    apr_hash_t *ids;
};

static int fail(const gateway_balancer *b, const char *where,
                const char *text)
{
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, b->server, GWNO(01000)
                 "Configuration error at %s: %s", where, text);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/** Where a parameter was given, else where the balancer begins. */
static const char *where_given(const gateway_balancer *b, const char *name)
{
    const gwb_given *given = apr_hash_get(b->given, name,
                                          APR_HASH_KEY_STRING);

    return given ? given->where : b->where;
}

/** What a restart recognises the balancer by: its server's name, port and
 * first address, and its own name. */
static const char *make_id(freeze *f, const gateway_balancer *b)
{
    const server_rec *s = b->server;
    const server_addr_rec *addr = s->addrs;
    const char *id = s == f->main_server
        ? apr_psprintf(f->pconf, "main/%s", b->name)
        : apr_psprintf(f->pconf, "%s:%d@%s:%d/%s",
                       s->server_hostname ? s->server_hostname : "",
                       s->port,
                       addr && addr->virthost ? addr->virthost : "",
                       addr ? addr->host_port : 0, b->name);

    while (apr_hash_get(f->ids, id, APR_HASH_KEY_STRING) != NULL) {
        id = apr_pstrcat(f->pconf, id, "+", NULL);
    }
    apr_hash_set(f->ids, id, APR_HASH_KEY_STRING, b);
    return id;
}

static const char *known_methods(apr_pool_t *pool)
{
    apr_array_header_t *names = ap_list_provider_names(pool,
        GATEWAY_LBMETHOD_GROUP, GATEWAY_LBMETHOD_VERSION);
    const char *list = "";
    int i;

    for (i = 0; i < names->nelts; ++i) {
        list = apr_pstrcat(pool, list, i ? ", " : "",
                           APR_ARRAY_IDX(names, i, ap_list_provider_names_t)
                           .provider_name, NULL);
    }
    return list;
}

static int freeze_method(freeze *f, gateway_balancer *b)
{
    gwb_params *p = &b->params;

    if (p->lbmethod == NULL) {
        p->lbmethod = "byrequests";
    }
    p->method = ap_lookup_provider(GATEWAY_LBMETHOD_GROUP, p->lbmethod,
                                   GATEWAY_LBMETHOD_VERSION);
    if (p->method != NULL) {
        return OK;
    }
    return fail(b, where_given(b, "lbmethod"),
                apr_psprintf(f->ptemp, "there is no lbmethod=%s: there are "
                             "%s", p->lbmethod, known_methods(f->ptemp)));
}

static const char *default_hash_key(freeze *f, gwb_params *p)
{
    ap_expr_info_t *info = apr_pcalloc(f->pconf, sizeof(*info));

    if (p->hash_key != NULL || strcmp(p->lbmethod, "hash") != 0) {
        return NULL;
    }
    info->filename = __FILE__;
    info->line_number = __LINE__;
    info->module_index = APLOG_MODULE_INDEX;
    info->flags = AP_EXPR_FLAG_STRING_RESULT;
    p->hash_key = info;
    return ap_expr_parse(f->pconf, f->ptemp, info, "%{REMOTE_ADDR}", NULL);
}

static int freeze_members(freeze *f, gateway_balancer *b)
{
    const gwb_server_conf *conf = gwb_conf_of_server(b->server);
    const gwb_server_conf *base = gwb_conf_of_server(f->main_server);
    int i;

    for (i = 0; i < b->members->nelts; ++i) {
        gwb_member_conf *m = APR_ARRAY_IDX(b->members, i, gwb_member_conf *);
        const char *err = gwb_check_complete(f->pconf, &m->check,
                                             &conf->check, &base->check);

        if (err == NULL && (m->settings.flags & GWB_CHECK_FAILED)
            && !gwb_check_wanted(&m->check)) {
            err = "status=+C waits for a health check: add hcmethod=";
        }
        if (err != NULL) {
            return fail(b, m->check.where ? m->check.where : m->where, err);
        }
        m->health = b->params.health;
        if (m->retry != GWB_UNSET) {
            m->health.retry_fixed = m->retry;
        }
        if (m->slow_start != GWB_UNSET) {
            m->health.slow_start = m->slow_start;
        }
    }
    return OK;
}

/** Parameters without a member are those of nobody. */
static int refuse_empty(freeze *f, gateway_balancer *b)
{
    const gwb_server_conf *main_conf = gwb_conf_of_server(f->main_server);
    gateway_balancer *other = b->server == f->main_server
                              ? NULL : find_own(main_conf, b->name);

    if (other == NULL || other->members->nelts == 0) {
        return fail(b, b->where,
                    apr_psprintf(f->ptemp, "balancer://%s has no member: "
                                 "add a GatewayMember", b->name));
    }
    if (apr_hash_count(b->given) == 0) {
        return OK;
    }
    return fail(b, b->where,
                apr_psprintf(f->ptemp, "balancer://%s has its members "
                             "outside of this <VirtualHost> (%s): put its "
                             "parameters there too", b->name, other->where));
}

static int freeze_balancer(gateway_balancer *b, void *baton)
{
    freeze *f = baton;
    const gwb_server_conf *conf = gwb_conf_of_server(b->server);
    gwb_params *p = &b->params;
    const char *err;
    int rv;

    if (b->members->nelts == 0) {
        return refuse_empty(f, b);
    }
    b->id = make_id(f, b);
    b->persist = conf->persist == 1;
    if (p->growth == GWB_UNSET) {
        p->growth = conf->growth == GWB_UNSET ? GWB_GROWTH_DEFAULT
                                              : conf->growth;
    }
    rv = freeze_method(f, b);
    if (rv != OK) {
        return rv;
    }
    err = default_hash_key(f, p);
    if (err != NULL) {
        return fail(b, b->where, err);
    }
    if (p->sticky.own && (p->sticky.cookie || p->sticky.param)) {
        return fail(b, where_given(b, "sticky"), "sticky= and "
                    "stickysession= contradict each other: keep one of them");
    }
    return freeze_members(f, b);
}

int gwb_conf_freeze(apr_pool_t *pconf, apr_pool_t *ptemp,
                    server_rec *main_server)
{
    freeze f = { pconf, ptemp, main_server, apr_hash_make(ptemp) };

    return gwb_conf_each(main_server, freeze_balancer, &f);
}
