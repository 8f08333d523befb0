/**
 * gw_target: see gw_target.h.
 */
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "gw_member.h"
#include "gw_path.h"
#include "gw_target.h"

/* Schemes of mod_proxy that have no code here yet, and what goes instead. */
static const struct {
    const char *scheme;
    const char *instead;
} schemes_later[] = {
    { "h2", "use https://, backends that speak HTTP/2 also speak HTTP/1.1" },
    { "h2c", "use http://, backends that speak HTTP/2 also speak HTTP/1.1" },
    { "ajp", "use http:// and the port of the backend's HTTP connector" },
    { "fcgi", "put an HTTP server before the application, or keep "
              "mod_proxy_fcgi for it" },
    { "scgi", "put an HTTP server before the application, or keep "
              "mod_proxy_scgi for it" },
    { "uwsgi", "use http:// and uWSGI's http-socket option" },
    { "ftp", "keep mod_proxy_ftp for it" },
    { "fd", "keep mod_proxy_fdpass for it" },
    { NULL, NULL }
};

static const char *check_scheme(apr_pool_t *pool, const char *scheme)
{
    int i;

    if (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) {
        return NULL;
    }
    if (strcmp(scheme, "balancer") == 0) {
        return gw_member_provider() ? NULL : "balancer:// needs "
               "mod_gateway_balancer: add LoadModule gateway_balancer_module "
               "before this line";
    }
    if (strcmp(scheme, "dns") == 0 || strcmp(scheme, "srv") == 0) {
        return apr_psprintf(pool, "%s:// is for members: use it in a "
                            "GatewayMember of a balancer", scheme);
    }
    for (i = 0; schemes_later[i].scheme != NULL; ++i) {
        if (strcmp(schemes_later[i].scheme, scheme) == 0) {
            return apr_psprintf(pool, "%s:// is not built yet: %s", scheme,
                                schemes_later[i].instead);
        }
    }
    return apr_psprintf(pool, "%s:// is no scheme of a backend: use http:// "
                        "or https://", scheme);
}

/** The scheme in lower case, or NULL when text does not begin with one. */
static const char *scheme_of(apr_pool_t *pool, const char *text)
{
    const char *end = strstr(text, "://");
    char *scheme;
    char *c;

    if (end == NULL || end == text || !apr_isalpha(*text)) {
        return NULL;
    }
    scheme = apr_pstrmemdup(pool, text, (apr_size_t)(end - text));
    for (c = scheme; *c; ++c) {
        if (!apr_isalnum(*c) && strchr("+-.", *c) == NULL) {
            return NULL;
        }
        *c = (char)apr_tolower(*c);
    }
    return scheme;
}

static const char *no_scheme(apr_pool_t *pool, const char *text)
{
    const char *rest = text;

    if (strncasecmp(text, "http:", 5) == 0) {
        rest = text + 5;
    }
    else if (strncasecmp(text, "https:", 6) == 0) {
        return apr_psprintf(pool, "'%s' is no URL: did you mean https://%s?",
                            text, text + 6 + strspn(text + 6, "/"));
    }
    rest += strspn(rest, "/:");
    if (*rest == '\0' || *text == '/') {
        return apr_psprintf(pool, "'%s' is no URL of a backend: it needs a "
                            "scheme and a host, as in http://host:8080/path",
                            text);
    }
    return apr_psprintf(pool, "'%s' has no scheme: did you mean http://%s?",
                        text, rest);
}

/** unix:relative|... becomes unix:/runtime/dir/relative|... */
static const char *socket_absolute(apr_pool_t *pool, const char *text,
                                   const char **perr)
{
    const char *bar = strchr(text, '|');
    const char *path;
    const char *full;
    gw_addrset *set;

    if (bar == NULL || bar == text + 5) {
        *perr = apr_psprintf(pool, "'%s' needs a socket and a URL, as in "
                             "unix:/run/app.sock|http://localhost/", text);
        return NULL;
    }
    path = apr_pstrmemdup(pool, text + 5, (apr_size_t)(bar - text - 5));
    full = ap_runtime_dir_relative(pool, path);
    if (full == NULL) {
        *perr = apr_psprintf(pool, "'%s' is no path of a socket", path);
        return NULL;
    }
    set = gw_addrset_unix(full);
    if (set == NULL) {
        *perr = apr_psprintf(pool, "the socket's path %s is longer than the "
                             "system allows", full);
        return NULL;
    }
    gw_addrset_release(&set);
    return apr_pstrcat(pool, "unix:", full, bar, NULL);
}

