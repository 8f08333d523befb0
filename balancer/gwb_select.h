/**
 * gwb_select: which member gets the next attempt of a request.
 *
 * In this order: the sticky member (or the one its redirect names) when it
 * may be used; then lbset 0 upwards: in a set the normal members and as many
 * spares as normal ones are unusable (draining ones count), then the
 * standbys; then the next set. Among candidates the method picks. A half-open
 * member is a candidate for whoever can claim its trial. When everybody is
 * ejected and forcerecovery is on, the ejections are cleared and it is tried
 * once more. A member at its max is skipped but not sick; when only full ones
 * are left the request waits.
 *
 * For one request, a member that it tried counts as unusable: a spare or a
 * standby may take its place. A full one does not: it works, so that neither
 * takes its place, only a higher lbset does. A session waits for its member
 * when that is full; who cannot wait any longer may ask again without the
 * route (unless nofailover is set).
 *
 * Pure over a gwb_table and its records; no httpd, no blocking; any thread.
 */
#ifndef GWB_SELECT_H
#define GWB_SELECT_H

#include "gwb_health.h"
#include "gwb_table.h"

typedef struct gwb_select_params gwb_select_params;
struct gwb_select_params {
    const gwb_health_params *health;    /* of members without their own */
    int force_recovery;
    int no_failover;            /* nofailover= */
    /** In flight to a target in all children, and its max (0: none). */
    unsigned (*busy)(const gateway_target *target, unsigned *pmax);
};

/** One request. tried grows with each pick; ids, because the table may be
 * another one each time. */
typedef struct gwb_want gwb_want;
struct gwb_want {
    const char *route;          /* sticky route, or NULL */
    int sticky_id;              /* member of our own cookie, -1: none */
    int has_key;
    apr_uint64_t key;
    apr_uint64_t random;
    gw_time now;
    const apr_uint32_t *tried;  /* ids tried before */
    unsigned ntried;
};

typedef enum {
    GWB_PICKED,
    GWB_ALL_FULL,               /* wait: usable ones exist, all at max */
    GWB_NOBODY
} gwb_verdict;

typedef struct gwb_pick gwb_pick;
struct gwb_pick {
    gwb_verdict verdict;
    unsigned index;             /* in the table, with GWB_PICKED */
    int trial;                  /* it is the trial of a half-open member */
    int route_changed;          /* a sticky request went elsewhere, redirect
                                   included. BALANCER_ROUTE_CHANGED is also
                                   set, by the caller, for a request without
                                   a session in a sticky balancer */
};

/** Choose; reads records, but for the trial that it claims. */
gwb_pick gwb_select(const gwb_table *table, const gwb_select_params *params,
                    const gwb_want *want);

/** Members beyond this many are not counted by gwb_select_left(): whoever
 * asks wants to know whether there is another one. */
#define GWB_LEFT_MAX 2

/** How many members could be picked now (not tried, usable, not full), up to
 * GWB_LEFT_MAX. Claims nothing. */
unsigned gwb_select_left(const gwb_table *table,
                         const gwb_select_params *params,
                         const gwb_want *want);

/** Is index the only usable member, whatever was tried? */
int gwb_select_is_last(const gwb_table *table,
                       const gwb_select_params *params, unsigned index,
                       gw_time now);

/**
 * An attempt on a member failed: gwb_health_failure() with params->health,
 * even when the member has its own, and never the last usable one is ejected,
 * not even when the last ones fail at once in several threads.
 * @return 1 when this ejected it
 */
int gwb_select_failure(const gwb_table *table,
                       const gwb_select_params *params, unsigned index,
                       gw_time now);

#endif
