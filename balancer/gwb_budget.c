#include "gwb_budget.h"

/** Begin a new window when the present one is over. */
static void turn(gwb_head *head, gw_time now)
{
    apr_int64_t at = gwb_load(&head->window_at);
    int both = at == 0 || now - at >= 2 * GWB_BUDGET_WINDOW;
    apr_int64_t next = both ? now : at + GWB_BUDGET_WINDOW;

    if (at != 0 && now - at < GWB_BUDGET_WINDOW) {
        return;
    }
    if (!__atomic_compare_exchange_n(&head->window_at, &at, next, 0,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        return;
    }
    gwb_store(&head->requests[1], both ? 0 : gwb_load(&head->requests[0]));
    gwb_store(&head->retries[1], both ? 0 : gwb_load(&head->retries[0]));
    gwb_store(&head->requests[0], 0);
    gwb_store(&head->retries[0], 0);
}

/** The last 10 s: all of this window, and of the last what is in them. */
static apr_uint64_t recent(const gwb_head *head, const apr_uint32_t *counts,
                           gw_time now)
{
    gw_time into = now - gwb_load(&head->window_at);
    gw_time left = into < GWB_BUDGET_WINDOW && into >= 0
                   ? GWB_BUDGET_WINDOW - into : 0;

    return gwb_load(&counts[0])
           + (apr_uint64_t)gwb_load(&counts[1]) * (apr_uint64_t)left
             / GWB_BUDGET_WINDOW;
}

void gwb_budget_request(gwb_head *head, gw_time now)
{
    turn(head, now);
    gwb_add(&head->requests[0], 1);
}

int gwb_budget_take(gwb_head *head, gw_time now)
{
    apr_uint64_t allowed;

    turn(head, now);
    allowed = recent(head, head->requests, now) / GWB_BUDGET_SHARE;
    if (allowed < GWB_BUDGET_BURST) {
        allowed = GWB_BUDGET_BURST;
    }
    gwb_add(&head->retries[0], 1);
    if (recent(head, head->retries, now) <= allowed) {
        return 1;
    }
    __atomic_sub_fetch(&head->retries[0], 1, __ATOMIC_ACQ_REL);
    return 0;
}
