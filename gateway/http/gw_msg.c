#include "gw_msg.h"

#include <string.h>
#include "gw_str.h"

int gw_msg_is_interim(const gw_res_head *head)
{
    return head->status < 200;
}

int gw_msg_is_idempotent(const char *method)
{
    static const char *const names[] = {
        "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"
    };
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcmp(method, names[i])) {
            return 1;
        }
    }
    return 0;
}

/* A scheme begins an element of the list; what follows a space or stands in
 * further elements are its parameters. */
static int is_binding_scheme(gw_str element)
{
    const char *space = memchr(element.p, ' ', element.len);
    gw_str scheme = element;

    if (space) {
        scheme.len = (apr_size_t)(space - element.p);
    }
    return gw_str_is(scheme, "ntlm") || gw_str_is(scheme, "negotiate");
}

/* For apr_table_do(), which goes on as long as it is 1. */
static int has_no_binding_scheme(void *rec, const char *name,
                                 const char *value)
{
    gw_str rest = gw_str_of(value);
    gw_str element;

    while (gw_str_next_element(&rest, &element)) {
        if (is_binding_scheme(element)) {
            return 0;
        }
    }
    return 1;
}

int gw_msg_binds_connection(const apr_table_t *headers)
{
    return headers && !apr_table_do(has_no_binding_scheme, NULL, headers,
                                    "Authorization", "WWW-Authenticate",
                                    NULL);
}
