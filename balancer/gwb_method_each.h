/**
 * gwb_method_each: the built-in methods themselves, each in a file of its own
 * (gwb_method_*.c), for the table in gwb_method.c only. Constants; any thread
 * may use them.
 */
#ifndef GWB_METHOD_EACH_H
#define GWB_METHOD_EACH_H

#include "mod_gateway_balancer.h"

extern const gateway_lbmethod gwb_method_requests;
extern const gateway_lbmethod gwb_method_traffic;
extern const gateway_lbmethod gwb_method_busy;
extern const gateway_lbmethod gwb_method_time;
extern const gateway_lbmethod gwb_method_hash;
extern const gateway_lbmethod gwb_method_random;

#endif
