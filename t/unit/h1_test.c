/**
 * h1_test: the HTTP/1.1 codec against every hostile response of the security
 * requirements 44-76, whole, split in two at every byte, and byte by byte;
 * limits, what a head says, and the life of a connection.
 */
#include "gw_h1.h"

#include <apr_general.h>
#include <apr_strings.h>
#include "h1_cases.h"
#include "tap.h"

/* Fits any head within the limits, as a connection's queue does. */
#define QUEUE (GW_LINE_MAX + GW_HEAD_MAX + 2 * GW_IO_SIZE)

static apr_pool_t *root;

/* --- running a response ------------------------------------------------- */

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

/* A connection in the middle of an exchange, and what was seen of it. */
typedef struct {
    gw_h1 h;
    gw_bufq in;
    gw_bufq out;
    growing seen;
    growing body;
    int final;
    int over;               /* complete or broken */
} wire;

static void trace_head(growing *g, const gw_res_head *head)
{
    const apr_array_header_t *elts = apr_table_elts(head->headers);
    const apr_table_entry_t *e = (const apr_table_entry_t *)elts->elts;
    char text[64];
    int i;

    snprintf(text, sizeof(text), "%d ", head->status);
    append(g, text);
    append(g, head->reason);
    append(g, " ");
    for (i = 0; i < elts->nelts; i++) {
        append(g, "{");
        append(g, e[i].key);
        append(g, "=");
        append(g, e[i].val);
        append(g, "}");
    }
    if (elts->nelts) {
        append(g, " ");
    }
}

static void trace_failure(wire *w)
{
    if (w->final) {
        append(&w->seen, "|");
        append_n(&w->seen, w->body.text ? w->body.text : "", w->body.len);
        append(&w->seen, "| ");
    }
    append(&w->seen, gw_fail_name(w->h.fail));
    append(&w->seen, " (");
    append(&w->seen, w->h.why);
    append(&w->seen, ")");
    w->over = 1;
    if (w->h.res != GW_H1_BROKEN || gw_h1_reusable(&w->h, &w->in, &w->out)) {
        append(&w->seen, " BUT NOT BROKEN");
    }
}

static void trace_end(wire *w)
{
    append(&w->seen, "|");
    append_n(&w->seen, w->body.text ? w->body.text : "", w->body.len);
    append(&w->seen, gw_h1_reusable(&w->h, &w->in, &w->out) ? "| reuse"
           : "| close");
    w->over = 1;
}

static void wire_open(wire *w, int flags)
{
    gw_req_head head;

    memset(w, 0, sizeof(*w));
    memset(&head, 0, sizeof(head));
    gw_h1_init(&w->h, NULL);
    gw_bufq_init(&w->in, QUEUE);
    gw_bufq_init(&w->out, GW_IO_SIZE);
    head.method = flags & F_HEAD ? "HEAD" : "GET";
    head.target = "/";
    head.host = "backend";
    head.connection = flags & F_CLOSE ? "close" : NULL;
    head.minor = flags & F_REQ10 ? 0 : 1;
    if (gw_h1_start(&w->h, &head, &w->out) != APR_SUCCESS) {
        bail_out("cannot start an exchange: %s", w->h.why);
    }
    gw_bufq_skip(&w->out, gw_bufq_len(&w->out));
}

static void wire_close(wire *w)
{
    gw_bufq_free(&w->in);
    gw_bufq_free(&w->out);
    free(w->seen.text);
    free(w->body.text);
}

/* Read what there is. */
static void wire_read(wire *w, apr_pool_t *pool)
{
    gw_res_head *head;
    const char *data;
    apr_size_t len;
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && !w->final) {
        rv = gw_h1_read_head(&w->h, &w->in, pool, &head);
        if (rv == APR_SUCCESS) {
            trace_head(&w->seen, head);
            w->final = !gw_msg_is_interim(head);
        }
    }
    while (rv == APR_SUCCESS) {
        rv = gw_h1_read_body(&w->h, &w->in, &data, &len);
        if (rv == APR_SUCCESS) {
            append_n(&w->body, data, len);
        }
    }
    if (rv == APR_EGENERAL) {
        trace_failure(w);
    }
}

