/**
 * exact_pool: an apr_palloc that AddressSanitizer can see through.
 *
 * A pool hands out parts of one big block, so that a write behind a buffer
 * hits its neighbour unseen. A fuzz target that includes this header and then
 * the .c under test gives each of that file's buffers a block of its own,
 * freed with the pool. Owned by the one program that includes it.
 */
#ifndef GW_T_EXACT_POOL_H
#define GW_T_EXACT_POOL_H

#include <stdlib.h>
#include <apr_pools.h>
#include <apr_strings.h>
#include <apr_tables.h>

static apr_status_t exact_free(void *holder)
{
    free(*(void **)holder);
    return APR_SUCCESS;
}

static void *exact_palloc(apr_pool_t *pool, apr_size_t size)
{
    void **holder = apr_palloc(pool, sizeof(*holder));

    *holder = malloc(size);
    if (!*holder) {
        abort();
    }
    apr_pool_cleanup_register(pool, holder, exact_free,
                              apr_pool_cleanup_null);
    return *holder;
}

#undef apr_palloc
#define apr_palloc exact_palloc

#endif
