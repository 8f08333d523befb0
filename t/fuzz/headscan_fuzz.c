/**
 * headscan_fuzz: the two scanners that decide what httpd's core may read
 * without waiting. Byte 0 of the input decides how the rest is cut and the
 * limit. After every byte the results are compared with plain models of what
 * core does, strict and lenient, over all bytes so far: core never waits
 * inside trailers for what is held, nothing is held without need, and no cut
 * changes anything.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_headscan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)                                                      \
    do {                                                                \
        if (!(cond)) {                                                  \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #cond);  \
            abort();                                                    \
        }                                                               \
    } while (0)

/* Longer inputs tell nothing new: each prefix is judged from its start. */
#define INPUT_MAX 600

/* --- heads -------------------------------------------------------------- */

static int is_blank(char c)
{
    return (unsigned char)c <= ' ';
}

/* Has the line a word that begins like a version, not as its first? */
static int has_version(const char *line, size_t n)
{
    static const char mark[] = "http/";
    size_t i;
    size_t k;

    for (i = 1; i + 5 <= n; i++) {
        for (k = 0; k < 5; k++) {
            if ((line[i + k] | 0x20) != (mark[k] | 0x20)
                || (line[i + k] == 0x0f)) {
                break;
            }
        }
        if (k == 5 && is_blank(line[i - 1])) {
            return 1;
        }
    }
    return 0;
}

/* Where does core stop reading a head? 0: it goes on. */
static size_t head_end(const char *data, size_t n)
{
    unsigned blanks = 0;
    int first = 1;
    size_t at = 0;

    while (at < n) {
        const char *lf = memchr(data + at, '\n', n - at);
        size_t len;

        if (!lf) {
            return 0;
        }
        len = (size_t)(lf - data) - at;
        if (!len || (len == 1 && data[at] == '\r')) {
            if (!first || ++blanks == GW_HEADSCAN_BLANKS + 1) {
                return at + len + 1;
            }
        }
        else if (first && !has_version(data + at, len)) {
            return at + len + 1;
        }
        else {
            first = 0;
        }
        at += len + 1;
    }
    return 0;
}

static int only_blank_lines(const char *data, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (data[i] != '\n'
            && (data[i] != '\r' || (i + 1 < n && data[i + 1] != '\n'))) {
            return 0;
        }
    }
    return 1;
}

static gw_scan judge_head(const char *data, size_t n, size_t max,
                          size_t *plen)
{
    size_t seen = n < max ? n : max;

    *plen = head_end(data, seen);
    if (*plen) {
        return GW_SCAN_WHOLE;
    }
    *plen = seen;
    if (seen == max) {
        return GW_SCAN_LONG;
    }
    return only_blank_lines(data, n) ? GW_SCAN_NONE : GW_SCAN_PART;
}

/* --- chunked bodies ----------------------------------------------------- */

enum {
    CORE_WANTS,             /* more bytes; it can come back for them */
    CORE_WAITS,             /* in trailers: with a blocking call */
    CORE_DONE,
    CORE_REFUSES
};

typedef struct {
    const char *data;
    size_t n;
    size_t at;
    int strict;
    uint64_t size;
} model;

/* A line end behind a chunk's data. */
static int model_data_end(model *m)
{
    if (m->at == m->n) {
        return CORE_WANTS;
    }
    if (m->data[m->at] == '\r') {
        m->at++;
        if (m->at == m->n) {
            return CORE_WANTS;
        }
    }
    else if (m->strict) {
        return CORE_REFUSES;
    }
    return m->data[m->at++] == '\n' ? CORE_DONE : CORE_REFUSES;
}

/* Digits, blanks, an extension. @return CORE_DONE: the line end is next */
static int model_size(model *m)
{
    int digits = 0;
    int blanks = 0;
    int ext = 0;

    for (m->size = 0; m->at < m->n; m->at++) {
        char c = m->data[m->at];
        int hex = c >= '0' && c <= '9' ? c - '0'
            : c >= 'a' && c <= 'f' ? c - 'a' + 10
            : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

        if (!digits && hex < 0) {
            return CORE_REFUSES;
        }
        if (c == '\n' || c == '\r') {
            return CORE_DONE;
        }
        if (c == ';') {
            ext = 1;
        }
        else if (ext) {
            if (((unsigned char)c < 32 && c != '\t') || c == 127) {
                return CORE_REFUSES;
            }
        }
        else if (c == ' ' || c == '\t') {
            if (++blanks > 10) {
                return CORE_REFUSES;
            }
        }
        else if (hex < 0 || blanks || m->size >> 59) {
            return CORE_REFUSES;
        }
        else {
            m->size = m->size << 4 | (unsigned)hex;
            digits = 1;
        }
    }
    return CORE_WANTS;
}

