/* What a backend says about itself, and what the client is to see. */
#include <apr_general.h>
#include <apr_strings.h>

#include "gw_reverse.h"
#include "tap.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define MOST_RULES 4

static apr_pool_t *pool;

/*
 * A set of rules in one line: "backend=front" pairs parted by spaces, where a
 * backend that begins with '/' is a rule given as a path.
 */
static gw_reverse *rules_of(const char *text, const char *scheme,
                            const char *host, int port)
{
    gw_reverse *rev = apr_pcalloc(pool, sizeof(*rev));
    const gw_reverse_rule **rules;

    rules = apr_pcalloc(pool, MOST_RULES * sizeof(*rules));
    while (*text && rev->nrules < MOST_RULES) {
        gw_reverse_rule *rule = apr_pcalloc(pool, sizeof(*rule));
        size_t len = strcspn(text, " ");
        char *backend = apr_pstrmemdup(pool, text, len);
        char *front = strchr(backend, '=');
        const char *err = NULL;

        *front++ = '\0';
        rule->front = front;
        if (*backend == '/') {
            rule->path_only = backend;
        }
        else {
            rule->backend = gw_url_parse(pool, backend, &err);
            if (!rule->backend) {
                bail_out("%s: %s", backend, err);
            }
        }
        rules[rev->nrules++] = rule;
        text += len + strspn(text + len, " ");
    }
    rev->rules = rules;
    rev->scheme = scheme;
    rev->host = host;
    rev->port = port;
    return rev;
}

/* A front at https://www.example.com unless the case says otherwise. */
static gw_reverse *front_https(const char *rules)
{
    return rules_of(rules, "https", "www.example.com", 443);
}

