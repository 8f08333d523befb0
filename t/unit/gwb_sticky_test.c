/**
 * Sessions: found in cookies and URLs as mod_proxy finds them, and our own
 * cookie.
 */
#include <apr_general.h>
#include <apr_pools.h>

#include "gwb_sticky.h"
#include "tap.h"

static apr_pool_t *pool;

typedef struct {
    const char *what;
    const char *cookies, *path, *query;
    int semicolon;
    const char *session, *name;
} session_case;

static const session_case cases[] = {
    { "nothing", NULL, "/", NULL, 0, NULL, NULL },
    { "a cookie", "SID=abc.r1", "/", NULL, 0, "abc.r1", "SID" },
    { "second cookie", "a=b; SID=abc.r1; c=d", "/", NULL, 0, "abc.r1",
      "SID" },
    { "after a comma", "a=b,SID=abc.r1,c=d", "/", NULL, 0, "abc.r1", "SID" },
    { "quoted", "SID=\"abc.r1\"", "/", NULL, 0, "abc.r1", "SID" },
    { "blanks around", "SID = abc.r1 ; x=y", "/", NULL, 0, "abc.r1", "SID" },
    { "end of another name", "XSID=no.r1", "/", NULL, 0, NULL, NULL },
    { "beginning of another name", "SIDX=no.r1", "/", NULL, 0, NULL, NULL },
    { "in another value", "a=SID=no.r1", "/", NULL, 0, NULL, NULL },
    { "other case", "sid=no.r1", "/", NULL, 0, NULL, NULL },
    { "empty, then one", "SID=; SID=abc.r1", "/", NULL, 0, "abc.r1", "SID" },
    { "two: the first", "SID=one.r1; SID=two.r2", "/", NULL, 0, "one.r1",
      "SID" },
    { "name alone", "SID", "/", NULL, 0, NULL, NULL },
    { "no value", "SID=", "/", NULL, 0, NULL, NULL },
    { "one quote", "SID=\"", "/", NULL, 0, "\"", "SID" },
    { "empty quotes", "SID=\"\"", "/", NULL, 0, NULL, NULL },
    { "path parameter", NULL, "/a;sid=abc.r1", NULL, 0, "abc.r1", "sid" },
    { "inside the path", NULL, "/a;sid=abc.r1/b", NULL, 0, "abc.r1", "sid" },
    { "query", NULL, "/a", "sid=abc.r1", 0, "abc.r1", "sid" },
    { "later in the query", NULL, "/a", "x=y&sid=abc.r1&z=1", 0, "abc.r1",
      "sid" },
    { "end of another parameter", NULL, "/a;xsid=no", "xsid=no", 0, NULL,
      NULL },
    { "part of the path", NULL, "/sid=no", NULL, 0, NULL, NULL },
    { "beginning of another", NULL, "/a;sidx=no", "sidx=no", 0, NULL, NULL },
    { "empty, then one", NULL, "/a", "sid=&sid=abc.r1", 0, "abc.r1", "sid" },
    { "URL before cookie", "SID=abc.r1", "/a;sid=def.r2", NULL, 0, "def.r2",
      "sid" },
    { "path before query", NULL, "/a;sid=one.r1", "sid=two.r2", 0, "one.r1",
      "sid" },
    { "semicolon in the value", NULL, "/a;sid=abc.r1;v=2", NULL, 0,
      "abc.r1;v=2", "sid" },
    { "scolonpathdelim", NULL, "/a;sid=abc.r1;v=2", NULL, 1, "abc.r1",
      "sid" },
    { "scolonpathdelim, query", NULL, "/a", "v=2;sid=abc.r1;w=3", 1,
      "abc.r1", "sid" },
    { "second path parameter", NULL, "/a;v=2;sid=abc.r1", NULL, 0, "abc.r1",
      "sid" },
};

static void test_session(void)
{
    unsigned i;

    for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const session_case *c = &cases[i];
        gwb_sticky sticky = { "SID", "sid", '.', 0, NULL, NULL, 0 };
        const char *name = "?";

        sticky.semicolon = c->semicolon;
        is_str(gwb_sticky_session(pool, &sticky, c->cookies, c->path,
                                  c->query, &name),
               c->session, "%s", c->what);
        is_str(name, c->name, "%s: where from", c->what);
    }
}

