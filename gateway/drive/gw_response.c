#include "gw_response.h"

#include <string.h>

#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <apr_strings.h>
#include <util_filter.h>

#include "gw_headers.h"
#include "gw_limit.h"
#include "gw_log.h"
#include "gw_map_back.h"
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

/* An ErrorDocument that a backend serves keeps the status it is for. */
static void keep_error(request_rec *r)
{
    if (r->prev && ap_is_HTTP_ERROR(r->prev->status)
        && ap_is_HTTP_SUCCESS(r->status)) {
        r->status = r->prev->status;
        r->status_line = NULL;
    }
}

void gw_response_interim(request_rec *r, const gw_mapped *m,
                         const gw_url *answered, const gw_res_head *head)
{
    apr_table_t *headers_out = r->headers_out;
    const char *line = r->status_line;
    int status = r->status;

    set_status(r, head);
    r->headers_out = head->headers
        ? gw_headers_response(r->pool, head->headers, head->status)
        : apr_table_make(r->pool, 1);
    gw_map_back(r, m, answered);
    ap_send_interim_response(r, 1);
    r->headers_out = headers_out;
    r->status = status;
    r->status_line = line;
}

void gw_response_head(request_rec *r, const gw_mapped *m,
                      const gw_url *answered, const gw_res_head *head)
{
    const char *type;

    set_status(r, head);
    keep_error(r);
    r->headers_out = gw_headers_response(r->pool, head->headers,
                                         head->status);
    gw_map_back(r, m, answered);
    if (head->length >= 0) {
        ap_set_content_length(r, head->length);
    }
    type = apr_table_get(r->headers_out, "Content-Type");
    if (type) {
        /* Filters that are added by type look at r->content_type. */
        ap_set_content_type(r, apr_pstrdup(r->pool, type));
    }
}

void gw_response_switch(request_rec *r, const gw_mapped *m,
                        const gw_url *answered, const gw_res_head *head,
                        const char *protocol)
{
    set_status(r, head);
    r->headers_out = gw_headers_response(r->pool, head->headers,
                                         head->status);
    gw_map_back(r, m, answered);
    apr_table_set(r->headers_out, "Upgrade", protocol);
    apr_table_setn(r->headers_out, "Connection", "Upgrade");
}

void gw_response_switch_send(request_rec *r)
{
    apr_table_t *sent = apr_table_copy(r->pool, r->headers_out);

    ap_send_interim_response(r, 1);
    /* it empties them, but logs want to see them */
    r->headers_out = sent;
}

/* -- what the logs say ------------------------------------------------- */

static void set_ms(request_rec *r, const char *name, gw_time span)
{
    apr_table_setn(r->subprocess_env, name, apr_psprintf(
                       r->pool, "%" APR_INT64_T_FMT ".%03d", span / 1000,
                       (int)(span % 1000)));
}

static void set_bytes(request_rec *r, const char *name, apr_off_t bytes)
{
    apr_table_setn(r->subprocess_env, name,
                   apr_psprintf(r->pool, "%" APR_OFF_T_FMT, bytes));
}

void gw_response_env(request_rec *r, const gw_result *res)
{
    apr_table_t *env = r->subprocess_env;

    if (*res->addr) {
        apr_table_setn(env, GATEWAY_ENV_ADDR, res->addr);
    }
    if (*res->addrs) {
        apr_table_setn(env, GATEWAY_ENV_TRIES, res->addrs);
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
    if (res->tunnel) {
        set_bytes(r, GATEWAY_ENV_TUNNEL_SENT, res->tunnel_sent);
        set_bytes(r, GATEWAY_ENV_TUNNEL_RECEIVED, res->tunnel_received);
    }
    if (res->fail != GW_OK) {
        apr_table_setn(env, GATEWAY_ENV_REASON, gw_fail_name(res->fail));
    }
    set_ms(r, GATEWAY_ENV_CONNECT_MS, res->connect_time);
    set_ms(r, GATEWAY_ENV_MS, res->total);
    apr_table_setn(env, GATEWAY_ENV_ATTEMPTS, apr_itoa(r->pool, res->tries));
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
    const char *more = "";

    if (res->fail == GW_FAIL_BUSY) {
        level = gw_limit_level(r, m, &more);
    }
    ap_log_rerror(APLOG_MARK, level, 0, r, GWNO(00150) "%s %s: %s%s%s%s "
                  "[%s] -> %s %d%s", r->method, m->match.route->destination,
                  *res->addrs ? "(" : "", res->addrs,
                  *res->addrs ? ") " : "", res->why, gw_fail_name(res->fail),
                  begun ? "truncated" : "answered", status, more);
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

void gw_response_proxy_status(request_rec *r, const char *type)
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

    if (res->request_unread || res->status == HTTP_SWITCHING_PROTOCOLS) {
        /* The rest of a body, or what a hopeful client sent behind its
         * request for a tunnel, is no request. */
        r->connection->keepalive = AP_CONN_CLOSE;
    }
    if (res->fail == GW_FAIL_CLIENT) {
        a.status = client_closed(r, body_error);
    }
    log_failure(r, m, res, a.status == DONE ? r->status : a.status, begun);
    if (a.status == DONE || begun) {
        return a.status;
    }
    gw_response_proxy_status(r, a.proxy_status);
    if (a.status == HTTP_SERVICE_UNAVAILABLE) {
        apr_table_setn(r->err_headers_out, "Retry-After", RETRY_AFTER);
    }
    return a.status;
}
