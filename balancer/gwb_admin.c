#include "gwb_admin.h"

#include <string.h>

#include <httpd.h>
#include <http_log.h>

#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_log.h"
#include "gwb_group.h"
#include "gwb_keys.h"
#include "mod_gateway_balancer.h"

APLOG_USE_MODULE(gateway_balancer);

/** Flags of members that take no new requests. */
#define OUT_OF_USE (GWB_DRAINING | GWB_DISABLED | GWB_STOPPED)

/** One change. */
typedef struct change change;
struct change {
    apr_pool_t *pool;
    const gateway_balancer *balancer;
    const char *url;
    const char *who;
    gwb_slot *slot;
    const char *said;           /* the words, for the log */
    unsigned taken;             /* E and C that status= takes away */
};

static const char *begin(change *c, apr_pool_t *pool, server_rec *s,
                         const char *name, const char *url, const char *who)
{
    memset(c, 0, sizeof(*c));
    c->pool = pool;
    c->url = gwb_value_url(pool, url);
    c->who = who ? who : "unknown";
    c->said = "";
    c->balancer = gwb_conf_find(s, name);
    if (c->balancer == NULL) {
        return apr_psprintf(pool, "there is no balancer://%s", name);
    }
    if (c->balancer->group == NULL) {
        return "balancers can be changed by the server's children only";
    }
    return NULL;
}

static gwb_slot *find_slot(const change *c)
{
    gwb_shm *shm = c->balancer->shm;
    unsigned i;

    for (i = 0; i < shm->nslots; ++i) {
        gwb_slot *slot = &shm->slots[i];

        if (gwb_load(&slot->rec.used) == GWB_SLOT_USED
            && strcmp(slot->rec.url, c->url) == 0) {
            return slot;
        }
    }
    return NULL;
}

static const char *need_slot(change *c)
{
    c->slot = find_slot(c);
    return c->slot ? NULL
                   : apr_psprintf(c->pool, "%s is no member of balancer://%s",
                                  c->url, c->balancer->name);
}

static void done(const change *c, const char *what)
{
    gwb_shm_changed(c->balancer->shm);
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, c->balancer->server,
                 GWNO(01060) "balancer://%s: %s %s%s by %s",
                 c->balancer->name, c->url, what, c->said, c->who);
}

/* --- settings ------------------------------------------------------------ */

static const char *read_word(change *c, gwb_settings *settings,
                             const char *word)
{
    const char *name = word;
    const char *value;
    const char *err;
    int mine = 0;

    if (!gwb_value_split(c->pool, word, &name, &value)) {
        return apr_psprintf(c->pool, "'%s' is no key=value", word);
    }
    if (*value == '\0' && strcmp(name, "route") == 0) {
        settings->route[0] = '\0';
        return NULL;
    }
    if (*value == '\0' && strcmp(name, "redirect") == 0) {
        settings->redirect[0] = '\0';
        return NULL;
    }
    err = gwb_keys_setting(c->pool, settings, name, value, &mine);
    if (!mine) {
        return apr_psprintf(c->pool, "'%s' cannot be changed at run time: "
                            "there are loadfactor=, lbset=, route=, "
                            "redirect=, status=", word);
    }
    return err;
}

/** All words into settings; E and C stand for what the records say. */
static const char *read_words(change *c, gwb_settings *settings,
                              const char *const *words)
{
    const char *err = NULL;
    unsigned found = GWB_ERROR | GWB_CHECK_FAILED;

    settings->flags |= found;
    for (; words != NULL && *words != NULL && err == NULL; ++words) {
        err = read_word(c, settings, *words);
        c->said = apr_pstrcat(c->pool, c->said, *c->said ? " " : ": ",
                              *words, NULL);
    }
    c->taken = found & ~settings->flags;
    settings->flags &= ~found;
    return err;
}

