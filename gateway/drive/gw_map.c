#include "gw_map.h"

#include <string.h>

#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <apr_strings.h>

#include "gw_log.h"
#include "gw_path.h"
#include "gw_request.h"
#include "gw_response.h"
#include "gw_walk.h"
#include "gw_map_target.h"

extern module AP_MODULE_DECLARE_DATA gateway_module;
APLOG_USE_MODULE(gateway);

static const char handler_name[] = "gateway-server";

static gw_mapped *mapped_of(const request_rec *r)
{
    return ap_get_module_config(r->request_config, &gateway_module);
}

const gw_mapped *gw_map_of(const request_rec *r)
{
    const gw_mapped *m = mapped_of(r);

    return m && m->claimed ? m : NULL;
}

static const gw_routes *routes_of(const request_rec *r)
{
    return gw_conf_of_server(r->server)->routes;
}

/* The path ended up where no route is allowed to take it. */
static int refuse(request_rec *r, const char *path, const char *why)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, GWNO(00250)
                  "path refused, %s: %s", why, path);
    gw_response_proxy_status(r, "http_request_error");
    return HTTP_BAD_REQUEST;
}

static int find(const request_rec *r, const char *path, gw_match *match)
{
    return gw_routes_find(routes_of(r), path, match)
           && !match->route->exclude;
}

/*
 * A path that cannot be decoded: ours to refuse when what comes before the
 * offending segment belongs to a route, else the server's own business.
 */
static int undecodable(request_rec *r, const char *path,
                       gw_path_verdict verdict)
{
    char *head = apr_pstrdup(r->pool, path);
    gw_match match;
    char *decoded;
    char *slash;

    while ((slash = strrchr(head, '/'))) {
        slash[slash == head] = '\0';
        if (gw_path_decode(r->pool, head, &decoded, NULL) == GW_PATH_OK) {
            return find(r, decoded, &match)
                ? refuse(r, path, gw_path_verdict_text(verdict)) : DECLINED;
        }
        if (slash == head) {
            break;
        }
    }
    return DECLINED;
}

static int is_unsafe(const request_rec *r, const char *checked)
{
    return gw_conf_of_request(r)->unsafe_path != 1 && gw_path_unsafe(checked);
}

int gw_map_pre_translate(request_rec *r)
{
    const char *path = r->parsed_uri.path;
    gw_path_verdict verdict;
    char *decoded;
    gw_match match;
    gw_mapped *m;
    int double_coded;

    if (r->proxyreq || !path || *path != '/' || !routes_of(r)) {
        return DECLINED;
    }
    verdict = gw_path_decode(r->pool, path, &decoded, &double_coded);
    if (verdict != GW_PATH_OK) {
        return undecodable(r, path, verdict);
    }
    if (!find(r, decoded, &match)) {
        return DECLINED;
    }
    if (is_unsafe(r, decoded)) {
        return refuse(r, path, gw_path_verdict_text(GW_PATH_UNSAFE));
    }
    m = apr_pcalloc(r->pool, sizeof(*m));
    m->match = match;
    m->checked = decoded;
    m->double_coded = double_coded;
    ap_set_module_config(r->request_config, &gateway_module, m);
    r->uri = r->parsed_uri.path = apr_pstrdup(r->pool, decoded);
    return DONE;
}

/* Did the client's path hold %252F? In what core has decoded it looks like
 * %2F. */
static int client_double_coded(const request_rec *r)
{
    const char *raw = r->unparsed_uri ? r->unparsed_uri : "";
    apr_size_t len = strcspn(raw, "?#");

    return ap_strcasestr(apr_pstrmemdup(r->pool, raw, len), "%252f") != NULL;
}

/* A rewrite changed the path since it was checked, or it was never
 * checked: match and check it now. */
static int rematch(request_rec *r, gw_mapped **pm)
{
    gw_mapped *old = *pm;
    gw_mapped *m = apr_pcalloc(r->pool, sizeof(*m));

    *pm = m;
    if (!r->uri || *r->uri != '/' || !find(r, r->uri, &m->match)) {
        return DECLINED;
    }
    if (old ? old->double_coded : client_double_coded(r)) {
        return refuse(r, r->uri, "%252F in a path that a rewrite changed");
    }
    if (!gw_str_is_field_value(gw_str_of(r->uri)) || strchr(r->uri, '\t')) {
        return refuse(r, r->uri, gw_path_verdict_text(GW_PATH_CONTROL));
    }
    if (is_unsafe(r, r->uri)) {
        return refuse(r, r->uri, gw_path_verdict_text(GW_PATH_UNSAFE));
    }
    m->checked = apr_pstrdup(r->pool, r->uri);
    ap_set_module_config(r->request_config, &gateway_module, m);
    return OK;
}

int gw_map_translate(request_rec *r)
{
    gw_mapped *m = mapped_of(r);
    const char *why;
    int rv;

    if (r->proxyreq || !routes_of(r)) {
        return DECLINED;
    }
    if (!m || !r->uri || strcmp(r->uri, m->checked)) {
        rv = rematch(r, &m);
        if (rv != OK) {
            return rv;
        }
    }
    why = gw_map_set_target(r, m);
    if (why) {
        return refuse(r, r->uri, why);
    }
    m->claimed = 1;
    m->client_fields = gw_request_client_fields(r);
    r->filename = apr_pstrcat(r->pool, "gateway:",
                              m->match.route->destination, m->target, NULL);
    r->handler = handler_name;
    r->proxyreq = PROXYREQ_REVERSE;
    return OK;
}

int gw_map_to_storage(request_rec *r)
{
    const gw_mapped *m = gw_map_of(r);

    if (!m) {
        return DECLINED;
    }
    gw_walk_sections(r, m->match.route, m->path);
    if (r->main) {
        /* mod_dir takes only what looks like a file for an index. */
        r->finfo.filetype = APR_REG;
    }
    return OK;
}

int gw_map_type(request_rec *r)
{
    return gw_map_of(r) ? OK : DECLINED;
}

/*
 * An index that mod_dir looked up takes the place of the request
 * (ap_internal_fast_redirect), with its URI and handler, but what was in its
 * configuration vector stays behind: it is mapped again.
 */
static int map_index(request_rec *r)
{
    if (r->handler != handler_name || r->proxyreq != PROXYREQ_REVERSE) {
        return DECLINED;
    }
    r->proxyreq = PROXYREQ_NONE;
    return gw_map_translate(r);
}

int gw_map_for_handler(request_rec *r, const gw_mapped **pm)
{
    int rv;

    *pm = gw_map_of(r);
    if (*pm) {
        return OK;
    }
    rv = map_index(r);
    *pm = gw_map_of(r);
    return rv;
}
