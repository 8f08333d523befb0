/**
 * gw_bufq: a bounded queue of bytes.
 *
 * One contiguous malloc'ed block that grows from 0 to its limit by doubling
 * and slides its contents to the front when needed. Owned by one object, used
 * by one thread at a time. Its memory does not come from a pool because a
 * pooled connection outlives every request and must give memory back.
 */
#ifndef GW_BUFQ_H
#define GW_BUFQ_H

#include <apr.h>
#include <apr_errno.h>

typedef struct gw_bufq gw_bufq;
struct gw_bufq {
    char *data;
    apr_size_t head;        /* first unread byte */
    apr_size_t tail;        /* behind the last byte */
    apr_size_t size;        /* bytes allocated */
    apr_size_t limit;       /* most bytes ever held */
};

/** Start empty; allocates nothing yet. */
void gw_bufq_init(gw_bufq *q, apr_size_t limit);
/** Free the memory; the queue is empty and usable again. */
void gw_bufq_free(gw_bufq *q);

/** Bytes held. */
apr_size_t gw_bufq_len(const gw_bufq *q);
/** Bytes that still fit. */
apr_size_t gw_bufq_room(const gw_bufq *q);
/** First byte held; gw_bufq_len() bytes follow. */
const char *gw_bufq_data(const gw_bufq *q);

/**
 * Append as much as fits.
 * @param pn  out: bytes taken
 * @return APR_SUCCESS, APR_EAGAIN when full (*pn is 0), APR_ENOMEM
 */
apr_status_t gw_bufq_write(gw_bufq *q, const char *data, apr_size_t len,
                           apr_size_t *pn);
/** Append all or nothing: APR_SUCCESS, APR_EAGAIN, APR_ENOMEM. */
apr_status_t gw_bufq_put(gw_bufq *q, const char *data, apr_size_t len);

/**
 * Space to write into directly, at least min bytes.
 * @return the place and *room bytes, or NULL when min does not fit (or no
 *         memory); gw_bufq_commit() says how many were used
 */
char *gw_bufq_reserve(gw_bufq *q, apr_size_t min, apr_size_t *room);
void gw_bufq_commit(gw_bufq *q, apr_size_t n);

/** Drop n bytes from the front; n is at most gw_bufq_len(). */
void gw_bufq_skip(gw_bufq *q, apr_size_t n);

#endif
