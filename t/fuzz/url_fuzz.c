/**
 * url_fuzz: URLs of backends, and Host values. What is accepted holds nothing
 * that could end a line or name another host, and its text says the same
 * again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include "gw_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define MUST(cond)                                                      \
    do {                                                                \
        if (!(cond)) {                                                  \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #cond);  \
            abort();                                                    \
        }                                                               \
    } while (0)

static apr_pool_t *root;

/* Only what may stand in a request line, and none of the characters. */
static int is_plain(const char *s, const char *none_of)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c <= 0x20 || c >= 0x7f || strchr(none_of, c)) {
            return 0;
        }
    }
    return 1;
}

static int same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static void check_url(apr_pool_t *pool, const char *text)
{
    const char *err = NULL;
    const char *host;
    gw_url *url = gw_url_parse(pool, text, &err);
    gw_url *again;
    int port;

    if (!url) {
        MUST(err && *err);
        return;
    }
    MUST(*url->scheme && *url->host);
    MUST(is_plain(url->scheme, ":/?#@[]%|"));
    MUST(is_plain(url->host, url->host_is_ip ? "/?#@[]%|" : ":/?#@[]%|"));
    MUST(is_plain(url->path, "?#\\\"<>{}|^`"));
    MUST(!*url->path || *url->path == '/');
    MUST(!url->query || is_plain(url->query, "#\\\"<>{}|^`"));
    MUST(!url->socket || (*url->socket == '/' && !strchr(url->socket, '|')));
    MUST(url->port >= 0 && url->port <= 65535);
    MUST(!url->port_given || url->port > 0);
    again = gw_url_parse(pool, gw_url_text(pool, url), &err);
    MUST(again);
    MUST(same(url->scheme, again->scheme) && same(url->host, again->host)
         && same(url->path, again->path) && same(url->query, again->query)
         && same(url->socket, again->socket) && url->port == again->port
         && url->port_given == again->port_given
         && url->host_is_ip == again->host_is_ip);
    MUST(gw_url_split_hostport(pool, gw_str_of(gw_url_authority(pool, url)),
                               &host, &port));
    MUST(same(host, url->host));
    MUST(port == url->port
         || (!port && url->port == gw_url_default_port(url->scheme)));
    MUST(gw_url_parse(pool, gw_url_origin(pool, url), &err));
}

static void check_hostport(apr_pool_t *pool, gw_str text)
{
    const char *host;
    int port;

    if (gw_url_split_hostport(pool, text, &host, &port)) {
        MUST(*host && is_plain(host, "/?#@[]%|\\,"));
        MUST(port >= 0 && port <= 65535);
        MUST(strlen(host) <= text.len);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    apr_initialize();
    apr_pool_create(&root, NULL);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    gw_str text;

    apr_pool_create(&pool, root);
    text.p = (const char *)data;
    text.len = size;
    check_hostport(pool, text);
    check_url(pool, apr_pstrmemdup(pool, (const char *)data, size));
    apr_pool_destroy(pool);
    return 0;
}