static void wire_feed(wire *w, apr_pool_t *pool, const char *data, size_t len)
{
    while (len && !w->over) {
        apr_size_t n;

        if (gw_bufq_write(&w->in, data, len, &n) != APR_SUCCESS) {
            append(&w->seen, "STUCK WITH A FULL QUEUE");
            w->over = 1;
            return;
        }
        data += n;
        len -= n;
        if (w->h.res == GW_H1_DONE) {
            return;     /* surplus stays in the queue */
        }
        wire_read(w, pool);
    }
}

static void wire_end(wire *w, int flags)
{
    if (w->over) {
        return;
    }
    if (w->h.res == GW_H1_DONE) {
        trace_end(w);
    }
    else if (gw_h1_peer_closed(&w->h, &w->in, !(flags & F_RST)) == APR_EOF) {
        trace_end(w);
    }
    else {
        trace_failure(w);
    }
}

/*
 * Run a response that arrives in pieces: the first of cut bytes, then step
 * bytes each (0: all the rest at once).
 * @return what was seen, malloc'ed
 */
static char *trace(const char *data, size_t len, int flags, size_t cut,
                   size_t step)
{
    apr_pool_t *pool;
    wire w;
    char *seen;

    apr_pool_create(&pool, root);
    wire_open(&w, flags);
    wire_feed(&w, pool, data, cut);
    while (cut < len) {
        size_t n = step && step < len - cut ? step : len - cut;

        wire_feed(&w, pool, data + cut, n);
        cut += n;
    }
    wire_end(&w, flags);
    seen = strdup(w.seen.text ? w.seen.text : "");
    wire_close(&w);
    apr_pool_destroy(pool);
    return seen;
}

/* Is the result the same at this split? */
static int same(const char *data, size_t len, int flags, size_t cut,
                size_t step, const char *want)
{
    char *got = trace(data, len, flags, cut, step);
    int equal = !strcmp(got, want);

    if (!equal) {
        diag("cut at %lu, then %lu bytes each:\n  got  %.200s\n"
             "  want %.200s", (unsigned long)cut, (unsigned long)step, got,
             want);
    }
    free(got);
    return equal;
}

static void check(const char *name, int flags, const char *data, size_t len,
                  const char *want)
{
    char *got = trace(data, len, flags, len, 0);
    size_t stride = flags & F_BIG ? len / 97 + 1 : 1;
    size_t cut;
    int equal = 1;

    is_str(got, want, "%s", name);
    for (cut = 0; cut < len && equal; cut += stride) {
        equal = same(data, len, flags, cut, 0, got);
    }
    equal = equal && same(data, len, flags, 0, 1, got);
    equal = equal && same(data, len, flags, 0, 7, got);
    ok(equal, "%s: same however it is split", name);
    free(got);
}

static void test_responses(void)
{
    size_t i;

    for (i = 0; i < N_CASES; i++) {
        check(cases[i].name, cases[i].flags, cases[i].data, cases[i].len,
              cases[i].want);
    }
}

/* --- limits ------------------------------------------------------------- */

/* head, then count times (prefix, fill bytes, suffix), then tail */
static void check_built(const char *name, const char *head, int count,
                        const char *prefix, size_t fill, const char *suffix,
                        const char *tail, const char *want)
{
    growing g = { NULL, 0, 0 };
    size_t i;

    append(&g, head);
    while (count-- > 0) {
        append(&g, prefix);
        for (i = 0; i < fill; i++) {
            append_n(&g, "x", 1);
        }
        append(&g, suffix);
    }
    append(&g, tail);
    if (want) {
        check(name, F_BIG, g.text, g.len, want);
    }
    else {
        char *got = trace(g.text, g.len, 0, g.len, 0);

        ok(strstr(got, "|| reuse") != NULL, "%s", name);
        ok(same(g.text, g.len, 0, 0, 1, got), "%s: byte by byte", name);
        free(got);
    }
    free(g.text);
}

