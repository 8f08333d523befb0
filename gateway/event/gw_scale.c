#include "gw_scale.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include <ap_mpm.h>
#include <http_config.h>
#include <http_log.h>
#include <scoreboard.h>

#include "gw_engine.h"
#include "gw_event_conf.h"
#include "gw_log.h"

APLOG_USE_MODULE(gateway);

/* What the event MPM takes where nothing is said, and its steps. */
#define FACTOR_DEFAULT 2.0
#define FACTOR_STEPS 16

/* Descriptors of a child that are not connections: logs, listeners, those of
 * the loops, of libraries and modules. */
#define RESERVED 128

/* More connections than a process can have: no sum of them overflows. */
#define HELD_MAX 100000000

typedef struct facts facts;
struct facts {
    server_rec *s;
    int children;
    int threads;                /* of the MPM, in each */
    int thread_limit;
    double factor;
    int posts;                  /* loops and helpers of each */
    apr_int64_t held;           /* connections of each */
    apr_int64_t needed;         /* descriptors of each */
    struct rlimit files;
};

static int mpm_says(int code, int least)
{
    int n = 0;

    return ap_mpm_query(code, &n) == APR_SUCCESS && n > least ? n : least;
}

/* The last one counts. */
static void find_factor(const ap_directive_t *node, double *pfactor)
{
    for (; node; node = node->next) {
        if (strcasecmp(node->directive, "AsyncRequestWorkerFactor") == 0) {
            *pfactor = strtod(node->args, NULL);
        }
        find_factor(node->first_child, pfactor);
    }
}

static double factor_of_mpm(void)
{
    double factor = FACTOR_DEFAULT;

    find_factor(ap_conftree, &factor);
    if (!(factor < HELD_MAX)) {
        return HELD_MAX;
    }
    factor = (double)(apr_int64_t)(factor * FACTOR_STEPS) / FACTOR_STEPS;
    return factor < 1 ? 1 : factor;
}

static apr_int64_t held_with(const facts *f, double factor)
{
    double held = f->threads * (1 + factor);

    return held < HELD_MAX ? (apr_int64_t)held : HELD_MAX;
}

static void look(facts *f, server_rec *s)
{
    memset(f, 0, sizeof(*f));
    f->s = s;
    f->children = mpm_says(AP_MPMQ_MAX_DAEMONS, 1);
    f->threads = mpm_says(AP_MPMQ_MAX_THREADS, 1);
    f->thread_limit = mpm_says(AP_MPMQ_HARD_LIMIT_THREADS, f->threads);
    f->factor = factor_of_mpm();
    f->posts = gw_event_loops(s) + gw_event_helpers(s, f->threads);
    f->held = held_with(f, f->factor);
    f->needed = 2 * f->held + RESERVED;
    if (getrlimit(RLIMIT_NOFILE, &f->files) < 0) {
        f->files.rlim_cur = f->files.rlim_max = RLIM_INFINITY;
    }
}

/* --- what is said ------------------------------------------------------- */

static void say_limits(const facts *f)
{
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, f->s, GWNO(02093) "each of up to "
                 "%d children holds up to %" APR_INT64_T_FMT " connections: "
                 "ThreadsPerChild %d, and AsyncRequestWorkerFactor %g times "
                 "as many; %" APR_INT64_T_FMT " descriptors are enough for "
                 "them and their backends, the limit is %" APR_UINT64_T_FMT,
                 f->children, f->held, f->threads, f->factor, f->needed,
                 (apr_uint64_t)f->files.rlim_cur);
}

/* The factor with which the descriptors do; the MPM takes none below 1. */
static int factor_that_fits(const facts *f)
{
    apr_int64_t free = (apr_int64_t)f->files.rlim_cur - RESERVED;
    apr_int64_t factor = free / 2 / f->threads - 1;

    return factor < 1 ? 1 : (int)factor;
}

static void check_files(const facts *f)
{
    if (f->files.rlim_cur == RLIM_INFINITY
        || f->files.rlim_cur >= (rlim_t)f->needed) {
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, f->s, GWNO(02094) "each child "
                 "may hold %" APR_INT64_T_FMT " connections (ThreadsPerChild "
                 "%d, AsyncRequestWorkerFactor %g): with one to a backend for "
                 "each that takes %" APR_INT64_T_FMT " descriptors, but the "
                 "limit is %" APR_UINT64_T_FMT " (the hard limit %"
                 APR_UINT64_T_FMT "). Raise it (LimitNOFILE= of systemd, "
                 "ulimit -n), or set AsyncRequestWorkerFactor %d",
                 f->held, f->threads, f->factor, f->needed,
                 (apr_uint64_t)f->files.rlim_cur,
                 (apr_uint64_t)f->files.rlim_max, factor_that_fits(f));
}

static const gw_route *most_wanted(server_rec *s)
{
    const gw_route *most = NULL;
    int i;

    for (; s; s = s->next) {
        const apr_array_header_t *all = gw_conf_of_server(s)->frozen;

        for (i = 0; all && i < all->nelts; i++) {
            const gw_route *route = APR_ARRAY_IDX(all, i, gw_route *);

            if (!route->exclude && route->conn.max
                && (!most || route->conn.max > most->conn.max)) {
                most = route;
            }
        }
    }
    return most;
}

static void check_factor(const facts *f)
{
    const gw_route *route = most_wanted(f->s);
    apr_int64_t all = f->held * f->children;
    apr_int64_t threads = (apr_int64_t)f->threads * f->children;

    if (!route || route->conn.max <= all) {
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, f->s, GWNO(02095) "max=%d for "
                 "%s is never reached: all children together hold %"
                 APR_INT64_T_FMT " connections of clients (MaxRequestWorkers "
                 "%" APR_INT64_T_FMT ", and AsyncRequestWorkerFactor %g times "
                 "as many); AsyncRequestWorkerFactor %" APR_INT64_T_FMT
                 " is enough for that", route->conn.max, route->destination,
                 all, threads, f->factor,
                 (route->conn.max + threads - 1) / threads - 1);
}

static void check_scoreboard(const facts *f)
{
    int left = f->thread_limit - f->threads;

    if (!ap_extended_status || left >= f->posts
        || !ap_find_linked_module("mod_status.c")) {
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, f->s, GWNO(02096) "ThreadLimit "
                 "%d leaves %d places in the scoreboard, but each child has "
                 "%d loops and helpers beside its %d threads: mod_status does "
                 "not count the requests of those without one. Set "
                 "ThreadLimit %d", f->thread_limit, left, f->posts,
                 f->threads, f->threads + f->posts);
}

void gw_scale_announce(server_rec *main_server)
{
    facts f;

    if (!gw_engine_is_wanted(main_server)) {
        return;
    }
    look(&f, main_server);
    say_limits(&f);
    check_files(&f);
    check_factor(&f);
    check_scoreboard(&f);
}
