#include "gwb_runtime.h"

#include <string.h>
#include <unistd.h>

#include <http_log.h>
#include <mpm_common.h>

#include <ap_slotmem.h>
#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_log.h"
#include "gwb_carry.h"
#include "gwb_group.h"
#include "gwb_secret.h"

APLOG_USE_MODULE(gateway_balancer);

#define RETAINED_KEY    "mod_gateway_balancer"
#define STATE_FILE      "gateway-balancer.state"

/* Children of an old generation that drain have rows in memory of their own;
 * these are for a few that come while others go. */
#define SPARE_ROWS      8

/** What survives the configuration in the parent's memory. */
typedef struct retained retained;
struct retained {
    apr_pool_t *pool;           /* of states; NULL: none */
    apr_array_header_t *states; /* gwb_kept */
};

/* The configuration that is served, for the cleanup of its pool; the parent
 * only. */
static struct {
    server_rec *main_server;
    pid_t parent;
    unsigned written;           /* sum of generations that the file has */
} now_serving;

static retained *get_retained(void)
{
    retained *kept = ap_retained_data_get(RETAINED_KEY);

    return kept ? kept : ap_retained_data_create(RETAINED_KEY,
                                                 sizeof(retained));
}

static int note_any(gateway_balancer *b, void *baton)
{
    *(gateway_balancer **)baton = b;
    return DONE;
}

static gateway_balancer *any_balancer(server_rec *main_server)
{
    gateway_balancer *b = NULL;

    gwb_conf_each(main_server, note_any, &b);
    return b;
}

int gwb_runtime_check(server_rec *main_server)
{
    gateway_balancer *b = any_balancer(main_server);

    if (b == NULL || gwb_shm_provider() != NULL) {
        return OK;
    }
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, b->server, GWNO(01040)
                 "Configuration error at %s: balancer://%s needs shared "
                 "memory: add LoadModule slotmem_shm_module "
                 "modules/mod_slotmem_shm.so", b->where, b->name);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* --- out of the old memory ----------------------------------------------- */

static int export_one(gateway_balancer *b, void *baton)
{
    apr_array_header_t *states = baton;

    if (b->shm != NULL) {
        gwb_carry_export(states->pool, b, apr_array_push(states));
    }
    return OK;
}

static apr_array_header_t *export_all(apr_pool_t *pool, server_rec *s)
{
    apr_array_header_t *states = apr_array_make(pool, 8, sizeof(gwb_kept));

    gwb_conf_each(s, export_one, states);
    return states;
}

static int persists(const apr_array_header_t *states)
{
    int i;

    for (i = 0; i < states->nelts; ++i) {
        if (APR_ARRAY_IDX(states, i, gwb_kept).persist) {
            return 1;
        }
    }
    return 0;
}

static void write_state(apr_pool_t *pool, server_rec *s,
                        const apr_array_header_t *states)
{
    const char *path = ap_runtime_dir_relative(pool, STATE_FILE);
    apr_status_t rv;

    if (!persists(states)) {
        return;
    }
    rv = gwb_carry_write(pool, path, states);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s, GWNO(01041)
                     "GatewayBalancerPersist: the state of balancers cannot "
                     "be written to %s", path);
    }
}

/** The configuration goes, and with it the shared memory. Registered after
 * mod_slotmem_shm's own cleanup, so it runs before that. */
static apr_status_t config_gone(void *data)
{
    server_rec *s = now_serving.main_server;
    retained *kept;

    /* children that exit do not speak for the server */
    if (s == NULL || now_serving.parent != getpid()) {
        return APR_SUCCESS;
    }
    kept = get_retained();
    if (kept->pool == NULL
        && apr_pool_create(&kept->pool, s->process->pool) != APR_SUCCESS) {
        kept->pool = NULL;
        return APR_SUCCESS;
    }
    apr_pool_tag(kept->pool, RETAINED_KEY);
    kept->states = export_all(kept->pool, s);
    write_state(kept->pool, s, kept->states);
    now_serving.main_server = NULL;
    return APR_SUCCESS;
}

static int sum_generations(gateway_balancer *b, void *baton)
{
    if (b->shm != NULL && b->persist) {
        *(unsigned *)baton += gwb_load(&b->shm->front->head.generation);
    }
    return OK;
}

int gwb_runtime_monitor(apr_pool_t *pool, server_rec *s)
{
    apr_pool_t *temp;
    unsigned sum = 0;

    if (now_serving.main_server == NULL) {
        return DECLINED;
    }
    gwb_conf_each(now_serving.main_server, sum_generations, &sum);
    if (sum == now_serving.written
        || apr_pool_create(&temp, pool) != APR_SUCCESS) {
        return DECLINED;
    }
    now_serving.written = sum;
    write_state(temp, s, export_all(temp, now_serving.main_server));
    apr_pool_destroy(temp);
    return DECLINED;
}

/* --- into the new memory ------------------------------------------------- */

