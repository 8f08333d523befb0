/* What a request path becomes on its way to the backend. */
#include <apr_general.h>
#include <apr_strings.h>

#include "gw_path.h"
#include "tap.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static apr_pool_t *pool;

/*
 * From the client's bytes to the backend's. "core" is what the server makes
 * of the raw path before we see it: escapes of unreserved bytes decoded, dot
 * segments removed, slashes merged. NULL: the same as raw.
 */
static const struct journey {
    const char *raw;
    const char *core;
    gw_path_verdict verdict;
    const char *checked;
    int twice;                  /* *pdouble */
    int unsafe;
    const char *tail;           /* gw_path_raw_tail from 0 */
    const char *encoded;        /* gw_path_encode */
} journeys[] = {
    /* plain */
    { "/", NULL, GW_PATH_OK, "/", 0, 0, "/", "/" },
    { "/a/b.html", NULL, GW_PATH_OK, "/a/b.html", 0, 0, "/a/b.html",
      "/a/b.html" },
    { "", NULL, GW_PATH_OK, "", 0, 0, "", "" },
    { "/a-._~!$&'()*+,;=:@z", NULL, GW_PATH_OK, "/a-._~!$&'()*+,;=:@z", 0, 0,
      "/a-._~!$&'()*+,;=:@z", "/a-._~!$&'()*+,;=:@z" },
    { "/%41%7e", "/A~", GW_PATH_OK, "/A~", 0, 0, "/%41%7e", "/A~" },
    { "/a%20b", NULL, GW_PATH_OK, "/a b", 0, 0, "/a%20b", "/a%20b" },
    { "/a%2bb+c", NULL, GW_PATH_OK, "/a+b+c", 0, 0, "/a%2bb+c", "/a+b+c" },
    { "/a%3Bb%3d", NULL, GW_PATH_OK, "/a;b=", 0, 0, "/a%3Bb%3d", "/a;b=" },

    /* 8-bit bytes, escaped or not */
    { "/caf%c3%a9", NULL, GW_PATH_OK, "/caf\xc3\xa9", 0, 0, "/caf%c3%a9",
      "/caf%C3%A9" },
    { "/caf\xc3\xa9", NULL, GW_PATH_OK, "/caf\xc3\xa9", 0, 0, "/caf%C3%A9",
      "/caf%C3%A9" },
    { "/\x80\xff%9f", NULL, GW_PATH_OK, "/\x80\xff\x9f", 0, 0,
      "/%80%FF%9f", "/%80%FF%9F" },

    /* bytes that are no URI characters, and delimiters of other parts */
    { "/a b<>\"{}|^`", NULL, GW_PATH_OK, "/a b<>\"{}|^`", 0, 0,
      "/a%20b%3C%3E%22%7B%7D%7C%5E%60", "/a%20b%3C%3E%22%7B%7D%7C%5E%60" },
    { "/a[1]", NULL, GW_PATH_OK, "/a[1]", 0, 0, "/a[1]", "/a%5B1%5D" },
    { "/a?b#c", NULL, GW_PATH_OK, "/a?b#c", 0, 0, "/a%3Fb%23c",
      "/a%3Fb%23c" },
    { "/a%3fb", NULL, GW_PATH_OK, "/a?b", 0, 0, "/a%3fb", "/a%3Fb" },
    { "/a%23b", NULL, GW_PATH_OK, "/a#b", 0, 0, "/a%23b", "/a%23b" },

    /* never one decoding more, never one less */
    { "/a%25b", NULL, GW_PATH_OK, "/a%b", 0, 0, "/a%25b", "/a%25b" },
    { "/%2541", NULL, GW_PATH_OK, "/%41", 0, 0, "/%2541", "/%2541" },
    { "/%252541", NULL, GW_PATH_OK, "/%2541", 0, 0, "/%252541",
      "/%252541" },
    { "/%252e%252e%252f", NULL, GW_PATH_OK, "/%2e%2e%2f", 1, 0,
      "/%252e%252e%252f", "/%252e%252e%252f" },
    { "/%252e%252e/", NULL, GW_PATH_OK, "/%2e%2e/", 0, 0, "/%252e%252e/",
      "/%252e%252e/" },

    /* the escaped slash stays, whatever its case */
    { "/a%2Fb", NULL, GW_PATH_OK, "/a%2Fb", 0, 0, "/a%2Fb", "/a%2Fb" },
    { "/a%2fb", NULL, GW_PATH_OK, "/a%2Fb", 0, 0, "/a%2fb", "/a%2Fb" },
    { "%2F", NULL, GW_PATH_OK, "%2F", 0, 0, "%2F", "%2F" },
    { "/%2F%2f", NULL, GW_PATH_OK, "/%2F%2F", 0, 0, "/%2F%2f", "/%2F%2F" },

    /* what decodes to the same text as an escaped slash is told apart */
    { "/a%252Fb", NULL, GW_PATH_OK, "/a%2Fb", 1, 0, "/a%252Fb", "/a%2Fb" },
    { "/a%252fb", NULL, GW_PATH_OK, "/a%2fb", 1, 0, "/a%252fb",
      "/a%252fb" },
    { "/a%25%32%46b", "/a%252Fb", GW_PATH_OK, "/a%2Fb", 1, 0,
      "/a%25%32%46b", "/a%2Fb" },
    { "/a%25%32Fb", NULL, GW_PATH_OK, "/a%2Fb", 1, 0, "/a%25%32Fb",
      "/a%2Fb" },
    { "/a%252%46b", NULL, GW_PATH_OK, "/a%2Fb", 1, 0, "/a%252%46b",
      "/a%2Fb" },
    { "/%252F%2F", NULL, GW_PATH_OK, "/%2F%2F", 1, 0, "/%252F%2F",
      "/%2F%2F" },
    { "/%2F%252F", NULL, GW_PATH_OK, "/%2F%2F", 1, 0, "/%2F%252F",
      "/%2F%2F" },
    { "/%25%2F", NULL, GW_PATH_OK, "/%%2F", 0, 0, "/%25%2F", "/%25%2F" },
    { "/%252%2F", NULL, GW_PATH_OK, "/%2%2F", 0, 0, "/%252%2F",
      "/%252%2F" },
    { "/%25252F", NULL, GW_PATH_OK, "/%252F", 0, 0, "/%25252F",
      "/%25252F" },
    { "/%2525252F", NULL, GW_PATH_OK, "/%25252F", 0, 0, "/%2525252F",
      "/%2525252F" },

    /* dot segments that the server has removed: its form is what is sent */
    { "/a/../b", "/b", GW_PATH_OK, "/b", 0, 0, NULL, "/b" },
    { "/a/%2e%2e/b", "/b", GW_PATH_OK, "/b", 0, 0, NULL, "/b" },
    { "/a/%2E/b", "/a/b", GW_PATH_OK, "/a/b", 0, 0, NULL, "/a/b" },
    { "/a//b", "/a/b", GW_PATH_OK, "/a/b", 0, 0, NULL, "/a/b" },
    { "/a//b", NULL, GW_PATH_OK, "/a//b", 0, 0, "/a//b", "/a//b" },
    { "/..a/b../...", NULL, GW_PATH_OK, "/..a/b../...", 0, 0,
      "/..a/b../...", "/..a/b../..." },

    /* ...and those that only another reader would see */
    { "/a%2F..%2Fb", NULL, GW_PATH_OK, "/a%2F..%2Fb", 0, 1, "/a%2F..%2Fb",
      "/a%2F..%2Fb" },
    { "/..%2fb", NULL, GW_PATH_OK, "/..%2Fb", 0, 1, "/..%2fb", "/..%2Fb" },
    { "/a%2f..", NULL, GW_PATH_OK, "/a%2F..", 0, 1, "/a%2f..", "/a%2F.." },
    { "/a%2f%2e%2e", "/a%2f..", GW_PATH_OK, "/a%2F..", 0, 1, "/a%2f%2e%2e",
      "/a%2F.." },
    { "/..%252fb", NULL, GW_PATH_OK, "/..%2fb", 1, 1, "/..%252fb",
      "/..%252fb" },
    { "/a%5c..%5cb", NULL, GW_PATH_OK, "/a\\..\\b", 0, 1, "/a%5c..%5cb",
      "/a%5C..%5Cb" },
    { "/a\\..\\b", NULL, GW_PATH_OK, "/a\\..\\b", 0, 1, "/a%5C..%5Cb",
      "/a%5C..%5Cb" },
    { "/a%5cb", NULL, GW_PATH_OK, "/a\\b", 0, 0, "/a%5cb", "/a%5Cb" },
    { "/a%255c..%255Cb", NULL, GW_PATH_OK, "/a%5c..%5Cb", 0, 1,
      "/a%255c..%255Cb", "/a%255c..%255Cb" },
    { "/a/..;x/b", NULL, GW_PATH_OK, "/a/..;x/b", 0, 1, "/a/..;x/b",
      "/a/..;x/b" },
    { "/a/..;/b", NULL, GW_PATH_OK, "/a/..;/b", 0, 1, "/a/..;/b",
      "/a/..;/b" },
    { "/a/.;x", NULL, GW_PATH_OK, "/a/.;x", 0, 1, "/a/.;x", "/a/.;x" },
    { "/a/..%3bx/b", NULL, GW_PATH_OK, "/a/..;x/b", 0, 1, "/a/..%3bx/b",
      "/a/..;x/b" },
    { "/a/%2e%2e;x/b", "/a/..;x/b", GW_PATH_OK, "/a/..;x/b", 0, 1,
      "/a/%2e%2e;x/b", "/a/..;x/b" },
    { "/a;x=..%2F../b", NULL, GW_PATH_OK, "/a;x=..%2F../b", 0, 1,
      "/a;x=..%2F../b", "/a;x=..%2F../b" },
    { "/a;x=../b;..", NULL, GW_PATH_OK, "/a;x=../b;..", 0, 0,
      "/a;x=../b;..", "/a;x=../b;.." },
    { "/a;v=1/b;w=2", NULL, GW_PATH_OK, "/a;v=1/b;w=2", 0, 0,
      "/a;v=1/b;w=2", "/a;v=1/b;w=2" },
    { "..", NULL, GW_PATH_OK, "..", 0, 1, "..", ".." },
    { "/.", NULL, GW_PATH_OK, "/.", 0, 1, "/.", "/." },
    { "/...%2f....", NULL, GW_PATH_OK, "/...%2F....", 0, 0, "/...%2f....",
      "/...%2F...." },

    /* what can never be sent */
    { "/%zz", NULL, GW_PATH_BAD_ESCAPE, NULL, 0, 0, NULL, NULL },
    { "/%", NULL, GW_PATH_BAD_ESCAPE, NULL, 0, 0, NULL, NULL },
    { "/%4", NULL, GW_PATH_BAD_ESCAPE, NULL, 0, 0, NULL, NULL },
    { "/%4g", NULL, GW_PATH_BAD_ESCAPE, NULL, 0, 0, NULL, NULL },
    { "/%%41", NULL, GW_PATH_BAD_ESCAPE, NULL, 0, 0, NULL, NULL },
    { "/% 41", NULL, GW_PATH_BAD_ESCAPE, NULL, 0, 0, NULL, NULL },
    { "/%+1", NULL, GW_PATH_BAD_ESCAPE, NULL, 0, 0, NULL, NULL },
    { "/%u0041", NULL, GW_PATH_BAD_ESCAPE, NULL, 0, 0, NULL, NULL },
    { "/a%00b", NULL, GW_PATH_CONTROL, NULL, 0, 0, NULL, NULL },
    { "/a%0d%0aX:%20y", NULL, GW_PATH_CONTROL, NULL, 0, 0, NULL, NULL },
    { "/a%0A", NULL, GW_PATH_CONTROL, NULL, 0, 0, NULL, NULL },
    { "/a%09b", NULL, GW_PATH_CONTROL, NULL, 0, 0, NULL, NULL },
    { "/a%7fb", NULL, GW_PATH_CONTROL, NULL, 0, 0, NULL, NULL },
    { "/a\tb", NULL, GW_PATH_CONTROL, NULL, 0, 0, NULL, NULL },
    { "/a\rb\n", NULL, GW_PATH_CONTROL, NULL, 0, 0, NULL, NULL },
    { "/a\x7f", NULL, GW_PATH_CONTROL, NULL, 0, 0, NULL, NULL },
    { "/a%1F%zz", NULL, GW_PATH_CONTROL, NULL, 0, 0, NULL, NULL },
};

