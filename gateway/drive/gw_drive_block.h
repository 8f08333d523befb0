/**
 * gw_drive_block: the blocking driver: runs an exchange in the request's own
 * thread and polls on its wants.
 *
 * Serves every MPM, HTTP/2 streams, subrequests. Notices a client that leaves
 * while the backend thinks. Request thread only.
 */
#ifndef GW_DRIVE_BLOCK_H
#define GW_DRIVE_BLOCK_H

#include "gw_map.h"

/** Answer r from its route's backend; the handler's return value. */
int gw_drive_block(request_rec *r, const gw_mapped *m);

#endif
