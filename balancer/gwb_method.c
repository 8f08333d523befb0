#include "gwb_method.h"

#include <string.h>

#include "gwb_draw.h"
#include "gwb_method_each.h"

const gwb_method gwb_methods[] = {
    { "byrequests", &gwb_method_requests },
    { "bytraffic", &gwb_method_traffic },
    { "bybusyness", &gwb_method_busy },
    { "leasttime", &gwb_method_time },
    { "hash", &gwb_method_hash },
    { "random", &gwb_method_random },
    { NULL, NULL }
};

const gateway_lbmethod *gwb_method_find(const char *name)
{
    const gwb_method *method;

    for (method = gwb_methods; method->name; method++) {
        if (strcmp(method->name, name) == 0) {
            return method->ops;
        }
    }
    return NULL;
}

apr_uint64_t gwb_hash(const void *bytes, apr_size_t len)
{
    const unsigned char *p = bytes;
    apr_uint64_t hash = APR_UINT64_C(0xcbf29ce484222325);   /* FNV-1a */

    while (len-- > 0) {
        hash = (hash ^ *p++) * APR_UINT64_C(0x100000001b3);
    }
    return gwb_mix(hash);
}
