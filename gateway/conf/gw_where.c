/**
 * gw_where: see gw_where.h.
 */
#include <string.h>

#include <apr_strings.h>

#include "gw_where.h"

static const struct {
    const char *section;
    int place;
} sections[] = {
    { "<VirtualHost", GW_IN_SERVER },
    { "<Location", GW_IN_LOCATION },
    { "<LocationMatch", GW_IN_LOCATION_REGEX },
    { "<Gateway", GW_IN_GATEWAY },
    { "<If", GW_IN_CONDITION },
    { "<ElseIf", GW_IN_CONDITION },
    { "<Else", GW_IN_CONDITION },
    { "<Directory", GW_IN_FILES },
    { "<DirectoryMatch", GW_IN_FILES },
    { "<Files", GW_IN_FILES },
    { "<FilesMatch", GW_IN_FILES },
    { "<Limit", GW_IN_LIMIT },
    { "<LimitExcept", GW_IN_LIMIT },
    { NULL, 0 }
};

const char *gw_where(const cmd_parms *cmd)
{
    return apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename,
                        cmd->directive->line_num);
}

int gw_where_in(const cmd_parms *cmd)
{
    const ap_directive_t *parent = cmd->directive->parent;
    int i;

    /* only .htaccess files are read with a request's pool for both */
    if (cmd->pool == cmd->temp_pool) {
        return GW_IN_HTACCESS;
    }
    if (parent == NULL) {
        return GW_IN_SERVER;
    }
    for (i = 0; sections[i].section != NULL; ++i) {
        if (strcasecmp(parent->directive, sections[i].section) == 0) {
            if (sections[i].place == GW_IN_LOCATION && parent->args
                && parent->args[strspn(parent->args, " \t\"")] == '~') {
                return GW_IN_LOCATION_REGEX;
            }
            return sections[i].place;
        }
    }
    return GW_IN_OTHER;
}

const char *gw_where_check(const cmd_parms *cmd, int allowed,
                           const char *belongs)
{
    int place = gw_where_in(cmd);

    if (place & allowed) {
        return NULL;
    }
    if (place == GW_IN_HTACCESS) {
        return apr_psprintf(cmd->pool, "%s is not allowed in .htaccess "
                            "files: put it %s", cmd->cmd->name, belongs);
    }
    if (place == GW_IN_SERVER) {
        return apr_psprintf(cmd->pool, "%s is not allowed outside of a "
                            "section: put it %s", cmd->cmd->name, belongs);
    }
    return apr_psprintf(cmd->pool, "%s is not allowed in %s>: put it %s",
                        cmd->cmd->name, cmd->directive->parent->directive,
                        belongs);
}
