#include "gw_retry.h"

/* Nothing of the request can have been executed: connect and TLS failures,
 * and a slot that did not come free. */
static int before_request(gw_fail fail)
{
    switch (fail) {
    case GW_FAIL_RESOLVE:
    case GW_FAIL_REFUSED:
    case GW_FAIL_CONNECT_TIMEOUT:
    case GW_FAIL_TLS:
    case GW_FAIL_CERT:
    case GW_FAIL_TLS_TIMEOUT:
    case GW_FAIL_BUSY:
        return 1;
    default:
        return 0;
    }
}

static int may_repeat(const gw_retry_facts *f)
{
    return f->body_in_hand && (!f->sent || f->idempotent);
}

static int may_move(const gw_retry_facts *f)
{
    return f->others && f->moves < f->moves_max;
}

gw_retry_verdict gw_retry_decide(const gw_retry_facts *f)
{
    if (f->answered) {
        return GW_RETRY_NO;
    }
    if (before_request(f->fail)) {
        return may_move(f) ? GW_RETRY_OTHER : GW_RETRY_NO;
    }
    if (f->fail == GW_FAIL_RESET) {
        if (!may_repeat(f)) {
            return GW_RETRY_NO;
        }
        if (f->reused && !f->replays) {
            return GW_RETRY_SAME;
        }
        return may_move(f) ? GW_RETRY_OTHER : GW_RETRY_NO;
    }
    if (f->fail == GW_FAIL_TIMEOUT && may_repeat(f) && may_move(f)) {
        return GW_RETRY_OTHER;
    }
    return GW_RETRY_NO;
}
