/**
 * gw_map_back: the reverse rules of a request, applied to its response.
 *
 * Written rules first, inner sections first, then what the route implies;
 * rules for a balancer become one for each of its members. Request thread,
 * r->pool.
 */
#ifndef GW_MAP_BACK_H
#define GW_MAP_BACK_H

#include "gw_map.h"

/**
 * Map the fields in r->headers_out.
 * @param answered  the URL of the backend that the response comes from
 */
void gw_map_back(request_rec *r, const gw_mapped *m, const gw_url *answered);

#endif
