#include "gwb_duty.h"

#include <http_config.h>
#include <http_log.h>
#include <mod_watchdog.h>

#include <apr_optional.h>

#include "gw_log.h"

APLOG_USE_MODULE(gateway_balancer);

/* A module with other seats does not find these. */
#define RETAINED_KEY    "mod_gateway_balancer seats 1"

int gwb_duty_possible(void)
{
    return APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance) != NULL
        && APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback) != NULL;
}

/* --- in a child ---------------------------------------------------------- */

/** What runs ends, then others may. The lock is held. */
static void hand_over(gwb_duty *duty)
{
    if (!duty->ended) {
        gwb_crew_wait(duty->crew);
    }
    if (duty->taken && pthread_equal(duty->taker, pthread_self())) {
        duty->taken = 0;
        ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, duty->server, GWNO(01320)
                     "this child ends its %s", duty->what);
        gwb_elect_leave(duty->elect, duty->seat);
    }
}

static int take(gwb_duty *duty)
{
    if (!duty->taken
        && gwb_elect_take(duty->elect, duty->seat, duty->generation)) {
        duty->taken = 1;
        duty->taker = pthread_self();
        duty->begin();
    }
    return duty->taken;
}

/** The lock is held. */
static void look(gwb_duty *duty, int stopping)
{
    if (!duty->ended
        && (stopping || !gwb_elect_is_present(duty->elect, duty->seat,
                                              duty->generation))) {
        gwb_crew_stop(duty->crew);
    }
    if (duty->ended || gwb_crew_stopped(duty->crew)) {
        hand_over(duty);
    }
    else if (take(duty)) {
        duty->tick(duty->crew);
    }
}

/** What the watchdog calls, in its thread; STOPPING may come in another. */
static apr_status_t watch(int state, void *data, apr_pool_t *pool)
{
    gwb_duty *duty = data;

    if (duty->crew != NULL && state != AP_WATCHDOG_STATE_STARTING) {
        pthread_mutex_lock(&duty->inside);
        look(duty, state == AP_WATCHDOG_STATE_STOPPING);
        pthread_mutex_unlock(&duty->inside);
    }
    return APR_SUCCESS;
}

/** Of pchild: what the work uses goes. */
static apr_status_t end_duty(void *data)
{
    gwb_duty *duty = data;

    gwb_duty_stop(duty);
    pthread_mutex_lock(&duty->inside);
    gwb_crew_join(duty->crew);
    duty->ended = 1;
    pthread_mutex_unlock(&duty->inside);
    return APR_SUCCESS;
}

apr_status_t gwb_duty_child_init(gwb_duty *duty, apr_pool_t *pchild,
                                 server_rec *main_server, unsigned threads)
{
    gwb_crew *crew;
    apr_status_t rv = gwb_crew_create(pchild, threads, duty->run, &crew);

    if (rv == APR_SUCCESS) {
        rv = pthread_mutex_init(&duty->inside, NULL);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    duty->server = main_server;
    duty->crew = crew;
    /* later than mod_gateway's, so that connections end before what they are
     * made from */
    apr_pool_pre_cleanup_register(pchild, duty, end_duty);
    return APR_SUCCESS;
}

void gwb_duty_stop(gwb_duty *duty)
{
    if (duty->crew != NULL) {
        gwb_crew_stop(duty->crew);
    }
}

/* --- in the parent ------------------------------------------------------- */

/** Those of earlier configurations are kept: their children use them. */
static apr_status_t find_seats(server_rec *main_server, gwb_elect **pelect)
{
    gwb_elect **kept = ap_retained_data_get(RETAINED_KEY);
    apr_status_t rv = APR_SUCCESS;

    if (kept == NULL) {
        kept = ap_retained_data_create(RETAINED_KEY, sizeof(*kept));
    }
    if (*kept == NULL) {
        rv = gwb_elect_create(main_server->process->pool, pelect);
        *kept = rv == APR_SUCCESS ? *pelect : NULL;
    }
    *pelect = *kept;
    return rv;
}

/** A thread for it in each child. */
static apr_status_t ask_watchdog(gwb_duty *duty, apr_pool_t *pconf)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get_instance
        = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *add_callback
        = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    ap_watchdog_t *watchdog;
    apr_status_t rv = get_instance(&watchdog, duty->watchdog, 0, 0, pconf);

    return rv == APR_SUCCESS
        ? add_callback(watchdog, GWB_DUTY_TICK, duty, watch) : rv;
}

int gwb_duty_post_config(gwb_duty *duty, apr_pool_t *pconf,
                         server_rec *main_server)
{
    apr_status_t rv = find_seats(main_server, &duty->elect);

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, main_server, GWNO(01321)
                     "no shared memory to decide which child does %s",
                     duty->what);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    rv = ask_watchdog(duty, pconf);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, main_server, GWNO(01322)
                     "mod_watchdog refuses to run %s", duty->what);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    duty->generation = gwb_elect_announce(duty->elect, duty->seat);
    return OK;
}
