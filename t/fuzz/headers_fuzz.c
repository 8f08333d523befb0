/**
 * headers_fuzz: the fields that cross the gateway. Byte 0 of the input says
 * what the gateway adds, the rest is lines of "name:value" with any byte but
 * LF and NUL in them. No result holds a control byte, a hop-by-hop or framing
 * field, or a forged address; what passes keeps its order.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include "gw_headers.h"
#include "gw_str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define MUST(cond)                                                      \
    do {                                                                \
        if (!(cond)) {                                                  \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #cond);  \
            abort();                                                    \
        }                                                               \
    } while (0)

enum { SAY = 1, TRUSTED = 2, IS_407 = 4, NO_PORT = 8 };

static const char client[] = "192.0.2.1";

static apr_pool_t *root;

static apr_table_t *fields_of(apr_pool_t *pool, char *text)
{
    apr_table_t *t = apr_table_make(pool, 10);

    while (text) {
        char *end = strchr(text, '\n');
        char *colon;

        if (end) {
            *end++ = '\0';
        }
        colon = strchr(text, ':');
        if (colon) {
            *colon = '\0';
            apr_table_addn(t, text, colon + 1);
        }
        text = end;
    }
    return t;
}

static int holds(const apr_table_t *t, const char *name)
{
    return apr_table_get(t, name) != NULL;
}

static void check_fields(const apr_table_t *out)
{
    static const char *const never[] = {
        "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer",
        "Transfer-Encoding", "Upgrade", "Content-Length"
    };
    const apr_array_header_t *elts = apr_table_elts(out);
    const apr_table_entry_t *e = (const apr_table_entry_t *)elts->elts;
    size_t i;

    for (i = 0; i < (size_t)elts->nelts; i++) {
        MUST(gw_str_is_token(gw_str_of(e[i].key)));
        MUST(gw_str_is_field_value(gw_str_of(e[i].val)));
    }
    for (i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        MUST(!holds(out, never[i]));
    }
}

/* Requests keep the client's own strings, responses those of a table in the
 * same pool and copies of all others.
 */
static int is_same(const char *a, const char *b, int copied)
{
    return copied ? a != b && !strcmp(a, b) : a == b;
}

/* The fields that passed stand in their order. @return how many they are */
static int check_order(const apr_table_t *in, const apr_table_t *out,
                       int copied)
{
    const apr_array_header_t *from = apr_table_elts(in);
    const apr_array_header_t *to = apr_table_elts(out);
    const apr_table_entry_t *a = (const apr_table_entry_t *)from->elts;
    const apr_table_entry_t *b = (const apr_table_entry_t *)to->elts;
    int i;
    int passed = 0;

    for (i = 0; i < from->nelts && passed < to->nelts; i++) {
        if (is_same(a[i].key, b[passed].key, copied)
            && is_same(a[i].val, b[passed].val, copied)) {
            passed++;
        }
    }
    return passed;
}

/* No field that may pass is named by a Connection field. */
static void check_named(const apr_table_t *in, const apr_table_t *out,
                        int passed)
{
    const apr_array_header_t *from = apr_table_elts(in);
    const apr_array_header_t *to = apr_table_elts(out);
    const apr_table_entry_t *a = (const apr_table_entry_t *)from->elts;
    const apr_table_entry_t *b = (const apr_table_entry_t *)to->elts;
    int i;
    int j;

    for (i = 0; i < from->nelts; i++) {
        gw_str rest = gw_str_of(a[i].val);
        gw_str token;

        if (strcasecmp(a[i].key, "Connection")) {
            continue;
        }
        while (gw_str_next_element(&rest, &token)) {
            for (j = 0; j < passed; j++) {
                MUST(!gw_str_equal_nocase(token, gw_str_of(b[j].key)));
            }
        }
    }
}

static void check_request(apr_pool_t *pool, const apr_table_t *in, int flags)
{
    gw_forwarded fwd = { client, "front", "gw", "https", "443", "1.1 me", 0 };
    const apr_array_header_t *elts = apr_table_elts(in);
    apr_table_t *out;
    const char *address;
    int passed;

    fwd.trusted = flags & TRUSTED;
    if (flags & NO_PORT) {
        fwd.port = NULL;
    }
    if (elts->nelts) {
        fwd.host = ((const apr_table_entry_t *)elts->elts)->val;
    }
    out = gw_headers_request(pool, in, flags & SAY ? &fwd : NULL);
    check_fields(out);
    MUST(!holds(out, "Host") && !holds(out, "Proxy")
         && !holds(out, "Expect") && !holds(out, "Proxy-Authorization")
         && !holds(out, "X_Forwarded_For") && !holds(out, "Content_Length"));
    passed = check_order(in, out, 0);
    check_named(in, out, passed);
    if (!(flags & SAY)) {
        MUST(passed == apr_table_elts(out)->nelts);
        return;
    }
    MUST(passed + 6 >= apr_table_elts(out)->nelts);
    MUST(gw_headers_via_has(out, "me"));
    address = apr_table_getm(pool, out, "X-Forwarded-For");
    MUST(address && strlen(address) >= strlen(client));
    MUST(!strcmp(address + strlen(address) - strlen(client), client));
    MUST(fwd.trusted || !strcmp(address, client));
    MUST(fwd.trusted || !(flags & NO_PORT)
         || !holds(out, "X-Forwarded-Port"));
}

/* @param pool  of the result; another than in's, when the fields are copied */
static void check_response(apr_pool_t *pool, const apr_table_t *in, int flags,
                           int copied)
{
    apr_table_t *out = gw_headers_response(pool, in,
                                           flags & IS_407 ? 407 : 200);

    check_fields(out);
    MUST(check_order(in, out, copied) == apr_table_elts(out)->nelts);
    check_named(in, out, apr_table_elts(out)->nelts);
    MUST(flags & IS_407 || !holds(out, "Proxy-Authenticate"));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    apr_initialize();
    apr_pool_create(&root, NULL);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    apr_pool_t *other;
    apr_table_t *in;

    if (!size) {
        return 0;
    }
    apr_pool_create(&pool, root);
    in = fields_of(pool, apr_pstrmemdup(pool, (const char *)data + 1,
                                        size - 1));
    check_request(pool, in, data[0]);
    check_response(pool, in, data[0], 0);
    apr_pool_create(&other, pool);
    check_response(other, in, data[0], 1);
    apr_pool_destroy(pool);
    return 0;
}
