/*
 * What may be asked for by Upgrade, and how the HTTP/1.1 codec asks for it and
 * becomes a pipe.
 */
#include "tap.h"

#include <string.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "gw_h1.h"
#include "gw_upgrade.h"

static apr_pool_t *pool;

static const char *or_dash(const char *s)
{
    return s ? s : "-";
}

/* -- the configuration -- */

static void reads_config(void)
{
    static const struct {
        const char *value, *allowed;
    } good[] = {
        { "websocket", "websocket" }, { "WebSocket,Foo/2", "websocket,foo/2" },
        { "any", "*" }, { "NONE", "" }, { "a, b ,,c", "a,b,c" }
    };
    static const char *const bad[] = {
        "", ",", "a b", "a/b/c", "/a", "a/", "a,any", "none,a", "h2c", "H2C",
        "h2", "HTTP/2.0", "http", "TLS/1.2", "tls", "a,h2c/1", "\"a\""
    };
    apr_size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const char *allowed = NULL;

        ok(!gw_upgrade_read(pool, good[i].value, &allowed), "%s is read",
           good[i].value);
        is_str(or_dash(allowed), good[i].allowed, "as it is meant");
    }
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *allowed = NULL;

        ok(gw_upgrade_read(pool, bad[i], &allowed) != NULL,
           "'%s' is refused", bad[i]);
    }
}

/* -- what a client asks -- */

static void offers(void)
{
    static const struct {
        const char *method, *connection, *upgrade, *offer;
    } rows[] = {
        { "GET", "Upgrade", "websocket", "websocket" },
        { "GET", "keep-alive, UPGRADE", "WebSocket", "WebSocket" },
        { "GET", "upgrade", "a/1, b", "a/1, b" },
        { "GET", NULL, "websocket", "-" },
        { "GET", "Upgrade", NULL, "-" },
        { "GET", "keep-alive", "websocket", "-" },
        { "GET", "x-upgrade", "websocket", "-" },
        { "POST", "Upgrade", "websocket", "-" },
        { "HEAD", "Upgrade", "websocket, a", "a" },
        { "get", "Upgrade", "websocket", "-" },
        { "GET", "Upgrade", "h2c", "-" },
        { "GET", "Upgrade", "h2c, TLS/1.0, HTTP/2.0, h2, a", "a" },
        { "GET", "Upgrade", "H2C, tls, a", "a" },
        { "GET", "Upgrade", "h2c/1", "-" },
        { "GET", "Upgrade", "", "-" },
        { "GET", "Upgrade", ",,", "-" },
        { "GET", "Upgrade", "web socket", "-" },
        { "GET", "Upgrade", "a/b/c, \"x\", a@, /, a/, d", "d" }
    };
    apr_size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        is_str(or_dash(gw_upgrade_offer(pool, rows[i].method,
                                        rows[i].connection,
                                        rows[i].upgrade)),
               rows[i].offer, "%s %s: %s", rows[i].method,
               or_dash(rows[i].connection), or_dash(rows[i].upgrade));
    }
}

static void chooses(void)
{
    static const struct {
        const char *offer, *allowed, *chosen;
    } rows[] = {
        { "websocket", "websocket", "websocket" },
        { "WebSocket", "websocket", "WebSocket" },
        { "a, b", "b,a", "a" },
        { "a, b", "b", "b" },
        { "a/2", "a", "a/2" },
        { "a/2", "a/1", "-" },
        { "a/2", "a/2", "a/2" },
        { "a", "a/2", "-" },
        { "a", "", "-" },
        { "a", NULL, "-" },
        { NULL, "*", "-" },
        { "x/1, y", "*", "x/1" },
        { "ab", "a", "-" },
        { "a", "ab", "-" }
    };
    apr_size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        is_str(or_dash(gw_upgrade_choose(pool, rows[i].offer,
                                         rows[i].allowed)),
               rows[i].chosen, "%s of %s", or_dash(rows[i].offer),
               or_dash(rows[i].allowed));
    }
}

static void keys(void)
{
    static const char *const bad[] = {
        "", "x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZ===",
        "dGhlIHNhbXBsZSBub2 jZQ==", "dGhlIHNhbXBsZSBub25jZQ=a",
        "dGhlIHNhbXBsZSBub2-jZQ==", " dGhlIHNhbXBsZSBub25jZQ=="
    };
    apr_size_t i;

    ok(gw_upgrade_key_valid("dGhlIHNhbXBsZSBub25jZQ=="), "a key");
    ok(gw_upgrade_key_valid("+/+/+/+/+/+/+/+/+/+/+A=="), "all digits");
    ok(!gw_upgrade_key_valid(NULL), "no key");
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(!gw_upgrade_key_valid(bad[i]), "no key: '%s'", bad[i]);
    }
    is_str(gw_upgrade_accept(pool, "dGhlIHNhbXBsZSBub25jZQ=="),
           "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "the example of RFC 6455 1.3");
}

/* -- the codec -- */

static gw_h1 h1;
static gw_bufq in, out;
static gw_req_head request;

