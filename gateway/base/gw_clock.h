/**
 * gw_clock: the monotonic clock and deadlines.
 *
 * A deadline is a gw_time on this clock, or GW_NEVER. The wall clock is never
 * used for waiting: it jumps. Any thread; no state but the test override,
 * which unit tests set before they start and no one else touches, and the time
 * at which a thread holds its own clock.
 */
#ifndef GW_CLOCK_H
#define GW_CLOCK_H

#include "gw_base.h"

/** Now, in microseconds since an arbitrary start. */
gw_time gw_now(void);

/**
 * Hold the clock of the calling thread at now, until it is let go with 0: for
 * a piece of work that is short and asks often.
 */
void gw_clock_hold(gw_time now);

/** gw_now() of a clock that is not held: for who waits for time to pass. */
gw_time gw_now_unheld(void);

/** Replace the clock (unit tests); NULL puts the real one back. */
void gw_clock_override(gw_time (*now)(void));

/** now + span, saturating; span GW_NEVER or <= 0 gives GW_NEVER. */
gw_time gw_deadline(gw_time now, gw_time span);

/** The earlier of two deadlines. */
gw_time gw_earlier(gw_time a, gw_time b);

/** Milliseconds until deadline for poll(2): -1 for GW_NEVER, rounded up. */
int gw_poll_ms(gw_time now, gw_time deadline);

#endif
