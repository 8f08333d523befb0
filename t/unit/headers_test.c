/**
 * headers_test: which fields cross the gateway in each direction, and what it
 * says about the client (security requirements 29-34, 91).
 */
#include "gw_headers.h"

#include <apr_general.h>
#include <apr_strings.h>
#include "gw_clock.h"
#include "tap.h"

static const gw_forwarded nobody = {
    "192.0.2.7", "front.example", "gw", "https", "443", "1.1 me", 0
};
static const gw_forwarded friend_of_ours = {
    "192.0.2.7", "front.example", "gw", "https", "443", "1.1 me", 1
};
static const gw_forwarded little = {
    "192.0.2.7", NULL, NULL, NULL, NULL, NULL, 0
};

#define ADDED "X-Forwarded-For=192.0.2.7;X-Forwarded-Host=front.example;" \
    "X-Forwarded-Server=gw;X-Forwarded-Proto=https;X-Forwarded-Port=443;" \
    "Via=1.1 me;"

typedef struct {
    const char *name;
    const char *in;         /* name=value; pairs */
    const gw_forwarded *fwd;
    const char *want;
} request_case;

static const request_case requests[] = {
    { "nothing", "", NULL, "" },
    { "ordinary fields in order", "A=1;B=2;a=3;Cookie=x;", NULL,
      "A=1;B=2;a=3;Cookie=x;" },
    { "10 framing and Host are the codec's",
      "Host=h;Content-Length=5;TRANSFER-ENCODING=chunked;X=y;", NULL,
      "X=y;" },
    { "32 hop-by-hop fields", "Keep-Alive=x;Proxy-Connection=x;TE=gzip;"
      "Trailer=x;Upgrade=h2c;Connection=close;X=y;", NULL, "X=y;" },
    { "86 h2c", "Connection=Upgrade, HTTP2-Settings;Upgrade=h2c;"
      "HTTP2-Settings=AAA;X=y;", NULL, "X=y;" },
    { "Expect and credentials for us", "Expect=100-continue;"
      "Proxy-Authorization=x;Authorization=y;", NULL, "Authorization=y;" },
    { "33 Proxy", "Proxy=http://evil;X=y;", NULL, "X=y;" },
    { "31 fields named in Connection", "Connection=X-Hop, x-other;X-Hop=1;"
      "X-OTHER=2;X-Hop2=3;", NULL, "X-Hop2=3;" },
    { "31 named in a second Connection", "Connection=close;X-Hop=1;"
      "Connection=keep-alive,X-Hop;Y=2;", NULL, "Y=2;" },
    { "31 naming what has no field", "Connection=nothing;X=y;", NULL,
      "X=y;" },
    { "29 naming our own fields", "Connection=close, X-Forwarded-For, Via;"
      "X-Forwarded-For=6.6.6.6;", &nobody, ADDED },
    { "30 forged, one line", "X-Forwarded-For=6.6.6.6;", &nobody, ADDED },
    { "30 forged, two lines", "X-Forwarded-For=6.6.6.6;X=y;"
      "x-forwarded-for=7.7.7.7;", &nobody, "X=y;" ADDED },
    { "forged, all of them", "X-Forwarded-Host=e;X-Forwarded-Server=e;"
      "X-Forwarded-Proto=e;X-Forwarded-Port=e;Forwarded=for=e;", &nobody,
      ADDED },
    { "fields of others stay", "X-Forwarded-Prefix=/p;X-Real-IP=i;", &nobody,
      "X-Forwarded-Prefix=/p;X-Real-IP=i;" ADDED },
    { "what is not said is dropped all the same",
      "X-Forwarded-Proto=e;X-Forwarded-For=e;", &little,
      "X-Forwarded-For=192.0.2.7;" },
    { "nothing said: the client's pass", "X-Forwarded-For=6.6.6.6;Via=a b;",
      NULL, "X-Forwarded-For=6.6.6.6;Via=a b;" },
    { "30 trusted: our address last",
      "X-Forwarded-For=1.1.1.1, 2.2.2.2;A=b;X-Forwarded-For=3.3.3.3;",
      &friend_of_ours, "A=b;X-Forwarded-For=1.1.1.1, 2.2.2.2, 3.3.3.3, "
      "192.0.2.7;X-Forwarded-Host=front.example;X-Forwarded-Server=gw;"
      "X-Forwarded-Proto=https;X-Forwarded-Port=443;Via=1.1 me;" },
    { "trusted: scheme and port are kept",
      "X-Forwarded-Proto=http;X-Forwarded-Port=80;Forwarded=for=x;",
      &friend_of_ours, "X-Forwarded-Proto=http;X-Forwarded-Port=80;"
      "Forwarded=for=x;X-Forwarded-For=192.0.2.7;"
      "X-Forwarded-Host=front.example;X-Forwarded-Server=gw;Via=1.1 me;" },
    { "trusted: hosts and servers are lists",
      "X-Forwarded-Host=a;X-Forwarded-Server=b;", &friend_of_ours,
      "X-Forwarded-For=192.0.2.7;X-Forwarded-Host=a, front.example;"
      "X-Forwarded-Server=b, gw;X-Forwarded-Proto=https;"
      "X-Forwarded-Port=443;Via=1.1 me;" },
    { "34 Via is added behind", "Via=1.0 a;X=y;via=1.1 b;", &nobody,
      "Via=1.0 a;X=y;via=1.1 b;" ADDED },
    { "33 imitation of a framing field", "Content_Length=5;X=y;", NULL,
      "X=y;" },
    { "33 imitations of forwarding fields", "X_Forwarded_For=6.6.6.6;"
      "X-Forwarded_Proto=e;x_forwarded_HOST=e;", &nobody, ADDED },
    { "33 imitations of dropped fields", "Transfer_Encoding=x;Keep_Alive=x;"
      "Proxy_Authorization=x;HTTP2_Settings=x;Max_Forwards=1;X=y;", NULL,
      "X=y;" },
    { "33 imitation of another field", "X-User=me;X_User=you;", NULL,
      "X-User=me;" },
    { "33 imitation before the other field", "X_user=you;X-User=me;", NULL,
      "X-User=me;" },
    { "33 two imitations of each other", "X_A-B=1;X-A_B=2;X_C=3;", NULL,
      "X_C=3;" },
    { "33 other names with an underscore", "X_A=1;my_field=2;x_a=3;", NULL,
      "X_A=1;my_field=2;x_a=3;" },
    { "33 named with an underscore", "Connection=X_A;X_A=1;X_B=2;", NULL,
      "X_B=2;" },
    { "27 names that are no tokens", "X(A=1;X A=2;=3;X\x85=4;X=y;", NULL,
      "X=y;" },
    { "25 values with control bytes", "A=\x01;B=x\ry;C=x\ny;D=\x7f;E=a\tb;",
      NULL, "E=a\tb;" },
    { "8-bit values pass", "A=\xe4;", NULL, "A=\xe4;" },
};

