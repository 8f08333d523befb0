/* Values of parameters: what is taken, what is refused, and that refusing
 * changes nothing. */
#include <string.h>

#include <apr_general.h>

#include "gwb_record.h"
#include "gwb_value.h"
#include "tap.h"

static apr_pool_t *pool;

static void test_numbers(void)
{
    int n = 7;

    is_str(gwb_value_number(pool, "x", "5", 1, 9, &n), NULL, "a number");
    is_int(n, 5, "is read");
    ok(gwb_value_number(pool, "x", "10", 1, 9, &n) != NULL, "too large");
    ok(gwb_value_number(pool, "x", "0", 1, 9, &n) != NULL, "too small");
    ok(gwb_value_number(pool, "x", "", 0, 9, &n) != NULL, "empty");
    ok(gwb_value_number(pool, "x", "-1", 0, 9, &n) != NULL, "negative");
    ok(gwb_value_number(pool, "x", "18446744073709551617", 0, 9, &n) != NULL,
       "overflow");
    is_int(n, 5, "what is refused changes nothing");
}

static void test_times(void)
{
    static const struct {
        const char *text;
        gw_time time;
    } right[] = {
        { "1", GW_SEC(1) }, { "30", GW_SEC(30) }, { "500ms", GW_MSEC(500) },
        { "2s", GW_SEC(2) }, { "5min", GW_SEC(300) }, { "1H", GW_SEC(3600) },
        { "8784h", GW_SEC(366 * 24 * 3600) }
    };
    static const char *const wrong[] = {
        "", "x", "-1", "1.5", "1d", "s", "8785h", "99999999999999999999",
        "1 s", "+1"
    };
    gw_time t = 0;
    unsigned i;

    for (i = 0; i < sizeof(right) / sizeof(right[0]); ++i) {
        ok(gwb_value_time(pool, "x", right[i].text, "s", 0, &t) == NULL
           && t == right[i].time, "%s", right[i].text);
    }
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); ++i) {
        ok(gwb_value_time(pool, "x", wrong[i], "s", 1, &t) != NULL, "'%s'",
           wrong[i]);
    }
    ok(gwb_value_time(pool, "x", "7", "ms", 0, &t) == NULL
       && t == GW_MSEC(7), "another unit");
    ok(gwb_value_time(pool, "x", "0", "s", 0, &t) != NULL, "no 0");
    ok(gwb_value_time(pool, "x", "0", "s", 1, &t) == NULL && t == 0, "a 0");
}

static void test_sizes(void)
{
    apr_size_t n = 0;

    ok(!gwb_value_size(pool, "x", "0", &n) && n == 0, "0");
    ok(!gwb_value_size(pool, "x", "65536", &n) && n == 65536, "bytes");
    ok(!gwb_value_size(pool, "x", "64k", &n) && n == 65536, "k");
    ok(!gwb_value_size(pool, "x", "1024M", &n) && n == 1 << 30, "M");
    ok(gwb_value_size(pool, "x", "1025M", &n) != NULL, "too large");
    ok(gwb_value_size(pool, "x", "1G", &n) != NULL, "another unit");
    ok(gwb_value_size(pool, "x", "1kb", &n) != NULL, "more behind it");
    ok(gwb_value_size(pool, "x", "9223372036854775807k", &n) != NULL,
       "overflow");
}

static void test_weights(void)
{
    static const struct {
        const char *text;
        unsigned weight;
    } right[] = {
        { "1", 100 }, { "100", 10000 }, { "1.5", 150 }, { "1.05", 105 },
        { "99.99", 9999 }, { "100.00", 10000 }
    };
    static const char *const wrong[] = {
        "", "0", "0.99", "100.01", "101", "1.", ".5", "1.234", "1,5", "x",
        "-1", "1e1"
    };
    unsigned w = 0;
    unsigned i;

    for (i = 0; i < sizeof(right) / sizeof(right[0]); ++i) {
        ok(gwb_value_weight(pool, "x", right[i].text, &w) == NULL
           && w == right[i].weight, "weight %s", right[i].text);
    }
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); ++i) {
        ok(gwb_value_weight(pool, "x", wrong[i], &w) != NULL, "no weight '%s'",
           wrong[i]);
    }
}

