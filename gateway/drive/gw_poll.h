/**
 * gw_poll: waiting in the calling thread for what a machine wants: poll(2)
 * and a waker that is an eventfd.
 *
 * For drivers whose thread may block. Lives on that thread's stack; wake() is
 * called by any thread.
 */
#ifndef GW_POLL_H
#define GW_POLL_H

#include "gw_wants.h"

typedef struct gw_poll gw_poll;
struct gw_poll {
    gw_waker waker;         /* first */
    int fd;                 /* made when something first needs to wait */
};

/** No eventfd yet. */
void gw_poll_init(gw_poll *p);
/** Nothing may be registered with the waker any more. */
void gw_poll_close(gw_poll *p);

/**
 * Wait for the wants.
 * @param client_fd  the client's socket among them, or -1: a half-closed one
 *                   ends the wait as well
 * @return poll's revents of client_fd, 0 when it was something else
 */
int gw_poll_wait(gw_poll *p, const gw_wants *w, int client_fd);

#endif
