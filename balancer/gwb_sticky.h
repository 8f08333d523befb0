/**
 * gwb_sticky: keeps a session with its member: reads the route out of a
 * cookie or URL parameter, and makes the gateway's own cookie.
 *
 * Pure functions over strings; results in the pool given; any thread. The
 * URL parameter wins over the cookie, as with mod_proxy.
 */
#ifndef GWB_STICKY_H
#define GWB_STICKY_H

#include <apr_pools.h>

typedef struct gwb_sticky gwb_sticky;
struct gwb_sticky {
    const char *cookie;         /* stickysession=cookie|param, or NULL */
    const char *param;          /* or NULL */
    char separator;             /* stickysessionsep=, 0: Off */
    int semicolon;              /* scolonpathdelim=: ';' ends the parameter */
    const char *own;            /* sticky=cookie[:name]: our own, or NULL */
    const unsigned char *key;   /* of our own cookie's values */
    apr_size_t key_len;
};

/**
 * The session of a request.
 * @param cookies  the Cookie field, or NULL
 * @param path     path with ";params"
 * @param query    or NULL
 * @param pname    out: name of the cookie or parameter it came from
 * @return its value, or NULL
 */
const char *gwb_sticky_session(apr_pool_t *pool, const gwb_sticky *sticky,
                               const char *cookies, const char *path,
                               const char *query, const char **pname);

/** The route in a session's value: behind the first separator, or all of it
 * with separator Off; NULL when there is none. */
const char *gwb_sticky_route(apr_pool_t *pool, const gwb_sticky *sticky,
                             const char *session);

/** Value of our own cookie in a request, or NULL. */
const char *gwb_sticky_own(apr_pool_t *pool, const gwb_sticky *sticky,
                           const char *cookies);

/** The opaque authenticated value that stands for a member (its URL) of a
 * balancer: base64url of an HMAC-SHA-256, cut to 16 bytes. NULL when the
 * crypto library fails. */
const char *gwb_sticky_value(apr_pool_t *pool, const gwb_sticky *sticky,
                             const char *balancer, const char *member);

/** The Set-Cookie field for a value: HttpOnly, SameSite=Lax, Secure on
 * https; path is the route's front path, cut to whole segments where a
 * cookie cannot carry it. */
const char *gwb_sticky_set_cookie(apr_pool_t *pool, const gwb_sticky *sticky,
                                  const char *value, const char *path,
                                  int secure);

/** Are two values the same? Takes as long for any two of one length. */
int gwb_sticky_same(const char *a, const char *b);

#endif
