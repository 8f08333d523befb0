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
