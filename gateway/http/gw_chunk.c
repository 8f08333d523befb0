#include "gw_chunk.h"

#include <string.h>
#include "gw_str.h"

enum {
    SIZE,                   /* hex digits of a chunk's size */
    SIZE_BLANK,             /* blanks behind them, before ';' or CR */
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,                /* first byte of a trailer line */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF,
    END,
    FAILED
};

/* Digits that any size of 63 bits needs; more can only be leading zeros,
 * which count as overhead like extensions. */
#define PLAIN_DIGITS 16

static const apr_int64_t size_max = APR_INT64_C(0x7fffffffffffffff);

void gw_chunk_reader_init(gw_chunk_reader *r)
{
    memset(r, 0, sizeof(*r));
}

static apr_status_t fail(gw_chunk_reader *r, apr_status_t rv,
                         const char *why)
{
    r->state = FAILED;
    r->why = why;
    return rv;
}

static apr_status_t junk(gw_chunk_reader *r, const char *why)
{
    return fail(r, APR_EINVAL, why);
}

/* One more byte that is neither size nor data. */
static apr_status_t overhead(gw_chunk_reader *r)
{
    if (++r->overhead > GW_CHUNK_LINE_MAX) {
        return fail(r, APR_ENOSPC, "chunk extensions beyond the limit");
    }
    return APR_SUCCESS;
}

static int hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static apr_status_t on_digit(gw_chunk_reader *r, int digit)
{
    if (r->left > (size_max - digit) / 16) {
        return junk(r, "chunk size too large");
    }
    r->left = r->left * 16 + digit;
    return ++r->digits > PLAIN_DIGITS ? overhead(r) : APR_SUCCESS;
}

static apr_status_t on_size(gw_chunk_reader *r, unsigned char c)
{
    int digit = r->state == SIZE ? hex_value(c) : -1;

    if (digit >= 0) {
        return on_digit(r, digit);
    }
    if (!r->digits) {
        return junk(r, "chunk size missing or malformed");
    }
    switch (c) {
    case '\r':
        r->state = SIZE_LF;
        return APR_SUCCESS;
    case ';':
        r->state = EXTENSION;
        return overhead(r);
    case ' ':
    case '\t':
        r->state = SIZE_BLANK;
        return overhead(r);
    default:
        return junk(r, "chunk size missing or malformed");
    }
}

static apr_status_t on_extension(gw_chunk_reader *r, unsigned char c)
{
    if (c == '\r') {
        r->state = SIZE_LF;
        return APR_SUCCESS;
    }
    if (!gw_is_field_char(c)) {
        return junk(r, "control byte in a chunk extension");
    }
    return overhead(r);
}

static apr_status_t on_size_lf(gw_chunk_reader *r, unsigned char c)
{
    if (c != '\n') {
        return junk(r, "bare CR in a chunk size line");
    }
    r->digits = 0;
    if (!r->left) {
        r->state = TRAILER;
        return APR_SUCCESS;
    }
    if ((apr_uint64_t)r->left >= r->overhead) {
        r->overhead = 0;
    }
    else {
        r->overhead -= (apr_size_t)r->left;
    }
    r->state = DATA;
    return APR_SUCCESS;
}

static apr_status_t on_trailer_name(gw_chunk_reader *r, unsigned char c)
{
    if (c == ':' && r->state == TRAILER_NAME) {
        r->state = TRAILER_VALUE;
    }
    else if (gw_is_tchar(c)) {
        r->state = TRAILER_NAME;
    }
    else {
        return junk(r, "malformed trailer name");
    }
    return APR_SUCCESS;
}

static apr_status_t on_trailer(gw_chunk_reader *r, unsigned char c)
{
    if (++r->line > GW_TRAILER_MAX) {
        return fail(r, APR_ENOSPC, "trailers beyond the limit");
    }
    switch (r->state) {
    case TRAILER:
        if (c == '\r') {
            r->state = LAST_LF;
            return APR_SUCCESS;
        }
        return on_trailer_name(r, c);
    case TRAILER_NAME:
        return on_trailer_name(r, c);
    case TRAILER_VALUE:
        if (c == '\r') {
            r->state = TRAILER_LF;
            return APR_SUCCESS;
        }
        return gw_is_field_char(c) ? APR_SUCCESS
            : junk(r, "control byte in a trailer");
    default:
        if (c != '\n') {
            return junk(r, "bare CR in a trailer");
        }
        r->state = r->state == LAST_LF ? END : TRAILER;
        return APR_SUCCESS;
    }
}

/* One byte of framing. */
static apr_status_t on_byte(gw_chunk_reader *r, unsigned char c)
{
    switch (r->state) {
    case SIZE:
    case SIZE_BLANK:
        return on_size(r, c);
    case EXTENSION:
        return on_extension(r, c);
    case SIZE_LF:
        return on_size_lf(r, c);
    case DATA_CR:
        r->state = DATA_LF;
        return c == '\r' ? APR_SUCCESS : junk(r, "no CRLF behind chunk data");
    case DATA_LF:
        r->state = SIZE;
        return c == '\n' ? APR_SUCCESS : junk(r, "no CRLF behind chunk data");
    default:
        return on_trailer(r, c);
    }
}

/* Hand out what data holds of the current chunk. */
static void take_data(gw_chunk_reader *r, const char *data, apr_size_t len,
                      apr_size_t *pused, const char **pdata,
                      apr_size_t *plen)
{
    apr_size_t n = len - *pused;

    if ((apr_uint64_t)r->left < n) {
        n = (apr_size_t)r->left;
    }
    *pdata = data + *pused;
    *plen = n;
    *pused += n;
    r->left -= (apr_int64_t)n;
    if (!r->left) {
        r->state = DATA_CR;
    }
}

apr_status_t gw_chunk_read(gw_chunk_reader *r, const char *data,
                           apr_size_t len, apr_size_t *pused,
                           const char **pdata, apr_size_t *plen)
{
    apr_status_t rv;

    *pused = 0;
    *pdata = NULL;
    *plen = 0;
    if (r->state == FAILED) {
        return APR_EINVAL;
    }
    while (r->state != END) {
        if (*pused == len) {
            return APR_EAGAIN;
        }
        if (r->state == DATA) {
            take_data(r, data, len, pused, pdata, plen);
            return APR_SUCCESS;
        }
        rv = on_byte(r, (unsigned char)data[(*pused)++]);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_EOF;
}

apr_size_t gw_chunk_head(char buf[GW_CHUNK_HEAD_MAX], apr_size_t len)
{
    static const char hex[] = "0123456789abcdef";
    apr_size_t digits = 1;
    apr_size_t rest;
    apr_size_t i;

    for (rest = len >> 4; rest; rest >>= 4) {
        digits++;
    }
    for (i = digits; i > 0; i--) {
        buf[i - 1] = hex[len & 15];
        len >>= 4;
    }
    buf[digits] = '\r';
    buf[digits + 1] = '\n';
    return digits + 2;
}
