#include "gwb_keys.h"

#include <string.h>

#include <http_log.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "gw_str.h"

APLOG_USE_MODULE(gateway_balancer);

#define ATTEMPTS_MOST   1000
#define FAILS_MOST      1000
#define QUEUE_MOST      100000
#define LBSET_MOST      99
#define METHOD_MAX      15
#define STICKY_KEY_LEAST 16

/* --- values of balancers ------------------------------------------------- */

static const char *read_method(cmd_parms *cmd, gwb_params *p,
                               const char *value)
{
    if (*value == '\0' || strlen(value) > METHOD_MAX) {
        return apr_psprintf(cmd->pool, "lbmethod= must be the name of a "
                            "method, such as byrequests, not '%s'", value);
    }
    p->lbmethod = apr_pstrdup(cmd->pool, value);
    return NULL;
}

static const char *read_session(cmd_parms *cmd, gwb_params *p,
                                const char *value)
{
    const char *bar = strchr(value, '|');
    const char *cookie = bar ? apr_pstrmemdup(cmd->pool, value,
                                              (apr_size_t)(bar - value))
                             : value;
    const char *param = bar ? bar + 1 : value;
    const char *err = gwb_value_word(cmd->pool, "stickysession", cookie,
                                     &p->sticky.cookie);

    return err ? err : gwb_value_word(cmd->pool, "stickysession", param,
                                      &p->sticky.param);
}

static const char *read_separator(cmd_parms *cmd, gwb_params *p,
                                  const char *value)
{
    if (strcasecmp(value, "off") == 0) {
        p->sticky.separator = '\0';
        return NULL;
    }
    if (value[0] == '\0' || value[1] != '\0') {
        return apr_psprintf(cmd->pool, "stickysessionsep= must be one "
                            "character, or Off, not '%s'", value);
    }
    p->sticky.separator = *value;
    return NULL;
}

static const char *read_sticky(cmd_parms *cmd, gwb_params *p,
                               const char *value)
{
    const char *name = value + 6;

    if (strncasecmp(value, "cookie", 6) == 0 && *name == ':'
        && gw_str_is_token(gw_str_of(name + 1))
        && strlen(name + 1) <= GWB_WORD_MAX) {
        p->sticky.own = apr_pstrdup(cmd->pool, name + 1);
        return NULL;
    }
    if (strcasecmp(value, "cookie") == 0) {
        p->sticky.own = "";     /* named after the balancer below */
        return NULL;
    }
    return apr_psprintf(cmd->pool, "sticky= must be cookie or cookie:name, "
                        "not '%s'", value);
}

static const char *read_sticky_key(cmd_parms *cmd, gwb_params *p,
                                   const char *value)
{
    if (strlen(value) < STICKY_KEY_LEAST) {
        return apr_psprintf(cmd->pool, "stickykey= must be a secret of %d "
                            "characters at least", STICKY_KEY_LEAST);
    }
    p->sticky_key = apr_pstrdup(cmd->pool, value);
    return NULL;
}

static const struct {
    const char *word;
    unsigned bit;
} retry_words[] = {
    { "connect", GATEWAY_RETRY_CONNECT },
    { "tls", GATEWAY_RETRY_TLS },
    { "reset", GATEWAY_RETRY_RESET },
    { "timeout", GATEWAY_RETRY_TIMEOUT },
    { "none", 0 },
    { NULL, 0 }
};

static const char *read_retry_on(cmd_parms *cmd, gwb_params *p,
                                 const char *value)
{
    gw_str rest = gw_str_of(value);
    gw_str element;
    int any = 0;

    p->retry_on = 0;
    memset(&p->retry_status, 0, sizeof(p->retry_status));
    for (; gw_str_next_element(&rest, &element); any = 1) {
        const char *word = gw_str_dup(cmd->pool, element);
        int i = 0;

        while (retry_words[i].word
               && strcasecmp(retry_words[i].word, word) != 0) {
            ++i;
        }
        if (retry_words[i].word != NULL) {
            p->retry_on |= retry_words[i].bit;
            continue;
        }
        p->retry_on |= GATEWAY_RETRY_STATUS;
        if (!apr_isdigit(*word)
            || gwb_value_codes(cmd->pool, "retryon", word,
                               &p->retry_status) != NULL) {
            any = 0;
            break;
        }
    }
    return any ? NULL
               : apr_psprintf(cmd->pool, "retryon= must be a list of "
                              "connect, tls, reset, timeout and status "
                              "codes, such as connect,tls,reset,timeout,503 "
                              "or connect,502-504, or none, not '%s'", value);
}

