/**
 * chunk_test: the chunked coding, fed whole, in two pieces at every border,
 * and byte by byte; its limits; and the encoder read back by the decoder.
 */
#include "gw_chunk.h"

#include "tap.h"

/* Longest text that decode() makes. */
#define TEXT_MAX 4096

typedef struct {
    const char *name;
    const char *data;
    size_t len;
    const char *want;       /* body, '|', then what ended it and where */
} chunk_case;

#define R(text) text, sizeof(text) - 1

static const chunk_case cases[] = {
    { "empty body", R("0\r\n\r\n"), "|end 5" },
    { "one chunk", R("5\r\nhello\r\n0\r\n\r\n"), "hello|end 15" },
    { "two chunks", R("3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"), "hello|end 20" },
    { "what follows is left", R("0\r\n\r\nHTTP"), "|end 5" },
    { "upper and lower case", R("A\r\n0123456789\r\na\r\n0123456789\r\n"
      "0\r\n\r\n"), "01234567890123456789|end 35" },
    { "leading zeros", R("0000000000000000000000000005\r\nhello\r\n"
      "000\r\n\r\n"), "hello|end 44" },
    { "extensions", R("5;a;b=c;d=\"\\\"\t\xff\"\r\nhello\r\n0;x\r\n\r\n"),
      "hello|end 32" },
    { "blanks behind a size", R("5 \t\r\nhello\r\n0 \r\n\r\n"),
      "hello|end 18" },
    { "trailers", R("0\r\nA: b\r\nC:\r\n\r\n"), "|end 15" },
    { "nothing yet", R(""), "|more" },
    { "in a size", R("5"), "|more" },
    { "in the data", R("5\r\nhel"), "hel|more" },
    { "behind the data", R("5\r\nhello\r"), "hello|more" },
    { "in the last-chunk", R("0\r\n"), "|more" },
    { "in a trailer", R("0\r\nA: b\r\n\r"), "|more" },
    { "size of 2^63 - 1", R("7fffffffffffffff\r\nx"), "x|more" },
    { "size of 2^63", R("8000000000000000\r\nx"), "|junk" },
    { "size of 2^64 + 5", R("10000000000000005\r\nhello"), "|junk" },
    { "no size", R("\r\n"), "|junk" },
    { "no size, LF", R("\n"), "|junk" },
    { "no size behind a chunk", R("1\r\nh\r\n\r\n\r\n"), "h|junk" },
    { "no digit", R("x\r\n"), "|junk" },
    { "sign", R("+5\r\n"), "|junk" },
    { "prefix", R("0x5\r\n"), "|junk" },
    { "letter behind", R("5g\r\n"), "|junk" },
    { "digit behind a blank", R("5 5\r\n"), "|junk" },
    { "leading blank", R(" 5\r\n"), "|junk" },
    { "8-bit byte", R("5\x80\r\n"), "|junk" },
    { "NUL", R("5\0\r\n"), "|junk" },
    { "bare LF behind a size", R("5\nhello"), "|junk" },
    { "bare CR behind a size", R("5\rhello"), "|junk" },
    { "bare LF in an extension", R("5;a\nhello"), "|junk" },
    { "bare CR in an extension", R("5;a\rhello"), "|junk" },
    { "DEL in an extension", R("5;\x7f\r\nhello"), "|junk" },
    { "no CRLF behind data", R("1\r\nhello"), "h|junk" },
    { "LF behind data", R("1\r\nh\n0\r\n\r\n"), "h|junk" },
    { "CR x behind data", R("1\r\nh\rx"), "h|junk" },
    { "bare LF at the end", R("0\r\n\n"), "|junk" },
    { "bare CR at the end", R("0\r\n\rx"), "|junk" },
    { "trailer without a name", R("0\r\n:b\r\n\r\n"), "|junk" },
    { "trailer with a blank in its name", R("0\r\nA : b\r\n\r\n"), "|junk" },
    { "trailer without a colon", R("0\r\nAb\r\n\r\n"), "|junk" },
    { "folded trailer", R("0\r\nA: b\r\n c\r\n\r\n"), "|junk" },
    { "NUL in a trailer", R("0\r\nA: \0\r\n\r\n"), "|junk" },
    { "bare LF in a trailer", R("0\r\nA: b\n\r\n"), "|junk" },
    { "bare CR in a trailer", R("0\r\nA: b\rc\r\n"), "|junk" },
};

/* A decoder and what it has given so far. */
typedef struct {
    gw_chunk_reader r;
    char text[TEXT_MAX];
    size_t len;
    size_t used;
    apr_status_t rv;
} run;

/* Feed a piece, from a block of exactly its size so that tools see a read
 * behind it. */
static void feed(run *x, const char *data, size_t len)
{
    char *copy = malloc(len ? len : 1);
    size_t at = 0;

    if (!copy) {
        bail_out("out of memory");
    }
    memcpy(copy, data, len);
    while (x->rv == APR_SUCCESS || x->rv == APR_EAGAIN) {
        apr_size_t used;
        apr_size_t n;
        const char *body;

        x->rv = gw_chunk_read(&x->r, copy + at, len - at, &used, &body, &n);
        at += used;
        x->used += used;
        if (x->rv == APR_SUCCESS) {
            memcpy(x->text + x->len, body, n);
            x->len += n;
        }
        else if (n) {
            bail_out("body bytes with status %d", x->rv);
        }
        if (x->rv == APR_EAGAIN) {
            if (at != len) {
                bail_out("APR_EAGAIN with bytes left");
            }
            break;
        }
    }
    free(copy);
}

