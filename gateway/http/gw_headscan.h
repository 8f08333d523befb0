/**
 * gw_headscan: how far httpd's core can read without waiting for bytes: is a
 * request head complete, and which bytes of a chunked body may core see?
 *
 * Core reads request heads, and the trailers of a chunked body, with blocking
 * calls. A thread that must not wait therefore gives it nothing of them before
 * all of them is there. These two scanners judge no syntax: whatever core
 * would refuse is let through so that core refuses it. They accept what core
 * accepts in its most lenient setting, so that core never goes on where they
 * have stopped.
 *
 * Both are incremental: any split of the bytes gives the same result. Plain
 * values, owned by whoever reads; no allocation, one thread at a time.
 */
#ifndef GW_HEADSCAN_H
#define GW_HEADSCAN_H

#include <stddef.h>
#include <apr.h>

/** Empty lines before a request line that core skips; with one more it reads
 * no further (DEFAULT_LIMIT_BLANK_LINES). */
#define GW_HEADSCAN_BLANKS 10

typedef enum {
    GW_SCAN_NONE,           /* nothing but empty lines so far */
    GW_SCAN_PART,           /* a part of a head */
    GW_SCAN_WHOLE,          /* core can read it without waiting */
    GW_SCAN_LONG            /* no end within the limit */
} gw_scan;

typedef struct gw_headscan gw_headscan;
struct gw_headscan {
    gw_scan result;         /* of all bytes so far; the last two are final */
    apr_size_t len;         /* bytes that were looked at; when WHOLE: of the
                               head, empty lines and the final one included */
    apr_size_t max;         /* const after init */
    unsigned blanks;        /* empty lines before the request line */
    int state;              /* private, see gw_headscan.c */
    int match;              /* bytes of " HTTP/" that matched, in the first
                               line; all: it has a version */
    int fields;             /* the request line is over */
};

/** Begin a head.
 * @param max  bytes after which an unfinished head is LONG */
void gw_headscan_init(gw_headscan *s, apr_size_t max);

/**
 * The next bytes of the connection. A head ends with an empty line (LF or
 * CRLF); a request line without a version is a whole head, as HTTP/0.9 or as
 * what core refuses at once; so are more than GW_HEADSCAN_BLANKS empty lines.
 * Bytes behind the end are not looked at.
 * @return s->result
 */
gw_scan gw_headscan_feed(gw_headscan *s, const char *data, apr_size_t len);

typedef struct gw_chunkhold gw_chunkhold;
struct gw_chunkhold {
    apr_size_t held;        /* so many of the last bytes that were fed must
                               not be given to core yet */
    apr_size_t max;         /* const after init */
    apr_int64_t left;       /* of the chunk; its size while that is read */
    int state;              /* private, see gw_headscan.c */
    int blanks;             /* behind the size */
};

/**
 * Begin a body in chunked coding, RFC 9112 7.1.
 * @param max  bytes of last chunk and trailers after which they are let
 *             through unfinished: core will refuse them, by its own limits or
 *             because it may not wait
 */
void gw_chunkhold_init(gw_chunkhold *h, apr_size_t max);

/** The next bytes of the connection; sets h->held. Held are the last chunk
 * (or what may become it) and the trailers until the empty line behind them;
 * nothing after that or after malformed framing. */
void gw_chunkhold_feed(gw_chunkhold *h, const char *data, apr_size_t len);

/** Is the framing over, because the body is complete or cannot be? */
int gw_chunkhold_over(const gw_chunkhold *h);

#endif
