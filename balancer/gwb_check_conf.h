/**
 * gwb_check_conf: what the configuration says about active health checks:
 * the hc* parameters of a member, templates and named conditions.
 *
 * Filled while httpd reads its configuration (one thread, pconf), const after
 * gwb_check_complete(). Who runs the checks finds everything here.
 */
#ifndef GWB_CHECK_CONF_H
#define GWB_CHECK_CONF_H

#include <httpd.h>
#include <http_config.h>

#include <ap_expr.h>
#include <apr_hash.h>
#include <apr_tables.h>

#include "gwb_value.h"

typedef enum {
    GWB_CHECK_UNSET = -1,
    GWB_CHECK_NONE,
    GWB_CHECK_TCP,
    GWB_CHECK_OPTIONS,
    GWB_CHECK_HEAD,
    GWB_CHECK_GET
} gwb_check_method;

/** Parameters of one member's checks. While they are read GWB_CHECK_UNSET,
 * -1 and NULL mean "not set". */
typedef struct gwb_check_params gwb_check_params;
struct gwb_check_params {
    gwb_check_method method;
    int minor;                  /* HTTP/1.minor */
    gw_time interval;
    gw_time timeout;            /* of one check */
    int passes;                 /* in a row until it is used again */
    int fails;                  /* in a row until it is not used */
    const char *uri;            /* added to the member's URL, NULL: "" */
    const char *host;           /* Host field, NULL: the member's */
    int port;                   /* 0: the member's */
    apr_array_header_t *headers;    /* const char *, name, value, ...; NULL */
    gwb_codes status;           /* that pass, none: any 2xx and 3xx */
    const char *expr_name;      /* of a GatewayHCExpr */
    const char *template_name;
    const char *where;          /* of the parameter that came first */
    /* after gwb_check_complete() */
    const ap_expr_info_t *expr; /* NULL: status decides */
};

/** Per server: GatewayHCExpr, GatewayHCTemplate, GatewayHCTPsize. */
typedef struct gwb_check_conf gwb_check_conf;
struct gwb_check_conf {
    apr_hash_t *exprs;          /* name -> ap_expr_info_t */
    apr_hash_t *templates;      /* name -> gwb_check_params */
    int concurrent;             /* GatewayHCTPsize, GWB_CHECK_UNSET: 16 */
};

#define GWB_CHECK_INTERVAL_DEFAULT  GW_SEC(30)
#define GWB_CHECK_TIMEOUT_DEFAULT   GW_SEC(5)
#define GWB_CHECK_CONCURRENT_DEFAULT 16
/** r->notes of the request that a condition is evaluated for: the body that
 * hc('body') gives. */
#define GWB_CHECK_BODY_NOTE "gateway-hc-body"

/** All unset. */
void gwb_check_params_init(gwb_check_params *params);
void gwb_check_conf_init(gwb_check_conf *conf, apr_pool_t *pool);

/**
 * Read one hc*=value.
 * @param pmine  out: 0 when the name is none of these
 * @return NULL, or what is wrong
 */
const char *gwb_check_key(cmd_parms *cmd, gwb_check_params *params,
                          const char *name, const char *value, int *pmine);

/** Names of the parameters; ends with NULL. */
extern const char *const gwb_check_keys[];

/**
 * Fill what is unset from the template and the defaults, find the condition.
 * Those of the main server are seen, too.
 * @param conf, base  of the member's server and of the main server
 * @return NULL, or what is wrong
 */
const char *gwb_check_complete(apr_pool_t *pool, gwb_check_params *params,
                               const gwb_check_conf *conf,
                               const gwb_check_conf *base);

/** Is anything checked at all? After gwb_check_complete(). */
int gwb_check_wanted(const gwb_check_params *params);

/** The directives. */
const char *gwb_check_cmd_expr(cmd_parms *cmd, void *mconfig,
                               const char *args);
const char *gwb_check_cmd_template(cmd_parms *cmd, void *mconfig,
                                   const char *args);
const char *gwb_check_cmd_tpsize(cmd_parms *cmd, void *mconfig,
                                 const char *arg);

#endif
