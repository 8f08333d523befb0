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

/** One choice. */
typedef struct gw_choice gw_choice;
struct gw_choice {
    gw_origin *origin;
    const gw_conn_opts *opts;
    const char *host;           /* Host for it, NULL: the head's */
    const char *prefix;         /* path before the head's target, "" */
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
     * @param pwhy  out, may stay as it is: text for the log when nobody is
     *              chosen
     * @return APR_SUCCESS; APR_EAGAIN wait for the waker or *pdeadline;
     *         APR_NOTFOUND nobody may be used; APR_ENOSPC, APR_TIMEUP the
     *         queue for a free one is full, or the wait in it over
     */
    apr_status_t (*pick)(gw_picker *picker, gw_choice *choice,
                         gw_time *pdeadline, const char **pwhy);
    /** Could pick() choose another one than those tried? NULL: never. */
    int (*others)(gw_picker *picker);
    /** Is this status a reason to try another one? NULL: never. */
    int (*retry_status)(gw_picker *picker, int status);
    /** Last word before a move to another one: takes it from the retry
     * budget, or says 0. NULL: always 0. */
    int (*pay)(gw_picker *picker, gw_fail fail);
    /** An attempt ended; exactly once for each choice. */
    void (*report)(gw_picker *picker, const gw_choice *choice,
                   const gw_attempt_report *report);
    /** The last choice has answered and a tunnel begins, which may last for
     * hours; report() comes at its end. NULL: no matter. */
    void (*opened)(gw_picker *picker);
};

/** Failures after which a move is allowed at all, gw_picker.move_on. */
enum {
    GW_MOVE_CONNECT = 1,        /* name, connect, slot */
    GW_MOVE_TLS = 2,
    GW_MOVE_RESET = 4,          /* no response byte came */
    GW_MOVE_TIMEOUT = 8,        /* no first byte in time */
    GW_MOVE_STATUS = 16         /* retry_status() says which */
};

struct gw_picker {
    const gw_picker_ops *ops;
    int attempts_max;           /* further attempts allowed on others */
    unsigned move_on;           /* GW_MOVE_* */
    int queues;                 /* pick() holds the line of those who wait: a
                                   choice that has no slot left when it is
                                   opened (GW_FAIL_BUSY) is made again */
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
