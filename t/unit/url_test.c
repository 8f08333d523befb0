/**
 * url_test: what a backend's URL is taken apart into, what is refused, and
 * that the text made of it says the same again.
 */
#include "gw_url.h"

#include <apr_general.h>
#include <apr_strings.h>
#include "tap.h"

typedef struct {
    const char *text;
    /* scheme|host|ip|port|given|socket|path|query */
    const char *parts;
    const char *authority;
    const char *origin;
} good_case;

static const good_case good[] = {
    { "http://example.org", "http|example.org|0|80|0|-||-",
      "example.org", "http://example.org" },
    { "http://example.org/", "http|example.org|0|80|0|-|/|-",
      "example.org", "http://example.org" },
    { "https://h/a/b?c=d&e", "https|h|0|443|0|-|/a/b|c=d&e",
      "h", "https://h" },
    { "HTTP://Example.ORG:8080/A", "http|example.org|0|8080|1|-|/A|-",
      "example.org:8080", "http://example.org:8080" },
    { "http://h:80/", "http|h|0|80|1|-|/|-", "h", "http://h" },
    { "https://h:80/", "https|h|0|80|1|-|/|-", "h:80", "https://h:80" },
    { "http://h?q", "http|h|0|80|0|-||q", "h", "http://h" },
    { "http://h/?", "http|h|0|80|0|-|/|", "h", "http://h" },
    { "http://h/a?b?c/d", "http|h|0|80|0|-|/a|b?c/d", "h", "http://h" },
    { "http://127.0.0.1:1/", "http|127.0.0.1|1|1|1|-|/|-",
      "127.0.0.1:1", "http://127.0.0.1:1" },
    { "http://[::1]/", "http|::1|1|80|0|-|/|-", "[::1]", "http://[::1]" },
    { "https://[2001:DB8::1]:8443/x", "https|2001:db8::1|1|8443|1|-|/x|-",
      "[2001:db8::1]:8443", "https://[2001:db8::1]:8443" },
    { "http://[2001:DB8:0:00::01]/x", "http|2001:db8::1|1|80|0|-|/x|-",
      "[2001:db8::1]", "http://[2001:db8::1]" },
    { "http://[::ffff:1.2.3.4]:65535", "http|::ffff:1.2.3.4|1|65535|1|-||-",
      "[::ffff:1.2.3.4]:65535", "http://[::ffff:1.2.3.4]:65535" },
    { "ws://h/s", "ws|h|0|80|0|-|/s|-", "h", "ws://h" },
    { "wss://h/s", "wss|h|0|443|0|-|/s|-", "h", "wss://h" },
    { "balancer://my_Cluster", "balancer|my_cluster|0|0|0|-||-",
      "my_cluster", "balancer://my_cluster" },
    { "balancer://c/app", "balancer|c|0|0|0|-|/app|-", "c", "balancer://c" },
    { "balancer://cluster.2", "balancer|cluster.2|0|0|0|-||-",
      "cluster.2", "balancer://cluster.2" },
    { "unix:/run/app.sock|http://localhost/x",
      "http|localhost|0|80|0|/run/app.sock|/x|-",
      "localhost", "http://localhost" },
    { "UNIX:/a|https://n:1/", "https|n|0|1|1|/a|/|-", "n:1", "https://n:1" },
    { "http://a-b._~c/", "http|a-b._~c|0|80|0|-|/|-", "a-b._~c",
      "http://a-b._~c" },
    { "http://host.1a/", "http|host.1a|0|80|0|-|/|-", "host.1a",
      "http://host.1a" },
    { "http://10.example/", "http|10.example|0|80|0|-|/|-", "10.example",
      "http://10.example" },
    { "http://h/%2F%e4/-._~!$&'()*+,;=:@[]",
      "http|h|0|80|0|-|/%2F%e4/-._~!$&'()*+,;=:@[]|-", "h", "http://h" },
    { "http://h/a:b@c", "http|h|0|80|0|-|/a:b@c|-", "h", "http://h" },
    { "http://h/?a@b", "http|h|0|80|0|-|/|a@b", "h", "http://h" },
};

