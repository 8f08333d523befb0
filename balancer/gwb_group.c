#include "gwb_group.h"

#include <string.h>
#include <unistd.h>

#include <http_log.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "gw_log.h"

APLOG_USE_MODULE(gateway_balancer);

/* Of splitmix64, a public domain generator: steps that visit all values. */
#define RANDOM_STEP APR_UINT64_C(0x9e3779b97f4a7c15)

static apr_uint64_t mix(apr_uint64_t x)
{
    x = (x ^ x >> 30) * APR_UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * APR_UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

apr_uint64_t gwb_group_random(gwb_group *group)
{
    return mix(group->seed + gwb_add(&group->draws, RANDOM_STEP));
}

/* --- targets of run time ------------------------------------------------- */

/** The lock is held. */
static gwb_late *make_late(gwb_group *group, const gwb_slot *slot,
                           apr_uint32_t id)
{
    const gwb_record *rec = &slot->rec;
    const gwb_member_conf *conf = gwb_shm_conf(group->shm, group->balancer,
                                               slot);
    int named = conf != NULL && conf->names == GWB_NAMES_ADDRESSES;
    APR_OPTIONAL_FN_TYPE(gateway_target_new) *target_new
        = APR_RETRIEVE_OPTIONAL_FN(gateway_target_new);
    const char *err = NULL;
    gwb_late *late;
    apr_pool_t *pool;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    late = apr_pcalloc(pool, sizeof(*late));
    late->pool = pool;
    late->id = id;
    if (conf == NULL) {
        conf = gwb_shm_like(group->balancer, rec->url);
    }
    late->target = target_new(pool, conf->target,
                              apr_pstrmemdup(pool, rec->url,
                                             strnlen(rec->url, GWB_URL_MAX)),
                              named, &err);
    if (late->target == NULL) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, group->balancer->server,
                     GWNO(01010) "balancer://%s: %s cannot be used: %s",
                     group->balancer->name, rec->url, err ? err : "");
        apr_pool_destroy(pool);
        return NULL;
    }
    late->next = group->late;
    group->late = late;
    return late;
}

/** The target of a member that the configuration does not have. The lock is
 * held. */
static gwb_late *find_late(gwb_group *group, const gwb_slot *slot,
                           apr_uint32_t id)
{
    gwb_late *late;

    for (late = group->late; late != NULL; late = late->next) {
        if (late->id == id) {
            return late;
        }
    }
    return make_late(group, slot, id);
}

/** A table no longer uses it. The lock is held. */
static void drop_late(gwb_group *group, gwb_late *late)
{
    gwb_late **at = &group->late;

    if (--late->refs > 0) {
        return;
    }
    while (*at != late) {
        at = &(*at)->next;
    }
    *at = late->next;
    apr_pool_destroy(late->pool);
}

/* --- views --------------------------------------------------------------- */

/** The table is about to go, with the last reference, in any thread. */
static apr_status_t view_gone(void *data)
{
    gwb_view *view = data;
    unsigned i;

    if (view->nlate > 0) {
        apr_thread_mutex_lock(view->group->mutex);
        for (i = 0; i < view->nlate; ++i) {
            drop_late(view->group, view->late[i]);
        }
        apr_thread_mutex_unlock(view->group->mutex);
    }
    return APR_SUCCESS;
}

/** Members as they are now. @return how many */
static unsigned collect(gwb_group *group, gwb_member *members,
                        gwb_late **late, unsigned *pnlate)
{
    gwb_shm *shm = group->shm;
    unsigned n = 0;
    unsigned i;

    *pnlate = 0;
    for (i = 0; i < shm->nslots; ++i) {
        gwb_slot *slot = &shm->slots[i];
        gwb_member *m = &members[n];
        const gwb_member_conf *conf;

        m->rec = &slot->rec;
        m->id = gwb_load(&slot->rec.id);
        if (gwb_load(&slot->rec.used) != GWB_SLOT_USED) {
            continue;
        }
        conf = gwb_shm_conf(group->shm, group->balancer, slot);
        m->health = conf ? &conf->health : NULL;
        if (gwb_load(&slot->from_file)) {
            m->target = conf->target;
            ++n;
            continue;
        }
        late[*pnlate] = find_late(group, slot, m->id);
        if (late[*pnlate] != NULL) {
            m->target = late[*pnlate]->target;
            ++late[(*pnlate)++]->refs;
            ++n;
        }
    }
    return n;
}

