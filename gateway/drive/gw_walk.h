/**
 * gw_walk: runs the <Gateway url> sections on an outgoing URL.
 *
 * What a matching section holds (Require, header rules, ...) is merged into
 * the request's per-directory configuration, in file order, as for a
 * <Location>. Request thread, r->pool.
 */
#ifndef GW_WALK_H
#define GW_WALK_H

#include "gw_conf.h"

/**
 * @param route  whose URL the request goes to
 * @param path   the whole path on the backend, decoded: a client's spelling of
 *               it must not decide whether a section applies
 */
void gw_walk_sections(request_rec *r, const gw_route *route,
                     const char *path);

#endif
