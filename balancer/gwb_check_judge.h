/**
 * gwb_check_judge: whether what a member answered means that it is well.
 *
 * hcexpr= is evaluated as for a request to this server that the member
 * answered so; without it the status decides, as hcstatus= says. Pure; called
 * by the threads that check, each with its own pool.
 */
#ifndef GWB_CHECK_JUDGE_H
#define GWB_CHECK_JUDGE_H

#include "gwb_check_conf.h"
#include "mod_gateway.h"

/**
 * @param probe  a finished one
 * @param pwhy   out: for the log, what was answered and what is wrong with it
 * @return 1 when it passed
 */
int gwb_check_judge(apr_pool_t *pool, server_rec *s,
                    const gwb_check_params *params,
                    const gateway_probe *probe, const char **pwhy);

#endif
