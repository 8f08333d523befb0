/**
 * gwb_health: passive health of a member: the only writer of the ejection
 * fields of a gwb_record.
 *
 *   USABLE    failures counts those in a row; at `fails` of them -> EJECTED,
 *             unless it is the last usable member
 *   EJECTED   until ejected_until: 1 s doubling to 30 s with each ejection
 *             (or the fixed time of retry=); then -> HALF OPEN
 *   HALF OPEN one request at a time may try it (trial_until bounds the
 *             claim); a success -> USABLE with a slow start, a failure ->
 *             EJECTED for twice as long
 *
 * What was under way when a member was ejected decides nothing: reports that
 * come while it is EJECTED, or HALF OPEN without a claimed trial, change
 * nothing. A member with the flag I (GWB_IGNORE) is always USABLE.
 *
 * Pure but for the record, which many processes share: each change is one
 * compare-and-swap. Any thread; never blocks.
 */
#ifndef GWB_HEALTH_H
#define GWB_HEALTH_H

#include "gwb_record.h"

typedef struct gwb_health_params gwb_health_params;
struct gwb_health_params {
    unsigned fails;             /* in a row until ejection (3) */
    gw_time eject_min;          /* 1 s */
    gw_time eject_max;          /* 30 s */
    gw_time retry_fixed;        /* retry=: this time instead; GW_NEVER: not
                                   set; 0: never ejected */
    gw_time trial_max;          /* how long a trial may hold its claim */
    gw_time slow_start;         /* slowstart=: after an ejection (10 s) */
};

typedef enum {
    GWB_USABLE,
    GWB_EJECTED,
    GWB_HALF_OPEN
} gwb_state;

/** The state now; reads only. */
gwb_state gwb_health_state(const gwb_record *rec, gw_time now);

/** Claim the trial of a half-open member: 1 for exactly one caller until the
 * trial is reported or trial_max is over. */
int gwb_health_claim(gwb_record *rec, const gwb_health_params *params,
                     gw_time now);

/** Could gwb_health_claim() succeed now? Claims nothing. */
int gwb_health_claimable(const gwb_record *rec, gw_time now);

/** The trial ended and told nothing about the member (the client left): the
 * next request may try. */
void gwb_health_release(gwb_record *rec);

/** A response came (whatever its status, unless it counts as a failure).
 * @return 1 when this ended an ejection */
int gwb_health_success(gwb_record *rec, const gwb_health_params *params,
                       gw_time now);

/**
 * An attempt failed. gwb_select_failure() also knows whether it is the last.
 * @param last  it is the last usable member: count, but never eject
 * @return 1 when this ejected it
 */
int gwb_health_failure(gwb_record *rec, const gwb_health_params *params,
                       gw_time now, int last);

/** Usable again at once (administration, forcerecovery, a passed check). */
void gwb_health_clear(gwb_record *rec);

/** Begin a slow start: a member was added, or a check passed again. */
void gwb_health_slow_start(gwb_record *rec, gw_time now);

/** Thousandths of the weight it takes now: 1..1000, below 1000 only in a slow
 * start. */
unsigned gwb_health_share(const gwb_record *rec,
                          const gwb_health_params *params, gw_time now);

#endif
