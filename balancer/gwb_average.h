/**
 * gwb_average: the moving averages of a member's record: what methods compare
 * members by.
 *
 * Reading and writing belong together because the values decay with time.
 * Pure but for the record, which many processes share; all changes are
 * atomic, and what a race loses is a single sample. Any thread.
 */
#ifndef GWB_AVERAGE_H
#define GWB_AVERAGE_H

#include "gwb_record.h"

/** Count bytes (both ways) that an attempt moved. */
void gwb_average_add_traffic(gwb_record *rec, apr_uint64_t bytes,
                             gw_time now);
/** Bytes of late: each counts half after 10 s, a quarter after 20 s, ... */
double gwb_average_traffic(const gwb_record *rec, gw_time now);

/** Count one time to the first byte, > 0. */
void gwb_average_add_ttfb(gwb_record *rec, gw_time ttfb);

#endif
