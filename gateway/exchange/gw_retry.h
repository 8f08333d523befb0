/**
 * gw_retry: may a failed attempt be repeated, and where?
 *
 * The only place that decides it, a pure function of what is known when the
 * attempt fails (security.md 78-81). Any thread.
 */
#ifndef GW_RETRY_H
#define GW_RETRY_H

#include "gw_base.h"

typedef enum {
    GW_RETRY_NO,
    GW_RETRY_SAME,          /* same origin, on a fresh connection */
    GW_RETRY_OTHER          /* another member */
} gw_retry_verdict;

typedef struct gw_retry_facts gw_retry_facts;
struct gw_retry_facts {
    gw_fail fail;
    int reused;             /* the connection had served before */
    int sent;               /* a byte of the request may have been sent */
    int answered;           /* any response byte, interim ones too */
    int passed_on;          /* anything of a response reached the client */
    int idempotent;         /* RFC 9110 9.2.2 */
    int body_in_hand;       /* every body byte taken from the client can be
                               sent again */
    int replays;            /* GW_RETRY_SAME verdicts so far */
    int moves;              /* GW_RETRY_OTHER verdicts so far */
    int others;             /* another member is left */
    int moves_max;
    unsigned move_on;       /* GW_MOVE_*: failures that allow a move */
};

/** The verdict for one failed attempt; pure. */
gw_retry_verdict gw_retry_decide(const gw_retry_facts *facts);

#endif
