/*
 * A DNS answer as it came: whatever it says, records are whole, few and fit
 * into a URL.
 */
#include "gw_srv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <apr_general.h>

static apr_pool_t *scratch;     /* one input */

static void must(int holds)
{
    if (!holds) {
        abort();
    }
}

static int is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static void check_record(const gw_srv *srv)
{
    const char *p = srv->target;

    must(*p != '\0');
    for (; *p; p++) {
        must(is_host_char(*p));
    }
    must(srv->port >= 1 && srv->port <= 65535);
    must(srv->weight >= 0 && srv->weight <= 65535);
    must(srv->priority >= 0 && srv->priority <= 65535);
}

static void check_all(const apr_array_header_t *srvs, gw_time ttl)
{
    int i;

    must(srvs->nelts >= 1 && srvs->nelts <= GW_SRV_MAX);
    must(ttl >= 0 && ttl <= GW_SEC(0x7fffffff));
    for (i = 0; i < srvs->nelts; i++) {
        check_record(&APR_ARRAY_IDX(srvs, i, gw_srv));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_array_header_t *srvs;
    gw_time ttl;
    apr_status_t rv;

    if (size > 65535) {
        return 0;
    }
    if (!scratch) {
        apr_initialize();
        apr_pool_create(&scratch, NULL);
    }
    rv = gw_srv_parse(scratch, data, (int)size, &srvs, &ttl);
    if (rv == APR_SUCCESS) {
        check_all(srvs, ttl);
    }
    else {
        must(rv == APR_ENOENT || rv == APR_EGENERAL);
    }
    apr_pool_clear(scratch);
    return 0;
}
