#include "gw_member.h"

#include <string.h>

#include <ap_provider.h>
#include <apr_strings.h>

#include "gw_keys.h"
#include "gw_log.h"
#include "gw_target.h"
#include "gw_where.h"

/** The directive is another module's: httpd makes a virtual host's
 * configuration of this one with the first directive of its own. */
static gw_server_conf *conf_to_fill(cmd_parms *cmd)
{
    gw_server_conf *conf = gw_conf_of_server(cmd->server);

    if (conf == NULL) {
        conf = gw_conf_create_server(cmd->pool, cmd->server);
        ap_set_module_config(cmd->server->module_config, &gateway_module,
                             conf);
    }
    return conf;
}

static const char *gateway_target_read(cmd_parms *cmd, const char *text,
                                       gateway_target **ptarget)
{
    gw_server_conf *conf = conf_to_fill(cmd);
    gateway_target *t = apr_pcalloc(cmd->pool, sizeof(*t));
    const char *err;

    t->url = gw_target_url(cmd->pool, text, &err);
    if (t->url == NULL) {
        return err;
    }
    if (gw_member_is_balancer(t->url) || t->url->query != NULL) {
        return apr_psprintf(cmd->pool, "'%s' cannot be a member: it needs an "
                            "http:// or https:// URL without a query", text);
    }
    t->text = gw_url_text(cmd->pool, t->url);
    t->authority = gw_url_authority(cmd->pool, t->url);
    t->where = gw_where(cmd);
    gw_keys_init(&t->keys);
    APR_ARRAY_PUSH(conf->targets, gateway_target *) = t;
    *ptarget = t;
    return NULL;
}

static const char *gateway_target_key(cmd_parms *cmd,
                                      gateway_target *target,
                                      const char *word, int *pmine)
{
    const char *err;

    *pmine = gw_keys_concerns_connections(word);
    if (!*pmine) {
        return NULL;
    }
    err = gw_keys_read(cmd->pool, &target->keys, word, NULL);
    return err ? err : gw_keys_check(cmd->pool, &target->keys, target->url);
}

static const char *gateway_target_url(const gateway_target *target)
{
    return target->text;
}

static unsigned gateway_target_busy(const gateway_target *target,
                                    unsigned *pmax)
{
    *pmax = (unsigned)target->conn.max;
    return gw_inflight_count(target->origin->busy);
}

/** A target of run time is counted by all processes that make it. */
static void find_gauges(apr_pool_t *pool, const gw_origin *like,
                        gateway_target *t)
{
    gw_origin *origin = t->origin;
    gw_inflight *table;

    if (like->busy == NULL) {
        return;
    }
    table = gw_inflight_of(like->busy);
    origin->busy = gw_inflight_hold(table, pool, apr_pstrcat(
                                        pool, GW_KEY_CONNECTIONS,
                                        origin->key, NULL));
    if (t->conn.max > 0) {
        origin->lookouts = gw_inflight_hold(table, pool, apr_pstrcat(
                                                pool, GW_KEY_LOOKOUTS,
                                                origin->key, NULL));
    }
    if (origin->busy == NULL) {
        gw_log(NULL, GW_LOG_WARN, APR_SUCCESS, GWNO(00307) "%s: there is no "
               "room to count what is in use of it, so that max= does not "
               "hold; stop and start the server", origin->name);
    }
}

gateway_target *gw_member_new(apr_pool_t *pool, const gateway_target *like,
                              const char *text, int named,
                              const char **perr)
{
    gateway_target *t = apr_pmemdup(pool, like, sizeof(*t));

    t->url = gw_target_url(pool, text, perr);
    if (t->url == NULL) {
        return NULL;
    }
    if (strcmp(t->url->scheme, like->url->scheme) != 0) {
        *perr = apr_psprintf(pool, "'%s' must use %s:// as the other members "
                             "do", text, like->url->scheme);
        return NULL;
    }
    t->text = gw_url_text(pool, t->url);
    t->authority = named ? like->authority : gw_url_authority(pool, t->url);
    if (!named && t->identity.tls && like->keys.verifyname == NULL) {
        t->identity.params.name = t->url->host;
        t->identity.params.name_is_ip = t->url->host_is_ip;
    }
    if (!named && t->identity.tls && like->keys.sni == NULL) {
        t->identity.params.sni = t->url->host_is_ip ? NULL : t->url->host;
    }
    t->origin = gw_backend_origin(pool, t->url, &t->identity, perr);
    if (t->origin == NULL) {
        return NULL;
    }
    find_gauges(pool, like->origin, t);
    return t;
}

const gateway_balancer_provider *gw_member_provider(void)
{
    return ap_lookup_provider(GATEWAY_BALANCER_GROUP, GATEWAY_BALANCER_NAME,
                              GATEWAY_BALANCER_VERSION);
}

int gw_member_is_balancer(const gw_url *url)
{
    return strcmp(url->scheme, "balancer") == 0;
}

const char *gw_member_key(cmd_parms *cmd, const gw_url *url,
                          const char *word)
{
    return gw_member_provider()->key(cmd, url->host, word);
}

void gw_member_register(void)
{
    APR_REGISTER_OPTIONAL_FN(gateway_target_read);
    APR_REGISTER_OPTIONAL_FN(gateway_target_key);
    APR_REGISTER_OPTIONAL_FN(gateway_target_url);
    APR_REGISTER_OPTIONAL_FN(gateway_target_busy);
}
