#include "gw_log.h"

#include <stdarg.h>
#include <apr_strings.h>

#define TEXT_MAX 1000

static const gw_logger *fallback;

void gw_log_default(const gw_logger *logger)
{
    fallback = logger;
}

int gw_log_is(const gw_logger *logger, int level)
{
    if (!logger) {
        logger = fallback;
    }
    return logger && logger->enabled(logger->baton, level);
}

void gw_log_line(const gw_logger *logger, const char *file, int line,
                 int level, apr_status_t rv, const char *fmt, ...)
{
    char text[TEXT_MAX + 1];
    va_list ap;

    if (!logger) {
        logger = fallback;
    }
    if (!logger) {
        return;
    }
    va_start(ap, fmt);
    apr_vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    logger->print(logger->baton, file, line, level, rv, text);
}
