#include "gwb_sticky.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

/* Of the HMAC; 128 bits cannot be guessed, and the cookie stays short. */
#define VALUE_BYTES     16

/** The text of len bytes from p, or NULL when it is empty. */
static const char *text(apr_pool_t *pool, const char *p, apr_size_t len)
{
    return len ? apr_pstrmemdup(pool, p, len) : NULL;
}

/**
 * First non-empty value of name=value in a path or query.
 * @param before  bytes of which one stands before the name, unless it begins
 *                the string
 * @param ends    bytes that end the value
 */
static const char *find_param(apr_pool_t *pool, const char *in,
                              const char *name, const char *before,
                              const char *ends)
{
    apr_size_t len = strlen(name);
    const char *at = in;

    while (len && (at = strstr(at, name)) != NULL) {
        const char *value = at + len;

        if ((at == in || strchr(before, at[-1])) && *value == '=') {
            const char *found;

            value++;
            found = text(pool, value, strcspn(value, ends));
            if (found) {
                return found;
            }
        }
        at++;
    }
    return NULL;
}

static const char *url_session(apr_pool_t *pool, const gwb_sticky *sticky,
                               const char *path, const char *query)
{
    const char *found = NULL;

    if (path) {
        found = find_param(pool, path, sticky->param, ";",
                           sticky->semicolon ? ";/?&" : "/?&");
    }
    if (found == NULL && query) {
        found = find_param(pool, query, sticky->param,
                           sticky->semicolon ? ";&" : "&",
                           sticky->semicolon ? ";&" : "&");
    }
    return found;
}

/** Value of a cookie, its quotes removed (RFC 6265 4.1.1); the first that is
 * not empty counts. */
static const char *find_cookie(apr_pool_t *pool, const char *cookies,
                               const char *name)
{
    apr_size_t len = strlen(name);
    const char *at = cookies;

    while (len && *at) {
        apr_size_t pair;

        at += strspn(at, "; ,\t");
        /* old agents put a comma between cookies (RFC 2965 3.3.4) */
        pair = strcspn(at, ";,");
        if (pair > len && strncmp(at, name, len) == 0) {
            const char *value = at + len;
            const char *end = at + pair;

            value += strspn(value, " \t");
            if (value < end && *value == '=') {
                value++;
                value += strspn(value, " \t");
                while (end > value && (end[-1] == ' ' || end[-1] == '\t')) {
                    end--;
                }
                if (end - value >= 2 && *value == '"' && end[-1] == '"') {
                    value++;
                    end--;
                }
                if (end > value) {
                    return text(pool, value, (apr_size_t)(end - value));
                }
            }
        }
        at += pair;
    }
    return NULL;
}

const char *gwb_sticky_session(apr_pool_t *pool, const gwb_sticky *sticky,
                               const char *cookies, const char *path,
                               const char *query, const char **pname)
{
    const char *found = NULL;

    *pname = NULL;
    if (sticky->param) {
        found = url_session(pool, sticky, path, query);
        *pname = found ? sticky->param : NULL;
    }
    if (found == NULL && sticky->cookie && cookies) {
        found = find_cookie(pool, cookies, sticky->cookie);
        *pname = found ? sticky->cookie : NULL;
    }
    return found;
}

const char *gwb_sticky_route(apr_pool_t *pool, const gwb_sticky *sticky,
                             const char *session)
{
    const char *at;

    if (session == NULL) {
        return NULL;
    }
    if (sticky->separator == 0) {
        return text(pool, session, strlen(session));
    }
    at = strchr(session, sticky->separator);
    return at ? text(pool, at + 1, strlen(at + 1)) : NULL;
}

const char *gwb_sticky_own(apr_pool_t *pool, const gwb_sticky *sticky,
                           const char *cookies)
{
    if (sticky->own == NULL || cookies == NULL) {
        return NULL;
    }
    return find_cookie(pool, cookies, sticky->own);
}

/** base64url without padding (RFC 4648 5). */
static const char *base64url(apr_pool_t *pool, const unsigned char *bytes,
                             int len)
{
    char *out = apr_palloc(pool, (apr_size_t)(len + 2) / 3 * 4 + 1);
    char *c;

    out[EVP_EncodeBlock((unsigned char *)out, bytes, len)] = '\0';
    for (c = out; *c && *c != '='; c++) {
        if (*c == '+') {
            *c = '-';
        }
        else if (*c == '/') {
            *c = '_';
        }
    }
    *c = '\0';
    return out;
}

const char *gwb_sticky_value(apr_pool_t *pool, const gwb_sticky *sticky,
                             const char *balancer, const char *member)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    apr_size_t first = strlen(balancer) + 1;    /* with its NUL: no other */
    apr_size_t second = strlen(member);         /* pair gives these bytes */
    unsigned char *both = apr_palloc(pool, first + second + 1);

    memcpy(both, balancer, first);
    memcpy(both + first, member, second);
    if (HMAC(EVP_sha256(), sticky->key, (int)sticky->key_len, both,
             first + second, mac, &len) == NULL || len < VALUE_BYTES) {
        return NULL;
    }
    return base64url(pool, mac, VALUE_BYTES);
}

/** May this byte stand in a path as user agents send and compare it? */
static int in_path(char c)
{
    return c > ' ' && c < 0x7f && c != ';' && c != ',' && c != '"';
}

/** The part of a path that a Path attribute can carry: whole segments, so
 * that every request below the path still matches. */
static const char *cookie_path(apr_pool_t *pool, const char *path)
{
    apr_size_t len = 0;

    if (path == NULL || *path != '/') {
        return "/";
    }
    while (in_path(path[len])) {
        len++;
    }
    if (path[len]) {
        while (path[len - 1] != '/') {
            len--;
        }
    }
    return apr_pstrmemdup(pool, path, len);
}

const char *gwb_sticky_set_cookie(apr_pool_t *pool, const gwb_sticky *sticky,
                                  const char *value, const char *path,
                                  int secure)
{
    return apr_pstrcat(pool, sticky->own, "=", value, "; Path=",
                       cookie_path(pool, path), "; HttpOnly; SameSite=Lax",
                       secure ? "; Secure" : NULL, NULL);
}

int gwb_sticky_same(const char *a, const char *b)
{
    apr_size_t len = strlen(a);

    return len == strlen(b) && CRYPTO_memcmp(a, b, len) == 0;
}
