/**
 * gw_pass: the directives GatewayPass, GatewayPassMatch and
 * GatewayPassReverse.
 *
 * They leave rules in the virtual host's gw_server_conf even when they stand
 * in a <Location>, so that the merging of sections cannot lose one; only the
 * reverse rules of a section belong to the section. One thread, while the
 * configuration is read.
 */
#include <string.h>

#include <apr_fnmatch.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "gw_conf_private.h"
#include "gw_keys.h"
#include "gw_member.h"
#include "gw_path.h"
#include "gw_target.h"
#include "gw_where.h"

#define PASS_BELONGS "at server level, in <VirtualHost>, <Location> or " \
                     "<LocationMatch>"

static const char *decode_prefix(apr_pool_t *pool, const char *name,
                                 const char *path, const char **pdecoded)
{
    const char *segment;
    char *decoded;

    if (*path != '/') {
        return apr_psprintf(pool, "%s needs a path that begins with '/', not "
                            "'%s'%s", name, path,
                            strpbrk(path, "^$(\\")
                            ? "; GatewayPassMatch takes regular expressions"
                            : "");
    }
    if (strpbrk(path, "?#") != NULL) {
        return apr_psprintf(pool, "%s matches paths: leave out the '%c' of "
                            "'%s' and what follows, or write it as %%%02X",
                            name, *strpbrk(path, "?#"), path,
                            (unsigned)*strpbrk(path, "?#"));
    }
    if (gw_path_decode(pool, path, &decoded, NULL) != GW_PATH_OK) {
        return apr_psprintf(pool, "the path '%s' holds a malformed escape or "
                            "a control byte", path);
    }
    for (segment = decoded; segment != NULL; segment = strchr(segment, '/')) {
        apr_size_t len = strcspn(++segment, "/");

        if ((len == 1 && *segment == '.')
            || (len == 2 && strncmp(segment, "..", 2) == 0)) {
            return apr_psprintf(pool, "the path '%s' holds a '%.*s' segment, "
                                "which no request that is matched has", path,
                                (int)len, segment);
        }
    }
    *pdecoded = decoded;
    return NULL;
}

static const char *set_pattern(cmd_parms *cmd, gw_rule *rule,
                               const char *source)
{
    rule->route.kind = GW_ROUTE_REGEX;
    rule->route.prefix = source;
    rule->route.name = source;
    rule->route.regex = ap_pregcomp(cmd->pool, source, AP_REG_EXTENDED);
    return rule->route.regex ? NULL
           : apr_psprintf(cmd->pool, "'%s' is no valid regular expression",
                          source);
}

static const char *set_prefix(cmd_parms *cmd, gw_rule *rule,
                              const char *path)
{
    rule->route.kind = GW_ROUTE_PREFIX;
    rule->route.name = path;
    return decode_prefix(cmd->pool, cmd->cmd->name, path,
                         &rule->route.prefix);
}

/** The path of the <Location> that the directive stands in. */
static const char *set_location(cmd_parms *cmd, gw_dir_conf *dir,
                                gw_rule *rule, int place)
{
    if (dir->pass_where != NULL) {
        return apr_psprintf(cmd->pool, "this section has a GatewayPass "
                            "already, at %s: one of them must go",
                            dir->pass_where);
    }
    dir->pass_where = rule->route.where;
    if (place == GW_IN_LOCATION_REGEX) {
        return set_pattern(cmd, rule, cmd->path);
    }
    if (cmd->info != NULL) {
        return apr_psprintf(cmd->pool, "%s needs a pattern, which this "
                            "<Location> is not: use GatewayPass here, or "
                            "<LocationMatch>", cmd->cmd->name);
    }
    if (apr_fnmatch_test(cmd->path)) {
        rule->route.kind = GW_ROUTE_WILDCARD;
        rule->route.prefix = cmd->path;
        rule->route.name = cmd->path;
        return *cmd->path == '/' ? NULL
               : "the <Location> around GatewayPass needs a path that begins "
                 "with '/'";
    }
    return set_prefix(cmd, rule, cmd->path);
}

/** The path or pattern of a directive at server level. */
static const char *set_front(cmd_parms *cmd, gw_rule *rule,
                             const char **pargs)
{
    const char *word = ap_getword_conf(cmd->pool, pargs);
    int regex = cmd->info != NULL;

    if (!regex && strcmp(word, "~") == 0) {
        regex = 1;
        word = ap_getword_conf(cmd->pool, pargs);
    }
    if (*word == '\0') {
        return apr_psprintf(cmd->pool, "%s needs a %s and a URL (or !)",
                            cmd->cmd->name, regex ? "pattern" : "path");
    }
    return regex ? set_pattern(cmd, rule, word) : set_prefix(cmd, rule, word);
}

