/**
 * gw_waker: how another thread or process ends the wait of a machine.
 *
 * Given by the driver to what may finish elsewhere (a name lookup, a
 * connection slot, a place in a queue). arm() is called by the driving thread
 * before it registers; wake() by any thread, any number of times, from then
 * until the registration is cancelled, under locks that are leaves: it must
 * only signal.
 */
#ifndef GW_WAKER_H
#define GW_WAKER_H

#include <apr_errno.h>

typedef struct gw_waker gw_waker;
struct gw_waker {
    apr_status_t (*arm)(gw_waker *waker);
    void (*wake)(gw_waker *waker);
};

#endif
