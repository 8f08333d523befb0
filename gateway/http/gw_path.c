#include "gw_path.h"

#include <string.h>
#include <apr_strings.h>

/* The one escape that decoding keeps. */
#define KEPT_SLASH      "%2F"
#define KEPT_SLASH_LEN  3

const char *gw_path_verdict_text(gw_path_verdict verdict)
{
    switch (verdict) {
    case GW_PATH_OK:
        return "the path is sound";
    case GW_PATH_BAD_ESCAPE:
        return "'%' without two hexadecimal digits in the path";
    case GW_PATH_CONTROL:
        return "a control byte in the path";
    case GW_PATH_UNSAFE:
        return "it hides a '.' or '..' segment (GatewayUnsafePath allow "
               "passes it on)";
    }
    return "unknown verdict";
}

/*
 * Character classes of RFC 3986, written out: the ctype functions follow the
 * locale.
 */
static int is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9')
           || c == '-' || c == '.' || c == '_' || c == '~';
}

static int is_pchar(unsigned char c)
{
    return is_unreserved(c) || (c && strchr("!$&'()*+,;=:@", c));
}

static int is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

/*
 * Decoding goes by units: a byte as it stands, or an escape. The length in
 * the input is len; kept says that the unit is an escaped slash.
 */
typedef struct {
    apr_size_t len;
    char byte;
    int kept;
} path_unit;

static gw_path_verdict read_unit(const char *p, path_unit *unit)
{
    unit->byte = *p;
    unit->len = 1;
    unit->kept = 0;
    if (*p == '%') {
        int high = hex_value(p[1]);
        int low = high < 0 ? -1 : hex_value(p[2]);

        if (low < 0) {
            return GW_PATH_BAD_ESCAPE;
        }
        unit->byte = (char)(high << 4 | low);
        unit->len = 3;
        unit->kept = unit->byte == '/';
    }
    return is_control((unsigned char)unit->byte) ? GW_PATH_CONTROL
                                                 : GW_PATH_OK;
}

/* Is there "%2F" at p, in either case? */
static int is_escaped_slash(const char *p)
{
    return p[0] == '%' && p[1] == '2' && (p[2] == 'F' || p[2] == 'f');
}

gw_path_verdict gw_path_decode(apr_pool_t *pool, const char *path,
                               char **pdecoded, int *pdouble)
{
    char *decoded = apr_palloc(pool, strlen(path) + 1);
    char *out = decoded;
    const char *percent = NULL;     /* the last '%' that came from "%25" */
    int twice = 0;

    while (*path) {
        path_unit unit;
        gw_path_verdict verdict = read_unit(path, &unit);

        if (verdict != GW_PATH_OK) {
            return verdict;
        }
        path += unit.len;
        if (unit.kept) {
            memcpy(out, KEPT_SLASH, KEPT_SLASH_LEN);
            out += KEPT_SLASH_LEN;
            continue;
        }
        if (unit.byte == '%') {
            percent = out;
        }
        *out++ = unit.byte;
        if (percent && out - percent == KEPT_SLASH_LEN
            && is_escaped_slash(percent)) {
            twice = 1;
        }
    }
    *out = '\0';
    *pdecoded = decoded;
    if (pdouble) {
        *pdouble = twice;
    }
    return GW_PATH_OK;
}

/* The length of what some backend may take for a separator at p, or 0. */
static apr_size_t separator_len(const char *p)
{
    if (*p == '/' || *p == '\\') {
        return 1;
    }
    if (is_escaped_slash(p)
        || (p[0] == '%' && p[1] == '5' && (p[2] == 'C' || p[2] == 'c'))) {
        return 3;
    }
    return 0;
}

static int is_dot_segment(const char *start, const char *end)
{
    const char *params = memchr(start, ';', (apr_size_t)(end - start));

    if (params) {
        end = params;
    }
    return (end - start == 1 && start[0] == '.')
           || (end - start == 2 && start[0] == '.' && start[1] == '.');
}

int gw_path_unsafe(const char *checked)
{
    const char *segment = checked;
    const char *p = checked;

    while (*p) {
        apr_size_t len = separator_len(p);

        if (!len) {
            p++;
            continue;
        }
        if (is_dot_segment(segment, p)) {
            return 1;
        }
        p += len;
        segment = p;
    }
    return is_dot_segment(segment, p);
}