static void test_journey(const struct journey *j)
{
    char *checked = NULL;
    int twice = -1;

    is_int(gw_path_decode(pool, j->core ? j->core : j->raw, &checked,
                          &twice),
           j->verdict, "%s: verdict", j->raw);
    if (j->verdict != GW_PATH_OK) {
        is_str(gw_path_raw_tail(pool, j->raw, "/", 0), NULL,
               "%s: never sent as it came", j->raw);
        return;
    }
    is_str(checked, j->checked, "%s: decoded", j->raw);
    is_int(twice, j->twice, "%s: holds %%252F", j->raw);
    is_int(gw_path_unsafe(checked), j->unsafe, "%s: unsafe", j->raw);
    is_str(gw_path_raw_tail(pool, j->raw, checked, 0), j->tail,
           "%s: the client's bytes", j->raw);
    is_str(gw_path_encode(pool, checked), j->encoded, "%s: encoded",
           j->raw);
}

static void test_decode_without_double(void)
{
    char *checked = NULL;

    is_int(gw_path_decode(pool, "/a%252F", &checked, NULL), GW_PATH_OK,
           "pdouble may be NULL");
    is_str(checked, "/a%2F", "decoded without it");
}

/* The tail begins where the path that was matched ends. */
static const struct {
    const char *raw;
    const char *checked;
    apr_size_t offset;
    const char *tail;
} tails[] = {
    { "/app/x", "/app/x", 4, "/x" },
    { "/app/x", "/app/x", 5, "x" },
    { "/app/x", "/app/x", 6, "" },
    { "/app/x", "/app/x", 7, NULL },
    { "/%61pp/%78", "/app/x", 4, "/%78" },
    { "/%61pp/%78", "/app/x", 1, "%61pp/%78" },
    { "/a%2fb/c", "/a%2Fb/c", 2, "%2fb/c" },
    { "/a%2fb/c", "/a%2Fb/c", 3, NULL },
    { "/a%2fb/c", "/a%2Fb/c", 4, NULL },
    { "/a%2fb/c", "/a%2Fb/c", 5, "b/c" },
    { "/a%252Fb/c", "/a%2Fb/c", 3, "2Fb/c" },
    { "/a b/c d", "/a b/c d", 4, "/c%20d" },
    /* not the path that was checked */
    { "/app/x", "/app/y", 4, NULL },
    { "/app/x", "/app/xy", 4, NULL },
    { "/app/xy", "/app/x", 4, NULL },
    { "/app//x", "/app/x", 4, NULL },
    { "/app/./x", "/app/x", 4, NULL },
    { "/App/x", "/app/x", 4, NULL },
    { "/app%2Fx", "/app/x", 4, NULL },
    { "/app/x", "/app%2Fx", 0, NULL },
    { "/app%2", "/app%2", 0, NULL },
    { "/app%2", "/app%2F", 0, NULL },
    { "", "/", 0, NULL },
    { "/", "", 0, NULL },
};

