/**
 * gw_x_private: the inside of gw_exchange, shared by its three files:
 * gw_exchange.c (attempts, deadlines, the end), gw_x_request.c and
 * gw_x_response.c (the two sides of an open attempt).
 *
 * Nobody else includes it. Everything belongs to the thread that steps the
 * exchange.
 */
#ifndef GW_X_PRIVATE_H
#define GW_X_PRIVATE_H

#include "gw_bufq.h"
#include "gw_exchange.h"
#include "gw_tunnel.h"

typedef enum {
    GW_X_PICK,
    GW_X_OPEN,
    GW_X_TALK,
    GW_X_TUNNEL,
    GW_X_DONE,
    GW_X_FAILED
} gw_x_state;

typedef enum {
    GW_REQ_HEAD,
    GW_REQ_EXPECT,
    GW_REQ_BODY,
    GW_REQ_END,
    GW_REQ_FLUSH,
    GW_REQ_CLOSED,
    GW_REQ_BROKEN
} gw_req_state;

typedef enum {
    GW_RES_HEAD,
    GW_RES_BODY,
    GW_RES_CLOSED,
    GW_RES_SWITCHED             /* a 101 was taken: a tunnel begins */
} gw_res_state;

struct gw_exchange {
    /* const after creation */
    gw_exchange_params p;
    apr_pool_t *pool;
    gw_time started;
    /* the step */
    gw_time now;                /* at its begin, or after a call of the host
                                   that may have waited */
    apr_ssize_t turn_req;       /* body bytes that each side may still move */
    apr_ssize_t turn_res;
    /* the exchange */
    gw_x_state state;
    gw_result result;
    int replays;
    int moves;
    int fresh;                  /* the next lease must be a new connection */
    int interim_sent;           /* a 1xx went to the client */
    int paid;                   /* the next move is paid for */
    /* the request body, across attempts */
    gw_bufq kept;               /* its first bytes, to be sent again */
    int kept_all;               /* kept holds every byte taken from host */
    int taken;                  /* bytes were taken from the host */
    int body_eof;               /* the host gave all of it */
    /* the attempt */
    apr_pool_t *attempt_pool;   /* pool, until interim heads need their own */
    gw_choice choice;
    gw_stream *stream;
    const char *upgrade;        /* asked for by this attempt, or NULL */
    gw_tunnel tunnel;           /* in state TUNNEL */
    gw_req_state req;
    gw_res_state res;
    const char *body;           /* borrowed from host or kept, not yet sent */
    apr_size_t body_len;
    apr_size_t replayed;        /* bytes of kept handed on in this attempt */
    const char *out;            /* response bytes the host did not take yet */
    apr_size_t out_len;
    int out_blocked;
    int unflushed;
    int waits_client;           /* request side waits for body bytes */
    gw_time leased;
    gw_time sent_at;            /* last progress, or begin of the wait */
    gw_time recv_at;
    gw_time client_at;
    gw_time head_begun;         /* first byte of the head being read, or 0 */
    gw_time expect_until;
    apr_off_t seen_sent;
    apr_off_t seen_recv;
};

/** What one side's run came to. */
typedef enum {
    GW_RUN_BLOCKED,             /* nothing more to do now */
    GW_RUN_MOVED,               /* made progress, may have more to do */
    GW_RUN_FAILED               /* gw_x_set_fail() was called */
} gw_run;

/** The only writers of the side states. */
void gw_x_req_transit(gw_exchange *x, gw_req_state to, const char *why);
void gw_x_res_transit(gw_exchange *x, gw_res_state to, const char *why);

/** Note why the attempt fails; the first one counts. why is copied. */
void gw_x_set_fail(gw_exchange *x, gw_fail fail, const char *why);
/** The same from what the stream says. */
void gw_x_stream_failed(gw_exchange *x);

/** No head that was read so far is needed any more. A backend may send many;
 * a pool for them is made when the first one was, few requests need it. */
void gw_x_forget_heads(gw_exchange *x);

/** Move the marks that the deadlines count from. */
void gw_x_note_progress(gw_exchange *x);

/** Is this status, not yet delivered, left for another member's answer? The
 * move is paid for then; the attempt must fail with GW_FAIL_STATUS. */
int gw_x_leaves_for(gw_exchange *x, int status);

/** Run one side as far as it goes. */
gw_run gw_x_run_request(gw_exchange *x);
gw_run gw_x_run_response(gw_exchange *x);

#endif
