#include "gwb_names.h"

#include <http_log.h>

#include <apr_optional.h>

#include "gw_clock.h"
#include "gw_log.h"
#include "gwb_duty.h"
#include "gwb_group.h"
#include "gwb_named.h"

APLOG_USE_MODULE(gateway_balancer);

/* How often drained members are looked for. */
#define SWEEP           GW_MSEC(500)
/* All lookups at start together: a server without DNS starts all the same. */
#define START_MAX       GW_SEC(3)
/* One lookup: that long a c-ares with two tries may take. */
#define LOOKUP_MAX      GW_SEC(10)
/* Lookups at once. */
#define THREADS_MAX     4
/* An answer's life in use, as gw_resolve has it. */
#define TTL_MIN         GW_SEC(1)
#define TTL_MAX         GW_SEC(3600)
/* After failures, doubling. */
#define AGAIN_MIN       GW_SEC(1)
#define AGAIN_MAX       GW_SEC(10)

enum { IDLE, ASKING, ANSWERED };

/** One GatewayMember with a name. */
typedef struct named named;
struct named {
    gwb_job job;                /* first */
    /* const */
    named *next;
    gateway_balancer *balancer;
    int index;
    const gwb_member_conf *member;
    int state;                  /* atomic; who may touch the next ones: */
    /* IDLE and ANSWERED: the duty's thread; ASKING: the crew's */
    apr_pool_t *pool;           /* of the answer */
    apr_status_t rv;
    gateway_names answer;
    /* the duty's thread */
    gw_time due;
    gw_time again;              /* after the next failure */
    int failing;
};

/* Of this child. */
static struct {
    apr_pool_t *pool;
    server_rec *server;
    named *names;
    gw_time swept;
} child;

/* --- configuration ------------------------------------------------------- */

/** The names of a balancer, before those of list. */
typedef struct listing listing;
struct listing {
    apr_pool_t *pool;
    named *list;
    unsigned n;
};

static int list_names(gateway_balancer *b, void *baton)
{
    listing *l = baton;
    int i;

    for (i = 0; i < b->members->nelts; ++i) {
        const gwb_member_conf *m = APR_ARRAY_IDX(b->members, i,
                                                 gwb_member_conf *);
        named *n;

        if (m->names == GWB_NAMES_NONE) {
            continue;
        }
        n = apr_pcalloc(l->pool, sizeof(*n));
        n->balancer = b;
        n->index = i;
        n->member = m;
        n->again = AGAIN_MIN;
        n->next = l->list;
        l->list = n;
        ++l->n;
    }
    return OK;
}

int gwb_names_check_config(server_rec *main_server)
{
    listing l = { main_server->process->pconf, NULL, 0 };

    (void)gwb_conf_each(main_server, list_names, &l);
    if (l.list == NULL || gwb_duty_possible()) {
        return OK;
    }
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, main_server, GWNO(01400)
                 "Configuration error at %s: members of a name need "
                 "mod_watchdog: load it (LoadModule watchdog_module "
                 "modules/mod_watchdog.so)", l.list->member->where);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* --- lookups ------------------------------------------------------------- */

static void look_up(named *n, gw_time timeout, int stop_fd)
{
    APR_OPTIONAL_FN_TYPE(gateway_names_lookup) *lookup
        = APR_RETRIEVE_OPTIONAL_FN(gateway_names_lookup);

    n->answer.srv = n->member->names == GWB_NAMES_SRV;
    n->answer.timeout = timeout;
    n->answer.stop_fd = stop_fd;
    n->rv = lookup(n->pool, n->member->name, &n->answer);
}

static void log_failure(named *n)
{
    unsigned left = gwb_named_count(n->balancer, n->index);
    int level = n->failing ? APLOG_DEBUG : APLOG_WARNING;

    n->failing = 1;
    if (left > 0) {
        ap_log_error(APLOG_MARK, level, 0, n->balancer->server, GWNO(01401)
                     "balancer://%s: %s cannot be resolved (%s): its %u "
                     "member%s of the last answer stay%s", n->balancer->name,
                     n->member->url, n->answer.why, left,
                     left == 1 ? "" : "s", left == 1 ? "s" : "");
        return;
    }
    ap_log_error(APLOG_MARK, level, 0, n->balancer->server, GWNO(01402)
                 "balancer://%s: %s cannot be resolved (%s): it has no "
                 "members until it can", n->balancer->name, n->member->url,
                 n->answer.why);
}

/** An answer came, or none. */
static void use_answer(named *n, int slow)
{
    gw_time ttl = n->answer.ttl;

    if (n->rv != APR_SUCCESS) {
        log_failure(n);
        n->due = gw_now() + n->again;
        n->again = n->again * 2 < AGAIN_MAX ? n->again * 2 : AGAIN_MAX;
        return;
    }
    if (n->failing) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, n->balancer->server,
                     GWNO(01403) "balancer://%s: %s can be resolved",
                     n->balancer->name, n->member->url);
        n->failing = 0;
    }
    n->again = AGAIN_MIN;
    gwb_named_apply(n->balancer, n->index,
                    gwb_named_places(n->pool, n->member, &n->answer), slow);
    n->due = gw_now() + (ttl < TTL_MIN ? TTL_MIN
                         : ttl > TTL_MAX ? TTL_MAX : ttl);
}

