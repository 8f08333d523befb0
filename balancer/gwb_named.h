/**
 * gwb_named: members out of names: what a GatewayMember with a name asks for,
 * what an answer means, and how it becomes members.
 *
 * The configuration part is called while that is read. Answers are applied by
 * one thread of one process at a time: the parent's at start, later that of
 * the child that gwb_names runs in.
 */
#ifndef GWB_NAMED_H
#define GWB_NAMED_H

#include "gwb_shm.h"

/**
 * dns:// and srv:// are short forms.
 * @param pword  in: the URL of a GatewayMember; out: the one that its target
 *               is read from
 * @return NULL, or one sentence
 */
const char *gwb_named_scheme(apr_pool_t *pool, gwb_member_conf *member,
                             const char **pword);

/** After all its parameters: what DNS is to be asked for.
 * @return NULL, or one sentence */
const char *gwb_named_complete(apr_pool_t *pool, gwb_member_conf *member);

/** A member that a name has. */
typedef struct gwb_place gwb_place;
struct gwb_place {
    const char *url;
    gwb_settings settings;
};

/**
 * What an answer means: gwb_place, in pool. Of SRV records: priorities are
 * lbsets in their order, from the lbset= of the GatewayMember on; weights are
 * load factors, made smaller where one is more than 100.
 */
apr_array_header_t *gwb_named_places(apr_pool_t *pool,
                                     const gwb_member_conf *member,
                                     const gateway_names *answer);

/**
 * Members as the answer has them: new ones are added, those it has no more
 * drain, weights follow. Logged.
 * @param index   of the GatewayMember in balancer->members
 * @param places  gwb_place
 * @param slow    new ones start slowly
 */
void gwb_named_apply(const gateway_balancer *balancer, int index,
                     const apr_array_header_t *places, int slow);

/** Remove members that have drained; in a child. */
void gwb_named_sweep(const gateway_balancer *balancer);

/** Members that a name has now. */
unsigned gwb_named_count(const gateway_balancer *balancer, int index);

#endif
