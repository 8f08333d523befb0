#include "gw_retry.h"

#include "gw_pick.h"

static int may_repeat(const gw_retry_facts *f)
{
    return f->body_in_hand && (!f->sent || f->idempotent);
}

/* Which GW_MOVE_* a failure asks for; 0: it never allows a move. */
static unsigned move_class(gw_fail fail)
{
    switch (fail) {
    case GW_FAIL_TLS:
    case GW_FAIL_CERT:
    case GW_FAIL_TLS_TIMEOUT:
        return GW_MOVE_TLS;
    case GW_FAIL_RESET:
        return GW_MOVE_RESET;
    case GW_FAIL_TIMEOUT:
        return GW_MOVE_TIMEOUT;
    case GW_FAIL_STATUS:
        return GW_MOVE_STATUS;
    default:
        return gw_fail_before_request(fail) ? GW_MOVE_CONNECT : 0;
    }
}

static int may_move(const gw_retry_facts *f)
{
    return f->others && f->moves < f->moves_max
           && (f->move_on & move_class(f->fail))
           && (gw_fail_before_request(f->fail) ? f->body_in_hand
               : may_repeat(f));
}

gw_retry_verdict gw_retry_decide(const gw_retry_facts *f)
{
    if (f->passed_on || (f->answered && f->fail != GW_FAIL_STATUS)) {
        return GW_RETRY_NO;
    }
    if (f->fail == GW_FAIL_RESET && f->reused && !f->replays
        && may_repeat(f)) {
        return GW_RETRY_SAME;
    }
    return may_move(f) ? GW_RETRY_OTHER : GW_RETRY_NO;
}
