#include "gw_lane_hooks.h"

#include <string.h>

#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <ap_expr.h>
#include <apr_strings.h>

#define US "mod_gateway.c"

/*
 * Modules whose hooks only compute, or write to a log file, in any
 * configuration that gw_lane_conf does not object to. Those that ask somebody
 * for a password do it only where AuthType is set, which is asked for every
 * request; those that map files come after this module.
 */
static const char *const trusted[] = {
    "core.c", "http_core.c", "event.c", "worker.c", "prefork.c",
    US, "mod_gateway_balancer.c",
    "mod_access_compat.c", "mod_alias.c", "mod_allowmethods.c",
    "mod_auth_basic.c", "mod_auth_digest.c", "mod_auth_form.c",
    "mod_authn_core.c", "mod_authz_core.c", "mod_cache.c",
    "mod_charset_lite.c", "mod_dav.c", "mod_dir.c", "mod_env.c",
    "mod_expires.c", "mod_filter.c", "mod_headers.c", "mod_http2.c",
    "mod_include.c", "mod_log_config.c", "mod_log_debug.c",
    "mod_log_forensic.c", "mod_logio.c", "mod_md.c", "mod_mime.c",
    "mod_negotiation.c", "mod_proxy.c", "mod_proxy_hcheck.c",
    "mod_proxy_html.c", "mod_remoteip.c", "mod_reqtimeout.c",
    "mod_request.c", "mod_rewrite.c", "mod_setenvif.c", "mod_speling.c",
    "mod_ssl.c", "mod_unique_id.c", "mod_usertrack.c", NULL
};

/* As APR_IMPLEMENT_EXTERNAL_HOOK_BASE makes each entry of such an array. */
typedef struct entry entry;
struct entry {
    void (*function)(void);
    const char *name;
    const char *const *before;
    const char *const *after;
    int order;
};

typedef apr_array_header_t *get_hook(void);

/* Each module that is run counts. */
static get_hook *const on_process[] = {
    ap_hook_get_create_request, ap_hook_get_pre_read_request,
    ap_hook_get_post_read_request, ap_hook_get_http_scheme,
    ap_hook_get_default_port, ap_hook_get_generate_log_id,
    ap_hook_get_error_log, NULL
};
static get_hook *const on_request[] = {
    ap_hook_get_quick_handler, ap_hook_get_post_perdir_config,
    ap_hook_get_header_parser, ap_hook_get_access_checker,
    ap_hook_get_access_checker_ex, ap_hook_get_force_authn,
    ap_hook_get_check_user_id, ap_hook_get_auth_checker,
    ap_hook_get_note_auth_failure, ap_hook_get_fixups,
    ap_hook_get_insert_filter, ap_hook_get_insert_error_filter,
    ap_hook_get_expr_lookup, NULL
};
static get_hook *const on_end[] = { ap_hook_get_log_transaction, NULL };

/* The first that takes the request ends these: what comes after this module
 * is not run for its requests. */
static get_hook *const until_us[] = {
    ap_hook_get_pre_translate_name, ap_hook_get_translate_name,
    ap_hook_get_map_to_storage, ap_hook_get_type_checker,
    ap_hook_get_handler, NULL
};

static const char *file_of(const entry *e)
{
    const char *slash = e->name ? strrchr(e->name, '/') : NULL;

    return slash ? slash + 1 : e->name ? e->name : "unknown";
}

static int is_one_of(const char *name, const apr_array_header_t *names)
{
    int i;

    for (i = 0; i < names->nelts; i++) {
        if (strcmp(name, APR_ARRAY_IDX(names, i, const char *)) == 0) {
            return 1;
        }
    }
    return 0;
}

static int is_trusted(const gw_lane_hooks *hooks, const char *name)
{
    int i;

    for (i = 0; trusted[i]; i++) {
        if (strcmp(name, trusted[i]) == 0) {
            return 1;
        }
    }
    return hooks->sessions && strcmp(name, "mod_session.c") == 0;
}

/* Adds those of one array that are not trusted. */
static void look(const gw_lane_hooks *hooks, get_hook *get, int to_us,
                 apr_array_header_t *suspects)
{
    const apr_array_header_t *all = get();
    int i;

    for (i = 0; all && i < all->nelts; i++) {
        const char *name = file_of(&APR_ARRAY_IDX(all, i, entry));

        if (to_us && strcmp(name, US) == 0) {
            return;
        }
        if (!is_trusted(hooks, name) && !is_one_of(name, suspects)) {
            APR_ARRAY_PUSH(suspects, const char *) = name;
        }
    }
}

static int is_before_us(get_hook *get, const char *name)
{
    const apr_array_header_t *all = get();
    int i;

    for (i = 0; all && i < all->nelts; i++) {
        const char *file = file_of(&APR_ARRAY_IDX(all, i, entry));

        if (strcmp(file, US) == 0) {
            return 0;
        }
        if (strcmp(file, name) == 0) {
            return 1;
        }
    }
    return 0;
}

void gw_lane_hooks_look(gw_lane_hooks *hooks, apr_pool_t *pool)
{
    int i;

    hooks->process = apr_array_make(pool, 4, sizeof(const char *));
    hooks->request = apr_array_make(pool, 4, sizeof(const char *));
    hooks->end = apr_array_make(pool, 4, sizeof(const char *));
    hooks->proxy_first
        = is_before_us(ap_hook_get_pre_translate_name, "mod_proxy.c")
          || is_before_us(ap_hook_get_translate_name, "mod_proxy.c");
    hooks->sessions = !ap_find_linked_module("mod_session_dbd.c");
    for (i = 0; on_process[i]; i++) {
        look(hooks, on_process[i], 0, hooks->process);
    }
    for (i = 0; on_request[i]; i++) {
        look(hooks, on_request[i], 0, hooks->request);
    }
    for (i = 0; until_us[i]; i++) {
        look(hooks, until_us[i], 1, hooks->request);
    }
    for (i = 0; on_end[i]; i++) {
        look(hooks, on_end[i], 0, hooks->end);
    }
}

const char *gw_lane_hooks_why(apr_pool_t *pool,
                              const apr_array_header_t *modules)
{
    return apr_is_empty_array(modules) ? NULL
        : apr_pstrcat(pool, "hook ", APR_ARRAY_IDX(modules, 0, const char *),
                      NULL);
}