/** Which value of our own cookie stands for whom. */
static void name_cookies(gwb_view *view)
{
    const gateway_balancer *b = view->group->balancer;
    gwb_table *table = view->table;
    unsigned i;

    if (b->params.sticky.own == NULL) {
        return;
    }
    view->cookies = apr_pcalloc(table->pool, (table->n + 1)
                                             * sizeof(*view->cookies));
    view->by_cookie = apr_hash_make(table->pool);
    for (i = 0; i < table->n; ++i) {
        const char *value = gwb_sticky_value(table->pool, &b->params.sticky,
                                             b->name,
                                             table->members[i].rec->url);

        view->cookies[i] = value;
        if (value != NULL) {
            apr_hash_set(view->by_cookie, value, APR_HASH_KEY_STRING,
                         &table->members[i]);
        }
    }
}

static void name_confs(gwb_view *view)
{
    unsigned i;

    view->confs = apr_pcalloc(view->table->pool, (view->table->n + 1)
                                                 * sizeof(*view->confs));
    for (i = 0; i < view->table->n; ++i) {
        const gwb_slot *slot = (const void *)view->table->members[i].rec;

        view->confs[i] = gwb_shm_conf(view->group->shm,
                                      view->group->balancer, slot);
    }
}

/** The lock is held. @return NULL without memory */
static gwb_view *make_view(gwb_group *group)
{
    gwb_shm *shm = group->shm;
    apr_uint32_t generation = gwb_load(&shm->front->head.generation);
    gwb_member *members = calloc(shm->nslots + 1, sizeof(*members));
    gwb_late **late = calloc(shm->nslots + 1, sizeof(*late));
    gwb_table *table = NULL;
    gwb_view *view = NULL;
    unsigned nlate = 0;
    unsigned n;

    if (members != NULL && late != NULL) {
        n = collect(group, members, late, &nlate);
        table = gwb_table_build(members, n, group->balancer->params.method,
                                generation, gwb_group_random(group));
    }
    if (table != NULL) {
        view = apr_pcalloc(table->pool, sizeof(*view));
        view->group = group;
        view->table = table;
        view->nlate = nlate;
        view->late = apr_pmemdup(table->pool, late,
                                 (nlate + 1) * sizeof(*late));
        name_confs(view);
        name_cookies(view);
        apr_pool_cleanup_register(table->pool, view, view_gone,
                                  apr_pool_cleanup_null);
    }
    else {
        while (nlate > 0) {
            drop_late(group, late[--nlate]);
        }
    }
    free(members);
    free(late);
    return view;
}

const gwb_health_params *gwb_group_health(const gwb_view *view,
                                          unsigned index)
{
    const gwb_member *member = &view->table->members[index];

    return member->health ? member->health : view->group->select.health;
}

gwb_view *gwb_group_ref(gwb_view *view)
{
    gwb_table_ref(view->table);
    return view;
}

void gwb_group_release(gwb_view **pview)
{
    gwb_table *table;

    if (*pview != NULL) {
        table = (*pview)->table;
        *pview = NULL;
        gwb_table_release(&table);
    }
}

gwb_view *gwb_group_view(gwb_group *group)
{
    apr_uint32_t generation;
    gwb_view *old = NULL;
    gwb_view *view;

    apr_thread_mutex_lock(group->mutex);
    generation = gwb_load(&group->shm->front->head.generation);
    view = group->view;
    if (view == NULL || view->table->generation != generation) {
        view = make_view(group);
        if (view != NULL) {
            old = group->view;
            group->view = view;
        }
    }
    view = group->view;
    if (view != NULL) {
        gwb_group_ref(view);
    }
    apr_thread_mutex_unlock(group->mutex);
    /* outside: the last reference takes the lock */
    gwb_group_release(&old);
    return view;
}

gwb_group *gwb_group_create(apr_pool_t *pchild,
                            const gateway_balancer *balancer)
{
    gwb_group *group = apr_pcalloc(pchild, sizeof(*group));

    group->balancer = balancer;
    group->shm = balancer->shm;
    group->select.health = &balancer->params.health;
    group->select.force_recovery = balancer->params.force_recovery;
    group->select.no_failover = balancer->params.no_failover;
    group->select.busy = APR_RETRIEVE_OPTIONAL_FN(gateway_target_busy);
    group->row = gwb_shm_claim_row(group->shm, (apr_uint32_t)getpid());
    if (apr_generate_random_bytes((unsigned char *)&group->seed,
                                  sizeof(group->seed)) != APR_SUCCESS) {
        group->seed = (apr_uint64_t)getpid() * RANDOM_STEP;
    }
    if (apr_thread_mutex_create(&group->mutex, APR_THREAD_MUTEX_DEFAULT,
                                pchild) != APR_SUCCESS
        || gwb_queue_init(&group->queue, pchild) != APR_SUCCESS) {
        return NULL;
    }
    group->view = make_view(group);
    return group->view ? group : NULL;
}
