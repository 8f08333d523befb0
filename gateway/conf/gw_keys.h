/**
 * gw_keys: the key=value parameters of GatewayPass, <Gateway> and GatewaySet.
 *
 * Read while httpd reads its configuration (one thread); the results are
 * const afterwards. Every error is one sentence in the given pool for the
 * administrator, without file and line, which the caller knows.
 */
#ifndef GW_KEYS_H
#define GW_KEYS_H

#include "gw_conf.h"

/** Everything unset. */
void gw_keys_init(gw_keys *keys);

/** Values of over replace those of keys, where set. */
void gw_keys_overlay(gw_keys *keys, const gw_keys *over);

/** Is any key set? */
int gw_keys_any(const gw_keys *keys);

/**
 * Read one "key=value" into keys. A key that comes twice is an error: of two
 * values only one can be meant.
 * @param words  words without '=' that the directive knows, for the list of
 *               what is known, or NULL
 * @return NULL, or what is wrong: an unknown key (with the closest known
 *         one), a key that is not built yet (with what to do instead), one of
 *         members or balancers (with where it belongs), a value out of range
 */
const char *gw_keys_read(apr_pool_t *pool, gw_keys *keys, const char *word,
                         const char *words);

/** Is word the name=value of a key that concerns connections, and so also a
 * member's? */
int gw_keys_concerns_connections(const char *word);

/** Keys that contradict each other or the URL they are for, or NULL. */
const char *gw_keys_check(apr_pool_t *pool, const gw_keys *keys,
                          const gw_url *url);

/** What over sets of GatewaySSL* replaces what ssl holds. */
void gw_ssl_conf_overlay(gw_ssl_conf *ssl, const gw_ssl_conf *over);

#endif