static const char *read_hash_key(cmd_parms *cmd, gwb_params *p,
                                 const char *value)
{
    const char *err = NULL;

    p->hash_key = ap_expr_parse_cmd(cmd, value, AP_EXPR_FLAG_STRING_RESULT,
                                    &err, NULL);
    return err ? apr_psprintf(cmd->pool, "hashkey= must be an expression "
                              "such as %%{REMOTE_ADDR} or "
                              "%%{HTTP:X-Tenant}: '%s' is none: %s", value,
                              err)
               : NULL;
}

static const char *read_fails(cmd_parms *cmd, gwb_params *p,
                              const char *value)
{
    int fails;
    const char *err = gwb_value_number(cmd->pool, "fails", value, 1,
                                       FAILS_MOST, &fails);

    if (err == NULL) {
        p->health.fails = (unsigned)fails;
    }
    return err;
}

typedef enum {
    KEY_FLAG,               /* int */
    KEY_NUMBER,             /* int, least..most */
    KEY_TIME,               /* gw_time in s, more than 0 */
    KEY_SPAN,               /* gw_time in s, 0 too */
    KEY_SIZE,               /* apr_size_t */
    KEY_CODES,              /* gwb_codes */
    KEY_SPECIAL
} key_kind;

typedef struct key_def key_def;
struct key_def {
    const char *name;
    key_kind kind;
    apr_size_t offset;      /* in gwb_params */
    int most;
    const char *(*read)(cmd_parms *cmd, gwb_params *p, const char *value);
};

#define AT(field) offsetof(gwb_params, field)

static const key_def balancer_keys[] = {
    { "lbmethod", KEY_SPECIAL, 0, 0, read_method },
    { "maxattempts", KEY_NUMBER, AT(max_attempts), ATTEMPTS_MOST, NULL },
    { "stickysession", KEY_SPECIAL, 0, 0, read_session },
    { "stickysessionsep", KEY_SPECIAL, 0, 0, read_separator },
    { "scolonpathdelim", KEY_FLAG, AT(sticky.semicolon), 0, NULL },
    { "sticky", KEY_SPECIAL, 0, 0, read_sticky },
    { "stickykey", KEY_SPECIAL, 0, 0, read_sticky_key },
    { "nofailover", KEY_FLAG, AT(no_failover), 0, NULL },
    { "timeout", KEY_SPAN, AT(timeout), 0, NULL },
    { "failonstatus", KEY_CODES, AT(fail_on_status), 0, NULL },
    { "failontimeout", KEY_FLAG, AT(fail_on_timeout), 0, NULL },
    { "forcerecovery", KEY_FLAG, AT(force_recovery), 0, NULL },
    { "growth", KEY_NUMBER, AT(growth), GWB_GROWTH_MAX, NULL },
    { "retryon", KEY_SPECIAL, 0, 0, read_retry_on },
    { "retrybuffer", KEY_SIZE, AT(retry_buffer), 0, NULL },
    { "deadline", KEY_SPAN, AT(deadline), 0, NULL },
    { "queue", KEY_NUMBER, AT(queue), QUEUE_MOST, NULL },
    { "queuetimeout", KEY_TIME, AT(queue_timeout), 0, NULL },
    { "hashkey", KEY_SPECIAL, 0, 0, read_hash_key },
    { "fails", KEY_SPECIAL, 0, 0, read_fails },
    { "retry", KEY_SPAN, AT(health.retry_fixed), 0, NULL },
    { "slowstart", KEY_SPAN, AT(health.slow_start), 0, NULL },
    { NULL, KEY_FLAG, 0, 0, NULL }
};

