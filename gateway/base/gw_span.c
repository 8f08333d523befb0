#include "gw_span.h"

#include <string.h>
#include <apr_strings.h>

#include "gw_str.h"

/* Nothing waits longer; far below where microseconds overflow. */
#define SPAN_MAX GW_SEC(366 * 24 * 3600)

static const struct {
    const char *name;
    gw_time factor;
} units[] = {
    { "ms", GW_MSEC(1) }, { "s", GW_SEC(1) }, { "min", GW_SEC(60) },
    { "h", GW_SEC(3600) }
};

/** 0: there is no such unit. */
static gw_time factor_of(const char *unit)
{
    apr_size_t i;

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (gw_str_is(gw_str_of(unit), units[i].name)) {
            return units[i].factor;
        }
    }
    return 0;
}

const char *gw_span_read(apr_pool_t *pool, const char *name,
                         const char *value, const char *unit, int zero_ok,
                         gw_time *pspan)
{
    gw_str digits = { value, strspn(value, "0123456789") };
    const char *given = value + digits.len;
    gw_time factor = factor_of(*given ? given : unit);
    apr_int64_t n;

    if (factor && gw_str_number(digits, 10, &n) && (n || zero_ok)
        && n <= SPAN_MAX / factor) {
        *pspan = n * factor;
        return NULL;
    }
    return apr_psprintf(pool, "%s must be a time from %s to 366 days, such "
                        "as 30 (in %s), 500ms, 30s, 5min or 1h, not '%s'",
                        name, zero_ok ? "0" : "1ms", unit, value);
}
