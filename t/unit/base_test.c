/**
 * base_test: slices, lists, numbers and character classes; the clock's
 * arithmetic; the log's routing; the names of failures.
 */
#include "gw_base.h"
#include "gw_clock.h"
#include "gw_log.h"
#include "gw_str.h"

#include <apr_general.h>
#include "tap.h"

/* --- gw_str ------------------------------------------------------------- */

static void test_slices(apr_pool_t *pool)
{
    gw_str s = gw_str_of("  \ta b\t ");

    s = gw_str_trim(s);
    is_mem(s.p, s.len, "a b", 3, "trim");
    is_str(gw_str_dup(pool, s), "a b", "dup ends the string");
    s = gw_str_trim(gw_str_of(" \t "));
    is_int(s.len, 0, "trim blanks only");
    is_int(gw_str_of(NULL).len, 0, "no string is an empty slice");
    s = gw_str_trim(gw_str_of("\va\v"));
    is_int(s.len, 3, "VT is no blank");
    ok(gw_str_is(gw_str_of("ChUnKeD"), "chunked"), "equal without case");
    ok(!gw_str_is(gw_str_of("chunke"), "chunked"), "shorter");
    ok(!gw_str_is(gw_str_of("chunkedd"), "chunked"), "longer");
    ok(!gw_str_equal_nocase(gw_str_of("@"), gw_str_of("`")),
       "only letters have case");
    ok(!gw_str_equal_nocase(gw_str_of("\xc4"), gw_str_of("\xe4")),
       "only ASCII letters have case");
}

typedef struct {
    const char *text;
    int base;
    apr_int64_t want;       /* -1: no number */
} number_case;

static const number_case numbers[] = {
    { "0", 10, 0 }, { "5", 10, 5 }, { "007", 10, 7 },
    { "9223372036854775807", 10, APR_INT64_C(0x7fffffffffffffff) },
    { "9223372036854775808", 10, -1 }, { "9223372036854775810", 10, -1 },
    { "18446744073709551616", 10, -1 }, { "18446744073709551621", 10, -1 },
    { "99999999999999999999999999", 10, -1 },
    { "", 10, -1 }, { "-1", 10, -1 }, { "+1", 10, -1 }, { " 1", 10, -1 },
    { "1 ", 10, -1 }, { "0x1", 10, -1 }, { "a", 10, -1 }, { "1_0", 10, -1 },
    { "1.0", 10, -1 }, { "\xb2", 10, -1 },
    { "fF", 16, 255 }, { "7fffffffffffffff", 16,
      APR_INT64_C(0x7fffffffffffffff) },
    { "8000000000000000", 16, -1 }, { "ffffffffffffffff", 16, -1 },
    { "g", 16, -1 }, { "0x1", 16, -1 }, { "", 16, -1 },
};

static void test_numbers(void)
{
    size_t i;

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        apr_int64_t n = -1;
        int found = gw_str_number(gw_str_of(numbers[i].text),
                                  numbers[i].base, &n);

        is_int(found ? n : -1, numbers[i].want, "number '%s', base %d",
               numbers[i].text, numbers[i].base);
        is_int(found, numbers[i].want >= 0, "... and says so");
    }
}

/* Every byte at every place of a value longer than a few words. */
static void test_long_values(void)
{
    char text[27];
    gw_str s = { text, sizeof(text) };
    int wrong = 0;
    size_t at;
    int c;

    for (at = 0; at < sizeof(text); at++) {
        for (c = 0; c < 256; c++) {
            memset(text, at & 1 ? '\xff' : ' ', sizeof(text));
            text[(at + 1) % sizeof(text)] = '\t';
            text[at] = (char)c;
            wrong += gw_str_is_field_value(s)
                != gw_is_field_char((unsigned char)c);
        }
    }
    is_int(wrong, 0, "every byte at every place of a value");
}