static void decode(run *x, const char *data, size_t len, size_t cut,
                   size_t step)
{
    size_t at = cut;

    memset(x, 0, sizeof(*x));
    gw_chunk_reader_init(&x->r);
    feed(x, data, cut);
    while (at < len) {
        size_t n = step && step < len - at ? step : len - at;

        feed(x, data + at, n);
        at += n;
    }
    x->text[x->len] = '\0';
    switch (x->rv) {
    case APR_EOF:
        snprintf(x->text + x->len, 32, "|end %lu", (unsigned long)x->used);
        break;
    case APR_EAGAIN:
        snprintf(x->text + x->len, 32, "|more");
        break;
    case APR_ENOSPC:
        snprintf(x->text + x->len, 32, "|limit");
        break;
    default:
        snprintf(x->text + x->len, 32, "|junk");
    }
}

static void test_cases(void)
{
    static run x;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const chunk_case *c = &cases[i];
        size_t cut;
        int equal = 1;

        decode(&x, c->data, c->len, c->len, 0);
        is_str(x.text, c->want, "%s", c->name);
        if (x.rv == APR_EINVAL) {
            ok(x.r.why && *x.r.why, "%s: says why", c->name);
            feed(&x, "0\r\n\r\n", 5);
            is_int(x.rv, APR_EINVAL, "%s: for good", c->name);
        }
        for (cut = 0; cut <= c->len && equal; cut++) {
            decode(&x, c->data, c->len, cut, 0);
            equal = !strcmp(x.text, c->want);
        }
        decode(&x, c->data, c->len, 0, 1);
        ok(equal && !strcmp(x.text, c->want), "%s: however split", c->name);
    }
}

/* Feed the same text many times; @return the status behind */
static apr_status_t repeat(run *x, const char *text, size_t times)
{
    x->rv = APR_SUCCESS;
    while (times-- > 0 && (x->rv == APR_SUCCESS || x->rv == APR_EAGAIN)) {
        x->len = 0;
        feed(x, text, strlen(text));
    }
    return x->rv;
}

static void test_limits(void)
{
    static run x;

    gw_chunk_reader_init(&x.r);
    repeat(&x, "5;", 1);
    is_int(repeat(&x, "x", GW_CHUNK_LINE_MAX - 1), APR_EAGAIN,
           "64 a long extension passes");
    is_int(repeat(&x, "x", 1), APR_ENOSPC, "64 a longer one does not");
    ok(x.r.why != NULL, "... and says why");

    gw_chunk_reader_init(&x.r);
    is_int(repeat(&x, "0", GW_CHUNK_LINE_MAX), APR_EAGAIN, "zeros pass");
    is_int(repeat(&x, "0", GW_CHUNK_LINE_MAX), APR_ENOSPC,
           "but not without end");

    gw_chunk_reader_init(&x.r);
    is_int(repeat(&x, "1;0123456789\r\nx\r\n", 1000), APR_EAGAIN,
           "64 extensions on tiny chunks pass");
    is_int(repeat(&x, "1;0123456789\r\nx\r\n", 1000), APR_ENOSPC,
           "64 but not when they outweigh the data for long");

    gw_chunk_reader_init(&x.r);
    is_int(repeat(&x, "a;0123456\r\n0123456789\r\n", 50000), APR_EAGAIN,
           "64 data pays for extensions");

    gw_chunk_reader_init(&x.r);
    is_int(repeat(&x, "a;012345678901234567\r\n0123456789\r\n", 1500),
           APR_EAGAIN, "64 ... as far as it goes");

    gw_chunk_reader_init(&x.r);
    repeat(&x, "fff0;", 1);
    repeat(&x, "x", GW_CHUNK_LINE_MAX - 1);
    repeat(&x, "\r\n", 1);
    repeat(&x, "0123456789abcdef", 0xfff);
    is_int(repeat(&x, "\r\n1;0123456789\r\nx", 1000), APR_EAGAIN,
           "64 ... and wholly with a large chunk");

    gw_chunk_reader_init(&x.r);
    repeat(&x, "0\r\n", 1);
    is_int(repeat(&x, "A: b\r\n", GW_TRAILER_MAX / 6), APR_EAGAIN,
           "64 trailers pass");
    is_int(repeat(&x, "A: b\r\n", 2), APR_ENOSPC, "64 but not without end");
}

static void test_encoder(void)
{
    static const apr_size_t sizes[] = {
        1, 9, 10, 15, 16, 255, 256, 4095, 4096, 65536, 0x12345678,
        (apr_size_t)0x7fffffffffffffff
    };
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char buf[GW_CHUNK_HEAD_MAX];
        char want[32];
        apr_size_t n = gw_chunk_head(buf, sizes[i]);
        apr_size_t used;
        apr_size_t len;
        const char *body;
        gw_chunk_reader r;

        snprintf(want, sizeof(want), "%lx\r\n", (unsigned long)sizes[i]);
        is_mem(buf, n, want, strlen(want), "head of %lu",
               (unsigned long)sizes[i]);
        gw_chunk_reader_init(&r);
        gw_chunk_read(&r, buf, n, &used, &body, &len);
        is_int(r.left, sizes[i], "... is read back");
    }
}

int main(void)
{
    test_cases();
    test_limits();
    test_encoder();
    return done_testing();
}
