/**
 * gw_base: what every layer shares: time, limits and failure classes.
 *
 * Plain constants and pure functions; no state, no owner, any thread.
 * Nothing here knows httpd: the same files are linked into both modules and
 * into the unit tests.
 */
#ifndef GW_BASE_H
#define GW_BASE_H

#include <stddef.h>     /* before APR: its rings use offsetof then */
#include <apr.h>
#include <apr_errno.h>

/** A point on the monotonic clock, or a span, in microseconds. */
typedef apr_int64_t gw_time;

#define GW_NEVER        ((gw_time)APR_INT64_C(0x7fffffffffffffff))
#define GW_MSEC(n)      ((gw_time)(n) * 1000)
#define GW_SEC(n)       ((gw_time)(n) * 1000000)

/*
 * Limits on what a backend may send. Each keeps the memory of one response
 * head bounded whatever the peer does (security.md 58, 64, 69).
 */
#define GW_LINE_MAX           8192      /* status line, bytes */
#define GW_FIELD_MAX          16384     /* one header field, bytes */
#define GW_HEAD_MAX           65536     /* header section, bytes */
#define GW_FIELDS_MAX         200       /* fields of one header section */
#define GW_INTERIM_MAX        100       /* 1xx responses before the final */
#define GW_BLANK_MAX          4         /* empty lines before a status line */
#define GW_CHUNK_LINE_MAX     16384     /* chunk size line with extensions */
#define GW_TRAILER_MAX        65536     /* trailer section, bytes */

/** Bytes of one read from a backend; one TLS record fits. */
#define GW_IO_SIZE            16384

/**
 * Why an attempt or an exchange failed. The HTTP status follows from it in
 * one place, drive/gw_response.c; whether another attempt is allowed follows
 * from it in one place, exchange/gw_retry.c.
 */
typedef enum {
    GW_OK = 0,
    GW_FAIL_RESOLVE,        /* the name has no address */
    GW_FAIL_RESOLVE_TIMEOUT, /* nobody said in time what address it has */
    GW_FAIL_REFUSED,        /* connection refused or unreachable */
    GW_FAIL_CONNECT_TIMEOUT,
    GW_FAIL_TLS,            /* handshake */
    GW_FAIL_CERT,           /* certificate not accepted */
    GW_FAIL_TLS_TIMEOUT,    /* handshake did not end in time */
    GW_FAIL_BUSY,           /* no connection slot in time */
    GW_FAIL_RESET,          /* closed or reset before any response byte */
    GW_FAIL_TIMEOUT,        /* no response (or no progress) in time */
    GW_FAIL_SEND_TIMEOUT,   /* the backend stopped reading the request */
    GW_FAIL_JUNK,           /* a response that RFC 9112 does not allow */
    GW_FAIL_LIMIT,          /* a response beyond a limit above */
    GW_FAIL_TRUNCATED,      /* closed inside the response */
    GW_FAIL_CLIENT,         /* the client left or its body broke */
    GW_FAIL_CLIENT_TIMEOUT, /* the client stopped sending its body */
    GW_FAIL_TOO_LARGE,      /* LimitRequestBody */
    GW_FAIL_DEADLINE,       /* the whole request took too long */
    GW_FAIL_UNAVAILABLE,    /* no member may be used */
    GW_FAIL_QUEUE,          /* no member came free in time, or the queue of
                               those who wait for one is full */
    GW_FAIL_STATUS,         /* a status that another member may better */
    GW_FAIL_INTERNAL,       /* our own fault: a bug or out of resources */
    GW_FAIL_COUNT
} gw_fail;

/** The class as a short stable word for logs and GATEWAY_REASON. */
const char *gw_fail_name(gw_fail fail);

/** Is it certain that nothing of the request was executed? So with names,
 * connects, TLS handshakes, and a slot that did not come free. */
int gw_fail_before_request(gw_fail fail);

#endif