/* "A=1;B=2;": no name with '=' or ';', no value with ';' */
static apr_table_t *table_of(apr_pool_t *pool, const char *text)
{
    apr_table_t *t = apr_table_make(pool, 8);

    while (*text) {
        const char *eq = strchr(text, '=');
        const char *end = strchr(eq, ';');

        apr_table_addn(t, apr_pstrmemdup(pool, text, (size_t)(eq - text)),
                       apr_pstrmemdup(pool, eq + 1, (size_t)(end - eq - 1)));
        text = end + 1;
    }
    return t;
}

static const char *text_of(apr_pool_t *pool, const apr_table_t *t)
{
    const apr_array_header_t *elts = apr_table_elts(t);
    const apr_table_entry_t *e = (const apr_table_entry_t *)elts->elts;
    const char *text = "";
    int i;

    for (i = 0; i < elts->nelts; i++) {
        text = apr_pstrcat(pool, text, e[i].key, "=", e[i].val, ";", NULL);
    }
    return text;
}

static void test_requests(apr_pool_t *pool)
{
    size_t i;

    for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        const request_case *c = &requests[i];
        apr_table_t *in = table_of(pool, c->in);

        is_str(text_of(pool, gw_headers_request(pool, in, c->fwd)), c->want,
               "%s", c->name);
        is_str(text_of(pool, in), c->in, "... its input is left alone");
    }
}

static void test_bad_forwarded(apr_pool_t *pool)
{
    gw_forwarded fwd = nobody;
    apr_table_t *in = table_of(pool, "X=y;");

    fwd.host = "evil\r\nX-Evil: 1";
    fwd.server = NULL;
    is_str(text_of(pool, gw_headers_request(pool, in, &fwd)),
           "X=y;X-Forwarded-For=192.0.2.7;X-Forwarded-Proto=https;"
           "X-Forwarded-Port=443;Via=1.1 me;",
           "what we say is checked as well");
}

typedef struct {
    const char *name;
    const char *in;
    int status;
    const char *want;
} answer_case;

