/**
 * gw_lookup: gateway_names_lookup() of include/mod_gateway.h: gw_ask for other
 * modules.
 *
 * It has no state; called by any thread of theirs that may block.
 */
#ifndef GW_LOOKUP_H
#define GW_LOOKUP_H

/** Offer gateway_names_lookup(); in register_hooks. */
void gw_lookup_register(void);

#endif