static apr_status_t start(const char *upgrade)
{
    gw_bufq_free(&in);
    gw_bufq_free(&out);
    gw_h1_init(&h1, NULL);
    request.method = "GET";
    request.target = "/";
    request.host = "b";
    request.minor = 1;
    request.upgrade = upgrade;
    return gw_h1_start(&h1, &request, &out);
}

static const char *text_of(const gw_bufq *q)
{
    return apr_pstrmemdup(pool, gw_bufq_data(q), gw_bufq_len(q));
}

static void asks(void)
{
    memset(&request, 0, sizeof(request));
    is_int(start("websocket"), APR_SUCCESS, "an upgrade is written");
    is_str(text_of(&out), "GET / HTTP/1.1\r\nHost: b\r\nConnection: Upgrade"
           "\r\nUpgrade: websocket\r\n\r\n", "as it must be");
    is_int(start("a, b"), APR_EINVAL, "two protocols are refused");
    is_int(start(""), APR_EINVAL, "none, too");
    is_int(start("a\r\nX: y"), APR_EINVAL, "no line can be smuggled in");
    request.connection = "close";
    is_int(start("a"), APR_EINVAL, "no other Connection");
    request.connection = NULL;
    request.framing = GW_BODY_CHUNKED;
    is_int(start("a"), APR_EINVAL, "no chunked body");
    request.framing = GW_BODY_LENGTH;
    request.length = 1;
    is_int(start("a"), APR_EINVAL, "no body");
    request.length = 0;
    is_int(start("a"), APR_SUCCESS, "a body of no bytes is none");
    request.framing = GW_BODY_NONE;
    request.headers = apr_table_make(pool, 1);
    apr_table_setn(request.headers, "uPgrade", "a");
    is_int(start(NULL), APR_EINVAL, "Upgrade is no ordinary field");
    request.headers = NULL;
}

static apr_status_t answer(const char *text)
{
    gw_res_head *head;

    gw_bufq_put(&in, text, strlen(text));
    return gw_h1_read_head(&h1, &in, pool, &head);
}

static void becomes_a_pipe(void)
{
    const char *data;
    apr_size_t n;

    start("websocket");
    gw_bufq_skip(&out, gw_bufq_len(&out));
    is_int(answer("HTTP/1.1 103 Early\r\n\r\n"), APR_SUCCESS, "interim");
    is_int(answer("HTTP/1.1 101 Go\r\nContent-Length: 2\r\n\r\nabcdef"),
           APR_SUCCESS, "101");
    is_int(gw_h1_read_body(&h1, &in, &data, &n), APR_SUCCESS,
           "bytes that came with it");
    is_str(apr_pstrmemdup(pool, data, n), "abcdef",
           "whatever the head says about a length");
    is_int(gw_h1_read_body(&h1, &in, &data, &n), APR_EAGAIN, "no more yet");
    is_int(gw_h1_send(&h1, "xyz", 3, &out, &n), APR_SUCCESS, "bytes to it");
    is_str(text_of(&out), "xyz", "as they are");
    is_int(gw_h1_peer_closed(&h1, &in, 1), APR_EOF, "its end");
    is_int(gw_h1_send(&h1, "!", 1, &out, &n), APR_SUCCESS,
           "leaves the other way open");
    is_str(text_of(&out), "xyz!", "for bytes");
    gw_bufq_skip(&out, gw_bufq_len(&out));
    ok(!gw_h1_reusable(&h1, &in, &out), "never used again");
    ok(gw_h1_started(&h1, &in), "answered");
}

static void other_answers(void)
{
    const char *data;
    apr_size_t n;

    start("websocket");
    answer("HTTP/1.1 101 Go\r\n\r\n");
    is_int(gw_h1_peer_closed(&h1, &in, 0), APR_EGENERAL, "a broken pipe");
    is_int(h1.fail, GW_FAIL_TRUNCATED, "is truncated");
    start(NULL);
    is_int(answer("HTTP/1.1 101 Go\r\n\r\n"), APR_EGENERAL, "not asked for");
    is_int(h1.fail, GW_FAIL_JUNK, "is junk");
    start("websocket");
    gw_bufq_skip(&out, gw_bufq_len(&out));
    is_int(answer("HTTP/1.1 426 No\r\nContent-Length: 2\r\n\r\nno"),
           APR_SUCCESS, "refused");
    is_int(gw_h1_read_body(&h1, &in, &data, &n), APR_SUCCESS, "a body");
    is_int(gw_h1_read_body(&h1, &in, &data, &n), APR_EOF, "and its end");
    ok(gw_h1_reusable(&h1, &in, &out), "the connection is used again");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    gw_bufq_init(&in, 65536);
    gw_bufq_init(&out, 65536);
    reads_config();
    offers();
    chooses();
    keys();
    asks();
    becomes_a_pipe();
    other_answers();
    gw_bufq_free(&in);
    gw_bufq_free(&out);
    apr_pool_destroy(pool);
    return done_testing();
}
