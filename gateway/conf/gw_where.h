/**
 * gw_where: where in the configuration a directive stands.
 *
 * Pure functions over httpd's configuration tree, called while it is read;
 * results live in the command's pool.
 */
#ifndef GW_WHERE_H
#define GW_WHERE_H

#include <httpd.h>
#include <http_config.h>

/** Kinds of places; a set of them is what a directive allows. */
enum {
    GW_IN_SERVER = 1,           /* the main server or a <VirtualHost> */
    GW_IN_LOCATION = 2,
    GW_IN_LOCATION_REGEX = 4,   /* <LocationMatch>, <Location ~ ...> */
    GW_IN_GATEWAY = 8,
    GW_IN_CONDITION = 16,       /* <If>, <ElseIf>, <Else> */
    GW_IN_FILES = 32,           /* <Directory>, <Files> and their Match */
    GW_IN_LIMIT = 64,
    GW_IN_HTACCESS = 128,
    GW_IN_OTHER = 256
};

/** "file:line" of the directive. */
const char *gw_where(const cmd_parms *cmd);

/** The place of a directive, GW_IN_*: its innermost section counts. */
int gw_where_in(const cmd_parms *cmd);

/**
 * May it stand here?
 * @param allowed  GW_IN_* or'ed
 * @param belongs  where it belongs, to complete "put it ..."
 * @return NULL, or one sentence
 */
const char *gw_where_check(const cmd_parms *cmd, int allowed,
                           const char *belongs);

#endif
