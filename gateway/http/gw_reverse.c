#include "gw_reverse.h"

#include <string.h>
#include <apr_strings.h>

#include "gw_edit.h"
#include "gw_reverse_map.h"

/* A URI reference in its parts (RFC 3986 4.1). */
typedef struct {
    const char *text;
    gw_str scheme;          /* empty when there is none */
    gw_str authority;
    int has_authority;
    gw_str path;
    const char *rest;       /* query and fragment, "" when there are none */
} uri_ref;

/* Who a URL names. */
typedef struct {
    const char *host;
    int port;
    int default_port;       /* of the URL's scheme */
} site;

const char *gw_reverse_from(const gw_reverse_rule *rule)
{
    return rule->backend ? rule->backend->path : rule->path_only;
}

static gw_str behind(gw_str s, apr_size_t n)
{
    s.p += n;
    s.len -= n;
    return s;
}

/* The length of a path without the slashes it ends in. */
static apr_size_t base_len(const char *path)
{
    apr_size_t len = strlen(path);

    while (len && path[len - 1] == '/') {
        len--;
    }
    return len;
}

/* An escaped slash is no separator: it compares as a value of its own. */
#define ESCAPED_SLASH 0x100

/*
 * Take a byte off a path, written as it is or as an escape: the two forms are
 * the same (RFC 3986 6.2.2). Returns its value, or -1 at the end.
 */
static int take_byte(gw_str *path)
{
    apr_int64_t value;
    gw_str hex;

    if (!path->len) {
        return -1;
    }
    hex.p = path->p + 1;
    hex.len = 2;
    if (*path->p == '%' && path->len > hex.len
        && gw_str_number(hex, 16, &value)) {
        *path = behind(*path, 3);
        return value == '/' ? ESCAPED_SLASH : (int)value;
    }
    *path = behind(*path, 1);
    return (unsigned char)path->p[-1];
}

/* Does path begin with base and end there or go on with '/'? */
static int is_under(gw_str path, const char *base, gw_str *tail)
{
    gw_str rest;

    rest.p = base;
    rest.len = base_len(base);
    while (rest.len) {
        if (take_byte(&rest) != take_byte(&path)) {
            return 0;
        }
    }
    *tail = path;
    return !path.len || *path.p == '/';
}

/* The longest part of path that is a rule's front path already, or -1. */
static apr_ssize_t front_len(const gw_reverse *rev, gw_str path)
{
    apr_ssize_t longest = -1;
    gw_str tail;
    int i;

    for (i = 0; i < rev->nrules; i++) {
        if (is_under(path, rev->rules[i]->front, &tail)) {
            apr_ssize_t len = (apr_ssize_t)(path.len - tail.len);

            longest = len > longest ? len : longest;
        }
    }
    return longest;
}

/*
 * Does the URL name this host and port? The http and the https form of a
 * default port are the same; a network-path reference has its scheme from
 * context, which is the scheme compared with.
 */
static int is_site(const site *who, const char *host, int port,
                   const char *scheme)
{
    int its_default = gw_url_default_port(scheme);
    int default_port = who->default_port ? who->default_port : its_default;
    int who_port = who->port ? who->port : default_port;

    if (!port) {
        port = its_default;
    }
    if (!port || !gw_str_is(gw_str_of(who->host), host)) {
        return 0;
    }
    return who_port == port
           || (who_port == default_port && port == its_default);
}

/* Is this the backend that answered? */
static int is_origin(const gw_reverse *rev, const gw_url *backend)
{
    const gw_url *origin = rev->origin;
    site who;

    if (!origin) {
        return 1;
    }
    if (strcmp(origin->socket ? origin->socket : "",
               backend->socket ? backend->socket : "") != 0) {
        return 0;
    }
    who.host = origin->host;
    who.port = origin->port;
    who.default_port = gw_url_default_port(origin->scheme);
    return is_site(&who, backend->host, backend->port, backend->scheme)
           || (strcmp(origin->scheme, backend->scheme) == 0
               && strcmp(origin->host, backend->host) == 0
               && origin->port == backend->port);
}

