#include "gwb_named.h"

#include <string.h>

#include <http_log.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_log.h"
#include "gwb_admin.h"

APLOG_USE_MODULE(gateway_balancer);

#define DNS         "dns://"
#define SRV         "srv://"
#define SCHEME_LEN  6

#define LBSET_MAX   99
/* A load factor in a record's hundredths. */
#define WEIGHT_UNIT 100
#define LOADFACTOR_MAX 100

/* --- configuration ------------------------------------------------------- */

/** _service._tcp.name, for http: or https:. */
static const char *read_srv(apr_pool_t *pool, gwb_member_conf *member,
                            const char **pword)
{
    const char *name = *pword + SCHEME_LEN;
    apr_size_t len = strcspn(name, "/?");
    const char *dot = memchr(name, '.', len);
    const char *host = dot ? dot + 6 : NULL;

    if (*name != '_' || dot == NULL || strncasecmp(dot, "._tcp.", 6) != 0
        || host >= name + len || memchr(name, ':', len) != NULL) {
        return apr_psprintf(pool, "'%s' must name a service and no port, as "
                            "in srv://_http._tcp.example.com", *pword);
    }
    member->names = GWB_NAMES_SRV;
    member->name = apr_pstrmemdup(pool, name, len);
    member->before = strncasecmp(name, "_https.", 7) == 0 ? "https://"
                                                         : "http://";
    *pword = apr_pstrcat(pool, member->before, host, NULL);
    return NULL;
}

const char *gwb_named_scheme(apr_pool_t *pool, gwb_member_conf *member,
                             const char **pword)
{
    if (strncasecmp(*pword, SRV, SCHEME_LEN) == 0) {
        return read_srv(pool, member, pword);
    }
    if (strncasecmp(*pword, DNS, SCHEME_LEN) == 0) {
        member->names = GWB_NAMES_ADDRESSES;
        *pword = apr_pstrcat(pool, "http://", *pword + SCHEME_LEN, NULL);
    }
    return NULL;
}

const char *gwb_named_complete(apr_pool_t *pool, gwb_member_conf *member)
{
    const char *host = strstr(member->url, "://");
    apr_size_t len;

    if (member->names == GWB_NAMES_NONE) {
        return NULL;
    }
    host = host ? host + 3 : member->url;
    if (member->names == GWB_NAMES_SRV) {
        member->after = gwb_value_url(pool, host + strcspn(host, "/?"));
        return NULL;
    }
    len = strcspn(host, ":/?");
    if (*host == '[' || strncmp(member->url, "unix:", 5) == 0
        || strspn(host, "0123456789.") >= len) {
        return apr_psprintf(pool, "%s has one address only: resolve=all "
                            "needs a name", member->url);
    }
    member->name = apr_pstrmemdup(pool, host, len);
    member->before = apr_pstrmemdup(pool, member->url,
                                    (apr_size_t)(host - member->url));
    member->after = gwb_value_url(pool, host + len);
    return NULL;
}

/* --- answers ------------------------------------------------------------- */

/** Priorities below this one, each once. */
static int rank_of(const apr_array_header_t *places, int priority)
{
    int rank = 0;
    int i, k;

    for (i = 0; i < places->nelts; ++i) {
        int p = APR_ARRAY_IDX(places, i, gateway_place).priority;

        for (k = 0; k < i; ++k) {
            if (APR_ARRAY_IDX(places, k, gateway_place).priority == p) {
                break;
            }
        }
        rank += k == i && p < priority;
    }
    return rank;
}

/** In hundredths; what has no weight still gets a little (RFC 2782). */
static apr_uint32_t weight_of(const apr_array_header_t *places,
                              const gateway_place *place)
{
    int most = LOADFACTOR_MAX;
    unsigned weight;
    int i;

    for (i = 0; i < places->nelts; ++i) {
        const gateway_place *p = &APR_ARRAY_IDX(places, i, gateway_place);

        if (p->priority == place->priority && p->weight > most) {
            most = p->weight;
        }
    }
    weight = (unsigned)place->weight * WEIGHT_UNIT * LOADFACTOR_MAX
             / (unsigned)most;
    return weight < WEIGHT_UNIT ? WEIGHT_UNIT : weight;
}

