#include "gw_reverse.h"

#include <string.h>
#include <apr_strings.h>

#include "gw_edit.h"
#include "gw_reverse_map.h"

/* An attribute of a cookie; RFC 6265 5.2 finds them in the same way. */
typedef struct {
    gw_str whole;           /* from its ';' to the next */
    gw_str name;
    gw_str value;           /* without white space and quotes */
} cookie_attr;

/* The part of s up to c, or all of it; s moves behind what was taken. */
static gw_str take_until(gw_str *s, char c)
{
    const char *end = s->len ? memchr(s->p, c, s->len) : NULL;
    gw_str part = *s;

    if (end) {
        part.len = (apr_size_t)(end - s->p);
    }
    s->p += part.len;
    s->len -= part.len;
    return part;
}

/* Old Java servers quote the values of their attributes. */
static gw_str unquote(gw_str s)
{
    if (s.len >= 2 && s.p[0] == '"' && s.p[s.len - 1] == '"') {
        s.p++;
        s.len -= 2;
    }
    return s;
}

/* Read the attribute at the ';' that rest begins with, if it does. */
static int next_attr(gw_str *rest, cookie_attr *attr)
{
    gw_str part;

    if (!rest->len) {
        return 0;
    }
    attr->whole.p = rest->p++;
    rest->len--;
    part = take_until(rest, ';');
    attr->whole.len = part.len + 1;
    attr->name = gw_str_trim(take_until(&part, '='));
    if (part.len) {
        part.p++;
        part.len--;
    }
    attr->value = unquote(gw_str_trim(part));
    return 1;
}

/*
 * "/" below a backend path that ends in '/' is that very path, and the front
 * path as it was configured then covers what the backend meant; "/app/" would
 * not be sent along with a request for "/app".
 */
static gw_str cookie_tail(const gw_reverse_rule *rule, gw_str tail)
{
    const char *from = gw_reverse_from(rule);
    apr_size_t len = strlen(from);

    if (tail.len == 1 && (!len || from[len - 1] == '/')) {
        tail.len = 0;
    }
    return tail;
}

static void edit_path(gw_edits *edits, const gw_reverse *rev, gw_str path)
{
    const gw_reverse_rule *rule;
    gw_str tail;

    /* what does not begin with '/' means the path of the request */
    if (!path.len || *path.p != '/') {
        return;
    }
    rule = gw_reverse_path_rule(rev, path, 0, &tail);
    if (!rule || strchr(rule->front, ';')) {
        return;
    }
    tail = cookie_tail(rule, tail);
    gw_edit_add(edits, path, gw_reverse_to(edits->pool, rule, tail));
}

/* Is host the domain itself or a name below it (RFC 6265 5.1.3)? */
static int domain_holds(gw_str domain, const char *host, int host_is_ip)
{
    gw_str name = gw_str_of(host);

    if (name.len > domain.len && !host_is_ip) {
        name.p += name.len - domain.len;
        name.len = domain.len;
        if (name.p[-1] != '.') {
            return 0;
        }
    }
    return gw_str_equal_nocase(name, domain);
}

/* An address in numbers; a name cannot end in a number (RFC 3696 2). */
static int is_ip(const char *host)
{
    return strchr(host, ':') || !host[strspn(host, "0123456789.")];
}

static void edit_domain(gw_edits *edits, const gw_reverse *rev,
                        const cookie_attr *attr)
{
    const char *front = gw_reverse_host(rev);
    gw_str domain = attr->value;
    int i;

    if (domain.len && *domain.p == '.') {
        domain.p++;
        domain.len--;
    }
    if (!domain.len || !front || domain_holds(domain, front, is_ip(front))) {
        return;
    }
    for (i = 0; i < rev->nrules; i++) {
        const gw_url *backend = rev->rules[i]->backend;

        if (backend
            && domain_holds(domain, backend->host, backend->host_is_ip)) {
            if (is_ip(front)) {
                gw_edit_add(edits, attr->whole, "");
            }
            else {
                gw_edit_add(edits, attr->value, front);
            }
            return;
        }
    }
}

/*
 * A name that begins with __Host- obliges the client to refuse a cookie with
 * another Path than "/" or with a Domain: any change would lose it.
 */
static int is_host_cookie(gw_str pair)
{
    static const char prefix[] = "__Host-";
    gw_str name = gw_str_trim(pair);

    if (name.len < sizeof(prefix) - 1) {
        return 0;
    }
    name.len = sizeof(prefix) - 1;
    return gw_str_is(name, prefix);
}

const char *gw_reverse_cookie(apr_pool_t *pool, const gw_reverse *rev,
                              const char *value)
{
    gw_str rest = gw_str_of(value);
    cookie_attr attr;
    gw_edits edits;

    if (!gw_str_is_field_value(rest)
        || is_host_cookie(take_until(&rest, ';'))) {
        return NULL;
    }
    gw_edit_init(&edits, pool, value);
    while (next_attr(&rest, &attr)) {
        if (gw_str_is(attr.name, "path")) {
            edit_path(&edits, rev, attr.value);
        }
        else if (gw_str_is(attr.name, "domain")) {
            edit_domain(&edits, rev, &attr);
        }
    }
    return gw_edit_apply(&edits);
}
