/**
 * gwb_method: the balancing methods that come with the balancer, by name.
 *
 * A constant table and pure functions; any thread. mod_gateway_balancer.c
 * registers each entry as a provider of GATEWAY_LBMETHOD_GROUP, where other
 * modules add theirs.
 *
 *   byrequests  turns by weight
 *   bytraffic   fewest bytes of late by weight, of two drawn by weight
 *   bybusyness  fewest in flight by weight, of two drawn by weight
 *   leasttime   least time to the first byte * (in flight + 1) / weight,
 *               of two drawn by weight
 *   hash        a key's own member, the same on every machine
 *   random      drawn by weight
 */
#ifndef GWB_METHOD_H
#define GWB_METHOD_H

#include <apr.h>

#include "mod_gateway_balancer.h"

typedef struct gwb_method gwb_method;
struct gwb_method {
    const char *name;           /* as lbmethod= takes it */
    const gateway_lbmethod *ops;
};

/** All of them; the last has no name. */
extern const gwb_method gwb_methods[];

/** A built-in method, or NULL. */
const gateway_lbmethod *gwb_method_find(const char *name);

/** Hash of bytes, the same on every machine: for members' names and requests'
 * keys. Not secret: whoever knows a key knows its member. */
apr_uint64_t gwb_hash(const void *bytes, apr_size_t len);

#endif
