/**
 * gw_keys: see gw_keys.h.
 */
#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "gw_keys.h"
#include "gw_span.h"
#include "gw_upgrade.h"

/* A key further than this from a known one is not a slip of the hand. */
#define SUGGEST_DISTANCE 3
#define SUGGEST_LENGTH 32

typedef enum {
    KEY_SECONDS,            /* a span, in s unless it says otherwise */
    KEY_MILLISECONDS,       /* in ms unless it says otherwise */
    KEY_COUNT,              /* 0.. */
    KEY_FLAG,               /* on|off */
    KEY_INVERTED,           /* on|off, stored the other way round */
    KEY_NAME,               /* a host name */
    KEY_UPGRADE             /* protocols, see gw_upgrade_read() */
} key_kind;

typedef struct key_def key_def;
struct key_def {
    const char *name;
    key_kind kind;
    apr_size_t offset;      /* in gw_keys */
};

static const key_def keys_known[] = {
    { "timeout", KEY_SECONDS, offsetof(gw_keys, timeout) },
    { "connectiontimeout", KEY_SECONDS, offsetof(gw_keys, connect_timeout) },
    { "ttl", KEY_SECONDS, offsetof(gw_keys, ttl) },
    { "max", KEY_COUNT, offsetof(gw_keys, max) },
    { "maxperchild", KEY_COUNT, offsetof(gw_keys, maxperchild) },
    { "queue", KEY_COUNT, offsetof(gw_keys, queue) },
    { "queuetimeout", KEY_SECONDS, offsetof(gw_keys, queue_timeout) },
    { "acquire", KEY_MILLISECONDS, offsetof(gw_keys, queue_timeout) },
    { "disablereuse", KEY_FLAG, offsetof(gw_keys, disablereuse) },
    { "enablereuse", KEY_INVERTED, offsetof(gw_keys, disablereuse) },
    { "keepalive", KEY_FLAG, offsetof(gw_keys, keepalive) },
    { "retry", KEY_COUNT, offsetof(gw_keys, retry) },
    { "reverse", KEY_FLAG, offsetof(gw_keys, reverse) },
    { "sni", KEY_NAME, offsetof(gw_keys, sni) },
    { "verifyname", KEY_NAME, offsetof(gw_keys, verifyname) },
    { "upgrade", KEY_UPGRADE, offsetof(gw_keys, upgrade) },
    { "tunneltimeout", KEY_SECONDS, offsetof(gw_keys, tunnel_timeout) },
    { NULL, KEY_FLAG, 0 }
};

/* Keys of mod_proxy whose feature does not exist here yet. */
static const struct {
    const char *name;
    const char *instead;
} keys_later[] = {
    { "min", "remove it, connections are opened when they are needed" },
    { "smax", "ttl= closes idle connections" },
    { "addressttl", "remove it, names follow the TTL that DNS gives" },
    { "flushpackets", "remove it, a pause of the backend always flushes" },
    { "flushwait", "remove it, a pause of the backend always flushes" },
    { "iobuffersize", "remove it, 16 KB are read at a time" },
    { "responsefieldsize", "remove it, a field may have 16 KB" },
    { "receivebuffersize", "set the system's default buffer size" },
    { "ping", "remove it, connections are checked before they are reused" },
    { "secret", "it belongs to AJP; use an http:// URL of the backend" },
    { "flusher", "remove it" },
    { "mapping", "the path is matched decoded, with %2F kept" },
    { "host", "GatewayPreserveHost On sends the client's Host" },
    { "multipathtcp", "remove it" },
    { "nonce", "there is no manager page, remove it" },
    { NULL, NULL }
};

/* Those of the balancer module; a single backend has no use for them. */
static const char *const keys_of_members[] = {
    "loadfactor", "lbset", "route", "redirect", "status", "resolve",
    "slowstart", "hcmethod", "hcuri", "hcinterval", "hctimeout", "hcpasses",
    "hcfails", "hcstatus", "hcexpr", "hchost", "hcheader", "hcport",
    "hctemplate", NULL
};
static const char *const keys_of_balancers[] = {
    "lbmethod", "hashkey", "stickysession", "stickysessionsep",
    "scolonpathdelim", "sticky", "stickykey", "nofailover", "maxattempts",
    "retryon", "retrybuffer", "deadline", "fails", "failonstatus",
    "failontimeout", "forcerecovery", "growth", NULL
};

