/**
 * gwb_check_rules: when a member is checked, and what results in a row mean.
 *
 * The only writer of the check_* fields of a gwb_record. `fails` failed checks
 * in a row take a member out of use; `passes` good ones in a row bring it back
 * with a slow start, and end an ejection that was there before them: what the
 * requests found out later than a check counts more than the check.
 *
 * Pure but for the record; called by the one child that checks, for one
 * member by one thread at a time.
 */
#ifndef GWB_CHECK_RULES_H
#define GWB_CHECK_RULES_H

#include "gwb_health.h"

/** A member that is down is checked this often at least. */
#define GWB_CHECK_DOWN_INTERVAL GW_SEC(5)

/** What a check changed. */
typedef enum {
    GWB_CHECK_SAME,
    GWB_CHECK_WENT_DOWN,
    GWB_CHECK_CAME_UP,
    GWB_CHECK_CLEARED       /* an ejection by requests was ended */
} gwb_check_change;

/** How one check went. */
typedef struct gwb_check_result gwb_check_result;
struct gwb_check_result {
    int passed;
    int status;             /* HTTP status, 0: none */
    gw_time now;            /* its end */
};

/** Is it out of use, by checks or by requests? */
int gwb_check_is_down(const gwb_record *rec);

/** From the begin of one check to that of the next: the interval, give or
 * take a tenth, so that the checks of several gateways do not march in
 * step. */
gw_time gwb_check_pause(gw_time interval, int down, apr_uint64_t random);

/** When a member is checked first by a process that has just begun to check:
 * as its predecessor would have done, at the latest within a second. */
gw_time gwb_check_first(const gwb_record *rec, gw_time interval, gw_time now,
                        apr_uint64_t random);

/**
 * A check begins.
 * @param pseen  in, out: the ejection that earlier checks saw, 0 at first;
 *               kept by the caller for each member
 */
void gwb_check_begin(gwb_record *rec, gw_time *pseen);

/**
 * A check ended.
 * @param passes, fails  in a row, 1 or more
 * @param seen           as gwb_check_begin() left it
 */
gwb_check_change gwb_check_count(gwb_record *rec, int passes, int fails,
                                 gw_time seen,
                                 const gwb_check_result *result);

#endif