static void test_classes(void)
{
    int tchar = 0;
    int value = 0;
    int whole = 0;
    int c;

    for (c = 0; c < 256; c++) {
        char one = (char)c;
        gw_str s = { &one, 1 };
        int is_tchar = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
            || (c >= 'a' && c <= 'z')
            || (c && strchr("!#$%&'*+-.^_`|~", c));
        int is_value = c == '\t' || (c >= ' ' && c != 127);

        tchar += !!gw_is_tchar((unsigned char)c) != is_tchar;
        value += !!gw_is_field_char((unsigned char)c) != is_value;
        whole += !!gw_str_is_token(s) != is_tchar;
        whole += !!gw_str_is_field_value(s) != is_value;
    }
    is_int(tchar, 0, "tchar, all 256 bytes");
    is_int(value, 0, "field characters, all 256 bytes");
    is_int(whole, 0, "the same for slices");
    test_long_values();
    ok(!gw_str_is_token(gw_str_of("")), "an empty slice is no token");
    ok(gw_str_is_field_value(gw_str_of("")), "an empty slice is a value");
    ok(!gw_str_is_field_value(gw_str_of("0123456789012345678901234567\r9")),
       "one bad byte in a long value");
    ok(!gw_str_is_token(gw_str_of("abc ")), "a blank behind a token");
}

static void is_list(apr_pool_t *pool, const char *list, const char *want)
{
    gw_str rest = gw_str_of(list);
    gw_str element;
    char got[256];
    size_t len = 0;

    got[0] = '\0';
    while (gw_str_next_element(&rest, &element)) {
        len += (size_t)snprintf(got + len, sizeof(got) - len, "[%s]",
                                gw_str_dup(pool, element));
    }
    is_str(got, want, "list '%s'", list);
}

static void test_lists(apr_pool_t *pool)
{
    is_list(pool, "", "");
    is_list(pool, "a", "[a]");
    is_list(pool, " a , b,c ", "[a][b][c]");
    is_list(pool, ",, a,,b , ,", "[a][b]");
    is_list(pool, "a=\"x,y\", b", "[a=\"x,y\"][b]");
    is_list(pool, "a=\"x\\\",y\", b", "[a=\"x\\\",y\"][b]");
    is_list(pool, "\"never closed, b", "[\"never closed, b]");
    is_list(pool, "\"\\", "[\"\\]");
    ok(gw_str_list_has("keep-alive, Close", "close"), "in a list");
    ok(gw_str_list_has("close;x=1", "close"), "with parameters");
    ok(gw_str_list_has("close ; x", "close"), "with blanks before them");
    ok(!gw_str_list_has("closed, enclose", "close"), "not as a part");
    ok(!gw_str_list_has("", "close"), "not in nothing");
    ok(!gw_str_list_has(NULL, "close"), "not in no list");
}

/* --- gw_clock ----------------------------------------------------------- */

static gw_time frozen(void)
{
    return 1234;
}

static void test_clock(void)
{
    gw_time now = gw_now();

    ok(gw_now() >= now, "time does not go back");
    gw_clock_override(frozen);
    is_int(gw_now(), 1234, "a test's own clock");
    gw_clock_override(NULL);
    ok(gw_now() >= now, "the real one again");
    gw_clock_hold(77);
    is_int(gw_now(), 77, "a clock that is held");
    ok(gw_now_unheld() >= now, "... goes on underneath");
    gw_clock_hold(0);
    ok(gw_now() >= now, "... and is let go");
    is_int(gw_deadline(100, GW_SEC(1)), 1000100, "deadline");
    is_int(gw_deadline(100, GW_NEVER), GW_NEVER, "never stays never");
    is_int(gw_deadline(100, 0), GW_NEVER, "no span is no deadline");
    is_int(gw_deadline(100, -5), GW_NEVER, "nor is a negative one");
    is_int(gw_deadline(100, GW_NEVER - 50), GW_NEVER, "no overflow");
    is_int(gw_earlier(5, 3), 3, "the earlier of two");
    is_int(gw_earlier(5, GW_NEVER), 5, "anything is before never");
    is_int(gw_poll_ms(0, GW_NEVER), -1, "never is poll's -1");
    is_int(gw_poll_ms(5000, 4000), 0, "past is 0");
    is_int(gw_poll_ms(5000, 5000), 0, "now is 0");
    is_int(gw_poll_ms(5000, 5001), 1, "rounded up: never early");
    is_int(gw_poll_ms(5000, 7000), 2, "exact");
    is_int(gw_poll_ms(0, GW_NEVER - 1), 0x7fffffff, "no overflow of int");
}

