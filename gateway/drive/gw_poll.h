/**
 * gw_poll: waiting in the calling thread for what a machine wants: poll(2)
 * and a waker that is an eventfd.
 *
 * For drivers whose thread may block. Belongs to that thread; wake() is called
 * by any thread. When another driver goes on with the machine, wake-ups are
 * diverted to it.
 */
#ifndef GW_POLL_H
#define GW_POLL_H

#include "gw_wants.h"

typedef struct gw_poll gw_poll;
struct gw_poll {
    gw_waker waker;         /* first */
    int half;               /* a client that ended its side only does not end
                               the wait */
    int fd;                 /* made when something first needs to wait */
    void (*divert)(void *baton);    /* atomic; NULL: wake the thread */
    void *baton;            /* const once divert is set */
};

/** No eventfd yet. */
void gw_poll_init(gw_poll *p);
/** Nothing may be registered with the waker any more. */
void gw_poll_close(gw_poll *p);

/** From now on wake() calls divert, in any thread. What was woken before and
 * not seen is lost: the new driver has to step once. */
void gw_poll_divert(gw_poll *p, void (*divert)(void *baton), void *baton);

/**
 * Wait for the wants.
 * @param client_fd  the client's socket among them, or -1: a half-closed one
 *                   ends the wait as well
 * @return poll's revents of client_fd, 0 when it was something else
 */
int gw_poll_wait(gw_poll *p, const gw_wants *w, int client_fd);

#endif