static void test_limits(void)
{
    check_built("58 longest status line", "HTTP/1.1 200 ", 1, "",
                GW_LINE_MAX - 14, "", "\r\n" LENGTH0, NULL);
    check_built("58 status line one byte too long", "HTTP/1.1 200 ", 1, "",
                GW_LINE_MAX - 13, "", "\r\n" LENGTH0,
                "limit (status line too long)");
    check_built("58 status line without an end", "HTTP/1.1 200 ", 1, "",
                GW_LINE_MAX, "", "", "limit (status line too long)");
    check_built("58 longest field", OK200, 1, "X-A: ", GW_FIELD_MAX - 6,
                "\r\n", LENGTH0, NULL);
    check_built("58 field one byte too long", OK200, 1, "X-A: ",
                GW_FIELD_MAX - 5, "\r\n", LENGTH0,
                "limit (header field too long)");
    check_built("58 field without an end", OK200, 1, "X-A: ", 4 * GW_FIELD_MAX,
                "", "", "limit (header field too long)");
    check_built("58 field too long by folding", OK200 "X-A: y\r\n",
                GW_FIELD_MAX / 100 + 1, " ", 97, "\r\n", LENGTH0,
                "limit (header field too long)");
    check_built("58 section too long", OK200, 100, "X-A: ", 700, "\r\n",
                LENGTH0, "limit (header section too long)");
    check_built("58 section without an end", OK200, 10, "X-A: ", 15000,
                "\r\n", "", "limit (header section too long)");
    check_built("58 200 fields", OK200, 199, "X-A: ", 1, "\r\n", LENGTH0,
                NULL);
    check_built("58 201 fields", OK200, 200, "X-A: ", 1, "\r\n", LENGTH0,
                "limit (too many header fields)");
    check_built("58 empty names without an end", OK200, 30000, ":\r\n", 0, "",
                "", "limit (too many header fields)");
}

static void test_chunk_limits(void)
{
    check_built("64 extension without an end", CHUNKED "5;", 1, "",
                2 * GW_CHUNK_LINE_MAX, "", "", CHUNKED_SEEN " || limit "
                "(chunk extensions beyond the limit)");
    check_built("64 trailers without an end", CHUNKED "0\r\n",
                2 * GW_TRAILER_MAX / 100, "X: ", 95, "\r\n", "",
                CHUNKED_SEEN " || limit (trailers beyond the limit)");
}

/* The same once more, by hand: what check_built() cannot say. */
static void test_more_limits(void)
{
    growing g = { NULL, 0, 0 };
    char *got;
    size_t i;

    append(&g, OK200 "X-Big: ");
    for (i = 0; i < 7 * 1024; i++) {
        append(&g, "y");
    }
    append(&g, "\r\n");
    for (i = 0; i < 80; i++) {
        append(&g, "X-A: small\r\n");
    }
    append(&g, "Content-Length: 2\r\n\r\nhi");
    got = trace(g.text, g.len, 0, g.len, 0);
    ok(strstr(got, "{X-A=small}{Content-Length=2} |hi| reuse") != NULL,
       "58 a 7 KiB field plus 80 small ones pass");
    ok(same(g.text, g.len, 0, 0, 1, got), "58 that byte by byte");
    free(got);

    g.len = 0;
    for (i = 0; i < GW_INTERIM_MAX; i++) {
        append(&g, "HTTP/1.1 102 Busy\r\n\r\n");
    }
    append(&g, OK200 LENGTH0);
    got = trace(g.text, g.len, 0, g.len, 0);
    ok(strstr(got, "102 Busy 200 OK {Content-Length=0} || reuse") != NULL,
       "69 as many interims as allowed, then the final");
    free(got);

    g.len = 0;
    for (i = 0; i < GW_INTERIM_MAX + 1; i++) {
        append(&g, "HTTP/1.1 102 Busy\r\n\r\n");
    }
    append(&g, OK200 LENGTH0);
    got = trace(g.text, g.len, 0, g.len, 0);
    ok(strstr(got, "102 Busy limit (too many interim responses)") != NULL,
       "71 one interim too many");
    free(got);
    free(g.text);
}

