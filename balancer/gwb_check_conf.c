#include "gwb_check_conf.h"

#include <string.h>

#include <http_log.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "gw_str.h"
#include "gwb_conf.h"

APLOG_USE_MODULE(gateway_balancer);

#define INTERVAL_LEAST  GW_MSEC(100)
#define COUNT_MOST      1000
#define CONCURRENT_MOST 1024

const char *const gwb_check_keys[] = {
    "hcmethod", "hcinterval", "hctimeout", "hcpasses", "hcfails", "hcuri",
    "hcstatus", "hcexpr", "hchost", "hcheader", "hcport", "hctemplate", NULL
};

static const struct {
    const char *name;
    gwb_check_method method;
    int minor;
} methods[] = {
    { "none", GWB_CHECK_NONE, 0 },
    { "TCP", GWB_CHECK_TCP, 0 },
    { "OPTIONS", GWB_CHECK_OPTIONS, 0 },
    { "HEAD", GWB_CHECK_HEAD, 0 },
    { "GET", GWB_CHECK_GET, 0 },
    { "OPTIONS11", GWB_CHECK_OPTIONS, 1 },
    { "HEAD11", GWB_CHECK_HEAD, 1 },
    { "GET11", GWB_CHECK_GET, 1 },
    { NULL, GWB_CHECK_NONE, 0 }
};

void gwb_check_params_init(gwb_check_params *params)
{
    memset(params, 0, sizeof(*params));
    params->method = GWB_CHECK_UNSET;
    params->interval = GWB_UNSET;
    params->timeout = GWB_UNSET;
    params->passes = GWB_UNSET;
    params->fails = GWB_UNSET;
    params->port = GWB_UNSET;
}

void gwb_check_conf_init(gwb_check_conf *conf, apr_pool_t *pool)
{
    conf->exprs = apr_hash_make(pool);
    conf->templates = apr_hash_make(pool);
    conf->concurrent = GWB_UNSET;
}

static const char *read_method(apr_pool_t *pool, gwb_check_params *params,
                               const char *value)
{
    int i;

    for (i = 0; methods[i].name != NULL; ++i) {
        if (strcasecmp(methods[i].name, value) == 0) {
            params->method = methods[i].method;
            params->minor = methods[i].minor;
            return NULL;
        }
    }
    if (strcasecmp(value, "CPING") == 0) {
        return "hcmethod=CPING is not built yet: it belongs to AJP; use TCP, "
               "or GET with hcuri=";
    }
    return apr_psprintf(pool, "hcmethod= must be none, TCP, OPTIONS, HEAD, "
                        "GET, OPTIONS11, HEAD11 or GET11 (with 11 HTTP/1.1 "
                        "is spoken), not '%s'", value);
}

static const char *read_interval(apr_pool_t *pool, gwb_check_params *params,
                                 const char *value)
{
    const char *err = gwb_value_time(pool, "hcinterval", value, "s", 0,
                                     &params->interval);

    return err == NULL && params->interval < INTERVAL_LEAST
           ? "hcinterval= must be 100ms at least" : err;
}

/** Visible characters, and blanks if they may be inside. */
static int is_clean(const char *value, int blanks)
{
    for (; *value != '\0'; ++value) {
        if (!gw_is_field_char((unsigned char)*value)
            || (!blanks && (*value == ' ' || *value == '\t'))) {
            return 0;
        }
    }
    return 1;
}

static const char *read_uri(apr_pool_t *pool, gwb_check_params *params,
                            const char *value)
{
    if ((*value != '/' && *value != '?') || !is_clean(value, 0)
        || strchr(value, '#') != NULL) {
        return apr_psprintf(pool, "hcuri= must be a path that is added to "
                            "the member's URL, such as /health, not '%s'",
                            value);
    }
    params->uri = apr_pstrdup(pool, value);
    return NULL;
}