static const struct {
    const char *rules;
    const char *url;
    const char *mapped;
} urls[] = {
    /* both forms, default ports named or not */
    { "http://be=/app", "http://be/x", "https://www.example.com/app/x" },
    { "http://be=/app", "https://be/x", "https://www.example.com/app/x" },
    { "http://be=/app", "http://be:80/x", "https://www.example.com/app/x" },
    { "http://be=/app", "https://be:443/x",
      "https://www.example.com/app/x" },
    { "https://be=/app", "http://be/x", "https://www.example.com/app/x" },
    { "https://be:443=/app", "https://be/x",
      "https://www.example.com/app/x" },
    { "http://be:80=/app", "https://be/x", "https://www.example.com/app/x" },
    { "http://be:8080=/app", "http://be:8080/x",
      "https://www.example.com/app/x" },
    { "http://be:8080=/app", "https://be:8080/x",
      "https://www.example.com/app/x" },
    { "http://be:8080=/app", "http://be/x", NULL },
    { "http://be:8080=/app", "https://be/x", NULL },
    { "http://be=/app", "http://be:8080/x", NULL },
    { "http://be=/app", "https://be:8443/x", NULL },
    { "http://be:8443=/app", "https://be/x", NULL },
    { "ws://be=/app", "http://be/x", "https://www.example.com/app/x" },
    { "http://be=/app", "ftp://be/x", NULL },
    { "http://be=/app", "gopher://be:80/x", NULL },

    /* names compare without case, schemes too */
    { "http://be=/app", "HTTP://BE/X", "https://www.example.com/app/X" },
    { "http://BE.Example=/app", "hTtPs://bE.eXAMPLE:443/",
      "https://www.example.com/app/" },

    /* other hosts that look like the backend */
    { "http://be=/app", "http://be.evil/x", NULL },
    { "http://be=/app", "http://be.evil", NULL },
    { "http://be=/app", "http://bee/x", NULL },
    { "http://be=/app", "http://b/x", NULL },
    { "http://be=/app", "http://be@evil/x", NULL },
    { "http://be=/app", "http://user@be/x", NULL },
    { "http://be=/app", "http://user:pw@be:80/x", NULL },
    { "http://be=/app", "//user@be/x", NULL },
    { "http://be=/app", "http://be:80@evil/x", NULL },
    { "http://be=/app", "http://be\\.evil/x", NULL },
    { "http://be=/app", "http://be\\@evil/x", NULL },
    { "http://be=/app", "http://be%2eevil/x", NULL },
    { "http://be=/app", "http://be:x/x", NULL },
    { "http://be=/app", "http://be:99999/x", NULL },
    { "http://be=/app", "http://be:-80/x", NULL },
    { "http://be=/app", "http:///x", NULL },
    { "http://be=/app", "http:/be/x", NULL },
    { "http://be=/app", "http:be/x", NULL },
    { "http://be=/app", "http:", NULL },
    { "http://be=/app", "http://", NULL },
    { "http://be=/app", "http://:80/x", NULL },
    { "http://be=/app", "http:\\\\be\\x", NULL },

    /* IPv6 and IPv4 literals */
    { "http://[::1]:8080=/app", "http://[::1]:8080/x",
      "https://www.example.com/app/x" },
    { "http://[fe80::A]=/app", "http://[FE80::a]/x",
      "https://www.example.com/app/x" },
    { "http://[::1]:8080=/app", "http://[::1]/x", NULL },
    { "http://[::1]:8080=/app", "http://[::1]:8080.evil/x", NULL },
    { "http://[::1]=/app", "http://::1/x", NULL },
    { "http://[::1]=/app", "http://[::1/x", NULL },
    { "http://[::1]=/app", "//[::1]/x", "//www.example.com/app/x" },
    { "http://10.0.0.1=/app", "http://10.0.0.1/x",
      "https://www.example.com/app/x" },
    { "http://10.0.0.1=/app", "http://10.0.0.11/x", NULL },

    /* the border of a path */
    { "http://be/ctx=/app", "http://be/ctx", "https://www.example.com/app" },
    { "http://be/ctx=/app", "http://be/ctx/",
      "https://www.example.com/app/" },
    { "http://be/ctx=/app", "http://be/ctx/x",
      "https://www.example.com/app/x" },
    { "http://be/ctx=/app", "http://be/ctxfoo", NULL },
    { "http://be/ctx=/app", "http://be/ct", NULL },
    { "http://be/ctx=/app", "http://be/", NULL },
    { "http://be/ctx=/app", "http://be", NULL },
    { "http://be/ctx=/app", "http://be/CTX/x", NULL },
    { "http://be/ctx=/app", "http://be/ctx?q",
      "https://www.example.com/app?q" },
    { "http://be/ctx=/app", "http://be/ctx#f",
      "https://www.example.com/app#f" },
    { "http://be/ctx=/app", "http://be?/ctx", NULL },
    { "http://be/ctx=/app", "http://be/x?/ctx/y", NULL },
    { "http://be/ctx=/app", "http://be/ctx%2Fx", NULL },
    { "http://be/a/b=/app", "http://be/a%2Fb", NULL },
    { "http://be/a/b=/app", "http://be/a/%62/c",
      "https://www.example.com/app/c" },
    { "http://be/a/b=/app", "http://be/a/%6", NULL },
    { "http://be/a/b=/app", "http://be/a/%63", NULL },

    /* slashes at the end, on both sides */
    { "http://be=/app", "http://be", "https://www.example.com/app" },
    { "http://be=/app", "http://be/", "https://www.example.com/app/" },
    { "http://be/=/app", "http://be", "https://www.example.com/app" },
    { "http://be/=/app", "http://be/", "https://www.example.com/app/" },
    { "http://be/=/app", "http://be/x", "https://www.example.com/app/x" },
    { "http://be=/app/", "http://be", "https://www.example.com/app/" },
    { "http://be=/app/", "http://be/", "https://www.example.com/app/" },
    { "http://be=/app/", "http://be/x", "https://www.example.com/app/x" },
    { "http://be/=/app/", "http://be/x", "https://www.example.com/app/x" },
    { "http://be/ctx/=/app", "http://be/ctx",
      "https://www.example.com/app" },
    { "http://be/ctx/=/app", "http://be/ctx/x",
      "https://www.example.com/app/x" },
    { "http://be/ctx/=/app/", "http://be/ctx",
      "https://www.example.com/app/" },
    { "http://be/ctx/=/app/", "http://be/ctx/x",
      "https://www.example.com/app/x" },
    { "http://be/ctx=/app/", "http://be/ctx",
      "https://www.example.com/app/" },
    { "http://be/ctx=/app/", "http://be/ctx/",
      "https://www.example.com/app/" },
    { "http://be=/", "http://be", "https://www.example.com/" },
    { "http://be=/", "http://be/", "https://www.example.com/" },
    { "http://be=/", "http://be/x", "https://www.example.com/x" },
    { "http://be/ctx=/", "http://be/ctx", "https://www.example.com/" },
    { "http://be/ctx/=/", "http://be/ctx/x/",
      "https://www.example.com/x/" },

    /* everything behind the path stays as it is */
    { "http://be/ctx=/app", "http://be/ctx/%7e%2F//a;b?u=http://be/ctx#/ctx",
      "https://www.example.com/app/%7e%2F//a;b?u=http://be/ctx#/ctx" },
    { "http://be=/app", "http://be?a?b#c#d",
      "https://www.example.com/app?a?b#c#d" },
    { "http://be=/app", "http://be#", "https://www.example.com/app#" },
    { "http://be=/app", "http://be/\xc3\xa9 x",
      "https://www.example.com/app/\xc3\xa9 x" },

    /* network-path references */
    { "http://be=/app", "//be/x", "//www.example.com/app/x" },
    { "http://be=/app", "//BE:80/x", "//www.example.com/app/x" },
    { "https://be=/app", "//be:443/x", "//www.example.com/app/x" },
    { "http://be:8080=/app", "//be:8080/x", "//www.example.com/app/x" },
    { "http://be:8080=/app", "//be/x", NULL },
    { "http://be=/app", "//be:8080/x", NULL },
    { "http://be=/app", "//be.evil/x", NULL },
    { "http://be=/app", "//evil/be", NULL },
    { "http://be=/app", "///x", NULL },
    { "http://be=/app", "//", NULL },

    /* absolute paths */
    { "http://be=/app", "/x?q#f", "/app/x?q#f" },
    { "http://be=/app", "/", "/app/" },
    { "http://be/=/app/", "/x", "/app/x" },
    { "http://be/ctx=/app", "/ctx/x", "/app/x" },
    { "http://be/ctx=/app", "/ctx", "/app" },
    { "http://be/ctx=/app", "/ctxfoo", NULL },
    { "http://be/ctx=/app", "/x", NULL },
    { "http://be/ctx=/", "/ctx/x", "/x" },
    { "http://be/ctx=/", "/ctx", "/" },
    { "http://be/ctx=/", "/x", NULL },
    { "http://be=/", "/x", NULL },

    /* the front's own path is left alone */
    { "http://be=/app", "/app", NULL },
    { "http://be=/app", "/app/x?q", NULL },
    { "http://be=/app/", "/app/x", NULL },
    { "http://be=/app", "/appfoo", "/app/appfoo" },
    { "http://be/app=/app", "/app/x", NULL },
    { "http://be/ctx=/app", "/app/ctx", NULL },
    { "http://be/app/v2=/app", "/app/v2/x", "/app/x" },
    { "http://be/app/v2=/app", "/app/v3/x", NULL },
    { "http://be=/app http://be2=/two", "/two/x", NULL },
    { "http://be/app=/app", "http://be/app/x",
      "https://www.example.com/app/x" },

    /* a path never turns into a host */
    { "http://be/ctx=/", "/ctx//evil/x", "/.//evil/x" },
    { "http://be/ctx=/", "/ctx/\\evil/x", "/./\\evil/x" },
    { "http://be/ctx=/", "/ctx/\t/evil/x", "/./\t/evil/x" },
    { "http://be/ctx=/", "http://be/ctx//evil",
      "https://www.example.com//evil" },
    { "http://be/ctx=/app", "/ctx//evil/x", "/app//evil/x" },
    { "http://be=/app", "/\\evil", "/app/\\evil" },

    /* what says nothing about the backend */
    { "http://be=/app", "", NULL },
    { "http://be=/app", "x/y", NULL },
    { "http://be=/app", "./x", NULL },
    { "http://be=/app", "../x", NULL },
    { "http://be=/app", "?q=/x", NULL },
    { "http://be=/app", "#/x", NULL },
    { "http://be=/app", "mailto:x@be", NULL },
    { "http://be=/app", "javascript:/x", NULL },
    { "http://be=/app", "urn:be:/x", NULL },
    { "http://be=/app", "1http://be/x", NULL },
    { "http://be=/app", "be", NULL },
    { "http://be=/app", "be:80", NULL },
    { "http://be=/app", " http://be/x", NULL },
    { "http://be=/app", "http://be/\r\nX: y", NULL },
    { "http://be=/app", "/x\x01", NULL },
    { "http://be=/app", "/x\x7f", NULL },

    /* several rules: the first that matches */
    { "http://be/a=/one http://be/b=/two", "http://be/b/x",
      "https://www.example.com/two/x" },
    { "http://be/a=/one http://be/a/b=/two", "http://be/a/b/x",
      "https://www.example.com/one/b/x" },
    { "http://be/a/b=/two http://be/a=/one", "http://be/a/b/x",
      "https://www.example.com/two/x" },
    { "http://one=/app http://two:8080=/app", "http://two:8080/x",
      "https://www.example.com/app/x" },
    { "http://be/b=/two http://be/a=/one", "/a/x", "/one/x" },
    { "", "http://be/x", NULL },
    { "", "/x", NULL },

    /* sockets, and names that are no hosts */
    { "unix:/run/be.sock|http://be/ctx=/app", "http://be/ctx/x",
      "https://www.example.com/app/x" },
    { "balancer://be/ctx=/app", "/ctx/x", "/app/x" },
    { "balancer://be=/app", "http://be/x", NULL },
    { "balancer://be=/app", "//be/x", NULL },

    /* rules given as a path */
    { "/ctx=/app", "/ctx/x", "/app/x" },
    { "/ctx/=/app/", "/ctx", "/app/" },
    { "/ctx=/app", "/ctxfoo", NULL },
    { "/=/app", "/x", "/app/x" },
    { "/=/app", "/app/x", NULL },
    { "/ctx=/app", "https://www.example.com/ctx/x?q#f",
      "https://www.example.com/app/x?q#f" },
    { "/ctx=/app", "http://WWW.example.com/ctx/x",
      "http://WWW.example.com/app/x" },
    { "/ctx=/app", "https://www.example.com:443/ctx",
      "https://www.example.com:443/app" },
    { "/ctx=/app", "//www.example.com/ctx", "//www.example.com/app" },
    { "/ctx=/app", "https://www.example.com:444/ctx", NULL },
    { "/ctx=/app", "https://www.example.com.evil/ctx", NULL },
    { "/ctx=/app", "https://u@www.example.com/ctx", NULL },
    { "/ctx=/app", "http://be/ctx/x", NULL },
    { "/=/app", "https://www.example.com", "https://www.example.com/app" },
    { "/=/app", "https://www.example.com/app/x", NULL },
    { "/=/app", "https://www.example.com?q", "https://www.example.com/app?q" },
    { "http://be=/app", "https://www.example.com/x", NULL },
    { "http://be=/app /=/app", "https://www.example.com/x",
      "https://www.example.com/app/x" },

    /* an escape is the same as its byte, but for the slash */
    { "http://be=/caf%C3%A9", "http://be/x",
      "https://www.example.com/caf%C3%A9/x" },
    { "http://be=/caf%C3%A9", "/caf%c3%A9/x", NULL },
    { "http://be=/caf%C3%A9", "/caf\xc3\xa9/x", NULL },
    { "http://be=/caf%C3%A9", "/caf%C3%A8/x", "/caf%C3%A9/caf%C3%A8/x" },
    { "http://be/%7ea=/app", "http://be/~%61/%7e",
      "https://www.example.com/app/%7e" },
    { "http://be/a%2Fb=/app", "/a%2fb/x", "/app/x" },
    { "http://be/a%2Fb=/app", "/a/b/x", NULL },
    { "http://be=/a%2Fb/", "/a%2fb/x", NULL },
    { "http://be=/a%2Fb/", "/a/b/x", "/a%2Fb/a/b/x" },
    { "http://be/a=/app", "/a%2f/x", NULL },
    { "http://be=/100%25", "/x", "/100%25/x" },
};