/* A queue smaller than the limits must not leave the caller spinning. */
static void test_small_queue(void)
{
    apr_pool_t *pool;
    gw_res_head *head;
    wire w;

    apr_pool_create(&pool, root);
    wire_open(&w, 0);
    w.in.limit = 20;
    gw_bufq_put(&w.in, "HTTP/1.1 200 OK\r\nX: y", 20);
    is_int(gw_h1_read_head(&w.h, &w.in, pool, &head), APR_EGENERAL,
           "a full queue without a whole head breaks");
    is_int(w.h.fail, GW_FAIL_LIMIT, "... as a limit");
    wire_close(&w);
    apr_pool_destroy(pool);
}

static void test_own_limits(void)
{
    gw_h1_limits limits = { 20, 30, 60, 2 };
    apr_pool_t *pool;
    gw_res_head *head;
    wire w;

    apr_pool_create(&pool, root);
    wire_open(&w, 0);
    gw_h1_init(&w.h, &limits);
    w.h.res = GW_H1_HEAD;
    gw_bufq_put(&w.in, OK200 "A: b\r\nC: d\r\nE: f\r\n\r\n", 17 + 20);
    is_int(gw_h1_read_head(&w.h, &w.in, pool, &head), APR_EGENERAL,
           "own limits count");
    is_str(w.h.why, "too many header fields", "... and say so");
    wire_close(&w);
    apr_pool_destroy(pool);
}

/* --- what a head says --------------------------------------------------- */

typedef struct {
    const char *name;
    int flags;
    const char *data;
    int status;
    int minor;
    long length;
    int keepalive;
} facts_case;