void gw_keys_init(gw_keys *keys)
{
    memset(keys, 0, sizeof(*keys));
    keys->timeout = GW_UNSET;
    keys->connect_timeout = GW_UNSET;
    keys->ttl = GW_UNSET;
    keys->max = GW_UNSET;
    keys->maxperchild = GW_UNSET;
    keys->queue = GW_UNSET;
    keys->queue_timeout = GW_UNSET;
    keys->disablereuse = GW_UNSET;
    keys->keepalive = GW_UNSET;
    keys->retry = GW_UNSET;
    keys->reverse = GW_UNSET;
    keys->tunnel_timeout = GW_UNSET;
}

static int is_span(const key_def *def)
{
    return def->kind == KEY_SECONDS || def->kind == KEY_MILLISECONDS;
}

static int is_text(const key_def *def)
{
    return def->kind == KEY_NAME || def->kind == KEY_UPGRADE;
}

static int is_set(const gw_keys *keys, const key_def *def)
{
    const void *at = (const char *)keys + def->offset;

    switch (def->kind) {
    case KEY_SECONDS:
    case KEY_MILLISECONDS:
        return *(const gw_time *)at != GW_UNSET;
    case KEY_NAME:
    case KEY_UPGRADE:
        return *(const char *const *)at != NULL;
    default:
        return *(const int *)at != GW_UNSET;
    }
}

int gw_keys_any(const gw_keys *keys)
{
    const key_def *def;

    for (def = keys_known; def->name != NULL; ++def) {
        if (is_set(keys, def)) {
            return 1;
        }
    }
    return 0;
}

void gw_keys_overlay(gw_keys *keys, const gw_keys *over)
{
    const key_def *def;

    for (def = keys_known; def->name != NULL; ++def) {
        void *to = (char *)keys + def->offset;
        const void *from = (const char *)over + def->offset;

        if (!is_set(over, def)) {
            continue;
        }
        if (is_span(def)) {
            memcpy(to, from, sizeof(gw_time));
        }
        else if (is_text(def)) {
            memcpy(to, from, sizeof(keys->sni));
        }
        else {
            memcpy(to, from, sizeof(int));
        }
    }
}

void gw_ssl_conf_overlay(gw_ssl_conf *ssl, const gw_ssl_conf *over)
{
    if (over->verify != GW_UNSET) {
        ssl->verify = over->verify;
        ssl->verify_where = over->verify_where;
    }
    if (over->ca_file != NULL) {
        ssl->ca_file = over->ca_file;
        ssl->ca_where = over->ca_where;
    }
    if (over->ca_path != NULL) {
        ssl->ca_path = over->ca_path;
        ssl->ca_where = over->ca_where;
    }
}

/** How many letters must be added, dropped or changed to make b from a. */
static int distance(const char *a, const char *b)
{
    int row[SUGGEST_LENGTH + 1];
    int la = (int)strlen(a);
    int lb = (int)strlen(b);
    int i, j;

    if (la > SUGGEST_LENGTH || lb > SUGGEST_LENGTH) {
        return SUGGEST_LENGTH;
    }
    for (j = 0; j <= lb; ++j) {
        row[j] = j;
    }
    for (i = 1; i <= la; ++i) {
        int diagonal = row[0];

        row[0] = i;
        for (j = 1; j <= lb; ++j) {
            int best = diagonal
                       + (apr_tolower(a[i - 1]) != apr_tolower(b[j - 1]));

            diagonal = row[j];
            if (diagonal + 1 < best) {
                best = diagonal + 1;
            }
            if (row[j - 1] + 1 < best) {
                best = row[j - 1] + 1;
            }
            row[j] = best;
        }
    }
    return row[lb];
}

