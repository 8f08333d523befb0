#include "gwb_cmds.h"

#include <string.h>

#include <apr_strings.h>

#include "gwb_conf.h"
#include "gwb_keys.h"
#include "gwb_named.h"

#define SCHEME "balancer://"
#define SCHEME_LEN 11

/** The name out of balancer://name, or NULL. */
static const char *name_of(apr_pool_t *pool, const char *url)
{
    const char *name;

    if (url == NULL || strncasecmp(url, SCHEME, SCHEME_LEN) != 0) {
        return NULL;
    }
    name = url + SCHEME_LEN;
    return apr_pstrmemdup(pool, name, strcspn(name, "/"));
}

const char *gwb_cmds_key(cmd_parms *cmd, const char *name, const char *word)
{
    const char *err = NULL;
    gateway_balancer *b = gwb_conf_balancer(cmd, name, &err);

    return b ? gwb_keys_balancer(cmd, b, word) : err;
}

/**
 * The balancer that a GatewayMember is for: the section's, or its first word
 * outside of sections.
 */
static const char *member_of(cmd_parms *cmd, const char **pargs,
                             const char **pname)
{
    const ap_directive_t *parent = cmd->directive->parent;
    const char *args = *pargs;
    const char *first = name_of(cmd->pool, ap_getword_conf(cmd->pool, &args));

    if (parent != NULL && strcasecmp(parent->directive, "<Gateway") == 0
        && cmd->pool != cmd->temp_pool) {
        *pname = name_of(cmd->pool, cmd->path);
        if (*pname == NULL) {
            return apr_psprintf(cmd->pool, "GatewayMember belongs into "
                                "<Gateway balancer://name>, not into "
                                "<Gateway %s>", cmd->path);
        }
        return first ? "GatewayMember takes the balancer from the <Gateway> "
                       "around it: leave it out" : NULL;
    }
    if (gwb_conf_server_only(cmd) != NULL) {
        return apr_psprintf(cmd->pool, "GatewayMember is not allowed %s: put "
                            "it into <Gateway balancer://name>, or with "
                            "balancer://name as its first word at server "
                            "level or in <VirtualHost>",
                            cmd->pool == cmd->temp_pool
                            ? "in .htaccess files"
                            : apr_pstrcat(cmd->pool, "in ",
                                          parent->directive, ">", NULL));
    }
    if (first == NULL) {
        return "GatewayMember needs the balancer as its first word here, as "
               "in GatewayMember balancer://name http://host:8080; in "
               "<Gateway balancer://name> it does without";
    }
    *pname = first;
    *pargs = args;
    return NULL;
}

/** Is it there already? */
static const char *check_new(cmd_parms *cmd, const gateway_balancer *b,
                             const gwb_member_conf *m)
{
    int i;

    if (strlen(m->url) >= GWB_URL_MAX) {
        return apr_psprintf(cmd->pool, "the URL of a member may have %d "
                            "bytes at most", GWB_URL_MAX - 1);
    }
    for (i = 0; i < b->members->nelts; ++i) {
        const gwb_member_conf *old = APR_ARRAY_IDX(b->members, i,
                                                   gwb_member_conf *);

        if (strcmp(old->url, m->url) == 0) {
            return apr_psprintf(cmd->pool, "%s is a member of balancer://%s "
                                "already (%s)", m->url, b->name, old->where);
        }
    }
    return NULL;
}

/** The URL of a new member. */
static const char *read_url(cmd_parms *cmd, const gateway_balancer *b,
                            const char *word, gwb_member_conf *m)
{
    APR_OPTIONAL_FN_TYPE(gateway_target_read) *target_read
        = APR_RETRIEVE_OPTIONAL_FN(gateway_target_read);
    APR_OPTIONAL_FN_TYPE(gateway_target_url) *target_url
        = APR_RETRIEVE_OPTIONAL_FN(gateway_target_url);
    const char *read = word;
    const char *err;

    if (target_read == NULL || target_url == NULL) {
        return "GatewayMember needs mod_gateway: add LoadModule "
               "gateway_module";
    }
    if (*word == '\0' || (strchr(word, '=') && !strstr(word, "://"))) {
        return "GatewayMember needs the URL of a backend, such as "
               "http://host:8080";
    }
    err = gwb_named_scheme(cmd->pool, m, &read);
    if (err == NULL) {
        err = target_read(cmd, read, &m->target);
    }
    if (err != NULL) {
        return err;
    }
    m->url = gwb_value_url(cmd->pool, m->names == GWB_NAMES_SRV
                                      ? word : target_url(m->target));
    return check_new(cmd, b, m);
}

