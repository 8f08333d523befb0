#include "gw_request.h"

#include <string.h>

#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_core.h>
#include <apr_strings.h>

#include "gw_headers.h"
#include "gw_log.h"
#include "gw_response.h"
#include "gw_upgrade.h"

extern module AP_MODULE_DECLARE_DATA gateway_module;
APLOG_USE_MODULE(gateway);

apr_off_t gw_request_limit(const request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);

    /* The core's own default, 1 GB, is for handlers that hold a body. */
    return core->limit_req_body > 0 ? core->limit_req_body : -1;
}

static int body_too_large(request_rec *r)
{
    const char *text = apr_table_get(r->headers_in, "Content-Length");
    apr_off_t limit = gw_request_limit(r);
    apr_int64_t length;

    if (limit < 0 || !text || !gw_str_number(gw_str_of(text), 10, &length)
        || length <= limit) {
        return 0;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, GWNO(00100) "request body of "
                  "%s bytes is over the %" APR_OFF_T_FMT " of "
                  "LimitRequestBody", text, limit);
    return 1;
}

/* Only a TraceEnable that somebody wrote lets TRACE through, and only
 * "extended" lets it have a body (RFC 9110 9.3.8: it has none). */
static int trace_refused(request_rec *r)
{
    const core_server_config *core =
        ap_get_core_module_config(r->server->module_config);
    int enable = core->trace_enable;

    if (enable == AP_TRACE_EXTENDED) {
        return OK;
    }
    if (enable != AP_TRACE_ENABLE) {
        return HTTP_METHOD_NOT_ALLOWED;
    }
    return ap_request_has_body(r) ? HTTP_REQUEST_ENTITY_TOO_LARGE : OK;
}

/* What Allow says when this server answers instead of a backend. */
static void allow_methods(request_rec *r)
{
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, M_POST, M_PUT,
                              M_DELETE, M_PATCH, M_OPTIONS, -1);
}

/* The core takes every version from 1.0 on. What claims to be HTTP/2 and is
 * no stream of an HTTP/2 connection is not understood by anyone. */
static int is_version_unknown(const request_rec *r)
{
    return r->proto_num >= HTTP_VERSION(2, 0) && !r->connection->master;
}

/* RFC 9110 7.6.2: the last one in line answers itself. */
static int max_forwards(request_rec *r)
{
    const char *text = apr_table_get(r->headers_in, "Max-Forwards");
    apr_int64_t left;

    if (!text || (r->method_number != M_OPTIONS
                  && r->method_number != M_TRACE)) {
        return DECLINED;
    }
    if (!gw_str_number(gw_str_trim(gw_str_of(text)), 10, &left)) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, GWNO(00103) "refused: "
                      "Max-Forwards is no number: %s", text);
        gw_response_proxy_status(r, "http_request_error");
        return HTTP_BAD_REQUEST;
    }
    if (left > 0) {
        apr_table_setn(r->headers_in, "Max-Forwards",
                       apr_psprintf(r->pool, "%" APR_INT64_T_FMT, left - 1));
        return DECLINED;
    }
    allow_methods(r);
    return r->method_number == M_TRACE ? ap_send_http_trace(r)
                                       : ap_send_http_options(r);
}

/* Methods and versions that end here. Where the client may take it for
 * granted that they do not, what it sent behind them must not be read as a
 * request (RFC 9931). */
static int line_refused(request_rec *r)
{
    const char *why;
    int status;

    if (is_version_unknown(r)) {
        why = "only a stream of HTTP/2 can have this version";
        status = HTTP_VERSION_NOT_SUPPORTED;
    }
    else if (r->method_number == M_CONNECT) {
        why = "a gateway opens no tunnels";
        status = HTTP_METHOD_NOT_ALLOWED;
    }
    else if (r->method_number == M_TRACE
             && (status = trace_refused(r)) != OK) {
        why = status == HTTP_METHOD_NOT_ALLOWED
            ? "TRACE needs a TraceEnable that is written down"
            : "TRACE with a body needs TraceEnable extended";
    }
    else {
        return OK;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, GWNO(00102) "refused: %s: "
                  "%s %s", why, r->method, r->protocol);
    allow_methods(r);
    gw_response_proxy_status(r, "http_request_denied");
    r->connection->keepalive = AP_CONN_CLOSE;
    return status;
}

