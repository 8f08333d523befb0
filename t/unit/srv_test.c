/* SRV records out of DNS messages: as they are, cut at every byte, absurd. */
#include "tap.h"

#include <string.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "gw_srv.h"

/* Question _h._tcp.a, two SRV records (one by a compressed name), a CNAME of
 * a shorter life. */
static const unsigned char message[] = {
    0, 1, 0x81, 0x80, 0, 1, 0, 3, 0, 0, 0, 0,
    2, '_', 'h', 4, '_', 't', 'c', 'p', 1, 'a', 0, 0, 33, 0, 1,
    0xc0, 12, 0, 33, 0, 1, 0, 0, 1, 44, 0, 10,
    0, 10, 0, 60, 0x1f, 0x90, 1, 'b', 0xc0, 20,
    0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 20, 0, 11,
    0xff, 0xff, 0, 0, 0, 80, 1, 'c', 1, 'd', 0,
    0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 7, 0, 2, 0xc0, 20
};

int main(void)
{
    unsigned char changed[sizeof(message)];
    apr_array_header_t *srvs;
    apr_pool_t *pool;
    gw_time ttl = 0;
    const gw_srv *srv;
    int len;
    int bad = 0;

    apr_initialize();
    apr_pool_create(&pool, NULL);

    ok(gw_srv_parse(pool, message, sizeof(message), &srvs, &ttl)
       == APR_SUCCESS && srvs->nelts == 2, "two records");
    srv = &APR_ARRAY_IDX(srvs, 0, gw_srv);
    ok(!strcmp(srv->target, "b.a") && srv->port == 8080
       && srv->weight == 60 && srv->priority == 10, "the first");
    srv = &APR_ARRAY_IDX(srvs, 1, gw_srv);
    ok(!strcmp(srv->target, "c.d") && srv->port == 80
       && srv->weight == 0 && srv->priority == 65535, "the second");
    ok(ttl == GW_SEC(7), "the lowest TTL counts");

    for (len = 0; len < (int)sizeof(message); len++) {
        unsigned char *part = apr_pmemdup(pool, message, (apr_size_t)len + 1);

        bad += gw_srv_parse(pool, part, len, &srvs, &ttl) != APR_EGENERAL;
    }
    ok(bad == 0, "cut anywhere it is malformed");

    memcpy(changed, message, sizeof(message));
    changed[46] = '/';
    ok(gw_srv_parse(pool, changed, sizeof(changed), &srvs, &ttl)
       == APR_SUCCESS && srvs->nelts == 1, "no slash in a target");

    memcpy(changed, message, sizeof(message));
    changed[38] = 0;
    ok(gw_srv_parse(pool, changed, sizeof(changed), &srvs, &ttl)
       == APR_EGENERAL, "data of no length");

    memcpy(changed, message, sizeof(message));
    memset(changed + 43, 0, 2);         /* port 0 */
    memset(changed + 65, 0, 2);
    ok(gw_srv_parse(pool, changed, sizeof(changed), &srvs, &ttl)
       == APR_ENOENT, "no port, no service");

    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
