#include "gwb_elect.h"

#include <errno.h>
#include <pthread.h>

#include <apr_shm.h>

#include "gwb_record.h"

typedef struct {
    pthread_mutex_t lock;           /* robust, of all processes */
    apr_uint32_t generation;        /* atomic */
} place;

struct gwb_elect {
    place places[GWB_SEATS];
};

static int make_locks(gwb_elect *elect)
{
    pthread_mutexattr_t attr;
    int err = pthread_mutexattr_init(&attr);
    int i;

    if (err) {
        return err;
    }
    err = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    if (!err) {
        err = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    }
    for (i = 0; i < GWB_SEATS && !err; ++i) {
        err = pthread_mutex_init(&elect->places[i].lock, &attr);
        elect->places[i].generation = 0;
    }
    pthread_mutexattr_destroy(&attr);
    return err;
}

apr_status_t gwb_elect_create(apr_pool_t *pool, gwb_elect **pelect)
{
    apr_shm_t *shm;
    apr_status_t rv = apr_shm_create(&shm, sizeof(**pelect), NULL, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    *pelect = apr_shm_baseaddr_get(shm);
    return APR_FROM_OS_ERROR(make_locks(*pelect));
}

apr_uint32_t gwb_elect_announce(gwb_elect *elect, gwb_seat seat)
{
    return gwb_add(&elect->places[seat].generation, 1);
}

int gwb_elect_is_present(const gwb_elect *elect, gwb_seat seat,
                         apr_uint32_t generation)
{
    return gwb_load(&elect->places[seat].generation) == generation;
}

int gwb_elect_take(gwb_elect *elect, gwb_seat seat, apr_uint32_t generation)
{
    pthread_mutex_t *lock = &elect->places[seat].lock;
    int err;

    if (!gwb_elect_is_present(elect, seat, generation)) {
        return 0;
    }
    err = pthread_mutex_trylock(lock);
    if (err == EOWNERDEAD) {
        /* nothing that a seat guards can be left half done */
        err = pthread_mutex_consistent(lock);
    }
    return err == 0;
}

void gwb_elect_leave(gwb_elect *elect, gwb_seat seat)
{
    pthread_mutex_unlock(&elect->places[seat].lock);
}
