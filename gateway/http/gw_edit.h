/**
 * gw_edit: replacements in a field value, collected while it is parsed and
 * made in one go at its end.
 *
 * Cost and memory grow with the value and what is put in, whatever the number
 * of replacements. Owned by the function that parses; one thread; the texts
 * are borrowed until gw_edit_apply().
 */
#ifndef GW_EDIT_H
#define GW_EDIT_H

#include <apr_tables.h>
#include "gw_str.h"

typedef struct gw_edits gw_edits;
struct gw_edits {
    apr_pool_t *pool;
    const char *text;               /* the value as it came */
    apr_array_header_t *list;       /* NULL until the first edit */
};

/** Start without edits; text is the value as it came. */
void gw_edit_init(gw_edits *edits, apr_pool_t *pool, const char *text);

/**
 * Put with in the place of old, a slice of the text that begins behind all
 * slices given before.
 */
void gw_edit_add(gw_edits *edits, gw_str old, const char *with);

/** The text with all edits made, or NULL when there were none. */
char *gw_edit_apply(const gw_edits *edits);

#endif
