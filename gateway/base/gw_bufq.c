#include "gw_bufq.h"

#include <stdlib.h>
#include <string.h>

/* A small head fits, and doubling from here reaches any limit in a few
 * steps. */
#define FIRST_SIZE 1024

void gw_bufq_init(gw_bufq *q, apr_size_t limit)
{
    memset(q, 0, sizeof(*q));
    q->limit = limit;
}

void gw_bufq_free(gw_bufq *q)
{
    free(q->data);
    gw_bufq_init(q, q->limit);
}

apr_size_t gw_bufq_len(const gw_bufq *q)
{
    return q->tail - q->head;
}

apr_size_t gw_bufq_room(const gw_bufq *q)
{
    return q->limit - gw_bufq_len(q);
}

const char *gw_bufq_data(const gw_bufq *q)
{
    return q->data ? q->data + q->head : "";
}

static int grow(gw_bufq *q, apr_size_t need)
{
    apr_size_t size = q->size ? q->size : FIRST_SIZE;
    char *data;

    while (size < need) {
        size *= 2;
    }
    if (size > q->limit) {
        size = q->limit;
    }
    data = realloc(q->data, size);
    if (!data) {
        return 0;
    }
    q->data = data;
    q->size = size;
    return 1;
}

char *gw_bufq_reserve(gw_bufq *q, apr_size_t min, apr_size_t *room)
{
    apr_size_t len = gw_bufq_len(q);

    if (min > q->limit - len) {
        return NULL;
    }
    if (q->head && (!len || q->size - q->tail < min)) {
        memmove(q->data, q->data + q->head, len);
        q->head = 0;
        q->tail = len;
    }
    if (q->size - q->tail < min && !grow(q, q->tail + min)) {
        return NULL;
    }
    *room = q->size - q->tail;
    return q->data + q->tail;
}

void gw_bufq_commit(gw_bufq *q, apr_size_t n)
{
    q->tail += n;
}

apr_status_t gw_bufq_put(gw_bufq *q, const char *data, apr_size_t len)
{
    apr_size_t room;
    char *to;

    if (!len) {
        return APR_SUCCESS;
    }
    if (len > gw_bufq_room(q)) {
        return APR_EAGAIN;
    }
    to = gw_bufq_reserve(q, len, &room);
    if (!to) {
        return APR_ENOMEM;
    }
    memcpy(to, data, len);
    gw_bufq_commit(q, len);
    return APR_SUCCESS;
}

apr_status_t gw_bufq_write(gw_bufq *q, const char *data, apr_size_t len,
                           apr_size_t *pn)
{
    apr_size_t room = gw_bufq_room(q);
    apr_status_t rv;

    *pn = 0;
    if (!room && len) {
        return APR_EAGAIN;
    }
    if (len > room) {
        len = room;
    }
    rv = gw_bufq_put(q, data, len);
    if (rv == APR_SUCCESS) {
        *pn = len;
    }
    return rv;
}

void gw_bufq_skip(gw_bufq *q, apr_size_t n)
{
    q->head += n;
    if (q->head == q->tail) {
        q->head = q->tail = 0;
    }
}
