/**
 * gw_event_conf: see gw_event_conf.h.
 */
#include <strings.h>
#include <unistd.h>

#include <apr_strings.h>

#include "gw_event_conf.h"
#include "gw_str.h"
#include "gw_where.h"

/* httpd's own, without StartServers. */
#define CHILDREN_DEFAULT 3

/* With GatewayEventLoops auto: more loops than this have to share too much. */
#define LOOPS_AUTO_MAX 8

/* Without GatewayHelpers. */
#define HELPERS_MIN 4
#define HELPERS_MAX 32

#define IN_PATH GW_IN_SERVER | GW_IN_LOCATION | GW_IN_LOCATION_REGEX, \
                "at server level, in <VirtualHost> or <Location>"

static const struct {
    const char *word;
    gw_event_lane lane;
} lanes[] = {
    { "Off", GW_EVENT_LANE_OFF },
    { "Helper", GW_EVENT_LANE_HELPER },
    { "On", GW_EVENT_LANE_ON },
    { "Always", GW_EVENT_LANE_ALWAYS },
    { NULL, 0 }
};

/** A directive about the whole server: not in a <VirtualHost> either. */
static const char *whole_server(cmd_parms *cmd)
{
    if (gw_where_in(cmd) == GW_IN_SERVER && cmd->server->is_virtual) {
        return apr_psprintf(cmd->pool, "%s is not allowed in <VirtualHost>: "
                            "all virtual hosts share the threads; put it at "
                            "server level", cmd->cmd->name);
    }
    return gw_where_check(cmd, GW_IN_SERVER, "at server level");
}

static int number(const char *word, int max, int *pn)
{
    apr_int64_t n;

    if (!gw_str_number(gw_str_of(word), 10, &n) || n < 1 || n > max) {
        return 0;
    }
    *pn = (int)n;
    return 1;
}

const char *gw_cmd_event(cmd_parms *cmd, void *mconfig, const char *word)
{
    gw_dir_conf *dir = mconfig;
    const char *err = gw_where_check(cmd, IN_PATH);
    int i;

    for (i = 0; err == NULL && lanes[i].word != NULL; ++i) {
        if (strcasecmp(word, lanes[i].word) == 0) {
            dir->event = lanes[i].lane;
            return NULL;
        }
    }
    return err ? err
               : apr_psprintf(cmd->pool, "GatewayEvent must be On, Helper "
                              "(not in an event loop itself), Off or Always "
                              "(for tests), not '%s'", word);
}

const char *gw_cmd_event_loops(cmd_parms *cmd, void *mconfig,
                               const char *word)
{
    gw_server_conf *conf = gw_conf_of_server(cmd->server);
    const char *err = whole_server(cmd);

    if (err != NULL) {
        return err;
    }
    if (strcasecmp(word, "auto") == 0) {
        conf->event_loops = GW_UNSET;
        return NULL;
    }
    return number(word, GW_EVENT_LOOPS_MAX, &conf->event_loops) ? NULL
        : apr_psprintf(cmd->pool, "GatewayEventLoops must be auto or a "
                       "number from 1 to %d, the loop threads of each child "
                       "process, not '%s'", GW_EVENT_LOOPS_MAX, word);
}

const char *gw_cmd_helpers(cmd_parms *cmd, void *mconfig, const char *word)
{
    gw_server_conf *conf = gw_conf_of_server(cmd->server);
    const char *err = whole_server(cmd);

    if (err != NULL) {
        return err;
    }
    return number(word, GW_HELPERS_MAX, &conf->helpers) ? NULL
        : apr_psprintf(cmd->pool, "GatewayHelpers must be a number from 1 to "
                       "%d, the helper threads of each child process, not "
                       "'%s'", GW_HELPERS_MAX, word);
}

const char *gw_cmd_ignore_abort(cmd_parms *cmd, void *mconfig, int on)
{
    gw_dir_conf *dir = mconfig;

    dir->ignore_abort = on;
    return gw_where_check(cmd, IN_PATH);
}

gw_event_lane gw_event_lane_of(const gw_dir_conf *dir)
{
    return dir->event == GW_UNSET ? GW_EVENT_LANE_ON : dir->event;
}

const gw_dir_conf *gw_conf_of_default(const server_rec *s)
{
    return ap_get_module_config(s->lookup_defaults, &gateway_module);
}

static int between(int least, int n, int most)
{
    return n < least ? least : n > most ? most : n;
}

/* The last StartServers, which the MPM does not tell; 0: it is not set. */
static int children_at_start(const ap_directive_t *tree)
{
    int n = 0;

    for (; tree; tree = tree->next) {
        if (!strcasecmp(tree->directive, "StartServers")) {
            n = (int)apr_atoi64(tree->args);
        }
    }
    return n;
}

int gw_event_loops(const server_rec *main_server)
{
    int n = gw_conf_of_server(main_server)->event_loops;
    int cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    int children;

    if (n != GW_UNSET) {
        return n;
    }
    children = children_at_start(ap_conftree);
    if (children < 1) {
        children = CHILDREN_DEFAULT;
    }
    return between(1, (cores + children - 1) / children, LOOPS_AUTO_MAX);
}

int gw_event_helpers(const server_rec *main_server, int threads)
{
    int n = gw_conf_of_server(main_server)->helpers;

    return n != GW_UNSET ? n : between(HELPERS_MIN, threads, HELPERS_MAX);
}
