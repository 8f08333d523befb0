#include "gw_edit.h"

#include <string.h>

typedef struct {
    gw_str old;
    gw_str with;
} edit;

void gw_edit_init(gw_edits *edits, apr_pool_t *pool, const char *text)
{
    edits->pool = pool;
    edits->text = text;
    edits->list = NULL;
}

void gw_edit_add(gw_edits *edits, gw_str old, const char *with)
{
    edit *e;

    if (!edits->list) {
        edits->list = apr_array_make(edits->pool, 4, sizeof(edit));
    }
    e = apr_array_push(edits->list);
    e->old = old;
    e->with = gw_str_of(with);
}

/* The length of the text with all edits made. */
static apr_size_t edited_len(const gw_edits *edits)
{
    apr_size_t len = strlen(edits->text);
    int i;

    for (i = 0; i < edits->list->nelts; i++) {
        const edit *e = &APR_ARRAY_IDX(edits->list, i, edit);

        len = len - e->old.len + e->with.len;
    }
    return len;
}

static char *put(char *out, const char *from, apr_size_t len)
{
    memcpy(out, from, len);
    return out + len;
}

char *gw_edit_apply(const gw_edits *edits)
{
    const char *from = edits->text;
    char *result, *out;
    int i;

    if (!edits->list) {
        return NULL;
    }
    result = apr_palloc(edits->pool, edited_len(edits) + 1);
    out = result;
    for (i = 0; i < edits->list->nelts; i++) {
        const edit *e = &APR_ARRAY_IDX(edits->list, i, edit);

        out = put(out, from, (apr_size_t)(e->old.p - from));
        out = put(out, e->with.p, e->with.len);
        from = e->old.p + e->old.len;
    }
    put(out, from, strlen(from) + 1);
    return result;
}