static const facts_case facts_cases[] = {
    { "length", 0, OK200 "Content-Length: 5\r\n\r\n", 200, 1, 5, -1 },
    { "no length", 0, OK200 "\r\n", 200, 1, -1, -1 },
    { "chunked", 0, CHUNKED, 200, 1, -1, -1 },
    { "chunked and length", 0,
      OK200 "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      200, 1, -1, -1 },
    { "HEAD", F_HEAD, OK200 "Content-Length: 5\r\n\r\n", 200, 1, 5, -1 },
    { "304", 0, "HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n",
      304, 1, 5, -1 },
    { "204", 0, "HTTP/1.1 204 N\r\nContent-Length: 5\r\n\r\n",
      204, 1, -1, -1 },
    { "HTTP/1.0", 0, "HTTP/1.0 200 OK\r\n\r\n", 200, 0, -1, -1 },
    { "interim", 0, "HTTP/1.1 103 H\r\nContent-Length: 5\r\n\r\n",
      103, 1, -1, -1 },
    { "Keep-Alive", 0, OK200 "Keep-Alive: timeout=5, max=100\r\n\r\n",
      200, 1, -1, 5 },
    { "Keep-Alive, other order", 0,
      OK200 "keep-alive: max=100 , Timeout = 15\r\n\r\n", 200, 1, -1, 15 },
    { "Keep-Alive without timeout", 0, OK200 "Keep-Alive: max=1\r\n\r\n",
      200, 1, -1, -1 },
    { "Keep-Alive, not a number", 0, OK200 "Keep-Alive: timeout=x\r\n\r\n",
      200, 1, -1, -1 },
    { "Keep-Alive, larger than an int", 0,
      OK200 "Keep-Alive: timeout=99999999999\r\n\r\n",
      200, 1, -1, 2147483647 },
    { "Keep-Alive, odd", 0, OK200 "Keep-Alive: 300, timeout\r\n\r\n",
      200, 1, -1, -1 },
};

static void test_facts(void)
{
    size_t i;

    for (i = 0; i < sizeof(facts_cases) / sizeof(facts_cases[0]); i++) {
        const facts_case *c = &facts_cases[i];
        apr_pool_t *pool;
        gw_res_head *head = NULL;
        wire w;

        apr_pool_create(&pool, root);
        wire_open(&w, c->flags);
        gw_bufq_put(&w.in, c->data, strlen(c->data));
        if (is_int(gw_h1_read_head(&w.h, &w.in, pool, &head), APR_SUCCESS,
                   "facts: %s", c->name)) {
            is_int(head->status, c->status, "%s: status", c->name);
            is_int(head->minor, c->minor, "%s: minor", c->name);
            is_int(head->length, c->length, "%s: length", c->name);
            is_int(head->keepalive, c->keepalive, "%s: keepalive", c->name);
        }
        wire_close(&w);
        apr_pool_destroy(pool);
    }
}

/* --- life of a connection ----------------------------------------------- */

static void start_again(wire *w)
{
    gw_req_head head;

    memset(&head, 0, sizeof(head));
    head.method = "GET";
    head.target = "/";
    head.host = "h";
    head.minor = 1;
    is_int(gw_h1_start(&w->h, &head, &w->out), APR_SUCCESS,
           "another exchange begins");
    gw_bufq_skip(&w->out, gw_bufq_len(&w->out));
}

static void test_reuse(void)
{
    static const char one[] = OK200 "Content-Length: 2\r\n\r\nhi";
    apr_pool_t *pool;
    wire w;
    int i;

    apr_pool_create(&pool, root);
    wire_open(&w, 0);
    ok(!gw_h1_reusable(&w.h, &w.in, &w.out), "not reusable before the answer");
    ok(!gw_h1_started(&w.h, &w.in), "no response byte seen");
    for (i = 0; i < 3; i++) {
        if (i) {
            start_again(&w);
            w.final = w.over = 0;
        }
        wire_feed(&w, pool, one, sizeof(one) - 1);
        ok(gw_h1_started(&w.h, &w.in), "response bytes seen");
        ok(gw_h1_reusable(&w.h, &w.in, &w.out), "reusable behind answer %d",
           i + 1);
    }
    gw_bufq_put(&w.out, "x", 1);
    ok(!gw_h1_reusable(&w.h, &w.in, &w.out), "not with unsent bytes");
    gw_bufq_skip(&w.out, 1);
    gw_bufq_put(&w.in, "x", 1);
    ok(!gw_h1_reusable(&w.h, &w.in, &w.out), "not with a surplus byte");
    wire_close(&w);
    apr_pool_destroy(pool);
}

/* What we say in Connection ends it only if it is "close". */
static void test_own_connection(void)
{
    static const struct {
        const char *value;
        int reusable;
    } said[] = {
        { "close", 0 }, { "X, Close", 0 }, { "keep-alive", 1 }, { "X", 1 }
    };
    size_t i;

    for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        gw_req_head head;
        gw_bufq out;
        gw_h1 h;

        memset(&head, 0, sizeof(head));
        gw_h1_init(&h, NULL);
        gw_bufq_init(&out, 1000);
        head.method = "GET";
        head.target = "/";
        head.host = "h";
        head.minor = 1;
        head.connection = said[i].value;
        is_int(gw_h1_start(&h, &head, &out), APR_SUCCESS, "saying %s",
               said[i].value);
        is_int(h.reusable, said[i].reusable, "... keeps it or not");
        gw_bufq_free(&out);
    }
}

