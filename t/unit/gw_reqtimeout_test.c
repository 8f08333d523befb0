/**
 * gw_reqtimeout_test: what RequestReadTimeout says, by word, by server, and
 * what it comes to in time. The words and limits are those of httpd's manual;
 * httpd itself is three functions here.
 */
#include "gw_reqtimeout.c"

#include "tap.h"

#define UNTIL(stage, bytes) \
    ((int)(gw_reqtimeout_until((stage), GW_SEC(100), (bytes)) / 1000) \
     - 100000)

/* --- httpd --------------------------------------------------------------- */

AP_DECLARE_DATA ap_directive_t *ap_conftree;

static module reqtimeout;
static int loaded = 1;

module *ap_find_linked_module(const char *name)
{
    return loaded && strcmp(name, "mod_reqtimeout.c") == 0 ? &reqtimeout
        : NULL;
}

char *ap_getword_conf(apr_pool_t *p, const char **line)
{
    apr_size_t len = strcspn(*line, " ");
    char *word = apr_pstrmemdup(p, *line, len);

    *line += len + strspn(*line + len, " ");
    return word;
}

/* --- words --------------------------------------------------------------- */

typedef struct {
    const char *value;
    int ok;
    int first, most, per_byte;      /* s, s, us */
} word_case;

static const word_case words[] = {
    { "20", 1, 20, 0, 0 },
    { "0", 1, 0, 0, 0 },
    { "20,MinRate=500", 1, 20, 0, 2000 },
    { "20,minrate=1", 1, 20, 0, 1000000 },
    { "20-40,MinRate=500", 1, 20, 40, 2000 },
    { "20-0,MinRate=3", 1, 20, 0, 333333 },
    { "5,MinRate=2000000", 1, 5, 0, 0 },
    { "2147483647", 1, 2147483647, 0, 0 },
    { "", 0, 0, 0, 0 },
    { "x", 0, 0, 0, 0 },
    { "-1", 0, 0, 0, 0 },
    { "20-40", 0, 0, 0, 0 },
    { "40-20,MinRate=1", 0, 0, 0, 0 },
    { "20-20,MinRate=1", 0, 0, 0, 0 },
    { "20,MinRate=0", 0, 0, 0, 0 },
    { "20,MinRate=", 0, 0, 0, 0 },
    { "20,Rate=5", 0, 0, 0, 0 },
    { "20-,MinRate=5", 0, 0, 0, 0 },
    { "20 ", 0, 0, 0, 0 },
    { "20,MinRate=5x", 0, 0, 0, 0 },
    { "2147483648", 0, 0, 0, 0 },
    { "99999999999999999999", 0, 0, 0, 0 }
};

static void test_values(void)
{
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const word_case *w = &words[i];
        gw_reqtimeout limits;
        char word[80];

        memset(&limits, 0, sizeof(limits));
        apr_snprintf(word, sizeof(word), "body=%s", w->value);
        is_int(gw_reqtimeout_set(&limits, word), w->ok, "%s", word);
        is_int(limits.body.set, w->ok, "... set");
        is_int(limits.body.first, GW_SEC(w->first), "... first");
        is_int(limits.body.most, GW_SEC(w->most), "... most");
        is_int(limits.body.per_byte, w->per_byte, "... per byte");
    }
}

static void test_names(void)
{
    gw_reqtimeout limits;

    memset(&limits, 0, sizeof(limits));
    ok(gw_reqtimeout_set(&limits, "handshake=1"), "handshake");
    ok(gw_reqtimeout_set(&limits, "HEADER=2"), "HEADER");
    ok(gw_reqtimeout_set(&limits, "Body=3"), "Body");
    is_int(limits.handshake.first, GW_SEC(1), "each in its place");
    is_int(limits.header.first, GW_SEC(2), "each in its place");
    is_int(limits.body.first, GW_SEC(3), "each in its place");
    ok(!gw_reqtimeout_set(&limits, "trailer=4"), "an unknown one");
    ok(!gw_reqtimeout_set(&limits, "body"), "no value");
    ok(!gw_reqtimeout_set(&limits, "=5"), "no name");
    ok(gw_reqtimeout_set(&limits, "body=6"), "again");
    is_int(limits.body.first, GW_SEC(6), "the last one counts");
    is_int(limits.body.per_byte, 0, "all of it");
}

/* --- time ---------------------------------------------------------------- */

static gw_reqtimeout_stage stage_of(const char *value)
{
    gw_reqtimeout_stage stage = { 0, 0, 0, 0 };

    ok(read_stage(&stage, value), "%s", value);
    return stage;
}

static void test_until(void)
{
    gw_reqtimeout_stage s = stage_of("20");
    apr_off_t huge = APR_INT64_C(0x7fffffffffffffff);

    is_int(UNTIL(&s, 0), 20000, "from the begin");
    is_int(UNTIL(&s, 100000), 20000, "bytes add nothing without a rate");
    s = stage_of("20,MinRate=500");
    is_int(UNTIL(&s, 0), 20000, "none came");
    is_int(UNTIL(&s, 1), 20002, "a byte");
    is_int(UNTIL(&s, 500), 21000, "so many as a second is worth");
    is_int(UNTIL(&s, 5000000), 10020000, "no end");
    ok(gw_reqtimeout_until(&s, GW_SEC(100), huge) == GW_NEVER,
       "more than can be counted");
    s = stage_of("20-40,MinRate=500");
    is_int(UNTIL(&s, 9999), 39998, "below the end");
    is_int(UNTIL(&s, 10000), 40000, "at the end");
    is_int(UNTIL(&s, 5000000), 40000, "not beyond");
    ok(gw_reqtimeout_until(&s, GW_SEC(100), huge) == GW_SEC(140),
       "nor with more than can be counted");
    s = stage_of("0");
    ok(gw_reqtimeout_until(&s, GW_SEC(100), 5) == GW_NEVER, "no limit");
}

