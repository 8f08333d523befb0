#include "gwb_check.h"

#include <http_log.h>

#include "gw_clock.h"
#include "gw_log.h"
#include "gwb_check_run.h"
#include "gwb_conf.h"
#include "gwb_duty.h"
#include "gwb_group.h"

APLOG_USE_MODULE(gateway_balancer);

/** The checked members of one balancer, sorted by id. */
typedef struct watched watched;
struct watched {
    watched *next;
    gwb_group *group;
    apr_uint32_t generation;    /* of the view that the list is from */
    gwb_check *checks;
};

/* Of this child. Made by child_init; the lists belong to the duty. */
static struct {
    apr_pool_t *pool;           /* of the lists; no parent */
    server_rec *server;
    watched *balancers;
    gwb_check *unused;
    int lacks_threads;          /* and has said so */
} child;

/* -- configuration -------------------------------------------------------- */

static int find_wanted(gateway_balancer *balancer, void *baton)
{
    int i;

    for (i = 0; i < balancer->members->nelts; ++i) {
        const gwb_member_conf **pfound = baton;
        const gwb_member_conf *m = APR_ARRAY_IDX(balancer->members, i,
                                                 gwb_member_conf *);

        if (*pfound == NULL && gwb_check_wanted(&m->check)) {
            *pfound = m;
        }
    }
    return OK;
}

/** The first member that is to be checked, NULL: there is none. */
static const gwb_member_conf *first_wanted(server_rec *main_server)
{
    const gwb_member_conf *found = NULL;

    (void)gwb_conf_each(main_server, find_wanted, &found);
    return found;
}

int gwb_check_check_config(server_rec *main_server)
{
    const gwb_member_conf *m = first_wanted(main_server);

    if (m == NULL || gwb_duty_possible()) {
        return OK;
    }
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, main_server, GWNO(01300)
                 "Configuration error at %s: health checks (hcmethod=) need "
                 "mod_watchdog: load it (LoadModule watchdog_module "
                 "modules/mod_watchdog.so)",
                 m->check.where ? m->check.where : m->where);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* -- what is checked ------------------------------------------------------ */

static gwb_check *new_check(watched *w, apr_uint32_t id)
{
    gwb_check *check = child.unused;

    if (check != NULL) {
        child.unused = check->next;
    }
    else {
        check = apr_palloc(child.pool, sizeof(*check));
    }
    gwb_check_init(check, w->group, id);
    return check;
}

static void compare(watched *w, gwb_view *view, gw_time now)
{
    const gwb_table *table = view->table;
    gwb_check **at = &w->checks;
    unsigned i;

    for (i = 0; i < table->n; ++i) {
        unsigned index = table->by_id[i];
        const gwb_member *m = &table->members[index];
        const gwb_check_params *params = gwb_check_params_of(view, index);

        while (*at != NULL && (*at)->id < m->id) {
            (*at)->gone = 1;
            at = &(*at)->next;
        }
        if (*at != NULL && (*at)->id == m->id) {
            at = &(*at)->next;
        }
        else if (gwb_check_wanted(params)) {
            gwb_check *check = new_check(w, m->id);

            gwb_check_schedule(check, m->rec, params, now);
            check->next = *at;
            *at = check;
            at = &check->next;
        }
    }
    for (; *at != NULL; at = &(*at)->next) {
        (*at)->gone = 1;
    }
}

static void refresh(watched *w, gw_time now)
{
    const gwb_head *head = &w->group->shm->front->head;
    gwb_view *view;

    if (w->generation == gwb_load(&head->generation)) {
        return;
    }
    view = gwb_group_view(w->group);
    if (view != NULL) {
        w->generation = view->table->generation;
        compare(w, view, now);
        gwb_group_release(&view);
    }
}

/** To whoever is free, or comes free. */
static void give(gwb_crew *crew, gwb_check *check)
{
    apr_status_t rv;

    gwb_store(&check->busy, 1);
    rv = gwb_crew_give(crew, &check->job);
    if (rv != APR_SUCCESS && !child.lacks_threads) {
        child.lacks_threads = 1;
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, child.server,
                     GWNO(01303) "too few threads for health checks: they "
                     "run later than they should; is a limit reached?");
    }
}

/** Give what is due to the crew, forget what is gone. */
static void walk(gwb_crew *crew, watched *w, gw_time now)
{
    gwb_check **at = &w->checks;

    while (*at != NULL) {
        gwb_check *check = *at;

        if (gwb_load(&check->busy)) {
            at = &check->next;
        }
        else if (check->gone) {
            *at = check->next;
            check->next = child.unused;
            child.unused = check;
        }
        else {
            /* the nearest tick is the right one */
            if (check->due <= now + GWB_DUTY_TICK / 2) {
                give(crew, check);
            }
            at = &check->next;
        }
    }
}

static void begin(void)
{
    watched *w;

    ap_log_error(APLOG_MARK, APLOG_INFO, 0, child.server, GWNO(01304)
                 "this child checks the health of members");
    for (w = child.balancers; w != NULL; w = w->next) {
        w->generation = gwb_load(&w->group->shm->front->head.generation) - 1;
    }
}

static void tick(gwb_crew *crew)
{
    watched *w;

    for (w = child.balancers; w != NULL && !gwb_crew_stopped(crew);
         w = w->next) {
        gw_time now = gw_now();

        refresh(w, now);
        walk(crew, w, now);
    }
}

static gwb_duty duty = {
    .watchdog = "_gateway_checks_",
    .what = "health checks",
    .seat = GWB_SEAT_CHECKS,
    .begin = begin,
    .tick = tick,
    .run = gwb_check_run
};

/* -- hooks ---------------------------------------------------------------- */

int gwb_check_post_config(apr_pool_t *pconf, server_rec *main_server)
{
    return first_wanted(main_server) == NULL
        ? OK : gwb_duty_post_config(&duty, pconf, main_server);
}

static int add_balancer(gateway_balancer *balancer, void *baton)
{
    if (balancer->group != NULL) {
        watched *w = apr_pcalloc(child.pool, sizeof(*w));

        w->group = balancer->group;
        w->next = child.balancers;
        child.balancers = w;
    }
    return OK;
}

static unsigned crew_size(server_rec *main_server)
{
    int n = gwb_conf_of_server(main_server)->check.concurrent;

    return n == GWB_UNSET ? GWB_CHECK_CONCURRENT_DEFAULT : (unsigned)n;
}

void gwb_check_child_init(apr_pool_t *pchild, server_rec *main_server)
{
    apr_status_t rv;

    if (first_wanted(main_server) == NULL) {
        return;
    }
    rv = apr_pool_create_unmanaged_ex(&child.pool, NULL, NULL);
    if (rv == APR_SUCCESS) {
        child.server = main_server;
        (void)gwb_conf_each(main_server, add_balancer, NULL);
        rv = gwb_duty_child_init(&duty, pchild, main_server,
                                 crew_size(main_server));
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, main_server, GWNO(01306)
                     "this child cannot check the health of members");
    }
}

void gwb_check_child_stopping(void)
{
    gwb_duty_stop(&duty);
}