/* 21: an answer before the request body is written. */
static void test_early_answer(void)
{
    static const char answer[] = "HTTP/1.1 413 No\r\n"
        "Content-Length: 0\r\n\r\n";
    gw_req_head head;
    apr_pool_t *pool;
    apr_size_t n;
    wire w;

    apr_pool_create(&pool, root);
    memset(&w, 0, sizeof(w));
    memset(&head, 0, sizeof(head));
    gw_h1_init(&w.h, NULL);
    gw_bufq_init(&w.in, QUEUE);
    gw_bufq_init(&w.out, GW_IO_SIZE);
    ok(gw_h1_reusable(&w.h, &w.in, &w.out), "a fresh connection is usable");
    head.method = "POST";
    head.target = "/";
    head.host = "h";
    head.minor = 1;
    head.framing = GW_BODY_LENGTH;
    head.length = 4;
    is_int(gw_h1_start(&w.h, &head, &w.out), APR_SUCCESS, "21 POST begins");
    is_int(gw_h1_start(&w.h, &head, &w.out), APR_EINVAL,
           "no second exchange meanwhile");
    wire_feed(&w, pool, answer, sizeof(answer) - 1);
    gw_bufq_skip(&w.out, gw_bufq_len(&w.out));
    ok(!gw_h1_reusable(&w.h, &w.in, &w.out),
       "21 answered early: not reusable");
    is_int(gw_h1_send(&w.h, "ab", 2, &w.out, &n), APR_SUCCESS, "half of it");
    gw_bufq_skip(&w.out, gw_bufq_len(&w.out));
    ok(!gw_h1_reusable(&w.h, &w.in, &w.out), "21 still not reusable");
    is_int(gw_h1_send(&w.h, "cd", 2, &w.out, &n), APR_SUCCESS, "the rest");
    ok(!gw_h1_reusable(&w.h, &w.in, &w.out), "21 not before it is written");
    gw_bufq_skip(&w.out, gw_bufq_len(&w.out));
    ok(gw_h1_reusable(&w.h, &w.in, &w.out), "21 reusable once it is");
    wire_close(&w);
    apr_pool_destroy(pool);
}

static void test_idle(void)
{
    apr_pool_t *pool;
    gw_res_head *head;
    const char *data;
    apr_size_t len;
    wire w;

    apr_pool_create(&pool, root);
    memset(&w, 0, sizeof(w));
    gw_h1_init(&w.h, NULL);
    gw_bufq_init(&w.in, QUEUE);
    gw_bufq_init(&w.out, GW_IO_SIZE);
    ok(!gw_h1_started(&w.h, &w.in), "73 nothing started while idle");
    gw_bufq_put(&w.in, OK200 "\r\n", 19);
    ok(!gw_h1_reusable(&w.h, &w.in, &w.out),
       "73 bytes on an idle connection: not reusable");
    is_int(gw_h1_read_head(&w.h, &w.in, pool, &head), APR_EGENERAL,
           "73 they are no response");
    is_int(gw_h1_read_body(&w.h, &w.in, &data, &len), APR_EGENERAL,
           "broken stays broken");
    is_int(w.h.res, GW_H1_BROKEN, "... in its state");
    is_int(gw_h1_peer_closed(&w.h, &w.in, 1), APR_EGENERAL,
           "... and when it closes");
    is_str(w.h.why, "no head is due", "... for the first reason");
    wire_close(&w);

    gw_h1_init(&w.h, NULL);
    is_int(gw_h1_peer_closed(&w.h, &w.in, 1), APR_EGENERAL, "75 idle, FIN");
    ok(!gw_h1_reusable(&w.h, &w.in, &w.out), "75 not reusable");
    wire_close(&w);
    apr_pool_destroy(pool);
}

/* started() decides whether a request may be sent again. */
static void test_started(void)
{
    static const struct {
        const char *data;
        int want;
    } seen[] = {
        { "", 0 }, { "\r\n", 1 }, { "H", 1 }, { "junk", 1 },
        { "HTTP/1.1 100 C\r\n\r\n", 1 }, { OK200, 1 }
    };
    size_t i;

    for (i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
        apr_pool_t *pool;
        wire w;

        apr_pool_create(&pool, root);
        wire_open(&w, 0);
        wire_feed(&w, pool, seen[i].data, strlen(seen[i].data));
        is_int(!!gw_h1_started(&w.h, &w.in), seen[i].want,
               "started by %lu bytes", (unsigned long)strlen(seen[i].data));
        wire_end(&w, 0);
        gw_bufq_skip(&w.in, gw_bufq_len(&w.in));
        is_int(!!gw_h1_started(&w.h, &w.in), seen[i].want,
               "... and still when broken: %s", w.seen.text);
        wire_close(&w);
        apr_pool_destroy(pool);
    }
}

