/**
 * gw_reverse_map: how the rules of gw_reverse.h apply to a path, shared by the
 * fields that hold URLs (gw_reverse.c) and by cookies (gw_reverse_cookie.c).
 *
 * Pure functions; slices are borrowed from the caller; any thread.
 */
#ifndef GW_REVERSE_MAP_H
#define GW_REVERSE_MAP_H

#include "gw_reverse.h"

/** The path that a rule maps from; "" and "/" are the same to it. */
const char *gw_reverse_from(const gw_reverse_rule *rule);

/**
 * The first rule for a path of the backend that answered, or NULL: the path
 * is under what the rule maps from, and no rule's front path that is as long
 * or longer holds it already.
 * @param path_only  1: only rules that were given as a path
 * @param tail       out: what follows, "" or beginning with '/'
 */
const gw_reverse_rule *gw_reverse_path_rule(const gw_reverse *rev,
                                            gw_str path, int path_only,
                                            gw_str *tail);

/**
 * The rule's front path with tail behind it; as it was configured when tail
 * is empty. Begins with '/'.
 */
char *gw_reverse_to(apr_pool_t *pool, const gw_reverse_rule *rule,
                    gw_str tail);

/**
 * The front's host, or NULL when it is unknown or holds bytes that have no
 * place in a host name: it comes from the client.
 */
const char *gw_reverse_host(const gw_reverse *rev);

#endif
