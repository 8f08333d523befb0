/**
 * gw_conf_private: what the directives leave for the freeze.
 *
 * Private to gateway/conf. Written while httpd reads its configuration and
 * marked during the freeze, all in one thread.
 */
#ifndef GW_CONF_PRIVATE_H
#define GW_CONF_PRIVATE_H

#include "gw_conf.h"

/**
 * A GatewayPass as written. Its route comes first: gw_server_conf.rules
 * points to that, and the freeze goes from there to the keys.
 */
typedef struct gw_rule gw_rule;
struct gw_rule {
    gw_route route;
    gw_keys keys;
    int implies;                /* route.implied is filled in */
};

/**
 * Keys and GatewaySSL* that one <Gateway url> section, or one "GatewaySet
 * url", lays over the rules whose URL it matches.
 */
typedef struct gw_overlay gw_overlay;
struct gw_overlay {
    const gw_section *section;  /* which URLs; its dir only with <Gateway> */
    const gw_keys *keys;
    const gw_ssl_conf *ssl;     /* NULL: none */
    int used;                   /* a rule matched (set by the freeze) */
};

/** GatewayPass, GatewayPassMatch (info: any), GatewayPassReverse. */
const char *gw_cmd_pass(cmd_parms *cmd, void *mconfig, const char *args);
const char *gw_cmd_pass_reverse(cmd_parms *cmd, void *mconfig,
                                const char *args);

/** <Gateway url> and GatewaySet. */
const char *gw_cmd_section(cmd_parms *cmd, void *mconfig, const char *args);
const char *gw_cmd_set(cmd_parms *cmd, void *mconfig, const char *args);

/** A name that is not built yet; info: what to do instead. */
const char *gw_cmd_later(cmd_parms *cmd, void *mconfig, const char *args);

#endif