static void test_closed_when_done(void)
{
    apr_pool_t *pool;
    wire w;

    apr_pool_create(&pool, root);
    wire_open(&w, 0);
    wire_feed(&w, pool, OK200 LENGTH0, strlen(OK200 LENGTH0));
    is_int(gw_h1_peer_closed(&w.h, &w.in, 0), APR_EOF,
           "a close behind a whole answer takes nothing from it");
    ok(!gw_h1_reusable(&w.h, &w.in, &w.out), "... but the connection");
    wire_close(&w);
    apr_pool_destroy(pool);
}

static void test_messages(void)
{
    static const char *const twice[] = {
        "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"
    };
    static const char *const once[] = {
        "POST", "PATCH", "get", "PROPFIND", "GETS", ""
    };
    int i;

    for (i = 0; i < 6; i++) {
        ok(gw_msg_is_idempotent(twice[i]), "78 %s may be repeated",
           twice[i]);
        ok(!gw_msg_is_idempotent(once[i]), "79 '%s' may not", once[i]);
    }
}

/* Undelivered bytes of a body must not vanish behind a clean close. */
static void test_undrained(void)
{
    apr_pool_t *pool;
    gw_res_head *head;
    wire w;

    apr_pool_create(&pool, root);
    wire_open(&w, 0);
    gw_bufq_put(&w.in, OK200 "\r\nhello", 24);
    is_int(gw_h1_read_head(&w.h, &w.in, pool, &head), APR_SUCCESS,
           "63 close-delimited body");
    is_int(gw_h1_peer_closed(&w.h, &w.in, 1), APR_EGENERAL,
           "63 a close with unread bytes is not complete");
    wire_close(&w);
    apr_pool_destroy(pool);
}

/* 67: bodies come through exactly. */
static void test_large_bodies(void)
{
    const size_t total = 8 * 1024 * 1024;
    apr_pool_t *pool;
    growing g = { NULL, 0, 0 };
    unsigned sum = 0;
    size_t fed = 0;
    size_t got = 0;
    int i;
    char *seen;
    wire w;

    apr_pool_create(&pool, root);
    wire_open(&w, 0);
    wire_feed(&w, pool, OK200 "Content-Length: 8388608\r\n\r\n", 44);
    while (fed < total) {
        char block[4099];
        size_t n = total - fed < sizeof(block) ? total - fed : sizeof(block);

        for (i = 0; i < (int)n; i++) {
            block[i] = (char)((fed + (size_t)i) * 31 >> 3);
        }
        wire_feed(&w, pool, block, n);
        fed += n;
        for (i = 0; i < (int)w.body.len; i++) {
            sum |= (unsigned char)(w.body.text[i]
                                   ^ (char)((got + (size_t)i) * 31 >> 3));
        }
        got += w.body.len;
        w.body.len = 0;
    }
    is_int(got, total, "67 8 MiB arrive");
    is_int(sum, 0, "67 ... byte for byte");
    ok(gw_h1_reusable(&w.h, &w.in, &w.out), "67 ... and reusable");
    wire_close(&w);
    apr_pool_destroy(pool);

    append(&g, CHUNKED);
    for (i = 0; i < 20000; i++) {
        append(&g, "1\r\nz\r\n");
    }
    append(&g, "0\r\n\r\n");
    seen = trace(g.text, g.len, 0, 1000, 1400);
    is_int(strspn(strchr(seen, '|') + 1, "z"), 20000,
           "67 20,000 chunks of one byte");
    ok(strstr(seen, "z| reuse") != NULL, "67 ... and reusable");
    free(seen);
    free(g.text);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&root, NULL);
    test_responses();
    test_limits();
    test_chunk_limits();
    test_more_limits();
    test_small_queue();
    test_own_limits();
    test_facts();
    test_reuse();
    test_own_connection();
    test_early_answer();
    test_idle();
    test_started();
    test_closed_when_done();
    test_messages();
    test_undrained();
    test_large_bodies();
    apr_pool_destroy(root);
    apr_terminate();
    return done_testing();
}