static void test_urls(void)
{
    size_t i;

    for (i = 0; i < COUNT(urls); i++) {
        is_str(gw_reverse_url(pool, front_https(urls[i].rules), urls[i].url),
               urls[i].mapped, "%s: %s", urls[i].rules, urls[i].url);
    }
}

/* The front as the client sees it: scheme, host, port. */
static const struct {
    const char *scheme;
    const char *host;
    int port;
    const char *url;
    const char *mapped;
} fronts[] = {
    { "http", "front", 80, "http://be/x", "http://front/app/x" },
    { "http", "front", 443, "http://be/x", "http://front:443/app/x" },
    { "http", "front", 8080, "http://be/x", "http://front:8080/app/x" },
    { "https", "front", 443, "http://be/x", "https://front/app/x" },
    { "https", "front", 80, "http://be/x", "https://front:80/app/x" },
    { "https", "front", 8443, "//be/x", "//front:8443/app/x" },
    { "http", "front", 0, "http://be/x", "http://front/app/x" },
    { "http", "::1", 80, "http://be/x", "http://[::1]/app/x" },
    { "http", "2001:db8::1", 8080, "http://be/x",
      "http://[2001:db8::1]:8080/app/x" },
    { "https", "10.1.2.3", 8443, "https://be/x",
      "https://10.1.2.3:8443/app/x" },
    /* a host that nobody could have: a path is as good */
    { "http", NULL, 80, "http://be/x?q", "/app/x?q" },
    { "http", "", 80, "http://be/x", "/app/x" },
    { "http", "a b", 80, "http://be/x", "/app/x" },
    { "http", "a/b", 80, "http://be/x", "/app/x" },
    { "http", "a@b", 80, "//be/x", "/app/x" },
    { "http", "a\r\nX", 80, "http://be/x", "/app/x" },
};

