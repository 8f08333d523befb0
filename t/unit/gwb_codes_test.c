/* Unit tests of lists of status codes (hcstatus=, failonstatus=). */
#include <apr_general.h>

#include "gwb_value.h"

#include "tap.h"

static apr_pool_t *pool;

/** Reads a list; how many of 0..999 are in it, -1: it is none. */
static int codes_in(const char *text, gwb_codes *codes)
{
    static const gwb_codes none;
    const char *err;
    int n = 0;
    int i;

    *codes = none;
    err = gwb_value_codes(pool, "hcstatus", text, codes);
    if (err != NULL) {
        diag("%s", err);
        return strncmp(err, "hcstatus= must be ", 18) == 0 ? -1 : -2;
    }
    for (i = -1; i < 1000; i++) {
        n += gwb_codes_have(codes, i);
    }
    return n;
}

static void test_good(void)
{
    gwb_codes codes;

    is_int(codes_in("200", &codes), 1, "one code");
    is_int(gwb_codes_have(&codes, 200), 1, "... it is in");
    is_int(codes_in("200,204 , 301", &codes), 3, "several");
    is_int(codes_in("200,200", &codes), 1, "one twice");
    is_int(codes_in("200-299", &codes), 100, "a range");
    ok(gwb_codes_have(&codes, 200) && gwb_codes_have(&codes, 299)
       && !gwb_codes_have(&codes, 199) && !gwb_codes_have(&codes, 300),
       "... with both ends");
    is_int(codes_in("100-599", &codes), 500, "all there are");
    is_int(codes_in("404-404", &codes), 1, "a range of one");
    is_int(codes_in("200-204,301,401-403", &codes), 9, "both kinds");
    is_int(codes_in("200-250,240-260", &codes), 61, "ranges that overlap");
}

static void test_bad(void)
{
    static const char *const bad[] = {
        "", ",", "99", "099", "600", "1000", "20", "2xx", "200-", "-200",
        "200-199", "200--204", "200-204-206", "200-600", "99-200",
        "200 204", "200 - 204", "0x10", "+20", "200,x", "200,,x", "ok"
    };
    gwb_codes codes;
    unsigned i;

    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        is_int(codes_in(bad[i], &codes), -1, "'%s' is no list", bad[i]);
    }
}

static void test_none(void)
{
    static const gwb_codes none;

    is_int(gwb_codes_have(&none, 200), 0, "an empty set has nothing");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_good();
    test_bad();
    test_none();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