static const char *read_host(apr_pool_t *pool, gwb_check_params *params,
                             const char *value)
{
    if (*value == '\0' || value[strspn(value, "abcdefghijklmnopqrstuvwxyz"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789.-_:[]")] != '\0') {
        return apr_psprintf(pool, "hchost= must be a host name, with :port "
                            "if need be, not '%s'", value);
    }
    params->host = apr_pstrdup(pool, value);
    return NULL;
}

/** Fields that say where a message ends or whom it is for. */
static int is_ours(gw_str name)
{
    return gw_str_is(name, "host") || gw_str_is(name, "content-length")
           || gw_str_is(name, "transfer-encoding")
           || gw_str_is(name, "connection");
}

static const char *read_header(apr_pool_t *pool, gwb_check_params *params,
                               const char *value)
{
    const char *colon = strchr(value, ':');
    gw_str name = { value, colon ? (apr_size_t)(colon - value) : 0 };
    gw_str text;

    if (colon == NULL || !gw_str_is_token(name) || !is_clean(colon, 1)) {
        return apr_psprintf(pool, "hcheader= must be a header field, as in "
                            "\"hcheader=X-Check: 1\" with the quotes around "
                            "both, not '%s'", value);
    }
    if (is_ours(name)) {
        return apr_psprintf(pool, "hcheader= cannot set %s%s",
                            gw_str_dup(pool, name),
                            gw_str_is(name, "host") ? ": use hchost=" : "");
    }
    if (params->headers == NULL) {
        params->headers = apr_array_make(pool, 4, sizeof(const char *));
    }
    text = gw_str_trim(gw_str_of(colon + 1));
    APR_ARRAY_PUSH(params->headers, const char *) = gw_str_dup(pool, name);
    APR_ARRAY_PUSH(params->headers, const char *) = gw_str_dup(pool, text);
    return NULL;
}

/** How often in a row; mod_proxy takes 0 for 1. */
static const char *read_count(apr_pool_t *pool, const char *name,
                              const char *value, int *pcount)
{
    const char *err = gwb_value_number(pool, name, value, 0, COUNT_MOST,
                                       pcount);

    if (err == NULL && *pcount == 0) {
        *pcount = 1;
    }
    return err;
}

const char *gwb_check_key(cmd_parms *cmd, gwb_check_params *params,
                          const char *name, const char *value, int *pmine)
{
    apr_pool_t *pool = cmd->pool;
    int i = 0;

    while (gwb_check_keys[i] && strcmp(gwb_check_keys[i], name) != 0) {
        ++i;
    }
    *pmine = gwb_check_keys[i] != NULL;
    if (!*pmine) {
        return NULL;
    }
    if (params->where == NULL) {
        params->where = apr_psprintf(pool, "%s (%s=)", gwb_conf_where(cmd),
                                     name);
    }
    switch (i) {
    case 0:
        return read_method(pool, params, value);
    case 1:
        return read_interval(pool, params, value);
    case 2:
        return gwb_value_time(pool, name, value, "s", 0, &params->timeout);
    case 3:
        return read_count(pool, name, value, &params->passes);
    case 4:
        return read_count(pool, name, value, &params->fails);
    case 5:
        return read_uri(pool, params, value);
    case 6:
        return gwb_value_codes(pool, name, value, &params->status);
    case 7:
        return gwb_value_word(pool, name, value, &params->expr_name);
    case 8:
        return read_host(pool, params, value);
    case 9:
        return read_header(pool, params, value);
    case 10:
        return gwb_value_number(pool, name, value, 1, 65535, &params->port);
    default:
        return gwb_value_word(pool, name, value, &params->template_name);
    }
}

/** What params does not set is taken from another. */
static void inherit(gwb_check_params *params, const gwb_check_params *from)
{
    if (params->method == GWB_CHECK_UNSET) {
        params->method = from->method;
        params->minor = from->minor;
    }
    if (params->interval == GWB_UNSET) {
        params->interval = from->interval;
    }
    if (params->timeout == GWB_UNSET) {
        params->timeout = from->timeout;
    }
    if (params->passes == GWB_UNSET) {
        params->passes = from->passes;
    }
    if (params->fails == GWB_UNSET) {
        params->fails = from->fails;
    }
    if (params->port == GWB_UNSET) {
        params->port = from->port;
    }
    params->uri = params->uri ? params->uri : from->uri;
    params->host = params->host ? params->host : from->host;
    params->headers = params->headers ? params->headers : from->headers;
    params->status = params->status.any ? params->status : from->status;
    params->expr_name = params->expr_name ? params->expr_name
                                          : from->expr_name;
}

static const void *lookup(apr_hash_t *own, apr_hash_t *base, const char *name)
{
    const void *found = apr_hash_get(own, name, APR_HASH_KEY_STRING);

    return found ? found : apr_hash_get(base, name, APR_HASH_KEY_STRING);
}

static void set_defaults(gwb_check_params *params)
{
    static const gwb_check_params standard = {
        GWB_CHECK_NONE, 0, GWB_CHECK_INTERVAL_DEFAULT,
        GWB_CHECK_TIMEOUT_DEFAULT, 1, 1, NULL, NULL, 0, NULL, { 0 }, NULL,
        NULL, NULL, NULL
    };

    inherit(params, &standard);
}

const char *gwb_check_complete(apr_pool_t *pool, gwb_check_params *params,
                               const gwb_check_conf *conf,
                               const gwb_check_conf *base)
{
    if (params->template_name != NULL) {
        const gwb_check_params *template = lookup(conf->templates,
                                                  base->templates,
                                                  params->template_name);

        if (template == NULL) {
            return apr_psprintf(pool, "there is no GatewayHCTemplate %s",
                                params->template_name);
        }
        inherit(params, template);
        if (params->method == GWB_CHECK_UNSET) {
            params->method = GWB_CHECK_TCP;
        }
    }
    if (params->method == GWB_CHECK_UNSET && params->where != NULL) {
        return "parameters of health checks have no effect without "
               "hcmethod= or hctemplate=";
    }
    set_defaults(params);
    if (params->expr_name == NULL) {
        return NULL;
    }
    if (params->status.any) {
        return "hcstatus= and hcexpr= contradict each other: keep one of "
               "them";
    }
    params->expr = lookup(conf->exprs, base->exprs, params->expr_name);
    return params->expr ? NULL
                        : apr_psprintf(pool, "there is no GatewayHCExpr %s",
                                       params->expr_name);
}

int gwb_check_wanted(const gwb_check_params *params)
{
    return params->method != GWB_CHECK_NONE
           && params->method != GWB_CHECK_UNSET;
}

/** hc('body'): what the checked member answered. */
static const char *hc_function(ap_expr_eval_ctx_t *ctx, const void *data,
                               const char *arg)
{
    const char *body = NULL;

    if (ctx->r != NULL && strcasecmp(arg, "body") == 0) {
        body = apr_table_get(ctx->r->notes, GWB_CHECK_BODY_NOTE);
    }
    return body ? body : "";
}

static int lookup_function(ap_expr_lookup_parms *parms)
{
    if (parms->type == AP_EXPR_FUNC_STRING
        && strcasecmp(parms->name, "hc") == 0) {
        *parms->func = (const void *)hc_function;
        *parms->data = NULL;
        return OK;
    }
    /* they ask the server, on behalf of a request that never was */
    if (parms->type == AP_EXPR_FUNC_OP_UNARY
        && strchr("AFU", *parms->name) != NULL) {
        *parms->err = "-A, -F and -U need a client's request";
        return !OK;
    }
    return ap_expr_lookup_default(parms);
}

const char *gwb_check_cmd_expr(cmd_parms *cmd, void *mconfig,
                               const char *args)
{
    gwb_check_conf *conf = &gwb_conf_of_server(cmd->server)->check;
    const char *name = ap_getword_conf(cmd->pool, &args);
    const char *text = ap_getword_conf2(cmd->pool, &args);
    const char *err = gwb_conf_server_only(cmd);
    ap_expr_info_t *expr;

    if (err != NULL) {
        return err;
    }
    if (*name == '\0' || *text == '\0' || *args != '\0') {
        return "GatewayHCExpr needs a name and an expression in braces, as "
               "in GatewayHCExpr ok {%{REQUEST_STATUS} =~ /^2/}";
    }
    err = gwb_value_word(cmd->pool, "hcexpr", name, &name);
    if (err != NULL) {
        return err;
    }
    if (apr_hash_get(conf->exprs, name, APR_HASH_KEY_STRING) != NULL) {
        return apr_psprintf(cmd->pool, "GatewayHCExpr %s is there already",
                            name);
    }
    expr = ap_expr_parse_cmd(cmd, text, 0, &err, lookup_function);
    if (err != NULL) {
        return apr_psprintf(cmd->pool, "GatewayHCExpr %s: '%s' is no valid "
                            "expression: %s", name, text, err);
    }
    apr_hash_set(conf->exprs, name, APR_HASH_KEY_STRING, expr);
    return NULL;
}

const char *gwb_check_cmd_template(cmd_parms *cmd, void *mconfig,
                                   const char *args)
{
    gwb_check_conf *conf = &gwb_conf_of_server(cmd->server)->check;
    gwb_check_params *params = apr_palloc(cmd->pool, sizeof(*params));
    const char *template = ap_getword_conf(cmd->pool, &args);
    const char *err = gwb_conf_server_only(cmd);

    if (err == NULL && (*template == '\0' || *args == '\0')) {
        err = "GatewayHCTemplate needs a name and parameters, as in "
              "GatewayHCTemplate every5 hcmethod=HEAD hcinterval=5";
    }
    if (err == NULL) {
        err = gwb_value_word(cmd->pool, "hctemplate", template, &template);
    }
    gwb_check_params_init(params);
    while (err == NULL && *args != '\0') {
        const char *word = ap_getword_conf(cmd->pool, &args);
        const char *name = word;
        const char *value;
        int mine = 0;

        if (gwb_value_split(cmd->pool, word, &name, &value)
            && strcmp(name, "hctemplate") != 0) {
            err = gwb_check_key(cmd, params, name, value, &mine);
        }
        if (!mine) {
            err = apr_psprintf(cmd->pool, "'%s' is no parameter of a health "
                               "check template", word);
        }
    }
    if (err == NULL && apr_hash_get(conf->templates, template,
                                    APR_HASH_KEY_STRING) != NULL) {
        err = apr_psprintf(cmd->pool, "GatewayHCTemplate %s is there already",
                           template);
    }
    apr_hash_set(conf->templates, template, APR_HASH_KEY_STRING, params);
    return err;
}

const char *gwb_check_cmd_tpsize(cmd_parms *cmd, void *mconfig,
                                 const char *arg)
{
    gwb_check_conf *conf = &gwb_conf_of_server(cmd->server)->check;
    const char *err = gwb_conf_server_only(cmd);

    if (err == NULL && cmd->server->is_virtual) {
        err = "GatewayHCTPsize is one for the whole server: put it outside "
              "of <VirtualHost>";
    }
    return err ? err : gwb_value_number(cmd->pool, cmd->cmd->name, arg, 0,
                                        CONCURRENT_MOST, &conf->concurrent);
}
