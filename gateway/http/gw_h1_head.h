/**
 * gw_h1_head: the response head parser of gw_h1, private to it.
 *
 * Two steps: a search for the end of the head, which enforces the limits while
 * the bytes come in, then one pass over one copy of the whole head. What is
 * found at which byte does not depend on how the bytes were split. Owned by
 * its gw_h1, one thread at a time.
 */
#ifndef GW_H1_HEAD_H
#define GW_H1_HEAD_H

#include "gw_h1.h"

/** What a head says about its body and its connection. */
typedef struct gw_h1_facts gw_h1_facts;
struct gw_h1_facts {
    apr_off_t length;       /* Content-Length, -1 without */
    int chunked;
    int close;              /* Connection: close */
    int keep_alive;         /* Connection: keep-alive */
};

/** Break h for good, unless it already is. @return APR_EGENERAL */
apr_status_t gw_h1_break(gw_h1 *h, gw_fail fail, const char *why);

/**
 * Search in, from where the last call stopped, for the end of the head.
 * Drops empty lines before the status line; checks the status line as soon as
 * it is there.
 * @param psize  out: bytes of the head, with APR_SUCCESS
 * @return APR_SUCCESS; APR_EAGAIN; APR_EGENERAL broken
 */
apr_status_t gw_h1_head_scan(gw_h1 *h, gw_bufq *in, apr_size_t *psize);

/**
 * Parse the head that gw_h1_head_scan() found at data, of psize bytes.
 * @return APR_SUCCESS, *phead in pool; APR_EGENERAL broken
 */
apr_status_t gw_h1_head_parse(gw_h1 *h, const char *data, apr_size_t size,
                              apr_pool_t *pool, gw_res_head **phead,
                              gw_h1_facts *facts);

/** Forget the search: the head was taken out of the queue. */
void gw_h1_head_rewind(gw_h1 *h);

#endif
