/* Paths from clients: two strings, parted by a NUL. */
#include "exact_pool.h"
#include "gw_path.c"

#include <stdint.h>
#include <apr_general.h>

/* Every offset is tried, which takes size^2 steps. */
#define SIZE_MAX_USED 512

static apr_pool_t *pool;

static void must(int holds)
{
    if (!holds) {
        abort();
    }
}

static int has_control(const char *text)
{
    for (; *text; text++) {
        if (is_control((unsigned char)*text)) {
            return 1;
        }
    }
    return 0;
}

/* Only what may stand in a request target; each '%' begins an escape. */
static void check_target(const char *text)
{
    for (; *text; text++) {
        must(is_pchar((unsigned char)*text) || strchr("/%[]", *text));
        if (*text == '%') {
            must(hex_value(text[1]) >= 0 && hex_value(text[2]) >= 0);
        }
    }
}

static void check_decodes_to(const char *text, const char *checked)
{
    char *again = NULL;

    must(gw_path_decode(pool, text, &again, NULL) == GW_PATH_OK);
    must(strcmp(again, checked) == 0);
}

static void check_tails(const char *raw, const char *checked)
{
    apr_size_t len = strlen(checked);
    apr_size_t offset;

    must(gw_path_raw_tail(pool, raw, checked, 0) != NULL);
    must(gw_path_raw_tail(pool, raw, checked, len) != NULL);
    must(gw_path_raw_tail(pool, raw, checked, len + 1) == NULL);
    for (offset = 0; offset <= len; offset++) {
        const char *tail = gw_path_raw_tail(pool, raw, checked, offset);

        if (tail) {
            check_target(tail);
            check_decodes_to(tail, checked + offset);
        }
    }
}

static void check_decode(const char *raw, const char *other)
{
    char *checked = NULL;
    const char *tail;
    int twice = -1;

    if (gw_path_decode(pool, raw, &checked, &twice) != GW_PATH_OK) {
        must(gw_path_raw_tail(pool, raw, other, 0) == NULL);
        return;
    }
    must(twice == 0 || twice == 1);
    must(strlen(checked) <= strlen(raw));
    must(!has_control(checked));
    check_tails(raw, checked);
    tail = gw_path_raw_tail(pool, raw, other, 0);
    must(!tail || strcmp(checked, other) == 0);
    /* what decodes to no other path is safe to encode again */
    if (!twice) {
        char *again = NULL;

        must(gw_path_decode(pool, gw_path_encode(pool, checked), &again,
                            &twice) == GW_PATH_OK);
        must(!twice && strcmp(again, checked) == 0);
    }
}

static void check_encoders(const char *text)
{
    const char *encoded = gw_path_encode(pool, text);
    const char *query = gw_path_query(pool, text);
    const char *value = gw_path_encode_value(pool, text, 1);

    check_target(encoded);
    check_target(value);
    must(!strpbrk(gw_path_encode_value(pool, text, 0), "/?#&=;+"));
    must(!has_control(query) && !strpbrk(query, " #\\\""));
    must(strcmp(gw_path_query(pool, query), query) == 0);
    if (!has_control(text)) {
        check_decodes_to(encoded, text);
        check_decodes_to(value, text);
    }
    gw_path_unsafe(text);
}

static void check_join(const char *base, const char *tail)
{
    const char *joined = gw_path_join(pool, base, tail);
    apr_size_t len = strlen(base);

    if (!*tail) {
        must(strcmp(joined, *base ? base : "/") == 0);
        return;
    }
    while (len && base[len - 1] == '/') {
        len--;
    }
    must(strncmp(joined, base, len) == 0);
    must(joined[len] == '/' && joined[len + 1] != '/');
    must(strcmp(joined + len + 1, tail + strspn(tail, "/")) == 0);
}

/* With each run of '/' made one. */
static char *merged(const char *text, apr_size_t len)
{
    char *all = exact_palloc(pool, len + 1);
    char *out = all;
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (text[i] != '/' || out == all || out[-1] != '/') {
            *out++ = text[i];
        }
    }
    *out = '\0';
    return all;
}

static void check_under(const char *path, const char *prefix)
{
    char *p = merged(path, strlen(path));
    char *q = merged(prefix, strlen(prefix));
    apr_size_t n = strlen(q);
    apr_size_t offset = 0;
    int match;

    match = strncmp(p, q, n) == 0
            && ((n && q[n - 1] == '/') || !p[n] || p[n] == '/');
    must(gw_path_under(path, prefix, &offset) == match);
    if (match) {
        must(offset <= strlen(path));
        must(strcmp(merged(path, offset), q) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *first, *second;
    size_t len;

    if (size > SIZE_MAX_USED) {
        return 0;
    }
    if (!pool) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
    }
    len = strnlen((const char *)data, size);
    first = exact_palloc(pool, len + 1);
    memcpy(first, data, len);
    first[len] = '\0';
    len += len < size;
    second = exact_palloc(pool, size - len + 1);
    memcpy(second, data + len, size - len);
    second[size - len] = '\0';

    check_decode(first, second);
    check_encoders(first);
    check_join(first, second);
    check_under(first, second);
    apr_pool_clear(pool);
    return 0;
}
