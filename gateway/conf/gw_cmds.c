/**
 * gw_cmds: the table of directives, and those that only set a value.
 *
 * Called while the configuration is read, in one thread. httpd puts file and
 * line before every message that a command returns.
 */
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "gw_cmds_later.h"
#include "gw_conf_private.h"
#include "gw_event_conf.h"
#include "gw_keys.h"
#include "gw_span.h"
#include "gw_where.h"

#define IN_SERVER  GW_IN_SERVER, "at server level or in <VirtualHost>"
#define IN_REQUEST GW_IN_SERVER | GW_IN_LOCATION | GW_IN_LOCATION_REGEX \
                       | GW_IN_GATEWAY | GW_IN_CONDITION, \
                   "at server level, in <VirtualHost>, <Location>, <If> or " \
                   "<Gateway>; requests that are passed on never reach files"
#define IN_PATH    GW_IN_SERVER | GW_IN_LOCATION | GW_IN_LOCATION_REGEX, \
                   "at server level, in <VirtualHost> or <Location>"
#define IN_ORIGIN  GW_IN_SERVER | GW_IN_GATEWAY, \
                   "at server level, in <VirtualHost> or in <Gateway url>; " \
                   "it belongs to a backend, no request can change it"

static const char *cmd_preserve_host(cmd_parms *cmd, void *mconfig, int on)
{
    gw_dir_conf *dir = mconfig;

    dir->preserve_host = on;
    return gw_where_check(cmd, IN_REQUEST);
}

static const char *cmd_add_headers(cmd_parms *cmd, void *mconfig, int on)
{
    gw_dir_conf *dir = mconfig;

    dir->add_headers = on;
    return gw_where_check(cmd, IN_REQUEST);
}

/** Which of two words is it? @return 0 or 1 in *pchoice, or an error */
static const char *choose(cmd_parms *cmd, const char *word, const char *no,
                          const char *yes, int *pchoice)
{
    *pchoice = strcasecmp(word, yes) == 0;
    if (*pchoice || strcasecmp(word, no) == 0) {
        return NULL;
    }
    return apr_psprintf(cmd->pool, "%s must be %s or %s, not '%s'",
                        cmd->cmd->name, yes, no, word);
}

static const char *cmd_unsafe_path(cmd_parms *cmd, void *mconfig,
                                   const char *word)
{
    gw_dir_conf *dir = mconfig;
    const char *err = gw_where_check(cmd, IN_PATH);

    return err ? err : choose(cmd, word, "deny", "allow", &dir->unsafe_path);
}

static const char *cmd_timeout(cmd_parms *cmd, void *mconfig,
                               const char *word)
{
    gw_server_conf *conf = gw_conf_of_server(cmd->server);
    const char *err = gw_where_check(cmd, IN_SERVER);

    return err ? err : gw_span_read(cmd->pool, cmd->cmd->name, word, "s", 0,
                                    &conf->timeout);
}

static const char *cmd_pass_order(cmd_parms *cmd, void *mconfig,
                                  const char *word)
{
    gw_server_conf *conf = gw_conf_of_server(cmd->server);
    const char *err = gw_where_check(cmd, IN_SERVER);
    int file;

    if (err == NULL) {
        err = choose(cmd, word, "longest", "file", &file);
    }
    if (err == NULL) {
        conf->pass_order = file ? GW_ORDER_FILE : GW_ORDER_LONGEST;
    }
    return err;
}

/** Off, n or n% */
static const char *cmd_max_inflight(cmd_parms *cmd, void *mconfig,
                                    const char *word)
{
    gw_server_conf *conf = gw_conf_of_server(cmd->server);
    const char *err = gw_where_check(cmd, IN_SERVER);
    gw_str digits = { word, strspn(word, "0123456789") };
    const char *unit = word + digits.len;
    int percent = strcmp(unit, "%") == 0;
    apr_int64_t n = 0;

    if (err != NULL) {
        return err;
    }
    if (strcasecmp(word, "Off") != 0
        && ((*unit != '\0' && !percent) || !gw_str_number(digits, 10, &n)
            || n < 1 || n > (percent ? 100 : APR_INT32_MAX))) {
        return apr_psprintf(cmd->pool, "GatewayMaxInFlight must be a number "
                            "of requests such as 50, a part of the server's "
                            "threads from 1%% to 100%%, or Off, not '%s'",
                            word);
    }
    conf->cap = (int)n;
    conf->cap_is_percent = percent;
    return NULL;
}

static const char *cmd_ssl_verify(cmd_parms *cmd, void *mconfig,
                                  const char *word)
{
    gw_dir_conf *dir = mconfig;
    const char *err = gw_where_check(cmd, IN_ORIGIN);

    if (err != NULL) {
        return err;
    }
    if (strcasecmp(word, "optional") == 0
        || strcasecmp(word, "optional_no_ca") == 0) {
        return apr_psprintf(cmd->pool, "GatewaySSLVerify %s is not built "
                            "yet: no backend is known to send no "
                            "certificate; use require or none", word);
    }
    dir->ssl.verify_where = gw_where(cmd);
    return choose(cmd, word, "none", "require", &dir->ssl.verify);
}