static void test_fronts(void)
{
    gw_reverse *rev;
    size_t i;

    for (i = 0; i < COUNT(fronts); i++) {
        rev = rules_of("http://be=/app", fronts[i].scheme, fronts[i].host,
                       fronts[i].port);
        is_str(gw_reverse_url(pool, rev, fronts[i].url), fronts[i].mapped,
               "front %s %s %d: %s", fronts[i].scheme,
               fronts[i].host ? fronts[i].host : "(none)", fronts[i].port,
               fronts[i].url);
    }
    rev = rules_of("http://be/ctx=/", "http", NULL, 80);
    is_str(gw_reverse_url(pool, rev, "http://be/ctx//evil"), "/.//evil",
           "a path instead of a URL does not name another host");
    rev = rules_of("/ctx=/app", "http", "front", 8080);
    is_str(gw_reverse_url(pool, rev, "http://front:8080/ctx"),
           "http://front:8080/app", "own name with its port");
    is_str(gw_reverse_url(pool, rev, "http://front/ctx"), NULL,
           "own name with another port");
    rev = rules_of("/ctx=/app", "http", "::1", 80);
    is_str(gw_reverse_url(pool, rev, "http://[::1]/ctx"),
           "http://[::1]/app", "own name in brackets");
}

/*
 * Many applications behind one front: what names no host belongs to the
 * application that said it.
 */
