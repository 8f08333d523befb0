/**
 * gwb_serve: the balancer's side of a request: session, choice, queue, report,
 * cookie, what the logs are told. It is the provider that mod_gateway finds
 * (include/mod_gateway.h says who may call what when).
 */
#ifndef GWB_SERVE_H
#define GWB_SERVE_H

#include "mod_gateway.h"

/** The provider; registered by mod_gateway_balancer.c. */
extern const gateway_balancer_provider gwb_provider;

#endif
