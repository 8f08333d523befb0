#include "gw_lane.h"

#include <string.h>
#include <strings.h>

#include <ap_mpm.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_core.h>
#include <util_filter.h>
#include <apr_strings.h>

#include "gw_event_conf.h"
#include "gw_lane_conf.h"
#include "gw_lane_hooks.h"
#include "gw_log.h"
#include "gw_path.h"

APLOG_USE_MODULE(gateway);

/* Filters that only compute, and never need more than a brigade at a time.
 * Those of a connection are among them. */
static const char *const safe_output[] = {
    "content_length", "byterange", "http_header", "http_outerror", "chunk",
    "old_write", "fixup_headers_out", "fixup_headers_err", "mod_expires",
    "deflate", "bytype:deflate", "brotli_compress", "bytype:brotli_compress",
    "ssl/tls filter", "ssl/tls coalescing filter", "log_input_output",
    "logio_ttfb_out", "dumpio_out", "reqtimeout", "gw_front_out", "core",
    NULL
};
static const char *const safe_input[] = {
    "http_in", "ssl/tls filter", "ssl/tls buffer", "log_input_output",
    "remoteip_input", "dumpio_in", "reqtimeout", "gw_front_in",
    "gw_front_late", "core_in", NULL
};

/* Filters that were found safe, by address: a request has about ten. A power
 * of two; those that share a place have the next ones, too. */
#define KNOWN 128
#define KNOWN_NEAR 4

static struct {
    /* const after gw_lane_init() */
    const char *process;
    const char *request;
    const char *end;
    gw_lane_conf conf;
    int sessions;
    /* atomic */
    const ap_filter_rec_t *known[KNOWN];
} lane;

/* --- at start ------------------------------------------------------------ */

static const char *list(apr_pool_t *pool, const apr_array_header_t *modules)
{
    return apr_array_pstrcat(pool, modules, ' ');
}

static void announce(apr_pool_t *ptemp, server_rec *s,
                     const gw_lane_hooks *hooks)
{
    const apr_array_header_t *all = apr_array_append(ptemp, hooks->process,
                                                     hooks->request);

    if (all->nelts) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, GWNO(02040) "requests on "
                     "adopted connections are left to helper threads, because "
                     "these modules are not known to be safe in an event "
                     "loop: %s", list(ptemp, all));
    }
    else {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, GWNO(02041) "every module "
                     "that takes part in requests is known to be safe in an "
                     "event loop");
    }
    if (lane.end) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, GWNO(02042) "requests on "
                     "adopted connections are logged by helper threads, "
                     "because of %s%s", hooks->end->nelts ? "hooks of "
                     : lane.end, list(ptemp, hooks->end));
    }
    if (lane.conf.piped) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, GWNO(02043) "requests are "
                     "logged through a program (%s): while it does not read, "
                     "event loops wait as other threads do",
                     lane.conf.piped);
    }
}

void gw_lane_init(apr_pool_t *pconf, apr_pool_t *ptemp,
                  server_rec *main_server)
{
    gw_lane_hooks hooks;
    int async = 0;

    memset(&lane, 0, sizeof(lane));
    if (ap_mpm_query(AP_MPMQ_IS_ASYNC, &async) != APR_SUCCESS || !async) {
        return;
    }
    gw_lane_hooks_look(&hooks, pconf);
    gw_lane_conf_read(&lane.conf, pconf, main_server, &hooks);
    lane.sessions = hooks.sessions;
    lane.process = gw_lane_hooks_why(pconf, hooks.process);
    lane.request = gw_lane_hooks_why(pconf, hooks.request);
    lane.end = gw_lane_hooks_why(pconf, hooks.end);
    if (!lane.end) {
        lane.end = lane.conf.end;
    }
    announce(ptemp, main_server, &hooks);
}

/* --- hooks --------------------------------------------------------------- */

const char *gw_lane_of_process(void)
{
    return lane.process;
}

const char *gw_lane_of_end(void)
{
    return lane.end;
}

/* Core answers such an offer itself, and serves the connection until its
 * end when it takes one up. A WebSocket is left to us. */
static int offers_protocol(request_rec *r)
{
    const char *offer = apr_table_get(r->headers_in, "Upgrade");

    return offer && strcasecmp(offer, "websocket") != 0;
}

/*
 * The path as it will be when our pre_translate_name is done: core
 * normalises first.
 * @return NULL: core or we shall refuse it
 */
static char *decoded_path(request_rec *r)
{
    const core_server_config *core
        = ap_get_core_module_config(r->server->module_config);
    unsigned flags = AP_NORMALIZE_NOT_ABOVE_ROOT
                     | AP_NORMALIZE_DECODE_UNRESERVED
                     | (core->merge_slashes != AP_CORE_CONFIG_OFF
                        ? AP_NORMALIZE_MERGE_SLASHES : 0);
    char *path = apr_pstrdup(r->pool, r->parsed_uri.path);
    char *decoded;

    if (!ap_normalize_path(path, flags)
        || gw_path_decode(r->pool, path, &decoded, NULL) != GW_PATH_OK) {
        return NULL;
    }
    return decoded;
}