static const char *read_value(cmd_parms *cmd, gwb_params *p,
                              const key_def *def, const char *value)
{
    void *at = (char *)p + def->offset;

    switch (def->kind) {
    case KEY_FLAG:
        return gwb_value_flag(cmd->pool, def->name, value, at);
    case KEY_NUMBER:
        return gwb_value_number(cmd->pool, def->name, value, 0, def->most,
                                at);
    case KEY_TIME:
        return gwb_value_time(cmd->pool, def->name, value, "s", 0, at);
    case KEY_SPAN:
        return gwb_value_time(cmd->pool, def->name, value, "s", 1, at);
    case KEY_SIZE:
        return gwb_value_size(cmd->pool, def->name, value, at);
    case KEY_CODES:
        memset(at, 0, sizeof(gwb_codes));
        return gwb_value_codes(cmd->pool, def->name, value, at);
    default:
        return def->read(cmd, p, value);
    }
}

/** Remember where a value stands; another one for the same parameter is an
 * error, of two values only one can be meant. */
static const char *remember(cmd_parms *cmd, gateway_balancer *b,
                            const char *name, const char *value)
{
    gwb_given *given = apr_hash_get(b->given, name, APR_HASH_KEY_STRING);

    if (given == NULL) {
        given = apr_palloc(cmd->pool, sizeof(*given));
        given->value = apr_pstrdup(cmd->pool, value);
        given->where = gwb_conf_where(cmd);
        apr_hash_set(b->given, name, APR_HASH_KEY_STRING, given);
    }
    else if (strcmp(given->value, value) != 0) {
        return apr_psprintf(cmd->pool, "%s= of balancer://%s has another "
                            "value at %s: keep one of them", name, b->name,
                            given->where);
    }
    return NULL;
}

static const char *unknown(apr_pool_t *pool, const char *what,
                           const char *word, const char *name,
                           const char *const *names, const char *more)
{
    const char *best = gwb_value_closest(names, name);
    const char *list = "";

    for (; *names != NULL; ++names) {
        list = apr_pstrcat(pool, list, *list ? ", " : "", *names, "=", NULL);
    }
    return apr_psprintf(pool, "'%s' is no parameter of a %s%s%s%s: there are "
                        "%s%s", word, what, best ? ", did you mean " : "",
                        best ? best : "", best ? "=?" : "", list, more);
}

const char *gwb_keys_balancer(cmd_parms *cmd, gateway_balancer *balancer,
                              const char *word)
{
    const char *names[sizeof(balancer_keys) / sizeof(balancer_keys[0])];
    const key_def *def = balancer_keys;
    const char *name = word;
    const char *value = "";
    const char *err;
    int split = gwb_value_split(cmd->pool, word, &name, &value);
    int i;

    while (def->name != NULL && strcmp(def->name, name) != 0) {
        ++def;
    }
    if (strcmp(name, "nonce") == 0) {
        return "nonce= is not built yet: there is no manager page, remove it";
    }
    if (def->name == NULL) {
        for (i = 0; balancer_keys[i].name != NULL; ++i) {
            names[i] = balancer_keys[i].name;
        }
        names[i] = NULL;
        return unknown(cmd->pool, "balancer", word, name, names, "");
    }
    if (!split || *value == '\0') {
        return apr_psprintf(cmd->pool, "%s= needs a value", name);
    }
    err = remember(cmd, balancer, name, value);
    if (err == NULL) {
        err = read_value(cmd, &balancer->params, def, value);
    }
    if (balancer->params.sticky.own && *balancer->params.sticky.own == '\0') {
        balancer->params.sticky.own = apr_pstrcat(cmd->pool, "gateway-",
                                                  balancer->name, NULL);
    }
    return err;
}

/* --- values of members --------------------------------------------------- */

static const char *const setting_keys[] = {
    "loadfactor", "lbset", "route", "redirect", "status", NULL
};

void gwb_keys_settings_init(gwb_settings *settings)
{
    memset(settings, 0, sizeof(*settings));
    settings->weight = 100;
}