static void test_tails(void)
{
    size_t i;

    for (i = 0; i < COUNT(tails); i++) {
        is_str(gw_path_raw_tail(pool, tails[i].raw, tails[i].checked,
                                tails[i].offset),
               tails[i].tail, "tail of %s, checked %s, from %lu",
               tails[i].raw, tails[i].checked,
               (unsigned long)tails[i].offset);
    }
}

/* Segments that some reader takes for a dot segment. */
static const struct {
    const char *checked;
    int unsafe;
} unsafes[] = {
    { "", 0 }, { "/", 0 }, { ".", 1 }, { "..", 1 }, { "...", 0 },
    { "/a", 0 }, { "/.a", 0 }, { "/a.", 0 }, { "/..a", 0 }, { "/a..", 0 },
    { "/a/..", 1 }, { "/a/../b", 1 }, { "/./a", 1 }, { "/a/.", 1 },
    { "\\..\\", 1 }, { "a\\.", 1 }, { "/a\\b", 0 },
    { "%2F..", 1 }, { "..%2F", 1 }, { "%2f..%2f", 1 }, { "%5C..", 1 },
    { "..%5c", 1 }, { "%2F", 0 }, { "%5C%2F/\\", 0 }, { "/a%2Fb", 0 },
    { "..;", 1 }, { ".;", 1 }, { "/..;a=b", 1 }, { "/a;..", 0 },
    { "/;..", 0 }, { "/;/..;", 1 }, { "/a;%2F..;b", 1 }, { "/a;\\.", 1 },
    { "/..%2", 0 }, { "/..%", 0 }, { "/..%5", 0 }, { "/..%2E", 0 },
    { "/. ", 0 }, { "/..\x80", 0 },
};