/** The known key that the administrator may have meant, or NULL. */
static const char *closest(const char *name)
{
    const key_def *def;
    const char *best = NULL;
    int least = SUGGEST_DISTANCE;

    for (def = keys_known; def->name != NULL; ++def) {
        int d = distance(name, def->name);

        if (d < least) {
            least = d;
            best = def->name;
        }
    }
    return best;
}

static const char *unknown(apr_pool_t *pool, const char *word,
                           const char *name, const char *words)
{
    const char *best = closest(name);
    const char *list = "";
    const key_def *def;

    if (best != NULL) {
        list = apr_pstrcat(pool, "did you mean ", best, "=? There are ",
                           best, "=", NULL);
    }
    for (def = keys_known; def->name != NULL; ++def) {
        if (def->name != best) {
            list = apr_pstrcat(pool, list, *list ? ", " : "there are ",
                               def->name, "=", NULL);
        }
    }
    return apr_psprintf(pool, "'%s' is no parameter: %s%s%s", word, list,
                        words ? ", " : "", words ? words : "");
}

static const char *later(apr_pool_t *pool, const char *name)
{
    int i;

    for (i = 0; keys_later[i].name != NULL; ++i) {
        if (strcasecmp(keys_later[i].name, name) == 0) {
            return apr_psprintf(pool, "%s= is not built yet: %s",
                                keys_later[i].name, keys_later[i].instead);
        }
    }
    return NULL;
}

static int is_among(const char *const *names, const char *name)
{
    while (*names != NULL && strcasecmp(*names, name) != 0) {
        ++names;
    }
    return *names != NULL;
}

static const char *elsewhere(apr_pool_t *pool, const char *name)
{
    if (is_among(keys_of_members, name)) {
        return apr_psprintf(pool, "%s= is a parameter of GatewayMember, a "
                            "single backend has none: write it behind the "
                            "URL of a member, or remove it", name);
    }
    if (is_among(keys_of_balancers, name)) {
        return apr_psprintf(pool, "%s= is a parameter of balancers, a single "
                            "backend has none: write it for a balancer:// "
                            "URL, or remove it", name);
    }
    return NULL;
}

/** Could this be a DNS name (underscores happen)? */
static int is_host_name(const char *s)
{
    return *s != '\0' && *s != '.' && *s != '-' && strlen(s) < 256
           && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789"
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_")] == '\0';
}

static int is_ip(const char *s)
{
    unsigned char buf[16];

    return inet_pton(AF_INET, s, buf) == 1
           || inet_pton(AF_INET6, s, buf) == 1;
}

static const char *read_name(apr_pool_t *pool, const key_def *def,
                             const char *value, const char **pname)
{
    if (strcmp(def->name, "sni") == 0 && is_ip(value)) {
        return apr_psprintf(pool, "sni= must be a host name, not the address "
                            "%s: RFC 6066 has no SNI for addresses; "
                            "verifyname= takes one", value);
    }
    if (!is_host_name(value) && !is_ip(value)) {
        return apr_psprintf(pool, "%s= must be a host name%s, not '%s'",
                            def->name,
                            strcmp(def->name, "sni") ? " or an IP address"
                                                     : "", value);
    }
    *pname = apr_pstrdup(pool, value);
    return NULL;
}

static const char *read_upgrade(apr_pool_t *pool, const char *value,
                                const char **pupgrade)
{
    const char *err = gw_upgrade_read(pool, value, pupgrade);

    return err == NULL ? NULL
           : apr_psprintf(pool, "upgrade= must be protocols with commas "
                          "between, ANY or NONE, not '%s': %s", value, err);
}

static const char *read_flag(apr_pool_t *pool, const key_def *def,
                             const char *value, int *pflag)
{
    int on = strcasecmp(value, "on") == 0;

    if (!on && strcasecmp(value, "off") != 0) {
        return apr_psprintf(pool, "%s= must be on or off, not '%s'",
                            def->name, value);
    }
    *pflag = def->kind == KEY_INVERTED ? !on : on;
    return NULL;
}

