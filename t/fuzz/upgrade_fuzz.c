/**
 * upgrade_fuzz: from a client's Upgrade to a backend's 101. Four parts, with
 * LF between: what the rule allows, the client's Connection, its Upgrade, and
 * the rest is what the backend answers. Only a protocol that was offered and
 * is allowed is asked for, in one line; only a 101 that fits is taken; then
 * every further byte comes through, in order.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include "gw_h1.h"
#include "gw_str.h"
#include "gw_upgrade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define MUST(cond)                                                      \
    do {                                                                \
        if (!(cond)) {                                                  \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #cond);  \
            abort();                                                    \
        }                                                               \
    } while (0)

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return apr_initialize() != APR_SUCCESS;
}

/* One part, as a field value can be; NULL: it cannot. */
static const char *part(apr_pool_t *pool, const char **p, const char *end)
{
    const char *lf = memchr(*p, '\n', (size_t)(end - *p));
    gw_str s = { *p, (apr_size_t)((lf ? lf : end) - *p) };

    *p = lf ? lf + 1 : end;
    return gw_str_is_field_value(s) ? gw_str_dup(pool, s) : NULL;
}

static void check_chosen(const char *offer, const char *upgrade,
                         const char *chosen)
{
    static const char *const barred[] = { "h2c", "h2", "http", "tls" };
    gw_str name = gw_str_of(chosen);
    apr_size_t i;

    MUST(strstr(offer, chosen) && strstr(upgrade, chosen));
    MUST(*chosen && !strpbrk(chosen, ", \t\"\r\n"));
    name.len = strcspn(chosen, "/");
    for (i = 0; i < sizeof(barred) / sizeof(barred[0]); i++) {
        MUST(!gw_str_is(name, barred[i]));
    }
}

static gw_req_head request_for(apr_pool_t *pool, const char *protocol)
{
    gw_req_head head = { 0 };

    head.method = "GET";
    head.target = "/";
    head.host = "b";
    head.minor = 1;
    head.upgrade = protocol;
    head.headers = apr_table_make(pool, 1);
    apr_table_setn(head.headers, "Sec-WebSocket-Key", KEY);
    return head;
}

static void check_taken(const gw_res_head *head, const char *protocol)
{
    const char *accept = apr_table_get(head->headers,
                                       "Sec-WebSocket-Accept");
    const char *upgrade = apr_table_get(head->headers, "Upgrade");

    MUST(head->status == 101 && head->minor == 1 && protocol);
    MUST(upgrade && gw_str_equal_nocase(gw_str_of(upgrade),
                                        gw_str_of(protocol)));
    MUST(!gw_upgrade_is_websocket(protocol)
         || (accept && !strcmp(accept, ACCEPT)));
}

/* What is left of the answer is the tunnel's. */
static void check_pipe(gw_h1 *h, gw_bufq *in, const char *rest, size_t len)
{
    const char *data;
    apr_size_t n;

    MUST(gw_bufq_len(in) == len && !memcmp(gw_bufq_data(in), rest, len));
    if (len) {
        MUST(gw_h1_read_body(h, in, &data, &n) == APR_SUCCESS && n == len
             && !memcmp(data, rest, len));
    }
    MUST(gw_h1_read_body(h, in, &data, &n) == APR_EAGAIN);
    MUST(gw_h1_peer_closed(h, in, 1) == APR_EOF);
    MUST(!gw_h1_reusable(h, in, in));
}

static void answer(apr_pool_t *pool, const char *protocol, const char *text,
                   size_t len)
{
    gw_req_head head = request_for(pool, protocol);
    gw_res_head *res = NULL;
    gw_bufq in, out;
    gw_h1 h;
    apr_status_t rv;

    gw_h1_init(&h, NULL);
    gw_bufq_init(&in, 1 << 20);
    gw_bufq_init(&out, 65536);
    MUST(gw_h1_start(&h, &head, &out) == APR_SUCCESS);
    gw_bufq_skip(&out, gw_bufq_len(&out));
    if (gw_bufq_put(&in, text, len) == APR_SUCCESS) {
        do {
            rv = gw_h1_read_head(&h, &in, pool, &res);
        } while (rv == APR_SUCCESS && res->status < 200
                 && res->status != 101);
        if (rv == APR_SUCCESS && res->status == 101) {
            MUST(protocol != NULL && h.res == GW_H1_TUNNEL);
            if (!gw_upgrade_refused(pool, res, head.headers, protocol)) {
                apr_size_t left = gw_bufq_len(&in);

                check_taken(res, protocol);
                check_pipe(&h, &in, text + len - left, left);
            }
        }
    }
    gw_bufq_free(&in);
    gw_bufq_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;
    const char *end = p + size;
    const char *rule, *connection, *upgrade, *offer;
    const char *allowed = NULL;
    const char *chosen = NULL;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    rule = part(pool, &p, end);
    connection = part(pool, &p, end);
    upgrade = part(pool, &p, end);
    if (!rule || gw_upgrade_read(pool, rule, &allowed)) {
        allowed = GW_UPGRADE_WEBSOCKET;
    }
    offer = gw_upgrade_offer(pool, "GET", connection, upgrade);
    if (offer) {
        MUST(gw_str_list_has(connection, "upgrade"));
        chosen = gw_upgrade_choose(pool, offer, allowed);
    }
    if (chosen) {
        check_chosen(offer, upgrade, chosen);
    }
    answer(pool, chosen, p, (size_t)(end - p));
    apr_pool_destroy(pool);
    return 0;
}