static void test_unsafe(void)
{
    size_t i;

    for (i = 0; i < COUNT(unsafes); i++) {
        is_int(gw_path_unsafe(unsafes[i].checked), unsafes[i].unsafe,
               "unsafe: '%s'", unsafes[i].checked);
    }
}

static void test_query(void)
{
    static const struct {
        const char *query;
        const char *sent;
    } cases[] = {
        { "", "" },
        { "a=1&b=2", "a=1&b=2" },
        { "a=/x/?y:@!$'()*+,;-._~", "a=/x/?y:@!$'()*+,;-._~" },
        { "a=%41%2f%zz%", "a=%41%2f%zz%" },
        { "filter[a]=1", "filter[a]=1" },
        { "a b\"<>\\^`{|}#", "a%20b%22%3C%3E%5C%5E%60%7B%7C%7D%23" },
        { "a\r\nX: y\t\x7f\x01", "a%0D%0AX:%20y%09%7F%01" },
        { "\xc3\xa9\xff", "%C3%A9%FF" },
    };
    size_t i;

    is_str(gw_path_query(pool, NULL), NULL, "no query stays none");
    for (i = 0; i < COUNT(cases); i++) {
        is_str(gw_path_query(pool, cases[i].query), cases[i].sent,
               "query %s", cases[i].query);
    }
}