void gwb_admin_store(gwb_record *rec, const gwb_settings *old,
                     const gwb_settings *new)
{
    gwb_settings now;

    __atomic_fetch_or(&rec->flags, new->flags & ~old->flags,
                      __ATOMIC_ACQ_REL);
    __atomic_fetch_and(&rec->flags, ~(old->flags & ~new->flags),
                       __ATOMIC_ACQ_REL);
    gwb_shm_settings(rec, &now);
    if (new->weight != old->weight) {
        now.weight = new->weight;
    }
    if (new->lbset != old->lbset) {
        now.lbset = new->lbset;
    }
    if (strcmp(new->route, old->route) != 0) {
        apr_cpystrn(now.route, new->route, GWB_ROUTE_MAX);
    }
    if (strcmp(new->redirect, old->redirect) != 0) {
        apr_cpystrn(now.redirect, new->redirect, GWB_ROUTE_MAX);
    }
    gwb_shm_store(rec, &now);
}

static const char *gateway_member_set(apr_pool_t *pool, server_rec *s,
                                      const char *balancer, const char *url,
                                      const char *const *words,
                                      const char *who)
{
    gwb_settings old;
    gwb_settings new;
    change c;
    const char *err = begin(&c, pool, s, balancer, url, who);

    if (err == NULL) {
        err = need_slot(&c);
    }
    if (err != NULL) {
        return err;
    }
    gwb_shm_settings(&c.slot->rec, &old);
    new = old;
    err = read_words(&c, &new, words);
    if (err != NULL) {
        return err;
    }
    gwb_admin_store(&c.slot->rec, &old, &new);
    if (c.taken & GWB_ERROR) {
        gwb_health_clear(&c.slot->rec);
    }
    if (c.taken & GWB_CHECK_FAILED) {
        gwb_store(&c.slot->rec.check_failed, 0);
    }
    if ((old.flags & OUT_OF_USE) && !(new.flags & OUT_OF_USE)) {
        gwb_health_slow_start(&c.slot->rec, gw_now());
    }
    done(&c, "was changed");
    return NULL;
}

/* --- members ------------------------------------------------------------- */

/** A removed member of the configuration, claimed; else any free slot. */
static gwb_slot *claim(const change *c)
{
    gwb_shm *shm = c->balancer->shm;
    unsigned i;

    for (i = 0; i < shm->nslots; ++i) {
        gwb_slot *slot = &shm->slots[i];
        apr_uint32_t unused = GWB_SLOT_FREE;

        if (gwb_load(&slot->removed) && strcmp(slot->rec.url, c->url) == 0
            && __atomic_compare_exchange_n(&slot->rec.used, &unused,
                                           GWB_SLOT_CLAIMED, 0,
                                           __ATOMIC_ACQ_REL,
                                           __ATOMIC_ACQUIRE)) {
            return slot;
        }
    }
    return gwb_shm_claim_slot(shm);
}

void gwb_admin_reset(gwb_shm *shm, gwb_slot *slot, const char *url)
{
    gwb_record *rec = &slot->rec;

    gwb_store(&slot->named, 0);
    gwb_store(&slot->gone, 0);
    gwb_store(&rec->id, gwb_add(&shm->front->head.next_id, 1));
    gwb_health_clear(rec);
    gwb_store(&rec->check_failed, 0);
    gwb_store(&rec->check_passes, 0);
    gwb_store(&rec->check_fails, 0);
    gwb_store(&rec->check_status, 0);
    gwb_store(&rec->elected, 0);
    gwb_store(&rec->errors, 0);
    gwb_store(&rec->sent, 0);
    gwb_store(&rec->received, 0);
    gwb_store(&rec->ttfb, 0);
    gwb_store(&rec->traffic, 0);
    apr_cpystrn(rec->url, url, GWB_URL_MAX);
}

/** Can the URL be a member's? @param purl  out: as members have it */
static const char *check_url(const change *c, const char **purl)
{
    APR_OPTIONAL_FN_TYPE(gateway_target_new) *target_new
        = APR_RETRIEVE_OPTIONAL_FN(gateway_target_new);
    APR_OPTIONAL_FN_TYPE(gateway_target_url) *target_url
        = APR_RETRIEVE_OPTIONAL_FN(gateway_target_url);
    const gwb_member_conf *like = gwb_shm_like(c->balancer, c->url);
    const char *err = NULL;
    gateway_target *target = target_new(c->pool, like->target, c->url, 0,
                                        &err);

    if (target == NULL) {
        return err ? err : "this URL cannot be used";
    }
    *purl = gwb_value_url(c->pool, target_url(target));
    if (strlen(*purl) >= GWB_URL_MAX) {
        return apr_psprintf(c->pool, "the URL of a member may have %d bytes "
                            "at most", GWB_URL_MAX - 1);
    }
    return NULL;
}

