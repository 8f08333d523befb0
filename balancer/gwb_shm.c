#include "gwb_shm.h"

#include <string.h>

#include <ap_slotmem.h>
#include <apr_strings.h>

/* Parts begin on lines of the caches, so that children that write rows do not
 * slow down who reads records. */
#define PART_ALIGN 64

const ap_slotmem_provider_t *gwb_shm_provider(void)
{
    return ap_lookup_provider(AP_SLOTMEM_PROVIDER_GROUP, "shm",
                              AP_SLOTMEM_PROVIDER_VERSION);
}

/** Bytes of a part, rounded up. */
static apr_size_t part(apr_size_t size, unsigned n)
{
    return APR_ALIGN(size * n, PART_ALIGN);
}

apr_status_t gwb_shm_create(apr_pool_t *pconf,
                            const ap_slotmem_provider_t *provider,
                            const gateway_balancer *balancer, unsigned nrows,
                            gwb_shm **pshm)
{
    gwb_shm *shm = apr_pcalloc(pconf, sizeof(*shm));
    ap_slotmem_instance_t *instance;
    apr_size_t size;
    apr_status_t rv;
    void *memory;
    char *at;

    shm->nslots = (unsigned)balancer->members->nelts
                  + (unsigned)balancer->params.growth;
    shm->nrows = nrows;
    size = PART_ALIGN + part(sizeof(gwb_front), 1)
           + part(sizeof(gwb_slot), shm->nslots)
           + part(sizeof(gwb_row), nrows);
    rv = provider->create(&instance, "none", size, 1, 0, pconf);
    if (rv == APR_SUCCESS) {
        rv = provider->dptr(instance, 0, &memory);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    memset(memory, 0, size);
    at = (char *)memory + (PART_ALIGN - (apr_uintptr_t)memory % PART_ALIGN)
                          % PART_ALIGN;
    shm->front = (void *)at;
    at += part(sizeof(gwb_front), 1);
    shm->slots = (void *)at;
    at += part(sizeof(gwb_slot), shm->nslots);
    shm->rows = (void *)at;
    gwb_shm_fill(shm, balancer);
    *pshm = shm;
    return APR_SUCCESS;
}

void gwb_shm_fill(gwb_shm *shm, const gateway_balancer *balancer)
{
    gwb_head *head = &shm->front->head;
    int i;

    head->version = GWB_RECORD_VERSION;
    head->generation = 1;
    for (i = 0; i < balancer->members->nelts; ++i) {
        const gwb_member_conf *m = APR_ARRAY_IDX(balancer->members, i,
                                                 gwb_member_conf *);
        gwb_slot *slot = &shm->slots[i];

        slot->from_file = 1;
        if (m->names != GWB_NAMES_NONE) {
            continue;
        }
        apr_cpystrn(slot->rec.url, m->url, GWB_URL_MAX);
        slot->file = m->settings;
        slot->rec.id = ++head->next_id;
        slot->rec.check_failed = (m->settings.flags & GWB_CHECK_FAILED) != 0;
        slot->rec.used = GWB_SLOT_USED;
        gwb_shm_store(&slot->rec, &m->settings);
    }
}

/** The last byte stays NUL whatever a reader sees of the others. */
static void store_route(char *to, const char *from)
{
    int i = 0;

    do {
        __atomic_store_n(&to[i], from[i], __ATOMIC_RELEASE);
    } while (from[i++] != '\0' && i < GWB_ROUTE_MAX - 1);
}

void gwb_shm_store(gwb_record *rec, const gwb_settings *settings)
{
    gwb_store(&rec->weight, settings->weight);
    gwb_store(&rec->lbset, settings->lbset);
    gwb_store(&rec->flags, settings->flags & GWB_FLAGS_ADMIN);
    store_route(rec->route, settings->route);
    store_route(rec->redirect, settings->redirect);
}

void gwb_shm_settings(const gwb_record *rec, gwb_settings *settings)
{
    memset(settings, 0, sizeof(*settings));
    settings->weight = gwb_load(&rec->weight);
    settings->lbset = gwb_load(&rec->lbset);
    settings->flags = gwb_load(&rec->flags) & GWB_FLAGS_ADMIN;
    apr_cpystrn(settings->route, rec->route, GWB_ROUTE_MAX);
    apr_cpystrn(settings->redirect, rec->redirect, GWB_ROUTE_MAX);
}

void gwb_shm_changed(gwb_shm *shm)
{
    gwb_add(&shm->front->head.generation, 1);
}

gwb_row *gwb_shm_claim_row(gwb_shm *shm, apr_uint32_t pid)
{
    unsigned i;

    for (i = 0; i < shm->nrows; ++i) {
        apr_uint32_t nobody = 0;

        if (__atomic_compare_exchange_n(&shm->rows[i].pid, &nobody, pid, 0,
                                        __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
            gwb_store(&shm->rows[i].waiting, 0);
            return &shm->rows[i];
        }
    }
    return NULL;
}

void gwb_shm_free_row(gwb_shm *shm, apr_uint32_t pid)
{
    unsigned i;

    for (i = 0; i < shm->nrows; ++i) {
        if (gwb_load(&shm->rows[i].pid) == pid) {
            gwb_store(&shm->rows[i].waiting, 0);
            gwb_store(&shm->rows[i].pid, 0);
        }
    }
}

unsigned gwb_shm_waiting(const gwb_shm *shm)
{
    unsigned sum = 0;
    unsigned i;

    for (i = 0; i < shm->nrows; ++i) {
        sum += gwb_load(&shm->rows[i].waiting);
    }
    return sum;
}

gwb_slot *gwb_shm_claim_slot(gwb_shm *shm)
{
    unsigned i;

    for (i = 0; i < shm->nslots; ++i) {
        gwb_slot *slot = &shm->slots[i];
        apr_uint32_t unused = GWB_SLOT_FREE;

        if (!gwb_load(&slot->from_file)
            && __atomic_compare_exchange_n(&slot->rec.used, &unused,
                                           GWB_SLOT_CLAIMED, 0,
                                           __ATOMIC_ACQ_REL,
                                           __ATOMIC_ACQUIRE)) {
            return slot;
        }
    }
    return NULL;
}

const gwb_member_conf *gwb_shm_conf(const gwb_shm *shm,
                                    const gateway_balancer *balancer,
                                    const gwb_slot *slot)
{
    apr_uint32_t named = gwb_load(&slot->named);

    if (gwb_load(&slot->from_file)) {
        return APR_ARRAY_IDX(balancer->members, (int)(slot - shm->slots),
                             gwb_member_conf *);
    }
    return named ? APR_ARRAY_IDX(balancer->members, (int)named - 1,
                                 gwb_member_conf *) : NULL;
}

const gwb_member_conf *gwb_shm_like(const gateway_balancer *balancer,
                                    const char *url)
{
    apr_size_t len = strcspn(url, ":") + 1;
    int i;

    for (i = 0; i < balancer->members->nelts; ++i) {
        const gwb_member_conf *m = APR_ARRAY_IDX(balancer->members, i,
                                                 gwb_member_conf *);

        if (strncasecmp(m->url, url, len) == 0) {
            return m;
        }
    }
    return APR_ARRAY_IDX(balancer->members, 0, gwb_member_conf *);
}
