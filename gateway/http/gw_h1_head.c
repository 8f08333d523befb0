#include "gw_h1_head.h"

#include <limits.h>
#include <string.h>
#include <apr_strings.h>
#include "gw_str.h"

static const char prefix[] = "HTTP/1.";
#define PREFIX_LEN (sizeof(prefix) - 1)
/* "HTTP/1.1 200": where the reason's SP is, if there is one */
#define CODE_END 12

/* Fields that the gateway itself may add to the table of a response. */
#define SPARE_FIELDS 6

typedef struct status_line status_line;
struct status_line {
    int status;
    int minor;
    gw_str reason;
};

static apr_status_t junk(gw_h1 *h, const char *why)
{
    return gw_h1_break(h, GW_FAIL_JUNK, why);
}

static apr_status_t beyond(gw_h1 *h, const char *why)
{
    return gw_h1_break(h, GW_FAIL_LIMIT, why);
}

static int is_ows(char c)
{
    return c == ' ' || c == '\t';
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Without its line end: len counts up to the LF, which is left out. */
static gw_str line_at(const char *p, apr_size_t len)
{
    gw_str line;

    line.p = p;
    line.len = len;
    if (len && p[len - 1] == '\r') {
        line.len--;
    }
    return line;
}

static apr_status_t parse_status(gw_h1 *h, gw_str line, status_line *st)
{
    const char *p = line.p;

    if (line.len < CODE_END || memcmp(p, prefix, PREFIX_LEN)
        || (p[7] != '0' && p[7] != '1') || p[8] != ' ') {
        return junk(h, "not an HTTP/1.0 or HTTP/1.1 status line");
    }
    if (p[9] < '1' || p[9] > '9' || !is_digit(p[10]) || !is_digit(p[11])
        || (line.len > CODE_END && p[CODE_END] != ' ')) {
        return junk(h, "malformed status code");
    }
    st->minor = p[7] - '0';
    st->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
    st->reason.p = p + CODE_END;
    st->reason.len = line.len - CODE_END;
    st->reason = gw_str_trim(st->reason);
    if (!gw_str_is_field_value(st->reason)) {
        return junk(h, "control byte in the reason phrase");
    }
    return APR_SUCCESS;
}

/* Drop empty lines in front of the status line. */
static apr_status_t skip_blanks(gw_h1 *h, gw_bufq *in)
{
    apr_size_t len;

    while ((len = gw_bufq_len(in)) > 0) {
        const char *data = gw_bufq_data(in);
        apr_size_t n = data[0] == '\r' ? 2 : 1;

        if (data[0] != '\r' && data[0] != '\n') {
            return APR_SUCCESS;
        }
        if (len < n) {
            break;
        }
        if (data[n - 1] != '\n') {
            return junk(h, "bare CR before the status line");
        }
        if (++h->blanks > GW_BLANK_MAX) {
            return beyond(h, "too many empty lines before the status line");
        }
        gw_bufq_skip(in, n);
    }
    return APR_EAGAIN;
}

static apr_status_t scan_status(gw_h1 *h, const char *data, apr_size_t len)
{
    const char *lf = memchr(data + h->scanned, '\n', len - h->scanned);
    apr_size_t end = lf ? (apr_size_t)(lf - data) : len;
    status_line st;

    if (memcmp(data, prefix, end < PREFIX_LEN ? end : PREFIX_LEN)) {
        return junk(h, "not an HTTP/1.0 or HTTP/1.1 status line");
    }
    if (end > h->limits.line) {
        return beyond(h, "status line too long");
    }
    if (!lf) {
        h->scanned = len;
        return APR_EAGAIN;
    }
    h->status_end = h->scanned = h->line = h->field = end + 1;
    return parse_status(h, line_at(data, end), &st);
}

/* The first byte of a line is there: does a field begin? */
static apr_status_t begin_line(gw_h1 *h, char c)
{
    if (is_ows(c) && h->fields) {
        return APR_SUCCESS;
    }
    h->field = h->line;
    if (c != '\r' && c != '\n' && ++h->fields > h->limits.fields) {
        return beyond(h, "too many header fields");
    }
    return APR_SUCCESS;
}

/* The fields are searched up to end: has a limit been passed before it? */
static apr_status_t check_limits(gw_h1 *h, apr_size_t end)
{
    int field = end - h->field > h->limits.field;
    int head = end - h->status_end > h->limits.head;

    if (field && head) {
        /* whichever came first, so that no split changes the answer */
        head = h->status_end + h->limits.head < h->field + h->limits.field;
    }
    if (head) {
        return beyond(h, "header section too long");
    }
    if (field) {
        return beyond(h, "header field too long");
    }
    return APR_SUCCESS;
}

static apr_status_t scan_fields(gw_h1 *h, const char *data, apr_size_t len,
                                apr_size_t *psize)
{
    while (h->scanned < len) {
        const char *lf;
        apr_size_t end;
        apr_status_t rv = APR_SUCCESS;

        if (h->scanned == h->line) {
            rv = begin_line(h, data[h->line]);
        }
        lf = memchr(data + h->scanned, '\n', len - h->scanned);
        end = lf ? (apr_size_t)(lf - data) : len;
        if (rv == APR_SUCCESS) {
            rv = check_limits(h, end);
        }
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (!lf) {
            h->scanned = len;
            break;
        }
        if (!line_at(data + h->line, end - h->line).len) {
            *psize = end + 1;
            return APR_SUCCESS;
        }
        h->scanned = h->line = end + 1;
    }
    return APR_EAGAIN;
}

apr_status_t gw_h1_head_scan(gw_h1 *h, gw_bufq *in, apr_size_t *psize)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t len;
    const char *data;

    if (!h->scanned) {
        rv = skip_blanks(h, in);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    len = gw_bufq_len(in);
    data = gw_bufq_data(in);
    if (!h->status_end) {
        rv = scan_status(h, data, len);
    }
    if (rv == APR_SUCCESS) {
        rv = scan_fields(h, data, len, psize);
    }
    return rv;
}

void gw_h1_head_rewind(gw_h1 *h)
{
    h->scanned = h->line = h->field = h->status_end = 0;
    h->fields = 0;
}

/*
 * Replace the line ends of an obs-fold, and the blanks around them, by one SP
 * each (blanks at the value's ends are the caller's to trim). It shrinks in
 * place: to is never ahead of what it reads.
 * @param v      the value's begin; eol: the end of its first line
 * @param pnext  the line behind; out: the line behind the field
 * @return the value's end
 */
static char *unfold(char *v, char *eol, char **pnext, char *end)
{
    char *to = eol;

    while (*pnext < end && is_ows(**pnext)) {
        char *from = *pnext;
        char *lf = memchr(from, '\n', (apr_size_t)(end - from));
        gw_str line = line_at(from, (apr_size_t)(lf - from));

        *pnext = lf + 1;
        line = gw_str_trim(line);
        while (to > v && is_ows(to[-1])) {
            to--;
        }
        *to++ = ' ';
        memmove(to, line.p, line.len);
        to += line.len;
    }
    return to;
}

static apr_status_t bad_name(gw_h1 *h, gw_str name)
{
    if (!name.len) {
        return junk(h, "empty field name");
    }
    if (memchr(name.p, '\r', name.len)) {
        return junk(h, "bare CR in the header section");
    }
    return junk(h, "malformed field name");
}

static apr_status_t bad_value(gw_h1 *h, gw_str value)
{
    if (memchr(value.p, '\r', value.len)) {
        return junk(h, "bare CR in a field value");
    }
    if (memchr(value.p, '\0', value.len)) {
        return junk(h, "NUL in a field value");
    }
    return junk(h, "control byte in a field value");
}

/*
 * One field line as it was sent: a number, or equal numbers in a list. An
 * empty element is no number: what a list rule would let pass, others read
 * in their own ways.
 * @param pvalue  in, out: the first number's text, NUL-terminated
 */
static apr_status_t read_length(gw_h1 *h, char **pvalue, gw_h1_facts *facts)
{
    gw_str rest = gw_str_of(*pvalue);
    int more = 1;

    *pvalue = NULL;
    while (more) {
        const char *comma = memchr(rest.p, ',', rest.len);
        gw_str element = rest;
        apr_int64_t n;

        more = comma != NULL;
        if (comma) {
            element.len = (apr_size_t)(comma - rest.p);
            rest.len -= element.len + 1;
            rest.p = comma + 1;
        }
        element = gw_str_trim(element);
        if (!gw_str_number(element, 10, &n)) {
            return junk(h, "malformed Content-Length");
        }
        if (facts->length >= 0 && facts->length != n) {
            return junk(h, "conflicting Content-Length");
        }
        facts->length = n;
        if (!*pvalue) {
            *pvalue = (char *)element.p;
            (*pvalue)[element.len] = '\0';
        }
    }
    return APR_SUCCESS;
}

static apr_status_t read_coding(gw_h1 *h, const char *value,
                                gw_h1_facts *facts)
{
    if (facts->chunked) {
        return junk(h, "repeated Transfer-Encoding");
    }
    if (!gw_str_is(gw_str_of(value), "chunked")) {
        return junk(h, "Transfer-Encoding is not chunked");
    }
    facts->chunked = 1;
    return APR_SUCCESS;
}

/* Keep-Alive: timeout=5, max=100 */
static int keepalive_timeout(const char *value)
{
    static const char key[] = "timeout";
    gw_str rest = gw_str_of(value);
    gw_str element;

    while (gw_str_next_element(&rest, &element)) {
        const char *eq = memchr(element.p, '=', element.len);
        gw_str name = element;
        gw_str number;
        apr_int64_t n;

        if (!eq) {
            continue;
        }
        name.len = (apr_size_t)(eq - element.p);
        number.p = eq + 1;
        number.len = element.len - name.len - 1;
        if (gw_str_is(gw_str_trim(name), key)
            && gw_str_number(gw_str_trim(number), 10, &n)) {
            return n > INT_MAX ? INT_MAX : (int)n;
        }
    }
    return -1;
}

/*
 * Note what a field says about body and connection.
 * @param pvalue  in, out: the value; NULL: leave the field out of the table
 */
static apr_status_t note_field(gw_h1 *h, gw_str name, char **pvalue,
                               gw_res_head *head, gw_h1_facts *facts)
{
    int again;
    apr_status_t rv;

    switch (name.len) {
    case 10:
        if (gw_str_is(name, "connection")) {
            facts->close |= gw_str_list_has(*pvalue, "close");
            facts->keep_alive |= gw_str_list_has(*pvalue, "keep-alive");
        }
        else if (gw_str_is(name, "keep-alive")) {
            head->keepalive = keepalive_timeout(*pvalue);
        }
        return APR_SUCCESS;
    case 14:
        if (!gw_str_is(name, "content-length")) {
            return APR_SUCCESS;
        }
        again = facts->length >= 0;
        rv = read_length(h, pvalue, facts);
        if (again) {
            *pvalue = NULL;
        }
        return rv;
    case 17:
        return gw_str_is(name, "transfer-encoding")
            ? read_coding(h, *pvalue, facts) : APR_SUCCESS;
    default:
        return APR_SUCCESS;
    }
}

/* Parse the field at *pp, which ends before end; *pp moves behind it. */
static apr_status_t parse_field(gw_h1 *h, char **pp, char *end,
                                gw_res_head *head, gw_h1_facts *facts)
{
    char *p = *pp;
    char *lf = memchr(p, '\n', (apr_size_t)(end - p));
    char *eol = lf > p && lf[-1] == '\r' ? lf - 1 : lf;
    char *colon = memchr(p, ':', (apr_size_t)(eol - p));
    char *text;
    gw_str name;
    gw_str value;
    apr_status_t rv;

    *pp = lf + 1;
    if (is_ows(*p)) {
        return junk(h, "folded line before the first field");
    }
    if (!colon) {
        return junk(h, "header line without a colon");
    }
    name.p = p;
    name.len = (apr_size_t)(colon - p);
    while (name.len && is_ows(name.p[name.len - 1])) {
        name.len--;
    }
    if (!gw_str_is_token(name)) {
        return bad_name(h, name);
    }
    eol = unfold(colon + 1, eol, pp, end);
    value.p = colon + 1;
    value.len = (apr_size_t)(eol - value.p);
    value = gw_str_trim(value);
    if (!gw_str_is_field_value(value)) {
        return bad_value(h, value);
    }
    text = (char *)value.p;
    p[name.len] = text[value.len] = '\0';
    rv = note_field(h, name, &text, head, facts);
    if (rv == APR_SUCCESS && text) {
        apr_table_addn(head->headers, p, text);
    }
    return rv;
}

static void init_head(gw_res_head *head, const status_line *st,
                      apr_pool_t *pool, int fields)
{
    head->status = st->status;
    head->minor = st->minor;
    head->reason = st->reason.len ? gw_str_dup(pool, st->reason) : "";
    head->headers = apr_table_make(pool, fields + SPARE_FIELDS);
    head->length = -1;
    head->keepalive = -1;
}

apr_status_t gw_h1_head_parse(gw_h1 *h, const char *data, apr_size_t size,
                              apr_pool_t *pool, gw_res_head **phead,
                              gw_h1_facts *facts)
{
    gw_res_head *head = apr_palloc(pool, sizeof(*head));
    /* h->line is where the empty line begins */
    char *p = apr_pmemdup(pool, data + h->status_end,
                          h->line - h->status_end);
    char *end = p + (h->line - h->status_end);
    status_line st;
    apr_status_t rv;

    memset(facts, 0, sizeof(*facts));
    facts->length = -1;
    rv = parse_status(h, line_at(data, h->status_end - 1), &st);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    init_head(head, &st, pool, h->fields);
    while (p < end && rv == APR_SUCCESS) {
        rv = parse_field(h, &p, end, head, facts);
    }
    if (rv == APR_SUCCESS && facts->chunked && !head->minor) {
        rv = junk(h, "Transfer-Encoding in an HTTP/1.0 response");
    }
    *phead = head;
    return rv;
}
