/**
 * gwb_check_run: one check of one member: ask, judge, count, log.
 *
 * A gwb_check is handed back and forth between the duty's thread, whose it is
 * while busy is 0, and the thread of the crew that runs it.
 */
#ifndef GWB_CHECK_RUN_H
#define GWB_CHECK_RUN_H

#include "gwb_crew.h"
#include "gwb_group.h"

typedef struct gwb_check gwb_check;
struct gwb_check {
    gwb_job job;                /* first */
    gwb_check *next;            /* of its balancer, by id */
    gwb_group *group;
    apr_uint32_t id;            /* of the member */
    int gone;                   /* there is no such member any more */
    gw_time due;
    gw_time seen;               /* see gwb_check_begin() */
    int busy;                   /* atomic */
};

/** A member's check that has not run yet. */
void gwb_check_init(gwb_check *check, gwb_group *group, apr_uint32_t id);

/** Its parameters; those of a similar member of the configuration for one
 * that was added at run time. */
const gwb_check_params *gwb_check_params_of(const gwb_view *view,
                                            unsigned index);

/** Say when it is due first. */
void gwb_check_schedule(gwb_check *check, const gwb_record *rec,
                        const gwb_check_params *params, gw_time now);

/** Run it; see gwb_crew_create(). */
void gwb_check_run(gwb_crew *crew, gwb_job *job);

#endif
