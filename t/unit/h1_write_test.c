/**
 * h1_write_test: the request side of the HTTP/1.1 codec against a strict
 * parser of its own: what was written is one request, and the one meant.
 */
#include "gw_h1.h"

#include <apr_general.h>
#include <apr_strings.h>
#include "tap.h"

static apr_pool_t *root;

typedef struct {
    char *text;
    size_t len;
    size_t size;
} growing;

static void append_n(growing *g, const char *text, size_t len)
{
    if (g->len + len + 1 > g->size) {
        g->size = (g->len + len + 1) * 2;
        g->text = realloc(g->text, g->size);
        if (!g->text) {
            bail_out("out of memory");
        }
    }
    memcpy(g->text + g->len, text, len);
    g->len += len;
    g->text[g->len] = '\0';
}

static void append(growing *g, const char *text)
{
    append_n(g, text, strlen(text));
}

/* A request as a strict server reads it. */
typedef struct {
    char *method;
    char *target;
    int minor;
    char *names[32];
    char *values[32];
    int count;
    growing body;
} request;

/* Cut text at the first sep, which must be there. */
static char *cut_at(char **text, const char *sep)
{
    char *begin = *text;
    char *end = strstr(begin, sep);

    if (!end) {
        return NULL;
    }
    *end = '\0';
    *text = end + strlen(sep);
    return begin;
}

static const char *field(const request *r, const char *name)
{
    const char *value = NULL;
    int i;

    for (i = 0; i < r->count; i++) {
        if (!strcasecmp(r->names[i], name)) {
            if (value) {
                return "TWICE";
            }
            value = r->values[i];
        }
    }
    return value;
}

static int parse_request_head(request *r, char **text)
{
    char *line = cut_at(text, "\r\n");

    if (!line || strpbrk(line, "\r\n")) {
        return 0;
    }
    r->method = cut_at(&line, " ");
    r->target = cut_at(&line, " ");
    if (!r->method || !r->target || strncmp(line, "HTTP/1.", 7)
        || strlen(line) != 8) {
        return 0;
    }
    r->minor = line[7] - '0';
    while ((line = cut_at(text, "\r\n")) && *line) {
        if (strpbrk(line, "\r\n") || r->count == 32) {
            return 0;
        }
        r->names[r->count] = cut_at(&line, ": ");
        r->values[r->count] = line;
        if (!r->names[r->count++]) {
            return 0;
        }
    }
    return line != NULL;
}

static int parse_request_chunks(request *r, char *text)
{
    for (;;) {
        char *size = cut_at(&text, "\r\n");
        char *rest;
        unsigned long n;

        if (!size || !*size) {
            return 0;
        }
        n = strtoul(size, &rest, 16);
        if (*rest || strlen(text) < n + 2 || strncmp(text + n, "\r\n", 2)) {
            return 0;
        }
        append_n(&r->body, text, n);
        text += n + 2;
        if (!n) {
            return !*text;
        }
    }
}

/* @return 1 if text is exactly one well-formed request */
static int parse_request(request *r, char *text)
{
    const char *length;

    memset(r, 0, sizeof(*r));
    append(&r->body, "");
    if (!parse_request_head(r, &text)) {
        return 0;
    }
    length = field(r, "Content-Length");
    if (field(r, "Transfer-Encoding")) {
        return !length && !strcmp(field(r, "Transfer-Encoding"), "chunked")
            && parse_request_chunks(r, text);
    }
    append(&r->body, text);
    return r->body.len == (length ? strtoul(length, NULL, 10) : 0);
}

/* Write a whole request through a queue of the given limit. */
static int write_request(gw_h1 *h, const gw_req_head *head, const char *body,
                         size_t limit, growing *wire_bytes)
{
    gw_bufq out;
    size_t len = strlen(body);
    size_t sent = 0;
    apr_status_t rv;
    int ended = 0;

    gw_h1_init(h, NULL);
    gw_bufq_init(&out, limit);
    rv = gw_h1_start(h, head, &out);
    while (rv == APR_SUCCESS && !ended) {
        apr_size_t n = 0;

        rv = sent < len ? gw_h1_send(h, body + sent, len - sent, &out, &n)
            : gw_h1_send_end(h, &out);
        ended = rv == APR_SUCCESS && sent == len;
        sent += n;
        if (rv == APR_EAGAIN || ended) {
            append_n(wire_bytes, gw_bufq_data(&out), gw_bufq_len(&out));
            rv = gw_bufq_len(&out) ? APR_SUCCESS : APR_EGENERAL;
            gw_bufq_skip(&out, gw_bufq_len(&out));
        }
    }
    gw_bufq_free(&out);
    return ended;
}

