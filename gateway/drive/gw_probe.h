/**
 * gw_probe: one request of a health check: the same exchange as any other,
 * run in the calling thread, with a client side that keeps a little of the
 * body and drops the rest.
 *
 * Offered to the balancer module as the optional function gateway_probe_run.
 * The thread must be one that may block (httpd's watchdog). A probe opens a
 * connection of its own, so that it tests what a new request meets.
 */
#ifndef GW_PROBE_H
#define GW_PROBE_H

/** Offer the optional function; in register_hooks. */
void gw_probe_register(void);

#endif
