#include "gw_pick.h"

static apr_status_t single_pick(gw_picker *picker, gw_choice *choice,
                                gw_time *pdeadline, const char **pwhy)
{
    *choice = ((gw_pick_single *)picker)->choice;
    return APR_SUCCESS;
}

static void single_report(gw_picker *picker, const gw_choice *choice,
                          const gw_attempt_report *report)
{
}

static const gw_picker_ops single_ops = {
    single_pick,
    NULL,
    NULL,
    NULL,
    single_report
};

void gw_pick_single_init(gw_pick_single *single, gw_origin *origin,
                         const gw_conn_opts *opts)
{
    single->base.ops = &single_ops;
    single->base.attempts_max = 0;
    single->base.move_on = 0;
    single->base.queues = 0;
    single->choice.origin = origin;
    single->choice.opts = opts;
    single->choice.host = NULL;
    single->choice.prefix = "";
}