static void round_trip(const gw_req_head *head, const char *body,
                       size_t limit)
{
    growing bytes = { NULL, 0, 0 };
    const char *want_connection = head->connection ? head->connection
        : head->minor ? NULL : "keep-alive";
    request r;
    gw_h1 h;

    append(&bytes, "");
    if (!ok(write_request(&h, head, body, limit, &bytes)
            && parse_request(&r, bytes.text),
            "%s, framing %d, HTTP/1.%d, queue of %lu: one request",
            head->method, head->framing, head->minor,
            (unsigned long)limit)) {
        diag("%s", bytes.text);
        free(bytes.text);
        return;
    }
    ok(!strcmp(r.method, head->method) && !strcmp(r.target, head->target)
       && r.minor == head->minor, "... its line");
    ok(!strcasecmp(r.names[0], "Host") && !strcmp(r.values[0], head->host),
       "... Host first");
    ok(!strcmp(r.names[1], "X-A") && !strcmp(r.values[1], "1")
       && !strcmp(r.names[2], "x-b") && !strcmp(r.values[2], "")
       && !strcmp(r.names[3], "X-A") && !strcmp(r.values[3], "\t2 \xff"),
       "... the fields in order");
    is_str(field(&r, "Connection"), want_connection, "... Connection");
    is_str(field(&r, "Expect"),
           head->expect && head->minor ? "100-continue" : NULL,
           "... Expect");
    is_int(!!field(&r, "Content-Length"), head->framing == GW_BODY_LENGTH,
           "... Content-Length");
    is_mem(r.body.text, r.body.len, body, strlen(body), "... the body");
    ok(h.req_done, "... all of it serialised");
    free(r.body.text);
    free(bytes.text);
}

static void test_round_trip(void)
{
    static const char *const bodies[] = {
        "", "x", "0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
        "a body that is longer than the smallest queue of this test, so that "
        "it must be written in several pieces: 0123456789012345678901234567"
        "890123456789012345678901234567890123456789012345678901234567890123"
    };
    static const size_t limits[] = { 200, 300, 16384 };
    gw_req_head head;
    int i;

    memset(&head, 0, sizeof(head));
    head.target = "/a/b?c=d&e=%20;,:@!$'()*+~";
    head.host = "[::1]:8080";
    head.headers = apr_table_make(root, 4);
    apr_table_addn(head.headers, "X-A", "1");
    apr_table_addn(head.headers, "x-b", "");
    apr_table_addn(head.headers, "X-A", "\t2 \xff");
    for (i = 0; i < 3 * 4 * 3 * 2; i++) {
        const char *body = bodies[i % 4];

        head.framing = (gw_framing)(i / 4 % 3);
        head.minor = i / 36;
        head.method = i & 1 ? "POST" : "x-odd!";
        head.connection = i & 2 ? "close" : NULL;
        head.expect = i & 1;
        head.length = (apr_off_t)strlen(body);
        if ((head.framing == GW_BODY_NONE && *body)
            || (head.framing == GW_BODY_CHUNKED && !head.minor)) {
            continue;
        }
        round_trip(&head, body, limits[i / 12 % 3]);
    }
}

/* --- what the serialiser refuses ---------------------------------------- */

enum { IN_METHOD, IN_TARGET, IN_HOST, IN_NAME, IN_VALUE, IN_CONNECTION };

static apr_status_t start_with(int where, const char *text, gw_bufq *out)
{
    gw_req_head head;
    apr_pool_t *pool;
    apr_status_t rv;
    gw_h1 h;

    apr_pool_create(&pool, root);
    memset(&head, 0, sizeof(head));
    gw_h1_init(&h, NULL);
    head.minor = 1;
    head.method = where == IN_METHOD ? text : "GET";
    head.target = where == IN_TARGET ? text : "/";
    head.host = where == IN_HOST ? text : "h";
    head.connection = where == IN_CONNECTION ? text : NULL;
    head.headers = apr_table_make(pool, 2);
    apr_table_addn(head.headers, where == IN_NAME ? text : "X",
                   where == IN_VALUE ? text : "y");
    rv = gw_h1_start(&h, &head, out);
    if (rv == APR_EINVAL
        && (!h.why || h.res != GW_H1_IDLE || gw_bufq_len(out))) {
        rv = APR_EGENERAL;
    }
    gw_bufq_skip(out, gw_bufq_len(out));
    apr_pool_destroy(pool);
    return rv;
}

