#include "gw_url.h"

#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <apr_lib.h>
#include <apr_strings.h>

#define PORT_MAX 65535
/* A DNS name in text form (RFC 1035 2.3.4) with its final dot. */
#define HOST_MAX 254
/* sun_path with its NUL */
#define SOCKET_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static const char unix_prefix[] = "unix:";
#define UNIX_PREFIX_LEN (sizeof(unix_prefix) - 1)

int gw_url_default_port(const char *scheme)
{
    if (!strcmp(scheme, "http") || !strcmp(scheme, "ws")) {
        return 80;
    }
    if (!strcmp(scheme, "https") || !strcmp(scheme, "wss")) {
        return 443;
    }
    return 0;
}

static const char *lower_dup(apr_pool_t *pool, gw_str s)
{
    char *copy = gw_str_dup(pool, s);
    char *p;

    for (p = copy; *p; p++) {
        *p = (char)apr_tolower(*p);
    }
    return copy;
}

/* RFC 3986 3.1 */
static int is_scheme(gw_str s)
{
    apr_size_t i;

    for (i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c >= 0x80 || !(apr_isalpha(c)
            || (i && c && (apr_isdigit(c) || strchr("+-.", c))))) {
            return 0;
        }
    }
    return s.len > 0;
}

/*
 * A name as DNS and balancers have it: of RFC 3986's reg-name only what is
 * unreserved. Escapes and sub-delims could only mean a mistake.
 */
static int is_name(gw_str s)
{
    apr_size_t i;

    for (i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c >= 0x80 || !c || !(apr_isalnum(c) || strchr("-._~", c))) {
            return 0;
        }
    }
    return s.len > 0 && s.len <= HOST_MAX;
}

static int is_ip4(const char *text)
{
    struct in_addr addr;

    return inet_pton(AF_INET, text, &addr) == 1;
}

/* An IPv6 address in its one form (RFC 5952), so that two spellings of it
 * compare equal; NULL if text is none. */
static const char *ip6_form(apr_pool_t *pool, const char *text)
{
    struct in6_addr addr;
    char form[INET6_ADDRSTRLEN];

    if (inet_pton(AF_INET6, text, &addr) != 1
        || !inet_ntop(AF_INET6, &addr, form, sizeof(form))) {
        return NULL;
    }
    return apr_pstrdup(pool, form);
}

/*
 * Is the last label a number, decimal or 0x...? Resolvers read such names as
 * addresses in forms of their own ("127.1").
 */
static int ends_in_number(const char *host)
{
    apr_size_t end = strlen(host);
    apr_size_t begin;
    const char *digits = "0123456789";

    if (end && host[end - 1] == '.') {
        end--;
    }
    begin = end;
    while (begin && host[begin - 1] != '.') {
        begin--;
    }
    if (begin == end) {
        return 0;
    }
    if (!strncmp(host + begin, "0x", 2)) {
        begin += 2;
        digits = "0123456789abcdef";
    }
    return begin + strspn(host + begin, digits) >= end;
}

/* The host in text, brackets still on; is_ip tells what it turned out. */
static const char *parse_host(apr_pool_t *pool, gw_str text, int *pip,
                              const char **perr)
{
    const char *host;

    *pip = 1;
    if (!text.len) {
        *perr = "the host is empty";
        return NULL;
    }
    if (*text.p == '[') {
        text.p++;
        text.len -= 2;
        host = memchr(text.p, '\0', text.len)
            ? NULL : ip6_form(pool, lower_dup(pool, text));
        if (!host) {
            *perr = "the text in [] is no IPv6 address";
        }
        return host;
    }
    if (!is_name(text)) {
        *perr = "the host is too long or has a character that no host name "
                "has";
        return NULL;
    }
    host = lower_dup(pool, text);
    *pip = is_ip4(host);
    return host;
}

/* Where the host of an authority ends, or NULL if a '[' is never closed. */
static const char *host_end(gw_str text)
{
    const char *colon;

    if (text.len && *text.p == '[') {
        const char *close = memchr(text.p, ']', text.len);

        return close ? close + 1 : NULL;
    }
    colon = memchr(text.p, ':', text.len);
    return colon ? colon : text.p + text.len;
}

/* Split an authority; *pport is -1 for "host:" and 0 without a port. */
static const char *parse_hostport(apr_pool_t *pool, gw_str text, int *pip,
                                  int *pport, const char **perr)
{
    const char *end = host_end(text);
    gw_str host = text;
    gw_str port;
    apr_int64_t n = 0;

    if (!end) {
        *perr = "'[' without ']'";
        return NULL;
    }
    host.len = (apr_size_t)(end - text.p);
    port.p = end;
    port.len = text.len - host.len;
    *pport = 0;
    if (port.len && *port.p != ':') {
        *perr = "there is text between ']' and the port";
        return NULL;
    }
    if (port.len == 1) {
        *pport = -1;
    }
    else if (port.len) {
        port.p++;
        port.len--;
        if (!gw_str_number(port, 10, &n) || n < 1 || n > PORT_MAX) {
            *perr = "the port must be a number from 1 to 65535";
            return NULL;
        }
        *pport = (int)n;
    }
    return parse_host(pool, host, pip, perr);
}

