/**
 * gw_conf: see gw_conf.h. Creating, merging and asking; the freeze is in
 * gw_freeze.c.
 */
#include <string.h>

#include <apr_fnmatch.h>
#include <apr_strings.h>

#include "gw_conf.h"
#include "gw_keys.h"
#include "gw_path.h"

void *gw_conf_create_server(apr_pool_t *p, server_rec *s)
{
    gw_server_conf *conf = apr_pcalloc(p, sizeof(*conf));

    conf->rules = apr_array_make(p, 4, sizeof(gw_route *));
    conf->sections = apr_array_make(p, 2, sizeof(gw_section *));
    conf->reverse = apr_array_make(p, 2, sizeof(const gw_reverse_rule *));
    conf->overlays = apr_array_make(p, 2, sizeof(void *));
    conf->targets = apr_array_make(p, 2, sizeof(void *));
    conf->timeout = GW_UNSET;
    conf->pass_order = GW_UNSET;
    conf->cap = GW_UNSET;
    conf->event_loops = GW_UNSET;
    conf->helpers = GW_UNSET;
    return conf;
}

void *gw_conf_merge_server(apr_pool_t *p, void *basev, void *addv)
{
    const gw_server_conf *base = basev;
    const gw_server_conf *add = addv;
    gw_server_conf *conf = apr_pcalloc(p, sizeof(*conf));

    /* what is nearer comes first where the first one wins, and last where
       the last one wins */
    conf->rules = apr_array_append(p, add->rules, base->rules);
    conf->own_rules = add->rules->nelts;
    conf->reverse = apr_array_append(p, add->reverse, base->reverse);
    conf->sections = apr_array_append(p, base->sections, add->sections);
    conf->overlays = apr_array_append(p, base->overlays, add->overlays);
    conf->targets = add->targets;
    conf->timeout = add->timeout == GW_UNSET ? base->timeout : add->timeout;
    conf->pass_order = add->pass_order == GW_UNSET ? base->pass_order
                                                   : add->pass_order;
    conf->cap = add->cap == GW_UNSET ? base->cap : add->cap;
    conf->cap_is_percent = add->cap == GW_UNSET ? base->cap_is_percent
                                                : add->cap_is_percent;
    conf->event_loops = GW_UNSET;
    conf->helpers = GW_UNSET;
    return conf;
}

void *gw_conf_create_dir(apr_pool_t *p, char *path)
{
    gw_dir_conf *dir = apr_pcalloc(p, sizeof(*dir));

    dir->preserve_host = GW_UNSET;
    dir->add_headers = GW_UNSET;
    dir->unsafe_path = GW_UNSET;
    dir->event = GW_UNSET;
    dir->ignore_abort = GW_UNSET;
    dir->reverse = apr_array_make(p, 1, sizeof(const gw_reverse_rule *));
    gw_keys_init(&dir->keys);
    dir->ssl.verify = GW_UNSET;
    return dir;
}

static int merged(int base, int add)
{
    return add == GW_UNSET ? base : add;
}

void *gw_conf_merge_dir(apr_pool_t *p, void *basev, void *addv)
{
    const gw_dir_conf *base = basev;
    const gw_dir_conf *add = addv;
    gw_dir_conf *dir = apr_pmemdup(p, base, sizeof(*base));

    dir->preserve_host = merged(base->preserve_host, add->preserve_host);
    dir->add_headers = merged(base->add_headers, add->add_headers);
    dir->unsafe_path = merged(base->unsafe_path, add->unsafe_path);
    dir->event = merged(base->event, add->event);
    dir->ignore_abort = merged(base->ignore_abort, add->ignore_abort);
    dir->lane = add->lane ? add->lane : base->lane;
    dir->lane_bits = base->lane_bits | add->lane_bits;
    /* runs for each request: most sections have none */
    if (apr_is_empty_array(base->reverse)) {
        dir->reverse = add->reverse;
    }
    else if (!apr_is_empty_array(add->reverse)) {
        dir->reverse = apr_array_append(p, add->reverse, base->reverse);
    }
    gw_keys_overlay(&dir->keys, &add->keys);
    gw_ssl_conf_overlay(&dir->ssl, &add->ssl);
    dir->pass_where = NULL;
    return dir;
}

gw_server_conf *gw_conf_of_server(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &gateway_module);
}

const gw_dir_conf *gw_conf_of_request(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &gateway_module);
}

/** The same backend, whatever the path? */
static int same_origin(const gw_url *a, const gw_url *b)
{
    if (strcmp(a->scheme, b->scheme) != 0 || !a->socket != !b->socket) {
        return 0;
    }
    if (a->socket != NULL) {
        return strcmp(a->socket, b->socket) == 0;
    }
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

int gw_section_matches(const gw_section *section, const gw_url *url,
                       const char *path, const char *text)
{
    if (section->wildcard) {
        return apr_fnmatch(section->url, text, 0) == APR_SUCCESS;
    }
    if (section->parsed == NULL) {
        return strncmp(section->url, text, strlen(section->url)) == 0;
    }
    return same_origin(section->parsed, url)
           && (strcmp(section->parsed->path, "/") == 0
               || gw_path_under(path, section->parsed->path, NULL));
}
