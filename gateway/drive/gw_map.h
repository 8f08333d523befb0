/**
 * gw_map: from a request's path to its route: the hooks before the handler.
 *
 * pre_translate_name decodes the path with %2F kept and finds the route;
 * translate_name (after mod_rewrite, before mod_alias) claims the request;
 * map_to_storage runs the <Gateway> sections; type_checker keeps mod_mime
 * away. What was found is a gw_mapped in the request's own configuration
 * vector: the handler decides by it, not by r->handler. All in the request's
 * thread; everything lives in r->pool.
 */
#ifndef GW_MAP_H
#define GW_MAP_H

#include "gw_conf.h"

typedef struct gw_mapped gw_mapped;
struct gw_mapped {
    gw_match match;         /* route is never an exclusion */
    const char *checked;    /* the path that was matched and checked */
    int double_coded;       /* the client's path held %252F */
    int claimed;            /* by translate_name: the handler will answer */
    const char *target;     /* path and query for the backend */
    const char *path;       /* the same path decoded, for <Gateway> */
    const apr_table_t *client_fields;   /* see gw_request_client_fields() */
};

/** What is known of r, or NULL when no route has claimed it. */
const gw_mapped *gw_map_of(const request_rec *r);

/* The hooks. */
int gw_map_pre_translate(request_rec *r);
int gw_map_translate(request_rec *r);
int gw_map_to_storage(request_rec *r);
int gw_map_type(request_rec *r);

/** What the handler serves: OK and *pm, DECLINED when r is not ours, or the
 * status that refuses it. */
int gw_map_for_handler(request_rec *r, const gw_mapped **pm);

#endif
