/**
 * gw_str: length-counted slices, token lists, numbers and character classes
 * of RFC 9110.
 *
 * A slice borrows bytes that somebody else owns and is not NUL-terminated.
 * Pure functions, any thread. All numbers from peers go through
 * gw_str_number() (security.md 104).
 */
#ifndef GW_STR_H
#define GW_STR_H

#include <apr.h>
#include <apr_pools.h>

typedef struct gw_str gw_str;
struct gw_str {
    const char *p;
    apr_size_t len;
};

/** Slice of a NUL-terminated string (NULL gives an empty slice). */
gw_str gw_str_of(const char *s);

/** Copy into pool as a NUL-terminated string. */
char *gw_str_dup(apr_pool_t *pool, gw_str s);

/** Without leading and trailing SP and HTAB (OWS, RFC 9110 5.6.3). */
gw_str gw_str_trim(gw_str s);

/** Same bytes, ASCII letters compared without case. */
int gw_str_equal_nocase(gw_str a, gw_str b);
int gw_str_is(gw_str a, const char *lower);

/**
 * Digits only, in the given base (10 or 16), overflow-checked.
 * @return 1 and *n, or 0 when empty, a non-digit, or more than 2^63-1
 */
int gw_str_number(gw_str s, int base, apr_int64_t *n);

/** Is c a tchar (RFC 9110 5.6.2)? */
int gw_is_tchar(unsigned char c);
/** Is the slice a non-empty token? */
int gw_str_is_token(gw_str s);
/** Is c allowed in a field value: HTAB, SP..~, obs-text (RFC 9110 5.5)? */
int gw_is_field_char(unsigned char c);
/** Are all bytes allowed in a field value? (NUL, CR, LF, other CTL: no) */
int gw_str_is_field_value(gw_str s);

/**
 * Walk a comma-separated list (RFC 9110 5.6.1), quoted strings respected,
 * empty elements skipped.
 * @param rest  the list; advanced past the element returned
 * @return 1 and the trimmed element, 0 at the end
 */
int gw_str_next_element(gw_str *rest, gw_str *element);

/** Is token (no case) an element of the list, parameters aside? */
int gw_str_list_has(const char *list, const char *token);

#endif