const gw_reverse_rule *gw_reverse_path_rule(const gw_reverse *rev,
                                            gw_str path, int path_only,
                                            gw_str *tail)
{
    apr_ssize_t front = front_len(rev, path);
    int i;

    for (i = 0; i < rev->nrules; i++) {
        const gw_reverse_rule *rule = rev->rules[i];

        if (rule->backend && (path_only || !is_origin(rev, rule->backend))) {
            continue;
        }
        if (is_under(path, gw_reverse_from(rule), tail)
            && (apr_ssize_t)(path.len - tail->len) > front) {
            return rule;
        }
    }
    return NULL;
}

char *gw_reverse_to(apr_pool_t *pool, const gw_reverse_rule *rule,
                    gw_str tail)
{
    const char *front = *rule->front ? rule->front : "/";
    apr_size_t len = tail.len ? base_len(front) : strlen(front);

    return apr_pstrcat(pool, apr_pstrmemdup(pool, front, len),
                       gw_str_dup(pool, tail), NULL);
}

const char *gw_reverse_host(const gw_reverse *rev)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:";
    const char *host = rev->host;

    return host && *host && !host[strspn(host, allowed)] ? host : NULL;
}

/* The length of a scheme at the start of text, 0 without one. */
static apr_size_t scheme_len(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
    apr_size_t len = strspn(text, letters);

    /* the first of them must be a letter */
    return len && text[len] == ':' && !strchr(letters + 52, *text) ? len : 0;
}

static void split_ref(const char *text, uri_ref *ref)
{
    const char *p = text;

    ref->text = text;
    ref->scheme.p = p;
    ref->scheme.len = scheme_len(p);
    if (ref->scheme.len) {
        p += ref->scheme.len + 1;
    }
    ref->has_authority = p[0] == '/' && p[1] == '/';
    if (ref->has_authority) {
        p += 2;
    }
    ref->authority.p = p;
    ref->authority.len = ref->has_authority ? strcspn(p, "/?#") : 0;
    ref->path.p = p + ref->authority.len;
    ref->path.len = strcspn(ref->path.p, "?#");
    ref->rest = ref->path.p + ref->path.len;
}

/* Who an absolute URL or network-path reference names; 0: nobody we know. */
static int read_site(apr_pool_t *pool, const uri_ref *ref, site *who)
{
    who->default_port = 0;
    if (ref->scheme.len) {
        char *scheme = gw_str_dup(pool, ref->scheme);
        char *p;

        for (p = scheme; *p; p++) {
            if (*p >= 'A' && *p <= 'Z') {
                *p = (char)(*p + ('a' - 'A'));
            }
        }
        who->default_port = gw_url_default_port(scheme);
        if (!who->default_port) {
            return 0;
        }
    }
    /* user information is nothing a backend says about itself */
    return !memchr(ref->authority.p, '@', ref->authority.len)
           && gw_url_split_hostport(pool, ref->authority, &who->host,
                                    &who->port);
}

/* host[:port] of the front. */
static char *front_authority(apr_pool_t *pool, const gw_reverse *rev,
                             const char *host)
{
    int v6 = strchr(host, ':') != NULL;
    char *text = apr_pstrcat(pool, v6 ? "[" : "", host, v6 ? "]" : "", NULL);

    if (rev->port && rev->port != gw_url_default_port(rev->scheme)) {
        text = apr_psprintf(pool, "%s:%d", text, rev->port);
    }
    return text;
}

/*
 * An absolute path must not read as a network path: a client takes "//x",
 * "/\x" and, since it drops tabs, "/<TAB>/x" for the host x. A first segment
 * of "." (RFC 3986 4.2) changes nothing else.
 */
static const char *path_guard(const char *path)
{
    return path[1] == '/' || path[1] == '\\' || path[1] == '\t' ? "/." : "";
}

