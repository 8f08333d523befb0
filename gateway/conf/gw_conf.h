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

#include "gw_routes.h"

#define GW_UNSET (-1)

/** key=value parameters as written; unset ones are GW_UNSET. */
typedef struct gw_keys gw_keys;
struct gw_keys {
    gw_time timeout;            /* timeout= */
    gw_time connect_timeout;    /* connectiontimeout= */
    gw_time ttl;                /* ttl= */
    int maxperchild;
    int disablereuse;           /* disablereuse=, enablereuse= */
    int keepalive;
    int retry;                  /* accepted; no effect on a single origin */
    int reverse;                /* reverse=on|off */
    const char *sni;            /* NULL: unset */
    const char *verifyname;     /* NULL: unset */
};

/** GatewaySSL*; NULL or GW_UNSET: unset. */
typedef struct gw_ssl_conf gw_ssl_conf;
struct gw_ssl_conf {
    int verify;                 /* 1 require, 0 none */
    const char *ca_file;
    const char *ca_path;
    const char *verify_where;   /* file:line of GatewaySSLVerify */
};

/** Per directory: <Location>, <Gateway>, and the server's default. */
typedef struct gw_dir_conf gw_dir_conf;
struct gw_dir_conf {
    int preserve_host;
    int add_headers;
    int unsafe_path;            /* 1: GatewayUnsafePath allow */
    apr_array_header_t *reverse;    /* const gw_reverse_rule *, inner first */
    gw_keys keys;               /* <Gateway> and GatewaySet only */
    gw_ssl_conf ssl;            /* server default and <Gateway> only */
};

/** One <Gateway url> section. */
typedef struct gw_section gw_section;
struct gw_section {
    const char *url;            /* as written: a prefix, or a wildcard */
    int wildcard;
    ap_conf_vector_t *dir;
    const char *where;
};

/** Per server and virtual host. */
typedef struct gw_server_conf gw_server_conf;
struct gw_server_conf {
    /* while reading */
    apr_array_header_t *rules;      /* gw_route *, file order */
    apr_array_header_t *sections;   /* gw_section * */
    apr_array_header_t *reverse;    /* const gw_reverse_rule *, server level */
    apr_array_header_t *sets;       /* GatewaySet url: private to gw_cmds */
    gw_time timeout;                /* GatewayTimeout, GW_UNSET */
    int pass_order;                 /* gw_route_order, GW_UNSET */
    /* after the freeze */
    gw_routes *routes;              /* NULL: no rule here */
    const char *pseudonym;          /* in Via, unique to this server */
};

/* httpd's create and merge callbacks. */
void *gw_conf_create_server(apr_pool_t *p, server_rec *s);
void *gw_conf_merge_server(apr_pool_t *p, void *base, void *add);
void *gw_conf_create_dir(apr_pool_t *p, char *path);
void *gw_conf_merge_dir(apr_pool_t *p, void *base, void *add);

gw_server_conf *gw_conf_of_server(const server_rec *s);
const gw_dir_conf *gw_conf_of_request(const request_rec *r);

/**
 * Freeze the configuration of all servers: effective options of each rule
 * (defaults, then the sections and GatewaySet that match its URL in file
 * order, then its own keys), interned origins with their TLS contexts, route
 * tables, pseudonyms; start-up notices (rules that never match, verification
 * switched off). @return OK or HTTP_INTERNAL_SERVER_ERROR after one clear
 * log line with file:line
 */
int gw_conf_freeze(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *main);

/** Directives; the table ends the module record. */
extern const command_rec gw_cmds[];

#endif
