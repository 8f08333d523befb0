#include "gw_reqtimeout.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_str.h"

/* What mod_reqtimeout takes where nothing is said. */
static const gw_reqtimeout defaults = {
    { 0, 0, 0, 0 },
    { 0, GW_SEC(20), GW_SEC(40), GW_SEC(1) / 500 },
    { 0, GW_SEC(20), 0, GW_SEC(1) / 500 }
};

/* Const after gw_reqtimeout_read(). */
static apr_hash_t *of_servers;      /* server_rec * -> gw_reqtimeout * */
static const module *mod_reqtimeout;

/* --- words -------------------------------------------------------------- */

static int read_number(const char **p, apr_int64_t *n)
{
    gw_str digits;

    digits.p = *p;
    digits.len = strspn(*p, "0123456789");
    *p += digits.len;
    return gw_str_number(digits, 10, n) && *n <= INT_MAX;
}

/* Take word off the front, if it is there. */
static int take_word(const char **p, const char *word)
{
    apr_size_t len = strlen(word);

    if (strncasecmp(*p, word, len) != 0) {
        return 0;
    }
    *p += len;
    return 1;
}

/* SECONDS[-SECONDS][,MinRate=BYTES], a range only with a rate. */
static int read_stage(gw_reqtimeout_stage *stage, const char *p)
{
    apr_int64_t first = 0, most = 0, rate = 0;
    int range;

    if (!read_number(&p, &first)) {
        return 0;
    }
    range = take_word(&p, "-");
    if (range && !read_number(&p, &most)) {
        return 0;
    }
    if (take_word(&p, ",minrate=")) {
        if (!read_number(&p, &rate) || !rate) {
            return 0;
        }
    }
    else if (range) {
        return 0;
    }
    if (*p || (most && first >= most)) {
        return 0;
    }
    stage->set = 1;
    stage->first = GW_SEC(first);
    stage->most = GW_SEC(most);
    stage->per_byte = rate ? GW_SEC(1) / rate : 0;
    return 1;
}

int gw_reqtimeout_set(gw_reqtimeout *limits, const char *word)
{
    if (take_word(&word, "handshake=")) {
        return read_stage(&limits->handshake, word);
    }
    if (take_word(&word, "header=")) {
        return read_stage(&limits->header, word);
    }
    return take_word(&word, "body=") && read_stage(&limits->body, word);
}

/* --- the tree ----------------------------------------------------------- */

typedef struct {
    apr_pool_t *pool;
    server_rec *main_server;
} walk;

static gw_reqtimeout *own_of(const server_rec *s)
{
    return apr_hash_get(of_servers, &s, sizeof(s));
}

/* mod_reqtimeout has refused what cannot be read. */
static void read_words(walk *w, const server_rec *s, const char *args)
{
    while (args && *args) {
        gw_reqtimeout_set(own_of(s), ap_getword_conf(w->pool, &args));
    }
}

static int is_server(const server_rec *s, const ap_directive_t *node)
{
    return s->defn_name && strcmp(s->defn_name, node->filename) == 0
           && s->defn_line_number == (unsigned)node->line_num;
}

static void walk_nodes(walk *w, const server_rec *s,
                       const ap_directive_t *node);

/* Several servers can come from one line: a macro, a file included twice. */
static void walk_hosts(walk *w, const ap_directive_t *node)
{
    const server_rec *s;

    for (s = w->main_server->next; s; s = s->next) {
        if (is_server(s, node)) {
            walk_nodes(w, s, node->first_child);
        }
    }
}

static void walk_nodes(walk *w, const server_rec *s,
                       const ap_directive_t *node)
{
    for (; node; node = node->next) {
        if (strcasecmp(node->directive, "RequestReadTimeout") == 0) {
            read_words(w, s, node->args);
        }
        else if (strcasecmp(node->directive, "<VirtualHost") == 0) {
            walk_hosts(w, node);
        }
        else {
            walk_nodes(w, s, node->first_child);
        }
    }
}

/* Stage by stage, what is not said comes from outside. */
static void inherit(gw_reqtimeout *limits, const gw_reqtimeout *from)
{
    if (!limits->handshake.set) {
        limits->handshake = from->handshake;
    }
    if (!limits->header.set) {
        limits->header = from->header;
    }
    if (!limits->body.set) {
        limits->body = from->body;
    }
}

static void *make_limits(apr_pool_t *pool)
{
    return apr_pcalloc(pool, sizeof(gw_reqtimeout));
}

void gw_reqtimeout_read(apr_pool_t *pconf, server_rec *main_server)
{
    walk w = { pconf, main_server };
    server_rec *s;

    of_servers = NULL;
    mod_reqtimeout = ap_find_linked_module("mod_reqtimeout.c");
    if (!mod_reqtimeout) {
        return;
    }
    of_servers = apr_hash_make(pconf);
    for (s = main_server; s; s = s->next) {
        apr_hash_set(of_servers, apr_pmemdup(pconf, &s, sizeof(s)),
                     sizeof(s), make_limits(pconf));
    }
    walk_nodes(&w, main_server, ap_conftree);
    inherit(own_of(main_server), &defaults);
    for (s = main_server->next; s; s = s->next) {
        inherit(own_of(s), own_of(main_server));
    }
}

/* --- questions ---------------------------------------------------------- */

const gw_reqtimeout *gw_reqtimeout_of(const server_rec *s)
{
    return of_servers ? own_of(s) : NULL;
}

const module *gw_reqtimeout_module(void)
{
    return mod_reqtimeout;
}

int gw_reqtimeout_looks(const gw_reqtimeout *limits)
{
    return limits && (limits->handshake.first || limits->header.first
                      || limits->body.first);
}

gw_time gw_reqtimeout_until(const gw_reqtimeout_stage *stage, gw_time begin,
                            apr_off_t bytes)
{
    gw_time until = gw_deadline(begin, stage->first);

    if (until == GW_NEVER) {
        return GW_NEVER;
    }
    if (stage->per_byte) {
        until = bytes < (GW_NEVER - until) / stage->per_byte
            ? until + bytes * stage->per_byte : GW_NEVER;
    }
    return gw_earlier(until, gw_deadline(begin, stage->most));
}