static const char *gateway_member_add(apr_pool_t *pool, server_rec *s,
                                      const char *balancer, const char *url,
                                      const char *const *words,
                                      const char *who)
{
    gwb_settings settings;
    change c;
    const char *err = begin(&c, pool, s, balancer, url, who);

    gwb_keys_settings_init(&settings);
    if (err == NULL) {
        err = read_words(&c, &settings, words);
    }
    if (err == NULL) {
        err = check_url(&c, &c.url);
    }
    if (err != NULL) {
        return err;
    }
    if (find_slot(&c) != NULL) {
        return apr_psprintf(pool, "%s is a member of balancer://%s already",
                            c.url, c.balancer->name);
    }
    c.slot = claim(&c);
    if (c.slot == NULL) {
        return apr_psprintf(pool, "balancer://%s has no place left: growth= "
                            "gives more", c.balancer->name);
    }
    gwb_admin_reset(c.balancer->shm, c.slot, c.url);
    gwb_shm_store(&c.slot->rec, &settings);
    gwb_health_slow_start(&c.slot->rec, gw_now());
    gwb_store(&c.slot->removed, 0);
    gwb_store(&c.slot->rec.used, GWB_SLOT_USED);
    done(&c, "was added");
    return NULL;
}

/** The member of a slot by its index in a view, -1. */
static int index_of(const gwb_view *view, const gwb_slot *slot)
{
    int i;

    for (i = 0; view != NULL && i < (int)view->table->n; ++i) {
        if (view->table->members[i].rec == &slot->rec) {
            return i;
        }
    }
    return -1;
}

unsigned gwb_admin_busy(const gwb_view *view, const gwb_slot *slot,
                        unsigned *pmax)
{
    int index = index_of(view, slot);

    *pmax = 0;
    return index < 0 ? 0 : view->group->select.busy(
        view->table->members[index].target, pmax);
}

static unsigned count_members(const gwb_shm *shm)
{
    unsigned n = 0;
    unsigned i;

    for (i = 0; i < shm->nslots; ++i) {
        n += gwb_load(&shm->slots[i].rec.used) == GWB_SLOT_USED;
    }
    return n;
}

static const char *may_be_removed(const change *c)
{
    gwb_view *view;
    unsigned busy;
    unsigned max;

    if (count_members(c->balancer->shm) == 1) {
        return apr_psprintf(c->pool, "%s is the last member of "
                            "balancer://%s", c->url, c->balancer->name);
    }
    if (!(gwb_load(&c->slot->rec.flags) & OUT_OF_USE)) {
        return apr_psprintf(c->pool, "%s takes requests: drain it first with "
                            "status=+N", c->url);
    }
    view = gwb_group_view(c->balancer->group);
    busy = gwb_admin_busy(view, c->slot, &max);
    gwb_group_release(&view);
    return busy == 0 ? NULL
                     : apr_psprintf(c->pool, "%s still has %u request%s under "
                                    "way", c->url, busy,
                                    busy == 1 ? "" : "s");
}