static const char *read_route(apr_pool_t *pool, const char *name,
                              const char *value, char *route)
{
    const char *word;
    const char *err = gwb_value_word(pool, name, value, &word);

    if (err == NULL) {
        apr_cpystrn(route, word, GWB_ROUTE_MAX);
    }
    return err;
}

const char *gwb_keys_setting(apr_pool_t *pool, gwb_settings *settings,
                             const char *name, const char *value, int *pmine)
{
    const char *err;
    int lbset;

    *pmine = 1;
    if (strcmp(name, "loadfactor") == 0) {
        return gwb_value_weight(pool, name, value, &settings->weight);
    }
    if (strcmp(name, "lbset") == 0) {
        err = gwb_value_number(pool, name, value, 0, LBSET_MOST, &lbset);
        if (err == NULL) {
            settings->lbset = (apr_uint32_t)lbset;
        }
        return err;
    }
    if (strcmp(name, "route") == 0) {
        return read_route(pool, name, value, settings->route);
    }
    if (strcmp(name, "redirect") == 0) {
        return read_route(pool, name, value, settings->redirect);
    }
    if (strcmp(name, "status") == 0) {
        return gwb_value_status(pool, value, &settings->flags);
    }
    *pmine = 0;
    return NULL;
}

static const char *unknown_member_key(apr_pool_t *pool, const char *word,
                                      const char *name)
{
    apr_array_header_t *names = apr_array_make(pool, 24,
                                               sizeof(const char *));
    int i;

    for (i = 0; setting_keys[i] != NULL; ++i) {
        APR_ARRAY_PUSH(names, const char *) = setting_keys[i];
    }
    APR_ARRAY_PUSH(names, const char *) = "retry";
    APR_ARRAY_PUSH(names, const char *) = "slowstart";
    APR_ARRAY_PUSH(names, const char *) = "resolve";
    for (i = 0; gwb_check_keys[i] != NULL; ++i) {
        APR_ARRAY_PUSH(names, const char *) = gwb_check_keys[i];
    }
    APR_ARRAY_PUSH(names, const char *) = NULL;
    return unknown(pool, "member", word, name,
                   (const char *const *)names->elts,
                   ", and those of connections");
}

static const char *read_resolve(apr_pool_t *pool, gwb_member_conf *member,
                                const char *value)
{
    int all = strcmp(value, "all") == 0;

    if (!all && strcmp(value, "one") != 0) {
        return apr_psprintf(pool, "resolve= must be one or all, not '%s'",
                            value);
    }
    if (member->names == GWB_NAMES_SRV) {
        return "resolve= does not go with srv://: each record is a member";
    }
    member->names = all ? GWB_NAMES_ADDRESSES : GWB_NAMES_NONE;
    return NULL;
}

const char *gwb_keys_member(cmd_parms *cmd, gwb_member_conf *member,
                            const char *word)
{
    APR_OPTIONAL_FN_TYPE(gateway_target_key) *target_key
        = APR_RETRIEVE_OPTIONAL_FN(gateway_target_key);
    const char *name = word;
    const char *value;
    const char *err;
    int mine;

    if (gwb_value_split(cmd->pool, word, &name, &value)) {
        err = gwb_keys_setting(cmd->pool, &member->settings, name, value,
                               &mine);
        if (!mine) {
            err = gwb_check_key(cmd, &member->check, name, value, &mine);
        }
        if (mine) {
            return err;
        }
        if (strcmp(name, "retry") == 0) {
            return gwb_value_time(cmd->pool, name, value, "s", 1,
                                  &member->retry);
        }
        if (strcmp(name, "slowstart") == 0) {
            return gwb_value_time(cmd->pool, name, value, "s", 1,
                                  &member->slow_start);
        }
        if (strcmp(name, "resolve") == 0) {
            return read_resolve(cmd->pool, member, value);
        }
    }
    err = target_key(cmd, member->target, word, &mine);
    if (err != NULL || mine) {
        return err;
    }
    return unknown_member_key(cmd->pool, word, name);
}
