#include "gwb_select.h"

#include <string.h>

#include "gwb_average.h"
#include "gwb_draw.h"

/* Picks that lost the race for a trial, until everybody is asked in turn. */
#define CLAIMS_MAX      8
/* Sets of more normal members count their unusable ones once per
 * millisecond, not for every pick. */
#define COUNT_ALWAYS    64
#define COUNT_BITS      24
#define BUSY_KEPT       4

/** May a member be used for this request? */
typedef enum { NO, FULL, YES } fitness;

/** One pick while it runs. */
typedef struct {
    const gwb_table *table;
    const gwb_select_params *params;
    const gwb_want *want;
    /* what the method sees: members base..base+limit-1 */
    unsigned base;
    unsigned limit;
    int full;               /* a full one was passed */
    int guessed;            /* the count of a set's unusable members was kept
                               from before */
    int exact;              /* count anew */
    int peek;               /* claims nothing */
    int trial;
    /* load seen last, by the lower bits of the index: methods ask after
     * usable() did, and in the gateway it is a sum over all children */
    struct {
        unsigned index;
        unsigned busy;
    } kept[BUSY_KEPT];
} picking;

static void picking_init(picking *p, const gwb_table *table,
                         const gwb_select_params *params,
                         const gwb_want *want)
{
    static const picking none;
    unsigned i;

    *p = none;
    p->table = table;
    p->params = params;
    p->want = want;
    for (i = 0; i < BUSY_KEPT; i++) {
        p->kept[i].index = table->n;    /* nobody's */
    }
}

/* -- members -------------------------------------------------------------- */

/** Is the record still this member's, and could it take requests at all? */
static int in_service(const gwb_member *member, apr_uint32_t unless)
{
    const gwb_record *rec = member->rec;

    return gwb_load(&rec->used) && gwb_load(&rec->id) == member->id
           && !(gwb_load(&rec->flags) & unless)
           && !gwb_load(&rec->check_failed);
}

/** Is it usable, leaving aside this request and how busy it is? */
static int works(const gwb_member *member, gw_time now)
{
    return in_service(member, GWB_DISABLED | GWB_STOPPED | GWB_DRAINING)
           && gwb_health_state(member->rec, now) == GWB_USABLE;
}

static int was_tried(const gwb_want *want, apr_uint32_t id)
{
    unsigned i;

    for (i = 0; i < want->ntried; i++) {
        if (want->tried[i] == id) {
            return 1;
        }
    }
    return 0;
}

static unsigned busy_of(picking *p, unsigned index, unsigned *pmax)
{
    unsigned busy;

    *pmax = 0;
    busy = p->params->busy ? p->params->busy(p->table->members[index].target,
                                             pmax)
                           : 0;
    p->kept[index % BUSY_KEPT].index = index;
    p->kept[index % BUSY_KEPT].busy = busy;
    return busy;
}

/** @param sticks  the request's session belongs to it */
static fitness judge(picking *p, unsigned index, int sticks)
{
    const gwb_member *member = &p->table->members[index];
    gw_time now = p->want->now;
    apr_uint32_t unless = GWB_DISABLED | GWB_STOPPED;
    unsigned max;

    if (!sticks) {
        unless |= GWB_DRAINING;
    }
    if (!in_service(member, unless) || was_tried(p->want, member->id)) {
        return NO;
    }
    switch (gwb_health_state(member->rec, now)) {
    case GWB_EJECTED:
        return NO;
    case GWB_HALF_OPEN:
        if (!gwb_health_claimable(member->rec, now)) {
            return NO;
        }
        break;
    case GWB_USABLE:
        break;
    }
    return busy_of(p, index, &max) >= max && max > 0 ? FULL : YES;
}

static const gwb_health_params *health_of(const picking *p, unsigned index)
{
    const gwb_member *member = &p->table->members[index];

    return member->health ? member->health : p->params->health;
}