static const char *or_null(const char *s)
{
    return s && *s ? s : NULL;
}

static void fill_forwarded(request_rec *r, gw_forwarded *f)
{
    f->client = r->useragent_ip;
    /* mod_http2 keeps the value in a pool of its own. */
    f->host = or_null(apr_pstrdup(r->pool,
                                  apr_table_get(r->headers_in, "Host")));
    f->server = or_null(r->server->server_hostname);
    f->proto = ap_http_scheme(r);
    f->port = apr_psprintf(r->pool, "%u", (unsigned)ap_get_server_port(r));
}

/* A subrequest has no protocol of its own. */
static const char *via(request_rec *r)
{
    const request_rec *top = r;

    while (top->main) {
        top = top->main;
    }
    return apr_psprintf(r->pool, "%d.%d %s",
                        HTTP_VERSION_MAJOR(top->proto_num),
                        HTTP_VERSION_MINOR(top->proto_num),
                        gw_conf_of_server(r->server)->pseudonym);
}

/* Is an ErrorDocument asked for? */
static int is_error_page(const request_rec *r)
{
    return ap_is_HTTP_ERROR(r->status);
}

/* The answer to a subrequest becomes part of another one, a page about an
 * error takes the place of another one: it must come whole. */
static void drop_conditions(apr_table_t *headers)
{
    static const char *const names[] = {
        "If-Match", "If-None-Match", "If-Modified-Since",
        "If-Unmodified-Since", "If-Range", "Range"
    };
    unsigned i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        apr_table_unset(headers, names[i]);
    }
}

/* Who the client is, in the words of somebody before the backend. */
static const char *const forwarded_names[] = {
    "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Server",
    "X-Forwarded-Proto", "X-Forwarded-Port", "Forwarded"
};
#define FORWARDED_NAMES \
    (sizeof(forwarded_names) / sizeof(forwarded_names[0]))

const apr_table_t *gw_request_client_fields(request_rec *r)
{
    unsigned i;

    for (i = 0; i < FORWARDED_NAMES; i++) {
        if (apr_table_get(r->headers_in, forwarded_names[i])) {
            return apr_table_copy(r->pool, r->headers_in);
        }
    }
    return NULL;
}

static int is_value(void *value, const char *name, const char *other)
{
    return value != (const void *)other;
}

typedef struct {
    const apr_table_t *client;  /* NULL: it sent none */
    apr_table_t *out;
    int begun;                  /* what the gateway itself says is out */
} own_field;

static int take_own(void *baton, const char *name, const char *value)
{
    own_field *own = baton;

    if (!gw_str_is_field_value(gw_str_of(value))
        || (own->client && !apr_table_do(is_value, (void *)value,
                                         own->client, name, NULL))) {
        return 1;
    }
    if (!own->begun) {
        own->begun = 1;
        apr_table_unset(own->out, name);
    }
    apr_table_addn(own->out, name, value);
    return 1;
}

/* What the configuration says of the client (RequestHeader) is sent instead
 * of what the gateway says. */
static void prefer_own(request_rec *r, const gw_mapped *m, apr_table_t *out)
{
    unsigned i;

    for (i = 0; i < FORWARDED_NAMES; i++) {
        own_field own = { m->client_fields, out, 0 };

        if (apr_table_get(r->headers_in, forwarded_names[i])) {
            apr_table_do(take_own, &own, r->headers_in, forwarded_names[i],
                         NULL);
        }
    }
}

static apr_table_t *fields(request_rec *r, const gw_mapped *m)
{
    gw_forwarded f = { 0 };
    apr_table_t *headers;

    f.via = via(r);
    if (gw_conf_of_request(r)->add_headers != 0) {
        fill_forwarded(r, &f);
    }
    headers = gw_headers_request(r->pool, r->headers_in, &f);
    prefer_own(r, m, headers);
    if (r->main || is_error_page(r)) {
        drop_conditions(headers);
    }
    return headers;
}

/* An error document or a subrequest has nothing of the client's body left. */
static int has_body(const request_rec *r)
{
    return !r->main && !is_error_page(r);
}

