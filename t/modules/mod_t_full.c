/**
 * mod_t_full: says of its child that it accepts no more, as the MPM does when
 * it is full, and for an instant when it begins to end.
 *
 *     SetHandler t-full
 *     /path?on&off&times      for on milliseconds, then not for off, so often
 */
#include <stdio.h>

#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <scoreboard.h>

#define MOST_MS 5000
#define MOST_TIMES 100

static process_score *own_child(void)
{
    int i;

    for (i = 0; i < MOST_TIMES; i++) {
        process_score *ps = ap_get_scoreboard_process(i);

        if (ps && ps->pid == getpid()) {
            return ps;
        }
    }
    return NULL;
}

static int handler(request_rec *r)
{
    process_score *ps = own_child();
    int on, off, times;

    if (!r->handler || strcmp(r->handler, "t-full")) {
        return DECLINED;
    }
    if (!ps || !r->args || sscanf(r->args, "%d&%d&%d", &on, &off, &times) != 3
        || on < 1 || on > MOST_MS || off < 1 || off > MOST_MS || times < 1
        || times > MOST_TIMES) {
        return HTTP_BAD_REQUEST;
    }
    while (times--) {
        ps->not_accepting = 1;
        apr_sleep((apr_interval_time_t)on * 1000);
        ps->not_accepting = 0;
        apr_sleep((apr_interval_time_t)off * 1000);
    }
    ap_rputs("done", r);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA __attribute__((visibility("default")))
    t_full_module;

AP_DECLARE_MODULE(t_full) = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    register_hooks
};