/** Take a member that was judged fit: claims the trial of a half-open one.
 * @return 0 when somebody else was faster */
static int take(picking *p, unsigned index)
{
    gwb_record *rec = p->table->members[index].rec;

    switch (gwb_health_state(rec, p->want->now)) {
    case GWB_USABLE:
        return 1;
    case GWB_HALF_OPEN:
        p->trial = gwb_health_claim(rec, health_of(p, index), p->want->now);
        return p->trial;
    case GWB_EJECTED:
        break;
    }
    return 0;
}

/* -- the method's view ---------------------------------------------------- */

static gwb_record *record(const picking *p, unsigned i)
{
    return p->table->members[p->base + i].rec;
}

static int now_usable(void *baton, unsigned i)
{
    picking *p = baton;
    fitness fit;

    if (i >= p->limit) {
        return 0;
    }
    fit = judge(p, p->base + i, 0);
    p->full |= fit == FULL;
    return fit == YES;
}

static unsigned now_share(void *baton, unsigned i)
{
    picking *p = baton;

    return gwb_health_share(record(p, i), health_of(p, p->base + i),
                            p->want->now);
}

static unsigned now_busy(void *baton, unsigned i)
{
    picking *p = baton;
    unsigned index = p->base + i;
    unsigned max;

    if (p->kept[index % BUSY_KEPT].index == index) {
        return p->kept[index % BUSY_KEPT].busy;
    }
    return busy_of(p, index, &max);
}

static double now_traffic(void *baton, unsigned i)
{
    picking *p = baton;

    return gwb_average_traffic(record(p, i), p->want->now);
}

static gw_time now_ttfb(void *baton, unsigned i)
{
    return gwb_load(&record(baton, i)->ttfb);
}

/** Ask everybody in turn: others take the trials as fast as we find them. */
static int take_any(picking *p, unsigned n)
{
    unsigned i;

    for (i = 0; i < n; i++) {
        if (now_usable(p, i) && take(p, p->base + i)) {
            return (int)(p->base + i);
        }
    }
    return -1;
}

/**
 * Let the method pick among n members from first.
 * @param limit  how many of them are candidates
 * @return index in the table, taken, or -1
 */
static int pick_among(picking *p, void *methods, unsigned first, unsigned n,
                      unsigned limit)
{
    gateway_lb_now now;
    int tries;

    if (methods == NULL || limit == 0) {
        return -1;
    }
    p->base = first;
    p->limit = limit;
    now.baton = p;
    now.usable = now_usable;
    now.share = now_share;
    now.busy = now_busy;
    now.traffic = now_traffic;
    now.ttfb = now_ttfb;
    now.has_key = p->want->has_key;
    now.key = p->want->key;
    now.random = p->want->random;
    for (tries = 0; tries < CLAIMS_MAX; tries++) {
        int i = p->table->method->pick(methods, n, &now);

        if (i < 0 || (unsigned)i >= n) {
            return -1;
        }
        if (now_usable(p, (unsigned)i) && take(p, first + (unsigned)i)) {
            return (int)(first + (unsigned)i);
        }
        now.random = gwb_mix(now.random + 1);
    }
    return take_any(p, n);
}

/* -- sets ----------------------------------------------------------------- */

/** How many normal members of a set do not work. */
static unsigned count_missing(picking *p, gwb_set *set)
{
    const gwb_member *members = p->table->members + set->first;
    const apr_uint64_t mask = ((apr_uint64_t)1 << COUNT_BITS) - 1;
    apr_uint64_t when = (apr_uint64_t)(p->want->now / GW_MSEC(1))
                        << COUNT_BITS;
    apr_uint64_t kept = gwb_load(&set->missing);
    unsigned missing = 0;
    unsigned i;

    if (set->normals > COUNT_ALWAYS && !p->exact && (kept & ~mask) == when) {
        p->guessed = 1;
        return (unsigned)(kept & mask);
    }
    for (i = 0; i < set->normals; i++) {
        missing += !works(&members[i], p->want->now);
    }
    gwb_store(&set->missing, when | missing);
    return missing;
}

