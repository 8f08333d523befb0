/**
 * gw_span: spans of time as the configuration writes them: 30, 500ms, 5min.
 *
 * A pure function over strings; any thread. The one reader of both modules,
 * so that all directives and parameters take the same.
 */
#ifndef GW_SPAN_H
#define GW_SPAN_H

#include <apr_pools.h>

#include "gw_base.h"

/**
 * Read a span: digits with ms, s, min or h behind them, up to 366 days.
 * @param name     for the sentence: "GatewayTimeout", "ttl="
 * @param unit     "s" or "ms", of digits alone
 * @param zero_ok  0 is a span too; else the least one is 1 ms
 * @param pspan    out, untouched when something is wrong
 * @return NULL, or in pool one sentence for the administrator
 */
const char *gw_span_read(apr_pool_t *pool, const char *name,
                         const char *value, const char *unit, int zero_ok,
                         gw_time *pspan);

#endif
