/**
 * gw_confirm: getaddrinfo(3) for names that DNS does not know, on helper
 * threads, so that nsswitch sources (mDNS, NIS, sssd ...) count too.
 *
 * getaddrinfo blocks for as long as a source likes and cannot be interrupted.
 * So its threads are detached, few, and touch nothing but their job and the
 * refcounted gw_confirm, both malloc'ed: one that hangs stays behind at the
 * end of the child without harm.
 *
 * Owned by gw_resolve; start, take and destroy are for its thread only.
 */
#ifndef GW_CONFIRM_H
#define GW_CONFIRM_H

#include "gw_addrset.h"

/** Names asked for at once; further ones wait for a free thread. */
#define GW_CONFIRM_MAX 4

typedef struct gw_confirm gw_confirm;

/**
 * @param notify  called by a helper when there is something to take, never
 *                after gw_confirm_destroy(); it must only signal
 */
apr_status_t gw_confirm_create(void (*notify)(void *baton), void *baton,
                               gw_confirm **pconfirm);

/**
 * Ask for name.
 * @param tag  handed back by gw_confirm_take()
 * @return APR_SUCCESS, APR_EAGAIN all threads are busy, or why no thread
 *         could be started
 */
apr_status_t gw_confirm_start(gw_confirm *confirm, const char *name,
                              void *tag);

/**
 * A finished name, if any.
 * @param pset  out: its addresses, a reference for the caller; NULL when
 *              getaddrinfo has none either
 * @return 1, or 0 when none is finished
 */
int gw_confirm_take(gw_confirm *confirm, void **ptag, gw_addrset **pset);

/**
 * Forget all names. Waits for running threads at most patience.
 * @return how many are still running
 */
int gw_confirm_destroy(gw_confirm **pconfirm, gw_time patience);

#endif
