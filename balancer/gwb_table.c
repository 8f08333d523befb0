#include "gwb_table.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "gwb_draw.h"
#include "gwb_method.h"

/** Where a member stands in its set. */
typedef enum { NORMAL, SPARE, STANDBY } role;

/** A member while the table is built, with what decides its place. */
typedef struct {
    gwb_member member;
    apr_uint32_t lbset;
    role role;
    unsigned order;             /* as given: the sort is stable */
} draft;

static role role_of(const gwb_record *rec)
{
    apr_uint32_t flags = gwb_load(&rec->flags);

    if (flags & GWB_STANDBY) {
        return STANDBY;
    }
    return flags & GWB_SPARE ? SPARE : NORMAL;
}

static int compare_drafts(const void *a, const void *b)
{
    const draft *left = a;
    const draft *right = b;

    if (left->lbset != right->lbset) {
        return left->lbset < right->lbset ? -1 : 1;
    }
    if (left->role != right->role) {
        return left->role < right->role ? -1 : 1;
    }
    return left->order < right->order ? -1 : left->order > right->order;
}

/** A record's text field, ended whatever a writer does to it meanwhile. */
static const char *copy_text(apr_pool_t *pool, const char *field,
                             apr_size_t size)
{
    return apr_pstrmemdup(pool, field, strnlen(field, size - 1));
}

/** The used members in the order of the sets. */
static draft *sort_members(gwb_table *table, const gwb_member *members,
                           unsigned n)
{
    draft *drafts = apr_pcalloc(table->pool, (n + 1) * sizeof(*drafts));
    unsigned i;

    for (i = 0; drafts && i < n; i++) {
        const gwb_record *rec = members[i].rec;
        draft *d = &drafts[table->n];

        if (!gwb_load(&rec->used)) {
            continue;
        }
        d->member = members[i];
        d->member.route = copy_text(table->pool, rec->route, GWB_ROUTE_MAX);
        d->member.redirect = copy_text(table->pool, rec->redirect,
                                       GWB_ROUTE_MAX);
        d->lbset = gwb_load(&rec->lbset);
        d->role = role_of(rec);
        d->order = i;
        table->n++;
    }
    if (drafts) {
        qsort(drafts, table->n, sizeof(*drafts), compare_drafts);
    }
    return drafts;
}

/** Cut the sorted members into sets. */
static int make_sets(gwb_table *table, const draft *drafts)
{
    unsigned i;

    table->members = apr_pcalloc(table->pool,
                                 (table->n + 1) * sizeof(*table->members));
    table->sets = apr_pcalloc(table->pool,
                              (table->n + 1) * sizeof(*table->sets));
    if (table->members == NULL || table->sets == NULL) {
        return 0;
    }
    for (i = 0; i < table->n; i++) {
        gwb_set *set;

        if (i == 0 || drafts[i].lbset != drafts[i - 1].lbset) {
            set = &table->sets[table->nsets++];
            set->lbset = drafts[i].lbset;
            set->first = i;
            set->missing = ~(apr_uint64_t)0;    /* at no time */
        }
        set = &table->sets[table->nsets - 1];
        set->normals += drafts[i].role == NORMAL;
        set->spares += drafts[i].role == SPARE;
        set->standbys += drafts[i].role == STANDBY;
        table->members[i] = drafts[i].member;
    }
    return 1;
}

/** The method's table of some members. @return 0 without memory */
static int build_method(gwb_table *table, unsigned first, unsigned n,
                        apr_uint64_t seed, void **pout)
{
    gateway_lb_member *members = apr_pcalloc(table->pool,
                                             (n + 1) * sizeof(*members));
    unsigned i;

    *pout = NULL;
    if (n == 0 || members == NULL) {
        return n == 0;
    }
    for (i = 0; i < n; i++) {
        const gwb_record *rec = table->members[first + i].rec;

        members[i].name = copy_text(table->pool, rec->url, GWB_URL_MAX);
        members[i].hash = gwb_hash(members[i].name, strlen(members[i].name));
        members[i].weight = gwb_load(&rec->weight);
    }
    *pout = table->method->build(table->pool, members, n, seed);
    return *pout != NULL;
}

