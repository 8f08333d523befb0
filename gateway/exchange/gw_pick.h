/**
 * gw_pick: the port to whoever chooses the backend of an attempt.
 *
 * A picker belongs to one exchange and is called by the thread that steps
 * it; what it reads behind that (a balancer's members) is its own business.
 * The built-in one knows a single origin.
 */
#ifndef GW_PICK_H
#define GW_PICK_H

#include "gw_origin.h"
#include "gw_wants.h"

typedef struct gw_picker gw_picker;
typedef struct gw_picker_ops gw_picker_ops;

/** One choice; member is the picker's own handle. */
typedef struct gw_choice gw_choice;
struct gw_choice {
    gw_origin *origin;
    const gw_conn_opts *opts;
    void *member;
};

/** How an attempt went, for the picker's health and counters. */
typedef struct gw_attempt_report gw_attempt_report;
struct gw_attempt_report {
    gw_fail fail;               /* GW_OK: a final response came whole */
    int status;                 /* of the response, 0 when none */
    int reused;                 /* a dead keep-alive connection is no fault
                                   of the member */
    gw_time connect_time;
    gw_time ttfb;
    apr_off_t sent, received;
};

struct gw_picker_ops {
    /**
     * Choose for the next attempt; never one already tried while others are
     * left.
     * @return APR_SUCCESS; APR_EAGAIN wait for the waker or *pdeadline;
     *         APR_NOTFOUND nobody may be used
     */
    apr_status_t (*pick)(gw_picker *picker, gw_choice *choice,
                         gw_time *pdeadline);
    /** An attempt ended; exactly once for each choice. */
    void (*report)(gw_picker *picker, const gw_choice *choice,
                   const gw_attempt_report *report);
};

struct gw_picker {
    const gw_picker_ops *ops;
    int others;         /* another member than those tried could be picked */
    int attempts_max;   /* further attempts allowed on other members */
};

/** The picker of a single origin; borrows both. */
typedef struct gw_pick_single gw_pick_single;
struct gw_pick_single {
    gw_picker base;
    gw_choice choice;
};

/** Make single a picker that always chooses origin. */
void gw_pick_single_init(gw_pick_single *single, gw_origin *origin,
                         const gw_conn_opts *opts);

#endif
