/**
 * gwb_budget: how many attempts that may have executed a balancer may repeat:
 * as many as 20 % of the requests of the last 10 s, and 100 in any case, so
 * that repeating cannot melt a sick cluster.
 *
 * The counts live in the balancer's head, two windows of 10 s for all
 * children; what is older than the present window counts less the older it is.
 * Atomics only; what a race at the turn of a window loses is a few counts.
 * Any thread.
 */
#ifndef GWB_BUDGET_H
#define GWB_BUDGET_H

#include "gwb_record.h"

#define GWB_BUDGET_WINDOW   GW_SEC(10)
#define GWB_BUDGET_SHARE    5       /* one in so many requests */
#define GWB_BUDGET_BURST    100

/** A request begins. */
void gwb_budget_request(gwb_head *head, gw_time now);

/** May an attempt be repeated? Takes it from the budget when it says 1. */
int gwb_budget_take(gwb_head *head, gw_time now);

#endif