static int build_methods(gwb_table *table, apr_uint64_t seed)
{
    unsigned i;

    for (i = 0; i < table->nsets; i++) {
        gwb_set *set = &table->sets[i];
        unsigned active = set->normals + set->spares;

        if (!build_method(table, set->first, active, gwb_random(&seed),
                          &set->active)
            || !build_method(table, set->first + active, set->standbys,
                             gwb_random(&seed), &set->standby)) {
            return 0;
        }
    }
    return 1;
}

/** An entry of an index while it is sorted. */
typedef struct {
    const gwb_member *member;
    unsigned index;
} entry;

static int compare_ids(const void *a, const void *b)
{
    const entry *left = a;
    const entry *right = b;

    if (left->member->id != right->member->id) {
        return left->member->id < right->member->id ? -1 : 1;
    }
    return left->index < right->index ? -1 : left->index > right->index;
}

static int compare_routes(const void *a, const void *b)
{
    const entry *left = a;
    const entry *right = b;
    int order = strcmp(left->member->route, right->member->route);

    if (order) {
        return order;
    }
    return left->index < right->index ? -1 : left->index > right->index;
}

/** The index of n entries in an order. */
static const unsigned *make_index(apr_pool_t *pool, entry *entries,
                                  unsigned n,
                                  int (*compare)(const void *, const void *))
{
    unsigned *index = apr_palloc(pool, (n + 1) * sizeof(*index));
    unsigned i;

    qsort(entries, n, sizeof(*entries), compare);
    for (i = 0; index && i < n; i++) {
        index[i] = entries[i].index;
    }
    return index;
}

static int make_indexes(gwb_table *table)
{
    entry *entries = apr_palloc(table->pool,
                                (table->n + 1) * sizeof(*entries));
    unsigned i;

    if (entries == NULL) {
        return 0;
    }
    for (i = 0; i < table->n; i++) {
        entries[i].member = &table->members[i];
        entries[i].index = i;
    }
    table->by_id = make_index(table->pool, entries, table->n, compare_ids);
    for (i = 0; i < table->n; i++) {
        if (*table->members[i].route) {
            entries[table->nroutes].member = &table->members[i];
            entries[table->nroutes++].index = i;
        }
    }
    table->by_route = make_index(table->pool, entries, table->nroutes,
                                 compare_routes);
    return table->by_id && table->by_route;
}

gwb_table *gwb_table_build(const gwb_member *members, unsigned n,
                           const gateway_lbmethod *method,
                           apr_uint32_t generation, apr_uint64_t seed)
{
    apr_pool_t *pool = NULL;
    gwb_table *table;
    const draft *drafts;

    /* of no parent: any thread may build, and another one destroy it */
    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    table = apr_pcalloc(pool, sizeof(*table));
    if (table) {
        table->refs = 1;
        table->pool = pool;
        table->generation = generation;
        table->method = method;
        drafts = sort_members(table, members, n);
        if (drafts && make_sets(table, drafts) && make_indexes(table)
            && build_methods(table, seed)) {
            return table;
        }
    }
    apr_pool_destroy(pool);
    return NULL;
}

gwb_table *gwb_table_ref(gwb_table *table)
{
    gwb_add(&table->refs, 1);
    return table;
}

void gwb_table_release(gwb_table **ptable)
{
    gwb_table *table = *ptable;

    *ptable = NULL;
    if (table && __atomic_sub_fetch(&table->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        apr_pool_destroy(table->pool);
    }
}

unsigned gwb_table_routed(const gwb_table *table, const char *route,
                          unsigned *pfirst)
{
    unsigned low = 0;
    unsigned high = table->nroutes;
    unsigned end;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        const char *there = table->members[table->by_route[middle]].route;

        if (strcmp(there, route) < 0) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    for (end = low; end < table->nroutes; end++) {
        if (strcmp(table->members[table->by_route[end]].route, route) != 0) {
            break;
        }
    }
    *pfirst = low;
    return end - low;
}

int gwb_table_by_route(const gwb_table *table, const char *route)
{
    unsigned first;

    return gwb_table_routed(table, route, &first)
           ? (int)table->by_route[first] : -1;
}

int gwb_table_by_id(const gwb_table *table, apr_uint32_t id)
{
    unsigned low = 0;
    unsigned high = table->n;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (table->members[table->by_id[middle]].id < id) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    if (low < table->n && table->members[table->by_id[low]].id == id) {
        return (int)table->by_id[low];
    }
    return -1;
}
