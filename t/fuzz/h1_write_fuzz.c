/**
 * h1_write_fuzz: what the serialiser writes, read back strictly, is what was
 * meant. Byte 0 of the input says how the body is framed, byte 1 how it is
 * cut; then, one a line: method, target, host, fields as "name:value", an
 * empty line, the body. A head that could split a request must be refused.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include "gw_h1.h"
#include "gw_str.h"

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

/* Cut the first line off *rest; NULL when nothing is left. */
static char *next_line(char **rest)
{
    char *line = *rest;
    char *end = line ? strchr(line, '\n') : NULL;

    if (end) {
        *end++ = '\0';
    }
    *rest = end;
    return line;
}

static void fill_head(apr_pool_t *pool, gw_req_head *head, char **rest)
{
    char *line;

    memset(head, 0, sizeof(*head));
    head->method = next_line(rest);
    head->target = next_line(rest);
    head->host = next_line(rest);
    head->headers = apr_table_make(pool, 4);
    while ((line = next_line(rest)) && *line) {
        char *colon = strchr(line, ':');

        if (colon) {
            *colon = '\0';
            apr_table_addn(head->headers, line, colon + 1);
        }
    }
}

/* Take a line that ends in CRLF and holds no other CR, LF or NUL. */
static gw_str wire_line(gw_str *wire)
{
    const char *lf = memchr(wire->p, '\n', wire->len);
    gw_str line;

    MUST(lf && lf > wire->p && lf[-1] == '\r');
    line.p = wire->p;
    line.len = (apr_size_t)(lf - wire->p) - 1;
    wire->len -= line.len + 2;
    wire->p = lf + 1;
    MUST(!memchr(line.p, '\r', line.len) && !memchr(line.p, '\0', line.len));
    return line;
}

static void must_be(gw_str line, const char *text)
{
    MUST(line.len == strlen(text) && !memcmp(line.p, text, line.len));
}

/* The head as it was meant: request line, Host, the fields in order, and at
 * most Connection, one framing field. @return the framing field, or "" */
static gw_str read_head(apr_pool_t *pool, const gw_req_head *head,
                        gw_str *wire)
{
    const apr_array_header_t *elts = apr_table_elts(head->headers);
    const apr_table_entry_t *e = (const apr_table_entry_t *)elts->elts;
    gw_str framing = { "", 0 };
    gw_str line;
    int i;

    must_be(wire_line(wire), apr_psprintf(pool, "%s %s HTTP/1.%d",
                                          head->method, head->target,
                                          head->minor));
    must_be(wire_line(wire), apr_pstrcat(pool, "Host: ", head->host, NULL));
    for (i = 0; i < elts->nelts; i++) {
        must_be(wire_line(wire), apr_pstrcat(pool, e[i].key, ": ", e[i].val,
                                             NULL));
    }
    while ((line = wire_line(wire)).len) {
        if (line.len > 11 && !memcmp(line.p, "Connection:", 11)) {
            continue;
        }
        MUST(!framing.len);
        framing = line;
    }
    return framing;
}

static void read_chunked(gw_str wire, const char *body, size_t len)
{
    gw_chunk_reader reader;
    apr_status_t rv = APR_SUCCESS;

    gw_chunk_reader_init(&reader);
    while (rv == APR_SUCCESS && wire.len) {
        apr_size_t used, n;
        const char *data;

        rv = gw_chunk_read(&reader, wire.p, wire.len, &used, &data, &n);
        MUST(!n || (n <= len && !memcmp(data, body, n)));
        body += n;
        len -= n;
        wire.p += used;
        wire.len -= used;
    }
    MUST(rv == APR_EOF && !len && !wire.len);
}

static void send_body(gw_h1 *h, gw_bufq *out, const char *body, size_t len,
                      size_t cut)
{
    while (len) {
        apr_size_t n = len < cut ? len : cut;

        MUST(gw_h1_send(h, body, n, out, &n) == APR_SUCCESS && n);
        body += n;
        len -= n;
    }
    MUST(gw_h1_send_end(h, out) == APR_SUCCESS);
}

static void check(apr_pool_t *pool, gw_req_head *head, const char *body,
                  size_t cut)
{
    size_t len = body ? strlen(body) : 0;
    gw_bufq out;
    gw_h1 h;
    gw_str wire, framing;

    gw_h1_init(&h, NULL);
    gw_bufq_init(&out, 1 << 20);
    head->length = (apr_off_t)len;
    if (gw_h1_start(&h, head, &out) != APR_SUCCESS) {
        MUST(!gw_bufq_len(&out));
        gw_bufq_free(&out);
        return;
    }
    if (head->framing != GW_BODY_NONE) {
        send_body(&h, &out, body, len, cut);
    }
    wire.p = gw_bufq_data(&out);
    wire.len = gw_bufq_len(&out);
    framing = read_head(pool, head, &wire);
    if (head->framing == GW_BODY_CHUNKED) {
        must_be(framing, "Transfer-Encoding: chunked");
        read_chunked(wire, body, len);
    }
    else if (head->framing == GW_BODY_LENGTH) {
        must_be(framing, apr_psprintf(pool, "Content-Length: %" APR_SIZE_T_FMT,
                                      len));
        MUST(wire.len == len && !memcmp(wire.p, body, len));
    }
    else {
        MUST(!framing.len && !wire.len);
    }
    gw_bufq_free(&out);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    apr_initialize();
    apr_pool_create(&root, NULL);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_req_head head;
    apr_pool_t *pool;
    char *rest;

    if (size < 2) {
        return 0;
    }
    apr_pool_create(&pool, root);
    rest = apr_pstrmemdup(pool, (const char *)data + 2, size - 2);
    fill_head(pool, &head, &rest);
    head.minor = !(data[0] & 4);
    head.framing = rest ? (gw_framing)((data[0] & 3) % 3) : GW_BODY_NONE;
    if (head.method && head.target && head.host) {
        check(pool, &head, rest, data[1] ? data[1] : 1);
    }
    apr_pool_destroy(pool);
    return 0;
}
