/**
 * gw_reqtimeout: how long a client may take to send a request, by
 * mod_reqtimeout's RequestReadTimeout.
 *
 * That module's filter does not know about connections that wait in a loop,
 * and its configuration is private: the directive is read from httpd's tree
 * instead, with the same defaults. Where mod_reqtimeout is not loaded nothing
 * is limited here (httpd's Timeout is).
 *
 * gw_reqtimeout_read() runs once at start; what it found is const afterwards,
 * for any thread. The rest are pure functions.
 */
#ifndef GW_REQTIMEOUT_H
#define GW_REQTIMEOUT_H

#include <httpd.h>
#include <http_config.h>

#include "gw_base.h"

/** One part of a request. */
typedef struct gw_reqtimeout_stage gw_reqtimeout_stage;
struct gw_reqtimeout_stage {
    int set;                    /* by a directive */
    gw_time first;              /* from its begin; 0: no limit */
    gw_time most;               /* however much comes; 0: no such limit */
    gw_time per_byte;           /* what each byte adds, MinRate */
};

typedef struct gw_reqtimeout gw_reqtimeout;
struct gw_reqtimeout {
    gw_reqtimeout_stage handshake;
    gw_reqtimeout_stage header;
    gw_reqtimeout_stage body;
};

/** Read the configuration; in post_config of the real start. */
void gw_reqtimeout_read(apr_pool_t *pconf, server_rec *main_server);

/** The limits of a server; NULL: mod_reqtimeout is not loaded. */
const gw_reqtimeout *gw_reqtimeout_of(const server_rec *s);

/** mod_reqtimeout, for log lines in its name; NULL: not loaded. */
const module *gw_reqtimeout_module(void);

/** Does mod_reqtimeout look after connections of a server with these limits?
 * Where nothing is limited it does not, whatever the virtual host that a
 * request asks for says. */
int gw_reqtimeout_looks(const gw_reqtimeout *limits);

/**
 * One word of the directive: "header=20-40,MinRate=500", "body=0".
 * @return 1 and the stage is set, or 0 and limits are as before
 */
int gw_reqtimeout_set(gw_reqtimeout *limits, const char *word);

/** Until when a stage may take that began at begin and of which so many bytes
 * have come; GW_NEVER: no limit. */
gw_time gw_reqtimeout_until(const gw_reqtimeout_stage *stage, gw_time begin,
                            apr_off_t bytes);

#endif
