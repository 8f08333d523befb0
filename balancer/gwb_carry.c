#include "gwb_carry.h"

#include <string.h>

#include <apr_strings.h>

#include "gw_log.h"
#include "gwb_health.h"

/** One import. */
typedef struct carry carry;
struct carry {
    apr_pool_t *pool;
    const gateway_balancer *balancer;
    gwb_shm *shm;
    gw_time now;
    gwb_carry_log *log;
    void *baton;
};

void gwb_carry_export(apr_pool_t *pool, const gateway_balancer *balancer,
                      gwb_kept *state)
{
    const gwb_shm *shm = balancer->shm;
    unsigned i;

    state->id = apr_pstrdup(pool, balancer->id);
    state->persist = balancer->persist;
    state->next_id = gwb_load(&shm->front->head.next_id);
    state->slots = apr_palloc(pool, shm->nslots * sizeof(gwb_slot));
    state->n = 0;
    for (i = 0; i < shm->nslots; ++i) {
        const gwb_slot *slot = &shm->slots[i];

        if (gwb_load(&slot->rec.used) == GWB_SLOT_USED
            || gwb_load(&slot->removed)) {
            state->slots[state->n++] = *slot;
        }
    }
}

/* --- settings ------------------------------------------------------------ */

/** The file has changed its mind since a value was set at run time. */
static void note_conflict(const carry *c, const gwb_slot *slot,
                          const char *name, const char *at_run_time,
                          const char *in_file)
{
    c->log(c->baton, GW_LOG_NOTICE,
           apr_psprintf(c->pool, "balancer://%s: %s was set to '%s' for %s "
                        "at run time, but the configuration has changed "
                        "since: it is '%s' now", c->balancer->name, name,
                        at_run_time, slot->rec.url, in_file));
}

/**
 * The value to go on with.
 * @param old  the file's value when it was set at run time
 */
static apr_uint32_t choose(const carry *c, const gwb_slot *slot,
                           const char *name, apr_uint32_t old,
                           apr_uint32_t run, apr_uint32_t file)
{
    if (file == old) {
        return run;
    }
    if (run != old && run != file) {
        note_conflict(c, slot, name, apr_psprintf(c->pool, "%u", run),
                      apr_psprintf(c->pool, "%u", file));
    }
    return file;
}

/** Each flag by itself. */
static apr_uint32_t choose_flags(const carry *c, const gwb_slot *slot,
                                 apr_uint32_t old, apr_uint32_t run,
                                 apr_uint32_t file)
{
    apr_uint32_t changed = (old ^ file) & GWB_FLAGS_ADMIN;
    apr_uint32_t flags = (file & changed) | (run & ~changed);

    if ((run ^ old) & (run ^ file) & changed) {
        note_conflict(c, slot, "status", gwb_value_letters(c->pool, run),
                      gwb_value_letters(c->pool, flags));
    }
    return flags;
}

static void choose_text(const carry *c, const gwb_slot *slot,
                        const char *name, const char *old, const char *run,
                        char *file)
{
    if (strcmp(file, old) == 0) {
        apr_cpystrn(file, run, GWB_ROUTE_MAX);
    }
    else if (strcmp(run, old) != 0 && strcmp(run, file) != 0) {
        note_conflict(c, slot, name, run, file);
    }
}

/** Has the configuration said something else than it does now? */
static int file_changed(const gwb_slot *new, const gwb_slot *old)
{
    return new->file.weight != old->file.weight
           || new->file.lbset != old->file.lbset
           || new->file.flags != old->file.flags
           || strcmp(new->file.route, old->file.route) != 0
           || strcmp(new->file.redirect, old->file.redirect) != 0;
}

static void import_settings(const carry *c, gwb_slot *new,
                            const gwb_slot *old)
{
    gwb_settings run;
    gwb_settings chosen = new->file;

    gwb_shm_settings(&old->rec, &run);
    chosen.weight = choose(c, new, "loadfactor (in hundredths)",
                           old->file.weight, run.weight, chosen.weight);
    chosen.lbset = choose(c, new, "lbset", old->file.lbset, run.lbset,
                          chosen.lbset);
    chosen.flags = choose_flags(c, new, old->file.flags, run.flags,
                                chosen.flags);
    choose_text(c, new, "route", old->file.route, run.route, chosen.route);
    choose_text(c, new, "redirect", old->file.redirect, run.redirect,
                chosen.redirect);
    gwb_shm_store(&new->rec, &chosen);
}

/* --- health and counters ------------------------------------------------- */

/** Is a member checked actively now? */
static int is_checked(const carry *c, const gwb_slot *slot)
{
    const gwb_member_conf *m = gwb_shm_conf(c->shm, c->balancer, slot);

    if (m == NULL) {
        m = gwb_shm_like(c->balancer, slot->rec.url);
    }
    return gwb_check_wanted(&m->check);
}

static void import_health(const carry *c, gwb_slot *new,
                          const gwb_record *old)
{
    gwb_record *rec = &new->rec;

    rec->failures = old->failures;
    rec->ejections = old->ejections;
    rec->ejected_until = old->ejected_until;
    rec->slow_since = old->slow_since;
    if (rec->ejected_until > c->now + c->balancer->params.health.eject_max
        && c->balancer->params.health.retry_fixed == GW_NEVER) {
        rec->ejected_until = 0;
    }
    if (rec->slow_since > c->now) {
        rec->slow_since = 0;
    }
    /* whoever ran a trial reports it into memory that is gone */
    rec->trial_until = 0;
    if (is_checked(c, new)) {
        rec->check_failed = old->check_failed;
        rec->check_passes = old->check_passes;
        rec->check_fails = old->check_fails;
        rec->check_status = old->check_status;
        rec->check_at = old->check_at <= c->now ? old->check_at : 0;
    }
}

