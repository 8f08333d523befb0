/**
 * gw_log: log lines of the layers that do not know httpd.
 *
 * A gw_logger is a level test and a print function with a baton. drive/ makes
 * one per request, printing through ap_log_rerror; a NULL logger means the
 * process-wide one (gw_log_default), which mod_gateway.c sets once in
 * child_init and post_config and unit tests set to TAP diagnostics. Any
 * thread may log; a request's logger belongs to the thread that drives it.
 *
 * Numbers, GWNO(nnnnn), unique in the tree. Blocks by unit:
 *   00001-00099 mod_gateway.c, gw_child      00500-00599 gw_exchange
 *   00100-00149 gw_request                   00600-00649 gw_resolve
 *   00150-00199 gw_response                  00650-00699 gw_tls
 *   00200-00249 gw_drive_block               00700-00749 gw_conn, gw_sock
 *   00250-00299 gw_map, gw_walk              00750-00799 gw_pool
 *   00300-00399 conf                         00800-00849 gw_h1
 *   01000-01999 balancer                     02000-02019 gw_loop
 *   02020-02099 event
 */
#ifndef GW_LOG_H
#define GW_LOG_H

#include <apr_errno.h>

#define GWNO(n)     "GW" #n ": "

/* httpd's APLOG_* values, so that no translation is needed. */
enum {
    GW_LOG_CRIT = 2,
    GW_LOG_ERR = 3,
    GW_LOG_WARN = 4,
    GW_LOG_NOTICE = 5,
    GW_LOG_INFO = 6,
    GW_LOG_DEBUG = 7,
    GW_LOG_TRACE1 = 8,
    GW_LOG_TRACE2 = 9,
    GW_LOG_TRACE4 = 11
};

typedef struct gw_logger gw_logger;
struct gw_logger {
    int (*enabled)(void *baton, int level);
    void (*print)(void *baton, const char *file, int line, int level,
                  apr_status_t rv, const char *text);
    void *baton;
};

/** Set the process-wide logger; borrowed for ever. */
void gw_log_default(const gw_logger *logger);

/** Would a line of this level be printed? */
int gw_log_is(const gw_logger *logger, int level);

/** Print one line; use the gw_log macro. Text over 1000 bytes is cut. */
void gw_log_line(const gw_logger *logger, const char *file, int line,
                 int level, apr_status_t rv, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

#define gw_log(logger, level, rv, ...)                                  \
    do {                                                                \
        if (gw_log_is((logger), (level))) {                             \
            gw_log_line((logger), __FILE__, __LINE__, (level), (rv),    \
                        __VA_ARGS__);                                   \
        }                                                               \
    } while (0)

#endif
