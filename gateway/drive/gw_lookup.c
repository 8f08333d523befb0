#include "gw_lookup.h"

#include <apr_tables.h>

#include "gw_ask.h"
#include "mod_gateway.h"

static void add_place(gateway_names *names, const char *host, int port,
                      int weight, int priority)
{
    gateway_place *place = apr_array_push(names->places);

    place->host = host;
    place->port = port;
    place->weight = weight;
    place->priority = priority;
}

static apr_status_t gateway_names_lookup(apr_pool_t *pool, const char *name,
                                         gateway_names *names)
{
    gw_asked asked;
    int i;

    gw_ask(pool, name, names->srv, names->timeout, names->stop_fd, &asked);
    names->ttl = asked.ttl;
    names->why = asked.why;
    names->places = apr_array_make(pool, 8, sizeof(gateway_place));
    if (asked.rv != APR_SUCCESS) {
        return asked.rv;
    }
    for (i = 0; asked.srvs && i < asked.srvs->nelts; i++) {
        const gw_srv *srv = &APR_ARRAY_IDX(asked.srvs, i, gw_srv);

        add_place(names, srv->target, srv->port, srv->weight, srv->priority);
    }
    for (i = 0; asked.addresses && i < asked.addresses->nelts; i++) {
        add_place(names, APR_ARRAY_IDX(asked.addresses, i, const char *),
                  0, 0, 0);
    }
    return names->places->nelts ? APR_SUCCESS : APR_EGENERAL;
}

void gw_lookup_register(void)
{
    APR_REGISTER_OPTIONAL_FN(gateway_names_lookup);
}