static void import_counters(const carry *c, gwb_record *rec,
                            const gwb_record *old)
{
    rec->elected = old->elected;
    rec->errors = old->errors;
    rec->sent = old->sent;
    rec->received = old->received;
    rec->ttfb = old->ttfb;
    if (old->traffic_at <= c->now) {
        rec->traffic_at = old->traffic_at;
        rec->traffic = old->traffic;
    }
}

/* --- members ------------------------------------------------------------- */

static gwb_slot *find_slot(gwb_shm *shm, const char *url)
{
    unsigned i;

    for (i = 0; i < shm->nslots; ++i) {
        if (shm->slots[i].rec.used && strcmp(shm->slots[i].rec.url,
                                             url) == 0) {
            return &shm->slots[i];
        }
    }
    return NULL;
}

/** A member that the administration had added. */
static gwb_slot *add_again(const carry *c, const gwb_slot *old)
{
    gwb_slot *slot = gwb_shm_claim_slot(c->shm);

    if (slot == NULL) {
        c->log(c->baton, GW_LOG_WARN,
               apr_psprintf(c->pool, "balancer://%s: %s, which was added at "
                            "run time, is lost: growth= has no place for it",
                            c->balancer->name, old->rec.url));
        return NULL;
    }
    apr_cpystrn(slot->rec.url, old->rec.url, GWB_URL_MAX);
    slot->rec.used = GWB_SLOT_USED;
    return slot;
}

/** Removed at run time: stays out until the configuration changes. */
static void import_removed(const carry *c, gwb_slot *new, const gwb_slot *old)
{
    if (file_changed(new, old)) {
        c->log(c->baton, GW_LOG_NOTICE,
               apr_psprintf(c->pool, "balancer://%s: %s was removed at run "
                            "time, but its parameters have changed since: "
                            "it is a member again", c->balancer->name,
                            new->rec.url));
        return;
    }
    c->log(c->baton, GW_LOG_NOTICE,
           apr_psprintf(c->pool, "balancer://%s: %s was removed at run time "
                        "and stays out; change or delete its GatewayMember, "
                        "or add it again at run time", c->balancer->name,
                        new->rec.url));
    new->removed = 1;
    new->rec.used = GWB_SLOT_FREE;
}

/** 1 + index of the GatewayMember whose name had this member, 0: it is no
 * longer there. */
static apr_uint32_t find_name(const carry *c, const gwb_slot *old)
{
    int i;

    for (i = 0; i < c->balancer->members->nelts; ++i) {
        const gwb_member_conf *m = APR_ARRAY_IDX(c->balancer->members, i,
                                                 gwb_member_conf *);

        if (m->names != GWB_NAMES_NONE && strcmp(m->url, old->name) == 0) {
            return (apr_uint32_t)i + 1;
        }
    }
    return 0;
}

/** What DNS said last goes on until it says something else. */
static void import_name(const carry *c, gwb_slot *new, const gwb_slot *old,
                        apr_uint32_t named)
{
    const gwb_member_conf *m = APR_ARRAY_IDX(c->balancer->members,
                                             (int)named - 1,
                                             gwb_member_conf *);

    new->named = named;
    new->gone = old->gone;
    new->file = m->names == GWB_NAMES_SRV ? old->file : m->settings;
    apr_cpystrn(new->name, old->name, GWB_URL_MAX);
}

static void import_slot(const carry *c, const gwb_slot *old)
{
    gwb_slot *new = find_slot(c->shm, old->rec.url);
    apr_uint32_t named = old->named ? find_name(c, old) : 0;

    if (new == NULL
        && (old->from_file || old->removed || (old->named && !named))) {
        return;         /* gone from the configuration */
    }
    if (new == NULL) {
        new = add_again(c, old);
        if (new == NULL) {
            return;
        }
        if (named) {
            import_name(c, new, old, named);
        }
    }
    new->rec.id = old->rec.id;
    /* who was removed, or added at run time before the configuration had it,
     * begins as the configuration says */
    if (!old->removed && (old->from_file || !new->from_file)) {
        import_settings(c, new, old);
    }
    import_health(c, new, &old->rec);
    import_counters(c, &new->rec, &old->rec);
    if (old->removed) {
        import_removed(c, new, old);
    }
}

/** Ids of members that are new must not be those of old ones. */
static void number_anew(gwb_shm *shm, apr_uint32_t next_id)
{
    unsigned i;

    if (shm->front->head.next_id < next_id) {
        shm->front->head.next_id = next_id;
    }
    for (i = 0; i < shm->nslots; ++i) {
        if (shm->slots[i].rec.used) {
            shm->slots[i].rec.id = ++shm->front->head.next_id;
        }
    }
}

void gwb_carry_import(apr_pool_t *pool, const gateway_balancer *balancer,
                      gwb_shm *shm, const gwb_kept *state, gw_time now,
                      gwb_carry_log *log, void *baton)
{
    carry c = { pool, balancer, shm, now, log, baton };
    unsigned i;

    number_anew(shm, state->next_id);
    for (i = 0; i < state->n; ++i) {
        import_slot(&c, &state->slots[i]);
    }
}