/* The reference on the front, in the form in which the backend wrote it. */
static const char *on_front(apr_pool_t *pool, const gw_reverse *rev,
                            const uri_ref *ref, const char *path)
{
    const char *host = ref->has_authority ? gw_reverse_host(rev) : NULL;

    if (!host) {
        return apr_pstrcat(pool, path_guard(path), path, ref->rest, NULL);
    }
    return apr_pstrcat(pool, ref->scheme.len ? rev->scheme : "",
                       ref->scheme.len ? "://" : "//",
                       front_authority(pool, rev, host), path, ref->rest,
                       NULL);
}

/* A URL on the front's own name keeps its origin: only the path is mapped. */
static const char *map_own(apr_pool_t *pool, const gw_reverse *rev,
                           const uri_ref *ref)
{
    const gw_reverse_rule *rule;
    gw_str origin, tail;

    rule = gw_reverse_path_rule(rev, ref->path, 1, &tail);
    if (!rule) {
        return NULL;
    }
    origin.p = ref->text;
    origin.len = (apr_size_t)(ref->path.p - ref->text);
    return apr_pstrcat(pool, gw_str_dup(pool, origin),
                       gw_reverse_to(pool, rule, tail), ref->rest, NULL);
}

/* An absolute URL or a network-path reference. */
static const char *map_site(apr_pool_t *pool, const gw_reverse *rev,
                            const uri_ref *ref)
{
    const char *host = gw_reverse_host(rev);
    gw_str tail;
    site who;
    int i;

    if (!read_site(pool, ref, &who)) {
        return NULL;
    }
    for (i = 0; i < rev->nrules; i++) {
        const gw_reverse_rule *rule = rev->rules[i];
        const gw_url *backend = rule->backend;

        if (backend && (!backend->socket || is_origin(rev, backend))
            && is_site(&who, backend->host, backend->port, backend->scheme)
            && is_under(ref->path, backend->path, &tail)) {
            return on_front(pool, rev, ref, gw_reverse_to(pool, rule, tail));
        }
    }
    if (host && is_site(&who, host, rev->port, rev->scheme)) {
        return map_own(pool, rev, ref);
    }
    return NULL;
}

const char *gw_reverse_url(apr_pool_t *pool, const gw_reverse *rev,
                           const char *url)
{
    const gw_reverse_rule *rule;
    gw_str tail;
    uri_ref ref;

    if (!gw_str_is_field_value(gw_str_of(url))) {
        return NULL;
    }
    split_ref(url, &ref);
    if (ref.has_authority) {
        return map_site(pool, rev, &ref);
    }
    if (ref.scheme.len || *ref.path.p != '/') {
        return NULL;
    }
    rule = gw_reverse_path_rule(rev, ref.path, 0, &tail);
    if (!rule) {
        return NULL;
    }
    return on_front(pool, rev, &ref, gw_reverse_to(pool, rule, tail));
}

/* Map a slice of the value that is a URI reference, if a rule matches. */
static void edit_url(gw_edits *edits, const gw_reverse *rev, gw_str url)
{
    const char *mapped = gw_reverse_url(edits->pool, rev,
                                        gw_str_dup(edits->pool, url));

    if (mapped) {
        gw_edit_add(edits, url, mapped);
    }
}

/* Without white space and then, if it is there, c at the front. */
static int skip_char(gw_str *s, char c)
{
    gw_str t = gw_str_trim(*s);

    if (!t.len || *t.p != c) {
        return 0;
    }
    *s = behind(t, 1);
    return 1;
}

/* What follows "url=" in front of a Refresh target, or s without it. */
static gw_str behind_url(gw_str s)
{
    gw_str name = s;
    gw_str rest;

    if (s.len < 3) {
        return s;
    }
    name.len = 3;
    rest = behind(s, 3);
    if (gw_str_is(name, "url") && skip_char(&rest, '=')) {
        return gw_str_trim(rest);
    }
    return s;
}

