/**
 * gwb_sticky_fuzz: sessions out of whatever clients send. The input is flags,
 * then cookies, path and query, divided by line feeds. What is found is a part
 * of what was sent and holds none of the bytes that end it; a cookie that we
 * make stays one field with one path.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "gwb_sticky.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)                                                      \
    do {                                                                \
        if (!(cond)) {                                                  \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #cond);  \
            abort();                                                    \
        }                                                               \
    } while (0)

static const unsigned char key[] = "a key of some length";

/** Is value a part of text, standing behind name and an equals sign? */
static int stems_from(const char *text, const char *name, const char *value)
{
    const char *at = text ? strstr(text, name) : NULL;

    while (at) {
        const char *equals = strchr(at, '=');

        if (equals && strstr(equals + 1, value)) {
            return 1;
        }
        at = strstr(at + 1, name);
    }
    return 0;
}

static void check_session(apr_pool_t *pool, const gwb_sticky *sticky,
                          const char *cookies, const char *path,
                          const char *query)
{
    const char *name;
    const char *session = gwb_sticky_session(pool, sticky, cookies, path,
                                             query, &name);
    const char *route = gwb_sticky_route(pool, sticky, session);

    MUST(!session == !name);
    MUST(session || !route);
    if (session == NULL) {
        return;
    }
    MUST(*session);
    if (name == sticky->cookie) {
        MUST(!strpbrk(session, ";,"));
        MUST(stems_from(cookies, name, session));
    }
    else {
        MUST(name == sticky->param);
        MUST(!strchr(session, '&'));
        MUST(!sticky->semicolon || !strchr(session, ';'));
        MUST(stems_from(path, name, session)
             || stems_from(query, name, session));
    }
    if (route) {
        size_t rest = strlen(session) - strlen(route);

        MUST(*route && strlen(route) <= strlen(session));
        MUST(strcmp(session + rest, route) == 0);
        MUST(!sticky->separator || session[rest - 1] == sticky->separator);
    }
}

static void check_own(apr_pool_t *pool, const gwb_sticky *sticky,
                      const char *cookies, const char *path)
{
    const char *own = gwb_sticky_own(pool, sticky, cookies);
    const char *value = gwb_sticky_value(pool, sticky, cookies ? cookies : "",
                                         path);
    const char *field;
    const char *c;
    const char *back;

    MUST(!own || stems_from(cookies, sticky->own, own));
    MUST(value && strlen(value) == 22);
    field = gwb_sticky_set_cookie(pool, sticky, value, path, 1);
    for (c = field; *c; c++) {
        MUST((unsigned char)*c >= ' ' && (unsigned char)*c < 0x7f);
    }
    MUST(strstr(field, "; Path=/"));
    MUST(strcmp(strstr(strstr(field, "; Path=") + 2, ";"),
                "; HttpOnly; SameSite=Lax; Secure") == 0);
    /* what a client keeps of it comes back as the value */
    back = gwb_sticky_own(pool, sticky,
                          apr_pstrmemdup(pool, field, strcspn(field, ";")));
    MUST(back && gwb_sticky_same(back, value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *root;
    gwb_sticky sticky = { "SID", "sid", '.', 0, "GW", key, sizeof(key) };
    const char *part[3];
    apr_pool_t *pool;
    char *text;
    int i;

    if (root == NULL) {
        apr_initialize();
        apr_pool_create(&root, NULL);
    }
    if (size == 0) {
        return 0;
    }
    apr_pool_create(&pool, root);
    sticky.separator = data[0] & 1 ? '\0' : '.';
    sticky.semicolon = (data[0] & 2) != 0;
    text = apr_pstrmemdup(pool, (const char *)data + 1, size - 1);
    for (i = 0; i < 3; i++) {
        char *end = text ? strchr(text, '\n') : NULL;

        part[i] = text;
        text = end ? end + 1 : NULL;
        if (end) {
            *end = '\0';
        }
    }
    check_session(pool, &sticky, part[0], part[1] ? part[1] : "/", part[2]);
    check_own(pool, &sticky, part[0], part[1] ? part[1] : "/");
    apr_pool_destroy(pool);
    return 0;
}
