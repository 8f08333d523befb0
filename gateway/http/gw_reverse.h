/**
 * gw_reverse: maps what a backend says about itself to what the client sees.
 *
 * A rule says: URLs that begin with this backend URL appear under this front
 * path. The implied rule of a GatewayPass and those of GatewayPassReverse are
 * the same kind. The first rule that matches wins. Pure, allocation from the
 * given pool only, any thread. Rules live in the configuration.
 *
 * Matching ends at a segment border: http://be never matches http://be.evil
 * (security.md 93). http and https forms of a backend both match, default
 * ports are equal to absent ones, hosts compare without case, IPv6 literals
 * in brackets.
 */
#ifndef GW_REVERSE_H
#define GW_REVERSE_H

#include <apr_tables.h>
#include "gw_url.h"

typedef struct gw_reverse_rule gw_reverse_rule;
struct gw_reverse_rule {
    const gw_url *backend;  /* NULL: path_only */
    const char *path_only;  /* rule given as a path: matches the path part
                               of relative references and of URLs on any of
                               the front's own names */
    const char *front;      /* front path, "/" or "/app" (no query), percent-
                               encoded as by gw_path_encode() */
};

typedef struct gw_reverse gw_reverse;
struct gw_reverse {
    const gw_reverse_rule *const *rules;
    int nrules;
    const char *scheme;     /* of the front: http or https */
    const char *host;       /* the client's Host without port; IPv6 without
                               brackets */
    int port;               /* of the front as the client sees it */
    const gw_url *origin;   /* who answered, as the route names it: what has
                               no host in it, and a host name behind a UNIX
                               socket, is mapped by this backend's rules only.
                               NULL: by all */
};

/**
 * Map one URI reference (RFC 3986 4.1).
 * An absolute URL under a rule's backend becomes the front's absolute URL, a
 * network-path reference (//host/x) and an absolute path stay in their form
 * (an absolute path maps by the path of the backend that answered, unless it
 * already lies under a rule's front path that is as long or longer: a backend
 * that knows its public path is left alone). A URL on the front's own host and
 * port keeps its origin and maps by the rules given as a path, in the same
 * way. Relative paths, queries and fragments are left alone, and so are URLs
 * with user information. Without a usable front host the result is a path.
 * Query and fragment are kept byte for byte.
 * @return the new value, or NULL when nothing matched
 */
const char *gw_reverse_url(apr_pool_t *pool, const gw_reverse *rev,
                           const char *url);

/** A Refresh value "5; url=..." (quotes allowed), or NULL. */
const char *gw_reverse_refresh(apr_pool_t *pool, const gw_reverse *rev,
                               const char *value);

/** A Link value: each <reference> of the list (RFC 8288), or NULL. */
const char *gw_reverse_link(apr_pool_t *pool, const gw_reverse *rev,
                            const char *value);

/**
 * A Set-Cookie value: Path maps as an absolute path, with the tail kept;
 * Domain that is a rule's backend host or a parent of it,
 * and does not already match the front's host, becomes the front's host (is
 * dropped where the front is an IP literal). Everything else, odd cookies
 * too, stays byte for byte. NULL when nothing changed.
 */
const char *gw_reverse_cookie(apr_pool_t *pool, const gw_reverse *rev,
                              const char *value);

/**
 * Apply all of the above to a response's fields in place: Location,
 * Content-Location, Destination, URI, Refresh, Link, Set-Cookie (each line).
 */
void gw_reverse_headers(apr_pool_t *pool, const gw_reverse *rev,
                        apr_table_t *headers);

#endif