/** How many working normal members of a set this request tried already. */
static unsigned count_tried(picking *p, const gwb_set *set)
{
    unsigned tried = 0;
    unsigned i;

    for (i = 0; i < p->want->ntried; i++) {
        int index = gwb_table_by_id(p->table, p->want->tried[i]);

        if (index >= (int)set->first
            && index < (int)(set->first + set->normals)) {
            tried += works(&p->table->members[index], p->want->now);
        }
    }
    return tried;
}

/** How many of a set's normal members and spares are candidates: a spare for
 * each unusable normal one, the first ones that can. */
static unsigned count_active(picking *p, gwb_set *set)
{
    unsigned wanted;
    unsigned i;

    if (set->spares == 0) {
        return set->normals;
    }
    wanted = count_missing(p, set) + count_tried(p, set);
    for (i = 0; i < set->spares && wanted > 0; i++) {
        wanted -= judge(p, set->first + set->normals + i, 0) != NO;
    }
    return set->normals + i;
}

static int pick_in_set(picking *p, gwb_set *set)
{
    unsigned active = set->normals + set->spares;
    int full_before = p->full;
    int index;

    p->full = 0;
    p->guessed = 0;
    index = pick_among(p, set->active, set->first, active,
                       count_active(p, set));
    if (index < 0 && p->guessed) {
        p->exact = 1;
        index = pick_among(p, set->active, set->first, active,
                           count_active(p, set));
        p->exact = 0;
    }
    if (index < 0 && !p->full) {
        index = pick_among(p, set->standby, set->first + active,
                           set->standbys, set->standbys);
    }
    p->full |= full_before;
    return index;
}

static int pick_in_sets(picking *p)
{
    unsigned i;

    for (i = 0; i < p->table->nsets; i++) {
        int index = pick_in_set(p, &p->table->sets[i]);

        if (index >= 0) {
            return index;
        }
    }
    return -1;
}

/* -- sessions ------------------------------------------------------------- */

static int stick_to(picking *p, unsigned index)
{
    switch (judge(p, index, 1)) {
    case YES:
        return p->peek || take(p, index);
    case FULL:
        p->full = 1;
        break;
    case NO:
        break;
    }
    return 0;
}

/** The usable member of a route, or of its redirect, and so on; -1. */
static int follow_route(picking *p, const char *route, int *known)
{
    const gwb_table *table = p->table;
    unsigned hops;

    /* a chain longer than this goes round in a circle */
    for (hops = 0; hops < table->n && route && *route; hops++) {
        unsigned first;
        unsigned n = gwb_table_routed(table, route, &first);

        route = NULL;
        for (; n > 0; n--, first++) {
            unsigned index = table->by_route[first];

            *known = 1;
            if (stick_to(p, index)) {
                return (int)index;
            }
            if (route == NULL && *table->members[index].redirect) {
                route = table->members[index].redirect;
            }
        }
        if (p->full) {
            return -1;
        }
    }
    return -1;
}

/** The member of the request's session. @param known  out: it has one */
static int pick_sticky(picking *p, int *known)
{
    const gwb_want *want = p->want;
    int index;

    *known = 0;
    if (want->sticky_id >= 0) {
        index = gwb_table_by_id(p->table, (apr_uint32_t)want->sticky_id);
        if (index >= 0) {
            *known = 1;
            if (stick_to(p, (unsigned)index)) {
                return index;
            }
            return p->full ? -1 : follow_route(p,
                p->table->members[index].redirect, known);
        }
    }
    return follow_route(p, want->route, known);
}

