/**
 * h1_fuzz: responses to the HTTP/1.1 codec. Byte 0 of the input chooses the
 * request and the limits, byte 1 how the rest is cut into pieces. Whatever
 * comes: the same result as in one piece, nothing beyond the limits, no
 * control byte in what is handed out, and no use of a connection that broke.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include "gw_h1.h"
#include "gw_str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum {
    HEAD = 1,
    RESET = 2,
    HTTP10 = 4,
    SAY_CLOSE = 8,
    SMALL_LIMITS = 16
};

#define MUST(cond)                                                      \
    do {                                                                \
        if (!(cond)) {                                                  \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #cond);  \
            abort();                                                    \
        }                                                               \
    } while (0)

static apr_pool_t *root;

/* What came of a response, as bytes that can be compared. */
typedef struct {
    char *text;
    size_t len;
    size_t size;
} record;

/* A connection that reads one response. */
typedef struct {
    gw_h1 h;
    gw_bufq in;
    gw_bufq out;
    apr_pool_t *pool;
    record seen;
    int flags;
    int final;
    int broken;
    apr_off_t length;       /* promised, -1 for none */
    apr_off_t body;
} reader;

static void note(record *r, const void *text, size_t len)
{
    if (r->len + len > r->size) {
        r->size = (r->len + len) * 2;
        r->text = realloc(r->text, r->size);
        MUST(r->text);
    }
    memcpy(r->text + r->len, text, len);
    r->len += len;
}

static void note_text(record *r, const char *text)
{
    note(r, text, strlen(text) + 1);
}

static void check_head(reader *r, const gw_res_head *head)
{
    const apr_array_header_t *elts = apr_table_elts(head->headers);
    const apr_table_entry_t *e = (const apr_table_entry_t *)elts->elts;
    size_t total = 0;
    int lengths = 0;
    int i;

    MUST(head->status >= 100 && head->status <= 999);
    MUST(head->minor == 0 || head->minor == 1);
    MUST(head->length >= -1 && head->keepalive >= -1);
    MUST(strlen(head->reason) <= r->h.limits.line);
    MUST(gw_str_is_field_value(gw_str_of(head->reason)));
    MUST(elts->nelts <= r->h.limits.fields);
    note(&r->seen, &head->status, sizeof(head->status));
    note(&r->seen, &head->length, sizeof(head->length));
    note(&r->seen, &head->keepalive, sizeof(head->keepalive));
    note_text(&r->seen, head->reason);
    for (i = 0; i < elts->nelts; i++) {
        size_t len = strlen(e[i].key) + strlen(e[i].val);

        MUST(gw_str_is_token(gw_str_of(e[i].key)));
        MUST(gw_str_is_field_value(gw_str_of(e[i].val)));
        MUST(len <= r->h.limits.field);
        lengths += !strcasecmp(e[i].key, "Content-Length");
        total += len;
        note_text(&r->seen, e[i].key);
        note_text(&r->seen, e[i].val);
    }
    MUST(total <= r->h.limits.head);
    MUST(lengths <= 1);
    MUST(!lengths || !apr_table_get(head->headers, "Transfer-Encoding"));
    MUST(!lengths || head->length >= 0);
}

/* Broken is for ever, and no connection to keep. */
static void note_failure(reader *r)
{
    const char *why = r->h.why;
    const char *data;
    apr_size_t len;
    gw_res_head *head;

    MUST(r->h.fail == GW_FAIL_JUNK || r->h.fail == GW_FAIL_LIMIT
         || r->h.fail == GW_FAIL_RESET || r->h.fail == GW_FAIL_TRUNCATED);
    MUST(why && *why);
    note_text(&r->seen, gw_fail_name(r->h.fail));
    note_text(&r->seen, why);
    MUST(gw_h1_read_head(&r->h, &r->in, r->pool, &head) == APR_EGENERAL);
    MUST(gw_h1_read_body(&r->h, &r->in, &data, &len) == APR_EGENERAL);
    MUST(gw_h1_peer_closed(&r->h, &r->in, 1) == APR_EGENERAL);
    MUST(r->h.why == why && r->h.res == GW_H1_BROKEN);
    gw_bufq_skip(&r->in, gw_bufq_len(&r->in));
    MUST(!gw_h1_reusable(&r->h, &r->in, &r->out));
    r->broken = 1;
}

static void take_final(reader *r, const gw_res_head *head)
{
    r->final = 1;
    r->length = r->flags & HEAD || head->status == 204 || head->status == 304
        ? 0 : head->length;
}