static const char *parts(apr_pool_t *pool, const gw_url *url)
{
    return apr_psprintf(pool, "%s|%s|%d|%d|%d|%s|%s|%s", url->scheme,
                        url->host, url->host_is_ip, url->port,
                        url->port_given, url->socket ? url->socket : "-",
                        url->path, url->query ? url->query : "-");
}

static void test_good(apr_pool_t *pool)
{
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const char *err = NULL;
        gw_url *url = gw_url_parse(pool, good[i].text, &err);
        gw_url *again;

        if (!ok(url != NULL, "%s", good[i].text)) {
            diag("%s", err);
            continue;
        }
        is_str(parts(pool, url), good[i].parts, "... its parts");
        is_str(gw_url_authority(pool, url), good[i].authority,
               "... authority");
        is_str(gw_url_origin(pool, url), good[i].origin, "... origin");
        again = gw_url_parse(pool, gw_url_text(pool, url), &err);
        is_str(again ? parts(pool, again) : err, good[i].parts,
               "... and its text again");
    }
}

typedef struct {
    const char *text;
    const char *about;      /* a word of the message */
} bad_case;

static const bad_case bad[] = {
    { "", "scheme" }, { "example.org", "scheme" }, { "/path", "scheme" },
    { "://h", "scheme" }, { "1http://h", "scheme" }, { "h_p://h", "scheme" },
    { "http:/h", "scheme" }, { "ht%74p://h", "scheme" },
    { "http://", "host is empty" }, { "http:///p", "host is empty" },
    { "http://:80/", "host is empty" }, { "http://?q", "host is empty" },
    { "http://user@h/", "user" }, { "http://u:p@h/", "user" },
    { "http://h:80@evil/", "user" }, { "http://@h/", "user" },
    { "http://h/#f", "fragment" }, { "http://h#f", "fragment" },
    { "http://h/?q#f", "fragment" },
    { "http://h:0/", "port" }, { "http://h:65536/", "port" },
    { "http://h:-1/", "port" }, { "http://h:+1/", "port" },
    { "http://h:8o/", "port" }, { "http://h:/", "port" },
    { "http://h:80:80/", "port" },
    { "http://h:99999999999999999999/", "port" },
    { "http://h:0x50/", "port" },
    { "http://a b/", "spaces" }, { "http://h/a b", "spaces" },
    { "http://h/a\tb", "control" }, { "http://h/\r\nX: y", "control" },
    { "http://h/\x7f", "control" }, { " http://h/", "spaces" },
    { "http://h\\@evil/", "user" }, { "http://h\\evil/", "host" },
    { "http://h%41/", "host" }, { "http://h!/", "host" },
    { "http://h\xc3\xa4/", "host" }, { "http://a,b/", "host" },
    { "http://h|x/", "host" }, { "http://*/", "host" },
    { "http://[::1/", "']'" }, { "http://[]/", "IPv6" },
    { "http://[g::]/", "IPv6" }, { "http://[1.2.3.4]/", "IPv6" },
    { "http://[fe80::1%25eth0]/", "IPv6" }, { "http://[::1]x/", "between" },
    { "http://[::1]:/", "port" }, { "http://::1/", "port" },
    { "http://a]b/", "host" },
    { "http://1.2.3/", "IPv4" }, { "http://256.1.1.1/", "IPv4" },
    { "http://127.1/", "IPv4" }, { "http://2130706433/", "IPv4" },
    { "http://0x7f.1/", "IPv4" }, { "http://0x7f000001/", "IPv4" },
    { "http://1.2.3.4./", "IPv4" }, { "http://h.0x/", "IPv4" },
    { "http://01.02.03.04/", "IPv4" },
    { "http://h/%", "percent" }, { "http://h/%4", "percent" },
    { "http://h/%zz", "percent" }, { "http://h/?%4g", "percent" },
    { "http://h/{a}", "percent" }, { "http://h/a|b", "percent" },
    { "http://h/\"", "percent" }, { "http://h/<", "percent" },
    { "http://h/\\", "percent" }, { "http://h/^`", "percent" },
    { "http://h/\xe4", "percent" },
    { "unix:/a", "unix:/path" }, { "unix:run/a|http://h/", "absolute" },
    { "unix:|http://h/", "absolute" }, { "unix:/a|", "scheme" },
    { "unix:/a|http:///", "host is empty" },
    { "unix:/a|unix:/b|http://h/", "scheme" },
    { "unix:/a b|http://h/", "spaces" }, { "unix:/a|UNIX://h/", "scheme" },
};

