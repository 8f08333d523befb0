/**
 * gw_status: what loops, helpers and lanes do, in mod_status.
 *
 * Each child has a row in a table that all processes share (gw_tally); the
 * engine writes to it as things happen, each loop's share of time about every
 * second. Whoever is asked for the status page adds up all rows, draining
 * children included.
 *
 * Requests of adopted connections are counted in a slot of the scoreboard that
 * the loop or helper has: a loop's here, a helper's by httpd itself, or here
 * where the worker that handed a connection over may still write to c->sbh.
 */
#ifndef GW_STATUS_H
#define GW_STATUS_H

#include <httpd.h>

#include "gw_engine.h"
#include "gw_tally.h"

/** In register_hooks. */
void gw_status_register(void);

/** In post_config of the parent: make the table, or find the one of before
 * the restart. Trouble is logged. */
void gw_status_share(server_rec *s);

/** In child_init, before gw_engine_start(): this child's row. */
void gw_status_child_init(server_rec *s);

/** This child's row; one that nobody sees where there is none. Never NULL,
 * any thread. */
gw_tally_row *gw_status_row(void);

/** A request that was suspended, or whose hooks another thread ran, is about
 * to end here: httpd's clock for it began in another slot. The loop or helper
 * that owns the connection. */
void gw_status_end(const gw_front *front, request_rec *r);

/** In the tick of a station. */
void gw_status_tick(gw_station *station);

/** A connection was not adopted since all helpers are busy: says so, once in
 * a while, if that is more than a moment. Any thread. */
void gw_status_full(gw_engine *engine, const conn_rec *c);

#endif
