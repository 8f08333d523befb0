/**
 * gw_headers: which header fields cross the gateway, and which it adds.
 *
 * Pure functions on apr_table_t; strings live in the pool of the table that
 * receives them (pool given), but for a request's own fields, which are
 * shared with the table they come from: it must live as long; and for fields
 * of a response in a table of the same pool, shared, too. Sources: RFC
 * 9110 7.6.1 (hop-by-hop), 7.6.2 (Max-Forwards), 7.6.3 (Via); security.md
 * 29-34, 91. Any thread.
 */
#ifndef GW_HEADERS_H
#define GW_HEADERS_H

#include <apr_tables.h>

/** What the gateway says about the client; NULL members are left out. */
typedef struct gw_forwarded gw_forwarded;
struct gw_forwarded {
    const char *client;     /* address, for X-Forwarded-For */
    const char *host;       /* the client's Host, for X-Forwarded-Host */
    const char *server;     /* our name, for X-Forwarded-Server */
    const char *proto;      /* "http" or "https" */
    const char *port;       /* of the front, decimal */
    const char *via;        /* one element, e.g. "1.1 pseudonym" */
    int trusted;            /* keep and append to what the client sent */
};

/**
 * Fields of a request that go to the backend.
 *
 * Copies in to a new table in order, without: hop-by-hop fields (RFC 9110
 * 7.6.1: Connection and what it names, Keep-Alive, Proxy-Connection, TE,
 * Trailer, Transfer-Encoding, Upgrade), Host and Content-Length (the codec
 * writes them), Expect (the exchange decides), Proxy-Authorization,
 * HTTP2-Settings, Proxy, names that are no tokens, names that read with '_'
 * as '-' are one of the framing or forwarding fields or equal another
 * field of the request (security.md 33). A value with a control byte is
 * dropped whole. Then the fields of fwd are added (when
 * fwd is not NULL), so a Connection field can never remove them (29).
 * X-Forwarded-For, -Host, -Server of the client are replaced, or appended to
 * when trusted; its X-Forwarded-Proto and -Port, which are no lists, are
 * replaced, or kept when trusted; its Forwarded is dropped, or kept when
 * trusted. Via gets a line of its own behind the client's.
 */
apr_table_t *gw_headers_request(apr_pool_t *pool, const apr_table_t *in,
                                const gw_forwarded *fwd);

/** Does the list of Via fields hold this pseudonym as received-by? */
int gw_headers_via_has(const apr_table_t *in, const char *pseudonym);

/**
 * Fields of a response that go to the client: a new table without Connection
 * and what it names, Keep-Alive, Proxy-Connection, Proxy-Authenticate (unless
 * status is 407), TE, Trailer, Transfer-Encoding, Upgrade,
 * Content-Length (the codec's reading of it counts, not its text).
 * Repeated fields stay apart and in order.
 * A field that names a local action (X-Sendfile and its kin) passes as any
 * other: the server has no filter that obeys it unless configured.
 */
apr_table_t *gw_headers_response(apr_pool_t *pool, const apr_table_t *in,
                                 int status);

#endif
