/*
 * What a backend says about itself. The first byte chooses rules and front,
 * the second what the rest is: a URL, Refresh, Link or a cookie.
 */
#include "exact_pool.h"
#include "gw_edit.c"
#include "gw_reverse.h"

#include <stdint.h>
#include <apr_general.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
    const char *backends[2];    /* a path: a rule given as a path */
    const char *fronts[2];
    const char *scheme;
    const char *host;
    int port;
    const char *origins[2];     /* what a mapped URL may begin with */
} setups[] = {
    { { "http://be" }, { "/app" }, "https", "www.example.com", 443,
      { "https://www.example.com/", "//www.example.com/" } },
    { { "http://be/ctx" }, { "/" }, "http", "10.1.2.3", 8080,
      { "http://10.1.2.3:8080/", "//10.1.2.3:8080/" } },
    { { "https://[::1]:8443/ctx/", "http://be.in.example.com/x" },
      { "/app/", "/caf%C3%A9/" }, "http", "::1", 80,
      { "http://[::1]/", "//[::1]/" } },
    { { "/ctx", "balancer://be/b" }, { "/", "/b/c" }, "https", NULL, 0,
      { "/", "/" } },
};

static apr_pool_t *pool;        /* lives on */
static apr_pool_t *scratch;     /* one input */
static gw_reverse revs[COUNT(setups)];

static void must(int holds)
{
    if (!holds) {
        abort();
    }
}

static void make_rev(gw_reverse *rev, size_t n)
{
    const gw_reverse_rule **rules;
    int i;

    rules = apr_pcalloc(pool, 2 * sizeof(*rules));
    for (i = 0; i < 2 && setups[n].backends[i]; i++) {
        gw_reverse_rule *rule = apr_pcalloc(pool, sizeof(*rule));
        const char *backend = setups[n].backends[i];
        const char *err = NULL;

        if (*backend == '/') {
            rule->path_only = backend;
        }
        else {
            rule->backend = gw_url_parse(pool, backend, &err);
            must(rule->backend != NULL);
        }
        rule->front = setups[n].fronts[i];
        rules[rev->nrules++] = rule;
    }
    rev->rules = rules;
    rev->origin = rules[n & 1 ? 0 : rev->nrules - 1]->backend;
    rev->scheme = setups[n].scheme;
    rev->host = setups[n].host;
    rev->port = setups[n].port;
}

static void start(void)
{
    size_t n;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_pool_create(&scratch, pool);
    for (n = 0; n < COUNT(setups); n++) {
        make_rev(&revs[n], n);
    }
}

static int count(const char *text, char c)
{
    int n = 0;

    for (; *text; text++) {
        n += *text == c;
    }
    return n;
}

static int controls(const char *text)
{
    int n = 0;

    for (; *text; text++) {
        n += !gw_is_field_char((unsigned char)*text);
    }
    return n;
}

/* A mapped URL is on the front, whatever the backend wrote. */
static void check_url(size_t n, const char *url, const char *mapped)
{
    const char *const *origins = setups[n].origins;
    int on_front = !strncmp(mapped, origins[0], strlen(origins[0]))
                   || !strncmp(mapped, origins[1], strlen(origins[1]))
                   || *mapped == '/';

    must(on_front);
    if (*mapped == '/' && mapped[1] && strchr("/\\\t", mapped[1])) {
        must(setups[n].host && mapped[1] == '/'
             && !strncmp(mapped, origins[1], strlen(origins[1])));
    }
    must(strcmp(url + strcspn(url, "?#"), mapped + strcspn(mapped, "?#"))
         == 0);
    must(controls(url) == 0);
}

static void check_cookie(const char *cookie, const char *mapped)
{
    size_t pair = strcspn(cookie, ";");

    must(strncmp(cookie, mapped, pair) == 0);
    must(count(cookie, ';') >= count(mapped, ';'));
    must(count(cookie, ',') == count(mapped, ','));
    must(controls(cookie) == 0);
}

static void check_all(size_t n, const char *value)
{
    static const char *const names[] = {
        "Location", "URI", "Refresh", "Link", "Set-Cookie"
    };
    apr_table_t *table = apr_table_make(scratch, 8);
    size_t i;

    for (i = 0; i < COUNT(names); i++) {
        apr_table_setn(table, names[i], value);
    }
    gw_reverse_headers(scratch, &revs[n], table);
    for (i = 0; i < COUNT(names); i++) {
        const char *now = apr_table_get(table, names[i]);

        must(now && controls(now) <= controls(value));
    }
}

static void run(size_t n, uint8_t kind, const char *value)
{
    const gw_reverse *rev = &revs[n];
    const char *mapped;

    switch (kind & 3) {
    case 0:
        mapped = gw_reverse_url(scratch, rev, value);
        if (mapped) {
            check_url(n, value, mapped);
        }
        break;
    case 1:
        mapped = gw_reverse_refresh(scratch, rev, value);
        must(!mapped || controls(mapped) == controls(value));
        break;
    case 2:
        mapped = gw_reverse_link(scratch, rev, value);
        must(!mapped || (count(mapped, '<') == count(value, '<')
                         && count(mapped, '>') == count(value, '>')
                         && controls(mapped) == controls(value)));
        break;
    default:
        mapped = gw_reverse_cookie(scratch, rev, value);
        if (mapped) {
            check_cookie(value, mapped);
        }
    }
    check_all(n, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *value;

    if (size < 2) {
        return 0;
    }
    if (!pool) {
        start();
    }
    value = exact_palloc(scratch, size - 1);
    memcpy(value, data + 2, size - 2);
    value[size - 2] = '\0';
    run(data[0] % COUNT(setups), data[1], value);
    apr_pool_clear(scratch);
    return 0;
}