static const struct {
    const char *origin;
    const char *url;
    const char *mapped;
    const char *cookie;         /* what becomes of "a=b; Path=/" */
} origins[] = {
    { "http://one", "/x", "/one/x", "a=b; Path=/one" },
    { "http://two:8080", "/x", "/two/x", "a=b; Path=/two" },
    { "http://two", "/x", NULL, NULL },
    { "https://one", "/x", "/one/x", "a=b; Path=/one" },
    { "http://other", "/x", NULL, NULL },
    { "http://other", "http://one/x", "https://www.example.com/one/x",
      NULL },
    { "http://one", "//two:8080/x", "//www.example.com/two/x",
      "a=b; Path=/one" },
    { "http://one", "/two/x", NULL, "a=b; Path=/one" },
    { "unix:/run/b.sock|http://app", "/x", "/b/x", "a=b; Path=/b" },
    { "unix:/run/b.sock|http://app", "http://app/x",
      "https://www.example.com/b/x", "a=b; Path=/b" },
    { "unix:/run/a.sock|http://app", "http://app/x",
      "https://www.example.com/a/x", "a=b; Path=/a" },
    { "unix:/run/c.sock|http://app", "http://app/x", NULL, NULL },
    { "http://app", "/x", NULL, NULL },
};

static void test_origins(void)
{
    gw_reverse *apps = front_https("http://one=/one http://two:8080=/two "
                                   "unix:/run/a.sock|http://app=/a "
                                   "unix:/run/b.sock|http://app=/b");
    gw_reverse *balancers = front_https("balancer://one=/one "
                                        "balancer://two=/two");
    gw_reverse *path = front_https("http://one=/one /ctx=/app");
    const char *err;
    size_t i;

    for (i = 0; i < COUNT(origins); i++) {
        apps->origin = gw_url_parse(pool, origins[i].origin, &err);
        is_str(gw_reverse_url(pool, apps, origins[i].url),
               origins[i].mapped, "%s says %s", origins[i].origin,
               origins[i].url);
        is_str(gw_reverse_cookie(pool, apps, "a=b; Path=/"),
               origins[i].cookie, "%s sets a cookie", origins[i].origin);
    }
    balancers->origin = gw_url_parse(pool, "balancer://two", &err);
    is_str(gw_reverse_url(pool, balancers, "/x"), "/two/x",
           "a balancer's own rule");
    path->origin = gw_url_parse(pool, "http://other", &err);
    is_str(gw_reverse_url(pool, path, "/ctx/x"), "/app/x",
           "a rule given as a path is for every backend");
}

static const struct {
    const char *value;
    const char *mapped;
} refreshes[] = {
    { "5; url=http://be/x", "5; url=https://www.example.com/app/x" },
    { "5;url=http://be/x", "5;url=https://www.example.com/app/x" },
    { "0;URL=/x", "0;URL=/app/x" },
    { "0 ; Url = /x  ", "0 ; Url = /app/x  " },
    { "0,url=/x", "0,url=/app/x" },
    { "0.5; url=/x", "0.5; url=/app/x" },
    { "; url=/x", "; url=/app/x" },
    { "5; url=\"http://be/x\"", "5; url=\"https://www.example.com/app/x\"" },
    { "5; url='/x;y'", "5; url='/app/x;y'" },
    { "5; url='/x' and more", "5; url='/app/x' and more" },
    { "5; url=\"/x", "5; url=\"/app/x" },
    { "5; url=\"/x'", "5; url=\"/app/x'" },
    { "5; /x", "5; /app/x" },
    { "5; http://be/x?url=/y", "5; https://www.example.com/app/x?url=/y" },
    { "5; url=/x?a=1;b=\"2\"", "5; url=/app/x?a=1;b=\"2\"" },
    { "5; url=/app/x", NULL },
    { "5; url=http://other/x", NULL },
    { "5; url=x", NULL },
    { "5; url=", NULL },
    { "5; url=\"", NULL },
    { "5; url=\"\"", NULL },
    { "5; url", NULL },
    { "5; ur", NULL },
    { "5;", NULL },
    { "5", NULL },
    { "", NULL },
    { "  ", NULL },
    { "/x", NULL },
    { "x; url=/x", NULL },
    { "5 url=/x", NULL },
};

static const struct {
    const char *value;
    const char *mapped;
} links[] = {
    { "<http://be/x>; rel=next",
      "<https://www.example.com/app/x>; rel=next" },
    { "</x.css>; rel=preload; as=style",
      "</app/x.css>; rel=preload; as=style" },
    { "</x>, </y>;rel=a,<http://other/>,<//be/z>",
      "</app/x>, </app/y>;rel=a,<http://other/>,"
      "<//www.example.com/app/z>" },
    { "</x>,</y>", "</app/x>,</app/y>" },
    { "</a,b;c>; rel=\"x\", </d>", "</app/a,b;c>; rel=\"x\", </app/d>" },
    { "</x>; title=\"a, </no>, \\\", </no>\", </y>",
      "</app/x>; title=\"a, </no>, \\\", </no>\", </app/y>" },
    { " , ,</x>, ", " , ,</app/x>, " },
    { "< /x >", "< /app/x >" },
    { "</x>; anchor=\"/y\"", "</app/x>; anchor=\"/y\"" },
    { "junk </no>, </x>", "junk </no>, </app/x>" },
    { "</x", NULL },
    { "<", NULL },
    { "<>", NULL },
    { "", NULL },
    { ",", NULL },
    { "/x", NULL },
    { "</x>; title=\"open, </y>", "</app/x>; title=\"open, </y>" },
    { "</x>; a=\"\\", "</app/x>; a=\"\\" },
    { "</app/x>, <y>", NULL },
};