static const char *of_event(const gw_dir_conf *dir)
{
    switch (gw_event_lane_of(dir)) {
    case GW_EVENT_LANE_OFF:
        return "GatewayEvent Off";
    case GW_EVENT_LANE_HELPER:
        return "GatewayEvent Helper";
    default:
        return NULL;
    }
}

/* A path that is rewritten may be in another section. A refusal by hooks leads
 * to a page that any handler may make. */
static const char *of_bits(int bits)
{
    int refusals = GW_LANE_DENIES | GW_LANE_DOC_DENIED;

    if (bits & GW_LANE_REWRITES) {
        bits |= bits >> GW_LANE_ELSEWHERE;
        if (bits & GW_LANE_DIFFERS) {
            return "rewrite";
        }
    }
    return (bits & GW_LANE_DOC) || (bits & refusals) == refusals
           ? "error document" : NULL;
}

static const char *of_core(const request_rec *r)
{
    const core_dir_config *core
        = ap_get_core_module_config(r->per_dir_config);

    if (core->hostname_lookups == HOSTNAME_LOOKUP_ON
        || core->hostname_lookups == HOSTNAME_LOOKUP_DOUBLE) {
        return "HostnameLookups";
    }
    return NULL;
}

/* What the sections say that apply to r, a copy. */
static const char *of_sections(request_rec *r, const gw_route *route)
{
    const gw_lane_mark *mark = lane.conf.routes
        ? apr_hash_get(lane.conf.routes, &route, sizeof(route)) : NULL;
    const gw_dir_conf *dir;
    const char *why;

    if (ap_location_walk(r) != OK) {
        return "section";
    }
    dir = gw_conf_of_request(r);
    why = of_event(dir);
    why = why ? why : dir->lane;
    why = why ? why : mark ? mark->why : NULL;
    why = why ? why : ap_auth_type(r) ? "auth" : NULL;
    why = why ? why : of_core(r);
    return why ? why
               : of_bits(dir->lane_bits | (mark ? mark->bits : 0));
}

const char *gw_lane_of_request(request_rec *r)
{
    const gw_routes *routes = gw_conf_of_server(r->server)->routes;
    const char *raw = r->parsed_uri.path;
    gw_match match;
    request_rec copy;
    char *path;

    if (lane.request) {
        return lane.request;
    }
    if (!routes || r->proxyreq || !raw || *raw != '/') {
        return "handler";
    }
    if (offers_protocol(r)) {
        return "upgrade";
    }
    path = decoded_path(r);
    if (!path || !gw_routes_find(routes, path, &match)
        || match.route->exclude) {
        return "handler";
    }
    copy = *r;
    copy.uri = copy.parsed_uri.path = path;
    return of_sections(&copy, match.route);
}

/* --- filters ------------------------------------------------------------- */

static int is_one_of(const char *name, const char *const *names)
{
    int i;

    for (i = 0; names[i]; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Was it found safe before? *pplace: where that may be noted, NULL: there is
 * no room. */
static int is_known(const ap_filter_rec_t *frec,
                    const ap_filter_rec_t ***pplace)
{
    apr_uintptr_t at = (apr_uintptr_t)frec / sizeof(*frec);
    int i;

    *pplace = NULL;
    for (i = 0; i < KNOWN_NEAR; i++) {
        const ap_filter_rec_t **known = &lane.known[(at + i) % KNOWN];
        const ap_filter_rec_t *one = __atomic_load_n(known, __ATOMIC_RELAXED);

        if (one == frec) {
            return 1;
        }
        if (!one) {
            *pplace = known;
            break;
        }
    }
    return 0;
}

static int is_safe(const ap_filter_rec_t *frec, const char *const *names)
{
    const ap_filter_rec_t **place;

    if (is_known(frec, &place)) {
        return 1;
    }
    if (!is_one_of(frec->name, names)
        && !(lane.sessions && strcasecmp(frec->name, "mod_session_out") == 0))
    {
        return 0;
    }
    if (place) {
        __atomic_store_n(place, frec, __ATOMIC_RELAXED);
    }
    return 1;
}

static const char *of_filters(request_rec *r, const ap_filter_t *f,
                              const char *const *names)
{
    for (; f; f = f->next) {
        if (!is_safe(f->frec, names)) {
            return apr_pstrcat(r->pool, "filter ", f->frec->name, NULL);
        }
    }
    return NULL;
}

const char *gw_lane_of_exchange(request_rec *r)
{
    const char *why;

    if (r->main) {
        return "subrequest";
    }
    why = of_filters(r, r->output_filters, safe_output);
    return why ? why : of_filters(r, r->input_filters, safe_input);
}

int gw_lane_has_error_document(request_rec *r, int status)
{
    const char *page;

    if (!ap_is_HTTP_VALID_RESPONSE(status)) {
        return 0;
    }
    page = ap_response_code_string(r, ap_index_of_response(status));
    return page && *page != '"';
}
