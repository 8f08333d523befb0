/**
 * gw_h1_stream: gw_stream_ops over one pooled HTTP/1.1 connection.
 *
 * Made by the gw_net of a gw_pool, owned by the attempt that leased it, freed
 * by its release(). malloc'ed. One thread at a time, as gw_stream.h says; the
 * pool and its origin outlive it.
 */
#ifndef GW_H1_STREAM_H
#define GW_H1_STREAM_H

#include "gw_pool.h"
#include "gw_stream.h"

/** A new stream that has done nothing yet; NULL without memory. */
gw_stream *gw_h1_stream_create(gw_pool *pool, const gw_lease *lease);

/** How long a connection may rest after a response: ttl (0: the default) and
 * at most a second less than the backend's Keep-Alive: timeout (in seconds,
 * -1: not said). 0: not at all. */
gw_time gw_h1_stream_idle_time(gw_time ttl, int keepalive);

#endif
