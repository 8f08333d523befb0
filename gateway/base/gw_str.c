#include "gw_str.h"

#include <string.h>
#include <apr_strings.h>

gw_str gw_str_of(const char *s)
{
    gw_str str;

    str.p = s ? s : "";
    str.len = s ? strlen(s) : 0;
    return str;
}

char *gw_str_dup(apr_pool_t *pool, gw_str s)
{
    return apr_pstrmemdup(pool, s.p, s.len);
}

static int is_ows(char c)
{
    return c == ' ' || c == '\t';
}

gw_str gw_str_trim(gw_str s)
{
    while (s.len && is_ows(*s.p)) {
        s.p++;
        s.len--;
    }
    while (s.len && is_ows(s.p[s.len - 1])) {
        s.len--;
    }
    return s;
}

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

int gw_str_equal_nocase(gw_str a, gw_str b)
{
    apr_size_t i;

    if (a.len != b.len) {
        return 0;
    }
    for (i = 0; i < a.len; i++) {
        if (lower((unsigned char)a.p[i]) != lower((unsigned char)b.p[i])) {
            return 0;
        }
    }
    return 1;
}

int gw_str_is(gw_str a, const char *text)
{
    return gw_str_equal_nocase(a, gw_str_of(text));
}

static int digit_value(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = lower(c);
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return 99;
}

int gw_str_number(gw_str s, int base, apr_int64_t *n)
{
    const apr_int64_t max = APR_INT64_C(0x7fffffffffffffff);
    apr_int64_t sum = 0;
    apr_size_t i;

    if (!s.len) {
        return 0;
    }
    for (i = 0; i < s.len; i++) {
        int d = digit_value((unsigned char)s.p[i]);

        if (d >= base || sum > (max - d) / base) {
            return 0;
        }
        sum = sum * base + d;
    }
    *n = sum;
    return 1;
}

/* 1 for each tchar; nothing above 127 is one. */
static const unsigned char tchars[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0,
    0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0
};

int gw_is_tchar(unsigned char c)
{
    return tchars[c];
}

int gw_str_is_token(gw_str s)
{
    apr_size_t i;

    for (i = 0; i < s.len; i++) {
        if (!tchars[(unsigned char)s.p[i]]) {
            return 0;
        }
    }
    return s.len > 0;
}

int gw_is_field_char(unsigned char c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static int are_field_chars(const char *p, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (!gw_is_field_char((unsigned char)p[i])) {
            return 0;
        }
    }
    return 1;
}

/* A word of eight equal bytes. */
#define EACH(b) (APR_UINT64_C(0x0101010101010101) * (b))

/* Is one of eight bytes below 0x20, or 0x7f? Borrows can only come from a
 * byte that is, so that the answer is exact. */
static int has_control(apr_uint64_t w)
{
    apr_uint64_t del = w ^ EACH(0x7f);

    return (((w - EACH(0x20)) & ~w) | ((del - EACH(1)) & ~del))
        & EACH(0x80) ? 1 : 0;
}

/* Every value is checked on its way in and on its way out: eight bytes at a
 * time, one by one only where a control byte (mostly HTAB) turns up. */
int gw_str_is_field_value(gw_str s)
{
    apr_uint64_t w;

    while (s.len >= sizeof(w)) {
        memcpy(&w, s.p, sizeof(w));
        if (has_control(w) && !are_field_chars(s.p, sizeof(w))) {
            return 0;
        }
        s.p += sizeof(w);
        s.len -= sizeof(w);
    }
    return are_field_chars(s.p, s.len);
}

/* The offset of the comma that ends the first element, or s.len. */
static apr_size_t element_end(gw_str s)
{
    int quoted = 0;
    apr_size_t i;

    for (i = 0; i < s.len; i++) {
        if (quoted && s.p[i] == '\\' && i + 1 < s.len) {
            i++;
        }
        else if (s.p[i] == '"') {
            quoted = !quoted;
        }
        else if (s.p[i] == ',' && !quoted) {
            break;
        }
    }
    return i;
}

int gw_str_next_element(gw_str *rest, gw_str *element)
{
    while (rest->len) {
        apr_size_t end = element_end(*rest);
        gw_str e;

        e.p = rest->p;
        e.len = end;
        if (end < rest->len) {
            end++;
        }
        rest->p += end;
        rest->len -= end;
        *element = gw_str_trim(e);
        if (element->len) {
            return 1;
        }
    }
    return 0;
}

int gw_str_list_has(const char *list, const char *token)
{
    gw_str rest = gw_str_of(list);
    gw_str element;

    while (gw_str_next_element(&rest, &element)) {
        const char *semi = memchr(element.p, ';', element.len);

        if (semi) {
            element.len = (apr_size_t)(semi - element.p);
            element = gw_str_trim(element);
        }
        if (gw_str_is(element, token)) {
            return 1;
        }
    }
    return 0;
}