static void test_no_names(void)
{
    gwb_sticky sticky = { NULL, NULL, '.', 0, NULL, NULL, 0 };
    const char *name;

    is_str(gwb_sticky_session(pool, &sticky, "SID=a.b", "/a;sid=a.b",
                              "sid=a.b", &name), NULL, "no stickysession");
    sticky.cookie = "SID";
    is_str(gwb_sticky_session(pool, &sticky, NULL, "/a;SID=a.b", NULL, &name),
           NULL, "only the cookie counts");
    sticky.cookie = "";
    sticky.param = "";
    is_str(gwb_sticky_session(pool, &sticky, "=a.b", "/a;=a.b", "=a.b",
                              &name), NULL, "names may not be empty");
}

static void test_route(void)
{
    gwb_sticky sticky = { "SID", "sid", '.', 0, NULL, NULL, 0 };

    is_str(gwb_sticky_route(pool, &sticky, NULL), NULL, "no session");
    is_str(gwb_sticky_route(pool, &sticky, "abc.r1"), "r1", "after the dot");
    is_str(gwb_sticky_route(pool, &sticky, "abc.r1.x"), "r1.x",
           "the first one splits");
    is_str(gwb_sticky_route(pool, &sticky, "abc"), NULL, "no separator");
    is_str(gwb_sticky_route(pool, &sticky, "abc."), NULL, "nothing after it");
    sticky.separator = '!';
    is_str(gwb_sticky_route(pool, &sticky, "a.b!r1"), "r1", "another one");
    sticky.separator = 0;
    is_str(gwb_sticky_route(pool, &sticky, "a.r1"), "a.r1", "Off");
}

static void test_own(void)
{
    static const unsigned char key[] = "0123456789abcdef0123456789abcdef";
    gwb_sticky sticky = { NULL, NULL, '.', 0, "GW", key, 32 };
    const char *value = gwb_sticky_value(pool, &sticky, "app", "http://m1");

    /* from printf 'app\0http://m1' | openssl dgst -sha256 -mac HMAC */
    is_str(value, "mVSE77R2N5J6s97Ygsf_JQ", "a known value");
    is_int(strlen(value), 22, "16 bytes in base64url");
    is_int(strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                  "0123456789-_"), 22, "of its alphabet");
    ok(!gwb_sticky_same(value, gwb_sticky_value(pool, &sticky, "app",
                                                "http://m2")),
       "another member, another value");
    ok(!gwb_sticky_same(value, gwb_sticky_value(pool, &sticky, "apph",
                                                "ttp://m1")),
       "the names' border counts");
    ok(gwb_sticky_same(value, gwb_sticky_value(pool, &sticky, "app",
                                               "http://m1")), "repeatable");
    ok(!gwb_sticky_same(value, "x"), "another length");
    sticky.key_len = 31;
    ok(!gwb_sticky_same(value, gwb_sticky_value(pool, &sticky, "app",
                                                "http://m1")),
       "another key, another value");
    is_str(gwb_sticky_own(pool, &sticky, "a=b; GW=xyz"), "xyz", "found");
    is_str(gwb_sticky_own(pool, &sticky, "XGW=xyz"), NULL, "not found");
    is_str(gwb_sticky_own(pool, &sticky, NULL), NULL, "no cookies");
}

static void test_set_cookie(void)
{
    gwb_sticky sticky = { NULL, NULL, '.', 0, "GW", NULL, 0 };

    is_str(gwb_sticky_set_cookie(pool, &sticky, "v", "/app", 0),
           "GW=v; Path=/app; HttpOnly; SameSite=Lax", "plain");
    is_str(gwb_sticky_set_cookie(pool, &sticky, "v", "/", 1),
           "GW=v; Path=/; HttpOnly; SameSite=Lax; Secure", "https");
    is_str(gwb_sticky_set_cookie(pool, &sticky, "v", NULL, 0),
           "GW=v; Path=/; HttpOnly; SameSite=Lax", "no path");
    is_str(gwb_sticky_set_cookie(pool, &sticky, "v", "^/a(.*)$", 0),
           "GW=v; Path=/; HttpOnly; SameSite=Lax", "a regex is no path");
    is_str(gwb_sticky_set_cookie(pool, &sticky, "v", "/a/b;c\r\nX: y", 0),
           "GW=v; Path=/a/; HttpOnly; SameSite=Lax", "cut before what a"
           " cookie cannot carry");
    is_str(gwb_sticky_set_cookie(pool, &sticky, "v", "/\xc3\xa4", 0),
           "GW=v; Path=/; HttpOnly; SameSite=Lax", "not ASCII");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_session();
    test_no_names();
    test_route();
    test_own();
    test_set_cookie();
    return done_testing();
}
