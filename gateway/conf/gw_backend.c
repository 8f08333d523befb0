#include "gw_backend.h"

#include <apr_strings.h>

static apr_status_t release_literal(void *v)
{
    gw_origin *origin = v;

    gw_addrset_release(&origin->literal);
    return APR_SUCCESS;
}

static const char *or_none(const char *s)
{
    return s ? s : "-";
}

const char *gw_backend_key(apr_pool_t *pool, const gw_url *url,
                           const gw_identity *id)
{
    const gw_tls_params *tls = &id->params;
    const char *key = apr_psprintf(pool, "%s %s %d %s keepalive=%d",
                                   url->scheme, url->host, url->port,
                                   or_none(url->socket), id->keepalive);

    if (!id->tls) {
        return key;
    }
    return apr_psprintf(pool, "%s verify=%d file=%s path=%s sni=%s name=%s",
                        key, tls->verify, or_none(tls->ca_file),
                        or_none(tls->ca_path), or_none(tls->sni),
                        or_none(tls->name));
}

/* An address that needs no lookup. */
static int set_literal(apr_pool_t *pool, gw_origin *o, const gw_url *url)
{
    if (url->socket) {
        o->name = apr_pstrcat(pool, "unix:", url->socket, "|", o->name, NULL);
        o->literal = gw_addrset_unix(url->socket);
    }
    else if (url->host_is_ip) {
        o->literal = gw_addrset_literal(url->host);
    }
    if (o->literal) {
        apr_pool_cleanup_register(pool, o, release_literal,
                                  apr_pool_cleanup_null);
    }
    return o->literal || !(url->socket || url->host_is_ip);
}

gw_origin *gw_backend_origin(apr_pool_t *pool, const gw_url *url,
                             const gw_identity *id, const char **perr)
{
    gw_origin *o = apr_pcalloc(pool, sizeof(*o));
    const char *why = NULL;

    o->key = gw_backend_key(pool, url, id);
    o->name = gw_url_origin(pool, url);
    o->host = url->host;
    o->port = url->port;
    o->socket = url->socket;
    o->keepalive = id->keepalive;
    if (!set_literal(pool, o, url)) {
        *perr = apr_psprintf(pool, "%s has no usable address", o->name);
        return NULL;
    }
    if (id->tls
        && gw_tls_ctx_create(pool, &id->params, &o->tls, &why)
           != APR_SUCCESS) {
        *perr = apr_psprintf(pool, "TLS to %s: %s", o->name, or_none(why));
        return NULL;
    }
    return o;
}
