/**
 * gwb_report: what an attempt says about its member: health, averages and
 * counters.
 *
 * Called once for each attempt by the thread that drives the request; the
 * record is shared memory, changed with atomics.
 */
#ifndef GWB_REPORT_H
#define GWB_REPORT_H

#include "gwb_group.h"

/** What an attempt says about the member's health. */
typedef enum {
    GWB_SAYS_NOTHING,           /* the client left, a dead kept connection */
    GWB_SAYS_WELL,
    GWB_SAYS_SICK,              /* counts until `fails` in a row */
    GWB_SAYS_OUT                /* failonstatus=, failontimeout=: at once */
} gwb_says;

/** The verdict on one attempt; pure. */
gwb_says gwb_report_says(const gwb_params *params,
                         const gateway_attempt *attempt);

/** Is the failure one of the connection, after which nothing can have
 * executed? Such attempts are free. Pure. */
int gwb_report_is_free(gw_fail fail);

/**
 * Write it into the member's record.
 * @param index  of the member in the view's table
 * @param trial  the attempt was the trial of a half-open member
 */
void gwb_report(request_rec *r, gwb_view *view, unsigned index, int trial,
                const gateway_attempt *attempt);

/** The member has answered an attempt that goes on. */
void gwb_report_opened(request_rec *r, gwb_view *view, unsigned index);

#endif
