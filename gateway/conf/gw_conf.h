/**
 * gw_conf: the module's configuration structures, their merging, and the
 * freeze that turns them into immutable tables.
 *
 * Filled by gw_cmds while httpd reads its configuration (one thread, pconf);
 * gw_conf_freeze() runs in post_config; afterwards const, read by every
 * thread of every child.
 */
#ifndef GW_CONF_H
#define GW_CONF_H

#include <httpd.h>
#include <http_config.h>

#include <apr_hash.h>

#include "gw_routes.h"

/* the module record, in mod_gateway.c: the one symbol that is exported */
extern module AP_MODULE_DECLARE_DATA __attribute__((visibility("default")))
    gateway_module;

#define GW_UNSET (-1)

/** key=value parameters as written; unset ones are GW_UNSET. */
typedef struct gw_keys gw_keys;
struct gw_keys {
    gw_time timeout;            /* timeout= */
    gw_time connect_timeout;    /* connectiontimeout= */
    gw_time ttl;                /* ttl= */
    int maxperchild;
    int max;                    /* max=, in all children */
    int queue;                  /* queue= */
    gw_time queue_timeout;      /* queuetimeout=, acquire= */
    int disablereuse;           /* disablereuse=, enablereuse= */
    int keepalive;
    int retry;                  /* accepted; no effect on a single origin */
    int reverse;                /* reverse=on|off */
    const char *sni;            /* NULL: unset */
    const char *verifyname;     /* NULL: unset */
    const char *upgrade;        /* see gw_upgrade.h; NULL: unset */
    gw_time tunnel_timeout;     /* tunneltimeout= */
};

/** GatewaySSL*; NULL or GW_UNSET: unset. */
typedef struct gw_ssl_conf gw_ssl_conf;
struct gw_ssl_conf {
    int verify;                 /* 1 require, 0 none */
    const char *ca_file;
    const char *ca_path;
    const char *verify_where;   /* file:line of GatewaySSLVerify */
    const char *ca_where;       /* file:line of the last of the CA files */
};

/** GatewayEvent: the fastest lane that a request may be served in. */
typedef enum {
    GW_EVENT_LANE_OFF,          /* in a thread of its own, from the MPM */
    GW_EVENT_LANE_HELPER,       /* its hooks on a helper thread */
    GW_EVENT_LANE_ON,           /* in the loop where that is safe */
    GW_EVENT_LANE_ALWAYS        /* the connection is adopted before its first
                                   request; else as ON */
} gw_event_lane;

/** Per directory: <Location>, <Gateway>, and the server's default. */
typedef struct gw_dir_conf gw_dir_conf;
struct gw_dir_conf {
    int preserve_host;
    int add_headers;
    int unsafe_path;            /* 1: GatewayUnsafePath allow */
    int event;                  /* gw_event_lane; see gw_event_lane_of() */
    int ignore_abort;           /* 1: GatewayIgnoreClientAbort On */
    const char *lane;           /* why requests here are not for a loop, NULL:
                                   nothing known; set by gw_lane_init() */
    int lane_bits;              /* private to it */
    apr_array_header_t *reverse;    /* const gw_reverse_rule *, inner first */
    gw_keys keys;               /* <Gateway> and GatewaySet only */
    gw_ssl_conf ssl;            /* server default and <Gateway> only */
    const char *pass_where;     /* of this section's GatewayPass, or NULL */
};

/** One <Gateway url> section. */
typedef struct gw_section gw_section;
struct gw_section {
    const char *url;            /* as written: a URL, a prefix or a wildcard */
    const gw_url *parsed;       /* a URL; else NULL */
    int wildcard;
    ap_conf_vector_t *dir;      /* to be merged over the request's */
    const char *where;
};

/** Per server and virtual host. */
typedef struct gw_server_conf gw_server_conf;
struct gw_server_conf {
    /* while reading */
    apr_array_header_t *rules;      /* gw_route *, file order */
    apr_array_header_t *sections;   /* gw_section * */
    apr_array_header_t *reverse;    /* const gw_reverse_rule *, server level */
    apr_array_header_t *overlays;   /* private to conf: gw_overlay * */
    apr_array_header_t *targets;    /* gateway_target *, of members read here;
                                       never inherited */
    gw_time timeout;                /* GatewayTimeout, GW_UNSET */
    int pass_order;                 /* gw_route_order, GW_UNSET */
    int cap;                        /* GatewayMaxInFlight, 0: Off; GW_UNSET */
    int cap_is_percent;             /* of the server's threads */
    int event_loops;                /* of each child; main server only, as */
    int helpers;                    /* this; GW_UNSET: gw_event_conf.h */
    int own_rules;                  /* the first ones of rules; the others
                                       come from the main server */
    apr_array_header_t *notices;    /* private to conf: for the announcement,
                                       main server only */
    /* after the freeze */
    gw_routes *routes;              /* NULL: no rule here */
    apr_array_header_t *frozen;     /* gw_route *, what routes was built of;
                                       NULL: none of its own */
    apr_hash_t *origins;            /* key -> gw_origin *, main server only */
    const char *pseudonym;          /* in Via, unique to this server */
    /* after gw_limits_cap() */
    int inflight_max;               /* requests that one origin or balancer
                                       may have, 0: no limit */
};

/* httpd's create and merge callbacks. */
void *gw_conf_create_server(apr_pool_t *p, server_rec *s);
void *gw_conf_merge_server(apr_pool_t *p, void *base, void *add);
void *gw_conf_create_dir(apr_pool_t *p, char *path);
void *gw_conf_merge_dir(apr_pool_t *p, void *base, void *add);

/** The configuration of s; never NULL. */
gw_server_conf *gw_conf_of_server(const server_rec *s);
/** What applies to r, sections merged so far; never NULL. */
const gw_dir_conf *gw_conf_of_request(const request_rec *r);

/**
 * Does a <Gateway> section apply to an outgoing URL? A URL applies to its own
 * origin (scheme, host, port, socket) and to paths under its path, ending at
 * a segment border; "http:" and the like compare as prefixes of the text.
 * @param url   the route's
 * @param path  the whole path on the backend, decoded (gw_path_decode),
 *              without query: an escape must not lead past a section
 * @param text  scheme://authority/path, for wildcards and plain prefixes
 */
int gw_section_matches(const gw_section *section, const gw_url *url,
                       const char *path, const char *text);

/**
 * Freeze the configuration of all servers: effective options of each rule
 * (defaults, then the sections and GatewaySet that match its URL in file
 * order, then its own keys), interned origins with their TLS contexts, route
 * tables, pseudonyms. Belongs into the check_config hook, so that
 * "httpd -t", which never reaches post_config, finds the same errors.
 * @return OK or HTTP_INTERNAL_SERVER_ERROR after one clear log line with
 *         file:line
 */
int gw_conf_freeze(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *main);

/**
 * Log what the administrator should know at each start (post_config, second
 * pass): rules that never match, verification switched off, sections without
 * a rule.
 */
void gw_conf_announce(apr_pool_t *ptemp, server_rec *main);

/** Directives; the table ends the module record. */
extern const command_rec gw_cmds[];

#endif
