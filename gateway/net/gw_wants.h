/**
 * gw_wants: what a machine waits for, and until when.
 *
 * The machine fills a gw_wants in each step that cannot go on; the driver
 * polls and steps again. Owned by the driver, on its stack; one thread.
 */
#ifndef GW_WANTS_H
#define GW_WANTS_H

#include <apr_errno.h>
#include "gw_base.h"
#include "gw_waker.h"

/* One backend and one client side, and room for a tunnel's two. */
#define GW_WANTS_FDS 4

enum {
    GW_WANT_READ = 1,
    GW_WANT_WRITE = 2
};

typedef struct gw_wants gw_wants;
struct gw_wants {
    int nfds;
    struct {
        int fd;
        int events;         /* GW_WANT_* */
        apr_uint64_t serial;    /* of the socket behind fd, 0: not known */
    } fds[GW_WANTS_FDS];
    gw_time deadline;       /* step again at this time at the latest */
    int wakeup;             /* 1: step again when the waker fires */
};

/** Wait for nothing yet. */
void gw_wants_reset(gw_wants *w);
/** Add events for fd; the same fd twice is merged. */
void gw_wants_fd(gw_wants *w, int fd, int events);
/** The same for a socket that may be waited for again later: serial is never
 * given to another socket of the process, so that a driver can tell whether
 * what it registered for fd is still this one. */
void gw_wants_socket(gw_wants *w, int fd, apr_uint64_t serial, int events);
/** Lower the deadline. */
void gw_wants_until(gw_wants *w, gw_time deadline);
/** Nothing at all: a machine that reports this is stuck (a bug). */
int gw_wants_nothing(const gw_wants *w);

#endif
