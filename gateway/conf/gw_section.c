/**
 * gw_section: <Gateway url> and GatewaySet.
 *
 * A section is what it is in httpd's core for <Location>: a per-directory
 * vector of its own, filled by walking the lines inside. One thread, while
 * the configuration is read.
 */
#include <string.h>

#include <apr_strings.h>

#include "gw_conf_private.h"
#include "gw_keys.h"
#include "gw_member.h"
#include "gw_target.h"
#include "gw_where.h"

/** @param url  whose keys they are, or NULL; a balancer reads its own */
static const char *read_keys(cmd_parms *cmd, const gw_url *url,
                             gw_keys *keys, const char *args)
{
    const char *err = NULL;

    while (err == NULL && *args != '\0') {
        const char *word = ap_getword_conf(cmd->pool, &args);

        err = url != NULL && gw_member_is_balancer(url)
              ? gw_member_key(cmd, url, word)
              : gw_keys_read(cmd->pool, keys, word, NULL);
    }
    return err;
}

/** Keys need one backend that they are for; so do names of TLS. */
static const char *check_keys(apr_pool_t *pool, const gw_section *section,
                              const gw_keys *keys)
{
    if (!gw_keys_any(keys)) {
        return NULL;
    }
    if (section->parsed == NULL) {
        return apr_psprintf(pool, "parameters need the URL of one backend, "
                            "such as http://host:8080, not '%s'",
                            section->url);
    }
    return gw_keys_check(pool, keys, section->parsed);
}

static const char *check_ssl(apr_pool_t *pool, const gw_section *section,
                             const gw_ssl_conf *ssl)
{
    if (section->parsed == NULL
        || strcmp(section->parsed->scheme, "https") == 0
        || (ssl->verify == GW_UNSET && ssl->ca_file == NULL
            && ssl->ca_path == NULL)) {
        return NULL;
    }
    return apr_psprintf(pool, "GatewaySSL* has no effect on %s, which uses "
                        "no TLS: write https:// or remove it", section->url);
}

static void add_overlay(cmd_parms *cmd, const gw_section *section,
                        const gw_keys *keys, const gw_ssl_conf *ssl)
{
    gw_server_conf *conf = gw_conf_of_server(cmd->server);
    gw_overlay *overlay = apr_pcalloc(cmd->pool, sizeof(*overlay));

    overlay->section = section;
    overlay->keys = keys;
    overlay->ssl = ssl;
    APR_ARRAY_PUSH(conf->overlays, gw_overlay *) = overlay;
}

/** Its keys went to the balancer; its members have sections of their own. */
static int is_balancer_section(const gw_section *section)
{
    return section->parsed != NULL && gw_member_is_balancer(section->parsed);
}

/** Read the lines of a section into its vector. */
static const char *walk(cmd_parms *cmd, gw_section *section)
{
    char *path = cmd->path;
    int override = cmd->override;
    const char *err;

    cmd->path = apr_pstrdup(cmd->pool, section->url);
    cmd->override = OR_ALL | ACCESS_CONF;
    err = ap_walk_config(cmd->directive->first_child, cmd, section->dir);
    cmd->path = path;
    cmd->override = override;
    return err;
}

const char *gw_cmd_section(cmd_parms *cmd, void *mconfig, const char *args)
{
    gw_server_conf *conf = gw_conf_of_server(cmd->server);
    const char *end = ap_strrchr_c(args, '>');
    const char *err = gw_where_check(cmd, GW_IN_SERVER,
                                     "at server level or in <VirtualHost>");
    gw_section *section;
    gw_dir_conf *dir;
    const char *word;

    if (err != NULL) {
        return err;
    }
    if (end == NULL) {
        return "the <Gateway section has no closing '>'";
    }
    args = apr_pstrmemdup(cmd->temp_pool, args, (apr_size_t)(end - args));
    word = ap_getword_conf(cmd->pool, &args);
    if (*word == '\0') {
        return "<Gateway> needs a URL, such as <Gateway http://host:8080>, "
               "or * for all";
    }
    if (strcmp(word, "~") == 0) {
        return "regular expressions in <Gateway> are not built yet: use "
               "wildcards, as in <Gateway http://*.example.com/*>";
    }
    section = apr_pcalloc(cmd->pool, sizeof(*section));
    section->where = gw_where(cmd);
    err = gw_target_section(cmd->pool, word, section);
    if (err != NULL) {
        return err;
    }
    section->dir = ap_create_per_dir_config(cmd->pool);
    dir = ap_set_config_vectors(cmd->server, section->dir, section->url,
                                &gateway_module, cmd->pool);
    err = read_keys(cmd, section->parsed, &dir->keys, args);
    if (err == NULL) {
        err = walk(cmd, section);
    }
    if (err == NULL) {
        err = check_keys(cmd->pool, section, &dir->keys);
    }
    if (err == NULL) {
        err = check_ssl(cmd->pool, section, &dir->ssl);
    }
    if (err == NULL) {
        APR_ARRAY_PUSH(conf->sections, gw_section *) = section;
        if (!is_balancer_section(section)) {
            add_overlay(cmd, section, &dir->keys, &dir->ssl);
        }
    }
    return err;
}

/** GatewaySet url key=value ..., outside of a section. */
static const char *set_outside(cmd_parms *cmd, const char *args)
{
    gw_section *section = apr_pcalloc(cmd->pool, sizeof(*section));
    gw_keys *keys = apr_palloc(cmd->pool, sizeof(*keys));
    const char *word = ap_getword_conf(cmd->pool, &args);
    const char *err;

    gw_keys_init(keys);
    if (strchr(word, '=') != NULL && strstr(word, "://") == NULL) {
        return "GatewaySet needs a URL before its parameters here; only in "
               "<Gateway url> it does without";
    }
    section->where = gw_where(cmd);
    err = gw_target_section(cmd->pool, word, section);
    if (err == NULL) {
        err = *args ? read_keys(cmd, section->parsed, keys, args)
                    : "GatewaySet needs a key=value parameter";
    }
    if (err == NULL) {
        err = check_keys(cmd->pool, section, keys);
    }
    if (err == NULL && gw_keys_any(keys)) {
        add_overlay(cmd, section, keys, NULL);
    }
    return err;
}

/** The URL of the section around cmd, or NULL for a wildcard. */
static const gw_url *section_url(cmd_parms *cmd)
{
    gw_section section = { 0 };

    return gw_target_section(cmd->pool, cmd->path, &section) == NULL
           ? section.parsed : NULL;
}

const char *gw_cmd_set(cmd_parms *cmd, void *mconfig, const char *args)
{
    gw_dir_conf *dir = mconfig;
    const char *err = gw_where_check(cmd, GW_IN_SERVER | GW_IN_GATEWAY,
                                     "at server level, in <VirtualHost> or "
                                     "in <Gateway url>");

    if (err != NULL) {
        return err;
    }
    if (*args == '\0') {
        return "GatewaySet needs a key=value parameter";
    }
    if (gw_where_in(cmd) == GW_IN_SERVER) {
        return set_outside(cmd, args);
    }
    if (strstr(args, "://") != NULL && strchr(args, '=') > strstr(args,
                                                                  "://")) {
        return "GatewaySet takes the URL from the <Gateway> around it: leave "
               "it out";
    }
    return read_keys(cmd, section_url(cmd), &dir->keys, args);
}
