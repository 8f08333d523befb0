/**
 * gw_upgrade: which other protocol a client may ask a backend for, and whether
 * the backend's 101 is a true answer to it (RFC 9110 7.8, RFC 6455 4).
 *
 * Pure functions; results live in the pool given. Any thread. Protocols that
 * would carry further HTTP messages past the gateway (h2c, HTTP/x), or TLS in
 * the middle of a connection, are never offered, whatever a rule allows.
 *
 * The protocols that a rule allows are one string, as gw_upgrade_read() makes
 * it: tokens in lower case with commas between, "*" for any, "" for none.
 */
#ifndef GW_UPGRADE_H
#define GW_UPGRADE_H

#include "gw_msg.h"

#define GW_UPGRADE_WEBSOCKET "websocket"

/**
 * Read what an administrator allows: tokens with commas between, ANY, NONE.
 * @param pallowed  out
 * @return NULL, or what is wrong
 */
const char *gw_upgrade_read(apr_pool_t *pool, const char *value,
                            const char **pallowed);

/**
 * What of a client's Upgrade field can be offered to a backend at all.
 * @param method      websocket is for GET
 * @param connection  value of Connection, or NULL: it must name upgrade
 * @param upgrade     value of Upgrade, or NULL
 * @return protocols with ", " between, in the client's order; NULL: none
 */
const char *gw_upgrade_offer(apr_pool_t *pool, const char *method,
                             const char *connection, const char *upgrade);

/** The first protocol of an offer (NULL: none) that is allowed; NULL: none. A
 * token without a version allows every version. */
const char *gw_upgrade_choose(apr_pool_t *pool, const char *offer,
                              const char *allowed);

/** Is it websocket? */
int gw_upgrade_is_websocket(const char *protocol);

/** Is key the base64 of 16 bytes, as Sec-WebSocket-Key must be? NULL: no. */
int gw_upgrade_key_valid(const char *key);

/** Sec-WebSocket-Accept for a key, RFC 6455 4.2.2. */
const char *gw_upgrade_accept(apr_pool_t *pool, const char *key);

/**
 * Does a 101 answer what was asked?
 * @param request   fields that were sent (the key is among them)
 * @param protocol  the one that was asked for
 * @return NULL, or what is wrong with it (static)
 */
const char *gw_upgrade_refused(apr_pool_t *pool, const gw_res_head *head,
                               const apr_table_t *request,
                               const char *protocol);

#endif
