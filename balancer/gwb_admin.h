/**
 * gwb_admin: the administration of balancers at run time: the optional
 * functions of include/mod_gateway_balancer.h.
 *
 * Any thread of a child. Changes are atomic writes into the shared records,
 * without a lock: of two that change the same setting at once the later one
 * counts.
 */
#ifndef GWB_ADMIN_H
#define GWB_ADMIN_H

/** Offer the functions; in register_hooks. */
void gwb_admin_register(void);

#endif
