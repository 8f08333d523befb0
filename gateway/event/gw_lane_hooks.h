/**
 * gw_lane_hooks: which modules run code of theirs while a request is served,
 * and whether each is known not to wait.
 *
 * Looks at httpd's arrays of hooks, once at start, in one thread. A module is
 * known by the name that it registers hooks under: its source file.
 */
#ifndef GW_LANE_HOOKS_H
#define GW_LANE_HOOKS_H

#include <httpd.h>

/** Modules, by name, that are not known to be safe; empty: all are. */
typedef struct gw_lane_hooks gw_lane_hooks;
struct gw_lane_hooks {
    apr_array_header_t *process;    /* while a request is read */
    apr_array_header_t *request;    /* from quick_handler to the handler */
    apr_array_header_t *end;        /* log_transaction */
    int proxy_first;                /* mod_proxy may take a request before
                                       this module does */
    int sessions;                   /* mod_session keeps them in cookies */
};

/** Fill hooks; its arrays live in pool. */
void gw_lane_hooks_look(gw_lane_hooks *hooks, apr_pool_t *pool);

/** "hook mod_x.c" of the first of modules, NULL: there is none. */
const char *gw_lane_hooks_why(apr_pool_t *pool,
                              const apr_array_header_t *modules);

#endif
