/**
 * gw_path: the path of a request, between the client's bytes and the bytes
 * sent to the backend.
 *
 * Three forms. "raw" is what the client sent. "checked" is decoded once, with
 * %2F left as the three characters "%2F": routes and access control see it.
 * "target" is what goes on the wire. The rule of security.md 38: what was
 * checked is what is sent. Pure functions over NUL-terminated strings without
 * a query; results live in the given pool; any thread.
 */
#ifndef GW_PATH_H
#define GW_PATH_H

#include <apr_pools.h>

typedef enum {
    GW_PATH_OK = 0,
    GW_PATH_BAD_ESCAPE,     /* '%' without two hex digits */
    GW_PATH_CONTROL,        /* a NUL or control byte, decoded or not */
    GW_PATH_UNSAFE          /* see gw_path_unsafe() */
} gw_path_verdict;

/** One short phrase for the log. */
const char *gw_path_verdict_text(gw_path_verdict verdict);

/**
 * Decode every %XX once, except %2F (kept, in upper case).
 * @param pdecoded  out: the decoded copy, on GW_PATH_OK
 * @param pdouble   out, may be NULL: 1 if the input holds %252F, whose
 *                  decoded form can no longer be told from %2F
 * @return GW_PATH_OK, GW_PATH_BAD_ESCAPE, GW_PATH_CONTROL
 */
gw_path_verdict gw_path_decode(apr_pool_t *pool, const char *path,
                               char **pdecoded, int *pdouble);

/**
 * Would some backend see a "." or ".." segment where we see none? Reads
 * "%2F", "%5C", '\\' as further separators and cuts ";params" of segments;
 * 1 if any segment is then "." or "..".
 * @param checked  a decoded path (gw_path_decode)
 */
int gw_path_unsafe(const char *checked);

/**
 * The client's own bytes for checked+offset, if raw decodes (no dot segment
 * removal, no slash merging) to exactly checked; else NULL. Bytes of raw that
 * are no URI characters (RFC 3986 2), '?' and '#' come back percent-encoded.
 * @param offset  at most strlen(checked); inside a kept "%2F" gives NULL
 */
const char *gw_path_raw_tail(apr_pool_t *pool, const char *raw,
                             const char *checked, apr_size_t offset);

/**
 * The canonical form: everything but unreserved, sub-delims, ':', '@', '/'
 * percent-encoded in upper case; a kept "%2F" stays.
 */
char *gw_path_encode(apr_pool_t *pool, const char *checked);

/**
 * A query made safe for the request line: bytes that are no query characters
 * (RFC 3986 3.4) percent-encoded; NULL for NULL. '%' passes as it is, '[' and
 * ']' too: many applications want them unescaped.
 */
const char *gw_path_query(apr_pool_t *pool, const char *query);

/**
 * Percent-encode one interpolated value for a path (slash: 1 keeps '/') or
 * a query, so that it cannot leave its component (security.md 97). All but
 * unreserved characters is encoded, '%' too. "." and ".." stay what they are:
 * whoever puts a path together from values asks gw_path_unsafe() about it.
 */
char *gw_path_encode_value(apr_pool_t *pool, const char *value, int slash);

/**
 * base and tail with exactly one '/' where they meet; base may be "". An
 * empty tail leaves base as it is ("/" if both are empty).
 */
char *gw_path_join(apr_pool_t *pool, const char *base, const char *tail);

/**
 * Does path begin with prefix and end there, or go on behind a '/'? Runs of
 * '/' count as one. A prefix that ends in '/' matches what follows it.
 * @param poffset  out, may be NULL: where in path the rest begins (its '/'
 *                 included unless prefix ends in '/')
 */
int gw_path_under(const char *path, const char *prefix,
                  apr_size_t *poffset);

#endif