const char *gw_reverse_refresh(apr_pool_t *pool, const gw_reverse *rev,
                               const char *value)
{
    gw_str rest = gw_str_trim(gw_str_of(value));
    gw_edits edits;

    rest = behind(rest, strspn(rest.p, "0123456789."));
    if (!skip_char(&rest, ';') && !skip_char(&rest, ',')) {
        return NULL;
    }
    rest = behind_url(gw_str_trim(rest));
    if (rest.len && (*rest.p == '"' || *rest.p == '\'')) {
        const char *end;
        char quote = *rest.p;

        rest = behind(rest, 1);
        end = memchr(rest.p, quote, rest.len);
        if (end) {
            rest.len = (apr_size_t)(end - rest.p);
        }
    }
    gw_edit_init(&edits, pool, value);
    edit_url(&edits, rev, rest);
    return gw_edit_apply(&edits);
}

/* The length of the parameters of a link: up to a comma outside of quotes. */
static apr_size_t params_len(gw_str s)
{
    int quoted = 0;
    apr_size_t i;

    for (i = 0; i < s.len; i++) {
        if (quoted && s.p[i] == '\\' && i + 1 < s.len) {
            i++;
        }
        else if (s.p[i] == '"') {
            quoted = !quoted;
        }
        else if (s.p[i] == ',' && !quoted) {
            break;
        }
    }
    return i;
}

const char *gw_reverse_link(apr_pool_t *pool, const gw_reverse *rev,
                            const char *value)
{
    gw_str rest = gw_str_of(value);
    gw_edits edits;

    gw_edit_init(&edits, pool, value);
    for (;;) {
        if (skip_char(&rest, '<')) {
            const char *end = memchr(rest.p, '>', rest.len);
            gw_str url = rest;

            if (!end) {
                break;
            }
            url.len = (apr_size_t)(end - rest.p);
            edit_url(&edits, rev, gw_str_trim(url));
            rest = behind(rest, url.len + 1);
        }
        rest = behind(rest, params_len(rest));
        if (!rest.len) {
            break;
        }
        rest = behind(rest, 1);
    }
    return gw_edit_apply(&edits);
}

/* The URI field of old servers: a reference, or a list of them as in Link. */
static const char *map_uri(apr_pool_t *pool, const gw_reverse *rev,
                           const char *value)
{
    return *value == '<' ? gw_reverse_link(pool, rev, value)
                         : gw_reverse_url(pool, rev, value);
}

typedef const char *map_fn(apr_pool_t *pool, const gw_reverse *rev,
                           const char *value);

/* Map each line of a field where it stands: their order has a meaning. */
static void map_field(apr_pool_t *pool, const gw_reverse *rev,
                      apr_table_t *headers, const char *name, map_fn *map)
{
    const apr_array_header_t *lines = apr_table_elts(headers);
    int i;

    for (i = 0; i < lines->nelts; i++) {
        apr_table_entry_t *line = &APR_ARRAY_IDX(lines, i, apr_table_entry_t);

        if (line->key && gw_str_is(gw_str_of(line->key), name)) {
            const char *mapped = map(pool, rev, line->val);

            if (mapped) {
                line->val = (char *)mapped;
            }
        }
    }
}

void gw_reverse_headers(apr_pool_t *pool, const gw_reverse *rev,
                        apr_table_t *headers)
{
    static const struct {
        const char *name;
        map_fn *map;
    } fields[] = {
        { "Location", gw_reverse_url },
        { "Content-Location", gw_reverse_url },
        { "Destination", gw_reverse_url },
        { "URI", map_uri },
        { "Refresh", gw_reverse_refresh },
        { "Link", gw_reverse_link },
        { "Set-Cookie", gw_reverse_cookie }
    };
    unsigned int i;

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (apr_table_get(headers, fields[i].name)) {
            map_field(pool, rev, headers, fields[i].name, fields[i].map);
        }
    }
}
