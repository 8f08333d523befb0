/**
 * gw_exchange: one client request against one or more attempts.
 *
 * A state machine that never waits. Its four ports: gw_host (the client),
 * gw_picker (which backend), gw_net (connections to it), the clock. It knows
 * neither request_rec nor threads.
 *
 * States, and what is held in each:
 *   PICK     nothing; may wait in the picker's queue
 *   OPEN     a choice and a stream that is being opened
 *   TALK     a choice and an open stream; request and response sides have
 *            states of their own and run at the same time
 *   TUNNEL   a choice and a stream that is a pipe of bytes, gw_tunnel.h: the
 *            backend agreed to another protocol that the client asked for
 *   DONE     [final] nothing; a response was delivered whole, or a tunnel
 *            ended by both sides
 *   FAILED   [final] nothing; see the result
 * Request side: HEAD, EXPECT (waits for a 100, a final response or
 * GW_EXPECT_WAIT), BODY, END, FLUSH, CLOSED (all sent), BROKEN (the backend
 * stopped reading: only its response counts). Response side: HEAD, BODY,
 * CLOSED, or SWITCHED behind a 101. The exchange ends when the response side
 * is closed, whatever is left of the request: the connection is not reused
 * then.
 *
 * Failure paths: fail() is the only way an attempt fails, gw_retry_decide()
 * the only one who allows another, finish() the only end.
 *
 * Owned by its driver, lives in the pool given; stepped by one thread at a
 * time, which may change between steps.
 */
#ifndef GW_EXCHANGE_H
#define GW_EXCHANGE_H

#include "gw_host.h"
#include "gw_pick.h"
#include "gw_stream.h"

/** How long a backend may take to answer Expect: 100-continue before the body
 * is sent anyway (RFC 9110 10.1.1; security.md 19). */
#define GW_EXPECT_WAIT GW_SEC(1)

/** Body bytes kept to send an idempotent request again, when the parameters
 * do not say. */
#define GW_REPLAY_MAX 65536

/** About so many body bytes are moved by one step in one direction, then
 * others get their turn: well below a millisecond's work. */
#define GW_EXCHANGE_TURN 262144

typedef struct gw_exchange gw_exchange;

typedef struct gw_exchange_params gw_exchange_params;
struct gw_exchange_params {
    gw_host *host;              /* borrowed for the exchange's life, like */
    gw_picker *picker;          /* all pointers here */
    gw_net *net;
    gw_waker *waker;
    const gw_logger *logger;
    const gw_req_head *head;
    gw_time client_timeout;     /* without body bytes from the client */
    gw_time deadline;           /* of the whole exchange, or GW_NEVER; a
                                   tunnel goes on beyond it */
    apr_size_t replay_max;      /* body bytes kept; 0: GW_REPLAY_MAX */
    int home;                   /* 1 + the loop that steps it, 0: none; for
                                   gw_lease */
};

/** How it went; complete when the exchange has ended. */
typedef struct gw_result gw_result;
struct gw_result {
    gw_fail fail;               /* GW_OK: delivered whole */
    const char *why;            /* for the log; "" with GW_OK */
    int delivered;              /* a final head reached the host: a failure
                                   is a truncation then */
    int status;                 /* of the backend, 0 when none */
    int tries;                  /* attempts begun */
    const char *addrs;          /* all peers tried, in order, ", " between; ""
                                   when none */
    const char *addr;           /* the last attempt's, like all below; "" */
    int reused;
    const char *tls;            /* or NULL */
    gw_time connect_time;
    gw_time ttfb;               /* from lease to the final head; -1 none */
    gw_time total;              /* of the whole exchange */
    apr_off_t sent, received;   /* body and heads, last attempt */
    const char *tunnel;         /* the protocol of its tunnel, NULL: none
                                   was opened. fail is how it ended then: the
                                   backend has done its part */
    apr_off_t tunnel_sent;      /* bytes to the backend in it */
    apr_off_t tunnel_received;  /* and from it */
    int request_unread;         /* the client's body was not read to its
                                   end: its connection cannot go on */
};

/** Create in pool; does nothing before the first step. */
gw_exchange *gw_exchange_create(apr_pool_t *pool,
                                const gw_exchange_params *params);

/**
 * Run until the end, until it must wait, or until others should have their
 * turn (a deadline that has come is among the wants then).
 * @param wants  out, on APR_EAGAIN: what for; never nothing
 * @return APR_SUCCESS ended, see gw_exchange_result(); APR_EAGAIN
 */
apr_status_t gw_exchange_step(gw_exchange *x, gw_wants *wants);

/** End it now (client gone, shutdown); closes the backend connection. */
void gw_exchange_cancel(gw_exchange *x, gw_fail fail, const char *why);

/** How it went, or goes; lives as long as x. */
const gw_result *gw_exchange_result(const gw_exchange *x);

/** "TALK BODY/HEAD", for logs. */
const char *gw_exchange_state(const gw_exchange *x);

#endif