/*
 * The encoders differ in what they leave as it is: the number of bytes at p
 * to copy, 0 to encode one.
 */
typedef apr_size_t leave_fn(const char *p);

static char *encode(apr_pool_t *pool, const char *text, leave_fn *leave)
{
    static const char digits[] = "0123456789ABCDEF";
    char *encoded = apr_palloc(pool, 3 * strlen(text) + 1);
    char *out = encoded;

    while (*text) {
        apr_size_t len = leave(text);

        if (len) {
            memcpy(out, text, len);
            out += len;
            text += len;
        }
        else {
            unsigned char c = (unsigned char)*text++;

            *out++ = '%';
            *out++ = digits[c >> 4];
            *out++ = digits[c & 15];
        }
    }
    *out = '\0';
    return encoded;
}

static apr_size_t leave_checked(const char *p)
{
    if (strncmp(p, KEPT_SLASH, KEPT_SLASH_LEN) == 0) {
        return KEPT_SLASH_LEN;
    }
    return *p == '/' || is_pchar((unsigned char)*p);
}

/*
 * '[' and ']' have no place in a path or query, but browsers send them
 * there, backends take them, and their escapes are not the same to all.
 */
static apr_size_t leave_raw(const char *p)
{
    return is_pchar((unsigned char)*p) || strchr("/%[]", *p) != NULL;
}

static apr_size_t leave_query(const char *p)
{
    return *p == '?' || leave_raw(p);
}

static apr_size_t leave_value(const char *p)
{
    return is_unreserved((unsigned char)*p);
}

static apr_size_t leave_value_slash(const char *p)
{
    return *p == '/' || is_unreserved((unsigned char)*p);
}

/* Does checked go on with this unit? The bytes of checked it makes, or 0. */
static apr_size_t unit_matches(const path_unit *unit, const char *checked)
{
    if (unit->kept) {
        return strncmp(checked, KEPT_SLASH, KEPT_SLASH_LEN) == 0
               ? KEPT_SLASH_LEN : 0;
    }
    return *checked == unit->byte;
}

const char *gw_path_raw_tail(apr_pool_t *pool, const char *raw,
                             const char *checked, apr_size_t offset)
{
    const char *p = checked;
    const char *tail = NULL;

    for (;;) {
        path_unit unit;
        apr_size_t len;

        if ((apr_size_t)(p - checked) == offset) {
            tail = raw;
        }
        if (!*raw) {
            break;
        }
        if (read_unit(raw, &unit) != GW_PATH_OK) {
            return NULL;
        }
        len = unit_matches(&unit, p);
        if (!len) {
            return NULL;
        }
        raw += unit.len;
        p += len;
    }
    return *p || !tail ? NULL : encode(pool, tail, leave_raw);
}

char *gw_path_encode(apr_pool_t *pool, const char *checked)
{
    return encode(pool, checked, leave_checked);
}

const char *gw_path_query(apr_pool_t *pool, const char *query)
{
    return query ? encode(pool, query, leave_query) : NULL;
}

char *gw_path_encode_value(apr_pool_t *pool, const char *value, int slash)
{
    return encode(pool, value, slash ? leave_value_slash : leave_value);
}

char *gw_path_join(apr_pool_t *pool, const char *base, const char *tail)
{
    apr_size_t len = strlen(base);

    if (!*tail) {
        return apr_pstrdup(pool, len ? base : "/");
    }
    while (len && base[len - 1] == '/') {
        len--;
    }
    tail += strspn(tail, "/");
    return apr_pstrcat(pool, apr_pstrmemdup(pool, base, len), "/", tail,
                       NULL);
}

int gw_path_under(const char *path, const char *prefix, apr_size_t *poffset)
{
    const char *p = path;
    const char *q = prefix;
    int open = 1;       /* the prefix does not end in '/' */

    while (*q) {
        if (*p++ != *q) {
            return 0;
        }
        open = *q++ != '/';
        if (!open) {
            p += strspn(p, "/");
            q += strspn(q, "/");
        }
    }
    if (open && *p && *p != '/') {
        return 0;
    }
    if (poffset) {
        *poffset = (apr_size_t)(p - path);
    }
    return 1;
}
