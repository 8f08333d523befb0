/* Spans of time as people write them. */
#include <apr_general.h>

#include "gw_span.h"
#include "tap.h"

static apr_pool_t *pool;

static void test_right(void)
{
    static const struct {
        const char *text;
        const char *unit;
        gw_time span;
    } right[] = {
        { "30", "s", GW_SEC(30) }, { "30", "ms", GW_MSEC(30) },
        { "1ms", "s", GW_MSEC(1) }, { "500ms", "s", GW_MSEC(500) },
        { "2s", "ms", GW_SEC(2) }, { "5min", "s", GW_SEC(300) },
        { "1h", "ms", GW_SEC(3600) }, { "3MIN", "s", GW_SEC(180) },
        { "007", "s", GW_SEC(7) }, { "8784h", "s", GW_SEC(366 * 86400) },
        { "31622400", "s", GW_SEC(366 * 86400) },
        { "0000000000000000000000000000001", "s", GW_SEC(1) }
    };
    gw_time span;
    size_t i;

    for (i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        span = -1;
        ok(!gw_span_read(pool, "x=", right[i].text, right[i].unit, 0, &span)
           && span == right[i].span, "%s in %s", right[i].text,
           right[i].unit);
    }
}

static void test_wrong(void)
{
    static const char *const wrong[] = {
        "", "s", "ms", "-1", "+1", " 1", "1 ", "1.5", "1d", "1 s", "1sec",
        "1m", "0x10", "1e3", "1s1s", "31622401", "8785h",
        "9223372036854775807", "9223372036854775808",
        "99999999999999999999999999", "1\xc2\xb5s"
    };
    gw_time span = 17;
    size_t i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ok(gw_span_read(pool, "x=", wrong[i], "s", 1, &span) && span == 17,
           "'%s' is none", wrong[i]);
    }
}

static void test_zero(void)
{
    gw_time span = 17;

    is_str(gw_span_read(pool, "ttl=", "0", "s", 0, &span),
           "ttl= must be a time from 1ms to 366 days, such as 30 (in s), "
           "500ms, 30s, 5min or 1h, not '0'", "0 is none, by default");
    is_int(span, 17, "nothing is set then");
    is_str(gw_span_read(pool, "deadline=", "0", "ms", 1, &span), NULL,
           "where it means something it is one");
    is_int(span, 0, "of no time");
    is_str(gw_span_read(pool, "GatewayTimeout", "x", "ms", 1, &span),
           "GatewayTimeout must be a time from 0 to 366 days, such as 30 (in "
           "ms), 500ms, 30s, 5min or 1h, not 'x'", "and is named");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_right();
    test_wrong();
    test_zero();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