static void test_values(void)
{
    static const struct {
        const char *value;
        const char *without;
        const char *with;       /* slash = 1 */
    } cases[] = {
        { "", "", "" },
        { "abcXYZ019-._~", "abcXYZ019-._~", "abcXYZ019-._~" },
        { "a/b", "a%2Fb", "a/b" },
        { "a%2Fb", "a%252Fb", "a%252Fb" },
        { "?x=1&y#z", "%3Fx%3D1%26y%23z", "%3Fx%3D1%26y%23z" },
        { "a;b+c d", "a%3Bb%2Bc%20d", "a%3Bb%2Bc%20d" },
        { "@evil:80", "%40evil%3A80", "%40evil%3A80" },
        { "\r\n\t\x7f\xff", "%0D%0A%09%7F%FF", "%0D%0A%09%7F%FF" },
        { "//h/..", "%2F%2Fh%2F..", "//h/.." },
    };
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        is_str(gw_path_encode_value(pool, cases[i].value, 0),
               cases[i].without, "value %s", cases[i].value);
        is_str(gw_path_encode_value(pool, cases[i].value, 1),
               cases[i].with, "value %s with slashes", cases[i].value);
    }
}

static void test_join(void)
{
    static const struct {
        const char *base;
        const char *tail;
        const char *joined;
    } cases[] = {
        { "", "", "/" },
        { "", "/", "/" },
        { "", "x", "/x" },
        { "", "/x", "/x" },
        { "", "//host/x", "/host/x" },
        { "/", "", "/" },
        { "/", "/", "/" },
        { "/", "x", "/x" },
        { "/", "/x", "/x" },
        { "/ctx", "", "/ctx" },
        { "/ctx/", "", "/ctx/" },
        { "/ctx", "/", "/ctx/" },
        { "/ctx/", "/", "/ctx/" },
        { "/ctx", "x", "/ctx/x" },
        { "/ctx", "/x", "/ctx/x" },
        { "/ctx/", "x", "/ctx/x" },
        { "/ctx/", "/x", "/ctx/x" },
        { "/ctx//", "//x//y/", "/ctx/x//y/" },
        { "/ctx", "%2Fx", "/ctx/%2Fx" },
    };
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        is_str(gw_path_join(pool, cases[i].base, cases[i].tail),
               cases[i].joined, "'%s' and '%s' joined", cases[i].base,
               cases[i].tail);
    }
}

