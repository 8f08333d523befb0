/**
 * gw_lane_conf: what the configuration says that a loop must know before it
 * serves a request: directives that may make somebody wait.
 *
 * Reads httpd's tree of directives once at start, in one thread, and marks
 * the sections that hold such a directive: gw_dir_conf.lane and lane_bits of
 * each <Location>, server or virtual host. httpd's own merging then brings the
 * marks to the requests, so that nothing of other modules' configuration has
 * to be known. A directive in <If> marks the section around it, whether the
 * condition is met or not. What is in <Directory> and <Files> does not count:
 * requests that are passed on never get there. A section that cannot be found
 * again marks its server.
 */
#ifndef GW_LANE_CONF_H
#define GW_LANE_CONF_H

#include "gw_conf.h"
#include "gw_lane_hooks.h"

/* lane_bits */
enum {
    GW_LANE_DENIES = 1,         /* hooks may refuse a request: 403 and such */
    GW_LANE_DOC_DENIED = 2,     /* an ErrorDocument, of this server, for such
                                   a refusal */
    GW_LANE_DOC = 4,            /* one for another status of hooks */
    GW_LANE_REWRITES = 8,       /* a path may become another one of ours */
    GW_LANE_DIFFERS = 16,       /* rules of its own about lanes */
    GW_LANE_ELSEWHERE = 8       /* shifted by so much: of some section of the
                                   server, where a rewrite may lead */
};

/** What is known of a route from <Gateway> sections. */
typedef struct gw_lane_mark gw_lane_mark;
struct gw_lane_mark {
    const char *why;
    int bits;
};

typedef struct gw_lane_conf gw_lane_conf;
struct gw_lane_conf {
    const char *end;            /* why ends of requests may wait, or NULL */
    const char *piped;          /* the first log that is a program, or NULL */
    apr_hash_t *routes;         /* const gw_route * -> gw_lane_mark; NULL:
                                   none is marked */
};

/**
 * Read the tree and set the marks.
 * @param conf   filled; lives in pconf
 * @param hooks  what gw_lane_hooks_look() found
 */
void gw_lane_conf_read(gw_lane_conf *conf, apr_pool_t *pconf,
                       server_rec *main_server, const gw_lane_hooks *hooks);

#endif