static const char *gateway_member_remove(apr_pool_t *pool, server_rec *s,
                                         const char *balancer,
                                         const char *url, const char *who)
{
    change c;
    const char *err = begin(&c, pool, s, balancer, url, who);
    apr_uint32_t used = GWB_SLOT_USED;

    if (err == NULL) {
        err = need_slot(&c);
    }
    if (err == NULL) {
        err = may_be_removed(&c);
    }
    if (err != NULL) {
        return err;
    }
    if (!__atomic_compare_exchange_n(&c.slot->rec.used, &used,
                                     GWB_SLOT_CLAIMED, 0, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        return need_slot(&c);
    }
    gwb_store(&c.slot->removed, gwb_load(&c.slot->from_file));
    gwb_store(&c.slot->rec.used, GWB_SLOT_FREE);
    done(&c, "was removed");
    return NULL;
}

/* --- what there is ------------------------------------------------------- */

static void describe_member(apr_pool_t *pool, const gateway_balancer *b,
                            const gwb_view *view, const gwb_slot *slot,
                            gateway_member_info *info)
{
    const gwb_record *rec = &slot->rec;
    gw_time now = gw_now();
    gw_time until = gwb_load(&rec->ejected_until);
    gwb_settings settings;
    int index = index_of(view, slot);

    gwb_shm_settings(rec, &settings);
    info->url = apr_pstrdup(pool, rec->url);
    info->route = apr_pstrdup(pool, settings.route);
    info->redirect = apr_pstrdup(pool, settings.redirect);
    info->weight = settings.weight;
    info->lbset = settings.lbset;
    if (gwb_health_state(rec, now) != GWB_USABLE) {
        settings.flags |= GWB_ERROR;
        info->ejected_for = until > now ? until - now : 0;
    }
    if (gwb_load(&rec->check_failed)) {
        settings.flags |= GWB_CHECK_FAILED;
    }
    info->status = gwb_value_letters(pool, settings.flags);
    info->from_file = (int)gwb_load(&slot->from_file);
    info->removed = (int)gwb_load(&slot->removed);
    info->usable = !info->removed
                   && !(settings.flags & (OUT_OF_USE | GWB_ERROR
                                          | GWB_CHECK_FAILED));
    info->failures = gwb_load(&rec->failures);
    info->share = gwb_health_share(rec, index < 0 ? &b->params.health
                                   : gwb_group_health(view, (unsigned)index),
                                   now);
    info->busy = gwb_admin_busy(view, slot, &info->max);
    info->elected = gwb_load(&rec->elected);
    info->errors = gwb_load(&rec->errors);
    info->sent = gwb_load(&rec->sent);
    info->received = gwb_load(&rec->received);
    info->ttfb = gwb_load(&rec->ttfb);
    info->check_status = (int)gwb_load(&rec->check_status);
}

static void describe(apr_pool_t *pool, const gateway_balancer *b,
                     gateway_balancer_info *info)
{
    gwb_view *view = gwb_group_view(b->group);
    gwb_shm *shm = b->shm;
    unsigned i;

    info->name = b->name;
    info->method = b->params.lbmethod;
    info->waiting = gwb_shm_waiting(shm);
    info->refused = gwb_load(&shm->front->refused);
    info->gave_up = gwb_load(&shm->front->gave_up);
    info->members = apr_array_make(pool, 8, sizeof(gateway_member_info));
    for (i = 0; i < shm->nslots; ++i) {
        const gwb_slot *slot = &shm->slots[i];

        if (gwb_load(&slot->rec.used) == GWB_SLOT_USED
            || gwb_load(&slot->removed)) {
            describe_member(pool, b, view, slot,
                            apr_array_push(info->members));
        }
        else if (gwb_load(&slot->rec.used) == GWB_SLOT_FREE
                 && !gwb_load(&slot->from_file)) {
            ++info->places;
        }
    }
    gwb_group_release(&view);
}

static void describe_all(apr_pool_t *pool, const gwb_server_conf *conf,
                         server_rec *s, apr_array_header_t *list)
{
    int i;

    for (i = 0; i < conf->balancers->nelts; ++i) {
        const gateway_balancer *b = APR_ARRAY_IDX(conf->balancers, i,
                                                  gateway_balancer *);

        /* another one may hide it */
        if (b->group != NULL && gwb_conf_find(s, b->name) == b) {
            describe(pool, b, apr_array_push(list));
        }
    }
}

static apr_array_header_t *gateway_balancer_list(apr_pool_t *pool,
                                                 server_rec *s)
{
    const gwb_server_conf *conf = gwb_conf_of_server(s);
    apr_array_header_t *list = apr_array_make(pool, 4,
                                              sizeof(gateway_balancer_info));

    describe_all(pool, conf, s, list);
    if (conf->base != NULL) {
        describe_all(pool, conf->base, s, list);
    }
    return list;
}

void gwb_admin_register(void)
{
    APR_REGISTER_OPTIONAL_FN(gateway_balancer_list);
    APR_REGISTER_OPTIONAL_FN(gateway_member_set);
    APR_REGISTER_OPTIONAL_FN(gateway_member_add);
    APR_REGISTER_OPTIONAL_FN(gateway_member_remove);
}