static const answer_case answers[] = {
    { "ordinary fields in order", "Server=x;Date=d;Content-Type=t;", 200,
      "Server=x;Date=d;Content-Type=t;" },
    { "91 cookies apart and in order", "Set-Cookie=a;X=y;Set-Cookie=b;"
      "set-cookie=a;", 200, "Set-Cookie=a;X=y;Set-Cookie=b;set-cookie=a;" },
    { "91 hop-by-hop", "Connection=close;Keep-Alive=x;Proxy-Connection=x;"
      "TE=x;Trailer=x;Transfer-Encoding=chunked;Upgrade=h2;X=y;", 200,
      "X=y;" },
    { "91 named in Connection", "X-Hop=1;Connection=x-hop, close;X=y;", 200,
      "X=y;" },
    { "Content-Length is the codec's", "Content-Length=5;X=y;", 200,
      "X=y;" },
    { "91 Proxy-Authenticate", "Proxy-Authenticate=Basic;X=y;", 200,
      "X=y;" },
    { "... with 407", "Proxy-Authenticate=Basic;X=y;", 407,
      "Proxy-Authenticate=Basic;X=y;" },
    { "92 fields that other servers obey", "X-Sendfile=/etc/passwd;"
      "Status=500;", 200, "X-Sendfile=/etc/passwd;Status=500;" },
    { "underscores are the client's matter", "X_A=1;X-A=2;Content_Length=3;",
      200, "X_A=1;X-A=2;Content_Length=3;" },
    { "request fields have no meaning here", "Host=h;Expect=e;Via=1.1 x;",
      200, "Host=h;Expect=e;Via=1.1 x;" },
    { "names that are no tokens, control bytes", "X A=1;B=x\ry;C=\n;D=e;",
      200, "D=e;" },
};

static void test_answers(apr_pool_t *pool)
{
    size_t i;

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        const answer_case *c = &answers[i];
        apr_table_t *in = table_of(pool, c->in);

        is_str(text_of(pool, gw_headers_response(pool, in, c->status)),
               c->want, "%s", c->name);
        is_str(text_of(pool, in), c->in, "... its input is left alone");
    }
}

typedef struct {
    const char *in;
    int want;
} via_case;

static const via_case vias[] = {
    { "", 0 },
    { "Via=1.1 me;", 1 },
    { "via=1.0 a, HTTP/1.1 ME;", 1 },
    { "Via=1.0 a;X=y;Via=1.1 me (Apache);", 1 },
    { "Via=1.1\tme\t(x);", 1 },
    { "Via=1.1 me,1.1 b;", 1 },
    { "Via=1.1   me  ;", 1 },
    { "Via=1.1 you (\"), 1.1 me;", 1 },
    { "Via=1.1 mean, 1.1 home, 1.1 me:80;", 0 },
    { "Via=me;", 0 },
    { "Via=me 1.1;", 0 },
    { "Via=1.1 a (me);", 0 },
    { "X-Via=1.1 me;", 0 },
    { "Via=1.1;", 0 },
    { "Via=,,;", 0 },
    { "Via=;", 0 },
};

static void test_via(apr_pool_t *pool)
{
    size_t i;

    for (i = 0; i < sizeof(vias) / sizeof(vias[0]); i++) {
        is_int(gw_headers_via_has(table_of(pool, vias[i].in), "me"),
               vias[i].want, "loop: '%s'", vias[i].in);
    }
    ok(!gw_headers_via_has(table_of(pool, "Via=1.1 ;"), ""),
       "no pseudonym is in no list");
}

/* The worst request for both rules that compare fields with each other. */
static gw_time time_of(apr_pool_t *pool, int n)
{
    apr_table_t *in = apr_table_make(pool, n + 1);
    char *list = apr_palloc(pool, (size_t)n * 12 + 1);
    char *to = list;
    gw_time begin;
    int i;

    for (i = 0; i < n; i++) {
        const char *name = apr_psprintf(pool, "x_%08d", i);

        to += snprintf(to, 13, "%s,", name);
        apr_table_addn(in, name, "v");
    }
    apr_table_addn(in, "Connection", list);
    begin = gw_now();
    is_int(apr_table_elts(gw_headers_request(pool, in, &nobody))->nelts, 6,
           "%d names in Connection, all dropped", n);
    return gw_now() - begin;
}

static void test_many(apr_pool_t *pool)
{
    gw_time few = time_of(pool, 2000);
    gw_time many = time_of(pool, 40000);

    /* 20 times the names; 400 times the time if it were quadratic */
    ok(many < 100 * (few + GW_MSEC(1)), "no quadratic time (%ld us, %ld us)",
       (long)few, (long)many);
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_requests(pool);
    test_bad_forwarded(pool);
    test_answers(pool);
    test_via(pool);
    test_many(pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
