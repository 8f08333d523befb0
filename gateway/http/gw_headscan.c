#include "gw_headscan.h"

#include <string.h>

enum {
    LINE_START,
    LINE_CR,                /* a CR is all of the line so far */
    LINE_REST               /* the line is not empty */
};

/* What precedes a version; a byte below stands for any white space. */
static const char version_mark[] = " HTTP/";
#define VERSION_MARK ((int)sizeof(version_mark) - 1)

void gw_headscan_init(gw_headscan *s, apr_size_t max)
{
    memset(s, 0, sizeof(*s));
    s->max = max;
}

/* Look for a version: core takes either case, and any white space. */
static void look_for_version(gw_headscan *s, const char *data,
                             apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len && s->match < VERSION_MARK; i++) {
        unsigned char c = (unsigned char)data[i];

        if (c <= ' ') {
            s->match = 1;
            continue;
        }
        if (c >= 'a' && c <= 'z') {
            c -= 'a' - 'A';
        }
        s->match = s->match && c == (unsigned char)version_mark[s->match]
            ? s->match + 1 : 0;
    }
}

static void end_of_empty_line(gw_headscan *s)
{
    s->state = LINE_START;
    if (s->fields || ++s->blanks > GW_HEADSCAN_BLANKS) {
        s->result = GW_SCAN_WHOLE;
    }
}

static void end_of_line(gw_headscan *s)
{
    s->state = LINE_START;
    if (!s->fields && s->match < VERSION_MARK) {
        s->result = GW_SCAN_WHOLE;
    }
    s->fields = 1;
}

/* A line that is not empty, as far as it is there. @return bytes used */
static apr_size_t rest_of_line(gw_headscan *s, const char *data,
                               apr_size_t len)
{
    const char *lf = memchr(data, '\n', len);
    apr_size_t n = lf ? (apr_size_t)(lf - data) : len;

    s->result = GW_SCAN_PART;
    if (!s->fields) {
        look_for_version(s, data, n);
    }
    if (!lf) {
        return n;
    }
    end_of_line(s);
    return n + 1;
}

/* The first bytes of a line. @return bytes used, may be 0 */
static apr_size_t start_of_line(gw_headscan *s, char c)
{
    if (c == '\n') {
        end_of_empty_line(s);
        return 1;
    }
    if (c == '\r' && s->state == LINE_START) {
        s->state = LINE_CR;
        return 1;
    }
    /* a CR in front is white space as any other */
    s->match = s->state == LINE_CR;
    s->state = LINE_REST;
    return 0;
}

gw_scan gw_headscan_feed(gw_headscan *s, const char *data, apr_size_t len)
{
    apr_size_t at = 0;

    if (len > s->max - s->len) {
        len = s->max - s->len;
    }
    while (at < len && s->result < GW_SCAN_WHOLE) {
        at += s->state == LINE_REST
            ? rest_of_line(s, data + at, len - at)
            : start_of_line(s, data[at]);
    }
    s->len += at;
    if (s->len == s->max && s->result < GW_SCAN_WHOLE) {
        s->result = GW_SCAN_LONG;
    }
    return s->result;
}

/* --- the end of a chunked body ------------------------------------------ */

enum {
    SIZE,                   /* its first digit */
    DIGITS,
    SIZE_BLANK,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_END,               /* the line end behind the data */
    DATA_LF,
    TRAILER,                /* first byte of a line */
    TRAILER_CR,
    TRAILER_REST,
    OVER
};

/* Blanks behind a size that core takes. */
#define BLANKS_MAX 10

static const apr_int64_t size_max = APR_INT64_C(0x7fffffffffffffff);

void gw_chunkhold_init(gw_chunkhold *h, apr_size_t max)
{
    memset(h, 0, sizeof(*h));
    h->max = max;
}

int gw_chunkhold_over(const gw_chunkhold *h)
{
    return h->state == OVER;
}

static int hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int on_digit(gw_chunkhold *h, unsigned char c)
{
    int digit = hex_value(c);

    if (digit < 0 || h->left > (size_max - digit) / 16) {
        return OVER;
    }
    h->left = h->left * 16 + digit;
    return DIGITS;
}

static int on_size_end(const gw_chunkhold *h)
{
    return h->left ? DATA : TRAILER;
}

/* A byte of a size line. @return the next state */
static int on_size(gw_chunkhold *h, unsigned char c)
{
    if (h->state == SIZE) {
        return on_digit(h, c);
    }
    if (c == '\n') {
        return on_size_end(h);
    }
    if (h->state == SIZE_LF) {
        return OVER;
    }
    if (c == '\r') {
        return SIZE_LF;
    }
    if (c == ';') {
        return EXTENSION;
    }
    if (h->state == EXTENSION) {
        return (c < ' ' && c != '\t') || c == 127 ? OVER : EXTENSION;
    }
    if (c == ' ' || c == '\t') {
        return ++h->blanks > BLANKS_MAX ? OVER : SIZE_BLANK;
    }
    return h->state == SIZE_BLANK ? OVER : on_digit(h, c);
}

static int on_data_end(gw_chunkhold *h, unsigned char c)
{
    if (c == '\n') {
        h->left = 0;
        h->blanks = 0;
        return SIZE;
    }
    return c == '\r' && h->state == DATA_END ? DATA_LF : OVER;
}

static int on_trailer(const gw_chunkhold *h, unsigned char c)
{
    if (c == '\n') {
        return h->state == TRAILER_REST ? TRAILER : OVER;
    }
    return c == '\r' && h->state == TRAILER ? TRAILER_CR : TRAILER_REST;
}

/* A byte that is not data of a chunk. */
static void on_byte(gw_chunkhold *h, unsigned char c)
{
    if (h->state >= TRAILER) {
        h->state = on_trailer(h, c);
    }
    else if (h->state >= DATA_END) {
        h->state = on_data_end(h, c);
        h->held = 0;
        return;
    }
    else {
        h->state = on_size(h, c);
    }
    /* what can still become the last chunk, or is it */
    h->held = h->left || h->state == OVER ? 0 : h->held + 1;
    if (h->held > h->max) {
        h->state = OVER;
        h->held = 0;
    }
}

void gw_chunkhold_feed(gw_chunkhold *h, const char *data, apr_size_t len)
{
    apr_size_t at = 0;

    while (at < len && h->state != OVER) {
        apr_size_t n = len - at;

        if (h->state != DATA) {
            on_byte(h, (unsigned char)data[at++]);
            continue;
        }
        if ((apr_uint64_t)h->left < n) {
            n = (apr_size_t)h->left;
        }
        at += n;
        h->left -= (apr_int64_t)n;
        if (!h->left) {
            h->state = DATA_END;
        }
    }
}