static const char *cmd_member(cmd_parms *cmd, void *mconfig, const char *args)
{
    gwb_member_conf *m = apr_pcalloc(cmd->pool, sizeof(*m));
    gateway_balancer *b = NULL;
    const char *name = NULL;
    const char *err = member_of(cmd, &args, &name);

    if (err == NULL) {
        b = gwb_conf_balancer(cmd, name, &err);
    }
    if (b == NULL) {
        return err;
    }
    m->where = gwb_conf_where(cmd);
    m->retry = GWB_UNSET;
    m->slow_start = GWB_UNSET;
    gwb_keys_settings_init(&m->settings);
    gwb_check_params_init(&m->check);
    err = read_url(cmd, b, ap_getword_conf(cmd->pool, &args), m);
    while (err == NULL && *args != '\0') {
        err = gwb_keys_member(cmd, m, ap_getword_conf(cmd->pool, &args));
    }
    if (err == NULL) {
        err = gwb_named_complete(cmd->pool, m);
    }
    if (err == NULL && b->members->nelts >= GWB_MEMBERS_MAX) {
        err = apr_psprintf(cmd->pool, "a balancer can have %d members at "
                           "most", GWB_MEMBERS_MAX);
    }
    if (err == NULL) {
        APR_ARRAY_PUSH(b->members, gwb_member_conf *) = m;
    }
    return err;
}

static const char *cmd_growth(cmd_parms *cmd, void *mconfig, const char *arg)
{
    gwb_server_conf *conf = gwb_conf_of_server(cmd->server);
    const char *err = gwb_conf_server_only(cmd);

    return err ? err : gwb_value_number(cmd->pool, cmd->cmd->name, arg, 0,
                                        GWB_GROWTH_MAX, &conf->growth);
}

static const char *cmd_persist(cmd_parms *cmd, void *mconfig, int on)
{
    gwb_conf_of_server(cmd->server)->persist = on;
    return gwb_conf_server_only(cmd);
}

static const char *cmd_inherit(cmd_parms *cmd, void *mconfig, int on)
{
    gwb_conf_of_server(cmd->server)->inherit = on;
    return gwb_conf_server_only(cmd);
}

/* Not only where httpd would allow it: where it is misplaced, the message
   that says so is ours. */
#define ANYWHERE (RSRC_CONF | ACCESS_CONF | OR_FILEINFO)

const command_rec gwb_cmds[] = {
    AP_INIT_RAW_ARGS("GatewayMember", cmd_member, NULL, ANYWHERE,
                     "balancer://name (not in <Gateway>), URL of a backend "
                     "and key=value parameters"),
    AP_INIT_TAKE1("GatewayBalancerGrowth", cmd_growth, NULL, ANYWHERE,
                  "how many members can be added to each balancer at run "
                  "time"),
    AP_INIT_FLAG("GatewayBalancerPersist", cmd_persist, NULL, ANYWHERE,
                 "On to keep changes of run time over a stop of the server"),
    AP_INIT_FLAG("GatewayBalancerInherit", cmd_inherit, NULL, ANYWHERE,
                 "Off to hide the main server's balancers from a virtual "
                 "host"),
    AP_INIT_RAW_ARGS("GatewayHCExpr", gwb_check_cmd_expr, NULL, ANYWHERE,
                     "name and {expression}: when a health check passes"),
    AP_INIT_RAW_ARGS("GatewayHCTemplate", gwb_check_cmd_template, NULL,
                     ANYWHERE, "name and hc*=value parameters"),
    AP_INIT_TAKE1("GatewayHCTPsize", gwb_check_cmd_tpsize, NULL, ANYWHERE,
                  "how many health checks may run at once"),
    { NULL }
};