/** Is this the member that the session names, not one of a redirect? */
static int is_own(const picking *p, int index)
{
    const gwb_member *member = &p->table->members[index];

    if (p->want->sticky_id >= 0
        && member->id == (apr_uint32_t)p->want->sticky_id) {
        return 1;
    }
    return p->want->route && *p->want->route
           && strcmp(member->route, p->want->route) == 0;
}

/* -- all together --------------------------------------------------------- */

static int pick_once(picking *p)
{
    int known;
    int index = pick_sticky(p, &known);

    if (index >= 0 || p->full || (known && p->params->no_failover)) {
        return index;
    }
    return pick_in_sets(p);
}

/** When everybody is ejected, end all ejections.
 * @return 1 when it did, or somebody is usable, perhaps because another thread
 *         was faster: look again */
static int recover(picking *p)
{
    const gwb_table *table = p->table;
    apr_uint32_t unless = GWB_DISABLED | GWB_STOPPED | GWB_DRAINING;
    unsigned ejected = 0;
    unsigned i;

    for (i = 0; i < table->n; i++) {
        const gwb_member *member = &table->members[i];

        if (!in_service(member, unless)) {
            continue;
        }
        if (gwb_health_state(member->rec, p->want->now) == GWB_USABLE
            || gwb_health_claimable(member->rec, p->want->now)) {
            return 1;
        }
        ejected++;
    }
    for (i = 0; i < table->n && ejected; i++) {
        if (in_service(&table->members[i], unless)) {
            gwb_health_clear(table->members[i].rec);
        }
    }
    return ejected > 0;
}

gwb_pick gwb_select(const gwb_table *table, const gwb_select_params *params,
                    const gwb_want *want)
{
    gwb_pick pick = { GWB_NOBODY, 0, 0, 0 };
    picking p;
    int index;

    picking_init(&p, table, params, want);
    index = pick_once(&p);
    if (index < 0 && !p.full && params->force_recovery && recover(&p)) {
        index = pick_once(&p);
    }
    if (index >= 0) {
        pick.verdict = GWB_PICKED;
        pick.index = (unsigned)index;
        pick.trial = p.trial;
        pick.route_changed = (want->sticky_id >= 0
                              || (want->route && *want->route))
                             && !is_own(&p, index);
    }
    else if (p.full) {
        pick.verdict = GWB_ALL_FULL;
    }
    return pick;
}

unsigned gwb_select_left(const gwb_table *table,
                         const gwb_select_params *params,
                         const gwb_want *want)
{
    picking p;
    unsigned left = 0;
    unsigned at;
    unsigned i;

    if (table->n == 0) {
        return 0;
    }
    picking_init(&p, table, params, want);
    p.peek = 1;
    if (params->no_failover) {
        int known;
        int index = pick_sticky(&p, &known);

        if (known) {
            return index >= 0;
        }
    }
    /* from anywhere, so that not everybody asks the same unusable ones */
    at = (unsigned)(want->random % table->n);
    for (i = 0; i < table->n && left < GWB_LEFT_MAX; i++) {
        left += judge(&p, at, 0) == YES;
        at = at + 1 == table->n ? 0 : at + 1;
    }
    return left;
}

int gwb_select_is_last(const gwb_table *table,
                       const gwb_select_params *params, unsigned index,
                       gw_time now)
{
    unsigned i;

    for (i = 1; i < table->n; i++) {
        if (works(&table->members[(index + i) % table->n], now)) {
            return 0;
        }
    }
    return 1;
}

int gwb_select_failure(const gwb_table *table,
                       const gwb_select_params *params, unsigned index,
                       gw_time now)
{
    gwb_record *rec = table->members[index].rec;
    int last = gwb_select_is_last(table, params, index, now);

    if (!gwb_health_failure(rec, params->health, now, last)) {
        return 0;
    }
    /* another thread may have ejected the others since we looked */
    if (gwb_select_is_last(table, params, index, now)) {
        gwb_health_clear(rec);
        return 0;
    }
    return 1;
}