/* A filter that other modules put in may change the length. */
static void frame(request_rec *r, gw_req_head *head)
{
    const char *text = apr_table_get(r->headers_in, "Content-Length");
    apr_int64_t length;

    head->framing = GW_BODY_NONE;
    if (!has_body(r)) {
        return;
    }
    if (apr_table_get(r->headers_in, "Transfer-Encoding")) {
        head->framing = GW_BODY_CHUNKED;
    }
    else if (text && gw_str_number(gw_str_of(text), 10, &length)) {
        head->framing = r->input_filters == r->proto_input_filters
                        ? GW_BODY_LENGTH : GW_BODY_CHUNKED;
        head->length = length;
    }
}

/* Can r become a tunnel? In HTTP/1.1, or as a stream of HTTP/2 that mod_http2
 * made a request of the old kind of (RFC 8441): it takes Upgrade from nobody
 * else. */
static int may_switch(const request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    if (!has_body(r)) {
        return 0;
    }
    if (r->connection->master) {
        return 1;
    }
    return r->proto_num >= HTTP_VERSION(1, 1)
           && r->proto_num < HTTP_VERSION(2, 0)
           && !apr_table_get(r->headers_in, "Transfer-Encoding")
           && (!length || !strcmp(length, "0"));
}

/* The protocols to offer a backend; NULL: none. */
static const char *offer(request_rec *r)
{
    if (!apr_table_get(r->headers_in, "Upgrade") || !may_switch(r)) {
        return NULL;
    }
    return gw_upgrade_offer(r->pool, r->method,
                            apr_table_get(r->headers_in, "Connection"),
                            apr_table_get(r->headers_in, "Upgrade"));
}

gw_req_head *gw_request_head(request_rec *r, const gw_mapped *m)
{
    gw_req_head *head = apr_pcalloc(r->pool, sizeof(*head));
    const char *host = NULL;

    if (gw_conf_of_request(r)->preserve_host == 1) {
        host = or_null(apr_table_get(r->headers_in, "Host"));
    }
    head->method = r->method;
    head->target = m->target;
    head->host = host ? host : gw_url_authority(r->pool, m->match.route->url);
    head->minor = 1;
    frame(r, head);
    head->upgrade = offer(r);
    if (head->upgrade && head->framing == GW_BODY_CHUNKED) {
        /* what filters, or mod_http2, made of no body */
        head->framing = GW_BODY_NONE;
    }
    head->headers = fields(r, m);
    head->expect = r->expecting_100 && head->framing != GW_BODY_NONE;
    head->idempotent = gw_msg_is_idempotent(r->method);
    return head;
}

/* Without a key that is one nobody can tell a true answer. */
static int upgrade_refused(request_rec *r)
{
    const gw_route *route = gw_map_of(r)->match.route;
    const char *allowed = route->balancer ? GW_UPGRADE_WEBSOCKET
                                          : route->conn.upgrade;
    const char *protocol = gw_upgrade_choose(r->pool, offer(r), allowed);

    if (!protocol || !gw_upgrade_is_websocket(protocol)
        || gw_upgrade_key_valid(apr_table_get(r->headers_in,
                                              "Sec-WebSocket-Key"))) {
        return 0;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, GWNO(00104) "refused: an "
                  "upgrade to websocket whose Sec-WebSocket-Key is missing "
                  "or not the base64 of 16 bytes");
    gw_response_proxy_status(r, "http_request_error");
    return 1;
}

int gw_request_check(request_rec *r)
{
    const char *pseudonym = gw_conf_of_server(r->server)->pseudonym;
    int status = line_refused(r);

    if (status != OK) {
        return status;
    }
    if (gw_headers_via_has(r->headers_in, pseudonym)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, GWNO(00101) "loop: the "
                      "request already went through this gateway (Via: %s); "
                      "does a GatewayPass point to this server?",
                      apr_table_get(r->headers_in, "Via"));
        gw_response_proxy_status(r, "proxy_loop_detected");
        return HTTP_LOOP_DETECTED;
    }
    if (body_too_large(r)) {
        gw_response_proxy_status(r, "http_request_denied");
        r->connection->keepalive = AP_CONN_CLOSE;
        return HTTP_REQUEST_ENTITY_TOO_LARGE;
    }
    if (upgrade_refused(r)) {
        return HTTP_BAD_REQUEST;
    }
    return max_forwards(r);
}
