#include "gw_base.h"

static const char *const fail_names[GW_FAIL_COUNT] = {
    "ok",
    "resolve",
    "resolve-timeout",
    "refused",
    "connect-timeout",
    "tls",
    "certificate",
    "tls-timeout",
    "busy",
    "reset",
    "timeout",
    "send-timeout",
    "junk",
    "limit",
    "truncated",
    "client-gone",
    "client-timeout",
    "too-large",
    "deadline",
    "unavailable",
    "queue",
    "status",
    "internal"
};

const char *gw_fail_name(gw_fail fail)
{
    if ((unsigned)fail >= GW_FAIL_COUNT) {
        return "unknown";
    }
    return fail_names[fail];
}

int gw_fail_before_request(gw_fail fail)
{
    switch (fail) {
    case GW_FAIL_RESOLVE:
    case GW_FAIL_RESOLVE_TIMEOUT:
    case GW_FAIL_REFUSED:
    case GW_FAIL_CONNECT_TIMEOUT:
    case GW_FAIL_TLS:
    case GW_FAIL_CERT:
    case GW_FAIL_TLS_TIMEOUT:
    case GW_FAIL_BUSY:
        return 1;
    default:
        return 0;
    }
}