static void test_bad(apr_pool_t *pool)
{
    char longest[400];
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *err = "no reason given";
        gw_url *url = gw_url_parse(pool, bad[i].text, &err);

        if (!ok(!url && strstr(err, bad[i].about), "refused: '%s'",
                bad[i].text)) {
            diag("%s", url ? parts(pool, url) : err);
        }
    }
    for (i = 107; i <= 108; i++) {
        const char *err = "";

        snprintf(longest, sizeof(longest), "unix:/%0*d|http://h/",
                 (int)i - 1, 0);
        is_int(gw_url_parse(pool, longest, &err) != NULL, i == 107,
               "a socket path of %d bytes", (int)i);
    }
    for (i = 254; i <= 255; i++) {
        const char *err = "";

        snprintf(longest, sizeof(longest), "http://%0*dx/", (int)i - 1, 0);
        is_int(gw_url_parse(pool, longest, &err) != NULL, i == 254,
               "a host of %d bytes", (int)i);
    }
}

typedef struct {
    const char *text;
    const char *host;       /* NULL: malformed */
    int port;
} hostport_case;

static const hostport_case hostports[] = {
    { "h", "h", 0 }, { "H.Example:8080", "h.example", 8080 },
    { "h:", "h", 0 }, { "1.2.3.4", "1.2.3.4", 0 },
    { "[::1]", "::1", 0 }, { "[::1]:443", "::1", 443 },
    { "[FE80::1]:", "fe80::1", 0 },
    { "", NULL, 0 }, { ":80", NULL, 0 }, { "h:0", NULL, 0 },
    { "h:65536", NULL, 0 }, { "h:x", NULL, 0 }, { "h:1:2", NULL, 0 },
    { "h/", NULL, 0 }, { "u@h", NULL, 0 }, { "a b", NULL, 0 },
    { "::1", NULL, 0 }, { "[::1", NULL, 0 }, { "[::1]1", NULL, 0 },
    { "[h]", NULL, 0 }, { "h\r\nX", NULL, 0 }, { "a,b", NULL, 0 },
    { "[", NULL, 0 }, { "]", NULL, 0 }, { "[]", NULL, 0 },
};

static void test_hostport(apr_pool_t *pool)
{
    gw_str nul = { "h\0x", 3 };
    const char *host;
    size_t i;
    int port;

    for (i = 0; i < sizeof(hostports) / sizeof(hostports[0]); i++) {
        int found;

        host = NULL;
        port = -1;
        found = gw_url_split_hostport(pool, gw_str_of(hostports[i].text),
                                      &host, &port);
        is_str(found ? host : NULL, hostports[i].host, "host of '%s'",
               hostports[i].text);
        if (found) {
            is_int(port, hostports[i].port, "... port");
        }
    }
    ok(!gw_url_split_hostport(pool, nul, &host, &port), "NUL in a host");
    nul.p = "[::1\0x]";
    nul.len = 7;
    ok(!gw_url_split_hostport(pool, nul, &host, &port),
       "NUL in an IPv6 address");
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_good(pool);
    test_bad(pool);
    test_hostport(pool);
    is_int(gw_url_default_port("https"), 443, "port of https");
    is_int(gw_url_default_port("ftp"), 0, "no port for the unknown");
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