static const char *url_of(apr_pool_t *pool, const gwb_member_conf *member,
                          const gateway_place *place)
{
    const char *host = place->host;
    int usual = strcmp(member->before, "https://") == 0 ? 443 : 80;
    const char *port = "";

    if (strchr(host, ':') != NULL) {
        host = apr_pstrcat(pool, "[", host, "]", NULL);
    }
    if (member->names == GWB_NAMES_SRV && place->port != usual) {
        port = apr_psprintf(pool, ":%d", place->port);
    }
    return apr_pstrcat(pool, member->before, host, port, member->after, NULL);
}

static int has_url(const apr_array_header_t *places, const char *url)
{
    int i;

    for (i = 0; i < places->nelts; ++i) {
        if (strcmp(APR_ARRAY_IDX(places, i, gwb_place).url, url) == 0) {
            return 1;
        }
    }
    return 0;
}

apr_array_header_t *gwb_named_places(apr_pool_t *pool,
                                     const gwb_member_conf *member,
                                     const gateway_names *answer)
{
    apr_array_header_t *places = apr_array_make(pool, 8, sizeof(gwb_place));
    int i;

    for (i = 0; i < answer->places->nelts; ++i) {
        const gateway_place *from = &APR_ARRAY_IDX(answer->places, i,
                                                   gateway_place);
        gwb_place place = { url_of(pool, member, from), member->settings };

        if (strlen(place.url) >= GWB_URL_MAX || has_url(places, place.url)) {
            continue;
        }
        if (member->names == GWB_NAMES_SRV) {
            place.settings.weight = weight_of(answer->places, from);
            place.settings.lbset += (apr_uint32_t)rank_of(answer->places,
                                                          from->priority);
            if (place.settings.lbset > LBSET_MAX) {
                place.settings.lbset = LBSET_MAX;
            }
        }
        APR_ARRAY_PUSH(places, gwb_place) = place;
    }
    return places;
}

/* --- members ------------------------------------------------------------- */

static void say(const gateway_balancer *b, const gwb_slot *slot,
                const char *what)
{
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, b->server, GWNO(01410)
                 "balancer://%s: %s %s: DNS says so for %s", b->name,
                 slot->rec.url, what, slot->name);
}

static gwb_slot *find_slot(const gwb_shm *shm, const char *url)
{
    unsigned i;

    for (i = 0; i < shm->nslots; ++i) {
        if (gwb_load(&shm->slots[i].rec.used) == GWB_SLOT_USED
            && strcmp(shm->slots[i].rec.url, url) == 0) {
            return &shm->slots[i];
        }
    }
    return NULL;
}

/** @return 1 when something changed */
static int update(const gateway_balancer *b, gwb_slot *slot,
                  const gwb_place *place)
{
    gwb_settings old = slot->file;
    int changed = 0;

    if (gwb_load(&slot->gone)) {
        gwb_store(&slot->gone, 0);
        old.flags |= GWB_DRAINING;
        gwb_health_slow_start(&slot->rec, gw_now());
        say(b, slot, "is back");
        changed = 1;
    }
    if (old.weight != place->settings.weight
        || old.lbset != place->settings.lbset) {
        say(b, slot, "has another weight or lbset");
        changed = 1;
    }
    if (changed) {
        gwb_admin_store(&slot->rec, &old, &place->settings);
        slot->file = place->settings;
    }
    return changed;
}