static int allowed(int where, int c)
{
    switch (where) {
    case IN_METHOD:
    case IN_NAME:
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
            || (c >= 'A' && c <= 'Z')
            || (c && strchr("!#$%&'*+-.^_`|~", c));
    case IN_TARGET:
    case IN_HOST:
        return c > 32 && c < 127;
    default:
        return c == '\t' || (c >= 32 && c != 127);
    }
}

static void test_refusals(void)
{
    static const char *const places[] = {
        "method", "target", "Host", "name", "value", "Connection"
    };
    gw_bufq out;
    int where;
    int c;

    gw_bufq_init(&out, 1000);
    for (where = IN_METHOD; where <= IN_CONNECTION; where++) {
        int wrong = 0;

        for (c = 1; c < 256; c++) {
            char text[4] = { 'a', 0, 'b', 0 };
            apr_status_t rv;

            text[1] = (char)c;
            rv = start_with(where, text, &out);
            if (rv != (allowed(where, c) ? APR_SUCCESS : APR_EINVAL)) {
                diag("byte %d in the %s: status %d", c, places[where], rv);
                wrong++;
            }
        }
        is_int(wrong, 0, "36 every byte in the %s", places[where]);
    }
    is_int(start_with(IN_METHOD, "", &out), APR_EINVAL, "no method");
    is_int(start_with(IN_METHOD, "CONNECT", &out), APR_EINVAL, "43 CONNECT");
    is_int(start_with(IN_TARGET, "", &out), APR_EINVAL, "no target");
    is_int(start_with(IN_HOST, NULL, &out), APR_EINVAL, "no Host");
    is_int(start_with(IN_NAME, "", &out), APR_EINVAL, "no name");
    is_int(start_with(IN_VALUE, "", &out), APR_SUCCESS, "an empty value");
    is_int(start_with(IN_NAME, "hOST", &out), APR_EINVAL, "Host as a field");
    is_int(start_with(IN_NAME, "content-length", &out), APR_EINVAL,
           "10 Content-Length as a field");
    is_int(start_with(IN_NAME, "Transfer-Encoding", &out), APR_EINVAL,
           "10 Transfer-Encoding as a field");
    is_int(start_with(IN_NAME, "Connection", &out), APR_EINVAL,
           "Connection as a field");
    gw_bufq_free(&out);
}

static void test_refused_framing(void)
{
    gw_req_head head;
    gw_bufq out;
    gw_h1 h;
    apr_size_t n;

    memset(&head, 0, sizeof(head));
    gw_h1_init(&h, NULL);
    gw_bufq_init(&out, 50);
    head.method = "POST";
    head.target = "/";
    head.host = "h";
    head.framing = GW_BODY_CHUNKED;
    is_int(gw_h1_start(&h, &head, &out), APR_EINVAL, "chunked HTTP/1.0");
    head.minor = 2;
    is_int(gw_h1_start(&h, &head, &out), APR_EINVAL, "HTTP/1.2");
    head.minor = 1;
    head.framing = GW_BODY_LENGTH;
    head.length = -1;
    is_int(gw_h1_start(&h, &head, &out), APR_EINVAL, "negative length");
    head.length = 3;
    head.target = "/0123456789012345678901234567890123456789012345678";
    is_int(gw_h1_start(&h, &head, &out), APR_EINVAL,
           "a head that never fits is refused");
    head.target = "/";
    gw_bufq_put(&out, "0123456789", 10);
    is_int(gw_h1_start(&h, &head, &out), APR_EAGAIN,
           "a head that does not fit now waits");
    is_int(gw_bufq_len(&out), 10, "... nothing written");
    gw_bufq_skip(&out, 10);
    is_int(gw_h1_start(&h, &head, &out), APR_SUCCESS, "... until it fits");
    is_int(gw_h1_send(&h, "abcd", 4, &out, &n), APR_EINVAL,
           "more than Content-Length is refused");
    is_int(n, 0, "... and nothing of it taken");
    gw_bufq_skip(&out, gw_bufq_len(&out));
    is_int(gw_h1_send(&h, "ab", 0, &out, &n), APR_SUCCESS,
           "sending nothing is no error");
    is_int(gw_h1_send(&h, "ab", 2, &out, &n), APR_SUCCESS, "less is taken");
    is_int(gw_h1_send_end(&h, &out), APR_EINVAL, "but is no end");
    ok(!h.reusable, "such a connection is not reused");
    gw_bufq_free(&out);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&root, NULL);
    test_round_trip();
    test_refusals();
    test_refused_framing();
    apr_pool_destroy(root);
    apr_terminate();
    return done_testing();
}
