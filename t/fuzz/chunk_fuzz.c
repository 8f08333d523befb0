/**
 * chunk_fuzz: the chunked decoder. Byte 0 of the input decides how the rest is
 * cut. Any cut gives the same body and the same end, and a body that was
 * decoded comes through our own encoder unchanged.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)                                                      \
    do {                                                                \
        if (!(cond)) {                                                  \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #cond);  \
            abort();                                                    \
        }                                                               \
    } while (0)

typedef struct {
    gw_chunk_reader r;
    char *body;
    size_t len;
    size_t used;
    apr_status_t rv;
} decoder;

static void init(decoder *d, size_t size)
{
    memset(d, 0, sizeof(*d));
    gw_chunk_reader_init(&d->r);
    d->body = malloc(size + 1);
    MUST(d->body);
    d->rv = APR_EAGAIN;
}

static void feed(decoder *d, const char *data, size_t size)
{
    size_t at = 0;

    do {
        apr_size_t used;
        apr_size_t len;
        const char *body;

        d->rv = gw_chunk_read(&d->r, data + at, size - at, &used, &body,
                              &len);
        MUST(used <= size - at);
        MUST(!len || (body >= data + at && body + len == data + at + used));
        MUST(!len || d->rv == APR_SUCCESS);
        if (len) {
            memcpy(d->body + d->len, body, len);
        }
        d->len += len;
        d->used += used;
        at += used;
        MUST(d->rv != APR_EAGAIN || at == size);
        MUST(d->rv != APR_SUCCESS || used);
        MUST((d->rv != APR_EINVAL && d->rv != APR_ENOSPC) || d->r.why);
    } while (d->rv == APR_SUCCESS);
}

static void decode(decoder *d, const char *data, size_t size, unsigned seed)
{
    init(d, size);
    while (size && d->rv == APR_EAGAIN) {
        size_t n = size;

        if (seed) {
            seed = seed * 1103515245u + 12345u;
            n = 1 + (seed >> 16) % 7;
            n = n < size ? n : size;
        }
        feed(d, data, n);
        data += n;
        size -= n;
    }
}

/* Encode a body in chunks of step bytes and decode it again. */
static void encode(const decoder *want, size_t step)
{
    size_t size = want->len * (GW_CHUNK_HEAD_MAX + 3) + 5;
    char *text = malloc(size);
    size_t len = 0;
    size_t at = 0;
    decoder d;

    MUST(text);
    while (at < want->len) {
        size_t n = step < want->len - at ? step : want->len - at;
        char head[GW_CHUNK_HEAD_MAX];
        size_t h = gw_chunk_head(head, n);

        MUST(h <= GW_CHUNK_HEAD_MAX);
        memcpy(text + len, head, h);
        memcpy(text + len + h, want->body + at, n);
        memcpy(text + len + h + n, "\r\n", 2);
        len += h + n + 2;
        at += n;
    }
    memcpy(text + len, "0\r\n\r\n", 5);
    decode(&d, text, len + 5, 0);
    MUST(d.rv == APR_EOF && d.used == len + 5);
    MUST(d.len == want->len && !memcmp(d.body, want->body, d.len));
    free(d.body);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decoder whole;
    decoder cut;

    if (!size) {
        return 0;
    }
    decode(&whole, (const char *)data + 1, size - 1, 0);
    decode(&cut, (const char *)data + 1, size - 1, data[0] + 1u);
    MUST(whole.rv == cut.rv && whole.used == cut.used);
    MUST(whole.len == cut.len && !memcmp(whole.body, cut.body, cut.len));
    if (whole.rv == APR_EOF) {
        encode(&whole, 1 + data[0] % 33u);
    }
    free(whole.body);
    free(cut.body);
    return 0;
}
