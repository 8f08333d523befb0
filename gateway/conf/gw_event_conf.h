/**
 * gw_event_conf: the directives that bound the lanes of requests, and what
 * they come to.
 *
 * The commands are called while httpd reads its configuration, in one thread;
 * what the questions return is const afterwards, for any thread.
 */
#ifndef GW_EVENT_CONF_H
#define GW_EVENT_CONF_H

#include "gw_conf.h"

/* Each loop may use a processor for itself; more than that have no use. */
#define GW_EVENT_LOOPS_MAX 64
#define GW_HELPERS_MAX 1024

/** GatewayEvent of a request's sections, or a server's default: On when it is
 * not set. */
gw_event_lane gw_event_lane_of(const gw_dir_conf *dir);

/** What applies outside of any section, where no request is there to ask
 * (pre_connection, process_connection); never NULL. */
const gw_dir_conf *gw_conf_of_default(const server_rec *s);

/** Loops of a child, from 1 to GW_EVENT_LOOPS_MAX. Without a directive all
 * children of a fresh start together have one per core: more threads than
 * cores cost a tenth more CPU. In post_config or later. */
int gw_event_loops(const server_rec *main_server);

/** Helper threads of a child, from 1 to GW_HELPERS_MAX.
 * @param threads  workers of a child (ThreadsPerChild) */
int gw_event_helpers(const server_rec *main_server, int threads);

/* GatewayEvent, GatewayEventLoops, GatewayHelpers,
   GatewayIgnoreClientAbort. */
const char *gw_cmd_event(cmd_parms *cmd, void *mconfig, const char *word);
const char *gw_cmd_event_loops(cmd_parms *cmd, void *mconfig,
                               const char *word);
const char *gw_cmd_helpers(cmd_parms *cmd, void *mconfig, const char *word);
const char *gw_cmd_ignore_abort(cmd_parms *cmd, void *mconfig, int on);

#endif
