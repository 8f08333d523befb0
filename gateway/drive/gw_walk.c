#include "gw_walk.h"

#include <apr_strings.h>

void gw_walk_sections(request_rec *r, const gw_route *route,
                     const char *path)
{
    const gw_server_conf *conf = gw_conf_of_server(r->server);
    gw_section **sections = (gw_section **)conf->sections->elts;
    ap_conf_vector_t *merged = NULL;
    const char *text;
    int i;

    if (!conf->sections->nelts) {
        return;
    }
    text = apr_pstrcat(r->pool, route->destination, path, NULL);

    for (i = 0; i < conf->sections->nelts; i++) {
        if (!gw_section_matches(sections[i], route->url, path, text)) {
            continue;
        }
        merged = merged
            ? ap_merge_per_dir_configs(r->pool, merged, sections[i]->dir)
            : sections[i]->dir;
    }
    if (merged) {
        r->per_dir_config = ap_merge_per_dir_configs(r->pool,
                                                     r->per_dir_config,
                                                     merged);
    }
}