static void test_lists(void)
{
    gw_reverse *rev = front_https("http://be=/app");
    size_t i;

    for (i = 0; i < COUNT(refreshes); i++) {
        is_str(gw_reverse_refresh(pool, rev, refreshes[i].value),
               refreshes[i].mapped, "Refresh: %s", refreshes[i].value);
    }
    for (i = 0; i < COUNT(links); i++) {
        is_str(gw_reverse_link(pool, rev, links[i].value), links[i].mapped,
               "Link: %s", links[i].value);
    }
}

static const struct {
    const char *rules;
    const char *cookie;
    const char *mapped;
} cookies[] = {
    /* Path: the tail is kept */
    { "http://be/ctx=/app", "a=b; Path=/ctx", "a=b; Path=/app" },
    { "http://be/ctx=/app", "a=b; Path=/ctx/", "a=b; Path=/app/" },
    { "http://be/ctx=/app", "a=b; Path=/ctx/x/y", "a=b; Path=/app/x/y" },
    { "http://be/ctx=/app", "a=b; Path=/ctxfoo", NULL },
    { "http://be/ctx=/app", "a=b; Path=/", NULL },
    { "http://be/ctx=/app", "a=b; Path=/other", NULL },
    { "http://be/ctx=/", "a=b; Path=/ctx", "a=b; Path=/" },
    { "http://be/ctx=/", "a=b; Path=/ctx/x", "a=b; Path=/x" },
    { "http://be/ctx=/app/", "a=b; Path=/ctx", "a=b; Path=/app/" },
    { "http://be/ctx/=/app", "a=b; Path=/ctx/", "a=b; Path=/app" },
    { "http://be/ctx/=/app/", "a=b; Path=/ctx/x", "a=b; Path=/app/x" },
    { "http://be/ctx/=/app/", "a=b; Path=/ctx", "a=b; Path=/app/" },
    { "http://be=/app", "a=b; Path=/", "a=b; Path=/app" },
    { "http://be/=/app", "a=b; Path=/", "a=b; Path=/app" },
    { "http://be/=/app/", "a=b; Path=/", "a=b; Path=/app/" },
    { "http://be=/app", "a=b; Path=/x/", "a=b; Path=/app/x/" },
    { "http://be=/", "a=b; Path=/", NULL },
    { "http://be=/", "a=b; Path=/x", NULL },
    { "balancer://be/ctx=/app", "a=b; Path=/ctx", "a=b; Path=/app" },
    { "/ctx=/app", "a=b; Path=/ctx/x", "a=b; Path=/app/x" },
    { "http://be/a=/one http://be/b=/two", "a=b; Path=/b",
      "a=b; Path=/two" },

    /* a path of the front stays */
    { "http://be=/app", "a=b; Path=/app", NULL },
    { "http://be=/app", "a=b; Path=/app/x", NULL },
    { "http://be=/app/", "a=b; Path=/app", NULL },
    { "http://be=/app", "a=b; Path=/appfoo", "a=b; Path=/app/appfoo" },
    { "http://be/app=/app", "a=b; Path=/app", NULL },

    /* how attributes may look */
    { "http://be=/app", "a=b;path=/", "a=b;path=/app" },
    { "http://be=/app", "a=b ;\t PATH \t=  /x \t; Secure",
      "a=b ;\t PATH \t=  /app/x \t; Secure" },
    { "http://be=/app", "a=b; Path=\"/x\"; Version=1",
      "a=b; Path=\"/app/x\"; Version=1" },
    { "http://be=/app", "a=b; Path=\"/x", NULL },
    { "http://be=/app", "a=b; Path=\"", NULL },
    { "http://be=/app", "a=b; Path=/a=b", "a=b; Path=/app/a=b" },
    { "http://be=/app", "a=b; Path=/a,b", "a=b; Path=/app/a,b" },
    { "http://be=/app", "a=b; Path=", NULL },
    { "http://be=/app", "a=b; Path", NULL },
    { "http://be=/app", "a=b; Path=x", NULL },
    { "http://be=/app", "a=b; Path=http://be/", NULL },
    { "http://be=/app", "a=b; Pathx=/; xPath=/; P=/", NULL },
    { "http://be=/app", "a=b; Path =/;;; ;Secure",
      "a=b; Path =/app;;; ;Secure" },
    { "http://be=/app", "a=b;=/; = /x", NULL },
    { "http://be=/app", ";;;;=;path=;domain=", NULL },
    { "http://be=/app", ";;;;=;path=/;domain=", ";;;;=;path=/app;domain=" },
    { "http://be=/app", "", NULL },
    { "http://be=/app", ";", NULL },
    { "http://be=/app", "a", NULL },
    { "http://be=/app", "a=b", NULL },
    { "http://be=/app", "path=/", NULL },
    { "http://be=/app", "path=/; domain=be",
      "path=/; domain=www.example.com" },
    /* quotes do not hide a ';' from a client (RFC 6265 5.2) */
    { "http://be=/app", "a=\"b; Path=/\"", "a=\"b; Path=/app/\"" },
    { "http://be=/app", "a=b; Path=/;", "a=b; Path=/app;" },

    /* the client takes the last one, so each is mapped for itself */
    { "http://be/ctx=/app", "a=b; Path=/ctx; Path=/",
      "a=b; Path=/app; Path=/" },
    { "http://be/ctx=/app", "a=b; Path=/x; Path=/ctx/y",
      "a=b; Path=/x; Path=/app/y" },
    { "http://be/ctx=/app", "a=b; Path=/ctx; Path=",
      "a=b; Path=/app; Path=" },

    /* Domain */
    { "http://be.in.example.net=/app", "a=b; Domain=be.in.example.net",
      "a=b; Domain=www.example.com" },
    { "http://be.in.example.net=/app", "a=b; Domain=.BE.in.Example.net; x",
      "a=b; Domain=www.example.com; x" },
    { "http://be.in.example.net=/app", "a=b; domain=in.example.net",
      "a=b; domain=www.example.com" },
    { "http://be.in.example.net=/app", "a=b; domain=.example.net",
      "a=b; domain=www.example.com" },
    { "http://be.in.example.net=/app", "a=b; domain=n.example.net", NULL },
    { "http://be.in.example.net=/app", "a=b; domain=x.be.in.example.net",
      NULL },
    { "http://be.in.example.net=/app", "a=b; domain=other.org", NULL },
    { "http://be.in.example.net=/app", "a=b; domain=", NULL },
    { "http://be.in.example.net=/app", "a=b; domain=.", NULL },
    { "http://be.in.example.net=/app", "a=b; domain=..", NULL },
    { "http://be.in.example.net=/app", "a=b; domain", NULL },
    { "http://be.in.example.net=/app", "a=b; domain=http://be.in.example.net",
      NULL },
    { "http://be.in.example.net=/app", "a=b; domain=\"in.example.net\"",
      "a=b; domain=\"www.example.com\"" },
    { "http://be.in.example.net:8080=/app",
      "a=b; Path=/; Domain=be.in.example.net; HttpOnly",
      "a=b; Path=/app; Domain=www.example.com; HttpOnly" },
    { "http://one=/app http://two=/app", "a=b; Domain=two",
      "a=b; Domain=www.example.com" },
    { "http://10.0.0.1=/app", "a=b; Domain=10.0.0.1",
      "a=b; Domain=www.example.com" },
    { "http://10.0.0.1=/app", "a=b; Domain=0.0.1", NULL },
    { "/ctx=/app", "a=b; Domain=be", NULL },

    /* a domain that suits the front stays */
    { "http://be.example.com=/app", "a=b; Domain=example.com", NULL },
    { "http://be.example.com=/app", "a=b; Domain=.Example.COM", NULL },
    { "http://www.example.com:8080=/app", "a=b; Domain=www.example.com",
      NULL },
    { "http://be.example.com=/app", "a=b; Domain=be.example.com",
      "a=b; Domain=www.example.com" },

    /* names that oblige the client to be strict */
    { "http://be=/app", "__Host-a=b; Path=/; Secure", NULL },
    { "http://be=/app", " __HOST-a=b; Path=/; Domain=be", NULL },
    { "http://be=/app", "__Host-; Path=/", NULL },
    { "http://be=/app", "__Host=b; Path=/", "__Host=b; Path=/app" },
    { "http://be=/app", "a__Host-=b; Path=/", "a__Host-=b; Path=/app" },
    { "http://be=/app", "__Secure-a=b; Secure; Path=/; Domain=be",
      "__Secure-a=b; Secure; Path=/app; Domain=www.example.com" },

    /* what must not reach the client in a new form */
    { "http://be=/app", "a=b; Path=/\r\nX: y", NULL },
    { "http://be=/app", "a=\x01; Path=/", NULL },
    { "http://be=/a;b", "a=b; Path=/", NULL },
    { "http://be=/a%3Bb", "a=b; Path=/", "a=b; Path=/a%3Bb" },
};

