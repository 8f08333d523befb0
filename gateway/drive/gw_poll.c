#include "gw_poll.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gw_clock.h"

static apr_status_t waker_arm(gw_waker *waker)
{
    gw_poll *p = (gw_poll *)waker;

    if (p->divert) {
        return APR_SUCCESS;
    }
    if (p->fd < 0) {
        p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    return p->fd < 0 ? errno : APR_SUCCESS;
}

static void waker_wake(gw_waker *waker)
{
    gw_poll *p = (gw_poll *)waker;
    void (*divert)(void *) = __atomic_load_n(&p->divert, __ATOMIC_ACQUIRE);

    if (divert) {
        divert(p->baton);
        return;
    }
    /* It can fail only when the counter is full: then it is readable. */
    (void)eventfd_write(p->fd, 1);
}

static void waker_reset(gw_poll *p)
{
    eventfd_t value;

    (void)eventfd_read(p->fd, &value);
}

void gw_poll_init(gw_poll *p)
{
    p->waker.arm = waker_arm;
    p->waker.wake = waker_wake;
    p->half = 0;
    p->fd = -1;
    p->divert = NULL;
}

void gw_poll_divert(gw_poll *p, void (*divert)(void *baton), void *baton)
{
    p->baton = baton;
    __atomic_store_n(&p->divert, divert, __ATOMIC_RELEASE);
}

void gw_poll_close(gw_poll *p)
{
    if (p->fd >= 0) {
        close(p->fd);
    }
}

static short poll_events(int events)
{
    return (short)((events & GW_WANT_READ ? POLLIN : 0)
                   | (events & GW_WANT_WRITE ? POLLOUT : 0));
}

int gw_poll_wait(gw_poll *p, const gw_wants *w, int client_fd)
{
    struct pollfd fds[GW_WANTS_FDS + 1];
    int client_events = 0;
    nfds_t n = 0;
    int i;

    for (i = 0; i < w->nfds; i++, n++) {
        fds[n].fd = w->fds[i].fd;
        fds[n].events = poll_events(w->fds[i].events);
        fds[n].revents = 0;
        if (fds[n].fd == client_fd && !p->half) {
            fds[n].events |= POLLRDHUP;
        }
    }
    if (w->wakeup && p->fd >= 0) {
        fds[n].fd = p->fd;
        fds[n].events = POLLIN;
        fds[n++].revents = 0;
    }
    if (poll(fds, n, gw_poll_ms(gw_now(), w->deadline)) <= 0) {
        return 0;
    }
    while (n--) {
        if (fds[n].fd == client_fd) {
            client_events = fds[n].revents;
        }
        else if (fds[n].fd == p->fd && fds[n].revents) {
            waker_reset(p);
        }
    }
    return client_events;
}
