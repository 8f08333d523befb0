/**
 * gw_map_target: the path and query that go to the backend.
 *
 * What was checked is what is sent (security.md 38): the client's own bytes
 * where they decode to exactly the checked path, else one canonical encoder.
 * Values that a pattern captured are percent-encoded on insertion and can
 * fill path and query only (97). Request thread, r->pool.
 */
#ifndef GW_MAP_TARGET_H
#define GW_MAP_TARGET_H

#include "gw_map.h"

/**
 * Fill target (origin-form) and path of m for its route.
 * @return NULL, or why it cannot be sent; the answer is 400 then
 */
const char *gw_map_set_target(request_rec *r, gw_mapped *m);

#endif
