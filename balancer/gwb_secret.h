/**
 * gwb_secret: the key that authenticates the values of our own session
 * cookies.
 *
 * stickykey= gives it, so that several machines have the same one; else it is
 * made once and kept in a file that only the server's owner can read, so that
 * sessions outlive a restart. The parent, in post_config.
 */
#ifndef GWB_SECRET_H
#define GWB_SECRET_H

#include "gwb_conf.h"

/**
 * Set params.sticky.key of each balancer with sticky=.
 * @return OK, or HTTP_INTERNAL_SERVER_ERROR after one log line
 */
int gwb_secret_set(apr_pool_t *pconf, apr_pool_t *ptemp,
                   server_rec *main_server);

#endif