/** One start of the server. */
typedef struct start start;
struct start {
    apr_pool_t *pconf;
    apr_pool_t *ptemp;
    server_rec *main_server;
    const ap_slotmem_provider_t *slotmem;
    unsigned rows;
    const apr_array_header_t *kept;     /* from memory, or NULL */
    const apr_array_header_t *stored;   /* from the file, or NULL */
};

static void log_import(void *baton, int level, const char *text)
{
    const gateway_balancer *b = baton;

    ap_log_error(APLOG_MARK, level, 0, b->server, GWNO(01042) "%s", text);
}

static const gwb_kept *find_kept(const apr_array_header_t *states,
                                 const char *id)
{
    int i;

    for (i = 0; states != NULL && i < states->nelts; ++i) {
        const gwb_kept *kept = &APR_ARRAY_IDX(states, i, gwb_kept);

        if (strcmp(kept->id, id) == 0) {
            return kept;
        }
    }
    return NULL;
}

static int start_one(gateway_balancer *b, void *baton)
{
    start *st = baton;
    const gwb_kept *kept;
    gwb_shm *shm;
    apr_status_t rv;

    if (b->members->nelts == 0) {
        return OK;
    }
    rv = gwb_shm_create(st->pconf, st->slotmem, b, st->rows, &shm);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, b->server, GWNO(01043)
                     "balancer://%s: no shared memory for %d members and %d "
                     "more (growth=)", b->name, b->members->nelts,
                     b->params.growth);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    kept = find_kept(st->kept, b->id);
    if (kept == NULL && b->persist) {
        kept = find_kept(st->stored, b->id);
    }
    if (kept != NULL) {
        gwb_carry_import(st->ptemp, b, shm, kept, gw_now(), log_import, b);
    }
    b->shm = shm;
    return OK;
}

/** The file that an earlier server left. */
static apr_array_header_t *read_state(start *st)
{
    const char *path = ap_runtime_dir_relative(st->ptemp, STATE_FILE);
    apr_array_header_t *states = NULL;
    apr_status_t rv = gwb_carry_read(st->ptemp, path, &states);

    if (rv != APR_SUCCESS && !APR_STATUS_IS_ENOENT(rv)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv == APR_EINVAL ? 0 : rv,
                     st->main_server, GWNO(01044)
                     "%s is not used: it cannot be read, or another version "
                     "of the module wrote it", path);
        return NULL;
    }
    return states;
}

static int note_persist(gateway_balancer *b, void *baton)
{
    *(int *)baton |= b->persist;
    return OK;
}

static unsigned rows_wanted(void)
{
    int limit = 0;

    if (ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &limit) != APR_SUCCESS
        || limit < 1) {
        limit = 1;
    }
    return (unsigned)limit + SPARE_ROWS;
}

int gwb_runtime_start(apr_pool_t *pconf, apr_pool_t *ptemp,
                      server_rec *main_server)
{
    start st = { pconf, ptemp, main_server, gwb_shm_provider(),
                 rows_wanted(), NULL, NULL };
    retained *kept = get_retained();
    int persist = 0;
    int rv;

    if (any_balancer(main_server) != NULL) {
        gwb_conf_each(main_server, note_persist, &persist);
        st.kept = kept->states;
        if (persist && st.kept == NULL) {
            st.stored = read_state(&st);
        }
        rv = gwb_secret_set(pconf, ptemp, main_server);
        if (rv == OK) {
            rv = gwb_conf_each(main_server, start_one, &st);
        }
        if (rv != OK) {
            return rv;
        }
        now_serving.main_server = main_server;
        now_serving.parent = getpid();
        now_serving.written = 0;
        apr_pool_cleanup_register(pconf, NULL, config_gone,
                                  apr_pool_cleanup_null);
    }
    kept->states = NULL;
    if (kept->pool != NULL) {
        apr_pool_destroy(kept->pool);
        kept->pool = NULL;
    }
    return OK;
}

/* --- children ------------------------------------------------------------ */

static int child_one(gateway_balancer *b, void *baton)
{
    if (b->shm == NULL) {
        return OK;
    }
    b->group = gwb_group_create(baton, b);
    if (b->group == NULL) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, b->server, GWNO(01045)
                     "balancer://%s cannot be used in this process: out of "
                     "memory", b->name);
    }
    return OK;
}

void gwb_runtime_child(apr_pool_t *pchild, server_rec *main_server)
{
    apr_pool_t *pool;

    if (apr_pool_create(&pool, pchild) == APR_SUCCESS) {
        apr_pool_tag(pool, RETAINED_KEY);
        gwb_conf_each(main_server, child_one, pool);
    }
}

static int free_rows(gateway_balancer *b, void *baton)
{
    if (b->shm != NULL) {
        gwb_shm_free_row(b->shm, *(apr_uint32_t *)baton);
    }
    return OK;
}

void gwb_runtime_child_status(server_rec *main_server, pid_t pid,
                              ap_generation_t generation, int slot,
                              mpm_child_status state)
{
    apr_uint32_t id = (apr_uint32_t)pid;

    if (state == MPM_CHILD_EXITED && now_serving.main_server != NULL) {
        gwb_conf_each(now_serving.main_server, free_rows, &id);
    }
}
