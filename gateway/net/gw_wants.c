#include "gw_wants.h"

#include "gw_clock.h"

void gw_wants_reset(gw_wants *w)
{
    w->nfds = 0;
    w->deadline = GW_NEVER;
    w->wakeup = 0;
}

void gw_wants_fd(gw_wants *w, int fd, int events)
{
    gw_wants_socket(w, fd, 0, events);
}

void gw_wants_socket(gw_wants *w, int fd, apr_uint64_t serial, int events)
{
    int i;

    for (i = 0; i < w->nfds; i++) {
        if (w->fds[i].fd == fd) {
            w->fds[i].events |= events;
            if (serial) {
                w->fds[i].serial = serial;
            }
            return;
        }
    }
    if (w->nfds < GW_WANTS_FDS) {
        w->fds[w->nfds].fd = fd;
        w->fds[w->nfds].events = events;
        w->fds[w->nfds].serial = serial;
        w->nfds++;
    }
}

void gw_wants_until(gw_wants *w, gw_time deadline)
{
    w->deadline = gw_earlier(w->deadline, deadline);
}

int gw_wants_nothing(const gw_wants *w)
{
    return !w->nfds && !w->wakeup && w->deadline == GW_NEVER;
}