static int add(const gateway_balancer *b, int index, const gwb_place *place,
               int slow)
{
    const gwb_member_conf *m = APR_ARRAY_IDX(b->members, index,
                                             gwb_member_conf *);
    gwb_slot *slot = gwb_shm_claim_slot(b->shm);

    if (slot == NULL) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, b->server, GWNO(01411)
                     "balancer://%s has no place left for %s of %s: growth= "
                     "gives more", b->name, place->url, m->url);
        return 0;
    }
    gwb_admin_reset(b->shm, slot, place->url);
    gwb_shm_store(&slot->rec, &place->settings);
    slot->file = place->settings;
    apr_cpystrn(slot->name, m->url, GWB_URL_MAX);
    gwb_store(&slot->named, (apr_uint32_t)index + 1);
    if (place->settings.flags & GWB_CHECK_FAILED) {
        gwb_store(&slot->rec.check_failed, 1);
    }
    if (slow) {
        gwb_health_slow_start(&slot->rec, gw_now());
    }
    gwb_store(&slot->removed, 0);
    gwb_store(&slot->rec.used, GWB_SLOT_USED);
    say(b, slot, "was added");
    return 1;
}

/** Members that the name has no more. */
static int drain(const gateway_balancer *b, int index,
                 const apr_array_header_t *places)
{
    gwb_shm *shm = b->shm;
    int changed = 0;
    unsigned i;

    for (i = 0; i < shm->nslots; ++i) {
        gwb_slot *slot = &shm->slots[i];

        if (gwb_load(&slot->rec.used) != GWB_SLOT_USED
            || gwb_load(&slot->named) != (apr_uint32_t)index + 1
            || gwb_load(&slot->gone) || has_url(places, slot->rec.url)) {
            continue;
        }
        gwb_store(&slot->gone, 1);
        __atomic_fetch_or(&slot->rec.flags, GWB_DRAINING, __ATOMIC_ACQ_REL);
        say(b, slot, "drains");
        changed = 1;
    }
    return changed;
}

void gwb_named_apply(const gateway_balancer *b, int index,
                     const apr_array_header_t *places, int slow)
{
    int changed = 0;
    int i;

    for (i = 0; i < places->nelts; ++i) {
        const gwb_place *place = &APR_ARRAY_IDX(places, i, gwb_place);
        gwb_slot *slot = find_slot(b->shm, place->url);

        if (slot == NULL) {
            changed |= add(b, index, place, slow);
        }
        else if (gwb_load(&slot->named) == (apr_uint32_t)index + 1) {
            changed |= update(b, slot, place);
        }
        /* else another GatewayMember has it already */
    }
    changed |= drain(b, index, places);
    if (changed) {
        gwb_shm_changed(b->shm);
    }
}

/** @return 1 when it was removed */
static int remove_idle(const gateway_balancer *b, const gwb_view *view,
                       gwb_slot *slot)
{
    apr_uint32_t used = GWB_SLOT_USED;
    unsigned max;

    if (gwb_admin_busy(view, slot, &max) > 0
        || !__atomic_compare_exchange_n(&slot->rec.used, &used,
                                        GWB_SLOT_CLAIMED, 0,
                                        __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
        return 0;
    }
    say(b, slot, "has drained and was removed");
    gwb_store(&slot->named, 0);
    gwb_store(&slot->gone, 0);
    gwb_store(&slot->rec.used, GWB_SLOT_FREE);
    return 1;
}

void gwb_named_sweep(const gateway_balancer *b)
{
    gwb_shm *shm = b->shm;
    gwb_view *view = NULL;
    int changed = 0;
    unsigned i;

    for (i = 0; i < shm->nslots; ++i) {
        gwb_slot *slot = &shm->slots[i];

        if (gwb_load(&slot->rec.used) != GWB_SLOT_USED
            || !gwb_load(&slot->gone)) {
            continue;
        }
        if (view == NULL) {
            view = gwb_group_view(b->group);
        }
        changed |= view != NULL && remove_idle(b, view, slot);
    }
    gwb_group_release(&view);
    if (changed) {
        gwb_shm_changed(shm);
    }
}

unsigned gwb_named_count(const gateway_balancer *b, int index)
{
    unsigned n = 0;
    unsigned i;

    for (i = 0; i < b->shm->nslots; ++i) {
        const gwb_slot *slot = &b->shm->slots[i];

        n += gwb_load(&slot->rec.used) == GWB_SLOT_USED
             && gwb_load(&slot->named) == (apr_uint32_t)index + 1
             && !gwb_load(&slot->gone);
    }
    return n;
}