/* --- at start ------------------------------------------------------------ */

static void ask_at_start(apr_pool_t *ptemp, server_rec *main_server)
{
    gw_time until = gw_now() + START_MAX;
    listing l = { ptemp, NULL, 0 };
    named *n;

    (void)gwb_conf_each(main_server, list_names, &l);
    for (n = l.list; n != NULL; n = n->next) {
        /* after a restart there are those of before */
        if (gwb_named_count(n->balancer, n->index) > 0) {
            continue;
        }
        n->pool = ptemp;
        n->rv = APR_TIMEUP;
        n->answer.why = "other names took too long";
        if (gw_now() < until) {
            look_up(n, until - gw_now(), 0);
        }
        use_answer(n, 0);
    }
}

static int any_name(gateway_balancer *b, void *baton)
{
    int i;

    for (i = 0; i < b->members->nelts; ++i) {
        if (APR_ARRAY_IDX(b->members, i, gwb_member_conf *)->names
            != GWB_NAMES_NONE) {
            *(int *)baton = 1;
        }
    }
    return OK;
}

static int has_names(server_rec *main_server)
{
    int any = 0;

    (void)gwb_conf_each(main_server, any_name, &any);
    return any;
}

/* --- in the child that resolves ------------------------------------------ */

/** In a thread of the crew. */
static void run(gwb_crew *crew, gwb_job *job)
{
    named *n = (named *)job;

    look_up(n, LOOKUP_MAX, gwb_crew_stop_fd(crew));
    gwb_store(&n->state, ANSWERED);
}

static void ask(gwb_crew *crew, named *n)
{
    apr_status_t rv;

    apr_pool_clear(n->pool);
    gwb_store(&n->state, ASKING);
    rv = gwb_crew_give(crew, &n->job);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, child.server, GWNO(01405)
                     "no thread to resolve %s: it is done later",
                     n->member->url);
    }
}

static void tick(gwb_crew *crew)
{
    gw_time now = gw_now();
    int sweep = now - child.swept >= SWEEP;
    named *n;

    for (n = child.names; n != NULL; n = n->next) {
        if (n->balancer->group == NULL) {
            continue;
        }
        if (gwb_load(&n->state) == ANSWERED) {
            use_answer(n, gwb_named_count(n->balancer, n->index) > 0);
            gwb_store(&n->state, IDLE);
        }
        if (gwb_load(&n->state) == IDLE && n->due <= now) {
            ask(crew, n);
        }
        if (sweep) {
            gwb_named_sweep(n->balancer);
        }
    }
    child.swept = sweep ? now : child.swept;
}

static void begin(void)
{
    named *n;

    ap_log_error(APLOG_MARK, APLOG_INFO, 0, child.server, GWNO(01406)
                 "this child resolves the names of members");
    for (n = child.names; n != NULL; n = n->next) {
        /* whoever asked before has said so */
        n->failing = gwb_named_count(n->balancer, n->index) == 0;
    }
}

static gwb_duty duty = {
    .watchdog = "_gateway_names_",
    .what = "lookups of names",
    .seat = GWB_SEAT_NAMES,
    .begin = begin,
    .tick = tick,
    .run = run
};

/* --- hooks --------------------------------------------------------------- */

int gwb_names_post_config(apr_pool_t *pconf, apr_pool_t *ptemp,
                          server_rec *main_server)
{
    int rv;

    if (!has_names(main_server)) {
        return OK;
    }
    rv = gwb_duty_post_config(&duty, pconf, main_server);
    if (rv == OK) {
        ask_at_start(ptemp, main_server);
    }
    return rv;
}

static apr_status_t make_pools(named *n)
{
    apr_status_t rv = APR_SUCCESS;

    for (; n != NULL && rv == APR_SUCCESS; n = n->next) {
        rv = apr_pool_create_unmanaged_ex(&n->pool, NULL, NULL);
    }
    return rv;
}

void gwb_names_child_init(apr_pool_t *pchild, server_rec *main_server)
{
    listing l = { NULL, NULL, 0 };
    apr_status_t rv;

    if (!has_names(main_server)) {
        return;
    }
    rv = apr_pool_create_unmanaged_ex(&l.pool, NULL, NULL);
    if (rv == APR_SUCCESS) {
        (void)gwb_conf_each(main_server, list_names, &l);
        rv = make_pools(l.list);
    }
    child.pool = l.pool;
    child.server = main_server;
    child.names = l.list;
    if (rv == APR_SUCCESS) {
        rv = gwb_duty_child_init(&duty, pchild, main_server,
                                 l.n < THREADS_MAX ? l.n : THREADS_MAX);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, main_server, GWNO(01407)
                     "this child cannot resolve the names of members");
    }
}

void gwb_names_child_stopping(void)
{
    gwb_duty_stop(&duty);
}