/* --- gw_log ------------------------------------------------------------- */

typedef struct {
    int level;
    int lines;
    size_t len;
    char text[2000];
    apr_status_t rv;
} log_seen;

static int log_enabled(void *baton, int level)
{
    return level <= ((log_seen *)baton)->level;
}

static void log_print(void *baton, const char *file, int line, int level,
                      apr_status_t rv, const char *text)
{
    log_seen *seen = baton;

    seen->lines++;
    seen->rv = rv;
    seen->len = strlen(text);
    memcpy(seen->text, text, seen->len + 1);
}

static void test_log(void)
{
    log_seen own = { GW_LOG_INFO, 0, 0, "", 0 };
    log_seen all = { GW_LOG_ERR, 0, 0, "", 0 };
    gw_logger to_own = { log_enabled, log_print, NULL };
    gw_logger to_all = { log_enabled, log_print, NULL };

    to_own.baton = &own;
    to_all.baton = &all;
    gw_log(NULL, GW_LOG_ERR, 0, "nowhere");
    gw_log_line(NULL, "f", 1, GW_LOG_ERR, 0, "nowhere");
    gw_log(&to_own, GW_LOG_INFO, APR_EINVAL, GWNO(09999) "%s %d", "x", 5);
    is_int(own.lines, 1, "one line");
    is_str(own.text, "GW09999: x 5", "its text");
    is_int(own.rv, APR_EINVAL, "its status");
    gw_log(&to_own, GW_LOG_DEBUG, 0, "y");
    is_int(own.lines, 1, "a level that is off");
    gw_log(&to_own, GW_LOG_ERR, 0, "%1500d", 1);
    is_int(own.len, 1000, "a long text is cut");
    gw_log_default(&to_all);
    gw_log(NULL, GW_LOG_ERR, 0, "default");
    is_str(all.text, "default", "the process's logger");
    gw_log(NULL, GW_LOG_WARN, 0, "no");
    is_int(all.lines, 1, "... has a level of its own");
    ok(!gw_log_is(NULL, GW_LOG_WARN) && gw_log_is(&to_own, GW_LOG_WARN),
       "asking for a level");
    gw_log_default(NULL);
}

/* --- gw_base ------------------------------------------------------------ */

static void test_failures(void)
{
    int i;
    int j;
    int bad = 0;

    for (i = 0; i < GW_FAIL_COUNT; i++) {
        for (j = 0; j < i; j++) {
            bad += !strcmp(gw_fail_name((gw_fail)i), gw_fail_name((gw_fail)j));
        }
        bad += !*gw_fail_name((gw_fail)i)
            || !strcmp(gw_fail_name((gw_fail)i), "unknown");
    }
    is_int(bad, 0, "every failure has a name of its own");
    is_str(gw_fail_name(GW_OK), "ok", "the first");
    is_str(gw_fail_name(GW_FAIL_TRUNCATED), "truncated", "one in between");
    is_str(gw_fail_name(GW_FAIL_INTERNAL), "internal", "the last");
    is_str(gw_fail_name(GW_FAIL_COUNT), "unknown", "beyond");
    is_str(gw_fail_name((gw_fail)-1), "unknown", "before");
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_slices(pool);
    test_numbers();
    test_classes();
    test_lists(pool);
    test_clock();
    test_log();
    test_failures();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
