/**
 * gw_msg: request and response heads, as every codec takes and gives them.
 *
 * Plain structures in a pool of the exchange; written by one side before they
 * are handed over, then read only. Field names and values are NUL-terminated
 * and hold no control bytes (whoever makes one checks). One thread at a time.
 */
#ifndef GW_MSG_H
#define GW_MSG_H

#include <apr_tables.h>

typedef enum {
    GW_BODY_NONE,           /* no body and no framing field */
    GW_BODY_LENGTH,         /* Content-Length */
    GW_BODY_CHUNKED
} gw_framing;

typedef struct gw_req_head gw_req_head;
struct gw_req_head {
    const char *method;     /* a token */
    const char *target;     /* origin-form, "*" or absolute-form */
    const char *host;       /* value of the Host field */
    apr_table_t *headers;   /* no Host, no framing, nothing hop-by-hop */
    const char *connection; /* value of Connection, or NULL for keep-alive */
    const char *upgrade;    /* the protocol to ask for, sent with Connection:
                               Upgrade (connection is NULL then); NULL: none.
                               Given to an exchange: those that the client
                               offers, see gw_upgrade_offer() */
    gw_framing framing;
    apr_off_t length;       /* with GW_BODY_LENGTH */
    int minor;              /* HTTP/1.minor to speak, 1 or 0 */
    int expect;             /* send Expect: 100-continue and wait for it */
    int idempotent;         /* RFC 9110 9.2.2 */
};

typedef struct gw_res_head gw_res_head;
struct gw_res_head {
    int status;             /* 100..999 */
    int minor;              /* HTTP/1.minor of the backend */
    const char *reason;     /* "" when absent */
    apr_table_t *headers;   /* in order; repeated fields apart; all fields,
                               hop-by-hop included; Content-Length at most
                               once and only if it counts */
    apr_off_t length;       /* of the body, -1 when not known before. HEAD and
                               304: what Content-Length says (the body of a
                               GET), -1 without. Interim and 204: -1 */
    int keepalive;          /* seconds of Keep-Alive: timeout, -1 if none */
};

/** 1xx, which is not a final response. */
int gw_msg_is_interim(const gw_res_head *head);

/** GET HEAD OPTIONS TRACE PUT DELETE: may be sent twice (RFC 9110 9.2.2). */
int gw_msg_is_idempotent(const char *method);

/**
 * Do these fields, of a request or a response, use NTLM or Negotiate? Those
 * authenticate the connection (RFC 4559 6), which then must not serve
 * anybody else.
 */
int gw_msg_binds_connection(const apr_table_t *headers);

#endif
