/**
 * gw_member: mod_gateway's side of balancers: members' URLs become targets,
 * and rules find the provider.
 *
 * A gateway_target is what include/mod_gateway.h promises. Those of the
 * configuration are read in one thread and frozen with the rules; those of
 * run time are made by any thread, complete at once, in a pool of the
 * caller's. Const afterwards.
 */
#ifndef GW_MEMBER_H
#define GW_MEMBER_H

#include "gw_backend.h"
#include "gw_conf.h"
#include "mod_gateway.h"

struct gateway_target {
    const gw_url *url;
    const char *text;           /* the URL for people */
    const char *authority;      /* Host for it */
    const char *where;          /* file:line */
    gw_keys keys;
    /* after the freeze */
    gw_identity identity;
    gw_origin *origin;
    gw_conn_opts conn;
};

/** As gateway_target_new(), but that the caller must tell the child's pool of
 * connections when the target ends. */
gateway_target *gw_member_new(apr_pool_t *pool, const gateway_target *like,
                              const char *text, int named,
                              const char **perr);

/** Offer the functions of targets for configuration; in register_hooks. */
void gw_member_register(void);

/** The balancer module, or NULL when it is not loaded. */
const gateway_balancer_provider *gw_member_provider(void);

/** Does the URL say balancer://? */
int gw_member_is_balancer(const gw_url *url);

/**
 * Hand key=value words of a balancer to the provider.
 * @return NULL, or what is wrong
 */
const char *gw_member_key(cmd_parms *cmd, const gw_url *url,
                          const char *word);

#endif
