/**
 * gw_scale: does what httpd is configured for fit what the event engine is to
 * hold?
 *
 * How many connections a child accepts is the MPM's matter: ThreadsPerChild,
 * and AsyncRequestWorkerFactor more for each idle thread. Adopted connections
 * leave all threads idle and count. Each may need a descriptor for itself and
 * one for the backend's.
 *
 * post_config of the parent, once the configuration is frozen.
 */
#ifndef GW_SCALE_H
#define GW_SCALE_H

#include <httpd.h>

/** Log what a child can hold, and in a notice what has to be set where that
 * does not fit together. Nothing where there is no event engine. */
void gw_scale_announce(server_rec *main_server);

#endif
