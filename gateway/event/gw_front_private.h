/**
 * gw_front_private: the inside of gw_front, shared by its two files:
 * gw_front.c (adoption, requests) and gw_front_close.c (the end).
 *
 * Nobody else includes it. Loop thread, unless it says otherwise.
 */
#ifndef GW_FRONT_PRIVATE_H
#define GW_FRONT_PRIVATE_H

#include "gw_front.h"

#define gw_front_of_job(j) \
    ((gw_front *)((char *)(j) - offsetof(gw_front, job)))

/** The only writer of the state. */
void gw_front_transit(gw_front *f, gw_front_state to, const char *why);

/** Nothing of f is under way in this thread: its slot of the scoreboard, which
 * it shares with others, shows a request only while one runs. */
void gw_front_rest_slot(gw_front *f);

/** Give the connection to a helper thread. */
void gw_front_ask_helper(gw_front *f, gw_help help, const char *why);

/** Into the engine's list; the worker, last of all before the post. */
void gw_front_enlist(gw_front *f);

/** Close as RFC 9112 9.6 asks for: send what waits, shut, read the rest. */
void gw_front_close(gw_front *f, const char *why);

/** The same between requests, where nothing is on its way: as httpd, without
 * much patience. */
void gw_front_close_idle(gw_front *f, const char *why);

/** Close at once: nobody is there to be told. */
void gw_front_close_now(gw_front *f, const char *why);

/** A step of CLOSE, LINGER, GRAVE. */
int gw_front_step_close(gw_front *f);

#endif