static void test_cookies(void)
{
    size_t i;

    for (i = 0; i < COUNT(cookies); i++) {
        is_str(gw_reverse_cookie(pool, front_https(cookies[i].rules),
                                 cookies[i].cookie),
               cookies[i].mapped, "%s: %s", cookies[i].rules,
               cookies[i].cookie);
    }
}

/* Where the front is an address, a cookie has no Domain. */
static void test_cookie_fronts(void)
{
    gw_reverse *v4 = rules_of("http://be.lan=/app", "http", "10.1.2.3", 80);
    gw_reverse *v6 = rules_of("http://be.lan=/app", "http", "::1", 80);
    gw_reverse *none = rules_of("http://be.lan=/app", "http", NULL, 80);
    gw_reverse *bad = rules_of("http://be.lan=/app", "http", "x;y", 80);
    const char *cookie = "a=b; Domain = .lan ; Path=/";

    is_str(gw_reverse_cookie(pool, v4, cookie), "a=b; Path=/app",
           "Domain dropped for an IPv4 front");
    is_str(gw_reverse_cookie(pool, v6, "a=b;domain=be.lan"), "a=b",
           "Domain dropped for an IPv6 front");
    is_str(gw_reverse_cookie(pool, none, cookie),
           "a=b; Domain = .lan ; Path=/app", "Domain kept without a host");
    is_str(gw_reverse_cookie(pool, bad, cookie),
           "a=b; Domain = .lan ; Path=/app", "a host that is none");
    is_str(gw_reverse_cookie(pool, v4, "a=b; Domain=1.2.3"), NULL,
           "an address has no parent domain");
}

