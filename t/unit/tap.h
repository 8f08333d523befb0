/**
 * tap.h: the few lines that a unit test needs to speak the Test Anything
 * Protocol to prove.
 *
 * Owner: the program that includes it; all state is static to that program,
 * so only its main thread may call. A test program is one .c file that
 * includes this header once:
 *
 *     #include "tap.h"
 *
 *     int main(void)
 *     {
 *         plan(2);
 *         is_int(1 + 1, 2, "adding");
 *         is_str(greet(), "hello", "greeting");
 *         return done_testing();
 *     }
 *
 * A test that includes a .c file to reach its statics includes it before this
 * header. Every check takes a printf-style name and returns 1 or 0, so that a
 * failure can print more with diag(). A program may leave plan() away;
 * done_testing() then writes the plan. A run without a single check fails.
 */
#ifndef GW_T_TAP_H
#define GW_T_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAP_UNUSED __attribute__((unused))
#define TAP_FORMAT(fmt, args) __attribute__((format(printf, fmt, args)))

/** State of the run: checks planned (0: none announced), made, failed. */
static int tap_planned;
static int tap_made;
static int tap_failed;

/** Write "# " before each line of a message, on stderr as TAP wants it. */
static TAP_UNUSED TAP_FORMAT(1, 2)
void diag(const char *fmt, ...)
{
    char text[8192];
    const char *line = text;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    fflush(stdout);
    while (*line) {
        size_t len = strcspn(line, "\n");

        fprintf(stderr, "# %.*s\n", (int)len, line);
        line += len + (line[len] == '\n');
    }
}

/** Announce n checks, n > 0. Call it first or not at all. */
static TAP_UNUSED void plan(int n)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    tap_planned = n;
    printf("1..%d\n", n);
}

/** Say that nothing here can be tested, and end the program successfully. */
static TAP_UNUSED TAP_FORMAT(1, 2)
void plan_skip_all(const char *fmt, ...)
{
    va_list ap;

    printf("1..0 # SKIP ");
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    exit(0);
}

static TAP_UNUSED void tap_name(int pass, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static TAP_UNUSED void tap_name(int pass, const char *fmt, va_list ap)
{
    char name[512];
    char *c;

    vsnprintf(name, sizeof(name), fmt, ap);
    for (c = name; *c; ++c) {
        /* '#' would start a TAP directive, a line end would end the line */
        if (*c == '#' || *c == '\n' || *c == '\r') {
            *c = ' ';
        }
    }
    printf("%sok %d - %s\n", pass ? "" : "not ", ++tap_made, name);
    fflush(stdout);
}

static TAP_UNUSED TAP_FORMAT(4, 5)
int tap_ok(int pass, const char *file, int line, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    tap_name(pass, fmt, ap);
    va_end(ap);
    if (!pass) {
        ++tap_failed;
        diag("  failed at %s line %d", file, line);
    }
    return pass;
}

/** Show n bytes with what is not printable escaped. */
static TAP_UNUSED void tap_bytes(const char *label, const void *data,
                                 size_t n)
{
    const unsigned char *p = data;
    size_t i;
    /* enough to see where two heads differ, little enough to read */
    const size_t most = 2048;

    fflush(stdout);
    if (p == NULL) {
        fprintf(stderr, "#   %s: NULL\n", label);
        return;
    }
    fprintf(stderr, "#   %s: \"", label);
    for (i = 0; i < n && i < most; ++i) {
        switch (p[i]) {
        case '\r':
            fputs("\\r", stderr);
            break;
        case '\n':
            fputs("\\n", stderr);
            break;
        case '"':
        case '\\':
            fprintf(stderr, "\\%c", p[i]);
            break;
        default:
            fprintf(stderr, p[i] < 32 || p[i] > 126 ? "\\x%02x" : "%c", p[i]);
        }
    }
    fprintf(stderr, "\"%s (%lu bytes)\n", n > most ? "..." : "",
            (unsigned long)n);
}

/** Show where two byte strings part, besides showing both. */
static TAP_UNUSED void tap_differ(const void *got, size_t got_len,
                                  const void *want, size_t want_len)
{
    const unsigned char *g = got;
    const unsigned char *w = want;
    size_t i = 0;

    tap_bytes("got ", got, got_len);
    tap_bytes("want", want, want_len);
    if (g && w) {
        while (i < got_len && i < want_len && g[i] == w[i]) {
            ++i;
        }
        diag("  they differ at byte %lu", (unsigned long)i);
    }
}

/** Pass when cond is true: ok(cond, name, ...). */
#define ok(cond, ...) \
    tap_ok(!!(cond), __FILE__, __LINE__, __VA_ARGS__)

/** Integers of any width, compared as long long: is_int(got, want, name). */
#define is_int(got, want, ...) \
    __extension__ ({ \
        long long tap_g = (long long)(got), tap_w = (long long)(want); \
        int tap_p = tap_ok(tap_g == tap_w, __FILE__, __LINE__, __VA_ARGS__); \
        if (!tap_p) { \
            diag("  got  %lld (%s)\n  want %lld", tap_g, #got, tap_w); \
        } \
        tap_p; \
    })

/** Zero-terminated strings, each may be NULL: is_str(got, want, name). */
#define is_str(got, want, ...) \
    __extension__ ({ \
        const char *tap_g = (got), *tap_w = (want); \
        int tap_p = (tap_g == tap_w) \
                    || (tap_g && tap_w && strcmp(tap_g, tap_w) == 0); \
        tap_ok(tap_p, __FILE__, __LINE__, __VA_ARGS__); \
        if (!tap_p) { \
            tap_differ(tap_g, tap_g ? strlen(tap_g) : 0, \
                       tap_w, tap_w ? strlen(tap_w) : 0); \
        } \
        tap_p; \
    })

/** Byte strings: is_mem(got, got_len, want, want_len, name). */
#define is_mem(got, got_len, want, want_len, ...) \
    __extension__ ({ \
        const void *tap_g = (got), *tap_w = (want); \
        size_t tap_gn = (got_len), tap_wn = (want_len); \
        int tap_p = tap_gn == tap_wn \
                    && (tap_gn == 0 \
                        || (tap_g && tap_w \
                            && memcmp(tap_g, tap_w, tap_gn) == 0)); \
        tap_ok(tap_p, __FILE__, __LINE__, __VA_ARGS__); \
        if (!tap_p) { \
            tap_differ(tap_g, tap_gn, tap_w, tap_wn); \
        } \
        tap_p; \
    })

/** Count n checks as skipped, with the reason. */
static TAP_UNUSED TAP_FORMAT(2, 3)
void skip(int n, const char *fmt, ...)
{
    char why[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    while (n-- > 0) {
        printf("ok %d # SKIP %s\n", ++tap_made, why);
    }
}

/** End the program early: what follows cannot run. */
static TAP_UNUSED TAP_FORMAT(1, 2)
void bail_out(const char *fmt, ...)
{
    va_list ap;

    printf("Bail out! ");
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    exit(255);
}

/** Close the run. @return what main returns: 0 only if all went as planned */
static TAP_UNUSED int done_testing(void)
{
    if (tap_planned == 0) {
        printf("1..%d\n", tap_made);
    }
    else if (tap_planned != tap_made) {
        diag("planned %d checks but made %d", tap_planned, tap_made);
    }
    if (tap_failed > 0) {
        diag("%d of %d checks failed", tap_failed, tap_made);
    }
    fflush(stdout);
    return tap_made == 0 || tap_failed > 0
           || (tap_planned > 0 && tap_planned != tap_made);
}

#endif /* GW_T_TAP_H */
