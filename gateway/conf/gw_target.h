/**
 * gw_target: URLs of backends as directives write them, checked beyond what
 * gw_url_parse() does: the scheme is one that is built, a socket's path is
 * absolute and fits, a missing scheme is guessed for the message.
 *
 * Called while the configuration is read; every error is one sentence in the
 * given pool.
 */
#ifndef GW_TARGET_H
#define GW_TARGET_H

#include "gw_conf.h"

/**
 * The URL of a GatewayPass or GatewayPassReverse.
 * @return NULL and *perr when it cannot be used
 */
const gw_url *gw_target_url(apr_pool_t *pool, const char *text,
                            const char **perr);

/**
 * Check that a pattern's URL has backreferences only where they may be, in
 * path and query.
 * @param phighest  out: the highest $n, or -1 without any
 * @return NULL, or what is wrong
 */
const char *gw_target_backrefs(apr_pool_t *pool, const char *text,
                               int *phighest);

/**
 * The URL of <Gateway> or GatewaySet into section->url, parsed, wildcard.
 * @return NULL, or what is wrong
 */
const char *gw_target_section(apr_pool_t *pool, const char *text,
                              gw_section *section);

#endif