/**
 * For "^/lit(.*)$ -> .../base$1", the one kind of pattern whose way back is
 * known: the paths in front of the capture. NULL otherwise.
 */
static const char *literal_before_capture(apr_pool_t *pool, const char *re)
{
    apr_size_t len;

    if (re[0] != '^' || re[1] != '/') {
        return NULL;
    }
    len = strcspn(re + 1, "(\\[]{}.*+?|$^");
    if (strcmp(re + 1 + len, "(.*)") != 0
        && strcmp(re + 1 + len, "(.*)$") != 0) {
        return NULL;
    }
    return apr_pstrmemdup(pool, re + 1, len);
}

/** The reverse mapping that a GatewayPass brings along, where there is one. */
static void imply_reverse(apr_pool_t *pool, gw_rule *rule)
{
    gw_route *route = &rule->route;
    gw_url *backend = apr_pmemdup(pool, route->url, sizeof(*backend));
    const char *front = "/";

    backend->query = NULL;
    if (route->kind == GW_ROUTE_PREFIX) {
        front = gw_path_encode(pool, route->prefix);
    }
    else if (route->backrefs) {
        apr_size_t len = strlen(backend->path);

        front = literal_before_capture(pool, route->prefix);
        if (front == NULL || route->url->query != NULL || len < 3
            || strcmp(backend->path + len - 2, "$1") != 0
            || strchr(backend->path, '$') != backend->path + len - 2) {
            return;
        }
        backend->path = apr_pstrmemdup(pool, backend->path, len - 2);
        front = gw_path_encode(pool, front);
    }
    route->implied.backend = backend;
    route->implied.front = front;
    rule->implies = 1;
}

static const char *set_url(cmd_parms *cmd, gw_rule *rule, const char *text)
{
    gw_route *route = &rule->route;
    const ap_regex_t *regex = route->regex;
    const char *err;
    int highest;

    err = gw_target_backrefs(cmd->pool, text, &highest);
    if (err != NULL) {
        return err;
    }
    if (highest >= 0 && regex == NULL) {
        return apr_psprintf(cmd->pool, "$%d in the URL needs a pattern: use "
                            "GatewayPassMatch, or write %%24 for a dollar "
                            "sign", highest);
    }
    if (highest >= 0 && highest > regex->re_nsub) {
        return apr_psprintf(cmd->pool, "the URL wants $%d, but the pattern "
                            "'%s' has %d group%s", highest, route->prefix,
                            regex->re_nsub, regex->re_nsub == 1 ? "" : "s");
    }
    route->backrefs = highest >= 0;
    route->url = gw_target_url(cmd->pool, text, &err);
    if (route->url == NULL) {
        return err;
    }
    imply_reverse(cmd->pool, rule);
    return NULL;
}

/** Of a rule to a balancer all but reverse= is the balancer's. */
static int is_cluster_key(const gw_route *route, const char *word)
{
    return route->url != NULL && gw_member_is_balancer(route->url)
           && strncasecmp(word, "reverse=", 8) != 0;
}

static const char *read_options(cmd_parms *cmd, gw_rule *rule,
                                const char *args)
{
    gw_route *route = &rule->route;
    const char *err = NULL;

    while (err == NULL && *args != '\0') {
        const char *word = ap_getword_conf(cmd->pool, &args);

        if (route->exclude) {
            return apr_psprintf(cmd->pool, "'!' passes nothing on, so that "
                                "'%s' has no meaning after it: remove one of "
                                "them", word);
        }
        if (strcasecmp(word, "nocanon") == 0) {
            route->nocanon = 1;
        }
        else if (strcasecmp(word, "noquery") == 0) {
            route->noquery = 1;
        }
        else if (strcasecmp(word, "interpolate") == 0) {
            err = "interpolate is not built yet: write the value into the "
                  "URL, or capture it with GatewayPassMatch";
        }
        else if (is_cluster_key(route, word)) {
            err = gw_member_key(cmd, route->url, word);
        }
        else {
            err = gw_keys_read(cmd->pool, &rule->keys, word,
                               "nocanon, noquery");
        }
    }
    return err;
}