/** Make a CA file or folder absolute and check that it can be read. */
static const char *ca_place(cmd_parms *cmd, const char *word,
                            apr_filetype_e type, const char **ppath)
{
    const char *path = ap_server_root_relative(cmd->pool, word);
    apr_finfo_t info;
    apr_file_t *file;
    apr_status_t rv;

    if (path == NULL) {
        return apr_psprintf(cmd->pool, "%s: '%s' is no path",
                            cmd->cmd->name, word);
    }
    rv = apr_stat(&info, path, APR_FINFO_TYPE, cmd->temp_pool);
    if (rv == APR_SUCCESS && info.filetype != type) {
        return apr_psprintf(cmd->pool, "%s: '%s' is not a %s",
                            cmd->cmd->name, path,
                            type == APR_DIR ? "folder; "
                            "GatewaySSLCACertificateFile takes a file"
                            : "file; GatewaySSLCACertificatePath takes a "
                            "folder");
    }
    if (rv == APR_SUCCESS && type == APR_REG) {
        rv = apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT,
                           cmd->temp_pool);
        if (rv == APR_SUCCESS) {
            apr_file_close(file);
        }
    }
    if (rv != APR_SUCCESS) {
        char why[120];

        return apr_psprintf(cmd->pool, "%s: '%s' cannot be read: %s",
                            cmd->cmd->name, path,
                            apr_strerror(rv, why, sizeof(why)));
    }
    *ppath = path;
    return NULL;
}

static const char *cmd_ssl_ca_file(cmd_parms *cmd, void *mconfig,
                                   const char *word)
{
    gw_dir_conf *dir = mconfig;
    const char *err = gw_where_check(cmd, IN_ORIGIN);

    dir->ssl.ca_where = gw_where(cmd);
    return err ? err : ca_place(cmd, word, APR_REG, &dir->ssl.ca_file);
}

static const char *cmd_ssl_ca_path(cmd_parms *cmd, void *mconfig,
                                   const char *word)
{
    gw_dir_conf *dir = mconfig;
    const char *err = gw_where_check(cmd, IN_ORIGIN);

    dir->ssl.ca_where = gw_where(cmd);
    return err ? err : ca_place(cmd, word, APR_DIR, &dir->ssl.ca_path);
}

const char *gw_cmd_later(cmd_parms *cmd, void *mconfig, const char *args)
{
    const char *name = cmd->cmd->name;

    return apr_psprintf(cmd->pool, "%s%s is not built yet: %s", name,
                        *name == '<' ? ">" : "",
                        (const char *)cmd->info);
}

/* Not only where httpd would allow it: where it is misplaced, the message
   that says so is ours. */
#define ANYWHERE (RSRC_CONF | ACCESS_CONF | OR_FILEINFO)

#define LATER(name, instead) \
    AP_INIT_RAW_ARGS(name, gw_cmd_later, (void *)instead, ANYWHERE, \
                     "not built yet: " instead)

const command_rec gw_cmds[] = {
    AP_INIT_RAW_ARGS("GatewayPass", gw_cmd_pass, NULL, ANYWHERE,
                     "path, and URL of the backend or '!'; in <Location> "
                     "without the path"),
    AP_INIT_RAW_ARGS("GatewayPassMatch", gw_cmd_pass, (void *)"regex",
                     ANYWHERE, "regular expression, and URL of the backend "
                     "(with $1) or '!'"),
    AP_INIT_RAW_ARGS("GatewayPassReverse", gw_cmd_pass_reverse, NULL,
                     ANYWHERE, "path, and URL of a backend that appears "
                     "under it; in <Location> without the path"),
    AP_INIT_FLAG("GatewayPreserveHost", cmd_preserve_host, NULL, ANYWHERE,
                 "On to send the client's Host to the backend"),
    AP_INIT_FLAG("GatewayAddHeaders", cmd_add_headers, NULL, ANYWHERE,
                 "Off to send no X-Forwarded-*"),
    AP_INIT_TAKE1("GatewayUnsafePath", cmd_unsafe_path, NULL, ANYWHERE,
                  "allow or deny paths that a backend could read as '..'"),
    AP_INIT_TAKE1("GatewayTimeout", cmd_timeout, NULL, ANYWHERE,
                  "seconds without progress before a backend is given up"),
    AP_INIT_TAKE1("GatewayPassOrder", cmd_pass_order, NULL, ANYWHERE,
                  "longest or file: which of several matching rules wins"),
    AP_INIT_TAKE1("GatewayMaxInFlight", cmd_max_inflight, NULL, ANYWHERE,
                  "requests to one backend or balancer at once: a number, a "
                  "part of the threads such as 75%, or Off"),
    AP_INIT_TAKE1("GatewayEvent", gw_cmd_event, NULL, ANYWHERE,
                  "On, Helper or Off: which threads may serve a request; "
                  "Always is for tests"),
    AP_INIT_TAKE1("GatewayEventLoops", gw_cmd_event_loops, NULL, ANYWHERE,
                  "loop threads of each child process, or auto"),
    AP_INIT_TAKE1("GatewayHelpers", gw_cmd_helpers, NULL, ANYWHERE,
                  "helper threads of each child process"),
    AP_INIT_FLAG("GatewayIgnoreClientAbort", gw_cmd_ignore_abort, NULL,
                 ANYWHERE, "On to let a request go on when its client has "
                 "left"),
    AP_INIT_RAW_ARGS("<Gateway", gw_cmd_section, NULL, ANYWHERE,
                     "container for directives about the backends whose URL "
                     "begins so"),
    AP_INIT_RAW_ARGS("GatewaySet", gw_cmd_set, NULL, ANYWHERE,
                     "URL (not in <Gateway>) and key=value parameters"),
    AP_INIT_TAKE1("GatewaySSLVerify", cmd_ssl_verify, NULL, ANYWHERE,
                  "require or none: verify the certificates of backends"),
    AP_INIT_TAKE1("GatewaySSLCACertificateFile", cmd_ssl_ca_file, NULL,
                  ANYWHERE, "PEM file with the CAs to trust instead of the "
                  "system's"),
    AP_INIT_TAKE1("GatewaySSLCACertificatePath", cmd_ssl_ca_path, NULL,
                  ANYWHERE, "folder with the CAs to trust instead of the "
                  "system's, named by their hashes"),
    GW_CMDS_LATER,
    { NULL }
};