/* offset -1: no match */
static const struct {
    const char *path;
    const char *prefix;
    int offset;
} unders[] = {
    { "/", "/", 1 }, { "/a", "/", 1 }, { "//a", "/", 2 }, { "", "/", -1 },
    { "", "", 0 }, { "/", "", 0 }, { "/a", "", 0 }, { "a", "", -1 },
    { "/foo", "/foo", 4 }, { "/foo/", "/foo", 4 }, { "/foo/x", "/foo", 4 },
    { "/foobar", "/foo", -1 }, { "/fo", "/foo", -1 },
    { "/foo", "/foo/", -1 }, { "/foo/", "/foo/", 5 },
    { "/foo/x", "/foo/", 5 }, { "/foo//x", "/foo/", 6 },
    { "/foo//x", "/foo", 4 }, { "//foo/x", "/foo", 5 },
    { "/a//b/c", "/a/b", 5 }, { "/a///b", "/a/b/", -1 },
    { "/a/b", "/a//b", 4 }, { "/a/b/", "//a//b//", 5 },
    { "/Foo", "/foo", -1 }, { "/foo%2Fx", "/foo", -1 },
    { "/foo;x", "/foo", -1 }, { "/foo?x", "/foo", -1 },
    { "/a%2Fb/c", "/a%2Fb", 6 }, { "/a/b", "/a%2Fb", -1 },
    { "/foo.x", "/foo.", -1 }, { "/\xc3\xa9/x", "/\xc3\xa9", 3 },
};

static void test_under(void)
{
    size_t i;

    for (i = 0; i < COUNT(unders); i++) {
        apr_size_t offset = 999;
        int match = gw_path_under(unders[i].path, unders[i].prefix, &offset);

        is_int(match, unders[i].offset >= 0, "'%s' under '%s'",
               unders[i].path, unders[i].prefix);
        if (unders[i].offset >= 0) {
            is_int(offset, unders[i].offset, "'%s' under '%s': the rest",
                   unders[i].path, unders[i].prefix);
        }
    }
    ok(gw_path_under("/a/b", "/a", NULL), "poffset may be NULL");
}

/* Prefix and tail as the request path uses them, one after the other. */
static void test_whole_way(void)
{
    static const struct {
        const char *raw;
        const char *prefix;
        const char *base;
        const char *target;
    } cases[] = {
        { "/app", "/app", "", "/" },
        { "/app/", "/app", "", "/" },
        { "/app", "/app", "/ctx", "/ctx" },
        { "/app/", "/app", "/ctx", "/ctx/" },
        { "/app/%41%2f%20", "/app", "/ctx", "/ctx/%41%2f%20" },
        { "/app//x", "/app/", "/ctx/", "/ctx/x" },
        { "/a%20b/c", "/a b", "/", "/c" },
        { "/%2Fx", "/", "", "/%2Fx" },
    };
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        apr_size_t offset = 0;
        char *checked = NULL;
        const char *tail;

        ok(gw_path_decode(pool, cases[i].raw, &checked, NULL) == GW_PATH_OK
           && gw_path_under(checked, cases[i].prefix, &offset),
           "%s is under %s", cases[i].raw, cases[i].prefix);
        tail = gw_path_raw_tail(pool, cases[i].raw, checked, offset);
        is_str(tail ? gw_path_join(pool, cases[i].base, tail) : NULL,
               cases[i].target, "%s to the backend's %s", cases[i].raw,
               cases[i].base);
    }
}

/* Every byte through the encoder and back, alone and behind a '%'. */
static void test_every_byte(void)
{
    int same = 0, refused = 0;
    int c;

    for (c = 1; c < 256; c++) {
        char text[4] = { '/', '%', (char)c, '\0' };
        char *back = NULL;
        gw_path_verdict verdict;

        verdict = gw_path_decode(pool, gw_path_encode(pool, text), &back,
                                 NULL);
        if (verdict == GW_PATH_OK && strcmp(back, text) == 0) {
            same++;
        }
        else if (verdict == GW_PATH_CONTROL && (c < 32 || c == 127)) {
            refused++;
        }
    }
    is_int(same, 255 - 32, "bytes that come back from the encoder");
    is_int(refused, 32, "control bytes that do not");
}

static void test_texts(void)
{
    int v;

    for (v = GW_PATH_OK; v <= GW_PATH_UNSAFE; v++) {
        const char *text = gw_path_verdict_text((gw_path_verdict)v);

        ok(text && *text && strlen(text) < 80, "verdict %d has a text", v);
    }
}

int main(void)
{
    size_t i;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    for (i = 0; i < COUNT(journeys); i++) {
        test_journey(&journeys[i]);
    }
    test_decode_without_double();
    test_tails();
    test_unsafe();
    test_query();
    test_values();
    test_join();
    test_under();
    test_whole_way();
    test_every_byte();
    test_texts();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