/* --- servers ------------------------------------------------------------- */

#define NODES 16
static ap_directive_t nodes[NODES];
static int nnodes;

/* A directive behind last, or the first of a list. */
static ap_directive_t *node(ap_directive_t *last, const char *name,
                            const char *args, int line)
{
    ap_directive_t *n = &nodes[nnodes++];

    memset(n, 0, sizeof(*n));
    n->directive = name;
    n->args = args;
    n->filename = line < 100 ? "a.conf" : "b.conf";
    n->line_num = line % 100;
    if (last) {
        last->next = n;
    }
    return n;
}

static void place(server_rec *s, const char *file, unsigned line)
{
    s->defn_name = file;
    s->defn_line_number = line;
}

static void read_tree(apr_pool_t *pool, server_rec *s, ap_directive_t *tree)
{
    ap_conftree = tree;
    gw_reqtimeout_read(pool, &s[0]);
}

static void test_defaults(apr_pool_t *pool)
{
    server_rec s[1];
    const gw_reqtimeout *l;

    memset(s, 0, sizeof(s));
    read_tree(pool, s, NULL);
    l = gw_reqtimeout_of(&s[0]);
    ok(l != NULL, "loaded");
    is_int(l->handshake.first, 0, "handshake: none");
    is_int(l->header.first, GW_SEC(20), "header=20-40,MinRate=500");
    is_int(l->header.most, GW_SEC(40), "header=20-40,MinRate=500");
    is_int(l->header.per_byte, 2000, "header=20-40,MinRate=500");
    is_int(l->body.first, GW_SEC(20), "body=20,MinRate=500");
    is_int(l->body.most, 0, "body=20,MinRate=500");
    is_int(l->body.per_byte, 2000, "body=20,MinRate=500");
    ok(gw_reqtimeout_looks(l), "looked after");
    ok(gw_reqtimeout_module() == &reqtimeout, "the module");
    loaded = 0;
    read_tree(pool, s, NULL);
    ok(gw_reqtimeout_of(&s[0]) == NULL, "not loaded");
    ok(!gw_reqtimeout_looks(NULL), "not looked after");
    loaded = 1;
}

static void test_servers(apr_pool_t *pool)
{
    server_rec s[5];
    ap_directive_t *first, *last, *host;
    int i;

    memset(s, 0, sizeof(s));
    for (i = 0; i < 4; i++) {
        s[i].next = &s[i + 1];
    }
    place(&s[1], "a.conf", 10);
    place(&s[2], "b.conf", 10);
    place(&s[3], "a.conf", 20);
    place(&s[4], "a.conf", 20);
    nnodes = 0;
    first = last = node(NULL, "Timeout", "5", 1);
    host = last = node(last, "<VirtualHost", "*:1>", 10);
    host->first_child = node(NULL, "requestreadtimeout",
                             "header=1 body=2,MinRate=4", 11);
    node(host->first_child, "RequestReadTimeout", "header=0", 12);
    last = node(last, "<VirtualHost", "*:2>", 110);
    host = last = node(last, "<VirtualHost", "*:3>", 20);
    host->first_child = node(NULL, "RequestReadTimeout",
                             "handshake=0 header=0 body=0", 21);
    node(last, "RequestReadTimeout", "body=9-19,MinRate=2", 30);
    read_tree(pool, s, first);
    is_int(gw_reqtimeout_of(&s[0])->body.first, GW_SEC(9), "the server");
    is_int(gw_reqtimeout_of(&s[0])->header.first, GW_SEC(20),
           "... with the default of what it does not say");
    is_int(gw_reqtimeout_of(&s[1])->header.first, 0, "a host, the last one");
    is_int(gw_reqtimeout_of(&s[1])->header.set, 1, "... said so");
    is_int(gw_reqtimeout_of(&s[1])->body.first, GW_SEC(2), "... the other");
    is_int(gw_reqtimeout_of(&s[1])->body.most, 0, "... the whole stage");
    ok(gw_reqtimeout_looks(gw_reqtimeout_of(&s[1])), "... looked after");
    is_int(gw_reqtimeout_of(&s[2])->body.first, GW_SEC(9),
           "a host that says nothing, though its line says something in "
           "another file");
    is_int(gw_reqtimeout_of(&s[2])->body.per_byte, 500000, "... its rate");
    for (i = 3; i < 5; i++) {
        ok(!gw_reqtimeout_looks(gw_reqtimeout_of(&s[i])),
           "two hosts of one line: nothing is limited");
    }
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_values();
    test_names();
    test_until();
    test_defaults(pool);
    test_servers(pool);
    apr_terminate();
    return done_testing();
}