static const char *read_count(apr_pool_t *pool, const key_def *def,
                              const char *value, int *pcount)
{
    apr_int64_t n;

    if (!gw_str_number(gw_str_of(value), 10, &n) || n > APR_INT32_MAX) {
        return apr_psprintf(pool, "%s= must be a whole number from 0 to %d, "
                            "not '%s'", def->name, APR_INT32_MAX, value);
    }
    *pcount = (int)n;
    return NULL;
}

static const char *read_value(apr_pool_t *pool, gw_keys *keys,
                              const key_def *def, const char *value)
{
    void *at = (char *)keys + def->offset;

    switch (def->kind) {
    case KEY_SECONDS:
    case KEY_MILLISECONDS:
        return gw_span_read(pool, apr_pstrcat(pool, def->name, "=", NULL),
                            value, def->kind == KEY_SECONDS ? "s" : "ms", 0,
                            at);
    case KEY_NAME:
        return read_name(pool, def, value, at);
    case KEY_UPGRADE:
        return read_upgrade(pool, value, at);
    case KEY_COUNT:
        return read_count(pool, def, value, at);
    default:
        return read_flag(pool, def, value, at);
    }
}

/** The other name for the same thing, or NULL. */
static const char *other_name(const key_def *def)
{
    const key_def *other;

    for (other = keys_known; other->name != NULL; ++other) {
        if (other != def && other->offset == def->offset) {
            return other->name;
        }
    }
    return NULL;
}

/** disablereuse= and enablereuse= share a place: say both if they differ. */
static const char *twice(apr_pool_t *pool, const gw_keys *keys,
                         const key_def *def, const char *value)
{
    int is_reuse = def->offset == offsetof(gw_keys, disablereuse);
    const char *err;
    int flag;

    if (!is_reuse) {
        const char *other = other_name(def);

        return apr_psprintf(pool, "%s= is given twice%s%s%s", def->name,
                            other ? ", " : "", other ? other : "",
                            other ? "= being another name for it" : "");
    }
    err = read_flag(pool, def, value, &flag);
    if (err == NULL && flag != keys->disablereuse) {
        err = "disablereuse= and enablereuse= contradict each other: keep "
              "one of them";
    }
    return err;
}

const char *gw_keys_read(apr_pool_t *pool, gw_keys *keys, const char *word,
                         const char *words)
{
    const char *eq = strchr(word, '=');
    const char *name = eq ? apr_pstrmemdup(pool, word,
                                           (apr_size_t)(eq - word)) : word;
    const key_def *def = keys_known;
    const char *err;

    while (def->name != NULL && strcasecmp(def->name, name) != 0) {
        ++def;
    }
    if (def->name == NULL) {
        err = eq ? later(pool, name) : NULL;
        if (err == NULL && eq != NULL) {
            err = elsewhere(pool, name);
        }
        return err ? err : unknown(pool, word, name, words);
    }
    if (eq == NULL || eq[1] == '\0') {
        return apr_psprintf(pool, "%s= needs a value", def->name);
    }
    if (is_set(keys, def)) {
        return twice(pool, keys, def, eq + 1);
    }
    return read_value(pool, keys, def, eq + 1);
}

int gw_keys_concerns_connections(const char *word)
{
    const char *eq = strchr(word, '=');
    const key_def *def = keys_known;

    while (eq != NULL && def->name != NULL) {
        if (strlen(def->name) == (apr_size_t)(eq - word)
            && strncasecmp(def->name, word, (apr_size_t)(eq - word)) == 0) {
            return def->offset != offsetof(gw_keys, retry)
                   && def->offset != offsetof(gw_keys, reverse);
        }
        ++def;
    }
    return 0;
}

const char *gw_keys_check(apr_pool_t *pool, const gw_keys *keys,
                          const gw_url *url)
{
    const char *key = keys->sni ? "sni" : keys->verifyname ? "verifyname"
                                                           : NULL;

    if (key != NULL && strcmp(url->scheme, "https") != 0) {
        return apr_psprintf(pool, "%s= needs TLS, which %s:// has not: use "
                            "an https:// URL or remove %s=", key,
                            url->scheme, key);
    }
    return NULL;
}
