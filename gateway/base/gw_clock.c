#include "gw_clock.h"

#include <limits.h>
#include <time.h>

static gw_time (*override)(void);

/* 0: not held */
static __thread gw_time held;

gw_time gw_now_unheld(void)
{
    struct timespec ts;

    if (override) {
        return override();
    }
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return GW_SEC(ts.tv_sec) + ts.tv_nsec / 1000;
}

gw_time gw_now(void)
{
    return held ? held : gw_now_unheld();
}

void gw_clock_hold(gw_time now)
{
    held = now;
}

void gw_clock_override(gw_time (*now)(void))
{
    override = now;
}

gw_time gw_deadline(gw_time now, gw_time span)
{
    if (span <= 0 || span >= GW_NEVER - now) {
        return GW_NEVER;
    }
    return now + span;
}

gw_time gw_earlier(gw_time a, gw_time b)
{
    return a < b ? a : b;
}

int gw_poll_ms(gw_time now, gw_time deadline)
{
    gw_time ms;

    if (deadline == GW_NEVER) {
        return -1;
    }
    if (deadline <= now) {
        return 0;
    }
    ms = (deadline - now - 1) / 1000 + 1;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}
