#include "gw_map_target.h"

#include <string.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "gw_path.h"

#define WHY_DOUBLE  "%252F in a path that is not sent as it came"
#define WHY_NOCANON "nocanon and a path that is not sent as it came"

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

/* The target of one request, while it is put together. */
typedef struct filling filling;
struct filling {
    apr_pool_t *p;
    const gw_mapped *m;
    const char *raw;        /* the client's bytes of the path, or NULL */
    const char *why;        /* set: a value cannot be sent */
};

/* The rest of the client's path, behind the route's prefix. */
static const char *tail_of(filling *f)
{
    const gw_mapped *m = f->m;
    const char *tail = NULL;

    if (f->raw) {
        tail = gw_path_raw_tail(f->p, f->raw, m->checked, m->match.tail);
    }
    if (!tail && m->double_coded) {
        f->why = WHY_DOUBLE;
        return NULL;
    }
    if (!tail && m->match.route->nocanon) {
        f->why = WHY_NOCANON;
        return NULL;
    }
    return tail ? tail : gw_path_encode(f->p, m->checked + m->match.tail);
}

/* A value for the path: the client's own bytes of it, or one encoding. */
static const char *path_value(filling *f, int so, int eo)
{
    const gw_mapped *m = f->m;
    const char *from = NULL;
    const char *rest = NULL;

    if (f->raw) {
        from = gw_path_raw_tail(f->p, f->raw, m->checked, (apr_size_t)so);
        rest = gw_path_raw_tail(f->p, f->raw, m->checked, (apr_size_t)eo);
    }
    if (from && rest) {
        return apr_pstrmemdup(f->p, from, strlen(from) - strlen(rest));
    }
    f->why = m->double_coded ? WHY_DOUBLE
             : m->match.route->nocanon ? WHY_NOCANON : f->why;
    return gw_path_encode(f->p, apr_pstrmemdup(f->p, m->checked + so,
                                               (apr_size_t)(eo - so)));
}

/* A value for the query; a kept %2F stays one. */
static const char *query_value(filling *f, int so, int eo)
{
    const char *done = "";
    char *part = apr_pstrmemdup(f->p, f->m->checked + so,
                                (apr_size_t)(eo - so));
    char *cut;

    if (f->m->double_coded) {
        f->why = WHY_DOUBLE;
    }
    while ((cut = strstr(part, "%2F"))) {
        *cut = '\0';
        done = apr_pstrcat(f->p, done, gw_path_encode_value(f->p, part, 0),
                           "%2F", NULL);
        part = cut + 3;
    }
    return apr_pstrcat(f->p, done, gw_path_encode_value(f->p, part, 0), NULL);
}

static const char *value_of(filling *f, int n, int in_query)
{
    const gw_match *match = &f->m->match;
    int so, eo;

    if (n >= match->ncaptures || match->captures[n].so < 0) {
        return "";
    }
    so = match->captures[n].so;
    eo = match->captures[n].eo;
    return in_query ? query_value(f, so, eo) : path_value(f, so, eo);
}

/* Replace $0..$9 in a part of the route's URL. */
static const char *interpolate(filling *f, const char *text, int in_query)
{
    const char *done = "";
    const char *dollar;

    while ((dollar = strchr(text, '$'))) {
        const char *lead = apr_pstrmemdup(f->p, text,
                                          (apr_size_t)(dollar - text));

        if (!apr_isdigit(dollar[1])) {
            done = apr_pstrcat(f->p, done, lead, "$", NULL);
            text = dollar + 1;
            continue;
        }
        done = apr_pstrcat(f->p, done, lead,
                           value_of(f, dollar[1] - '0', in_query), NULL);
        text = dollar + 2;
    }
    return apr_pstrcat(f->p, done, text, NULL);
}

/* The path of a route with captures: encoded values, then checked whole as
 * any path a client could have sent. */
static const char *captured_path(request_rec *r, gw_mapped *m, filling *f)
{
    const char *path = interpolate(f, m->match.route->url->path, 0);
    gw_path_verdict verdict;
    char *decoded;

    path = gw_path_join(r->pool, "", path);
    verdict = gw_path_decode(r->pool, path, &decoded, NULL);
    if (verdict == GW_PATH_OK && gw_path_unsafe(decoded)
        && gw_conf_of_request(r)->unsafe_path != 1) {
        verdict = GW_PATH_UNSAFE;
    }
    if (verdict != GW_PATH_OK) {
        f->why = gw_path_verdict_text(verdict);
        return NULL;
    }
    m->path = decoded;
    return path;
}

/* The route's path and the rest of the client's. A rule whose path ends in '/'
 * has taken the one at the end of the client's: a backend that were asked
 * without it would redirect to what the client asked for already. */
static const char *joined_path(request_rec *r, gw_mapped *m, filling *f)
{
    const char *base = m->match.route->url->path;
    const char *tail = tail_of(f);

    if (!tail) {
        return NULL;
    }
    if (!*tail && m->match.tail > 0 && m->checked[m->match.tail - 1] == '/') {
        base = gw_path_join(r->pool, base, "/");
    }
    m->path = gw_path_join(r->pool, base, m->checked + m->match.tail);
    return gw_path_join(r->pool, base, tail);
}

/* The route's own query and the client's, in this order. */
static const char *query_of(request_rec *r, const gw_mapped *m, filling *f)
{
    const char *own = m->match.route->url->query;
    const char *args = gw_path_query(r->pool, r->args);

    if (own && m->match.route->backrefs) {
        own = interpolate(f, own, 1);
    }
    if (!own || !*own) {
        return args;
    }
    return args ? apr_pstrcat(r->pool, own, "&", args, NULL) : own;
}

const char *gw_map_set_target(request_rec *r, gw_mapped *m)
{
    filling f = { r->pool, m, raw_path(r), NULL };
    const char *path;
    const char *query;

    path = m->match.route->backrefs ? captured_path(r, m, &f)
                                    : joined_path(r, m, &f);
    query = query_of(r, m, &f);
    if (f.why) {
        return f.why;
    }
    m->target = query ? apr_pstrcat(r->pool, path, "?", query, NULL) : path;
    return NULL;
}
