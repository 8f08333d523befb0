/**
 * gwb_admin: the administration of balancers at run time: the optional
 * functions of include/mod_gateway_balancer.h.
 *
 * Any thread of a child, unless said otherwise. Changes are atomic writes
 * into the shared records, without a lock: of two that change the same setting
 * at once the later one counts.
 */
#ifndef GWB_ADMIN_H
#define GWB_ADMIN_H

#include "gwb_group.h"

/** Offer the functions; in register_hooks. */
void gwb_admin_register(void);

/* What a change is made of, for gwb_named. */

/** A claimed slot gets a new member; nothing is left of who had it before.
 * The parent may call this too. */
void gwb_admin_reset(gwb_shm *shm, gwb_slot *slot, const char *url);

/** Only what differs between old and new, so that another change of another
 * setting stays. */
void gwb_admin_store(gwb_record *rec, const gwb_settings *old,
                     const gwb_settings *new);

/** Requests in flight to the member of a slot in all children.
 * @param pmax  out: its max=, 0: none */
unsigned gwb_admin_busy(const gwb_view *view, const gwb_slot *slot,
                        unsigned *pmax);

#endif
