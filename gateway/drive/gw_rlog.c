#include "gw_rlog.h"

#include <http_config.h>
#include <http_log.h>

extern module AP_MODULE_DECLARE_DATA gateway_module;
APLOG_USE_MODULE(gateway);

static int request_enabled(void *baton, int level)
{
    return APLOG_R_IS_LEVEL((request_rec *)baton, level);
}

static void request_print(void *baton, const char *file, int line, int level,
                          apr_status_t rv, const char *text)
{
    ap_log_rerror(file, line, APLOG_MODULE_INDEX, level, rv,
                  (request_rec *)baton, "%s", text);
}

const gw_logger *gw_rlog(request_rec *r)
{
    gw_logger *logger = apr_palloc(r->pool, sizeof(*logger));

    logger->enabled = request_enabled;
    logger->print = request_print;
    logger->baton = r;
    return logger;
}

static int server_enabled(void *baton, int level)
{
    return APLOG_IS_LEVEL((server_rec *)baton, level);
}

static void server_print(void *baton, const char *file, int line, int level,
                         apr_status_t rv, const char *text)
{
    ap_log_error(file, line, APLOG_MODULE_INDEX, level, rv,
                 (server_rec *)baton, "%s", text);
}

void gw_rlog_server(server_rec *s)
{
    static gw_logger logger = { server_enabled, server_print, NULL };

    logger.baton = s;
    gw_log_default(&logger);
}
