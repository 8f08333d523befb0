#include "gw_upgrade.h"

#include <string.h>
#include <apr_base64.h>
#include <apr_lib.h>
#include <apr_sha1.h>
#include <apr_strings.h>
#include "gw_str.h"

#define ANY "*"

/* RFC 6455 1.3 */
#define WEBSOCKET_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* 16 bytes in base64: 22 digits and two '=' */
#define KEY_LEN 24
#define KEY_DIGITS 22

/* "name" of "name/version" */
static gw_str name_of(gw_str protocol)
{
    const char *slash = memchr(protocol.p, '/', protocol.len);

    if (slash) {
        protocol.len = (apr_size_t)(slash - protocol.p);
    }
    return protocol;
}

static int is_protocol(gw_str p)
{
    gw_str name = name_of(p);
    gw_str version;

    if (name.len == p.len) {
        return gw_str_is_token(p);
    }
    version.p = name.p + name.len + 1;
    version.len = p.len - name.len - 1;
    return gw_str_is_token(name) && gw_str_is_token(version);
}

/* Behind these the gateway would be blind to what it has to check, or the
 * connection would change under its feet. */
static int is_barred(gw_str protocol)
{
    static const char *const names[] = { "h2c", "h2", "http", "tls" };
    gw_str name = name_of(protocol);
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (gw_str_is(name, names[i])) {
            return 1;
        }
    }
    return 0;
}

static void append(apr_pool_t *pool, const char **plist, const char *between,
                   gw_str element)
{
    *plist = apr_pstrcat(pool, *plist ? *plist : "", *plist ? between : "",
                         gw_str_dup(pool, element), NULL);
}

const char *gw_upgrade_read(apr_pool_t *pool, const char *value,
                            const char **pallowed)
{
    gw_str rest = gw_str_of(value);
    const char *list = NULL;
    gw_str element;
    char *p;

    if (gw_str_is(rest, "none") || gw_str_is(rest, "any")) {
        *pallowed = gw_str_is(rest, "any") ? ANY : "";
        return NULL;
    }
    while (gw_str_next_element(&rest, &element)) {
        if (!is_protocol(element)) {
            return apr_psprintf(pool, "'%s' is no protocol",
                                gw_str_dup(pool, element));
        }
        if (gw_str_is(element, "any") || gw_str_is(element, "none")) {
            return "ANY and NONE stand alone";
        }
        if (is_barred(element)) {
            return apr_psprintf(pool, "%s is never passed on: requests in it "
                                "would go past what the gateway checks",
                                gw_str_dup(pool, element));
        }
        append(pool, &list, ",", element);
    }
    if (!list) {
        return "it names no protocol";
    }
    p = apr_pstrdup(pool, list);
    *pallowed = p;
    for (; *p; p++) {
        *p = (char)apr_tolower(*p);
    }
    return NULL;
}

const char *gw_upgrade_offer(apr_pool_t *pool, const char *method,
                             const char *connection, const char *upgrade)
{
    gw_str rest = gw_str_of(upgrade);
    const char *list = NULL;
    gw_str element;

    if (!upgrade || !connection || !gw_str_list_has(connection, "upgrade")) {
        return NULL;
    }
    while (gw_str_next_element(&rest, &element)) {
        if (is_protocol(element) && !is_barred(element)
            && (!gw_str_is(element, GW_UPGRADE_WEBSOCKET)
                || !strcmp(method, "GET"))) {
            append(pool, &list, ", ", element);
        }
    }
    return list;
}

static int is_allowed(gw_str protocol, const char *allowed)
{
    gw_str rest = gw_str_of(allowed);
    gw_str element;

    if (!strcmp(allowed, ANY)) {
        return 1;
    }
    while (gw_str_next_element(&rest, &element)) {
        if (gw_str_equal_nocase(element, protocol)
            || gw_str_equal_nocase(element, name_of(protocol))) {
            return 1;
        }
    }
    return 0;
}

const char *gw_upgrade_choose(apr_pool_t *pool, const char *offer,
                              const char *allowed)
{
    gw_str rest = gw_str_of(offer);
    gw_str element;

    while (allowed && gw_str_next_element(&rest, &element)) {
        if (is_allowed(element, allowed)) {
            return gw_str_dup(pool, element);
        }
    }
    return NULL;
}

int gw_upgrade_is_websocket(const char *protocol)
{
    return gw_str_is(gw_str_of(protocol), GW_UPGRADE_WEBSOCKET);
}

static int is_base64(char c)
{
    return apr_isalnum(c) || c == '+' || c == '/';
}

int gw_upgrade_key_valid(const char *key)
{
    int i;

    if (!key || strlen(key) != KEY_LEN) {
        return 0;
    }
    for (i = 0; i < KEY_DIGITS; i++) {
        if (!is_base64(key[i])) {
            return 0;
        }
    }
    return !strcmp(key + KEY_DIGITS, "==");
}

const char *gw_upgrade_accept(apr_pool_t *pool, const char *key)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t sha1;
    char *text = apr_palloc(pool, (apr_size_t)apr_base64_encode_len(
                                sizeof(digest)));

    apr_sha1_init(&sha1);
    apr_sha1_update(&sha1, key, (unsigned)strlen(key));
    apr_sha1_update(&sha1, WEBSOCKET_GUID, sizeof(WEBSOCKET_GUID) - 1);
    apr_sha1_final(digest, &sha1);
    apr_base64_encode_binary(text, digest, sizeof(digest));
    return text;
}

/* All values of one field. */
typedef struct values values;
struct values {
    int count;              /* elements, of list fields */
    const char *last;
    int has_upgrade;        /* for Connection */
};

static int note_whole(void *rec, const char *name, const char *value)
{
    values *v = rec;

    v->count++;
    v->last = value;
    v->has_upgrade |= gw_str_list_has(value, "upgrade");
    return 1;
}

static values values_of(const apr_table_t *headers, const char *name)
{
    values v = { 0, "", 0 };

    apr_table_do(note_whole, &v, headers, name, NULL);
    return v;
}

static const char *websocket_refused(apr_pool_t *pool,
                                     const gw_res_head *head,
                                     const apr_table_t *request)
{
    const char *key = apr_table_get(request, "Sec-WebSocket-Key");
    values accept = values_of(head->headers, "Sec-WebSocket-Accept");

    if (accept.count != 1) {
        return "101 without one Sec-WebSocket-Accept";
    }
    if (!key || strcmp(accept.last, gw_upgrade_accept(pool, key))) {
        return "101 with a Sec-WebSocket-Accept for another key";
    }
    return NULL;
}

const char *gw_upgrade_refused(apr_pool_t *pool, const gw_res_head *head,
                               const apr_table_t *request,
                               const char *protocol)
{
    values upgrade = values_of(head->headers, "Upgrade");

    if (!head->minor) {
        return "101 in HTTP/1.0";
    }
    if (!values_of(head->headers, "Connection").has_upgrade) {
        return "101 whose Connection does not name upgrade";
    }
    if (upgrade.count != 1
        || !gw_str_equal_nocase(gw_str_of(upgrade.last),
                                gw_str_of(protocol))) {
        return "101 to another protocol than was asked for";
    }
    return gw_upgrade_is_websocket(protocol)
        ? websocket_refused(pool, head, request) : NULL;
}