/** ws:// is another name for http://, wss:// for https://: the same
 * connections carry both. */
static const char *without_ws(apr_pool_t *pool, const char *text)
{
    if (strncasecmp(text, "ws:", 3) == 0) {
        return apr_pstrcat(pool, "http", text + 2, NULL);
    }
    if (strncasecmp(text, "wss:", 4) == 0) {
        return apr_pstrcat(pool, "https", text + 3, NULL);
    }
    return text;
}

const gw_url *gw_target_url(apr_pool_t *pool, const char *text,
                            const char **perr)
{
    const char *scheme;
    const char *http;
    const gw_url *url;

    *perr = NULL;
    text = http = without_ws(pool, text);
    if (strncasecmp(text, "unix:", 5) == 0) {
        text = socket_absolute(pool, text, perr);
        if (text == NULL) {
            return NULL;
        }
        http = strchr(text, '|') + 1;
        text = apr_pstrcat(pool, apr_pstrmemdup(pool, text,
                                                (apr_size_t)(http - text)),
                           without_ws(pool, http), NULL);
        http = strchr(text, '|') + 1;
    }
    scheme = scheme_of(pool, http);
    *perr = scheme ? check_scheme(pool, scheme) : no_scheme(pool, http);
    if (*perr != NULL) {
        return NULL;
    }
    url = gw_url_parse(pool, text, perr);
    if (url == NULL) {
        *perr = apr_psprintf(pool, "'%s' cannot be used as a URL: %s", text,
                             *perr ? *perr : "it is malformed");
    }
    return url;
}

const char *gw_target_backrefs(apr_pool_t *pool, const char *text,
                               int *phighest)
{
    const char *authority = strstr(text, "://");
    const char *path = authority
                       ? authority + 3 + strcspn(authority + 3, "/?")
                       : text;
    const char *c;

    *phighest = -1;
    for (c = text; (c = strchr(c, '$')) != NULL; ++c) {
        if (!apr_isdigit(c[1])) {
            continue;
        }
        if (c < path) {
            return apr_psprintf(pool, "$%c may only be in the path or the "
                                "query of the URL: scheme, host and port "
                                "come from the configuration alone", c[1]);
        }
        if (c[1] - '0' > *phighest) {
            *phighest = c[1] - '0';
        }
    }
    return NULL;
}

/** Wildcards, apart from the brackets of an IPv6 address? */
static int has_wildcard(const char *text)
{
    const char *v6 = strstr(text, "://[");
    const char *c;

    for (c = strpbrk(text, "*?["); c != NULL; c = strpbrk(c + 1, "*?[")) {
        if (v6 == NULL || c != v6 + 3) {
            return 1;
        }
    }
    return 0;
}

const char *gw_target_section(apr_pool_t *pool, const char *text,
                              gw_section *section)
{
    const char *colon = strchr(text, ':');
    const char *err;
    gw_url *parsed;
    char *path;

    text = without_ws(pool, text);
    section->url = text;
    section->wildcard = has_wildcard(text);
    if (section->wildcard) {
        return NULL;
    }
    /* "http:" and "http://": all backends of that scheme */
    if (colon != NULL && colon > text && colon[1 + strspn(colon + 1, "/")]
                                         == '\0'
        && strspn(colon + 1, "/") <= 2) {
        return check_scheme(pool, apr_pstrmemdup(pool, text,
                                                 (apr_size_t)(colon - text)));
    }
    section->parsed = gw_target_url(pool, text, &err);
    if (section->parsed == NULL) {
        return err;
    }
    if (section->parsed->query != NULL) {
        return apr_psprintf(pool, "'%s' has a query: sections apply to "
                            "paths, leave it out", text);
    }
    if (gw_path_decode(pool, section->parsed->path, &path, NULL)
        != GW_PATH_OK) {
        return apr_psprintf(pool, "'%s' has a malformed path", text);
    }
    parsed = apr_pmemdup(pool, section->parsed, sizeof(*parsed));
    parsed->path = path;
    section->parsed = parsed;
    return NULL;
}
