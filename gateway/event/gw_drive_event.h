/**
 * gw_drive_event: chooses the lane of a request and drives its exchange in a
 * loop.
 *
 * The handler's entry is gw_drive(), in whatever thread runs the handler: a
 * worker of the MPM, a loop, a helper. It answers the request there
 * (blocking), or leaves a ride with the connection's front and returns
 * SUSPENDED: the loop then steps it with gw_drive_step() and ends it with
 * gw_drive_end().
 *
 * On its first request a connection stays with the worker for a short while:
 * who comes only once must not pay for being adopted. How long depends on
 * what the route's answers took lately and on how many workers wait.
 */
#ifndef GW_DRIVE_EVENT_H
#define GW_DRIVE_EVENT_H

#include "gw_front.h"

/** Answer r from its route's backend; the handler's return value. */
int gw_drive(request_rec *r, const gw_mapped *m);

/** Answer it with a blocking exchange in the calling thread. @param why  for
 * GATEWAY_LANE */
int gw_drive_blocked(request_rec *r, const char *why);

/** The handler of a request that no route takes: a loop runs nobody else's.
 * @return DECLINED, or SUSPENDED when a helper goes on */
int gw_drive_other(request_rec *r);

/** pre_read_request: the lane of a request on an adopted connection that core
 * refuses while it reads it. */
void gw_drive_read(request_rec *r, conn_rec *c);

/** quick_handler: which lane the hooks of a request on an adopted connection
 * run in. */
int gw_drive_quick(request_rec *r, int lookup);

/**
 * Step front->ride; sends what it can to the client. Loop thread.
 * @param wants  out, on APR_EAGAIN
 * @return APR_SUCCESS it has ended; APR_EAGAIN
 */
apr_status_t gw_drive_step(gw_front *front, gw_wants *wants);

/** End a ride whose exchange has ended; the handler's value. */
int gw_drive_end(gw_front *front);

#endif
