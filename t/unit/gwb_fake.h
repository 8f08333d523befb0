/**
 * gwb_fake: a balancer's members without httpd or shared memory, for the unit
 * tests of the balancer.
 *
 * Owner: the test that includes it. A cluster is a plain struct; records and
 * targets are arrays in it. Not for many threads, but for what gwb_record
 * itself allows.
 */
#ifndef GWB_T_FAKE_H
#define GWB_T_FAKE_H

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "gwb_draw.h"
#include "gwb_health.h"
#include "gwb_method.h"
#include "gwb_select.h"
#include "gwb_table.h"

#define FAKE_UNUSED __attribute__((unused))

/** What is opaque outside mod_gateway.so. */
struct gateway_target {
    unsigned busy;
    unsigned max;
};

typedef struct {
    unsigned n;
    gwb_record *records;
    gateway_target *targets;
    gwb_member *members;
    gwb_health_params health;
    gwb_select_params params;
    gwb_table *table;
    apr_uint64_t random;        /* state */
    gw_time now;
    apr_uint32_t tried[64];
    unsigned ntried;
} cluster;

static FAKE_UNUSED unsigned fake_busy(const gateway_target *target,
                                      unsigned *pmax)
{
    *pmax = target->max;
    return __atomic_load_n(&target->busy, __ATOMIC_RELAXED);
}

static const gwb_health_params fake_health FAKE_UNUSED = {
    3, GW_SEC(1), GW_SEC(30), GW_NEVER, GW_SEC(60), GW_SEC(10)
};

/** Room for n equal members "http://m<i>" with routes "r<i>", ids 100 + i. */
static FAKE_UNUSED void fake_init(cluster *c, unsigned n)
{
    unsigned i;

    memset(c, 0, sizeof(*c));
    c->n = n;
    c->records = calloc(n, sizeof(*c->records));
    c->targets = calloc(n, sizeof(*c->targets));
    c->members = calloc(n, sizeof(*c->members));
    c->health = fake_health;
    c->params.health = &c->health;
    c->params.force_recovery = 1;
    c->params.busy = fake_busy;
    c->now = GW_SEC(1000);
    c->random = 42;
    for (i = 0; i < n; i++) {
        gwb_record *rec = &c->records[i];

        rec->used = 1;
        rec->id = 100 + i;
        rec->weight = 100;
        apr_snprintf(rec->url, sizeof(rec->url), "http://m%u", i);
        apr_snprintf(rec->route, sizeof(rec->route), "r%u", i);
        c->members[i].rec = rec;
        c->members[i].target = &c->targets[i];
        c->members[i].id = rec->id;
    }
}

/** A new table of the records as they are now. */
static FAKE_UNUSED void fake_build(cluster *c, const char *method)
{
    gwb_table_release(&c->table);
    c->table = gwb_table_build(c->members, c->n, gwb_method_find(method), 1,
                               gwb_random(&c->random));
}

static FAKE_UNUSED void fake_free(cluster *c)
{
    gwb_table_release(&c->table);
    free(c->records);
    free(c->targets);
    free(c->members);
}

static FAKE_UNUSED gwb_want fake_want(cluster *c)
{
    gwb_want want;

    memset(&want, 0, sizeof(want));
    want.sticky_id = -1;
    want.random = gwb_random(&c->random);
    want.now = c->now;
    want.tried = c->tried;
    want.ntried = c->ntried;
    return want;
}

/** Which record a pick means; -1: nobody, -2: all are full. */
static FAKE_UNUSED int fake_picked(cluster *c, gwb_pick pick)
{
    if (pick.verdict != GWB_PICKED) {
        return pick.verdict == GWB_ALL_FULL ? -2 : -1;
    }
    return (int)(c->table->members[pick.index].rec - c->records);
}

/** Pick for a request without a session. */
static FAKE_UNUSED int fake_pick(cluster *c)
{
    gwb_want want = fake_want(c);

    return fake_picked(c, gwb_select(c->table, &c->params, &want));
}

/** The member was tried by the request that is picked for. */
static FAKE_UNUSED void fake_tried(cluster *c, unsigned i)
{
    c->tried[c->ntried++] = c->records[i].id;
}

/** Eject a member for a second from now. */
static FAKE_UNUSED void fake_eject(cluster *c, unsigned i)
{
    unsigned k;

    for (k = 0; k < c->health.fails; k++) {
        gwb_health_failure(&c->records[i], &c->health, c->now, 0);
    }
}

/** Make `picks` picks; counts[i] says how many went to member i. */
static FAKE_UNUSED unsigned fake_count(cluster *c, unsigned picks,
                                       unsigned *counts)
{
    unsigned lost = 0;

    memset(counts, 0, c->n * sizeof(*counts));
    while (picks-- > 0) {
        int i = fake_pick(c);

        if (i < 0) {
            lost++;
        }
        else {
            counts[i]++;
        }
    }
    return lost;
}

#endif
