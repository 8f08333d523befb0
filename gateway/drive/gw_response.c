#include "gw_response.h"

#include <string.h>

#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <apr_strings.h>
#include <util_filter.h>

#include "gw_headers.h"
#include "gw_log.h"
#include "mod_gateway.h"

extern module AP_MODULE_DECLARE_DATA gateway_module;
APLOG_USE_MODULE(gateway);

/* Of nginx: the client closed the request. Seen in access logs only. */
#define STATUS_CLIENT_CLOSED 499

/* Seconds after which a client may come back to a backend that is down. */
#define RETRY_AFTER "5"

/* -- what comes from the backend --------------------------------------- */

static void set_status(request_rec *r, const gw_res_head *head)
{
    r->status = head->status;
    r->status_line = NULL;
    if (*head->reason) {
        r->status_line = apr_psprintf(r->pool, "%03d %s", head->status,
                                      head->reason);
    }
}

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

static void add_rule(apr_array_header_t *rules, const gw_reverse_rule *rule)
{
    APR_ARRAY_PUSH(rules, const gw_reverse_rule *) = rule;
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

/* Rules that can map this request: written ones first, inner sections
 * first, then what the route implies. */
static void fill_rules(request_rec *r, const gw_mapped *m, gw_reverse *rev)
{
    const gw_dir_conf *dir = gw_conf_of_request(r);
    const gw_server_conf *server = gw_conf_of_server(r->server);
    const gw_route *route = m->match.route;
    apr_array_header_t *rules;
    int i;

    rules = apr_array_make(r->pool, 4, sizeof(gw_reverse_rule *));
    if (dir->reverse) {
        apr_array_cat(rules, dir->reverse);
    }
    for (i = 0; server->reverse && i < server->reverse->nelts; i++) {
        const gw_reverse_rule *rule = APR_ARRAY_IDX(
            server->reverse, i, const gw_reverse_rule *);

        if (!is_of_another(rule, route)) {
            add_rule(rules, rule);
        }
    }
    if (route->reverse) {
        add_rule(rules, &route->implied);
    }
    if (route->reverse && dir->preserve_host == 1) {
        add_rule(rules, own_name_rule(r, route));
    }
    rev->rules = (const gw_reverse_rule *const *)rules->elts;
    rev->nrules = rules->nelts;
    rev->origin = route->url;
}

static void map_back(request_rec *r, const gw_mapped *m)
{
    gw_reverse rev;

    fill_rules(r, m, &rev);
    fill_front(r, &rev);
    gw_reverse_headers(r->pool, &rev, r->headers_out);
}

/* An ErrorDocument that a backend serves keeps the status it is for. */
static void keep_error(request_rec *r)
{
    if (r->prev && ap_is_HTTP_ERROR(r->prev->status)
        && ap_is_HTTP_SUCCESS(r->status)) {
        r->status = r->prev->status;
        r->status_line = NULL;
    }
}

void gw_response_interim(request_rec *r, const gw_res_head *head)
{
    apr_table_t *headers_out = r->headers_out;
    const gw_mapped *m = gw_map_of(r);
    const char *line = r->status_line;
    int status = r->status;

    set_status(r, head);
    r->headers_out = head->headers
        ? gw_headers_response(r->pool, head->headers, head->status)
        : apr_table_make(r->pool, 1);
    if (m) {
        map_back(r, m);
    }
    ap_send_interim_response(r, 1);
    r->headers_out = headers_out;
    r->status = status;
    r->status_line = line;
}

/* The length of a body that is not sent (HEAD, 304) is a statement of its
 * own; else it is what the codec read. */
static void set_length(request_rec *r, const gw_res_head *head)
{
    const char *text = apr_table_get(head->headers, "Content-Length");
    apr_int64_t length = head->length;

    if (r->header_only || head->status == HTTP_NOT_MODIFIED) {
        length = -1;
        if (text && !gw_str_number(gw_str_of(text), 10, &length)) {
            length = -1;
        }
    }
    if (length >= 0 && head->status != HTTP_NO_CONTENT) {
        ap_set_content_length(r, length);
    }
}

void gw_response_head(request_rec *r, const gw_mapped *m,
                      const gw_res_head *head)
{
    const char *type;

    set_status(r, head);
    keep_error(r);
    r->headers_out = gw_headers_response(r->pool, head->headers,
                                         head->status);
    map_back(r, m);
    set_length(r, head);
    type = apr_table_get(r->headers_out, "Content-Type");
    if (type) {
        /* Filters that are added by type look at r->content_type. */
        ap_set_content_type(r, apr_pstrdup(r->pool, type));
    }
}

/* -- what the logs say ------------------------------------------------- */

static void set_ms(request_rec *r, const char *name, gw_time span)
{
    apr_table_setn(r->subprocess_env, name, apr_psprintf(
                       r->pool, "%" APR_INT64_T_FMT ".%03d", span / 1000,
                       (int)(span % 1000)));
}

void gw_response_env(request_rec *r, const gw_result *res)
{
    apr_table_t *env = r->subprocess_env;

    if (*res->addrs) {
        apr_table_setn(env, GATEWAY_ENV_ADDR, res->addrs);
    }
    if (res->status) {
        apr_table_setn(env, GATEWAY_ENV_STATUS,
                       apr_itoa(r->pool, res->status));
    }
    if (res->ttfb >= 0) {
        set_ms(r, GATEWAY_ENV_TTFB_MS, res->ttfb);
    }
    if (res->tls) {
        apr_table_setn(env, GATEWAY_ENV_TLS, apr_pstrdup(r->pool, res->tls));
    }
    if (res->fail != GW_OK) {
        apr_table_setn(env, GATEWAY_ENV_REASON, gw_fail_name(res->fail));
    }
    set_ms(r, GATEWAY_ENV_CONNECT_MS, res->connect_time);
    set_ms(r, GATEWAY_ENV_MS, res->total);
    apr_table_setn(env, GATEWAY_ENV_TRIES, apr_itoa(r->pool, res->tries));
    apr_table_setn(env, GATEWAY_ENV_REUSED, res->reused ? "1" : "0");
}

/* -- failures ---------------------------------------------------------- */

typedef struct {
    int status;
    const char *proxy_status;   /* RFC 9209 2.3 error type */
} answer;

static answer answer_for(gw_fail fail)
{
    static const answer answers[GW_FAIL_COUNT] = {
        [GW_OK] = { OK, NULL },
        [GW_FAIL_RESOLVE] = { HTTP_BAD_GATEWAY, "dns_error" },
        [GW_FAIL_RESOLVE_TIMEOUT] = { HTTP_GATEWAY_TIME_OUT,
                                      "dns_timeout" },
        [GW_FAIL_REFUSED] = { HTTP_SERVICE_UNAVAILABLE,
                              "connection_refused" },
        [GW_FAIL_CONNECT_TIMEOUT] = { HTTP_GATEWAY_TIME_OUT,
                                      "connection_timeout" },
        [GW_FAIL_TLS] = { HTTP_BAD_GATEWAY, "tls_protocol_error" },
        [GW_FAIL_CERT] = { HTTP_BAD_GATEWAY, "tls_certificate_error" },
        [GW_FAIL_TLS_TIMEOUT] = { HTTP_GATEWAY_TIME_OUT,
                                  "connection_timeout" },
        [GW_FAIL_BUSY] = { HTTP_SERVICE_UNAVAILABLE,
                           "connection_limit_reached" },
        [GW_FAIL_RESET] = { HTTP_BAD_GATEWAY, "connection_terminated" },
        [GW_FAIL_TIMEOUT] = { HTTP_GATEWAY_TIME_OUT,
                              "http_response_timeout" },
        [GW_FAIL_SEND_TIMEOUT] = { HTTP_GATEWAY_TIME_OUT,
                                   "connection_write_timeout" },
        [GW_FAIL_JUNK] = { HTTP_BAD_GATEWAY, "http_protocol_error" },
        [GW_FAIL_LIMIT] = { HTTP_BAD_GATEWAY,
                            "http_response_header_section_size" },
        [GW_FAIL_TRUNCATED] = { HTTP_BAD_GATEWAY,
                                "http_response_incomplete" },
        [GW_FAIL_CLIENT] = { HTTP_BAD_REQUEST, "http_request_error" },
        [GW_FAIL_CLIENT_TIMEOUT] = { HTTP_REQUEST_TIME_OUT,
                                     "http_request_error" },
        [GW_FAIL_TOO_LARGE] = { HTTP_REQUEST_ENTITY_TOO_LARGE,
                                "http_request_denied" },
        [GW_FAIL_DEADLINE] = { HTTP_GATEWAY_TIME_OUT,
                               "http_response_timeout" },
        [GW_FAIL_QUEUE] = { HTTP_SERVICE_UNAVAILABLE,
                            "connection_limit_reached" },
        [GW_FAIL_STATUS] = { HTTP_BAD_GATEWAY, "http_response_status" },
        [GW_FAIL_UNAVAILABLE] = { HTTP_SERVICE_UNAVAILABLE,
                                  "destination_unavailable" },
        [GW_FAIL_INTERNAL] = { HTTP_BAD_GATEWAY, "proxy_internal_error" }
    };

    return answers[fail];
}

static int by_client(gw_fail fail)
{
    return fail == GW_FAIL_CLIENT || fail == GW_FAIL_CLIENT_TIMEOUT
           || fail == GW_FAIL_TOO_LARGE;
}

static void log_failure(request_rec *r, const gw_mapped *m,
                        const gw_result *res, int status, int begun)
{
    int level = by_client(res->fail) ? APLOG_INFO : APLOG_ERR;

    ap_log_rerror(APLOG_MARK, level, 0, r, GWNO(00150) "%s %s: %s%s%s%s "
                  "[%s] -> %s %d", r->method, m->match.route->origin->name,
                  *res->addrs ? "(" : "", res->addrs,
                  *res->addrs ? ") " : "", res->why, gw_fail_name(res->fail),
                  begun ? "truncated" : "answered", status);
}

/* A client that left sees no answer; the access log shows 499. */
static int client_closed(request_rec *r, apr_status_t body_error)
{
    if (body_error != APR_SUCCESS && !r->connection->aborted) {
        return ap_map_http_request_error(body_error, HTTP_BAD_REQUEST);
    }
    r->connection->aborted = 1;
    r->status = STATUS_CLIENT_CLOSED;
    r->status_line = NULL;
    return DONE;
}

static void proxy_status(request_rec *r, const char *type)
{
    apr_table_setn(r->err_headers_out, "Proxy-Status", apr_psprintf(
                       r->pool, "%s; error=%s",
                       gw_conf_of_server(r->server)->pseudonym, type));
}

int gw_response_failed(request_rec *r, const gw_mapped *m,
                       const gw_result *res, apr_status_t body_error,
                       int begun)
{
    answer a = answer_for(res->fail);

    if (res->request_unread) {
        r->connection->keepalive = AP_CONN_CLOSE;
    }
    if (res->fail == GW_FAIL_CLIENT) {
        a.status = client_closed(r, body_error);
    }
    log_failure(r, m, res, a.status == DONE ? r->status : a.status, begun);
    if (a.status == DONE || begun) {
        return a.status;
    }
    proxy_status(r, a.proxy_status);
    if (a.status == HTTP_SERVICE_UNAVAILABLE) {
        apr_table_setn(r->err_headers_out, "Retry-After", RETRY_AFTER);
    }
    return a.status;
}
