/**
 * mod_t_admin: the administration of balancers over HTTP, for the tests:
 *
 *     SetHandler t-admin
 *     GET /?list                       a line of name=value for each member
 *     GET /?set&balancer&url&word...   also add, remove; "done" or what is
 *                                      wrong
 *
 * Words are URL-encoded. Not protected in any way: never in a real server.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>

#include <apr_strings.h>

#include "mod_gateway_balancer.h"

static void list(request_rec *r)
{
    APR_OPTIONAL_FN_TYPE(gateway_balancer_list) *get
        = APR_RETRIEVE_OPTIONAL_FN(gateway_balancer_list);
    apr_array_header_t *all = get(r->pool, r->server);
    int i, j;

    for (i = 0; i < all->nelts; ++i) {
        const gateway_balancer_info *b = &APR_ARRAY_IDX(all, i,
                                              gateway_balancer_info);

        ap_rprintf(r, "balancer=%s method=%s places=%u waiting=%u "
                   "refused=%" APR_UINT64_T_FMT " gave_up=%"
                   APR_UINT64_T_FMT "\n", b->name, b->method, b->places,
                   b->waiting, b->refused, b->gave_up);
        for (j = 0; j < b->members->nelts; ++j) {
            const gateway_member_info *m = &APR_ARRAY_IDX(b->members, j,
                                                  gateway_member_info);

            ap_rprintf(r, "member=%s url=%s route=%s redirect=%s weight=%u "
                       "lbset=%u status=%s usable=%d from_file=%d removed=%d "
                       "ejected_ms=%d failures=%u share=%u busy=%u max=%u "
                       "elected=%" APR_UINT64_T_FMT " errors=%"
                       APR_UINT64_T_FMT " sent=%" APR_UINT64_T_FMT
                       " received=%" APR_UINT64_T_FMT " ttfb=%"
                       APR_INT64_T_FMT " check=%d\n", b->name, m->url,
                       m->route, m->redirect, m->weight, m->lbset, m->status,
                       m->usable, m->from_file, m->removed,
                       (int)(m->ejected_for / 1000), m->failures, m->share,
                       m->busy, m->max, m->elected, m->errors, m->sent,
                       m->received, m->ttfb, m->check_status);
        }
    }
}

/** set, add or remove. */
static const char *change(request_rec *r, const char *op, const char *b,
                          const char *url, const char *const *words)
{
    APR_OPTIONAL_FN_TYPE(gateway_member_set) *set
        = APR_RETRIEVE_OPTIONAL_FN(gateway_member_set);
    APR_OPTIONAL_FN_TYPE(gateway_member_add) *add
        = APR_RETRIEVE_OPTIONAL_FN(gateway_member_add);
    APR_OPTIONAL_FN_TYPE(gateway_member_remove) *away
        = APR_RETRIEVE_OPTIONAL_FN(gateway_member_remove);

    if (strcmp(op, "set") == 0) {
        return set(r->pool, r->server, b, url, words, "a test");
    }
    if (strcmp(op, "add") == 0) {
        return add(r->pool, r->server, b, url, words, "a test");
    }
    if (strcmp(op, "remove") == 0) {
        return away(r->pool, r->server, b, url, "a test");
    }
    return "list, set, add or remove?";
}

static int handler(request_rec *r)
{
    apr_array_header_t *words = apr_array_make(r->pool, 8,
                                               sizeof(const char *));
    const char *rest = r->args ? r->args : "";
    const char *err;

    if (r->handler == NULL || strcmp(r->handler, "t-admin") != 0) {
        return DECLINED;
    }
    ap_set_content_type(r, "text/plain");
    if (strcmp(rest, "list") == 0) {
        list(r);
        return OK;
    }
    while (*rest != '\0') {
        char *word = ap_getword(r->pool, &rest, '&');

        ap_unescape_url(word);
        APR_ARRAY_PUSH(words, const char *) = word;
    }
    if (words->nelts < 3) {
        return HTTP_BAD_REQUEST;
    }
    APR_ARRAY_PUSH(words, const char *) = NULL;
    err = change(r, APR_ARRAY_IDX(words, 0, const char *),
                 APR_ARRAY_IDX(words, 1, const char *),
                 APR_ARRAY_IDX(words, 2, const char *),
                 (const char *const *)words->elts + 3);
    ap_rprintf(r, "%s\n", err ? err : "done");
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

extern module AP_MODULE_DECLARE_DATA
    __attribute__((visibility("default"))) t_admin_module;

AP_DECLARE_MODULE(t_admin) = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    register_hooks
};