const char *gw_cmd_pass(cmd_parms *cmd, void *mconfig, const char *args)
{
    gw_server_conf *conf = gw_conf_of_server(cmd->server);
    const char *err = gw_where_check(cmd, GW_IN_SERVER | GW_IN_LOCATION
                                          | GW_IN_LOCATION_REGEX,
                                     PASS_BELONGS);
    int place = gw_where_in(cmd);
    const char *word;
    gw_rule *rule;

    if (err != NULL) {
        return err;
    }
    rule = apr_pcalloc(cmd->pool, sizeof(*rule));
    rule->route.pace = apr_pcalloc(cmd->pool, sizeof(*rule->route.pace));
    gw_keys_init(&rule->keys);
    rule->route.where = gw_where(cmd);
    err = place == GW_IN_SERVER ? set_front(cmd, rule, &args)
                                : set_location(cmd, mconfig, rule, place);
    if (err != NULL) {
        return err;
    }
    word = ap_getword_conf(cmd->pool, &args);
    if (*word == '\0') {
        return apr_psprintf(cmd->pool, "%s needs the URL of a backend (or !) "
                            "%s", cmd->cmd->name, place == GW_IN_SERVER
                            ? "after the path" : "in this section");
    }
    rule->route.exclude = strcmp(word, "!") == 0;
    err = rule->route.exclude ? NULL : set_url(cmd, rule, word);
    if (err == NULL) {
        err = read_options(cmd, rule, args);
    }
    if (err == NULL && !rule->route.exclude) {
        err = gw_keys_check(cmd->pool, &rule->keys, rule->route.url);
    }
    if (err == NULL) {
        APR_ARRAY_PUSH(conf->rules, gw_route *) = &rule->route;
    }
    return err;
}

/** The front path: the section's own where it has one, else an argument. */
static const char *reverse_front(cmd_parms *cmd, int place,
                                 const char **pargs, const char **pfront)
{
    const char *path = cmd->path;
    const char *rest = *pargs;
    const char *decoded;
    const char *err;

    if (place != GW_IN_LOCATION || apr_fnmatch_test(path)) {
        path = ap_getword_conf(cmd->pool, pargs);
        if (*path == '\0' || **pargs == '\0') {
            return apr_psprintf(cmd->pool, "%s needs a path and a URL here",
                                cmd->cmd->name);
        }
    }
    else {
        ap_getword_conf(cmd->pool, &rest);
        if (*rest == '/' || strstr(rest, "://") != NULL) {
            return apr_psprintf(cmd->pool, "%s takes the path from the "
                                "<Location> around it: leave '%s' out",
                                cmd->cmd->name,
                                ap_getword_conf(cmd->pool, pargs));
        }
    }
    err = decode_prefix(cmd->pool, cmd->cmd->name, path, &decoded);
    if (err == NULL) {
        *pfront = gw_path_encode(cmd->pool, decoded);
    }
    return err;
}

const char *gw_cmd_pass_reverse(cmd_parms *cmd, void *mconfig,
                                const char *args)
{
    gw_server_conf *conf = gw_conf_of_server(cmd->server);
    gw_dir_conf *dir = mconfig;
    int place = gw_where_in(cmd);
    const char *err = gw_where_check(cmd, GW_IN_SERVER | GW_IN_LOCATION
                                          | GW_IN_LOCATION_REGEX,
                                     PASS_BELONGS);
    gw_reverse_rule *rule;
    const char *word;

    if (err != NULL) {
        return err;
    }
    rule = apr_pcalloc(cmd->pool, sizeof(*rule));
    err = reverse_front(cmd, place, &args, &rule->front);
    if (err != NULL) {
        return err;
    }
    word = ap_getword_conf(cmd->pool, &args);
    if (*word == '/') {
        rule->path_only = word;
    }
    else if (*word == '\0') {
        return apr_psprintf(cmd->pool, "%s needs the URL of a backend",
                            cmd->cmd->name);
    }
    else {
        rule->backend = gw_target_url(cmd->pool, word, &err);
    }
    if (err == NULL && *args != '\0') {
        err = strcasecmp(args, "interpolate") == 0
              ? "interpolate is not built yet: write the value into the URL"
              : apr_psprintf(cmd->pool, "%s takes nothing after the URL: "
                             "remove '%s'", cmd->cmd->name, args);
    }
    if (err == NULL) {
        APR_ARRAY_PUSH(place == GW_IN_SERVER ? conf->reverse : dir->reverse,
                       const gw_reverse_rule *) = rule;
    }
    return err;
}
