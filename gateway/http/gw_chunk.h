/**
 * gw_chunk: decoder and encoder of the chunked transfer coding, RFC 9112 7.1.
 *
 * The decoder is incremental: it may be fed any split of the bytes and gives
 * the same result. Strict: size digits only, CRLF line ends only, bounded
 * extension and trailer bytes. Trailers are checked for form and dropped.
 * Owned by a codec, one thread at a time; no allocation.
 */
#ifndef GW_CHUNK_H
#define GW_CHUNK_H

#include <apr.h>
#include <apr_errno.h>
#include "gw_base.h"

typedef struct gw_chunk_reader gw_chunk_reader;
struct gw_chunk_reader {
    int state;              /* private, see gw_chunk.c */
    apr_int64_t left;       /* bytes left of the chunk's data */
    apr_size_t line;        /* bytes of trailers */
    apr_size_t overhead;    /* extension bytes that no data has made up for:
                               each data byte pays for one of them */
    int digits;
    const char *why;        /* static text, behind APR_EINVAL, APR_ENOSPC */
};

/** Begin a body. */
void gw_chunk_reader_init(gw_chunk_reader *r);

/**
 * Take bytes from data.
 * @param pused  out: bytes consumed in all (framing and data)
 * @param pdata  out: body bytes inside data, *plen of them (may be 0)
 * @return APR_SUCCESS   go on (call again with the rest)
 *         APR_EAGAIN    all of data used, more is needed, no body bytes given
 *         APR_EOF       the last-chunk and the trailers are complete
 *         APR_EINVAL    malformed;  APR_ENOSPC  beyond a limit of gw_base.h
 */
apr_status_t gw_chunk_read(gw_chunk_reader *r, const char *data,
                           apr_size_t len, apr_size_t *pused,
                           const char **pdata, apr_size_t *plen);

/** Longest chunk header that gw_chunk_head() writes. */
#define GW_CHUNK_HEAD_MAX 20

/** Write "<hex>CRLF" of a chunk of len > 0 bytes; @return its length. */
apr_size_t gw_chunk_head(char buf[GW_CHUNK_HEAD_MAX], apr_size_t len);

#endif
