/**
 * gwb_group: a balancer in one child process: its present table of members,
 * made anew whenever the shared memory says that something changed, and the
 * targets of members that were added at run time.
 *
 * Made in child_init, before the child has threads; any of them may call
 * afterwards. Its lock is held only while a pointer is taken or a table made.
 */
#ifndef GWB_GROUP_H
#define GWB_GROUP_H

#include <apr_hash.h>
#include <apr_thread_mutex.h>

#include "gwb_queue.h"
#include "gwb_select.h"
#include "gwb_shm.h"
#include "gwb_table.h"

/** A target made at run time. */
typedef struct gwb_late gwb_late;
struct gwb_late {
    gwb_late *next;
    apr_uint32_t id;            /* of the member */
    gateway_target *target;
    apr_pool_t *pool;           /* its own; holds this struct too */
    unsigned refs;              /* tables that use it */
};

typedef struct gwb_group gwb_group;

/** A table and what goes with it; lives as long as the table. */
typedef struct gwb_view gwb_view;
struct gwb_view {
    gwb_group *group;
    gwb_table *table;
    const gwb_member_conf **confs;  /* by index; NULL: added at run time */
    const char **cookies;       /* by index: values of our own cookie, with
                                   sticky=cookie; else NULL */
    apr_hash_t *by_cookie;      /* value -> &table->members[i] */
    gwb_late **late;            /* that it uses */
    unsigned nlate;
};

struct gwb_group {
    /* const after init */
    const gateway_balancer *balancer;
    gwb_shm *shm;
    gwb_row *row;               /* NULL: there was none left */
    gwb_queue queue;
    gwb_select_params select;
    apr_uint64_t seed;
    /* guarded by mutex */
    apr_thread_mutex_t *mutex;
    gwb_view *view;
    gwb_late *late;
    /* atomic */
    apr_uint64_t draws;
};

/** In child_init. @return NULL without memory */
gwb_group *gwb_group_create(apr_pool_t *pchild,
                            const gateway_balancer *balancer);

/** The present view; gwb_group_release() gives it back. NULL without
 * memory. */
gwb_view *gwb_group_view(gwb_group *group);
/** Another reference of the same view. */
gwb_view *gwb_group_ref(gwb_view *view);
/** NULLs the pointer. */
void gwb_group_release(gwb_view **pview);

/** What bounds the health of a member, by its index. */
const gwb_health_params *gwb_group_health(const gwb_view *view,
                                          unsigned index);

/** A fresh random number. */
apr_uint64_t gwb_group_random(gwb_group *group);

#endif
