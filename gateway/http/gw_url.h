/**
 * gw_url: the URL of a backend as the configuration writes it.
 *
 * Parsed once at configuration time (RFC 3986), and again after an
 * interpolation, from trusted text; borrowed by whoever reads it, lives in
 * the pool it was parsed into. Pure functions, any thread.
 *
 *   http://host[:port][/path][?query]      https://...
 *   unix:/path/of.sock|http://name/path    balancer://name[/path]
 */
#ifndef GW_URL_H
#define GW_URL_H

#include <apr_pools.h>
#include "gw_str.h"

typedef struct gw_url gw_url;
struct gw_url {
    const char *scheme;     /* lower case: http, https, balancer, ... */
    const char *host;       /* lower case; an IPv6 literal without [],
                               in the form of RFC 5952 */
    int host_is_ip;         /* an IPv4 or IPv6 literal */
    int port;               /* 1..65535, the scheme's default if not given;
                               0 for a scheme without one */
    int port_given;
    const char *socket;     /* UNIX socket path, at most 107 bytes, or NULL */
    const char *path;       /* begins with '/', or "" when absent */
    const char *query;      /* without '?', or NULL */
};

/** The default port of a scheme: http, ws 80; https, wss 443; else 0. */
int gw_url_default_port(const char *scheme);

/**
 * Parse text.
 * @param perr  out: one sentence for the administrator when NULL is returned
 * Refuses: user info, fragments, control bytes and spaces, a port outside
 * 1..65535, an empty host, a relative socket path (the caller makes it
 * absolute first), bytes that are no URI characters.
 */
gw_url *gw_url_parse(apr_pool_t *pool, const char *text, const char **perr);

/** host, host:port or [v6]:port; the port only if not the default. */
char *gw_url_authority(apr_pool_t *pool, const gw_url *url);

/** scheme://authority, no path. */
char *gw_url_origin(apr_pool_t *pool, const gw_url *url);

/** The whole; parsed again it gives the same (port_given included). */
char *gw_url_text(apr_pool_t *pool, const gw_url *url);

/**
 * Split host[:port] or [v6][:port], as in a Host field. The host comes back
 * in lower case and without []; "host:" has no port (RFC 3986 3.2.3).
 * @return 1 and the parts (port 0 when absent), or 0 when malformed
 */
int gw_url_split_hostport(apr_pool_t *pool, gw_str text,
                          const char **phost, int *pport);

#endif
