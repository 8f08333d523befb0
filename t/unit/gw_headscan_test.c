/**
 * gw_headscan_test: when core may read a head, and which bytes of a chunked
 * body it may see. Each case is fed whole, byte by byte and in two pieces cut
 * at every place: the result must not depend on it.
 */
#include "gw_headscan.c"
#include "tap.h"

#define MAX 256

typedef struct {
    const char *name;
    const char *bytes;
    gw_scan result;
    size_t len;                 /* of the head, when WHOLE */
} head_case;

static const head_case heads[] = {
    { "nothing", "", GW_SCAN_NONE, 0 },
    { "a CR", "\r", GW_SCAN_NONE, 0 },
    { "an empty line", "\r\n", GW_SCAN_NONE, 0 },
    { "ten empty lines", "\r\n\n\n\r\n\n\n\n\n\n\r\n", GW_SCAN_NONE, 0 },
    { "eleven empty lines, something behind",
      "\n\n\n\n\n\n\n\n\n\n\r\nGET", GW_SCAN_WHOLE, 12 },
    { "a byte", "G", GW_SCAN_PART, 0 },
    { "a byte behind empty lines", "\r\n\nG", GW_SCAN_PART, 0 },
    { "a request line", "GET / HTTP/1.1\r\n", GW_SCAN_PART, 0 },
    { "a field", "GET / HTTP/1.1\r\nHost: a\r\n", GW_SCAN_PART, 0 },
    { "a field and a CR", "GET / HTTP/1.1\r\nHost: a\r\n\r",
      GW_SCAN_PART, 0 },
    { "whole", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", GW_SCAN_WHOLE, 27 },
    { "whole, more behind", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b",
      GW_SCAN_WHOLE, 27 },
    { "no fields", "GET / HTTP/1.0\r\n\r\n", GW_SCAN_WHOLE, 18 },
    { "bare LFs", "GET / HTTP/1.0\nA: b\n\nx", GW_SCAN_WHOLE, 21 },
    { "mixed line ends", "GET / HTTP/1.0\nA: b\r\n\nx", GW_SCAN_WHOLE, 22 },
    { "empty lines first", "\r\n\n\r\nGET / HTTP/1.0\r\n\r\n",
      GW_SCAN_WHOLE, 23 },
    { "a CR alone is no empty line", "GET / HTTP/1.0\r\n\r\r\n",
      GW_SCAN_PART, 0 },
    { "two CRs before the LF are no empty line",
      "GET / HTTP/1.0\r\nA: b\r\n\r\r\nC: d\r\n", GW_SCAN_PART, 0 },
    { "CRs inside a line", "GET / HTTP/1.0\r\nA: \r\rb\r\n\r\n",
      GW_SCAN_WHOLE, 26 },
    { "a blank is no empty line", "GET / HTTP/1.0\r\n \r\n",
      GW_SCAN_PART, 0 },
    { "HTTP/0.9", "GET /x\r\nmore", GW_SCAN_WHOLE, 8 },
    { "HTTP/0.9, LF", "GET /x\n", GW_SCAN_WHOLE, 7 },
    { "HTTP/0.9 not ended", "GET /x", GW_SCAN_PART, 0 },
    { "HTTP/0.9 behind an empty line", "\r\nGET /x\r\n",
      GW_SCAN_WHOLE, 10 },
    { "HTTP/ in a path is no version", "GET /HTTP/1.0\r\n",
      GW_SCAN_WHOLE, 15 },
    { "HTTP/ in front is no version", "HTTP/1.1 200 OK\r\n",
      GW_SCAN_WHOLE, 17 },
    { "junk", "\x16\x03\x01 hello\r\n", GW_SCAN_WHOLE, 11 },
    { "a version in small letters", "get / http/1.0\r\n",
      GW_SCAN_PART, 0 },
    { "a version behind a tab", "GET /\tHTTP/1.0\r\n", GW_SCAN_PART, 0 },
    { "a version behind blanks", "GET /   HTTP/1.0\r\n",
      GW_SCAN_PART, 0 },
    { "white space in front, so that a version is the first word",
      "\rHTTP/1.0\r\n", GW_SCAN_PART, 0 },
    { "a broken version", "GET / HTTX/1.0\r\n", GW_SCAN_WHOLE, 16 },
    { "a version that begins twice", "GET / HTTHTTP/ HTTP/1.0\r\n",
      GW_SCAN_PART, 0 },
    { "HTTP/ in a field does not count", "GET /x\r\nA: HTTP/1.0\r\n",
      GW_SCAN_WHOLE, 8 },
};

/* Feed n bytes in pieces: the first of `cut`, others of `step`. */
static void scan(gw_headscan *s, const char *data, size_t n, size_t cut,
                 size_t step, size_t max)
{
    gw_headscan_init(s, max);
    while (n) {
        size_t k = cut < n ? cut : n;

        gw_headscan_feed(s, data, k);
        data += k;
        n -= k;
        cut = step;
    }
}

static void test_head(const head_case *t)
{
    size_t n = strlen(t->bytes);
    int same = 1;
    size_t cut;
    gw_headscan s;

    scan(&s, t->bytes, n, n, n, MAX);
    is_int(s.result, t->result, "head, %s", t->name);
    if (t->result == GW_SCAN_WHOLE) {
        is_int(s.len, t->len, "head, %s: its length", t->name);
    }
    for (cut = 1; cut <= n; cut++) {
        gw_headscan u;

        scan(&u, t->bytes, n, cut, cut == 1 ? 1 : n, MAX);
        same = same && u.result == s.result && u.len == s.len;
    }
    ok(same, "head, %s: however it is cut", t->name);
}

static void test_long_heads(void)
{
    char line[MAX + 2];
    gw_headscan s;

    memset(line, 'a', sizeof(line));
    scan(&s, line, MAX - 1, 7, 7, MAX);
    is_int(s.result, GW_SCAN_PART, "one byte below the limit");
    gw_headscan_feed(&s, line, 1);
    is_int(s.result, GW_SCAN_LONG, "the limit is reached");
    gw_headscan_feed(&s, "\r\n\r\n", 4);
    is_int(s.result, GW_SCAN_LONG, "and that is final");
    is_int(s.len, MAX, "no more was looked at");
    memcpy(line + MAX - 2, "\r\n", 2);
    scan(&s, line, MAX, MAX, MAX, MAX);
    is_int(s.result, GW_SCAN_WHOLE, "a head of just the limit");
    scan(&s, line, MAX, MAX, MAX, MAX - 1);
    is_int(s.result, GW_SCAN_LONG, "a head of a byte more");
    gw_headscan_feed(&s, "\r\n", 2);
    is_int(s.result, GW_SCAN_LONG, "whatever comes then");
}

typedef struct {
    const char *name;
    const char *bytes;
    size_t held;
    int over;
} hold_case;

static const hold_case holds[] = {
    { "nothing", "", 0, 0 },
    { "a zero", "0", 1, 0 },
    { "zeros", "0000", 4, 0 },
    { "zeros before a size", "00005", 0, 0 },
    { "a size line without its LF", "5\r", 0, 0 },
    { "data begins", "5\r\nhe", 0, 0 },
    { "data that looks like a last chunk", "5\r\n0\r\n\r\n", 0, 0 },
    { "data is there", "5\r\nhello", 0, 0 },
    { "a chunk", "5\r\nhello\r\n", 0, 0 },
    { "the last chunk's digit", "5\r\nhello\r\n0", 1, 0 },
    { "the last chunk's CR", "5\r\nhello\r\n0\r", 2, 0 },
    { "the last chunk's line", "5\r\nhello\r\n0\r\n", 3, 0 },
    { "the final CR", "5\r\nhello\r\n0\r\n\r", 4, 0 },
    { "the end", "5\r\nhello\r\n0\r\n\r\n", 0, 1 },
    { "the next request", "0\r\n\r\n0", 0, 1 },
    { "an extension of the last chunk", "0;a=b", 5, 0 },
    { "an extension that holds a digit", "0;a=5\r\n", 7, 0 },
    { "blanks behind the last size", "0 \t\r\n", 5, 0 },
    { "an extension behind blanks", "0 ;x", 4, 0 },
    { "a trailer begins", "0\r\nA", 4, 0 },
    { "a trailer", "0\r\nA: b\r\n", 9, 0 },
    { "a trailer without its LF", "0\r\nA: b\r", 8, 0 },
    { "trailers are there", "0\r\nA: b\r\nC: d\r\n\r\nx", 0, 1 },
    { "two CRs are no empty line", "0\r\n\r\r\n", 6, 0 },
    { "a folded trailer is a line", "0\r\n \r\n", 6, 0 },
    { "LF only", "1\nx\n0\n\n", 0, 1 },
    { "LF only, not ended", "1\nx\n0\n", 2, 0 },
    { "a size missing", "\r\n", 0, 1 },
    { "not a digit", "x", 0, 1 },
    { "not a digit behind a zero", "0x", 0, 1 },
    { "no CRLF behind the data", "1\r\nab", 0, 1 },
    { "CR CR behind the data", "1\r\na\r\r", 0, 1 },
    { "CR and no LF behind the size", "0\rx", 0, 1 },
    { "a digit behind a blank", "0 0", 0, 1 },
    { "a control byte in an extension", "0;\x01", 0, 1 },
    { "DEL in an extension", "0;\x7f", 0, 1 },
    { "a tab in an extension", "0;\t", 3, 0 },
    { "ten blanks", "0          ", 11, 0 },
    { "eleven blanks", "0           ", 0, 1 },
    { "blanks are counted anew", "1          \r\na\r\n0          ", 11, 0 },
    { "the largest size", "7fffffffffffffff\r\nabc", 0, 0 },
    { "too large a size", "8000000000000000", 0, 1 },
    { "far too large a size", "11111111111111111", 0, 1 },
    { "leading zeros are no size", "00000000000000000000001\r\na\r\n0",
      1, 0 },
    { "either case", "aBcD\r\n", 0, 0 },
};

static void hold(gw_chunkhold *h, const char *data, size_t n, size_t cut,
                 size_t step, size_t max)
{
    gw_chunkhold_init(h, max);
    while (n) {
        size_t k = cut < n ? cut : n;

        gw_chunkhold_feed(h, data, k);
        data += k;
        n -= k;
        cut = step;
    }
}

static void test_hold(const hold_case *t)
{
    size_t n = strlen(t->bytes);
    int same = 1;
    size_t cut;
    gw_chunkhold h;

    hold(&h, t->bytes, n, n, n, MAX);
    is_int(h.held, t->held, "body, %s", t->name);
    is_int(gw_chunkhold_over(&h), t->over, "body, %s: over", t->name);
    for (cut = 1; cut <= n; cut++) {
        gw_chunkhold u;

        hold(&u, t->bytes, n, cut, cut == 1 ? 1 : n, MAX);
        same = same && u.held == h.held
            && gw_chunkhold_over(&u) == gw_chunkhold_over(&h);
    }
    ok(same, "body, %s: however it is cut", t->name);
}

static void test_long_trailers(void)
{
    gw_chunkhold h;

    hold(&h, "0\r\nA: bcdef", 11, 11, 11, 11);
    is_int(h.held, 11, "trailers of just the limit are held");
    gw_chunkhold_feed(&h, "g", 1);
    is_int(h.held, 0, "more are let through");
    ok(gw_chunkhold_over(&h), "and nothing is held any more");
    gw_chunkhold_feed(&h, "h\r\n0", 4);
    is_int(h.held, 0, "whatever comes then");
    hold(&h, "000000000000", 12, 1, 1, 11);
    ok(gw_chunkhold_over(&h), "endless zeros");
}

int main(void)
{
    size_t i;

    for (i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        test_head(&heads[i]);
    }
    test_long_heads();
    for (i = 0; i < sizeof(holds) / sizeof(*holds); i++) {
        test_hold(&holds[i]);
    }
    test_long_trailers();
    return done_testing();
}
