#include "gw_map_target.h"

#include <string.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "gw_path.h"

/* The client's bytes of the path, before anything decoded them: of
 * origin-form or absolute-form targets. */
static const char *raw_path(request_rec *r)
{
    const char *raw = r->unparsed_uri;
    const char *end;

    if (raw && *raw != '/') {
        raw = strstr(raw, "://");
        raw = raw ? strchr(raw + 3, '/') : NULL;
    }
    if (!raw) {
        return NULL;
    }
    end = raw + strcspn(raw, "?#");
    return apr_pstrmemdup(r->pool, raw, (apr_size_t)(end - raw));
}

static const char *tail_of(request_rec *r, const gw_mapped *m,
                           const char **pwhy)
{
    const char *raw = raw_path(r);
    const char *tail = NULL;

    if (raw) {
        tail = gw_path_raw_tail(r->pool, raw, m->checked, m->match.tail);
    }
    if (!tail && m->double_coded) {
        *pwhy = "%252F in a path that is not sent as it came";
        return NULL;
    }
    if (!tail && m->match.route->nocanon) {
        *pwhy = "nocanon and a path that is not sent as it came";
        return NULL;
    }
    if (!tail) {
        tail = gw_path_encode(r->pool, m->checked + m->match.tail);
    }
    return tail;
}

/* One captured value, encoded for where it goes. A kept %2F stays one. */
static const char *encode_capture(apr_pool_t *p, const char *value,
                                  int in_query)
{
    const char *done = "";
    char *part;
    char *cut;

    if (!in_query) {
        return gw_path_encode(p, value);
    }
    part = apr_pstrdup(p, value);
    while ((cut = strstr(part, "%2F"))) {
        *cut = '\0';
        done = apr_pstrcat(p, done, gw_path_encode_value(p, part, 0), "%2F",
                           NULL);
        part = cut + 3;
    }
    return apr_pstrcat(p, done, gw_path_encode_value(p, part, 0), NULL);
}

static const char *capture(apr_pool_t *p, const gw_mapped *m, int n)
{
    int so, eo;

    if (n >= m->match.ncaptures || m->match.captures[n].so < 0) {
        return "";
    }
    so = m->match.captures[n].so;
    eo = m->match.captures[n].eo;
    return apr_pstrmemdup(p, m->checked + so, (apr_size_t)(eo - so));
}

/* Replace $0..$9 in a part of the route's URL. */
static const char *interpolate(apr_pool_t *p, const gw_mapped *m,
                               const char *text, int in_query)
{
    const char *done = "";
    const char *dollar;

    while ((dollar = strchr(text, '$'))) {
        const char *lead = apr_pstrmemdup(p, text,
                                          (apr_size_t)(dollar - text));

        if (!apr_isdigit(dollar[1])) {
            done = apr_pstrcat(p, done, lead, "$", NULL);
            text = dollar + 1;
            continue;
        }
        done = apr_pstrcat(p, done, lead,
                           encode_capture(p, capture(p, m, dollar[1] - '0'),
                                          in_query), NULL);
        text = dollar + 2;
    }
    return apr_pstrcat(p, done, text, NULL);
}

/* The path of a route with captures: encoded values, then checked whole as
 * any path a client could have sent. */
static const char *captured_path(request_rec *r, gw_mapped *m,
                                 const char **pwhy)
{
    const char *path = interpolate(r->pool, m, m->match.route->url->path, 0);
    gw_path_verdict verdict;
    char *decoded;

    path = gw_path_join(r->pool, "", path);
    verdict = gw_path_decode(r->pool, path, &decoded, NULL);
    if (verdict == GW_PATH_OK && gw_path_unsafe(decoded)
        && gw_conf_of_request(r)->unsafe_path != 1) {
        verdict = GW_PATH_UNSAFE;
    }
    if (verdict != GW_PATH_OK) {
        *pwhy = gw_path_verdict_text(verdict);
        return NULL;
    }
    m->path = decoded;
    return path;
}

/* The route's path and the rest of the client's. */
static const char *joined_path(request_rec *r, gw_mapped *m,
                               const char **pwhy)
{
    const char *base = m->match.route->url->path;
    const char *tail = tail_of(r, m, pwhy);

    if (!tail) {
        return NULL;
    }
    m->path = gw_path_join(r->pool, base, m->checked + m->match.tail);
    return gw_path_join(r->pool, base, tail);
}

/* The route's own query and the client's, in this order. */
static const char *query_of(request_rec *r, const gw_mapped *m)
{
    const char *own = m->match.route->url->query;
    const char *args = gw_path_query(r->pool, r->args);

    if (own && m->match.route->backrefs) {
        own = interpolate(r->pool, m, own, 1);
    }
    if (!own || !*own) {
        return args;
    }
    return args ? apr_pstrcat(r->pool, own, "&", args, NULL) : own;
}

const char *gw_map_set_target(request_rec *r, gw_mapped *m)
{
    const char *why = NULL;
    const char *path;
    const char *query;

    path = m->match.route->backrefs ? captured_path(r, m, &why)
                                    : joined_path(r, m, &why);
    if (!path) {
        return why;
    }
    query = query_of(r, m);
    m->target = query ? apr_pstrcat(r->pool, path, "?", query, NULL) : path;
    return NULL;
}