static void test_codes(void)
{
    gwb_codes codes;

    memset(&codes, 0, sizeof(codes));
    is_int(gwb_codes_have(&codes, 500), 0, "an empty set");
    is_str(gwb_value_codes(pool, "x", "500, 100,599", &codes), NULL, "a list");
    ok(gwb_codes_have(&codes, 500) && gwb_codes_have(&codes, 100)
       && gwb_codes_have(&codes, 599), "has its codes");
    ok(!gwb_codes_have(&codes, 501) && !gwb_codes_have(&codes, 499)
       && !gwb_codes_have(&codes, 0) && !gwb_codes_have(&codes, -1)
       && !gwb_codes_have(&codes, 9999), "and no others");
    ok(gwb_value_codes(pool, "x", "99", &codes) != NULL, "99");
    ok(gwb_value_codes(pool, "x", "600", &codes) != NULL, "600");
    ok(gwb_value_codes(pool, "x", "0500", &codes) != NULL, "0500");
    ok(gwb_value_codes(pool, "x", "5xx", &codes) != NULL, "5xx");
}

/** The letters that come out, or NULL. */
static const char *letters(unsigned flags, const char *text)
{
    return gwb_value_status(pool, text, &flags)
           ? NULL : gwb_value_letters(pool, flags);
}

static void test_status(void)
{
    is_str(letters(0, "+D"), "D", "+D");
    is_str(letters(0, "D"), "D", "without a sign");
    is_str(letters(0, "+D-S+h"), "DH", "several, any case");
    is_str(letters(0, "+DSIHRN"), "DSIHRN", "a sign holds on");
    is_str(letters(GWB_DISABLED | GWB_SPARE, "-DR"), "", "the other one, too");
    is_str(letters(GWB_ERROR | GWB_CHECK_FAILED, "-E-C"), "", "-E-C");
    is_str(letters(0, "+C"), "C", "+C");
    is_str(letters(0, "+E"), NULL, "no +E");
    is_str(letters(0, "X"), NULL, "no X");
    is_str(letters(0, ""), NULL, "nothing");
    is_str(letters(0, "+"), NULL, "a sign alone");
    is_str(letters(0, "D+"), NULL, "one at the end");
}

static void test_words(void)
{
    static const char *const names[] = { "loadfactor", "lbset", NULL };
    char longest[GWB_WORD_MAX + 2];
    const char *word = NULL;
    const char *value;

    memset(longest, 'x', sizeof(longest));
    longest[GWB_WORD_MAX] = '\0';
    ok(!gwb_value_word(pool, "x", longest, &word), "the longest word");
    longest[GWB_WORD_MAX] = 'x';
    longest[GWB_WORD_MAX + 1] = '\0';
    ok(gwb_value_word(pool, "x", longest, &word) != NULL, "one more");
    ok(gwb_value_word(pool, "x", "a b", &word) != NULL, "a blank");
    ok(gwb_value_word(pool, "x", "", &word) != NULL, "no word");
    ok(gwb_value_split(pool, "Ab=c=d", &word, &value), "split");
    is_str(word, "ab", "the name in lower case");
    is_str(value, "c=d", "the value as it is");
    is_int(gwb_value_split(pool, "=x", &word, &value), 0, "no name");
    is_int(gwb_value_split(pool, "x", &word, &value), 0, "no value");
    is_str(gwb_value_closest(names, "loadfctor"), "loadfactor", "a slip");
    is_str(gwb_value_closest(names, "zzzz"), NULL, "no slip");
    is_str(gwb_value_url(pool, "http://a/"), "http://a", "a slash less");
    is_str(gwb_value_url(pool, "http://a/b"), "http://a/b", "no slash");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_numbers();
    test_times();
    test_sizes();
    test_weights();
    test_codes();
    test_status();
    test_words();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
