/**
 * gwb_keys: the key=value parameters of balancers and members.
 *
 * Called while the configuration is read, in one thread. Every error is one
 * sentence for the administrator, in the command's pool.
 */
#ifndef GWB_KEYS_H
#define GWB_KEYS_H

#include "gwb_conf.h"

/**
 * Read one parameter of a balancer. The same one may come again from another
 * place, but only with the same value.
 * @return NULL, or what is wrong
 */
const char *gwb_keys_balancer(cmd_parms *cmd, gateway_balancer *balancer,
                              const char *word);

/**
 * Read one parameter of a member: the balancer's business, or that of its
 * connections.
 * @return NULL, or what is wrong
 */
const char *gwb_keys_member(cmd_parms *cmd, gwb_member_conf *member,
                            const char *word);

/**
 * Set one of the settings that can also change at run time: loadfactor,
 * lbset, route, redirect, status.
 * @param pmine  out: 0 when name is none of these
 * @return NULL, or what is wrong
 */
const char *gwb_keys_setting(apr_pool_t *pool, gwb_settings *settings,
                             const char *name, const char *value, int *pmine);

/** Settings of a member that nothing was said about. */
void gwb_keys_settings_init(gwb_settings *settings);

#endif