static char *repeat(const char *text, int times)
{
    size_t len = strlen(text);
    char *all = apr_palloc(pool, len * (size_t)times + 1);
    int i;

    for (i = 0; i < times; i++) {
        memcpy(all + len * (size_t)i, text, len);
    }
    all[len * (size_t)times] = '\0';
    return all;
}

/* Long values come through whole. */
static void test_long(void)
{
    gw_reverse *rev = front_https("http://be/ctx=/application");
    const char *blob = repeat("x=%&", 768);
    char *many;

    is_str(gw_reverse_cookie(pool, rev,
                             apr_pstrcat(pool, "a=", blob, "; Path=/ctx/",
                                         blob, "; Domain=be", NULL)),
           apr_pstrcat(pool, "a=", blob, "; Path=/application/", blob,
                       "; Domain=www.example.com", NULL),
           "a cookie of 3 KB twice");
    many = repeat(";path=/ctx", 2000);
    is_str(gw_reverse_cookie(pool, rev, many),
           repeat(";path=/application", 2000), "2,000 attributes");
    is_str(gw_reverse_cookie(pool, rev, repeat(";", 16384)), NULL,
           "16 KB of semicolons");
    is_str(gw_reverse_link(pool, rev, repeat("</ctx>,", 2000)),
           repeat("</application>,", 2000), "2,000 links");
    is_str(gw_reverse_url(pool, rev,
                          apr_pstrcat(pool, "http://be/ctx/", blob, NULL)),
           apr_pstrcat(pool, "https://www.example.com/application/", blob,
                       NULL), "a URL of 3 KB");
    is_str(gw_reverse_url(pool, rev,
                          apr_pstrcat(pool, "http://", blob, "/", NULL)),
           NULL, "a host of 3 KB");
}

static apr_table_t *lines(const char *const *pairs)
{
    apr_table_t *table = apr_table_make(pool, 4);

    for (; *pairs; pairs += 2) {
        apr_table_addn(table, pairs[0], pairs[1]);
    }
    return table;
}

static void test_header_fields(void)
{
    static const char *const before[] = {
        "Server", "/x",
        "location", "http://be/x",
        "Set-Cookie", "a=1; Path=/",
        "Content-Location", "/x",
        "X-Location", "http://be/x",
        "Set-Cookie", "b=2",
        "LINK", "</x>",
        "URI", "http://be/x",
        "Destination", "http://be/x",
        "set-cookie", "c=3; Path=/x",
        "Link", "<y>",
        "uri", "</x>, <http://be/y>",
        "Refresh", "1; url=/x",
        "link", "<//be/z>",
        NULL
    };
    static const char *const after[] = {
        "Server", "/x",
        "location", "https://www.example.com/app/x",
        "Set-Cookie", "a=1; Path=/app",
        "Content-Location", "/app/x",
        "X-Location", "http://be/x",
        "Set-Cookie", "b=2",
        "LINK", "</app/x>",
        "URI", "https://www.example.com/app/x",
        "Destination", "https://www.example.com/app/x",
        "set-cookie", "c=3; Path=/app/x",
        "Link", "<y>",
        "uri", "</app/x>, <https://www.example.com/app/y>",
        "Refresh", "1; url=/app/x",
        "link", "<//www.example.com/app/z>",
        NULL
    };
    gw_reverse *rev = front_https("http://be=/app");
    apr_table_t *table = lines(before);
    const apr_array_header_t *got = apr_table_elts(table);
    int i;

    gw_reverse_headers(pool, rev, table);
    is_int(got->nelts, COUNT(after) / 2, "no line more or less");
    for (i = 0; i < got->nelts; i++) {
        apr_table_entry_t *e = &APR_ARRAY_IDX(got, i, apr_table_entry_t);

        is_str(e->key, after[2 * i], "line %d: name", i);
        is_str(e->val, after[2 * i + 1], "line %d: %s", i, e->key);
    }
    is_str(apr_table_get(table, "Refresh"), "1; url=/app/x",
           "the table still finds it");
}

static void test_no_fields(void)
{
    apr_table_t *table = apr_table_make(pool, 1);

    gw_reverse_headers(pool, front_https("http://be=/app"), table);
    ok(apr_is_empty_table(table), "an empty table stays empty");
    apr_table_setn(table, "Location", "http://be/x");
    gw_reverse_headers(pool, front_https(""), table);
    is_str(apr_table_get(table, "Location"), "http://be/x",
           "no rules, no change");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_urls();
    test_fronts();
    test_origins();
    test_lists();
    test_cookies();
    test_cookie_fronts();
    test_long();
    test_header_fields();
    test_no_fields();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