static void read_all(reader *r)
{
    apr_status_t rv = APR_SUCCESS;
    gw_res_head *head;
    const char *data;
    apr_size_t len;

    while (rv == APR_SUCCESS && !r->final) {
        rv = gw_h1_read_head(&r->h, &r->in, r->pool, &head);
        if (rv == APR_SUCCESS) {
            check_head(r, head);
            if (!gw_msg_is_interim(head)) {
                take_final(r, head);
            }
        }
    }
    while (rv == APR_SUCCESS) {
        rv = gw_h1_read_body(&r->h, &r->in, &data, &len);
        if (rv == APR_SUCCESS) {
            MUST(len > 0 && len <= gw_bufq_len(&r->in));
            note(&r->seen, data, len);
            r->body += (apr_off_t)len;
        }
    }
    MUST(rv == APR_EAGAIN || rv == APR_EOF || rv == APR_EGENERAL);
    if (rv == APR_EGENERAL) {
        note_failure(r);
    }
}

static void feed(reader *r, const uint8_t *data, size_t size)
{
    while (size && !r->broken) {
        apr_size_t n;

        /* a queue that is full for ever would be a hang */
        MUST(gw_bufq_write(&r->in, (const char *)data, size, &n)
             == APR_SUCCESS);
        data += n;
        size -= n;
        if (r->h.res == GW_H1_DONE) {
            gw_bufq_skip(&r->in, gw_bufq_len(&r->in) - 1);
            continue;       /* one byte of surplus tells as much as all */
        }
        read_all(r);
    }
}

static void finish(reader *r)
{
    int reusable;

    if (r->broken) {
        return;
    }
    if (r->h.res != GW_H1_DONE
        && gw_h1_peer_closed(&r->h, &r->in, !(r->flags & RESET))
           != APR_EOF) {
        note_failure(r);
        return;
    }
    MUST(r->length < 0 || r->body == r->length);
    reusable = gw_h1_reusable(&r->h, &r->in, &r->out);
    MUST(!reusable || !(r->flags & SAY_CLOSE));
    MUST(!reusable || !gw_bufq_len(&r->in));
    note(&r->seen, &reusable, sizeof(reusable));
}

static void begin(reader *r, int flags)
{
    static const gw_h1_limits small = { 64, 100, 300, 6 };
    gw_req_head head;

    memset(r, 0, sizeof(*r));
    memset(&head, 0, sizeof(head));
    r->flags = flags;
    r->length = -1;
    apr_pool_create(&r->pool, root);
    gw_h1_init(&r->h, flags & SMALL_LIMITS ? &small : NULL);
    gw_bufq_init(&r->in, r->h.limits.line + r->h.limits.head + GW_IO_SIZE);
    gw_bufq_init(&r->out, GW_IO_SIZE);
    head.method = flags & HEAD ? "HEAD" : "GET";
    head.target = "/";
    head.host = "h";
    head.connection = flags & SAY_CLOSE ? "close" : NULL;
    head.minor = !(flags & HTTP10);
    MUST(gw_h1_start(&r->h, &head, &r->out) == APR_SUCCESS);
    MUST(!gw_h1_started(&r->h, &r->in));
    gw_bufq_skip(&r->out, gw_bufq_len(&r->out));
}

static void end(reader *r)
{
    gw_bufq_free(&r->in);
    gw_bufq_free(&r->out);
    apr_pool_destroy(r->pool);
    free(r->seen.text);
}

/* Pieces of 1 to most bytes; most 0: all in one. */
static void run(reader *r, int flags, const uint8_t *data, size_t size,
                unsigned seed, unsigned most)
{
    begin(r, flags);
    while (size) {
        size_t n = size;

        if (most) {
            seed = seed * 1103515245u + 12345u;
            n = 1 + (seed >> 16) % most;
            n = n < size ? n : size;
        }
        feed(r, data, n);
        data += n;
        size -= n;
    }
    finish(r);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    apr_initialize();
    apr_pool_create(&root, NULL);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned mosts[] = { 1, 2, 3, 5, 16, 64, 500, 5000 };
    reader whole;
    reader cut;

    if (size < 2) {
        return 0;
    }
    run(&whole, data[0], data + 2, size - 2, 0, 0);
    run(&cut, data[0], data + 2, size - 2, data[1], mosts[data[1] & 7]);
    MUST(whole.broken == cut.broken);
    MUST(whole.seen.len == cut.seen.len);
    MUST(!whole.seen.len
         || !memcmp(whole.seen.text, cut.seen.text, whole.seen.len));
    end(&whole);
    end(&cut);
    return 0;
}
