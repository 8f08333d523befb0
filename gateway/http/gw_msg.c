#include "gw_msg.h"

#include <string.h>

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