/* The lines behind the last chunk. */
static int model_trailers(model *m)
{
    for (;;) {
        const char *lf = memchr(m->data + m->at, '\n', m->n - m->at);
        size_t len;

        if (!lf) {
            return CORE_WAITS;
        }
        len = (size_t)(lf - m->data) - m->at;
        if (m->strict && (!len || lf[-1] != '\r')) {
            return CORE_REFUSES;
        }
        if (!len || (len == 1 && m->data[m->at] == '\r')) {
            return CORE_DONE;
        }
        m->at += len + 1;
    }
}

/* How far core comes with these bytes of a body. */
static int core_reads(const char *data, size_t n, int strict, uint64_t *psize)
{
    model m = { data, n, 0, strict, 0 };
    int rv;

    for (;;) {
        rv = model_size(&m);
        *psize = m.size;
        if (rv == CORE_DONE) {
            rv = model_data_end(&m);
        }
        if (rv != CORE_DONE) {
            return rv;
        }
        if (!m.size) {
            return model_trailers(&m);
        }
        if (n - m.at < m.size) {
            return CORE_WANTS;
        }
        m.at += m.size;
        rv = model_data_end(&m);
        if (rv != CORE_DONE) {
            *psize = 1;
            return rv;
        }
    }
}

/* After n bytes: what is held, and how did we come there? */
static void judge_hold(const gw_chunkhold *h, const char *data, size_t n,
                       int was_too_long)
{
    uint64_t size;
    int rv;

    MUST(h->held <= n && h->held <= h->max);
    if (was_too_long) {
        MUST(!h->held);
        return;
    }
    MUST(core_reads(data, n - h->held, 0, &size) != CORE_WAITS);
    MUST(core_reads(data, n - h->held, 1, &size) != CORE_WAITS);
    rv = core_reads(data, n, 0, &size);
    MUST(!h->held || rv == CORE_WAITS || (rv == CORE_WANTS && !size));
    MUST(gw_chunkhold_over(h) == (rv == CORE_DONE || rv == CORE_REFUSES));
}

/* --- the run ------------------------------------------------------------ */

static void run_head(const char *data, size_t size, size_t max)
{
    gw_headscan s;
    size_t i;

    gw_headscan_init(&s, max);
    for (i = 0; i < size; i++) {
        size_t len;
        gw_scan want = judge_head(data, i + 1, max, &len);

        MUST(gw_headscan_feed(&s, data + i, 1) == want);
        MUST(s.result == want && s.len == len);
    }
}

static void run_hold(const char *data, size_t size, size_t max)
{
    int too_long = 0;
    gw_chunkhold h;
    size_t i;

    gw_chunkhold_init(&h, max);
    for (i = 0; i < size; i++) {
        size_t held = h.held;

        gw_chunkhold_feed(&h, data + i, 1);
        /* from the limit to nothing: the limit, or the last byte of it */
        too_long = too_long || (held == max && !h.held
                                && gw_chunkhold_over(&h));
        judge_hold(&h, data, i + 1, too_long);
    }
}

static void run_cuts(const char *data, size_t size, size_t max,
                     unsigned seed)
{
    gw_headscan s;
    gw_headscan s_cut;
    gw_chunkhold h;
    gw_chunkhold h_cut;

    gw_headscan_init(&s, max);
    gw_headscan_init(&s_cut, max);
    gw_chunkhold_init(&h, max);
    gw_chunkhold_init(&h_cut, max);
    gw_headscan_feed(&s, data, size);
    gw_chunkhold_feed(&h, data, size);
    while (size) {
        size_t n;

        seed = seed * 1103515245u + 12345u;
        n = 1 + (seed >> 16) % 9;
        n = n < size ? n : size;
        gw_headscan_feed(&s_cut, data, n);
        gw_chunkhold_feed(&h_cut, data, n);
        data += n;
        size -= n;
    }
    MUST(s.result == s_cut.result && s.len == s_cut.len);
    MUST(h.held == h_cut.held
         && gw_chunkhold_over(&h) == gw_chunkhold_over(&h_cut));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data + 1;
    size_t max;

    if (!size || size > INPUT_MAX) {
        return 0;
    }
    max = data[0] & 1 ? 1 + data[0] / 4u : INPUT_MAX + 1;
    run_head(bytes, size - 1, max);
    run_hold(bytes, size - 1, max);
    run_cuts(bytes, size - 1, max, data[0]);
    return 0;
}
