#include "gwb_check_judge.h"

#include <http_core.h>
#include <http_protocol.h>

#include <apr_strings.h>

/* As where the request of a condition comes from, for its variables. */
#define SELF "127.0.0.1"

/** A connection to this server that there never was. */
static conn_rec *fake_connection(apr_pool_t *pool, server_rec *s)
{
    conn_rec *c = apr_pcalloc(pool, sizeof(*c));
    apr_sockaddr_t *self = NULL;

    /* digits: nobody is asked */
    (void)apr_sockaddr_info_get(&self, SELF, APR_INET, 0, 0, pool);
    c->pool = pool;
    c->base_server = s;
    c->conn_config = ap_create_conn_config(pool);
    c->notes = apr_table_make(pool, 1);
    c->log = &s->log;
    c->client_addr = self;
    c->local_addr = self;
    c->client_ip = apr_pstrdup(pool, SELF);
    c->local_ip = apr_pstrdup(pool, SELF);
    c->remote_host = apr_pstrdup(pool, SELF);
    c->keepalive = AP_CONN_CLOSE;
    return c;
}

static void set_uri(request_rec *r, const gateway_probe *probe)
{
    const char *path = probe->path && *probe->path ? probe->path : "/";
    const char *query = strchr(path, '?');
    apr_size_t len = query ? (apr_size_t)(query - path) : strlen(path);

    r->method = probe->method;
    r->method_number = ap_method_number_of(probe->method);
    r->proto_num = HTTP_VERSION(1, probe->minor);
    r->protocol = apr_psprintf(r->pool, "HTTP/1.%d", probe->minor);
    r->unparsed_uri = apr_pstrdup(r->pool, path);
    r->uri = len ? apr_pstrmemdup(r->pool, path, len)
                 : apr_pstrdup(r->pool, "/");
    r->args = query ? apr_pstrdup(r->pool, query + 1) : NULL;
    r->the_request = apr_pstrcat(r->pool, r->method, " ", path, " ",
                                 r->protocol, NULL);
}

/** The answer as a request that no client ever sent. Hooks of other modules
 * do not see it. */
static request_rec *fake_request(apr_pool_t *pool, server_rec *s,
                                 const gateway_probe *probe)
{
    request_rec *r = apr_pcalloc(pool, sizeof(*r));
    const char *const *h = probe->headers;

    r->pool = pool;
    r->server = s;
    r->connection = fake_connection(pool, s);
    r->log = &s->log;
    r->useragent_addr = r->connection->client_addr;
    r->useragent_ip = r->connection->client_ip;
    r->request_config = ap_create_request_config(pool);
    ap_set_core_module_config(r->request_config,
                              apr_pcalloc(pool, sizeof(core_request_config)));
    r->per_dir_config = s->lookup_defaults;
    r->request_time = apr_time_now();
    r->hostname = probe->host ? probe->host : s->server_hostname;
    r->headers_in = apr_table_make(pool, 4);
    while (h && h[0]) {
        apr_table_add(r->headers_in, h[0], h[1]);
        h += 2;
    }
    r->headers_out = probe->response ? probe->response
                                     : apr_table_make(pool, 1);
    r->err_headers_out = apr_table_make(pool, 1);
    r->subprocess_env = apr_table_make(pool, 1);
    r->notes = apr_table_make(pool, 1);
    apr_table_setn(r->notes, GWB_CHECK_BODY_NOTE, probe->body);
    r->content_type = apr_table_get(r->headers_out, "Content-Type");
    r->status = probe->status;
    set_uri(r, probe);
    return r;
}

static int judge_expr(apr_pool_t *pool, server_rec *s,
                      const gwb_check_params *params,
                      const gateway_probe *probe, const char **pwhy)
{
    const char *err = NULL;
    int rc = ap_expr_exec(fake_request(pool, s, probe), params->expr, &err);

    if (rc > 0) {
        return 1;
    }
    *pwhy = rc < 0
        ? apr_psprintf(pool, "status %d, hcexpr=%s cannot be evaluated: %s",
                       probe->status, params->expr_name, err ? err : "")
        : apr_psprintf(pool, "status %d, hcexpr=%s is false", probe->status,
                       params->expr_name);
    return 0;
}

static int judge_status(apr_pool_t *pool, const gwb_check_params *params,
                        const gateway_probe *probe, const char **pwhy)
{
    int good = params->status.any
               ? gwb_codes_have(&params->status, probe->status)
               : probe->status >= 200 && probe->status < 400;

    if (!good) {
        *pwhy = apr_psprintf(pool, "status %d%s", probe->status,
                             params->status.any ? " is not in hcstatus="
                                                : "");
    }
    return good;
}

int gwb_check_judge(apr_pool_t *pool, server_rec *s,
                    const gwb_check_params *params,
                    const gateway_probe *probe, const char **pwhy)
{
    if (probe->fail == GW_FAIL_DEADLINE) {
        *pwhy = apr_psprintf(pool, "no whole answer within hctimeout=%"
                             APR_INT64_T_FMT "ms",
                             probe->timeout / GW_MSEC(1));
        return 0;
    }
    if (probe->fail != GW_OK) {
        *pwhy = probe->why && *probe->why ? probe->why
                                          : gw_fail_name(probe->fail);
        return 0;
    }
    *pwhy = probe->status ? apr_psprintf(pool, "status %d", probe->status)
                          : "connected";
    if (params->method == GWB_CHECK_TCP) {
        return 1;
    }
    return params->expr ? judge_expr(pool, s, params, probe, pwhy)
                        : judge_status(pool, params, probe, pwhy);
}