/* URI characters of path and query; '%' only before two hex digits. */
static int is_uri_text(const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '%') {
            if (!apr_isxdigit(s[1]) || !apr_isxdigit(s[2])) {
                return 0;
            }
        }
        else if (c >= 0x80
                 || !(apr_isalnum(c) || strchr("-._~:/?[]@!$&'()*+,;=", c))) {
            return 0;
        }
    }
    return 1;
}

static int parse_tail(gw_url *url, apr_pool_t *pool, const char *tail,
                      const char **perr)
{
    const char *mark = strchr(tail, '?');

    if (strchr(tail, '#')) {
        *perr = "a fragment ('#') is never sent to a backend";
        return 0;
    }
    if (!is_uri_text(tail)) {
        *perr = "path or query has a character that must be "
                "percent-encoded, or a '%' without two hex digits";
        return 0;
    }
    url->path = mark ? apr_pstrmemdup(pool, tail, (apr_size_t)(mark - tail))
        : apr_pstrdup(pool, tail);
    url->query = mark ? apr_pstrdup(pool, mark + 1) : NULL;
    return 1;
}

static int parse_authority(gw_url *url, apr_pool_t *pool, gw_str text,
                           const char **perr)
{
    int port;

    if (memchr(text.p, '@', text.len)) {
        *perr = "user names and passwords do not belong into a URL";
        return 0;
    }
    url->host = parse_hostport(pool, text, &url->host_is_ip, &port, perr);
    if (!url->host) {
        return 0;
    }
    if (port < 0) {
        *perr = "there is no number behind the ':' of the port";
        return 0;
    }
    url->port_given = port > 0;
    url->port = port ? port : gw_url_default_port(url->scheme);
    if (gw_url_default_port(url->scheme) && !url->host_is_ip
        && ends_in_number(url->host)) {
        *perr = "the host is no IPv4 address though it ends in a number";
        return 0;
    }
    return 1;
}

/* "unix:/path|": returns what follows, or NULL. */
static const char *parse_socket(gw_url *url, apr_pool_t *pool,
                                const char *text, const char **perr)
{
    const char *bar;

    if (strncasecmp(text, unix_prefix, UNIX_PREFIX_LEN)) {
        return text;
    }
    text += UNIX_PREFIX_LEN;
    bar = strchr(text, '|');
    if (!bar) {
        *perr = "unix: needs the form unix:/path/of.sock|http://name/path";
        return NULL;
    }
    if (*text != '/') {
        *perr = "the path of the socket must be absolute";
        return NULL;
    }
    if ((apr_size_t)(bar - text) > SOCKET_MAX) {
        *perr = "the path of the socket is longer than the system allows";
        return NULL;
    }
    url->socket = apr_pstrmemdup(pool, text, (apr_size_t)(bar - text));
    return bar + 1;
}

static int has_blank_or_control(const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c <= 0x20 || c == 0x7f) {
            return 1;
        }
    }
    return 0;
}

gw_url *gw_url_parse(apr_pool_t *pool, const char *text, const char **perr)
{
    gw_url *url = apr_pcalloc(pool, sizeof(*url));
    gw_str scheme;
    gw_str authority;
    const char *rest;

    if (has_blank_or_control(text)) {
        *perr = "a URL holds no spaces and no control characters";
        return NULL;
    }
    scheme.p = parse_socket(url, pool, text, perr);
    if (!scheme.p) {
        return NULL;
    }
    rest = strstr(scheme.p, "://");
    scheme.len = rest ? (apr_size_t)(rest - scheme.p) : 0;
    if (!is_scheme(scheme) || gw_str_is(scheme, "unix")) {
        *perr = "a URL begins with a scheme such as http://";
        return NULL;
    }
    url->scheme = lower_dup(pool, scheme);
    authority.p = rest + 3;
    authority.len = strcspn(authority.p, "/?#");
    if (!parse_authority(url, pool, authority, perr)
        || !parse_tail(url, pool, authority.p + authority.len, perr)) {
        return NULL;
    }
    return url;
}

static char *authority_text(apr_pool_t *pool, const gw_url *url, int port)
{
    int v6 = url->host_is_ip && strchr(url->host, ':');
    const char *open = v6 ? "[" : "";
    const char *close = v6 ? "]" : "";

    if (port) {
        return apr_psprintf(pool, "%s%s%s:%d", open, url->host, close,
                            url->port);
    }
    return apr_pstrcat(pool, open, url->host, close, NULL);
}

char *gw_url_authority(apr_pool_t *pool, const gw_url *url)
{
    return authority_text(pool, url,
                          url->port != gw_url_default_port(url->scheme));
}

char *gw_url_origin(apr_pool_t *pool, const gw_url *url)
{
    return apr_pstrcat(pool, url->scheme, "://", gw_url_authority(pool, url),
                       NULL);
}

char *gw_url_text(apr_pool_t *pool, const gw_url *url)
{
    return apr_pstrcat(pool, url->socket ? unix_prefix : "",
                       url->socket ? url->socket : "",
                       url->socket ? "|" : "",
                       url->scheme, "://",
                       authority_text(pool, url, url->port_given),
                       url->path, url->query ? "?" : "",
                       url->query ? url->query : "", NULL);
}

int gw_url_split_hostport(apr_pool_t *pool, gw_str text,
                          const char **phost, int *pport)
{
    const char *err;
    int ip;

    *phost = parse_hostport(pool, text, &ip, pport, &err);
    if (!*phost) {
        return 0;
    }
    if (*pport < 0) {
        *pport = 0;
    }
    return 1;
}
